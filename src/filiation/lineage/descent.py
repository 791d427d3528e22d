"""What a run made out of images on a server: each label image and table with the images that it descends from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filiation.catalogue import GENERATED, USED, ActionNode, EntityNode
from filiation.lineage.walk import ancestors
from filiation.model import EntityKind

if TYPE_CHECKING:
    from filiation.catalogue import Joining, LineageIndex, RunSummary
    from filiation.lineage.walked import Walked

TABLE_TYPES: Final = ("application/vnd.apache.parquet", "application/x-parquet")
_SERVER_IMAGE: Final = re.compile(r"https://[^/]+/Image/\d+")


@dataclass(frozen=True, slots=True)
class Descent:
    """A label image or table of a run, and what it came out of.

    Parameters
    ----------
    made
        The label image or table.
    images
        The images on servers that it descends from, by IRI, each as the run saw it that read it.
    labels
        IRIs of the label images that it descends from itself.
    maker
        The action that made it.
    actions
        Everything that it descends from was done by these, in any run, in order of time.
    """

    made: EntityNode
    images: tuple[EntityNode, ...]
    labels: frozenset[str]
    maker: ActionNode
    actions: tuple[ActionNode, ...]

    @property
    def is_label_image(self) -> bool:
        """Whether it is a label image; else it is a table."""
        return self.made.kind == EntityKind.LABEL_IMAGE


def descents(index: LineageIndex, joining: Joining, run: RunSummary) -> tuple[Descent, ...]:
    """Return the label images and tables that a run made and that descend from images on a server, by path."""
    made = sorted((entity for entity in index.entities(crate=run.iri) if _counts(entity)), key=lambda found: found.path)
    found = (_descent(index, joining, entity) for entity in made)
    return tuple(descent for descent in found if descent.images)


def _counts(entity: EntityNode) -> bool:
    is_table = entity.media_type in TABLE_TYPES or entity.path.endswith(".parquet")
    return entity.generated and (entity.kind == EntityKind.LABEL_IMAGE or is_table)


def _descent(index: LineageIndex, joining: Joining, made: EntityNode) -> Descent:
    walked = ancestors(index, joining, (made.iri,))
    actions = {action.iri: action for iri in walked.iris for action in index.actions(iri=iri)}
    maker = next(edge.src for edge in index.edges_into(made.iri) if edge.role == GENERATED)
    before = (entity for iri in walked.iris - {made.iri} for entity in index.entities(iri=iri))
    return Descent(
        made=made,
        images=tuple(_images(index, walked)),
        labels=frozenset(entity.iri for entity in before if entity.kind == EntityKind.LABEL_IMAGE),
        maker=actions[maker],
        actions=tuple(sorted(actions.values(), key=lambda action: (str(action.started), action.iri))),
    )


def _images(index: LineageIndex, walked: Walked) -> list[EntityNode]:
    found: dict[str, EntityNode] = {}
    for edge in sorted(walked.edges):
        if edge.role == USED and _SERVER_IMAGE.fullmatch(edge.src):
            # The crate that says it was used: another run may have read other pixels under the same id.
            for entity in index.entities(iri=edge.src, crate=edge.crate):
                found.setdefault(entity.iri, entity)
    return [found[iri] for iri in sorted(found)]
