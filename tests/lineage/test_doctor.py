"""Every way in which store, index, arrays and crates can disagree, and what is said to be done."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder, LineageIndex
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.store_writer import StoreWriter
from filiation.lineage.doctor import examine
from tests.lineage.crates import nuclei_run, run_id, run_iri


@pytest.fixture
def there(catalogue: Catalogue, folder: Path) -> CatalogueFolder:
    """Return a catalogue of two runs, with arrays."""
    for number in (1, 2):
        nuclei_run(folder, number).write(catalogue.folder.crates)
    catalogue.catch_up()
    with catalogue.reading() as index:
        assert write_arrays(index)
    return catalogue.folder


def test_a_sound_catalogue_is_told_to_be(there: CatalogueFolder) -> None:
    diagnosis = examine(there)
    assert (diagnosis.crates, diagnosis.findings, diagnosis.is_sound) == (2, (), True)
    assert diagnosis.text() == "Compared 2 crates: store and index agree with them.\n"
    assert json.loads(json.dumps(diagnosis.to_json())) == {"crates": 2, "sound": True, "findings": []}


def _execute(statement: str) -> Callable[[CatalogueFolder], None]:
    def change(folder: CatalogueFolder) -> None:
        connection = sqlite3.connect(folder.index)
        with connection:
            connection.execute(statement)
        connection.close()

    return change


def _lose_graph(folder: CatalogueFolder) -> None:
    with StoreWriter(folder.store) as store:
        store.remove(run_iri(run_id(1)))


def _thin_graph(folder: CatalogueFolder) -> None:
    """Leave the seal in place and take the edges."""
    crate = run_iri(run_id(1))
    with LineageIndex(folder.index) as index, StoreWriter(folder.store) as store:
        digest = index.metadata_digest(crate)
        assert digest is not None
        from filiation.model import Digest

        seal = (crate, "https://w3id.org/ro/terms/filiation#metadata", Digest.from_text(digest).iri)
        store.replace(crate, [seal])


def _change_crate(folder: CatalogueFolder) -> None:
    metadata = folder.crates / run_id(1) / "ro-crate-metadata.json"
    metadata.write_text(metadata.read_text() + "\n")


def _spoil_arrays(folder: CatalogueFolder) -> None:
    content = bytearray(folder.arrays.read_bytes())
    content[200] ^= 1
    folder.arrays.unlink()
    folder.arrays.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "kinds"),
    [
        (_lose_graph, ["store-differs"]),
        (_thin_graph, ["edges-differ", "edges-differ"]),
        (_change_crate, ["crate-changed"]),
        (lambda folder: shutil.rmtree(folder.crates / run_id(1)), ["crate-gone"]),
        (lambda folder: shutil.copytree(folder.crates / run_id(1), folder.crates / run_id(3)), ["crate-unknown"]),
        (lambda folder: (folder.crates / ".leaving-x").mkdir(), ["left-over"]),
        (lambda folder: folder.index.unlink(), ["index-unreadable"]),
        (lambda folder: folder.index.write_bytes(b"no database"), ["index-unreadable"]),
        (_execute("UPDATE crate SET joined = 0"), ["joins-unfinished"]),
        (_execute("UPDATE flow SET edges = x''"), ["arrays-differ", "index-differs", "index-differs"]),
        (_spoil_arrays, ["arrays-differ"]),
        (lambda folder: folder.arrays.write_bytes(b"short"), ["arrays-unreadable"]),
        (_execute("UPDATE state SET made = 'another'"), ["arrays-stale"]),
    ],
)
def test_what_does_not_agree_is_told_with_what_to_do(
    there: CatalogueFolder, damage: Callable[[CatalogueFolder], object], kinds: list[str]
) -> None:
    damage(there)
    diagnosis = examine(there)
    assert sorted(finding.kind for finding in diagnosis.findings) == kinds
    assert diagnosis.is_sound == (kinds == ["arrays-stale"])
    assert all(finding.advice for finding in diagnosis.findings)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [_thin_graph, _spoil_arrays])
def test_a_rebuild_mends_everything(there: CatalogueFolder, damage: Callable[[CatalogueFolder], object]) -> None:
    damage(there)
    Catalogue(there).rebuild()
    assert examine(there).findings == ()
