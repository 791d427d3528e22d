"""Label images as regions of interest: which are to be drawn, which are there, and what tables say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from filiation.digest import digest_tree
from filiation.errors import BadInputError
from filiation.images.extents import survey
from filiation.images.omero.objects import ObjectId
from filiation.images.omero.rois import canvas_of, find_rois, refuse_unless_drawable
from filiation.publish.pieces import Outcome, Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from filiation.images import Table
    from filiation.images.omero.connection import Connection
    from filiation.images.omero.rois import Rois
    from filiation.images.omero.shapes import Drawing
    from filiation.lineage import EntityNode
    from filiation.lineage.descent import Descent

LABEL = "label"
"""The column of a table that says which object a row is about."""
ROI = "roi"
"""The column with the id of the object's ROI; -1 for an object without one, as in other tables of OMERO."""


def with_regions(
    connection: Connection,
    pieces: Iterable[Piece],
    drawing: Drawing | None,
    *,
    renew: bool,
    copies: Path | None = None,
) -> Iterator[Piece]:
    """Yield pieces, and after the pairs of an image its label images as regions; tables are renewed with these.

    Parameters
    ----------
    connection
        To the server.
    pieces
        Compared with what is there.
    drawing
        How objects are drawn; None to draw nothing, and keep what is there.
    renew
        Whether what is there is written anew.
    copies
        Folder for label images that are written once more, with the ids of their regions; None for none.

    Raises
    ------
    AccessError, ServerError
        If the server cannot be asked.
    """
    changed: set[str] = set()
    for piece in pieces:
        if piece.table is not None and piece.outcome is Outcome.THERE and piece.used[0].labels & changed:
            yield replace(piece, outcome=Outcome.RENEWED)  # it has the ids of the regions
            continue
        yield piece
        for descent in piece.used if piece.pairs else ():
            if descent.is_label_image and (region := _compared(connection, piece, descent, drawing, renew)):
                changed |= {descent.made.iri} if region.to_be_written else set()
                yield region
                if copies is not None and region.outcome is not Outcome.UNAVAILABLE:
                    yield _copy(region, descent.made, copies)


def _copy(region: Piece, labels: EntityNode, folder: Path) -> Piece:
    """Return a label image's copy that knows its regions; what is there stays, as its regions may be others'."""
    place = folder / labels.path.lstrip("/.")
    outcome, reason = Outcome.WRITTEN, ""
    if place.exists():
        outcome, reason = Outcome.UNAVAILABLE, f"there is something at {place}; name another folder"
    return Piece(
        f"label image {place}", region.target, region.namespace, labels=labels, used=region.used, copy=place,
        outcome=outcome, reason=reason,
    )  # fmt: skip


def with_roi_column(table: Table, rois: Mapping[int, int]) -> Table:
    """Return a table of objects with the id of each object's ROI.

    >>> with_roi_column(pa.table({"label": [1, 17]}), {17: 51}).column("roi").to_pylist()
    [-1, 51]
    """
    if LABEL not in table.column_names or ROI in table.column_names:
        return table
    ids = [rois.get(label, -1) for label in table.column(LABEL).to_pylist()]
    return table.append_column(ROI, pa.array(ids, pa.int64()))


def region_ids(rois: Rois | None) -> tuple[ObjectId, ...]:
    """Return ROIs as objects on the server."""
    return tuple(ObjectId("Roi", number) for number in rois.ids.values()) if rois is not None else ()


def _compared(
    connection: Connection, pairs: Piece, descent: Descent, drawing: Drawing | None, renew: bool
) -> Piece | None:
    """Return a label image as regions, with what is there of it, or why it cannot be drawn; None for nothing."""
    labels = descent.made
    there = find_rois(connection, pairs.target.object.id, labels.iri)
    piece = Piece(
        f"regions {labels.path}", pairs.target, pairs.namespace, labels=labels, used=(descent,), regions=there
    )
    if drawing is None:
        return replace(piece, outcome=Outcome.THERE) if there.ids else None
    place = Path(labels.place or labels.path)
    if not place.is_dir():
        return replace(piece, outcome=Outcome.UNAVAILABLE, reason=f"it is no longer at {place}")
    if labels.digest is not None and digest_tree(place).digest != labels.digest:
        return replace(piece, outcome=Outcome.UNAVAILABLE, reason=f"what is at {place} is not what was recorded")
    try:
        seen = survey(place)
        refuse_unless_drawable(seen, canvas_of(connection, pairs.target), drawing)
    except BadInputError as error:
        return replace(piece, outcome=Outcome.UNAVAILABLE, reason=str(error))
    if there.ids and not renew and set(there.ids) == set(seen.labels):
        return replace(piece, outcome=Outcome.THERE)
    return replace(piece, outcome=Outcome.RENEWED if there.ids else Outcome.WRITTEN, survey=seen)
