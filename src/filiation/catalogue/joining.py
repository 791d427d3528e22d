"""Where runs meet: what one run found is what another made, because the bytes are the same.

``docs/decisions/0002-identity-and-joining.md`` says why it is so and not otherwise. Joins are worked out when they
are asked for, never stored: which run made a thing depends on which runs are known, and an answer must not depend on
the order in which they came in.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from filiation.catalogue.manifests import Manifests
from filiation.catalogue.nodes import GENERATED, USED, EntityNode, RunSummary
from filiation.model import Digest, EntityKind, is_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.catalogue.index import LineageIndex

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


class Joining:
    """The joins between the runs of an index; what was worked out once is kept.

    Parameters
    ----------
    index
        The index, not to be written to meanwhile.
    crates
        The folder of crates, whose manifests tell what stands inside the trees that runs made.
    """

    def __init__(self, index: LineageIndex, crates: Path | None = None) -> None:
        self._index = index
        self._manifests = Manifests(crates, index.folder_of)
        self._trees: dict[str, tuple[EntityNode, ...]] = {}
        self._runs: dict[str, RunSummary] = {run.iri: run for run in index.runs()}
        self._same: dict[str, tuple[EntityNode, ...]] = {}
        self._makers: dict[tuple[str, str], tuple[EntityNode, ...]] = {}

    def makers(self, found: EntityNode) -> tuple[EntityNode, ...]:
        """Return what other runs made that ``found`` may be, sorted by IRI; nothing if its own run made it."""
        key = (found.iri, found.crate)
        if key not in self._makers:
            self._makers[key] = self._find_makers(found)
        return self._makers[key]

    def takers(self, made: EntityNode) -> tuple[EntityNode, ...]:
        """Return what runs found that ``made`` may be, sorted by IRI: the other direction of :meth:`makers`."""
        if not made.generated:
            return ()
        inside = self._index.entities_below(made.place) if made.files is not None and made.place is not None else ()
        found = {(e.iri, e.crate): e for e in (*self._with_content_of(made), *inside) if not e.generated}
        taken = (entity for _, entity in sorted(found.items()))
        return tuple(entity for entity in taken if any(made.iri == maker.iri for maker in self.makers(entity)))

    def alike(self, entity: EntityNode) -> tuple[EntityNode, ...]:
        """Return what runs found with the bytes of a thing that no run is known to have made, itself included."""
        if entity.generated or entity.digest is None or self.makers(entity):
            return (entity,)
        same = (other for other in self._with_content_of(entity) if not other.generated)
        alike = [other for other in same if not entity.is_empty or other.path == entity.path]
        return tuple(alike) or (entity,)

    def run_of(self, entity: EntityNode) -> RunSummary | None:
        """Return the run that a thing was seen in."""
        return self._runs.get(entity.crate)

    def began(self, entity: EntityNode) -> datetime:
        """When the run began that a thing was seen in; before everything if that is not known."""
        run = self._runs.get(entity.crate)
        return _BEFORE_ALL if run is None or run.started is None else run.started

    def _find_makers(self, found: EntityNode) -> tuple[EntityNode, ...]:
        if found.generated or found.digest is None or found.kind == EntityKind.RAW_IMAGE:
            return ()
        return self._makers_of_content(found) or self._makers_around(found, found.digest)

    def _makers_of_content(self, found: EntityNode) -> tuple[EntityNode, ...]:
        made = [entity for entity in self._with_content_of(found) if self._may_be(entity, found)]
        here = [entity for entity in made if entity.place is not None and entity.place == found.place]
        if here:
            return tuple(self._latest(here, found))
        made = [entity for entity in made if entity.crate != found.crate]
        named_alike = [entity for entity in made if entity.path == found.path]
        if named_alike or found.is_empty:
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
            seen = self._index.entities(place=place)
            self._trees[place] = tuple(entity for entity in seen if entity.generated and entity.files is not None)
        return self._trees[place]

    def _may_be(self, made: EntityNode, found: EntityNode) -> bool:
        """Whether one could be the other: made by a run that began before the finding one had ended."""
        if not made.generated or made.iri == found.iri:
            return False
        run, finder = self._runs.get(made.crate), self._runs.get(found.crate)
        if run is None or finder is None or run.started is None or finder.ended is None:
            return True
        return run.started <= finder.ended

    def _latest(self, made: Iterable[EntityNode], found: EntityNode) -> list[EntityNode]:
        """Of things made at one place, keep what the last run before the finding one left there."""
        candidates = list(made)
        limit = self.began(found)
        before = [entity for entity in candidates if self.began(entity) <= limit] or candidates
        last = max(self.began(entity) for entity in before)
        return [entity for entity in before if self.began(entity) == last]

    def _is_copy_of(self, made: EntityNode, found: EntityNode) -> bool:
        """Whether ``made`` was copied from the very place where ``found`` was found: then it is no origin of it."""
        actions = [edge.src for edge in self._index.edges_into(made.iri) if edge.role == GENERATED]
        sources = {edge.src for action in actions for edge in self._index.edges_into(action) if edge.role == USED}
        return any(
            entity.digest == found.digest and entity.place == found.place
            for source in sources
            for entity in self._index.entities(iri=source)
        )

    def _with_content_of(self, entity: EntityNode) -> tuple[EntityNode, ...]:
        if entity.digest is None:
            return ()
        digest = str(entity.digest)
        if digest not in self._same:
            self._same[digest] = self._index.entities(digest=digest)
        return self._same[digest]
