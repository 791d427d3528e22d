"""Things on record that nobody made, or that lead nowhere: what an auditor asks to have explained."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from filiation.catalogue import THING, Joining, LineageIndex
from filiation.catalogue.adjacency import Reached
from filiation.catalogue.crate_gaps import NO_MAKER, ORPHAN, OTHER_BYTES, SOURCE
from filiation.catalogue.whole_graph import WholeGraph
from filiation.lineage.gaps import WHOLE, Page, tell
from filiation.lineage.observations import Observation, Observations
from filiation.model.sentences import Sentence

UNUSED: Final = "unused"
"""Made beside something that was used further, and used by nothing itself."""
UNKNOWN_FILE: Final = "unknown file"
"""On disk beside what runs made, and in no crate."""

KINDS: Final = (OTHER_BYTES, ORPHAN, NO_MAKER, UNUSED, UNKNOWN_FILE, SOURCE)
"""The gravest first."""
_ASKED_FOR: Final = frozenset({UNKNOWN_FILE, SOURCE})
"""Told only if they are named: a disk has to be looked at, and a source is what it shall be."""
_ALL: Final = 1 << 40


def find_orphans(index: LineageIndex, joining: Joining, kinds: Iterable[str] = (), page: Page = WHOLE) -> Observations:
    """Look for things that nobody made and that are no sources, and for what was made and leads nowhere.

    Parameters
    ----------
    index, joining
        The lineage within runs, and between them.
    kinds
        Of :data:`KINDS`; if there are none, all for which no disk is looked at, without sources.
    page
        Which lines of the answer to tell; the counts are of all.
    """
    wanted = [kind for kind in KINDS if kind in set(kinds or set(KINDS) - _ASKED_FOR)]
    unknown = list(_unknown_files(index)) if UNKNOWN_FILE in wanted else []
    told = [kind for kind in wanted if kind != UNUSED]
    found = tell(index, joining, "What did nobody make, and what leads nowhere?", told, page, {UNKNOWN_FILE: unknown})
    if UNUSED not in wanted:
        return found
    numbers = WholeGraph(index).unused()
    if not numbers.size:
        return found
    before = found.lines or 0
    start = max(page.start - before, 0)
    size = _ALL if page.size is None else max(page.start + page.size - before - start, 0)
    names = Reached(index.adjacency(), numbers, 0).page(start, size, kind=THING) if size else ()
    return replace(
        found,
        found=(*found.found, *(each for name in names for each in _unused(index, name))),
        told={**found.counts, UNUSED: int(numbers.size)},
        lines=before + int(numbers.size),
    )


def _unused(index: LineageIndex, iri: str) -> Iterator[Observation]:
    for entity in index.entities(iri=iri, generated=True)[:1]:
        detail = Sentence("no job and no run used it, though what the same job made beside it was used")
        yield Observation(UNUSED, entity.path, detail, (iri,), (entity.crate,), size=entity.size)


def _unknown_files(index: LineageIndex) -> Iterator[Observation]:
    """Tell of files that lie in folders into which runs wrote single files, and that no crate knows."""
    for folder in index.folders_written_to():
        try:
            with os.scandir(folder) as listed:
                names = sorted(each.name for each in listed if each.is_file(follow_symlinks=False))
        except OSError:
            continue  # what is gone or cannot be read says nothing; `check` tells of it
        for name in names:
            place = posixpath.join(folder, name)
            if not name.startswith(".") and not index.knows_place(place):
                size = _size(place)
                yield Observation(
                    UNKNOWN_FILE, place, Sentence("lies where runs wrote, and no crate knows it"), (), (), size=size
                )


def _size(place: str) -> int | None:
    try:
        return Path(place).stat().st_size
    except OSError:
        return None
