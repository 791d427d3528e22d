"""What a workflow came with: its folder's identifier, its commit, its licence; from a real run to the answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from swh.model.from_disk import Directory

from filiation.capture.surroundings import licence_folders
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.crate.validation import validate
from filiation.lineage import Ledger
from filiation.model import Presence, WorkflowRun
from tests.capture.test_licence import MIT
from tests.conftest import Project

MakeProject = Callable[[str], Project]

SNAKEFILE = """
include: "more.smk"

rule make:
    output: "made.txt"
    script: "make.py"
"""
MAKE = "from pathlib import Path\nPath(snakemake.output[0]).write_text('made')\n"


def identifier_of(folder: Path) -> str:
    return str(Directory.from_disk(path=os.fsencode(folder), max_content_length=None).swhid())


def packed(made: Project) -> WorkflowRun:
    run = pack(CatalogueFolder(made.catalogue), made.run_ids()[-1]).run
    assert made.packed() == run, "what is read from the crate is what was packed"
    return run


@pytest.fixture
def small(project: MakeProject) -> Project:
    made = project(SNAKEFILE)
    made.write("more.smk", "# more\n")
    made.write("make.py", MAKE)
    return made


@pytest.mark.slow
def test_a_workflow_in_a_repository_is_told_by_commit_folder_and_licence(small: Project) -> None:
    small.write("LICENSE", MIT)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    remote = ("remote", "add", "origin", "https://me:secret@git.example.org/lab/workflow.git")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first"), remote):
        subprocess.run([*git, *command], cwd=small.folder, check=True)
    small.write("make.py", MAKE + "# changed\n")

    assert small.snakemake().returncode == 0

    run = packed(small)
    workflow = run.workflow
    assert workflow.version == subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=small.folder, check=True, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip
    assert workflow.modified is True
    assert workflow.diff is not None
    assert workflow.repository == "https://git.example.org/lab/workflow.git"
    assert (workflow.licenses, workflow.license_files) == (("MIT",), ("LICENSE",))
    kept = small.folder.parent / "kept"
    kept.mkdir()
    for name in ("Snakefile", "more.smk", "make.py", "LICENSE"):
        shutil.copy2(small.folder / name, kept / name)
    assert workflow.swhid == identifier_of(kept), "as it stood, not as it was committed"
    crate = small.catalogue / "crates" / run.id
    assert (crate / "work/LICENSE").read_text() == MIT
    assert b"secret" not in (crate / "ro-crate-metadata.json").read_bytes()
    assert validate(crate).valid
    summary = Ledger(small.catalogue).show(run.id).to_json()["run"]
    assert isinstance(summary, dict)
    told = {key: summary[key] for key in ("code", "modified", "swhid", "licenses")}
    (row,) = Ledger(small.catalogue).ask("workflows").as_text()
    assert row[2:] == (workflow.version, "true", workflow.swhid, "MIT", workflow.repository)
    assert told == {"code": workflow.version, "modified": True, "swhid": workflow.swhid, "licenses": ["MIT"]}


@pytest.mark.slow
def test_a_repository_whose_changes_were_not_read_has_no_identifier_made_up_later(small: Project) -> None:
    """The workflow lies deeper in a repository that names its files by SHA-256; the licence at its top is found."""
    top = small.folder.parent
    (top / "LICENSE").write_text(MIT)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    for command in (
        ("init", "-q", "--object-format=sha256"),
        ("add", "LICENSE", "project"),
        ("commit", "-qm", "first"),
    ):
        subprocess.run([*git, *command], cwd=top, check=True)
    assert small.snakemake().returncode == 0
    run = packed(small)
    assert run.workflow.swhid is None
    assert (run.workflow.modified, run.workflow.licenses) == (False, ("MIT",))
    assert run.workflow.license_files == (str(top / "LICENSE"),)
    assert (
        "The SWHID of the workflow's folder was not computed: the repository names its files by SHA-256, a SWHID by "
        "SHA-1."
    ) in run.not_captured


@pytest.mark.slow
def test_without_a_repository_the_files_that_ran_are_told_and_none_that_changed_since(small: Project) -> None:
    small.write("raw.tif", "data, and no part of the workflow")
    small.write("COPYING", "You may use this on Tuesdays.")
    assert small.snakemake().returncode == 0
    run_id = small.run_ids()[-1]

    run = packed(small)
    ran = small.folder.parent / "ran"
    ran.mkdir()
    for name in ("Snakefile", "more.smk", "make.py"):
        shutil.copy2(small.folder / name, ran / name)
    assert run.workflow.swhid == identifier_of(ran)
    assert (run.workflow.licenses, run.workflow.license_files) == ((), ("COPYING",))
    assert validate(small.catalogue / "crates" / run.id).valid

    small.write("more.smk", "# something else, written when the run was over\n")
    shutil.rmtree(small.catalogue / "crates" / run_id)
    again = packed(small)
    assert again.workflow.swhid is None
    assert (
        "The SWHID of the workflow's folder was not computed: more.smk is no more as it was when the run began."
    ) in again.not_captured
    changed = again.entity("more.smk")
    assert changed is not None
    assert (changed.presence, changed.digest) == (Presence.CHANGED, None), "nobody says that this ran"


@pytest.mark.slow
def test_a_workflow_folder_is_told_whole(project: MakeProject) -> None:
    made = project("\n# replaced\n")
    (made.folder / "Snakefile").unlink()
    made.write("workflow/Snakefile", SNAKEFILE)
    made.write("workflow/more.smk", "")
    made.write("workflow/make.py", "from module import text\n" + MAKE)
    made.write("workflow/module.py", "text = 'not a file that Snakemake knows of'\n")
    made.write("LICENSE", MIT)
    expected = identifier_of(made.folder / "workflow")
    assert made.snakemake().returncode == 0
    run = packed(made)
    assert run.workflow.swhid == expected
    assert run.workflow.licenses == ("MIT",)


def test_a_licence_is_looked_for_beside_the_workflow_above_it_and_at_the_top_of_its_repository() -> None:
    home = Path("/lab/repository/analysis/workflow")
    kept = {"folder": "analysis/workflow"}
    assert licence_folders(home / "Snakefile", kept) == [home, home.parent, home.parent.parent]
    assert licence_folders(home / "Snakefile", {}) == [home, home.parent]
    assert licence_folders(home.parent / "Snakefile", {"folder": ""}) == [home.parent]
