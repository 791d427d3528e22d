"""Files that a workflow reads while it is read itself are part of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.capture.reading import files_read, start_listening, stop_listening
from tests.conftest import Project


def test_files_opened_for_reading_below_the_folders_are_told(tmp_path: Path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside, inside / ".snakemake"):
        folder.mkdir()
        (folder / "read.txt").write_text("x")
    start_listening()
    for folder in (inside, outside, inside / ".snakemake"):
        (folder / "read.txt").read_text()
    (inside / "written.txt").write_text("x")
    stop_listening()
    (inside / "later.txt").write_text("x")
    (inside / "later.txt").read_text()
    assert files_read((str(inside),)) == [str(inside / "read.txt")]
    assert files_read((str(inside),)) == []


@pytest.mark.slow
def test_sample_sheets_and_modules_of_a_workflow_travel_with_its_crate(project: Callable[[str], Project]):
    made = project(
        "import sys\nsys.path.insert(0, 'lib')\nimport naming\nsamples = open('samples.txt').read().split()\n"
        "rule all:\n    input: 'data.txt'\n    output: naming.name(samples[0])\n    shell: 'cp {input} {output}'\n"
    )
    made.write("samples.txt", "a\n")
    made.write("data.txt", "never read by the workflow itself\n")
    made.write("lib/naming.py", "def name(sample):\n    return f'{sample}.out'\n")
    for _ in range(2):  # the second time there is a compiled module
        done = made.snakemake("--logger-filiation-pack", "now", "--forceall")
        assert done.returncode == 0, done.stderr
        run = made.packed()
        assert run.workflow.sources == ("Snakefile", "lib/naming.py", "samples.txt")
        crate = made.catalogue / "crates" / run.id
        assert (crate / "work/samples.txt").read_text() == "a\n"
        assert (crate / "work/lib/naming.py").is_file()
