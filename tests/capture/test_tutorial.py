"""The workflow of Snakemake's own tutorial, tracked as somebody does who comes across filiation today.

With bwa, samtools and bcftools where they are installed, else with stand-ins for them (``tests/tutorial.py``).
"""

from __future__ import annotations

import json
import subprocess

import pytest

from filiation.lineage import Ledger
from filiation.model import Presence, Status
from tests.capture.situations import only
from tests.capture.test_commands import PREFIX
from tests.conftest import Project

pytestmark = pytest.mark.slow


def call(made: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=made.folder, capture_output=True, text=True, timeout=300, check=False)


def test_a_newcomer_tracks_the_tutorial(tutorial: Project) -> None:
    made = tutorial
    assert "profiles/default/profile.yaml" in call(made, "filiation", "init").stdout

    first = call(made, "snakemake", "--cores", "2")
    assert first.returncode == 0, first.stderr
    assert "filiation: run " in first.stderr
    run = made.packed()
    assert run.status is Status.FINISHED
    assert run.not_captured == ()
    assert len(run.actions) == 9

    mapped = only(run, "bwa_map", sample="A")
    assert [slot.name for slot in mapped.inputs] == ["genome", *(f"index[{n}]" for n in range(5)), "reads"]
    assert mapped.parameters[0].name == "rg"
    assert mapped.usage, "its benchmark file"
    passing = run.entity("mapped_reads/A.bam")
    assert passing is not None
    assert passing.presence is Presence.DELETED
    assert passing.digest is not None, "taken before Snakemake removed it"

    trace = call(made, "filiation", "trace", "plots/quals.svg").stdout
    for word in (
        "plot_quals",
        "bcftools_call",
        "samtools_sort (sample=B)",
        "bwa_map (sample=A)",
        "data/samples/A.fastq",
    ):
        assert word in trace
    assert "plots/quals.svg" in call(made, "filiation", "impact", "data/samples/A.fastq").stdout
    made_of_a = {str(getattr(node, "path", "")) for node in Ledger(made.catalogue).impact("data/samples/A.fastq").nodes}
    assert {"sorted_reads/A.bam.bai", "plots/quals.svg"} <= made_of_a
    assert "sorted_reads/B.bam" not in made_of_a
    shown = call(made, "filiation", "show", run.id[:8]).stdout
    assert "rate = 0.001" in shown
    assert call(made, "filiation", "validate", run.id[:8]).returncode == 0
    assert call(made, "filiation", "check", "plots/quals.svg").returncode == 0

    # The line for all rules is added, and a parameter changed: Snakemake does two jobs again, which now tell of
    # themselves; what they use is linked to the run before.
    made.write("Snakefile", PREFIX + (made.folder / "Snakefile").read_text())
    assert call(made, "snakemake", "--cores", "2", "--config", "prior_mutation_rate=0.01").returncode == 0
    second = made.packed()
    assert sorted(action.rule for action in second.actions) == ["bcftools_call", "plot_quals"]
    for action in second.actions:
        assert action.time_source == "step"
        assert action.machine is not None
    lineage = Ledger(made.catalogue).trace("calls/all.vcf")
    assert {"data/genome.fa", "data/samples/A.fastq", "data/samples/B.fastq"} <= {
        str(getattr(node, "path", "")) for node in lineage.nodes
    }
    kept = call(made, "filiation", "pack", second.id[:8], "--payload", "kept")
    assert kept.returncode == 0, kept.stderr
    assert (made.folder / "kept/work/calls/all.vcf").read_bytes() == (made.folder / "calls/all.vcf").read_bytes()
    assert call(made, "filiation", "init", "--undo").returncode == 0
    assert not (made.folder / "profiles").exists()
    runs = json.loads(call(made, "filiation", "runs", "--json").stdout)
    assert len(runs) == 2
