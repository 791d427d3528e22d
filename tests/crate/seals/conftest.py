"""A crate with a store inside and one elsewhere, and keys of two people."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from filiation.crate import METADATA
from filiation.crate.seals import Signer
from filiation.digest import digest_file, digest_tree
from tests.lineage.crates import CrateBuilder

ADA, BOB = "ada@example.org", "bob@example.org"


@dataclass(frozen=True)
class Keys:
    """Keys of two people, and a list of signers that knows the first."""

    ada: Path
    bob: Path
    signers: Path

    def line(self, who: str, options: str = "") -> str:
        key = {ADA: self.ada, BOB: self.bob}[who].with_suffix(".pub").read_text()
        return " ".join(part for part in (who, options, key) if part)


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("keys")
    for name in ("ada", "bob"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", home / name], check=True)
    return home


@pytest.fixture
def keys(made_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    for variable in ("FILIATION_SIGNING_KEY", "FILIATION_SIGNERS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    home = tmp_path / "keys"
    shutil.copytree(made_keys, home)
    found = Keys(home / "ada", home / "bob", home / "allowed_signers")
    found.signers.write_text(found.line(ADA))
    return found


@pytest.fixture
def ada(keys: Keys) -> Signer:
    return Signer("Ada Lovelace", "https://orcid.org/0000-0002-1825-0097", keys.ada)


@pytest.fixture
def bob(keys: Keys) -> Signer:
    return Signer("Bob", None, keys.bob)


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Write a crate that holds a file and a store, and names another in ``tmp_path / "run"``."""
    run = tmp_path / "run"
    built = CrateBuilder(run)
    built.job("segment", (), {"results/labels.ome.zarr": {"zarr.json": "{}", "c/0": "chunk", "c/1": "other"}})
    folder = built.write(tmp_path / "crate")
    store = folder / "work" / "copy.zarr"
    shutil.copytree(run / "results" / "labels.ome.zarr", store)
    (folder / "work" / "Snakefile").write_text("rule segment:\n")
    document = json.loads((folder / METADATA).read_text())
    document["@graph"] += [
        {"@id": "work/copy.zarr/", "@type": "Dataset", "treeDigest": digest_tree(store).digest.hex},
        {"@id": "work/Snakefile", "@type": "File", "sha256": digest_file(folder / "work" / "Snakefile").hex},
    ]
    (folder / METADATA).write_text(json.dumps(document))
    return folder
