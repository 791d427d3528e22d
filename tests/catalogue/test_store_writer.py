"""The store is written by a process that may hang, be killed, or be left alone; the catalogue may not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, Literal
from filiation.catalogue.filling import StoreFilling
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.lock import holding
from filiation.catalogue.oxigraph import OxigraphGraph
from filiation.catalogue.store_writer import StoreError, StoreWriter
from filiation.errors import CatalogueBusyError, FiliationError
from tests.lineage.crates import nuclei_run

GRAPH = "arcp://uuid,0d273356-0000-4000-8000-000000000001/"
TRIPLE = (GRAPH, "http://schema.org/name", Literal('a "quoted"\nname, 𝒳'))


def stored(folder: Path) -> list[tuple[object, ...]]:
    with OxigraphGraph(folder) as graph:
        return sorted(graph.quads(), key=str)


def test_a_graph_is_written_replaced_and_removed(tmp_path: Path) -> None:
    store = tmp_path / "catalogue" / "store"
    other = (GRAPH, "http://schema.org/url", "https://example.org/a%20b")
    with StoreWriter(store) as writer:
        writer.replace(GRAPH, [TRIPLE])
        writer.replace(GRAPH + "2", [TRIPLE])
    assert stored(store) == [(*TRIPLE, GRAPH), (*TRIPLE, GRAPH + "2")]
    with StoreWriter(store) as writer:
        writer.replace(GRAPH, [other])
        writer.remove(GRAPH + "2")
        writer.remove(GRAPH + "3")
    assert stored(store) == [(*other, GRAPH)]


@pytest.mark.slow
@pytest.mark.parametrize("many", [4, 5, 6])
def test_a_large_graph_comes_in_parts_and_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr("filiation.catalogue.store_writer._ONE_TRANSACTION", 3)
    monkeypatch.setattr("filiation.catalogue.store_writer._PART", 2)
    graph = [(GRAPH, "http://schema.org/name", Literal(f"name {number}")) for number in range(many)]
    for present in (graph, graph[:3], graph[1:], graph[:1], []):
        with StoreWriter(tmp_path / "store") as writer:
            writer.replace(GRAPH + "2", [TRIPLE])
            writer.replace(GRAPH, iter(present))
        expected = sorted([*((*triple, GRAPH) for triple in present), (*TRIPLE, GRAPH + "2")], key=str)
        assert stored(tmp_path / "store") == expected


def test_graphs_are_put_in_an_order_in_which_the_store_keeps_them(tmp_path: Path) -> None:
    graphs = [f"arcp://uuid,0d273356-0000-4000-8000-{number:012}/" for number in range(120)]
    with LineageIndex(tmp_path / "index.sqlite", create=True) as index, StoreWriter(tmp_path / "store") as writer:
        filling = StoreFilling(index, writer)
        ordered = list(filling.in_order([*graphs, "arcp://uuid,no name/"]))
        for graph in reversed(graphs):
            filling.take(graph, [TRIPLE], lambda: None)
        filling.finish()
    with OxigraphGraph(tmp_path / "store") as store:
        assert [graph for *_, graph in store.quads()] == ordered  # all else is the same
    assert sorted(ordered) == graphs
    assert ordered != graphs
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.sqlite", "store"]


def hang(writer: StoreWriter) -> None:
    """Let the writing process take part in nothing any more, as when RocksDB waits for itself."""
    os.kill(writer._process.pid, signal.SIGSTOP)


@pytest.mark.slow
def test_a_store_that_hangs_is_given_up_and_works_again(
    catalogue: Catalogue, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crate = nuclei_run(folder).write(tmp_path / "elsewhere")
    assert catalogue.ingest(crate).outcome == "new"  # the index has it, and the store what waits
    load = StoreWriter.load

    def hanging(self: StoreWriter, *quads: bytes) -> None:
        hang(self)
        load(self, *quads)

    for ask in (catalogue.quads, catalogue.rebuild):
        with monkeypatch.context() as patched:
            patched.setattr(StoreWriter, "load", hanging)
            patched.setattr("filiation.catalogue.store_writer._LONGEST", 1)
            patched.setattr("filiation.catalogue.store_writer._PATIENCE", 1)
            with pytest.raises(FiliationError) as caught:
                ask()
        told = re.sub(r"writing to \S+ did", "writing to it did", str(caught.value))
        assert told == (
            f"Store and index of the catalogue {catalogue.folder.root} could not be brought up to date: writing to it "
            "did not come to an end within 1 s and was given up. They are made from the crates, of which nothing is "
            "lost: make room or mend the disk, and ask again."
        )
    there = sorted(catalogue.quads(), key=str)
    assert there
    catalogue.rebuild()
    assert sorted(catalogue.quads(), key=str) == there


@pytest.mark.slow
def test_a_store_that_hangs_when_it_is_closed_costs_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filiation.catalogue.store_writer._PATIENCE", -9)
    writer = StoreWriter(tmp_path / "store")
    writer.replace(GRAPH, [TRIPLE])
    hang(writer)
    writer.close()
    assert stored(tmp_path / "store") == [(*TRIPLE, GRAPH)]
    StoreWriter(tmp_path / "store").close()


def test_a_writing_process_that_is_killed_is_told(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store")
    writer._process.terminate()
    writer._process.wait()
    with pytest.raises(StoreError) as caught:
        writer.replace(GRAPH, [TRIPLE])
    writer.close()
    assert str(caught.value) == f"the process that writes {tmp_path / 'store'} ended with status -15"


@pytest.mark.slow
def test_the_alarm_ends_a_process_that_nobody_waits_for(tmp_path: Path) -> None:
    """Its closing hangs, and who asked is killed: the lock is free when the process has given itself up."""
    script = '''
import os, signal, sys
from pathlib import Path
from filiation.catalogue import store_process
from filiation.catalogue.filling import StoreFilling
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.lock import holding
from filiation.catalogue.store_writer import StoreWriter
place = Path(sys.argv[1])
# The same program, with a closing that lasts for ever, as RocksDB's does now and then, once the test has looked.
text = Path(store_process.__file__).read_text().replace("CLOSING = 10", "CLOSING = 1")
closing = "    signal.alarm(CLOSING)"
text = text.replace(closing, f"    wait_until_looked()\\n{closing}\\n    time.sleep(600)")
text = text.replace("def main()", f"""import os, time
def wait_until_looked():
    for _ in range(6000):
        if os.path.exists({str(place / 'looked')!r}):
            break
        time.sleep(0.05)
def main()""")
(place / "hangs.py").write_text(text)
store_process.__file__ = str(place / "hangs.py")
with holding(place / "lock") as lock:
    StoreWriter(place / "store", lock=lock)
    os.kill(os.getpid(), signal.SIGKILL)
'''
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    with pytest.raises(CatalogueBusyError), holding(tmp_path / "lock", wait=0.2):
        pass
    (tmp_path / "looked").touch()
    with holding(tmp_path / "lock", wait=120.0):
        pass
    StoreWriter(tmp_path / "store").close()
