"""Objects of a label image as OMERO's ROIs and shapes, in memory: masks or polygons, each on its plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from filiation.errors import BadInputError
from filiation.images.colours import colour_of_label
from filiation.images.extents import Extent, Mask, packed
from filiation.images.image import AXIS_TYPES
from filiation.images.outlines import outlines

DEFAULT_MOST = 5_000
DEFAULT_TOLERANCE = 1.0
MOST_PIECES = 1_000
"""Polygons for one object on one plane."""
_HALF = 128


class Form(StrEnum):
    """What an object is drawn as."""

    MASKS = "masks"
    POLYGONS = "polygons"


@dataclass(frozen=True, slots=True)
class Drawing:
    """How objects are drawn.

    Parameters
    ----------
    form
        Masks or polygons.
    tolerance
        How far a polygon may be from the true outline, in pixels.
    most
        For more objects than this nothing is drawn: thousands of ROIs make an image slow in every client.
    """

    form: Form = Form.MASKS
    tolerance: float = DEFAULT_TOLERANCE
    most: int = DEFAULT_MOST

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < float("inf"):
            raise BadInputError(f"The tolerance of polygons is {self.tolerance}; expected 0 or more pixels.")
        if self.most < 1:
            raise BadInputError(f"At most {self.most} regions are to be drawn; expected 1 or more.")


@dataclass(frozen=True, slots=True)
class Canvas:
    """The image that is drawn on.

    Parameters
    ----------
    image, group
        Ids of the image and of its group.
    lengths
        t, c, z, y, x.
    """

    image: int
    group: int
    lengths: tuple[int, int, int, int, int]

    @property
    def context(self) -> dict[str, str]:
        """What tells the server in which group to write."""
        return {"omero.group": str(self.group)}


def object_address(label_image: str, label: int | str) -> str:
    """Return the address of one object of a label image, as ROIs and graphs have it.

    >>> object_address("arcp://uuid,6f1a/work/nuclei.ome.zarr", 17)
    'arcp://uuid,6f1a/work/nuclei.ome.zarr#label=17'
    """
    return f"{label_image}#label={label}"


@dataclass(frozen=True, slots=True)
class Pen:
    """Makes the ROIs of one label image's objects, for one image.

    Parameters
    ----------
    canvas
        The image.
    annotation
        Id of the annotation that each ROI is linked to.
    mark
        What was written together; the beginning of each ROI's description.
    label_image
        The label image's address.
    axes
        Its axes.
    drawing
        How objects are drawn.
    filled
        Objects, so far, with holes that polygons fill.
    """

    canvas: Canvas
    annotation: int
    mark: str
    label_image: str
    axes: tuple[str, ...]
    drawing: Drawing
    filled: set[int] = field(default_factory=set)

    def roi(self, label: int) -> Any:
        """Return the ROI of an object, without shapes yet."""
        from omero.model import ImageI, MapAnnotationI, RoiI
        from omero.rtypes import rstring

        roi = RoiI()
        roi.setName(rstring(str(label)))
        roi.setDescription(rstring(f"{self.mark} {object_address(self.label_image, label)}"))
        roi.setImage(ImageI(self.canvas.image, False))
        roi.linkAnnotation(MapAnnotationI(self.annotation, False))
        return roi

    def shapes(self, extent: Extent, mask: Mask) -> Iterator[Any]:
        """Yield the shapes of an object on one plane.

        Raises
        ------
        BadInputError
            If it is in too many pieces for polygons.
        """
        for shape in self._masks(extent, mask) if self.drawing.form is Form.MASKS else self._polygons(extent, mask):
            self._place(shape, extent)
            yield shape

    def _masks(self, extent: Extent, mask: Mask) -> Iterator[Any]:
        from omero.model import MaskI
        from omero.rtypes import rdouble, rint

        shape = MaskI()
        shape.setX(rdouble(extent.left))
        shape.setY(rdouble(extent.top))
        shape.setWidth(rdouble(extent.width))
        shape.setHeight(rdouble(extent.height))
        shape.setBytes(packed(mask))
        shape.setFillColor(rint(_colour(extent.label, _HALF)))
        yield shape

    def _polygons(self, extent: Extent, mask: Mask) -> Iterator[Any]:
        from omero.model import PolygonI
        from omero.rtypes import rint, rstring

        found = outlines(mask, self.drawing.tolerance)
        if len(found.rings) > MOST_PIECES:
            raise BadInputError(
                f"The object {object_address(self.label_image, extent.label)} is in {len(found.rings)} pieces on one "
                f"plane; polygons are drawn for up to {MOST_PIECES}. Draw masks instead."
            )
        if found.holes:
            self.filled.add(extent.label)
        for ring in found.rings:
            shape = PolygonI()
            corners = ring + np.array([extent.left, extent.top])
            shape.setPoints(rstring(" ".join(f"{x},{y}" for x, y in corners.tolist())))
            shape.setStrokeColor(rint(_colour(extent.label, 255)))
            yield shape

    def _place(self, shape: Any, extent: Extent) -> None:
        """Say on which plane a shape is: on all of them along an axis that the label image does not have."""
        from omero.rtypes import rint, rstring

        shape.setTextValue(rstring(str(extent.label)))
        position = dict(zip(self.axes, extent.plane, strict=False))
        for axis, length in zip(AXIS_TYPES, self.canvas.lengths, strict=True):
            if axis in "tcz" and (axis in position or (length == 1 and axis != "c")):
                getattr(shape, f"setThe{axis.upper()}")(rint(position.get(axis, 0)))


def _colour(label: int, alpha: int) -> int:
    """Return a colour as OMERO's shapes have it: red, green, blue, alpha in one signed number of 32 bits."""
    return int.from_bytes(bytes([*colour_of_label(label), alpha]), "big", signed=True)
