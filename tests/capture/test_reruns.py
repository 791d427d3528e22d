"""Runs after runs: what was done again, what was reused, what was only touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.lineage import Ledger
from filiation.model import Presence, Status
from tests.capture.situations import MakeProject, Situation, ancestors, only, play, recorded, statuses
from tests.conftest import Project

pytestmark = pytest.mark.slow
DONE, TOUCHED = Status.FINISHED, Status.TOUCHED

CHAIN = """
rule all:
    input: "b.txt", "c.txt"

rule a:
    input: "raw.txt"
    output: "a.txt"
    shell: "cat {input} > {output}; echo a >> {output}"

rule b:
    input: "a.txt"
    output: "b.txt"
    shell: "cat {input} > {output}; echo b >> {output}"

rule c:
    input: "a.txt"
    output: "c.txt"
    shell: "cat {input} > {output}; echo c >> {output}"
"""
RAW = {"raw.txt": "raw\n"}
ALL = frozenset({"a.txt", "b.txt", "c.txt"})
EVERY = {"a": (DONE,), "b": (DONE,), "c": (DONE,)}

SITUATIONS = [
    Situation("all of it", CHAIN, DONE, EVERY, ALL, files=RAW),
    Situation("one target", CHAIN, DONE, {"a": (DONE,), "b": (DONE,)}, frozenset({"a.txt", "b.txt"}), files=RAW,
              arguments=(("b.txt",),)),
    Situation("the rest later", CHAIN, DONE, {"c": (DONE,)}, frozenset({"c.txt"}), files=RAW,
              arguments=(("b.txt",), ())),
    Situation("forced one", CHAIN, DONE, {"b": (DONE,)}, frozenset({"b.txt"}), files=RAW,
              arguments=((), ("--force", "b.txt"))),
    Situation("forced all", CHAIN, DONE, EVERY, ALL, files=RAW, arguments=((), ("--forceall",))),
    Situation("forced from a rule on", CHAIN, DONE, EVERY, ALL, files=RAW, arguments=((), ("--forcerun", "a"))),
    Situation("touched", CHAIN, TOUCHED, {"a": (TOUCHED,), "b": (TOUCHED,), "c": (TOUCHED,)}, frozenset(), files=RAW,
              arguments=((), ("--touch", "--forceall"))),
    Situation("until a rule", CHAIN, DONE, {"a": (DONE,)}, frozenset({"a.txt"}), files=RAW,
              arguments=(("--until", "a"),)),
    Situation("quietly", CHAIN, DONE, EVERY, ALL, files=RAW, arguments=(("--quiet", "all"),)),
    Situation("with metadata in a database", CHAIN, DONE, EVERY, ALL, files=RAW,
              arguments=(("--persistence-backend", "db"),)),
    Situation("again with metadata in a database", CHAIN, DONE, {"c": (DONE,)}, frozenset({"c.txt"}), files=RAW,
              arguments=(("--persistence-backend", "db", "b.txt"), ("--persistence-backend", "db"))),
]  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_what_was_done_is_told_and_no_more(situation: Situation, project: MakeProject) -> None:
    _, run = play(situation, project)
    assert run.not_captured == ()


def test_a_later_run_is_linked_to_the_one_whose_outputs_it_used(project: MakeProject) -> None:
    situation = next(each for each in SITUATIONS if each.name == "the rest later")
    made, later = play(situation, project)
    pack(CatalogueFolder(made.catalogue), made.run_ids()[0])
    assert {"a", "a.txt", "raw.txt", "c"} <= ancestors(made, later, "c.txt")
    reused = {entity.path for entity in later.entities if entity.reused}
    assert reused == {"a.txt", "b.txt"}
    detail = Ledger(made.catalogue).show(later.id)
    makers = {maker for _, runs in detail.reused_from for maker in runs}
    assert makers == {recorded(made, made.run_ids()[0]).iri}


@pytest.mark.parametrize("arguments", [("--dry-run",), ("--summary",), ("--list-rules",), ("--dag",), ("--lint",)])
def test_what_does_no_work_leaves_no_record(project: MakeProject, arguments: tuple[str, ...]) -> None:
    made = project(CHAIN)
    made.write("raw.txt", "raw\n")
    made.snakemake(*arguments)
    assert not made.catalogue.exists()


def test_nothing_to_do_leaves_no_record(project: MakeProject) -> None:
    made = project(CHAIN)
    made.write("raw.txt", "raw\n")
    made.snakemake()
    result = made.snakemake()
    assert "Nothing to be done" in result.stderr
    assert len(made.run_ids()) == 1


def test_a_touch_claims_nothing_of_what_the_first_run_made(project: MakeProject) -> None:
    situation = next(each for each in SITUATIONS if each.name == "touched")
    made, touched = play(situation, project)
    first = recorded(made, made.run_ids()[0])
    found = touched.entity("b.txt")
    assert found is not None
    assert found.presence is Presence.PRESENT
    assert ancestors(made, first, "b.txt") >= {"a", "b", "raw.txt"}
    assert {run.id: run.status for run in Ledger(made.catalogue).runs()} == {
        first.id: "finished", touched.id: "touched",
    }  # fmt: skip


def test_a_forced_run_made_its_own_and_the_old_are_told_apart(project: MakeProject) -> None:
    """A changed input: the first run's outputs are gone, and its record does not take the new ones for its own."""
    made = project(CHAIN)
    made.write("raw.txt", "raw\n")
    made.snakemake("b.txt")
    made.write("raw.txt", "other\n")
    made.snakemake("b.txt", "--forceall")
    first, second = (recorded(made, run) for run in made.run_ids())
    old, new = first.entity("b.txt"), second.entity("b.txt")
    assert old is not None
    assert new is not None
    assert old.presence is Presence.CHANGED
    assert old.digest is None
    assert new.presence is Presence.PRESENT


def test_a_run_in_another_directory_is_recorded_there(project: MakeProject) -> None:
    made = project(CHAIN)
    made.write("elsewhere/raw.txt", "raw\n")
    assert made.snakemake("--directory", "elsewhere").returncode == 0
    there = Project(made.folder / "elsewhere")
    run = recorded(there)
    assert Path(run.folder) == there.folder
    assert statuses(run) == EVERY
    assert run.workflow.main == str(made.folder / "Snakefile")
    source = run.entity(run.workflow.main)
    assert source is not None
    assert source.digest is not None
    assert (there.catalogue / "crates" / run.id / "outside" / str(source.path).lstrip("/")).is_file()


def test_a_named_catalogue_is_where_it_was_typed(project: MakeProject) -> None:
    made = project(CHAIN)
    made.write("elsewhere/raw.txt", "raw\n")
    assert made.snakemake("--directory", "elsewhere", "--logger-filiation-catalogue", "kept").returncode == 0
    assert [path.suffix for path in (made.folder / "kept" / "journals").iterdir()] == [".jsonl"]
    assert not (made.folder / "elsewhere" / ".filiation").exists()


def test_a_moved_folder_keeps_its_history(project: MakeProject, tmp_path: Path) -> None:
    made = project(CHAIN)
    made.write("raw.txt", "raw\n")
    made.snakemake("b.txt")
    first = recorded(made)
    moved = Project(Path(shutil.move(made.folder, tmp_path / "moved")))
    assert moved.snakemake().returncode == 0
    later = recorded(moved)
    assert statuses(later) == {"c": (DONE,)}
    assert {"a", "raw.txt", "c"} <= ancestors(moved, later, "c.txt")
    assert only(first, "a").status is DONE


def test_a_run_packed_after_the_folder_moved_finds_its_files(project: MakeProject, tmp_path: Path) -> None:
    made = project(CHAIN)
    made.write("raw.txt", "raw\n")
    made.snakemake()
    moved = Project(Path(shutil.move(made.folder, tmp_path / "moved")))
    run = recorded(moved)
    found = run.entity("a.txt")
    assert found is not None
    assert found.presence is Presence.PRESENT
    assert found.digest is not None
