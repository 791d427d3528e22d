"""The workflow of Snakemake's own tutorial with what it needs, for the tests that run it.

With bwa, samtools and bcftools where they are installed, else with stand-ins for them.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Project

TOOLS = ("bwa", "samtools", "bcftools")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "bin"
    place.mkdir()
    if not all(shutil.which(tool) for tool in TOOLS):
        for tool in TOOLS:
            (place / tool).write_text(
                f"#!{sys.executable}\n{(Path(__file__).parent / 'capture/standins.py').read_text()}"
            )
            (place / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{Path(sys.executable).parent}", prepend=os.pathsep)


@pytest.fixture
def tutorial(project: Callable[[str], Project], tools: None) -> Project:
    """Make the workflow, a genome of 2,000 bases, and reads of two samples that have ten variants in common."""
    made = project("tutorial")
    chance = random.Random(7)
    genome = "".join(chance.choices("ACGT", k=2000))
    variant = list(genome)
    for place in range(100, 2000, 200):
        variant[place] = {"A": "C", "C": "G", "G": "T", "T": "A"}[variant[place]]
    made.write("data/genome.fa", ">chr\n" + "\n".join(genome[at : at + 60] for at in range(0, 2000, 60)) + "\n")
    for sample in "AB":
        starts = [chance.randrange(1900) for _ in range(600)]
        reads = ("".join(variant[at : at + 100]) for at in starts)
        text = "".join(f"@{sample}{number}\n{read}\n+\n{'I' * 100}\n" for number, read in enumerate(reads))
        made.write(f"data/samples/{sample}.fastq", text)
    return made
