"""Which of what other runs made is what a run found: the rules by which runs join.

``docs/decisions/0002-identity-and-joining.md`` says why they are so and not otherwise. What comes of them is noted in
the index when a crate comes in, for that crate and for those whose joins it may change, so that it depends on which
crates are there and not on the order in which they came.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from filiation.catalogue.crate_gaps import Gap, counted, gaps_of_found, out_of_order
from filiation.catalogue.manifests import Manifests
from filiation.catalogue.nodes import (
    GENERATED,
    PART,
    SAME_CONTENT,
    USED,
    ActionNode,
    Edge,
    EntityNode,
    RunSummary,
)
from filiation.catalogue.sites import site_of
from filiation.model import Digest, EntityKind, is_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from filiation.catalogue.index import LineageIndex

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
_CRATES_AT_ONCE: Final = 50
"""Whose joins are noted in one transaction."""


def work_out_joins(index: LineageIndex, crates: Path | None = None) -> int:
    """Bring the joins between the runs of an index up to date; return of how many crates they were worked out.

    It can be interrupted: what is missing then is worked out by the next who does this.

    Parameters
    ----------
    index
        The index.
    crates
        The folder of crates, whose manifests tell what stands inside the trees that runs made.
    """
    waiting = index.unjoined()
    for start in range(0, len(waiting), _CRATES_AT_ONCE):
        rules = JoinRules(index, crates)
        index.set_joins(
            [(crate, *_joins_of(crate, index, rules)) for crate in waiting[start : start + _CRATES_AT_ONCE]]
        )
    return len(waiting)


def _joins_of(crate: str, index: LineageIndex, rules: JoinRules) -> tuple[list[Edge], dict[str, tuple[int, int]]]:
    """Return the edges into what a crate's run found, and what it leaves open by what other runs tell."""
    edges: list[Edge] = []
    gaps: list[Gap] = []
    for found in index.entities(crate=crate, generated=False):
        makers = rules.makers(found)
        edges += (_join(maker, found) for maker in makers)
        gaps += rules.gaps(found, makers)
    return edges, counted(gaps)


def _join(maker: EntityNode, taker: EntityNode) -> Edge:
    role = SAME_CONTENT if maker.digest == taker.digest else PART
    return Edge(maker.iri, taker.iri, role, taker.crate)


class JoinRules:
    """The rules over the runs of an index; what was looked up once is kept.

    Parameters
    ----------
    index
        The index, not to be given other crates meanwhile.
    crates
        The folder of crates.
    """

    def __init__(self, index: LineageIndex, crates: Path | None = None) -> None:
        self._index = index
        self._manifests = Manifests(crates, index.folder_of)
        self._trees: dict[str, tuple[EntityNode, ...]] = {}
        self._runs: dict[str, RunSummary | None] = {}

    def makers(self, found: EntityNode) -> tuple[EntityNode, ...]:
        """Return what other runs made that ``found`` may be, sorted by IRI; nothing if its own run made it."""
        if found.generated or found.digest is None or found.kind == EntityKind.RAW_IMAGE:
            return ()
        return self._makers_of_content(found, found.digest) or self._makers_around(found, found.digest)

    def gaps(self, found: EntityNode, makers: tuple[EntityNode, ...]) -> Iterator[Gap]:
        """Yield what is open of a thing that a run found, by what the runs tell that made it, or did not."""
        yield from gaps_of_found(found, is_made=bool(makers), made_otherwise=self._made_otherwise)
        for made in makers:
            if self._overlap(made, found):
                for maker in self._actions(edge.src for edge in self._index.edges_into(made.iri)):
                    for taker in self._actions(edge.dst for edge in self._index.edges_out_of(found.iri)):
                        gap = out_of_order(found, maker, taker)
                        if gap is not None and taker.crate == found.crate:
                            yield gap

    def _made_otherwise(self, found: EntityNode) -> str | None:
        """Return the crate of the last run that made something at the place of a thing that none made."""
        if found.place is None:
            return None
        there = self._index.entities(place=found.place, generated=True)
        made = [each for each in there if each.digest != found.digest and self._may_be(each, found)]
        return max(made, key=lambda each: (self._began(each), each.iri)).crate if made else None

    def _overlap(self, made: EntityNode, found: EntityNode) -> bool:
        """Whether the making run went on when the finding one had begun: else nothing can be out of order."""
        maker = self._run(made.crate)
        return maker is None or maker.ended is None or maker.ended > self._began(found)

    def _actions(self, iris: Iterable[str]) -> list[ActionNode]:
        return [action for iri in iris for action in self._index.actions(iri=iri)]

    def _makers_of_content(self, found: EntityNode, digest: Digest) -> tuple[EntityNode, ...]:
        if found.is_empty:
            same = self._index.made_empty(str(digest), path=found.path, place=found.place)
        else:
            same = self._index.entities(digest=str(digest), generated=True)
        made = [entity for entity in same if self._may_be(entity, found)]
        here = [entity for entity in made if entity.place is not None and entity.place == found.place]
        if here:
            return tuple(self._latest(here, found))
        made = [entity for entity in made if entity.crate != found.crate]
        named_alike = [entity for entity in made if entity.path == found.path]
        if found.is_empty:
            return tuple(entity for entity in named_alike if site_of(entity.place) == site_of(found.place))
        if named_alike:
            return tuple(named_alike)
        return tuple(entity for entity in made if not self._is_copy_of(entity, found))

    def _makers_around(self, found: EntityNode, digest: Digest) -> tuple[EntityNode, ...]:
        """Return the innermost tree around a thing that another run made with just this inside."""
        if found.place is None or is_uri(found.place):
            return ()
        for folder in PurePosixPath(found.place).parents:
            trees = self._trees_at(str(folder))
            if any(tree.crate == found.crate for tree in trees):
                return ()  # its own run made what is around it, and says so itself
            inner = found.place.removeprefix(str(folder)).lstrip("/")
            holding = [
                tree for tree in trees if self._may_be(tree, found) and self._manifests.holds(tree, inner, digest)
            ]
            if holding:
                return tuple(self._latest(holding, found))
        return ()

    def _trees_at(self, place: str) -> tuple[EntityNode, ...]:
        if place not in self._trees:
            self._trees[place] = self._index.trees_made_at(place)
        return self._trees[place]

    def _may_be(self, made: EntityNode, found: EntityNode) -> bool:
        """Whether one could be the other: made by a run that began before the finding one had ended."""
        if made.iri == found.iri:
            return False
        run, finder = self._run(made.crate), self._run(found.crate)
        if run is None or finder is None or run.started is None or finder.ended is None:
            return True
        return run.started <= finder.ended

    def _latest(self, made: Iterable[EntityNode], found: EntityNode) -> list[EntityNode]:
        """Of things made at one place, keep what the last run before the finding one left there."""
        candidates = list(made)
        limit = self._began(found)
        before = [entity for entity in candidates if self._began(entity) <= limit] or candidates
        last = max(self._began(entity) for entity in before)
        return [entity for entity in before if self._began(entity) == last]

    def _is_copy_of(self, made: EntityNode, found: EntityNode) -> bool:
        """Whether the run that made a thing copied it from the very place where ``found`` was found.

        Then it is no origin of it.
        """
        if found.place is not None and not self._index.tells_of(made.crate, str(found.digest), found.place):
            return False  # as of most: what the run used need not be looked at
        actions = [edge.src for edge in self._index.edges_into(made.iri) if edge.role == GENERATED]
        sources = {edge.src for action in actions for edge in self._index.edges_into(action) if edge.role == USED}
        return any(
            entity.digest == found.digest and entity.place == found.place
            for source in sources
            for entity in self._index.entities(iri=source, crate=made.crate)
        )

    def _run(self, crate: str) -> RunSummary | None:
        if crate not in self._runs:
            self._runs[crate] = self._index.run(crate)
        return self._runs[crate]

    def _began(self, entity: EntityNode) -> datetime:
        run = self._run(entity.crate)
        return _BEFORE_ALL if run is None or run.started is None else run.started
