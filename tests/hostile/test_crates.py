"""Crates made to be harmful: refused with one message and an exit status, with nothing written anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import Result

from filiation.catalogue import CatalogueFolder
from filiation.crate.zipping import zip_folder
from filiation.errors import BadInputError, InvalidCrateError
from filiation.incoming.archives import CrateArchive
from tests.hostile.conftest import everything
from tests.incoming.test_archives import GOOD, archive, metadata
from tests.lineage.crates import CrateBuilder

Call = Callable[..., Result]
SECRET = "what the folder beside the crate holds"
WAYS_OUT = (
    "../secret.txt",
    "a/../../secret.txt",
    "%2e%2e/secret.txt",
    "%252e%252e/secret.txt",
    "..%2fsecret.txt",
    "..\\secret.txt",
    "..%5csecret.txt",
    "//example.org/share",
    "file:///tmp/../etc/hostname",
    "/tmp/../etc/hostname",
    "C:/secret.txt",
    "a\x00.txt",
)
ELSEWHERE = ("/etc/hostname", "file:///etc/hostname", "FILE:/etc/hostname")
"""What other engines write for a thing that is not in the crate; names, and nobody opens them."""


def crate_that_names(identifier: str, here: Path, minimal: ModuleType) -> str:
    """Write a crate with such an entity as a folder and as an archive, beside a catalogue; return its metadata."""
    document = minimal.minimal_metadata()
    document["@graph"].append({"@id": identifier, "@type": "File", "name": "named"})
    minimal.entity(document, "./")["hasPart"] = [{"@id": identifier}]
    minimal.write_crate(here / "lab" / "crate", document)
    archive(here / "crate.zip", ("ro-crate-metadata.json", text := json.dumps(document)))
    CatalogueFolder.create(here / ".filiation")
    return text


def outside(here: Path) -> dict[str, object]:
    return {name: found for name, found in everything(here).items() if not name.startswith(".filiation")}


@pytest.mark.parametrize("identifier", WAYS_OUT)
def test_an_entity_that_leads_out_of_its_crate_is_refused_by_every_door(
    identifier: str, here: Path, call: Call, minimal: ModuleType
) -> None:
    (here / "secret.txt").write_text(SECRET)
    crate_that_names(identifier, here, minimal)
    before = outside(here)
    for command in (["ingest", "lab/crate"], ["ingest", "crate.zip"], ["validate", "lab/crate"]):
        done = call(*command)
        assert done.exit_code == 4, (command, done.output)
        assert SECRET not in done.output
        assert "Traceback" not in done.output
    assert outside(here) == before
    assert list((here / ".filiation" / "crates").iterdir()) == []


@pytest.mark.parametrize("identifier", ELSEWHERE)
def test_an_address_on_the_machine_of_the_reader_is_a_name_and_is_never_opened(
    identifier: str, here: Path, call: Call, minimal: ModuleType
) -> None:
    crate_that_names(identifier, here, minimal)
    content = Path("/etc/hostname").read_bytes()
    assert call("validate", "lab/crate").exit_code == 4, "no tool of others is given such a crate"
    done = call("ingest", "lab/crate", "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    shown = call("show", found["run"], "--json")
    assert shown.exit_code == 0
    taken = [path.read_bytes() for path in (here / ".filiation" / "crates").rglob("*") if path.is_file()]
    assert not [held for held in taken if held == content]


def test_a_crate_keeps_its_links_as_links_and_no_archive_is_made_through_them(here: Path, call: Call) -> None:
    (here / "secret.txt").write_text(SECRET)
    (here / "private").mkdir()
    (here / "private" / "key").write_text(SECRET)
    built = CrateBuilder(here / "work")
    built.job("segment", (), {"labels.tif": "x"})
    crate = built.write(here / "coming")
    (crate / "file.txt").symlink_to(here / "secret.txt")
    (crate / "folder").symlink_to(here / "private")
    (crate / "round").symlink_to(crate)
    assert call("ingest", crate).exit_code == 0
    taken = here / ".filiation" / "crates" / built.id
    assert (taken / "file.txt").is_symlink()
    assert (taken / "folder").is_symlink()

    refused = call("evidence", "labels.tif", "--to", "bundle.zip")
    assert refused.exit_code == 2, refused.output
    assert "is a link to" in refused.stderr
    assert not list(here.glob("*bundle*")) + list(here.glob(".bundle*"))
    assert call("evidence", "labels.tif", "--to", "bundle").exit_code == 0
    bundled = here / "bundle" / "crates" / built.id
    assert (bundled / "folder").is_symlink()
    held = [path.read_text() for path in bundled.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [text for text in held if SECRET in text]


def test_no_result_is_published_with_what_a_link_in_it_leads_to(here: Path, call: Call) -> None:
    (here / "secret.txt").write_text(SECRET)
    store = here / "work" / "labels.ome.zarr"
    store.mkdir(parents=True)
    (store / "zarr.json").write_text("{}")
    (store / "0").symlink_to(here / "secret.txt")
    built = CrateBuilder(here / "work")
    built.job("segment", (), {"labels.ome.zarr": None}, kinds={"labels.ome.zarr": "label image"})
    assert call("ingest", built.write(here / "coming")).exit_code == 0
    refused = call("export", "work/labels.ome.zarr", "--to", "public.zip", "--license", "CC0-1.0")
    assert refused.exit_code == 2, refused.output
    assert "is a link to" in refused.stderr
    assert not list(here.glob("*public*"))
    call("export", "work/labels.ome.zarr", "--to", "public", "--license", "CC0-1.0")
    held = [path.read_bytes() for path in here.glob("public/**/*") if path.is_file() and not path.is_symlink()]
    assert not [content for content in held if SECRET.encode() in content]


def test_an_archive_holds_what_is_in_a_folder_whatever_its_times(tmp_path: Path) -> None:
    folder = tmp_path / "crate"
    (folder / "empty").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    os.utime(folder / "a.txt", (0, 0))
    zip_folder(folder, tmp_path / "made.zip", top="crate")
    with zipfile.ZipFile(tmp_path / "made.zip") as file:
        assert {name: file.read(name) for name in file.namelist()} == {"crate/a.txt": b"a", "crate/empty/": b""}
    os.mkfifo(folder / "waits")
    with pytest.raises(BadInputError, match="'waits' is neither file nor folder"):
        zip_folder(folder, tmp_path / "other.zip")
    assert not (tmp_path / "other.zip").exists()


def test_a_nul_in_a_name_and_an_archive_in_an_archive_do_no_harm(here: Path, call: Call) -> None:
    made = archive(here / "long.zip", GOOD, ("x_txt", "x"))
    made.write_bytes(made.read_bytes().replace(b"x_txt", b"x\0txt"))
    refused = call("ingest", made)
    assert refused.exit_code == 4
    assert "holds a backslash or a control character" in refused.stderr

    inner = here / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(8 << 20))
    nested = archive(here / "nested.zip", GOOD)
    with zipfile.ZipFile(nested, "a") as file:
        file.write(inner, "inner.zip")
    (report,) = json.loads(call("ingest", nested, "--json").stdout)
    kept = here / ".filiation" / "crates" / report["run"] / "inner.zip"
    assert kept.read_bytes() == inner.read_bytes(), "an archive in a crate is a file, and stays packed"


def test_ten_million_names_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    count, size = 10_000_000, 46 * 10_000_000 + 460
    with path.open("wb") as file:  # a directory that says so, of zeros that take no room
        file.truncate(size)
        file.seek(size)
        wide = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes(12) + count.to_bytes(8, "little") * 2
        file.write(wide + size.to_bytes(8, "little") + bytes(8))
        file.write(b"PK\x06\x07" + bytes(4) + size.to_bytes(8, "little") + (1).to_bytes(4, "little"))
        file.write(b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + b"\xff\xff\xff\xff" * 2 + bytes(2))
    with pytest.raises(InvalidCrateError, match="Its directory has 460000460 bytes"), CrateArchive.opened(path):
        pass


REMOTE_CONTEXTS = {
    "remote": "http://127.0.0.1:9/context.jsonld",
    "remote in a list": ["https://w3id.org/ro/crate/1.1/context", "http://127.0.0.1:9/context.jsonld"],
    "a file": "file:///etc/hostname",
    "imported": {"@import": "http://127.0.0.1:9/context.jsonld"},
    "within a term": {"x": {"@id": "urn:x", "@context": "http://127.0.0.1:9/context.jsonld"}},
    "nearly ours": "https://w3id.org/ro/crate/1.1/context#",
}


@pytest.mark.parametrize("kind", REMOTE_CONTEXTS)
def test_no_context_is_fetched_or_opened(kind: str, here: Path, call: Call, no_connection: list[object]) -> None:
    (here / "crate").mkdir()
    (here / "crate" / "ro-crate-metadata.json").write_text(metadata(context=REMOTE_CONTEXTS[kind]))
    for command in (["ingest"], ["validate"]):
        done = call(*command, "crate")
        assert done.exit_code == 4, (command, done.output)
        assert "localhost" not in done.output


NOTHING_BUT_ITSELF = """
import json, sys
from click.testing import CliRunner
from filiation.cli import main
for command in json.load(sys.stdin):
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, (command, done.output)
"""


def can_be_without_network() -> bool:
    return subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], check=False).returncode == 0


@pytest.mark.slow
def test_the_way_of_a_crate_needs_no_network_at_all(here: Path) -> None:
    if not can_be_without_network():
        pytest.skip("this machine lets nobody have a network of their own (unshare --user --net)")
    built = CrateBuilder(here / "work")
    built.job("segment", (), {"labels.tif": "x"})
    crate = built.write(here / "coming")
    commands = [
        ["ingest", str(crate)],
        ["trace", "labels.tif"],
        ["ask", "cq5"],
        ["sparql", "SELECT * WHERE { ?s ?p ?o } LIMIT 1"],
        ["evidence", "labels.tif", "--to", "bundle.zip"],
    ]
    without = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", NOTHING_BUT_ITSELF]
    done = subprocess.run(without, input=json.dumps(commands), capture_output=True, text=True, check=False, cwd=here)
    assert done.returncode == 0, done.stderr
