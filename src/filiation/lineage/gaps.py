"""What the record leaves open or contradicts: after the constraints of W3C PROV, over every run of the catalogue.

How much there is of each kind was counted when crates came in; only the crates that are told of are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filiation.catalogue import Joining, LineageIndex
from filiation.catalogue.crate_gaps import CYCLE, KINDS, PRODUCERS, Gap, gaps_of
from filiation.catalogue.join_rules import JoinRules
from filiation.catalogue.whole_graph import WholeGraph
from filiation.lineage.observations import Observation, Observations
from filiation.model.sentences import Sentence

__all__ = ["KINDS", "Page", "find_gaps", "tell"]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of an answer is wanted.

    Parameters
    ----------
    start
        How many lines to leave out.
    size
        How many to tell at most; None for all.
    """

    start: int = 0
    size: int | None = None

    @classmethod
    def numbered(cls, number: int | None, size: int) -> Page:
        """Return a page by its number, from 1; 0 for no line at all, None for all."""
        if number is None:
            return cls()
        return cls((number - 1) * size, size) if number else cls(0, 0)

    def __contains__(self, line: int) -> bool:
        return line >= self.start and not self.is_over(line)

    def is_over(self, line: int) -> bool:
        """Whether a line comes after the part."""
        return self.size is not None and line >= self.start + self.size


WHOLE = Page()


def find_gaps(index: LineageIndex, joining: Joining, kinds: Iterable[str] = (), page: Page = WHOLE) -> Observations:
    """Look through every run for what is not told, or cannot be so.

    Parameters
    ----------
    index, joining
        The lineage within runs, and between them.
    kinds
        Of :data:`KINDS`; all if there are none.
    page
        Which lines of the answer to tell; the counts are of all.
    """
    wanted = [kind for kind in KINDS if kind in set(kinds or KINDS)]
    graph = WholeGraph(index) if {CYCLE, PRODUCERS} & set(wanted) else None
    across = {
        CYCLE: [] if graph is None or CYCLE not in wanted else list(_circles(index, graph)),
        PRODUCERS: [] if graph is None or PRODUCERS not in wanted else list(_producers(index, graph)),
    }
    return tell(index, joining, "What is not told, or cannot be so?", wanted, page, across)


def tell(
    index: LineageIndex,
    joining: Joining,
    title: str,
    kinds: Iterable[str],
    page: Page,
    across: dict[str, list[Observation]],
) -> Observations:
    """Tell of each kind what crates leave open, and what was found across them.

    Parameters
    ----------
    index, joining
        The lineage within runs, and between them.
    title
        What was looked for, in words.
    kinds
        In the order in which they are told.
    page
        Which lines to tell.
    across
        What was found across crates, by kind.
    """
    counts: dict[str, int] = {}
    found: list[Observation] = []
    line = 0
    told = index.gaps()
    for kind in kinds:
        count, lines = told.get(kind, (0, 0))
        between = across.get(kind, [])
        if count or between:
            counts[kind] = count + sum(each.count for each in between)
        for each in between:
            found += [each] if line in page else []
            line += 1
        if page.is_over(line) or line + lines <= page.start:
            line += lines
            continue
        for crate, here in index.crates_with_gaps(kind):
            if not page.is_over(line) and line + here > page.start:
                gaps = sorted(_of_crate(index, joining, crate, kind), key=lambda gap: (gap.what, gap.iris))
                told_here = (Observation(kind, gap.what, gap.detail, gap.iris, (crate,), gap.count) for gap in gaps)
                found += (each for number, each in enumerate(told_here, line) if number in page)
            line += here
    return Observations(title, tuple(found), index.facts.size(), counts, line)


def _of_crate(index: LineageIndex, joining: Joining, crate: str, kind: str) -> Iterator[Gap]:
    entities = index.entities(crate=crate)
    for gap in gaps_of(index.actions(crate=crate), entities, index.edges_of(crate)):
        if gap.kind == kind:
            yield gap
    rules = JoinRules(index)
    for entity in entities:
        for gap in rules.gaps(entity, joining.makers(entity)) if not entity.generated else ():
            if gap.kind == kind:
                yield gap


def _circles(index: LineageIndex, graph: WholeGraph) -> Iterator[Observation]:
    """Tell of circles that go through several crates."""
    for circle in graph.circles_across():
        names, crates = _named(index, circle)
        detail = Sentence("descends from itself, over {listed}", listed=", ".join(names[1:]))
        yield Observation(CYCLE, names[0], detail, circle, crates)


def _producers(index: LineageIndex, graph: WholeGraph) -> Iterator[Observation]:
    """Tell of things under one name that actions of several crates made."""
    for iri, makers in graph.made_in_several_crates():
        (what, *names), crates = _named(index, (iri, *makers))
        yield Observation(
            PRODUCERS,
            what,
            Sentence("made by each of: {listed}", listed=", ".join(sorted(set(names)))),
            (iri, *makers),
            crates,
        )


def _named(index: LineageIndex, iris: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Return what nodes are called, and the crates that tell of them."""
    names, crates = list[str](), set[str]()
    for iri in iris:
        actions, entities = index.actions(iri=iri), index.entities(iri=iri)
        names.append(actions[0].name if actions else entities[0].path if entities else iri)
        crates |= {action.crate for action in actions} | {entity.crate for entity in entities}
    return names, tuple(sorted(crates))
