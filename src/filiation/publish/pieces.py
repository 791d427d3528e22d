"""What is to be on the server, piece by piece, and whether it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.crate.metadata import METADATA_FILE
from filiation.digest import digest_file
from filiation.errors import NotFoundError
from filiation.images.omero.annotations import FOLDER, Annotation, annotations_on
from filiation.images.omero.connection import Connection
from filiation.images.omero.namespaces import MEASUREMENTS, RO_CRATE, RUN
from filiation.images.omero.objects import ObjectId, Target, containers_of, look_up, refuse_unless_writable
from filiation.publish.registration import LONG_VALUES, ImageResults, Pair, RegistrationPlan

if TYPE_CHECKING:
    from filiation.catalogue import Json
    from filiation.images.extents import Survey
    from filiation.images.omero.rois import Rois
    from filiation.lineage import EntityNode
    from filiation.lineage.descent import Descent


class Outcome(StrEnum):
    """What became of a piece, or is to become of it."""

    WRITTEN = "written"
    RENEWED = "renewed"
    THERE = "there already"
    DIFFERENT = "there, and different"
    UNAVAILABLE = "not available"


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that is to be on the server.

    Parameters
    ----------
    what
        For a person: ``pairs``, ``long values``, ``crate``, ``table results/ihc/measurements.parquet``.
    target
        What it is put on.
    namespace
        Which of ours.
    path
        Of a file, below the run's own folder; empty for pairs.
    pairs
        Of pairs.
    content
        Of a file.
    table
        Of a table: where it comes from.
    labels
        Of regions of interest: the label image that they are.
    survey
        Of regions that are to be written: the label image, looked through.
    regions
        Of regions: those that are there.
    copy
        Of a label image that is written once more, with the ids of its regions: where.
    used
        What of the run is put there with it.
    outcome
        What became of it.
    object
        Which it is on the server, once it is known.
    existing
        What is there of it.
    reason
        Why it is not available.
    """

    what: str
    target: Target
    namespace: str
    path: str = ""
    pairs: tuple[Pair, ...] = ()
    content: bytes = b""
    table: EntityNode | None = None
    labels: EntityNode | None = None
    survey: Survey | None = None
    regions: Rois | None = None
    copy: Path | None = None
    used: tuple[Descent, ...] = ()
    outcome: Outcome = Outcome.WRITTEN
    object: ObjectId | None = None
    existing: tuple[Annotation, ...] = ()
    reason: str = ""

    @property
    def to_be_written(self) -> bool:
        """Whether the server has to change."""
        return self.outcome in (Outcome.WRITTEN, Outcome.RENEWED)

    def to_json(self, host: str) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "what": self.what,
            "on": self.target.object.iri(host),
            "namespace": self.namespace,
            "outcome": self.outcome.value,
            "object": None if self.object is None else self.object.iri(host),
            "regions": None if self.regions is None else {str(label): n for label, n in self.regions.ids.items()},
            "pairs": dict(self.pairs) or None,
            "reason": self.reason or None,
        }


def compared(
    connection: Connection, plan: RegistrationPlan, *, tables: bool, crate: bool, renew: bool
) -> tuple[Piece, ...]:
    """Return what is to be on the server, each piece with whether it is there.

    Raises
    ------
    NotFoundError
        If an image is not there, or not to be seen.
    AccessError
        If something may not be annotated.
    """
    images = [results.image for results in plan.images]
    containers = containers_of(connection, [image.id for image in images])
    wanted = dict.fromkeys([*images, *(place for places in containers.values() for place in places)])
    targets = look_up(connection, list(wanted))
    missing = [str(image) for image in images if image not in targets]
    if missing:
        raise NotFoundError(
            f"The OMERO server {connection.host} has no {', '.join(missing[:5])}, or the user {connection.user!r} may "
            f"not see it. Run {plan.run.id[:8]} read it under this id; nothing was written."
        )
    pieces = [piece for results in plan.images for piece in _of_image(results, targets[results.image], tables)]
    if crate:
        pieces += [
            Piece("crate", targets[place], RO_CRATE, METADATA_FILE, content=plan.metadata)
            for place in dict.fromkeys(place for places in containers.values() for place in places)
            if place in targets
        ]
    existing = annotations_on(connection, list(targets))
    found = tuple(_with_outcome(piece, plan.run.id, existing, renew) for piece in pieces)
    refuse_unless_writable(connection, list(dict.fromkeys(piece.target for piece in found if piece.to_be_written)))
    return found


def _of_image(results: ImageResults, target: Target, tables: bool) -> Iterator[Piece]:
    yield Piece("pairs", target, RUN, pairs=results.pairs, used=(*results.labels, *results.tables))
    if results.long_values:
        content = json.dumps(dict(results.long_values), indent=1).encode("ascii")
        yield Piece("long values", target, RUN, LONG_VALUES, content=content)
    for descent in results.tables if tables else ():
        path = descent.made.path.lstrip("/.")
        yield Piece(f"table {descent.made.path}", target, MEASUREMENTS, path, table=descent.made, used=(descent,))


def _with_outcome(piece: Piece, run: str, existing: Iterable[Annotation], renew: bool) -> Piece:
    alike = tuple(each for each in existing if _is_of(each, piece, run))
    if piece.table is not None and (not alike or renew) and (reason := _why_not(piece.table)):
        return replace(piece, outcome=Outcome.UNAVAILABLE, existing=alike, reason=reason)
    if not alike:
        return piece
    if renew:
        return replace(piece, outcome=Outcome.RENEWED, existing=alike)
    same = next((each for each in alike if _is_same(each, piece)), None)
    outcome = Outcome.DIFFERENT if same is None else Outcome.THERE
    return replace(piece, outcome=outcome, object=(same or alike[0]).object, existing=alike)


def _is_of(found: Annotation, piece: Piece, run: str) -> bool:
    """Tell whether an annotation is what a piece is to be, in whatever state."""
    if found.target != piece.target.object or found.namespace != piece.namespace:
        return False
    if not piece.path:
        return dict(found.pairs).get("run") == run
    place = f"{FOLDER}/{run}/"
    # Between them stands which call wrote it.
    return found.file.startswith(place) and found.file[len(place) :].partition("/")[2] == piece.path


def _is_same(found: Annotation, piece: Piece) -> bool:
    if piece.table is not None:
        return True  # a run has one table of a path, and its content stands in the pairs
    if piece.path:
        return found.sha1 == hashlib.sha1(piece.content, usedforsecurity=False).hexdigest()
    # Who wrote it may be older or newer; what is told is the same.
    return dict(found.pairs) | {"filiation": ""} == dict(piece.pairs) | {"filiation": ""}


def _why_not(table: EntityNode) -> str:
    """Say why a table cannot be written: it has to be there, as it was recorded."""
    place = Path(table.place or table.path)
    if not place.is_file():
        return f"it is no longer at {place}"
    if table.digest is not None and digest_file(place) != table.digest:
        return f"what is at {place} is not what was recorded"
    return ""
