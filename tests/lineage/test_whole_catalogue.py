"""Gaps, duplicates and what is stale, over runs that have them."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from filiation.lineage.gaps import Page, find_gaps
from filiation.lineage.observations import Observations
from filiation.model import EntityKind
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id, write

LABELS = "results/ihc/nuclei.ome.zarr"


def told(found: Observations) -> list[tuple[str, str]]:
    return [(each.kind, each.what) for each in found.found]


@pytest.mark.slow
def test_a_run_with_everything_told_has_no_gap_but_what_nobody_digested(catalogue: Catalogue, folder: Path) -> None:
    nuclei_run(folder).write(catalogue.folder.crates)
    assert told(Ledger(folder).gaps()) == [("no digest", "skimage:immunohistochemistry")]


@pytest.mark.slow
def test_every_gap_is_found(catalogue: Catalogue, folder: Path) -> None:
    run = CrateBuilder(folder, 1)
    run.thing("seen.txt")  # named and never there
    first = run.job("early", ("seen.txt", "b.txt"), {"a.txt": "a"})
    second = run.job("late", ("a.txt",), {"b.txt": "b", "c.txt": "c"})
    third = run.job("again", (), {"c.txt": None})
    write(folder / "old.txt", "old")
    run.thing("old.txt", reused=True)
    for key in ("presence", "lastSeen"):
        run.graph["#work/seen.txt"].pop(key)
    del run.graph[first]["endTime"]
    run.graph[second] |= {"startTime": "2026-03-01T00:30:00Z", "endTime": "2026-03-01T00:29:00Z"}
    run.graph[third] |= {"endTime": "2026-03-01T00:20:00Z"}
    run.job("reads", ("c.txt",), {"d.txt": "d"}, startTime="2026-03-01T00:01:00Z", endTime="2026-03-01T00:02:00Z")
    del run.graph["#package-scikit-image"]["version"]
    crate = run.write(catalogue.folder.crates)
    metadata = crate / "ro-crate-metadata.json"
    document = json.loads(metadata.read_text())
    for entity in document["@graph"]:
        if entity["@id"] in (first, "#run"):
            del entity["agent"]
    metadata.write_text(json.dumps(document))
    found = Ledger(folder).gaps()
    assert set(found.counts) == {
        *("cycle", "two producers", "times out of order", "dangling input", "orphan", "no digest", "no agent"),
        *("no version", "no time"),
    }  # fmt: skip
    assert ("two producers", "c.txt") in told(found)
    assert ("orphan", "old.txt") in told(found)
    assert ("dangling input", "seen.txt") in told(found)
    assert [each.what for each in found.found if each.kind == "times out of order"] == ["c.txt", "c.txt", "late"]
    (agent,) = Ledger(folder).gaps("no agent").found
    assert (agent.what, agent.count) == ("early", 1)
    assert json.loads(json.dumps(found.to_json()))["counts"] == found.counts
    with pytest.raises(BadInputError, match=r"There is no kind of gap called 'no money'\. There are: cycle, two"):
        Ledger(folder).gaps("no money")


@pytest.mark.slow
def test_what_was_made_twice_is_told_with_what_it_cost(catalogue: Catalogue, folder: Path) -> None:
    first = CrateBuilder(folder, 1)
    first.job("segment", ("raw.tif",), {"labels.tif": "labels" * 100, "empty.txt": ""})
    first.write(catalogue.folder.crates)
    second = CrateBuilder(folder, 2)
    second.job("segment", ("raw.tif",), {"labels.tif": None, "empty.txt": None})  # the same again, at the same place
    second.job("copy", ("labels.tif",), {"copies/labels.tif": "labels" * 100, "new.txt": "new"})
    second.write(catalogue.folder.crates)
    found = Ledger(folder).duplicates()
    (labels,) = found.found
    assert (labels.kind, labels.what, len(labels.iris)) == ("made in several places", "labels.tif", 3)
    # Segmenting again made nothing new and took 30 s; copying made something else too.
    assert (labels.seconds, labels.size) == (30.0, 600)
    assert "3 times, and as copies/labels.tif" in labels.detail
    assert found.summary == "1 made in several places, of 6 looked at; 30 s of computing; 600 B on disk."


@pytest.mark.slow
def test_the_same_labels_made_again_are_told_though_each_store_names_its_own_run(
    catalogue: Catalogue, folder: Path
) -> None:
    label, image = EntityKind.LABEL_IMAGE.value, EntityKind.IMAGE.value
    for number in (1, 2):
        run = CrateBuilder(folder, number)
        made = {"labels.ome.zarr": {"zarr.json": f"run {number}"}, "whole.ome.zarr": {"zarr.json": f"all {number}"}}
        run.job("segment", ("raw.tif",), made, kinds={"labels.ome.zarr": label, "whole.ome.zarr": image})
        for entity in run.graph.values():
            if "entityKind" in entity and entity["entityKind"] in (label, image):
                entity["pixelDigest"] = "ab" * 32 if entity["entityKind"] == label else "cd" * 32
        run.write(catalogue.folder.crates)
    found = Ledger(folder).duplicates()
    (labels,) = found.found
    assert (labels.kind, labels.what, len(labels.crates)) == ("same labels in other bytes", "labels.ome.zarr", 2)
    assert "2 times" in labels.detail


@pytest.mark.slow
def test_a_circle_through_several_runs_and_a_name_that_two_runs_made_are_found(
    catalogue: Catalogue, folder: Path
) -> None:
    shared = "https://store.example.org/shared.tif"
    for number, (used, made) in enumerate((("b.tif", "a.tif"), ("a.tif", "b.tif")), start=1):
        # Each found what the other made; their runs overlap, so neither is too early.
        for name in ("a.tif", "b.tif"):
            write(folder / name, name)
        run = CrateBuilder(folder, number, minute=10)
        run.job("turn", (used,), {made: None})
        run.job("share", (), {shared: None})
        run.write(catalogue.folder.crates)
    found = Ledger(folder).gaps("cycle", "two producers")
    assert [(each.kind, len(each.crates)) for each in found.found] == [("cycle", 2), ("two producers", 2)]
    circle, producers = found.found
    assert circle.detail.startswith("descends from itself, over ")
    assert len(circle.iris) == 6  # two jobs, what each made, and that as the other found it
    assert (producers.what, producers.detail) == (shared, "made by each of: share")


def test_gaps_are_told_page_by_page_and_counted_without(catalogue: Catalogue, folder: Path) -> None:
    for number in (1, 2, 3):
        run = CrateBuilder(folder, number)
        for job in "ab":
            run.job(job, (f"https://omero.example.org/Image/{number}{job}",), {f"{number}{job}.txt": job})
        run.write(catalogue.folder.crates)
    ledger = Ledger(folder)
    whole = ledger.gaps("no digest")
    assert len(whole.found) == whole.lines == 6
    counted = ledger.gaps("no digest", page=0)
    assert (counted.found, counted.counts, counted.lines) == ((), {"no digest": 6}, 6)
    with ledger._reading() as (index, joining):
        pages = [find_gaps(index, joining, (), Page.numbered(page, 4)) for page in (1, 2, 3)]
    assert [len(page.found) for page in pages] == [4, 2, 0]
    assert sum((page.found for page in pages), ()) == whole.found


@pytest.mark.slow
def test_what_nobody_made_and_what_leads_nowhere_is_told(catalogue: Catalogue, folder: Path) -> None:
    write(folder / "raw.tif", "raw")
    first = CrateBuilder(folder, 1)
    first.job("segment", ("raw.tif",), {"labels.tif": "labels", "debug.tif": "debug"})
    first.job("measure", ("labels.tif",), {"table.csv": "table"})
    first.write(catalogue.folder.crates)
    write(folder / "labels.tif", "painted over")
    write(folder / "old.txt", "old")
    second = CrateBuilder(folder, 2)
    write(folder / "by-hand.ome.zarr", {"zarr.json": "{}"})
    second.job("measure", ("labels.tif", "by-hand.ome.zarr"), {"table.csv": "another"})
    second.graph["#work/by-hand.ome.zarr/"]["entityKind"] = "label image"
    second.thing("old.txt", reused=True)
    second.write(catalogue.folder.crates)
    write(folder / "stray.txt", "nobody knows")
    ledger = Ledger(folder)
    found = ledger.orphans()
    assert told(found) == [
        ("other bytes", "labels.tif"), ("orphan", "old.txt"), ("no maker", "by-hand.ome.zarr"), ("unused", "debug.tif"),
    ]  # fmt: skip
    assert found.found[0].detail == "run 00000001 made other bytes there, and no run made these"
    assert told(ledger.orphans("source")) == [("source", "raw.tif")]
    assert told(ledger.orphans("unknown file")) == [("unknown file", str(folder / "stray.txt"))]
    assert ledger.orphans(page=0).counts == found.counts
    with pytest.raises(
        BadInputError, match=r"There is no kind of orphan called 'lost'\. There are: other bytes, orphan"
    ):
        ledger.orphans("lost")
    assert [(day.day, day.runs, day.jobs, day.failed) for day in ledger.days()] == [("2026-03-01", 2, 3, 0)]


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(folder)
    write(folder / "segment.py", "code")
    write(folder / "model.pt", "weights")
    run = CrateBuilder(folder, 1)
    run.job("fetch", ("skimage:ihc",), {"raw.tif": "raw"})
    run.job("segment", ("raw.tif", "model.pt"), {"labels.tif": "labels"}, parameters={"sigma": 1})
    run.thing("segment.py")
    run.graph["#tool-segment"]["mainEntity"] = {"@id": "#work/segment.py"}
    run.job("measure", ("labels.tif",), {"table.csv": "table"})
    run.write(catalogue.folder.crates)
    return Ledger()


@pytest.mark.slow
def test_nothing_is_stale_right_after_a_run(ledger: Ledger) -> None:
    found = ledger.stale()
    assert (found.found, found.looked_at, found.summary) == ((), 3, "None, of 3 looked at.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "kind", "what"),
    [
        ("raw.tif", "input", "labels.tif"),
        ("model.pt", "input", "labels.tif"),
        ("segment.py", "code", "labels.tif"),
        ("labels.tif", "input", "table.csv"),
    ],
)
def test_what_changed_on_disk_makes_stale_what_was_made_of_it(
    ledger: Ledger, folder: Path, path: str, kind: str, what: str
) -> None:
    write(folder / path, "something else")
    found = ledger.stale()
    first = found.found[0]
    assert (first.kind, first.what, first.detail) == (kind, what, f"{path} is other on disk now")
    later = [("inherited", "table.csv")] if what == "labels.tif" else []
    assert told(found)[1:] == later
    assert ledger.stale(disk=False).found == ()
    assert told(ledger.stale("table.csv")) == (later or [(kind, what)])


@pytest.mark.slow
def test_what_a_later_run_knows_makes_stale_without_the_disk(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("fetch", ("skimage:ihc",), {"raw.tif": "raw, fetched again"})
    run.job("segment", ("other.tif",), {"other-labels.tif": "x"}, parameters={"sigma": 2})
    run.graph["#package-scikit-image"]["version"] = "0.27.0"
    run.write(ledger.folder / "crates")
    found = ledger.stale(disk=False)
    assert [(each.kind, each.what, each.detail) for each in found.found] == [
        ("input", "labels.tif", "raw.tif was made anew by run 00000002"),
        ("parameters", "labels.tif", "sigma = 1, and 2 in run 00000002"),
        ("software", "labels.tif", "scikit-image = 0.26.0, and 0.27.0 in run 00000002"),
        ("inherited", "table.csv", "descends from labels.tif"),
    ]
    (before,) = (run.versions[0] for run in [ledger.show(run_id(2))])
    earlier = datetime.fromisoformat(before.taken_in) - timedelta(microseconds=1)
    then = Ledger(folder, as_of=earlier)
    assert then.stale().found == ()
    write(folder / "raw.tif", "what lies there now says nothing of then")
    assert then.stale().found == ()
    assert then.stale(disk=True).counts == {"input": 1, "inherited": 1}


@pytest.mark.slow
def test_parameters_that_differ_between_samples_of_one_run_make_nothing_stale(
    catalogue: Catalogue, folder: Path
) -> None:
    for number, samples in ((1, {"a": 1, "b": 2}), (2, {"c": 2}), (3, {"c": 3})):
        run = CrateBuilder(folder, number)
        for sample, sigma in samples.items():
            run.job("segment", (f"{sample}.tif",), {f"{sample}-labels.tif": sample}, parameters={"sigma": sigma})
        run.write(catalogue.folder.crates)
        assert Ledger(folder).stale(disk=False).found == (), "a sample's own value says nothing of another sample"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_is_stale_in_all_is_what_is_stale_thing_by_thing(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of all, columns and places tell what may be stale; of a thing that is named, everything that it descends from."""
    chance = random.Random(seed)
    files = ("a", "b", "c", "d")
    for number in range(1, 9):
        there = folder / chance.choice("xy")
        run = CrateBuilder(there, number)
        for job in range(chance.randrange(1, 4)):
            inputs = tuple(chance.sample([name for name in files if (there / name).exists() or job == 0], 1))
            for name in inputs:
                if not (there / name).exists() or chance.random() < 0.2:
                    write(there / name, chance.choice("123"))
            output = chance.choice([name for name in (*files, "e", "f") if name not in inputs])
            rule, sigma = chance.choice(("segment", "measure")), chance.randrange(2)
            run.job(rule, inputs, {output: chance.choice("123")}, parameters={"sigma": sigma})
            if chance.random() < 0.2:
                run.graph[f"#work/{output}"]["presence"] = "deleted"
        run.graph["#package-scikit-image"]["version"] = chance.choice(("1", "2"))
        run.write(catalogue.folder.crates)
    write(folder / "x" / "a", "otherwise")
    ledger = Ledger(folder)
    for disk in (True, False):
        whole = ledger.stale(disk=disk)
        made = [node.iri for node in ledger.find("entity", "made=yes").nodes]
        apart = [line for iri in made for line in ledger.stale(iri, disk=disk).found]
        assert sorted(map(repr, whole.found)) == sorted(map(repr, apart))
        with monkeypatch.context() as small:
            small.setattr("filiation.lineage.of_all.PAGE", 3)
            pages = [ledger.stale(disk=disk, page=page) for page in range(1 + len(whole.found) // 3 + 1)]
        assert tuple(line for page in pages for line in page.found) == whole.found
        assert {page.lines for page in pages} == {len(whole.found)}
        assert pages[0].counts == whole.counts
