"""`filiation seal` and `filiation verify`, as an author and an auditor type them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lineage.crates import CrateBuilder


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    for variable in ("FILIATION_SIGNING_KEY", "FILIATION_SIGNERS"):
        monkeypatch.delenv(variable, raising=False)
    made = home / ".ssh" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", made], check=True)
    return made


def test_a_run_is_sealed_by_its_id_and_anybody_verifies_the_folder_or_an_archive_of_it(call, here, key):
    built = CrateBuilder(here)
    built.job("segment", (), {"results/labels.txt": "labels"})
    call("ingest", built.write(here / "written"))
    settings = here / ".filiation" / "filiation.toml"
    settings.write_text('[agent]\nname = "Ada Lovelace"\norcid = "0000-0002-1825-0097"\n')
    sealed = call("seal", built.id[:8])
    assert sealed.exit_code == 0, sealed.output
    assert "Signed by Ada Lovelace as 'made'." in sealed.stdout
    assert sealed.stderr == ""
    crate = here / ".filiation" / "crates" / built.id
    asked = call("verify", built.id[:8])
    assert asked.exit_code == 16
    assert "Name a list of those who may sign" in asked.stdout

    signers = here / "home" / "config" / "filiation" / "allowed_signers"
    signers.parent.mkdir(parents=True)
    signers.write_text("ada@example.org " + key.with_suffix(".pub").read_text())
    archive = Path(shutil.make_archive(str(here / "sent"), "zip", crate))
    shutil.rmtree(here / ".filiation")
    shutil.copy(archive, here / "sent.eln")
    for named in (archive, here / "sent.eln"):
        told = call("verify", named, "--require", "ada@example.org", "--json")
        assert told.exit_code == 0, told.output
        found = json.loads(told.stdout)
        assert found["outcome"] == "holds"
        assert found["seals"][0]["signer"] == "ada@example.org"
        assert found["seals"][0]["statement"]["orcid"] == "https://orcid.org/0000-0002-1825-0097"
    shutil.unpack_archive(here / "sent.eln", here / "received", "zip")
    compared = call("verify", "received", "--data", here)
    assert compared.exit_code == 0
    assert "are as recorded, 0 are not in the folder." in compared.stdout
    (here / "results/labels.txt").write_text("Labels")
    compared = call("verify", "received", "--data", here)
    assert compared.exit_code == 5
    assert "changed    results/labels.txt" in compared.stdout
    (here / "received" / "new.txt").write_text("")
    changed = call("verify", "received")
    assert changed.exit_code == 5
    assert "unexpected new.txt" in changed.stdout


def test_without_a_key_a_name_or_a_seal_it_is_said_what_to_do(call, here, run, key, monkeypatch):
    assert call("verify", run).exit_code == 14
    named = call("seal", run, "--unsigned", "--meaning", "kept")
    assert named.exit_code == 0
    assert "Your name is not stated in filiation.toml" in named.stderr
    assert "Stated, not signed," in named.stdout
    unsigned = call("verify", run, "--any-signer")
    assert unsigned.exit_code == 14
    assert "signed by  nobody" in unsigned.stdout
    key.unlink()
    without = call("seal", run)
    assert without.exit_code == 3
    assert "ssh-keygen -t ed25519" in without.stderr
    assert call("seal", run, "--key", here / "no").exit_code == 3
    assert call("seal", run, "--unsigned", "--attest").exit_code == 2
    assert call("verify", run, "--require", "x", "--any-signer").exit_code == 2
    assert call("verify", run, "--signers", here / "no").exit_code == 3
    assert "'ffff' is no folder, and no run" in call("seal", "ffff").stderr
    (here / "file").write_text("")
    assert call("seal", "file").exit_code == 2
    assert call("verify", "file").exit_code == 4
    monkeypatch.setenv("PATH", "")
    assert call("seal", run, "--key", here / "file").exit_code == 7


def test_no_terminal_is_steered_by_what_a_crate_or_a_signer_is_called(call, here, run, key):
    refused = call("seal", run, "--unsigned", "--meaning", "made\x1b]0;owned\x07")
    assert refused.exit_code == 2
    assert "\x1b" not in refused.output
    call("seal", run, "--unsigned")
    statement = next((here / ".filiation/crates" / run).glob("seal/1/statement.json"))
    statement.write_text(statement.read_text().replace('"number": 1', '"number": 1, "\\u001b[31m": 1'))
    told = call("verify", run)
    assert "\x1b" not in told.output
    assert "\x07" not in told.output
