"""What waits comes to the store in parts; they are merged when they are many, while others ask and take crates in."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.store_merging import merge, merge_in_the_background
from filiation.catalogue.store_parts import Parts
from filiation.catalogue.store_writer import StoreWriter
from filiation.lineage.doctor import examine
from tests.lineage.crates import nuclei_run
from tests.waiting import wait_until


def take_in(catalogue: Catalogue, number: int) -> None:
    project = catalogue.folder.root.parent
    catalogue.ingest(nuclei_run(project, number, sigma=float(number)).write(project / "elsewhere"))


def graphs(catalogue: Catalogue) -> int:
    return len({quad[3] for quad in catalogue.quads()})


def stores(folder: CatalogueFolder) -> list[int]:
    return sorted(int(path.name.removeprefix("store-")) for path in folder.edition.glob("store-*"))


@pytest.fixture
def each_is_a_part(monkeypatch: pytest.MonkeyPatch) -> list[CatalogueFolder]:
    """Let each crate become a part, and three be many; return for which catalogues merging was asked."""
    asked: list[CatalogueFolder] = []
    monkeypatch.setattr("filiation.catalogue.store_parts._LEAST", 1)
    monkeypatch.setattr("filiation.catalogue.store_parts._OF_THE_STORE", 1 << 40)
    monkeypatch.setattr("filiation.catalogue.store_parts._MOST", 3)
    monkeypatch.setattr("filiation.catalogue.stores.merge_in_the_background", asked.append)
    return asked


@pytest.mark.slow
def test_what_waits_comes_to_an_earlier_store_unless_that_got_much_more(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(catalogue, 1)
    assert stores(catalogue.folder) == [0]  # nobody asked
    assert graphs(catalogue) == 1
    assert stores(catalogue.folder) == [0, 1]
    for number in (2, 3, 4, 5, 6):
        take_in(catalogue, number)
    assert graphs(catalogue) == 6
    assert stores(catalogue.folder) == [0, 6]  # one part of six, not one of one and one of five
    monkeypatch.setattr("filiation.catalogue.store_parts._SMALLER", 0)
    take_in(catalogue, 7)
    assert graphs(catalogue) == 7
    assert stores(catalogue.folder) == [0, 6, 7]
    assert examine(catalogue.folder).findings == ()


@pytest.mark.slow
def test_parts_are_merged_and_nothing_is_lost(
    catalogue: Catalogue, each_is_a_part: list[CatalogueFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = catalogue.folder
    for number in (1, 2):
        take_in(catalogue, number)
        assert Parts.of(home.store).parts == number
    assert each_is_a_part == []
    take_in(catalogue, 3)
    assert each_is_a_part == [home]
    assert len(stores(home)) == 1
    with LineageIndex(home.index) as index:
        assert index.sizes_waiting() == {}
    merging = StoreWriter.merge

    def merging_beside_others(writer: StoreWriter) -> None:
        take_in(catalogue, 4)  # waits: it is brought in by who merges
        assert graphs(catalogue) == 4
        assert not merge(home)  # one at a time
        merging(writer)

    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "merge", merging_beside_others)
        assert merge(home)
    parts = Parts.of(home.store)
    assert parts.parts == 1
    assert parts.whole > 0
    assert len(stores(home)) == 1
    assert graphs(catalogue) == 4
    assert examine(home).findings == ()
    before = sorted(catalogue.quads(), key=str)
    assert merge(home)
    assert Parts.of(home.store).parts == 0
    assert sorted(catalogue.quads(), key=str) == before
    catalogue.rebuild()
    assert sorted(catalogue.quads(), key=str) == before


@pytest.mark.slow
def test_a_store_that_was_made_again_meanwhile_is_not_replaced(
    catalogue: Catalogue, each_is_a_part: list[CatalogueFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(catalogue, 1)
    merging = StoreWriter.merge

    def merging_beside_a_rebuild(writer: StoreWriter) -> None:
        catalogue.rebuild()
        merging(writer)

    monkeypatch.setattr(StoreWriter, "merge", merging_beside_a_rebuild)
    assert not merge(catalogue.folder)
    assert graphs(catalogue) == 1
    assert examine(catalogue.folder).findings == ()


_KILLED = """
import os, signal, sys
from pathlib import Path
from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue import store_parts, store_merging
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.store_writer import StoreWriter

where, place, *crates = sys.argv[1:]

def killed(*arguments, **more):
    os.kill(os.getpid(), signal.SIGKILL)

folder = CatalogueFolder(Path(place))
store_parts._LEAST = 1
owner, name = {
    "merging": (StoreWriter, "merge"),
    "loading": (store_parts, "load_in_parts"),
    "forgetting": (LineageIndex, "forget_waiting"),
    "removing": (store_parts, "remove_between"),
}[where]
setattr(owner, name, killed)
if crates:
    Catalogue(folder, wait=60).ingest(Path(crates[0]))
else:
    store_merging.merge(folder)
"""


@pytest.mark.slow
def test_who_is_killed_leaves_store_and_index_agreeing(
    catalogue: Catalogue, each_is_a_part: list[CatalogueFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = catalogue.folder
    project = home.root.parent
    take_in(catalogue, 1)
    expected = 1
    for where, is_merging in [
        ("loading", False),
        ("forgetting", False),
        ("removing", False),
        ("merging", True),
        ("forgetting", True),
        ("removing", True),
    ]:
        command = [sys.executable, "-c", _KILLED, where, str(home.root)]
        if not is_merging:
            expected += 1
            command.append(str(nuclei_run(project, expected, sigma=0.1 * expected).write(project / "elsewhere")))
        assert subprocess.run(command, check=False, timeout=300).returncode == -signal.SIGKILL, where
        assert examine(home).findings == (), where
        assert graphs(catalogue) == expected, where
    take_in(catalogue, expected + 1)
    assert not list(home.edition.glob(".*"))
    assert len(stores(home)) == 1
    assert graphs(catalogue) == expected + 1
    assert examine(home).findings == ()


def test_merging_goes_on_when_who_asked_for_it_is_gone(
    catalogue: Catalogue, each_is_a_part: list[CatalogueFolder]
) -> None:
    take_in(catalogue, 1)
    take_in(catalogue, 2)
    assert Parts.of(catalogue.folder.store).parts == 2
    merge_in_the_background(catalogue.folder)
    wait_until(lambda: Parts.of(catalogue.folder.store).parts == 0, "the store was merged")
    assert graphs(catalogue) == 2
