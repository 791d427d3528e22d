"""`filiation log`, as an administrator and an auditor type it."""

from __future__ import annotations

import json
import subprocess


def test_what_was_done_is_listed_signed_and_verified(call, here, run):
    listed = call("log")
    assert listed.exit_code == 0
    assert "  taken in  " in listed.stdout
    assert json.loads(call("log", "--json", "--last", "0").stdout)[-1]["event"] == "log begun"
    key = here / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (here / "signers").write_text("ada@example.org " + key.with_suffix(".pub").read_text())
    assert "No head was signed" in call("log", "--verify").stdout
    signed = call("log", "--sign", "--key", key)
    assert signed.exit_code == 0, signed.output
    told = json.loads(call("log", "--verify", "--signers", here / "signers", "--json").stdout)
    assert (told["whole"], told["heads"][0]["signer"], told["faults"]) == (True, "ada@example.org", [])
    assert call("log", "--verify", "--sign").exit_code == 2

    place = next((here / ".filiation" / "log").glob("*.jsonl"))
    place.write_bytes(b"".join(place.read_bytes().splitlines(keepends=True)[:-1]))
    cut = call("log", "--verify")
    assert cut.exit_code == 5
    assert "FAULT" in cut.stdout
    assert "NOT WHOLE" in cut.stdout
