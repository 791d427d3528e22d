"""What stands inside what: a store made by one job, a file of it used by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filiation.catalogue.nodes import PART, Edge, EntityNode
from filiation.model import is_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def contained(entities: Iterable[EntityNode], crate: str) -> Iterator[Edge]:
    """Yield the edges between the things of one run that stand inside each other, by their paths.

    A thing that no action made comes out of the innermost thing around it that one did make. A folder that no action
    made is made up of the things inside it that were made: those are what a job read that took the folder.

    Parameters
    ----------
    entities
        The things of one run.
    crate
        IRI of its crate.
    """
    # The place, where it is known, is the same for a relative and an absolute name of one thing.
    by_path = {entity.place or entity.path: entity for entity in entities if not is_uri(entity.path)}
    by_path.pop("./", None)
    for path, entity in by_path.items():
        around = [by_path[folder] for folder in _folders_above(path) if folder in by_path]
        if not entity.generated:
            maker = next((outer for outer in around if outer.generated), None)
            if maker is not None:
                yield Edge(maker.iri, entity.iri, PART, crate)
            continue
        for outer in around:
            if outer.generated:
                break
            yield Edge(entity.iri, outer.iri, PART, crate)


def _folders_above(path: str) -> Iterator[str]:
    """Yield the folders around a path, the innermost first."""
    while "/" in path.rstrip("/"):
        path = path.rstrip("/").rpartition("/")[0]
        yield path or "/"
        if not path:
            return
