"""Where runs meet: by content, never by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder, nuclei_run, sha256, write


@pytest.fixture
def ledger(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(catalogue.folder.root.parent)
    return Ledger(catalogue.folder.root)


def paths(lineage: object) -> list[str]:
    return sorted(f"{node.path}@{node.crate[-13:-1].lstrip('0')}" for node in lineage.entities)  # type: ignore[attr-defined]


def second_run(folder: Path) -> CrateBuilder:
    """Change one parameter: the image is found up to date, the labels are made again at the same path."""
    run = CrateBuilder(folder, 2)
    kinds = {"results/ihc/image.ome.zarr": "image", "results/ihc/nuclei.ome.zarr": "label image"}
    run.job(
        "segment",
        ("results/ihc/image.ome.zarr",),
        {"results/ihc/nuclei.ome.zarr": {"0/c/0/0": "labels of run 2"}},
        parameters={"sigma": 7.5},
        kinds=kinds,
    )
    return run


def test_a_second_run_is_joined_to_the_one_that_made_what_it_found(ledger: Ledger, folder: Path) -> None:
    first = nuclei_run(folder)
    first.write(ledger.folder / "crates")
    second = second_run(folder)
    second.write(ledger.folder / "crates")
    found = ledger.trace("results/ihc/nuclei.ome.zarr")
    assert [action.name for action in found.actions] == ["fetch", "segment"]
    assert [action.crate for action in found.actions] == [first.iri, second.iri]
    assert [str(p.value) for p in found.actions[1].parameters] == ["7.5"]
    assert {(e.src, e.dst) for e in found.edges if e.role == "same content"} == {
        (first.iri_of("results/ihc/image.ome.zarr"), second.iri_of("results/ihc/image.ome.zarr"))
    }


@pytest.mark.slow
def test_an_old_label_is_still_known_by_its_digest_after_a_later_run_overwrote_it(ledger: Ledger, folder: Path) -> None:
    first = nuclei_run(folder)
    old = first.graph["#work/results/ihc/nuclei.ome.zarr/"]["treeDigest"]
    first.write(ledger.folder / "crates")
    second_run(folder).write(ledger.folder / "crates")
    found = ledger.trace(f"tree1:{old}")
    assert found.roots == (first.iri_of("results/ihc/nuclei.ome.zarr"),)
    assert {p.name: str(p.value) for p in found.actions[1].parameters} == {"method": "otsu", "sigma": "1.0"}
    assert ledger.trace(str(old)[:9]).roots == found.roots


@pytest.mark.slow
def test_both_labels_descend_from_the_source(ledger: Ledger, folder: Path) -> None:
    nuclei_run(folder).write(ledger.folder / "crates")
    second_run(folder).write(ledger.folder / "crates")
    found = ledger.impact("skimage:immunohistochemistry")
    assert paths(found) == [
        "results/ihc/image.ome.zarr@1",
        "results/ihc/image.ome.zarr@2",
        "results/ihc/nuclei.ome.zarr@1",
        "results/ihc/nuclei.ome.zarr@2",
        "results/ihc/nuclei.parquet@1",
        "results/ihc/overlay.png@1",
        "skimage:immunohistochemistry@1",
    ]


@pytest.mark.slow
def test_names_never_join(ledger: Ledger, folder: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    first, second = CrateBuilder(one, 1), CrateBuilder(other, 2)
    first.job("make", (), {"a.txt": "of one"})
    write(other / "a.txt", "of the other")
    second.job("use", ("a.txt",), {"b.txt": "x"})
    for run in (first, second):
        run.write(ledger.folder / "crates")
    assert paths(ledger.trace(second.iri_of("b.txt"))) == ["a.txt@2", "b.txt@2"]


def test_a_copy_under_another_path_joins_by_its_bytes(ledger: Ledger, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    first, second = CrateBuilder(one, 1), CrateBuilder(other, 2)
    first.job("make", (), {"a.txt": "the same"})
    write(other / "input/copy.txt", "the same")
    second.job("use", ("input/copy.txt",), {"b.txt": "x"})
    for run in (first, second):
        run.write(ledger.folder / "crates")
    assert paths(ledger.trace(second.iri_of("b.txt"))) == ["a.txt@1", "b.txt@2", "input/copy.txt@2"]
    assert "b.txt@2" in paths(ledger.impact(first.iri_of("a.txt")))


def test_of_several_makers_the_same_path_is_preferred_and_else_all_are_named(ledger: Ledger, tmp_path: Path) -> None:
    for number, path in ((1, "a.txt"), (2, "b.txt"), (3, "c.txt")):
        run = CrateBuilder(tmp_path / str(number), number)
        run.job("make", (), {path: "the same"})
        run.write(ledger.folder / "crates")
    for number, path in ((4, "b.txt"), (5, "z.txt")):
        write(tmp_path / str(number) / path, "the same")
        run = CrateBuilder(tmp_path / str(number), number)
        run.job("use", (path,), {"out.txt": f"{number}"})
        run.write(ledger.folder / "crates")
    assert paths(ledger.trace(sha256("4"))) == ["b.txt@2", "b.txt@4", "out.txt@4"]
    assert paths(ledger.trace(sha256("5"))) == ["a.txt@1", "b.txt@2", "c.txt@3", "out.txt@5", "z.txt@5"]


def test_of_runs_that_made_the_same_at_one_place_the_last_before_counts(ledger: Ledger, folder: Path) -> None:
    for number in (1, 2, 4):
        run = CrateBuilder(folder, number)
        run.job("make", (), {"a.txt": "the same"})
        run.write(ledger.folder / "crates")
    run = CrateBuilder(folder, 3)
    run.job("use", ("a.txt",), {"b.txt": "x"})
    run.write(ledger.folder / "crates")
    assert paths(ledger.trace("b.txt")) == ["a.txt@2", "a.txt@3", "b.txt@3"]
    assert "b.txt@3" not in paths(ledger.impact(f"arcp://uuid,{CrateBuilder(folder, 4).id}/work/a.txt"))


@pytest.mark.slow
def test_what_was_made_later_is_no_origin(ledger: Ledger, tmp_path: Path) -> None:
    early = CrateBuilder(tmp_path / "one", 1)
    write(tmp_path / "one" / "raw.txt", "bytes")
    early.job("use", ("raw.txt",), {"b.txt": "x"})
    late = CrateBuilder(tmp_path / "two", 2)
    late.job("make", (), {"raw.txt": "bytes"})
    for run in (early, late):
        run.write(ledger.folder / "crates")
    assert paths(ledger.trace(sha256("x"))) == ["b.txt@1", "raw.txt@1"]


def test_a_copy_of_a_source_is_not_the_sources_origin(ledger: Ledger, folder: Path) -> None:
    write(folder / "raw.txt", "bytes")
    first = CrateBuilder(folder, 1)
    first.job("copy", ("raw.txt",), {"copy.txt": "bytes"})
    second = CrateBuilder(folder, 2)
    second.job("use", ("raw.txt",), {"out.txt": "x"})
    for run in (first, second):
        run.write(ledger.folder / "crates")
    assert paths(ledger.trace("out.txt")) == ["out.txt@2", "raw.txt@2"]
    assert paths(ledger.trace("copy.txt")) == ["copy.txt@1", "raw.txt@1"]


@pytest.mark.slow
def test_impact_of_a_source_file_covers_every_run_that_read_the_same_bytes(ledger: Ledger, folder: Path) -> None:
    write(folder / "raw.txt", "bytes")
    for number in (1, 2):
        run = CrateBuilder(folder, number)
        run.job("use", ("raw.txt",), {f"out{number}.txt": f"{number}"})
        run.write(ledger.folder / "crates")
    assert paths(ledger.impact("raw.txt")) == ["out1.txt@1", "out2.txt@2", "raw.txt@1", "raw.txt@2"]
    assert paths(ledger.trace("raw.txt")) == ["raw.txt@2"]


@pytest.mark.slow
def test_empty_files_join_only_at_the_same_path(ledger: Ledger, tmp_path: Path) -> None:
    first = CrateBuilder(tmp_path / "one", 1)
    first.job("make", (), {"done.flag": "", "other.flag": ""})
    first.write(ledger.folder / "crates")
    for number, path in ((2, "done.flag"), (3, "third.flag")):
        run = CrateBuilder(tmp_path / str(number), number)
        write(tmp_path / str(number) / path, "")
        run.job("use", (path,), {"out.txt": f"{number}"})
        run.write(ledger.folder / "crates")
    assert paths(ledger.trace(sha256("2"))) == ["done.flag@1", "done.flag@2", "out.txt@2"]
    assert paths(ledger.trace(sha256("3"))) == ["out.txt@3", "third.flag@3"]


@pytest.mark.slow
def test_remote_images_join_by_their_iri(ledger: Ledger, tmp_path: Path) -> None:
    for number in (1, 2):
        run = CrateBuilder(tmp_path / str(number), number)
        run.job("fetch", ("https://omero.example.org/Image/51",), {"image.txt": f"{number}"})
        run.write(ledger.folder / "crates")
    found = ledger.impact("https://omero.example.org/Image/51")
    assert [entity.path for entity in found.entities].count("https://omero.example.org/Image/51") == 1
    assert [action.name for action in found.actions] == ["fetch", "fetch"]


def test_the_same_file_by_a_relative_and_an_absolute_path_joins_inside_a_run(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 1)
    run.job("make", (), {"a.txt": "bytes"})
    run.job("use", (str(folder / "a.txt"),), {"b.txt": "x"})
    run.write(ledger.folder / "crates")
    assert paths(ledger.trace("b.txt")) == [f"{folder}/a.txt@1", "a.txt@1", "b.txt@1"]


@pytest.mark.slow
def test_failed_attempts_are_in_impact_and_never_in_trace(ledger: Ledger, folder: Path) -> None:
    write(folder / "raw.txt", "bytes")
    run = CrateBuilder(folder, 1)
    run.job("segment", ("raw.txt",), {"x.txt": "1"}, status="failed", number=1, attempt=1, error="ValueError: first")
    run.job("segment", ("raw.txt",), {"x.txt": "1"}, number=1, attempt=2)
    run.write(ledger.folder / "crates")
    assert [action.attempt for action in ledger.trace("x.txt").actions] == [2]
    impact = ledger.impact("raw.txt")
    assert [(action.attempt, action.status) for action in impact.actions] == [(1, "failed"), (2, "finished")]
    assert ledger.ask("failed").as_text() == (
        (run.iri, run.action_iri(1, 1), "segment", "1", "failed", "ValueError: first"),
    )


def test_what_a_script_made_is_asked_for_and_the_script_is_no_ancestor(ledger: Ledger, folder: Path) -> None:
    write(folder / "scripts/segment.py", "print()")
    write(folder / "raw.txt", "bytes")
    for number in (1, 2):
        run = CrateBuilder(folder, number)
        run.job("segment", ("raw.txt",), {f"labels{number}.txt": f"{number}"})
        run.job("measure", (f"labels{number}.txt",), {f"table{number}.csv": f"{number} rows"})
        script = run.thing("scripts/segment.py")
        run.graph["#tool-segment"]["mainEntity"] = {"@id": script}
        run.write(ledger.folder / "crates")
    made = ["labels1.txt@1", "labels2.txt@2", "scripts/segment.py@1", "scripts/segment.py@2"]
    assert paths(ledger.impact("scripts/segment.py")) == [*made, "table1.csv@1", "table2.csv@2"]
    assert "was run by segment" in ledger.impact("scripts/segment.py").tree()
    assert paths(ledger.trace("table2.csv")) == ["labels2.txt@2", "raw.txt@2", "table2.csv@2"]
    write(folder / "scripts/segment.py", "print('better')")
    assert ledger.check().is_intact
    assert not ledger.check("scripts/segment.py").is_intact


@pytest.mark.slow
def test_a_file_of_a_directory_that_an_earlier_run_made_comes_out_of_it(ledger: Ledger, folder: Path) -> None:
    first = CrateBuilder(folder, 1)
    first.job("split", (), {"d": {"1.txt": "one", "sub/2.txt": "two", "sub/3.txt": "three"}})
    first.write(ledger.folder / "crates")
    second = CrateBuilder(folder, 2)
    second.job("read", ("d/1.txt",), {"read.txt": "x"})
    second.job("read", ("d/sub",), {"sub.txt": "y"})
    second.write(ledger.folder / "crates")
    assert paths(ledger.trace("read.txt")) == ["d/1.txt@2", "d@1", "read.txt@2"]
    assert paths(ledger.trace("sub.txt")) == ["d/sub@2", "d@1", "sub.txt@2"]
    assert "part of d" in ledger.trace("read.txt").tree()
    assert paths(ledger.impact("d")) == ["d/1.txt@2", "d/sub@2", "d@1", "read.txt@2", "sub.txt@2"]


def test_a_file_put_into_a_directory_afterwards_does_not_come_out_of_it(ledger: Ledger, folder: Path) -> None:
    first = CrateBuilder(folder, 1)
    first.job("split", (), {"d": {"1.txt": "one"}})
    first.write(ledger.folder / "crates")
    write(folder / "d/mine.txt", "by hand")
    write(folder / "d/1.txt", "edited")
    second = CrateBuilder(folder, 2)
    second.job("read", ("d/1.txt", "d/mine.txt"), {"read.txt": "x"})
    second.write(ledger.folder / "crates")
    assert paths(ledger.trace("read.txt")) == ["d/1.txt@2", "d/mine.txt@2", "read.txt@2"]
