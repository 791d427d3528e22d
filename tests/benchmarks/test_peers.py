"""The comparison with other tools compares: whoever answers otherwise than the drawn jobs say is told to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peers" / "compare.py"


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make environments in which prov alone is installed: that of the tests has it."""
    folder = tmp_path_factory.mktemp("environments")
    python = folder / "prov" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def first(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Compare once; return where it kept what was loaded, and what it printed."""
    kept = tmp_path_factory.mktemp("kept")
    return kept, compare(environments, kept)


def compare(environments: Path, kept: Path) -> str:
    arguments = ["900", "--keep", kept, "--environments", environments, "--rounds", "1", "--peers", "aiida", "prov"]
    told = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True, timeout=300)
    return told.stdout


def differences(printed: str) -> list[str]:
    """Return the lines that say how somebody's answer differs from ours."""
    return [line for line in printed.splitlines() if line.startswith("- ")]


def reached(kept: Path) -> list[int]:
    """Count what the drawn file says, without anybody's graph."""
    up, down = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for line in (kept / "drawn" / "jobs.tsv").read_text().splitlines():
        job, *_, used, made = line.split("\t")
        for near, far in [(job, thing) for thing in used.split("|")] + [(thing, job) for thing in made.split("|")]:
            up[near].add(far)
            down[far].add(near)
    sizes = []
    for asked, edges in zip(json.loads((kept / "drawn" / "asked.json").read_text()), (up, down, down), strict=True):
        seen = waiting = {asked}
        while waiting:
            waiting = set().union(*(edges[one] for one in waiting)) - seen
            seen = seen | waiting
        sizes.append(len(seen) - 1)
    return sizes


def test_all_answers_are_what_the_drawn_jobs_say(first: tuple[Path, str]) -> None:
    kept, printed = first
    sizes = reached(kept)
    asked = ("ancestors of a label", "descendants of a raw image", "descendants of a flat field")
    told = " | ".join(f"{question}: {size:,}" for question, size in zip(asked, sizes, strict=True))
    assert f"| CPU ms / ms | {told} |" in printed.splitlines()
    assert differences(printed) == []
    for who in ("prov + networkx, networkx", "filiation, names", "filiation, names, edges and their crates"):
        (row,) = (line for line in printed.splitlines() if line.startswith(f"| {who} |"))
        assert row.count(", once") == len(asked)
    assert min(sizes) > 100


def test_a_peer_that_is_not_installed_is_left_out_with_a_line(first: tuple[Path, str], environments: Path) -> None:
    kept, printed = first
    place = environments / "aiida"
    assert printed.startswith(f"aiida is left out: it is not installed in {place} (make bench-peers does it).\n")
    assert not (kept / "aiida").exists()


@pytest.mark.slow
def test_what_was_kept_is_asked_again_and_a_wrong_answer_is_told(first: tuple[Path, str], environments: Path) -> None:
    kept, _ = first
    document = kept / "prov" / "everything.json"
    whole = json.loads(document.read_text())
    label = next(iter(json.loads((kept / "drawn" / "asked.json").read_text())))
    made = whole["wasGeneratedBy"]
    whole["wasGeneratedBy"] = {key: edge for key, edge in made.items() if edge["prov:entity"] != f"lab:{label}"}
    document.write_text(json.dumps(whole))
    again = differences(compare(environments, kept))
    size = reached(kept)[0]
    start = r"- \\\* ancestors of a label, prov \+ networkx, networkx: "
    assert re.fullmatch(rf"{start}0, not {size:,}; {size:,} missing, as /lab/\S+", again[0])
    assert len(again) == 3, again
