"""The objects of a label image as regions of interest on an image in OMERO: masks or polygons, one ROI an object.

A ROI's name is the label value, its description what was written together with it and the object's address
(``<label image>#label=17``), and it is linked to the annotation of the run, so that object, ROI and run find each
other. An object on several planes has one shape on each; in several pieces on a plane, a polygon for each piece.

Masks are exact. Polygons follow the edges of pixels within a tolerance (:mod:`filiation.images.outlines`) and fill
holes. Both have the colour that the label has in every viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from filiation.errors import AccessError, BadInputError
from filiation.images.extents import Extent, Survey, masks
from filiation.images.image import AXIS_TYPES
from filiation.images.omero.connection import Connection
from filiation.images.omero.objects import Target, ask
from filiation.images.omero.shapes import Canvas, Drawing, Pen, object_address

MOST_IN_A_BATCH = 200
"""ROIs that are saved at once."""
MOST_BYTES_IN_A_BATCH = 16 * 2**20
LARGEST_OBJECT = 200 * 2**20
"""Bytes of all shapes of an object; OMERO's messages have at most 250 MB."""
_BYTES_OF_A_SHAPE = 1024
"""What a shape takes beside its pixels, about."""
_WAITS, _MILLISECONDS = 600, 200
"""How often, and how long each time, the end of a deletion is waited for."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rois:
    """The ROIs of the objects of one label image.

    Parameters
    ----------
    ids
        Label value -> id of its ROI.
    shapes
        Label value -> id of its shape, for objects that have one shape alone.
    drawn
        How many ROIs were written now; 0 if all were there.
    filled
        Objects with holes that polygons fill.
    """

    ids: Mapping[int, int]
    shapes: Mapping[int, int]
    drawn: int = 0
    filled: int = 0

    def properties(self) -> dict[int, dict[str, int]]:
        """Return what a label image's ``image-label.properties`` say of them: label value -> key -> id.

        The keys are those that omero-cli-zarr writes (its ``omero_zarr/masks.py``, since
        https://github.com/ome/omero-cli-zarr/pull/50): ``omero:roiId`` and ``omero:shapeId``. It keeps one shape id a
        label; where an object has several shapes none is the right one, and it is left out here.
        """
        return {
            label: {"omero:roiId": roi, **({"omero:shapeId": self.shapes[label]} if label in self.shapes else {})}
            for label, roi in self.ids.items()
        }


def canvas_of(connection: Connection, target: Target) -> Canvas:
    """Return an image as something to draw on; raises as :func:`find_rois`."""
    sizes = "p.sizeT, p.sizeC, p.sizeZ, p.sizeY, p.sizeX"
    query = f"select {sizes} from Pixels p where p.image.id in (:ids) order by p.id"  # noqa: S608 - nothing from outside
    found = connection.call(lambda: [*ask(connection, query, [target.object.id])], f"looking up {target.object}")
    t, c, z, y, x = (int(length) for length in found[0])
    return Canvas(target.object.id, target.group, (t, c, z, y, x))


def find_rois(connection: Connection, image: int, label_image: str) -> Rois:
    """Return the ROIs on an image that are a label image's objects.

    Parameters
    ----------
    connection
        To the server.
    image
        Id of the image.
    label_image
        The label image's address.

    Raises
    ------
    AccessError, ServerError
        If the server cannot be asked.
    """
    found = connection.call(lambda: _found(connection, image, label_image), "looking for regions of interest")
    return _with_shapes(connection, found)


def refuse_unless_drawable(seen: Survey, canvas: Canvas, drawing: Drawing) -> None:
    """Check that a label image's objects can be drawn on an image.

    Raises
    ------
    BadInputError
        If it does not fit the image, has more objects than are to be drawn, or one too large for a message.
    """
    path = seen.store.path
    lengths = dict(zip(AXIS_TYPES, canvas.lengths, strict=True))
    shape = dict(zip(seen.store.axes, seen.store.full.array.shape, strict=True))
    if any(lengths[axis] != length for axis, length in shape.items()):
        raise BadInputError(
            f"The label image {path} has {_told(shape)} pixels, but image {canvas.image} in OMERO {_told(lengths)}: "
            "regions would not lie where the objects are. Give the label image of this image, at its full size."
        )
    if len(seen.labels) > drawing.most:
        raise BadInputError(
            f"{path} has {len(seen.labels)} objects, and at most {drawing.most} are drawn as regions of interest: "
            "thousands of them make an image slow in OMERO's clients. Raise the limit with --most-rois, or leave the "
            "regions out: the label image and the table have every object."
        )
    largest = max(seen.objects(), key=_size, default=())
    if _size(largest) > LARGEST_OBJECT:
        raise BadInputError(
            f"The object {largest[0].label} of {path} would need {_size(largest) // 2**20} MB as a region of interest, "
            f"and one message to OMERO holds {LARGEST_OBJECT // 2**20} MB of it. Leave the regions out for this label "
            "image."
        )


def draw_objects(
    connection: Connection,
    canvas: Canvas,
    annotation: int,
    seen: Survey,
    label_image: str,
    mark: str,
    drawing: Drawing | None = None,
    progress: Progress = lambda done, total: None,
) -> Rois:
    """Draw the objects of a label image, unless they are there; what a broken attempt left is drawn anew.

    Parameters
    ----------
    connection
        To the server.
    canvas
        The image.
    annotation
        Id of the run's map annotation, in the image's group; the ROIs are linked to it.
    seen
        The label image, looked through.
    label_image
        Its address.
    mark
        What is written together.
    drawing
        How objects are drawn.
    progress
        Told how many of how many objects are drawn.

    Raises
    ------
    BadInputError
        As :func:`refuse_unless_drawable`, or if an object is in too many pieces; nothing stays drawn then.
    AccessError, ServerError
        If the server refuses, or fails.
    """
    drawing = drawing or Drawing()
    refuse_unless_drawable(seen, canvas, drawing)
    there = find_rois(connection, canvas.image, label_image)
    if set(there.ids) == set(seen.labels):
        return there
    erase_rois(connection, canvas.group, there.ids.values())
    pen = Pen(canvas, annotation, mark, label_image, seen.store.axes, drawing)
    ids: dict[int, int] = {}
    try:
        for batch in _batches(seen):
            ids |= _save(connection, pen, _rois(pen, seen, batch))
            progress(len(ids), len(seen.labels))
    except BadInputError:  # an object that cannot be drawn: a part of the objects would be taken for all
        erase_rois(connection, canvas.group, ids.values())
        raise
    rois = _with_shapes(connection, ids)
    return Rois(rois.ids, rois.shapes, drawn=len(ids), filled=len(pen.filled))


def link_rois(connection: Connection, group: int, annotation: int, ids: Iterable[int]) -> None:
    """Link ROIs to an annotation that took the place of the one they were linked to.

    Parameters
    ----------
    connection
        To the server.
    group
        Id of the group that all of them are in.
    annotation
        Id of the map annotation.
    ids
        Of the ROIs.

    Raises
    ------
    AccessError, ServerError
        If the server refuses, or fails.
    """
    from omero.model import MapAnnotationI, RoiAnnotationLinkI, RoiI

    links = []
    for number in ids:
        links.append(RoiAnnotationLinkI())
        links[-1].setParent(RoiI(number, False))
        links[-1].setChild(MapAnnotationI(annotation, False))

    def save() -> None:
        connection.gateway.c.sf.getUpdateService().saveArray(links, {"omero.group": str(group)})

    connection.call(save, "linking regions of interest", once=True)


def erase_rois(connection: Connection, group: int, ids: Iterable[int]) -> None:
    """Delete ROIs with their shapes; those that are gone already are no fault.

    Parameters
    ----------
    connection
        To the server.
    group
        Id of the group that they are in.
    ids
        Of the ROIs.

    Raises
    ------
    AccessError, ServerError
        If the server refuses, or fails.
    """
    for part in _parts(ids):
        connection.call(partial(_deleted, connection, group, part), "deleting regions of interest")


def _save(connection: Connection, pen: Pen, rois: Mapping[int, Any]) -> dict[int, int]:
    """Save ROIs in one transaction; return label value -> id."""
    tried = False

    def save() -> dict[int, int]:
        nonlocal tried
        # The answer to the first attempt may have been lost after the ROIs were saved.
        there = _found(connection, pen.canvas.image, pen.label_image) if tried else {}
        tried = True
        missing = [label for label in rois if label not in there]
        service = connection.gateway.c.sf.getUpdateService()
        saved = service.saveAndReturnIds([rois[label] for label in missing], pen.canvas.context) if missing else []
        return {label: there[label] for label in rois if label in there} | dict(zip(missing, saved, strict=True))

    return connection.call(save, f"drawing regions of interest on image {pen.canvas.image}")


def _rois(pen: Pen, seen: Survey, extents: list[Extent]) -> dict[int, Any]:
    """Return the ROIs of objects with all their shapes: label value -> ROI."""
    rois: dict[int, Any] = {}
    for extent, mask in masks(seen.store, extents):
        if extent.label not in rois:
            rois[extent.label] = pen.roi(extent.label)
        for shape in pen.shapes(extent, mask):
            rois[extent.label].addShape(shape)
    return rois


def _told(lengths: Mapping[str, int]) -> str:
    return ", ".join(f"{axis} {length}" for axis, length in lengths.items())


def _size(extents: tuple[Extent, ...]) -> int:
    """Return about how many bytes an object takes in a message."""
    return sum(extent.area // 8 + _BYTES_OF_A_SHAPE for extent in extents)


def _batches(seen: Survey) -> Iterator[list[Extent]]:
    """Yield the extents of whole objects, a few objects at once."""
    batch: list[Extent] = []
    count = size = 0
    for extents in seen.objects():
        if batch and (count == MOST_IN_A_BATCH or size + _size(extents) > MOST_BYTES_IN_A_BATCH):
            yield batch
            batch, count, size = [], 0, 0
        batch += extents
        count, size = count + 1, size + _size(extents)
    if batch:
        yield batch


def _found(connection: Connection, image: int, label_image: str) -> dict[int, int]:
    """Return label value -> ROI id, of the ROIs on an image that are a label image's objects."""
    query = "select r.id, r.name, r.description from Roi r where r.image.id in (:ids) and r.description like :part"
    rows = ask(connection, query, [image], part=f"%{object_address(label_image, '')}%")
    return {
        int(name): int(number)
        for number, name, about in rows
        if about.partition(" ")[2] == object_address(label_image, name)
    }


def _with_shapes(connection: Connection, ids: Mapping[int, int]) -> Rois:
    labels = {roi: label for label, roi in ids.items()}
    shapes: dict[int, list[int]] = {}
    query = "select s.roi.id, s.id from Shape s where s.roi.id in (:ids)"
    for roi, shape in connection.call(lambda: [*ask(connection, query, sorted(labels))], "looking up shapes"):
        shapes.setdefault(labels[int(roi)], []).append(int(shape))
    return Rois(dict(sorted(ids.items())), {label: own[0] for label, own in sorted(shapes.items()) if len(own) == 1})


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    numbers = sorted(set(ids))
    for start in range(0, len(numbers), MOST_IN_A_BATCH):
        yield numbers[start : start + MOST_IN_A_BATCH]


def _deleted(connection: Connection, group: int, ids: Sequence[int]) -> None:
    from omero import CmdError
    from omero.cmd import Delete2

    there = [int(number) for (number,) in ask(connection, "select r.id from Roi r where r.id in (:ids)", ids)]
    if not there:
        return
    try:
        connection.gateway.c.submit(
            Delete2(targetObjects={"Roi": there}), _WAITS, _MILLISECONDS, ctx={"omero.group": str(group)}
        ).close(True)
    except CmdError as error:
        why = getattr(error.err, "parameters", {}).get("message", error.err.name)
        raise AccessError(
            f"The OMERO server {connection.host} did not let {connection.user!r} delete regions of interest: {why}. "
            "Ask their owner, or the leader of the group."
        ) from None
