"""Crates of every manner, changed at random: read or refused, never a traceback, never an edge that nothing justifies.

A few hundred in every run of the suite; ten thousand by ``make torture``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from filiation.catalogue import Catalogue, CatalogueFolder, identify
from filiation.catalogue.derive import Derived, derive
from filiation.catalogue.explaining import explain
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.reading import read_triples
from filiation.errors import FiliationError
from filiation.incoming import take_in
from tests.incoming.manners import MANNERS
from tests.incoming.mutations import documents
from tests.incoming.plain_reading import PlainReading, shown

SAMPLE = 200
DOCUMENTS = int(os.environ.get("FILIATION_FUZZED_CRATES", SAMPLE))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def unjustified(document: dict[str, Any], derived: Derived) -> list[tuple[str, str, str]]:
    """Return the edges derived from a crate that a plain reading of it does not find."""
    reading, base = PlainReading(document), derived.run.iri
    edges = (
        (shown(edge.src.removeprefix(base)), shown(edge.dst.removeprefix(base)), edge.role) for edge in derived.edges
    )
    return [edge for edge in edges if not reading.justifies(*edge)]


@pytest.mark.parametrize("engine", MANNERS)
def test_the_plain_reading_justifies_what_is_derived_of_each_manner(engine: str, tmp_path: Path) -> None:
    manner = MANNERS[engine]
    found = identify(manner.write(tmp_path / "crate"))
    assert unjustified(manner.document(), derive(read_triples(found), found.iri)) == []


def test_the_plain_reading_does_not_justify_what_is_not_there(tmp_path: Path) -> None:
    reading = PlainReading(MANNERS["runcrate: CWL"].document())
    assert reading.justifies("in.txt", "#a1", "used")
    assert not reading.justifies("out.txt", "#a1", "used")
    assert not reading.justifies("#a1", "out.txt", "generated")
    assert not reading.justifies("#flag", "#a2", "used")
    assert not reading.justifies("in.txt", "mid.txt", "part")


class Fuzz:
    """What became of documents that were played one after another against one empty catalogue."""

    def __init__(self, root: Path) -> None:
        self.crate = root / "crate"
        self.catalogue = Catalogue(CatalogueFolder.create(root / ".filiation"))
        self.taken = self.refused = self.edges = 0
        self.wrong: list[tuple[object, dict[str, Any]]] = []

    def play(self, document: dict[str, Any]) -> None:
        shutil.rmtree(self.crate, ignore_errors=True)
        self.crate.mkdir()
        metadata = self.crate / "ro-crate-metadata.json"
        metadata.write_text(json.dumps(document))
        try:
            found = identify(self.crate)
            derived = derive(read_triples(found), found.iri)
        except FiliationError:
            self.refused += 1
            self._is_refused_without_a_trace(document, metadata)
            return
        self.taken += 1
        self.edges += len(derived.edges)
        if edges := unjustified(document, derived):
            self.wrong.append((edges, document))
        if self.taken % 10:
            return
        explain(self.crate)
        with LineageIndex(None, create=True) as index:
            index.replace(derived, folder="x", stamp="", digest=str(found.metadata_digest))
            if len(index.entities(crate=found.iri)) != len(derived.entities):
                self.wrong.append(("things are missing in the index", document))

    def _is_refused_without_a_trace(self, document: dict[str, Any], metadata: Path) -> None:
        for place in (self.crate, metadata):
            with pytest.raises(FiliationError):
                take_in(self.catalogue, place)
        left = sorted(path.name for path in self.catalogue.folder.root.rglob("*"))
        if left != [".gitignore", "crates"]:
            self.wrong.append((f"refused, and left {left}", document))


@pytest.mark.slow
def test_no_crate_however_it_is_changed_gives_an_edge_that_nothing_justifies() -> None:
    with tempfile.TemporaryDirectory() as name:
        fuzz = Fuzz(Path(name))
        # Nothing is shrunk: every document that goes wrong is wanted, as it was drawn.
        checks = list(HealthCheck)
        drawn = settings(
            max_examples=DOCUMENTS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=checks,
            derandomize=DOCUMENTS <= SAMPLE,
        )
        drawn(given(document=documents())(fuzz.play))()
    sys.stdout.write(f"{fuzz.taken} taken in with {fuzz.edges} edges, {fuzz.refused} refused\n")
    assert fuzz.wrong == []
    assert fuzz.taken > DOCUMENTS // 3
    assert fuzz.refused > DOCUMENTS // 20
