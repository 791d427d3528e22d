"""Twenty-five rounds of ``make torture``, each in every run of the suite with another seed, which is told."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.torture.__main__ import torture
from tests.torture.invariants import incomplete
from tests.torture.rounds import ANCHORS, PACK, SNAKEMAKE, VICTIMS, Plan, make_project

pytestmark = pytest.mark.slow
ROUNDS = 25


@pytest.mark.slow(90)
def test_nothing_is_lost_or_half_done_whatever_is_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("FILIATION_TORTURE_SEED") or random.SystemRandom().randrange(10**6))
    results = list(torture(tmp_path, ROUNDS, seed, workers=2))
    again = f"python -m tests.torture --rounds {ROUNDS} --seed {seed}"
    assert [(result.plan, result.breaches) for result in results if result.breaches] == [], again
    assert len(results) == ROUNDS


def test_a_seed_draws_the_same_rounds_again() -> None:
    plans = [Plan.draw(7, number) for number in range(200)]
    assert plans == [Plan.draw(7, number) for number in range(200)]
    assert {plan.victim for plan in plans} == set(VICTIMS)
    assert {plan.anchor for plan in plans} == set(ANCHORS)


def test_the_torturer_sees_a_crate_that_is_not_whole(tmp_path: Path) -> None:
    import subprocess

    project = make_project(tmp_path / "project")
    subprocess.run(SNAKEMAKE, cwd=project, check=True, capture_output=True)
    (crate,) = project.joinpath(".filiation", "crates").glob("*")
    assert list(incomplete(crate)) == []
    manifest = next(crate.glob("manifests/*"))
    for lost in (crate / "README.md", crate / "journal.jsonl", crate / "work" / "Snakefile", manifest):
        content = lost.read_bytes()
        lost.unlink()
        assert list(incomplete(crate)) != []
        lost.write_bytes(content)
    metadata = crate / "ro-crate-metadata.json"
    metadata.write_bytes(metadata.read_bytes()[:-100])
    assert list(incomplete(crate)) != []
    assert subprocess.run(PACK, cwd=project, check=False, capture_output=True).returncode == 0
