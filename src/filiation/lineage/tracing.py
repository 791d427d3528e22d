"""From what a person named to an answer: where the walk starts, how far it goes, and what of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from filiation.catalogue import EntityNode, Joining, LineageIndex, Node, RunSummary
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage.answers import ANCESTORS, Lineage
from filiation.lineage.resolution import Resolution, Resolver
from filiation.lineage.walk import Bounds, ancestors, descendants, only, only_of
from filiation.lineage.walked import Walked
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from filiation.lineage.conditions import Condition
    from filiation.lineage.fields import Surroundings
    from filiation.lineage.publications import Publication
    from filiation.lineage.sides import Side

_FEW: Final = 5_000
"""Nodes that are quicker read than looked for in columns."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a lineage is asked for.

    Parameters
    ----------
    depth
        How many actions to go over at most; None for all.
    until
        The walk goes no further than what any of these names.
    only
        What is shown: actions that are as every condition says that can be asked of an action, and things likewise.
    run
        The start of a run's id: things as this run made or used them.
    published
        Only what is published, or leads from the things to what is.
    """

    depth: int | None = None
    until: tuple[Condition, ...] = ()
    only: tuple[Condition, ...] = ()
    run: str | None = None
    published: bool = False

    @property
    def is_bounded(self) -> bool:
        """Whether a walk leaves something out that it would come by."""
        return self.depth is not None or bool(self.until) or self.run is not None


WHOLE: Final = Extent()


class Tracer:
    """Answers where things come from and what came of them.

    Parameters
    ----------
    index, joining
        Edges within runs, and between them.
    resolver
        Finds what is named.
    around
        What conditions may ask for besides what nodes say themselves; asked for once there is a condition.
    """

    def __init__(
        self, index: LineageIndex, joining: Joining, resolver: Resolver, around: Callable[[], Surroundings]
    ) -> None:
        self._index = index
        self.joining = joining
        self.resolver = resolver
        self._around = around
        self._nodes: dict[str, Node] = {}
        self._looked_up: set[int] = set()

    def walk(self, things: Iterable[str], direction: str, extent: Extent) -> Lineage:
        """Return the lineage of things; see :meth:`filiation.lineage.Ledger.trace`."""
        upwards = direction == ANCESTORS
        found = [self.resolver.resolve(thing) for thing in dict.fromkeys(things)]
        if not found:
            raise BadInputError(Sentence("Nothing was named. Name a path, a digest, an IRI or a run."))
        crate = None if extent.run is None else self.resolver.run(extent.run).iri
        roots = tuple(dict.fromkeys(iri for each in found for iri in self.starts(each, crate, upwards=upwards)))
        bounds = self.bounds(extent, crate)
        told: tuple[Publication, ...] = ()
        if extent.only and not extent.published:
            walked = only(self._index, roots, self._chosen(extent.only), bounds, up=upwards)
        else:
            walk = ancestors if upwards else descendants
            walked = walk(self._index, self.joining, roots, bounds)
        if extent.published:
            from filiation.lineage.publications import leading_to

            told = self.publications(walked.iris)
            walked = leading_to(walked, roots, direction, {iri for each in told for iri in each.things})
            if extent.only:
                self.look_up(walked.numbers.values())
                walked = only_of(walked, roots, self.all_hold(extent.only), up=upwards)
        lineage = self.lineage(", ".join(each.thing for each in found), direction, roots, walked)
        notes = list(dict.fromkeys(each.note for each in found if each.note is not None))
        if extent.published and not told:
            beyond = "it descends from" if upwards else "descends from it"
            notes.append(f"Neither it nor anything that {beyond} is marked as published.")
        return replace(lineage, note=Sentence.joined(notes) if notes else None, publications=told)

    def sides(self, first: str, second: str) -> tuple[Side, Side]:
        """Return two runs, or the lineages of two things, to be compared.

        Raises
        ------
        BadInputError
            If a run is compared with a thing.
        """
        found = [self.resolver.run_or_thing(name) for name in (first, second)]
        if isinstance(found[0], RunSummary) != isinstance(found[1], RunSummary):
            raise BadInputError(f"{first} and {second} are a run and a thing: compare two runs, or two things.")
        before, after = (self._side(name, each) for name, each in zip((first, second), found, strict=True))
        return before, after

    def _side(self, name: str, found: RunSummary | Resolution) -> Side:
        from filiation.lineage.sides import Side, side_of_run

        if isinstance(found, RunSummary):
            return side_of_run(self._index, f"run {found.id[:8]}", found)
        walked = ancestors(self._index, self.joining, found.origins)
        lineage = self.lineage(name, ANCESTORS, found.origins, walked)
        crates = {action.crate for action in lineage.actions}
        runs = tuple(run for crate in sorted(crates) if (run := self._index.run(crate)) is not None)
        return Side(name, runs, lineage.actions, lineage.entities, lineage.edges, found.origins[:1])

    def lineage(self, thing: str, direction: str, roots: Iterable[str], walked: Walked) -> Lineage:
        """Return what a walk found, with its nodes."""
        self.look_up(number for iri, number in walked.numbers.items() if iri in walked.iris)
        nodes = (self.node(iri) for iri in sorted(walked.iris))
        return Lineage(
            thing=thing,
            direction=direction,
            roots=tuple(roots),
            nodes=tuple(node for node in nodes if node is not None),
            edges=tuple(sorted(walked.edges)),
            cut=tuple(sorted(walked.cut)),
            stopped=tuple(sorted(walked.stopped)),
        )

    def node(self, iri: str) -> Node | None:
        """Return a node; of a remote image that several runs describe, what the newest of them says."""
        if iri not in self._nodes:
            self.look_up(self._index.numbers_of([iri]).values())
        return self._nodes.get(iri)

    def look_up(self, numbers: Iterable[int]) -> None:
        """Look up nodes, many at once."""
        wanted = [number for number in numbers if number not in self._looked_up]
        self._looked_up.update(wanted)
        self._nodes.update(self._index.shown(wanted))

    def bounds(self, extent: Extent, crate: str | None) -> Bounds:
        """Return how far a walk goes, ``crate`` being the one of the run that is asked for."""
        return Bounds(extent.depth, self._any(extent.until) if extent.until else None, crate)

    def publications(self, iris: AbstractSet[str]) -> tuple[Publication, ...]:
        """Return what is published of nodes."""
        from filiation.lineage.publications import publications_among

        return publications_among(self._index, iris, self._around().annotations)

    def starts(self, found: Resolution, crate: str | None, *, upwards: bool) -> tuple[str, ...]:
        """Return where a walk from a thing begins; with ``crate``, at the thing as that one's run made or found it.

        Raises
        ------
        NotFoundError
            If the run neither used nor made it.
        """
        if crate is None:
            return found.origins if upwards else found.nodes
        seen = [entity for iri in found.nodes for entity in self._index.entities(iri=iri)]
        here = [entity for entity in seen if entity.crate == crate]
        if not here:
            raise NotFoundError(self._elsewhere(found, crate, seen))
        return tuple(dict.fromkeys(entity.iri for entity in here))

    @staticmethod
    def _elsewhere(found: Resolution, crate: str, seen: list[EntityNode]) -> str:
        runs = ", ".join(sorted({_run_id(entity.crate)[:8] for entity in seen})) or "none"
        return Sentence(
            "Run {crate} neither used nor made {thing}. Runs that did: {runs}.",
            crate=_run_id(crate),
            thing=found.thing,
            runs=runs,
        )

    def _any(self, conditions: tuple[Condition, ...]) -> Callable[[set[int]], set[int]]:
        """Return what tells of some nodes which of them are as one of the conditions says; it reads no others."""
        around = self._around()

        def holding(numbers: set[int]) -> set[int]:
            self.look_up(numbers)
            names = self._index.adjacency().names(numbers)
            nodes = ((number, self._nodes.get(iri)) for number, iri in names.items())
            return {
                number
                for number, node in nodes
                if node is not None and any(condition.holds(node, around) for condition in conditions)
            }

        return holding

    def _chosen(self, conditions: tuple[Condition, ...]) -> Callable[[Collection[int]], set[int]]:
        """Return what tells which of some nodes are as the conditions say; of many, columns of the index choose first.

        They tell whatever any crate says of a node; the node that is shown has the last word.
        """
        holds = self.all_hold(conditions)

        def chosen(numbers: Collection[int]) -> set[int]:
            wanted = {int(number) for number in numbers}
            if len(wanted) > _FEW:
                wanted &= self._as_columns_tell(conditions)
            self.look_up(wanted)
            return {number for number, iri in self._index.adjacency().names(wanted).items() if holds(iri)}

        return chosen

    def _as_columns_tell(self, conditions: tuple[Condition, ...]) -> set[int]:
        from filiation.lineage.fields import KINDS
        from filiation.lineage.searching import Search

        search = Search(self._index.facts, self._around())
        found: set[int] = set()
        for kind in KINDS:
            if asked := [condition for condition in conditions if condition.applies_to(kind)]:
                for crate, bits in search.hits(kind, asked).items():
                    found.update(self._index.facts.numbers(kind, crate, bits))
        return found

    def all_hold(self, conditions: tuple[Condition, ...]) -> Callable[[str], bool]:
        """Whether a node is as all those conditions say that can be asked of its kind, and there is one."""
        from filiation.lineage.fields import kind_of

        around = self._around()

        def holds(iri: str) -> bool:
            node = self.node(iri)
            asked = [] if node is None else [found for found in conditions if found.applies_to(kind_of(node))]
            return node is not None and bool(asked) and all(condition.holds(node, around) for condition in asked)

        return holds


def _run_id(crate: str) -> str:
    return crate.removeprefix("arcp://uuid,").rstrip("/")
