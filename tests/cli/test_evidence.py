"""`filiation evidence`, as an auditor or an author types it."""

from __future__ import annotations

import json
import subprocess
import zipfile

from tests.lineage.crates import CrateBuilder


def test_a_bundle_is_a_folder_or_an_archive_that_is_sealed_and_verified(call, here):
    built = CrateBuilder(here)
    built.job("segment", (), {"results/labels.txt": "labels"})
    call("ingest", built.write(here / "written"))
    made = call("evidence", "results/labels.txt", "--to", "bundle")
    assert made.exit_code == 0, made.output
    assert "1 crate (none of them sealed) in bundle." in made.stdout
    assert "The bundle is not sealed" in made.stderr
    assert (here / "bundle" / "index.html").is_file()

    key = here / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (here / "signers").write_text("ada@example.org " + key.with_suffix(".pub").read_text())
    arguments = (
        "evidence",
        "results/labels.txt",
        "--to",
        "sent/bundle.zip",
        "--with-data",
        "--seal",
        "--key",
        key,
        "--json",
    )
    made = call(*arguments)
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["data"] == "data/labels.txt"
    assert {name.partition("/")[0] for name in zipfile.ZipFile(here / "sent/bundle.zip").namelist()} == {"bundle"}
    assert [path.name for path in (here / "sent").iterdir()] == ["bundle.zip"]
    assert call("verify", "sent/bundle.zip", "--signers", "signers").exit_code == 0
    assert call("verify", "bundle", "--signers", "signers").exit_code == 14

    call("seal", built.id, "--key", key)
    call("evidence", "results/labels.txt", "--to", "both", "--seal", "--key", key)
    within = f"crates/{built.id}"
    told = json.loads(call("verify", "both", "--signers", "signers", "--json").stdout)
    assert (told["outcome"], told["within"][within]["outcome"]) == ("holds", "holds")
    (here / "both" / within / "seal/1/statement.json.sig").unlink()
    told = call("verify", "both", "--signers", "signers")
    assert told.exit_code == 5
    assert f"{within}: UNSIGNED." in told.stdout

    assert call("evidence", "results/labels.txt", "--to", "bundle").exit_code == 2
    assert call("evidence", "results/labels.txt", "--to", "other", "--key", key).exit_code == 2
    assert call("evidence", "nothing", "--to", "other").exit_code == 3
    assert call("evidence", "results/labels.txt", "--to", "other", "--seal", "--key", "no").exit_code == 3
    assert not (here / "other").exists()
    assert not [path for path in here.iterdir() if path.name.startswith((".other", ".bundle"))]
