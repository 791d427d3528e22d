"""Where runs meet: what one run found is what another made, as :mod:`filiation.catalogue.join_rules` worked it out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from filiation.catalogue.nodes import EntityNode, RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.catalogue.index import LineageIndex

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


class Joining:
    """The joins between the runs of an index, to be asked; what was looked up once is kept.

    Parameters
    ----------
    index
        The index, not to be written to meanwhile.
    """

    def __init__(self, index: LineageIndex) -> None:
        self._index = index
        self._runs: dict[str, RunSummary | None] = {}
        self._makers: dict[tuple[str, str], tuple[EntityNode, ...]] = {}

    def makers(self, found: EntityNode) -> tuple[EntityNode, ...]:
        """Return what other runs made that ``found`` may be, sorted by IRI; nothing if its own run made it."""
        key = (found.iri, found.crate)
        if key not in self._makers:
            made = (entity for iri in self._index.makers_of(found) for entity in self._index.entities(iri=iri))
            self._makers[key] = tuple(entity for entity in made if entity.generated)
        return self._makers[key]

    def alike(self, entities: Iterable[EntityNode]) -> set[str]:
        """Return the IRIs of things, and of what runs found with the bytes of those that no run is known to have made.

        Empty things are alike only at the same path.
        """
        found: set[str] = set()
        looked_up: set[tuple[str, str]] = set()
        for entity in entities:
            found.add(entity.iri)
            content = (str(entity.digest), entity.path if entity.is_empty else "")
            if entity.generated or entity.digest is None or content in looked_up or self.makers(entity):
                continue
            looked_up.add(content)
            path = entity.path if entity.is_empty else None
            same = self._index.entities(digest=str(entity.digest), path=path, generated=False)
            found.update(other.iri for other in same)
        return found

    def run_of(self, entity: EntityNode) -> RunSummary | None:
        """Return the run that a thing was seen in."""
        if entity.crate not in self._runs:
            self._runs[entity.crate] = self._index.run(entity.crate)
        return self._runs[entity.crate]

    def began(self, entity: EntityNode) -> datetime:
        """When the run began that a thing was seen in; before everything if that is not known."""
        run = self.run_of(entity)
        return _BEFORE_ALL if run is None or run.started is None else run.started
