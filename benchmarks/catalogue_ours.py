"""What filiation takes for one question over an index: in a process of its own, which asks it over and over.

The index is opened beforehand, as it is for who asks from Python. The first answer is told apart: it opens the arrays
and, where the answer is large, imports numpy.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from filiation.catalogue import CatalogueFolder, Joining, LineageIndex
from filiation.lineage.walk import ancestors, descendants, reach

MOST, LONGEST = 100, 5.0
"""A question is asked so many times, or for so many seconds, and once more before that."""
FEWEST = 5
PAGE = 1_000


class Times(NamedTuple):
    """Processor time of answers, in milliseconds: of the first, and of those after it."""

    first: float
    others: list[float]


def ask(folder: CatalogueFolder, *question: object) -> Times:
    """Ask a question in a process of its own.

    Parameters
    ----------
    folder
        The catalogue.
    question
        ``named``, ``counted`` or ``listed`` with an IRI and whether upwards, or ``counts``.
    """
    command = [sys.executable, __file__, str(folder.index), str(folder.arrays), json.dumps(question)]
    return Times(*json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def question(index: LineageIndex, kind: str, iri: str = "", *, up: bool = False) -> Callable[[], object]:
    """Return what asks, and looks at every part of the answer."""
    if kind == "named":
        return partial(_named, index, iri, up=up)
    if kind == "counted":
        return lambda: reach(index, [iri], up=up).count()
    if kind == "listed":
        things, _ = reach(index, [iri], up=up).count()
        return lambda: reach(index, [iri], up=up).page(things // 2, PAGE)
    return lambda: (index.jobs_by_day_and_agent(), index.summaries(), index.gaps())


def _named(index: LineageIndex, iri: str, *, up: bool) -> tuple[int, int]:
    """Take each IRI, and each edge with its crate."""
    walked = (ancestors if up else descendants)(index, Joining(index), [iri])
    return len(list(walked.iris)), sum(len(edge.crate) for edge in walked.edges)


def measure(asked: Callable[[], object]) -> Times:
    """Ask over and over."""
    first, others = _took(asked), []
    until = time.monotonic() + LONGEST
    while len(others) < FEWEST or (len(others) < MOST and time.monotonic() < until):
        others.append(_took(asked))
    return Times(first, others)


def _took(asked: Callable[[], object]) -> float:
    begun = time.process_time()
    asked()
    return 1000 * (time.process_time() - begun)


def main(place: str, arrays: str, asked: str) -> None:
    """Print what a question took."""
    kind, *rest = json.loads(asked)
    with LineageIndex(Path(place), arrays=Path(arrays)) as index:
        iri, up = rest or ("", False)
        print(json.dumps(measure(question(index, kind, iri, up=up))))


if __name__ == "__main__":
    main(*sys.argv[1:])
