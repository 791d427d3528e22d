"""A label image over the image that it was drawn on; a click on an object tells what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from filiation.catalogue import Json
from filiation.digest.recorded import LARGEST
from filiation.errors import BadInputError
from filiation.lineage.formats import WRITERS
from filiation.lineage.layers import LOOKS, OUTLINES, Where, plane_bytes
from filiation.lineage.pictured import Pictured, PicturedObject
from filiation.lineage.story import tell
from filiation.model.sentences import Sentence
from filiation.web.access import EXPORTER, require
from filiation.web.guard import SANDBOX
from filiation.web.pages import API, address
from filiation.web.questions import Asked
from filiation.web.things import Named
from filiation.web.twins import twins
from filiation.web.words import language, said

_FOR_EXPORTERS: Final = Depends(require(EXPORTER))
router = APIRouter(tags=["pictures"])

Plane = Annotated[int, Query(ge=0, le=10**9)]
Pixel = Annotated[int | None, Query(ge=-1, le=10**6, description="In pixels of the picture.")]
Label = Annotated[int | None, Query(ge=0, le=10**18, description="An object that is to stand out, and be told of.")]
Look = Annotated[str, Query(max_length=20, description=f"How labels are drawn: {', '.join(LOOKS)}.")]
_CHUNK: Final = "max-age=31536000, immutable, private"


@dataclass(frozen=True, slots=True)
class PicturePage:
    """A plane of a thing's pixels, and what is known of an object in it.

    Parameters
    ----------
    asked
        How the thing was named.
    pictured
        What is shown.
    where
        The plane.
    look
        How labels are drawn.
    label
        The object that was asked for or hit; 0 for the background; None if none was.
    found
        What is known of it.
    sentences
        Where the thing comes from.
    """

    asked: str
    pictured: Pictured
    where: Where
    look: str
    label: int | None
    found: PicturedObject | None
    sentences: tuple[str, ...]

    @property
    def planes(self) -> dict[str, int]:
        """How many there are along each axis that has several."""
        counts = {axis: self.pictured.layers.count(axis) for axis in ("t", "z")}
        return {axis: count for axis, count in counts.items() if count > 1}

    @property
    def depth(self) -> int:
        """The image's own section at the plane that is shown."""
        return self.pictured.layers.section(self.where)

    @property
    def metadata_files(self) -> tuple[str, ...]:
        """Files of the image's store that tell of its arrays."""
        return self.pictured.metadata_files

    @property
    def picture(self) -> str:
        """Address of the picture."""
        return self.at("/picture/plane.png", label=self.label or None)

    def at(self, path: str, **more: object) -> str:
        """Return an address about the plane that is shown."""
        asked: dict[str, object] = {"thing": self.asked, "t": self.where.t, "z": self.where.z, "look": self.look}
        return address(path, **asked | more)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        pictured, (width, height) = self.pictured, self.pictured.layers.size
        return {
            "asked": self.asked,
            "labels": None if pictured.labels is None else pictured.labels.to_json(),
            "image": None if pictured.image is None else pictured.image.to_json(),
            "remarks": [said(remark) for remark in pictured.remarks],
            "width": width,
            "height": height,
            "t": self.where.t,
            "z": self.where.z,
            "planes": dict(self.planes),
            "look": self.look,
            "picture": self.picture,
            "label": self.label,
            "object": None if self.found is None else self.found.to_json(),
            "sentences": list(self.sentences),
        }


@twins(
    router,
    "/picture",
    "picture.html.jinja",
    summary="A label image over the image that it was drawn on",
)
def picture(
    catalogue: Asked,
    thing: Named,
    z: Plane = 0,
    t: Plane = 0,
    look: Look = OUTLINES,
    label: Label = None,
    x: Annotated[Pixel, Query(alias="at.x")] = None,
    y: Annotated[Pixel, Query(alias="at.y")] = None,
) -> PicturePage:
    """Show a plane of a thing's pixels, and tell of the object at a pixel or of this label."""
    with catalogue.asking() as ledger:
        pictured = ledger.picture(thing)
        where = Where(t, z)
        pictured.layers.check(where, look)
        if x is not None and y is not None:
            width, height = pictured.layers.size
            label = pictured.layers.label_at(where, min(max(x, 0), width - 1), min(max(y, 0), height - 1))
        found = ledger.pictured_object(pictured, label) if label else None
        if found is not None and x is None:
            where = _plane_of(found, where)
    return PicturePage(thing, pictured, where, look, label, found, tell(pictured.lineage, language()))


@router.get("/picture/plane.png", summary="A plane of a label image over its image", response_class=Response)
def plane(
    catalogue: Asked, thing: Named, z: Plane = 0, t: Plane = 0, look: Look = OUTLINES, label: Label = None
) -> Response:
    """Draw a plane as PNG."""
    with catalogue.asking() as ledger:
        pictured = ledger.picture(thing)
    drawn = pictured.layers.as_png(Where(t, z), look, label)
    return Response(drawn, media_type="image/png", headers={"Content-Security-Policy": SANDBOX})


@router.get("/lineage.svg", summary="A lineage as a drawing", response_class=Response)
def lineage_svg(catalogue: Asked, thing: Named) -> Response:
    """Draw what a thing descends from, to be downloaded."""
    with catalogue.asking() as ledger:
        drawn = ledger.trace(thing).to_svg(said=said)
    return _download(drawn.encode(), "image/svg+xml", "lineage.svg")


@router.get("/lineage.png", summary="A lineage as a picture of pixels", response_class=Response)
def lineage_png(catalogue: Asked, thing: Named) -> Response:
    """Draw what a thing descends from as pixels, to be downloaded."""
    with catalogue.asking() as ledger:
        drawn = ledger.trace(thing).to_png(said=said)
    return _download(drawn, "image/png", "lineage.png")


@router.get(
    "/lineage.prov.json", summary="A lineage as PROV-JSON", response_class=Response, dependencies=[_FOR_EXPORTERS]
)
def lineage_prov_json(catalogue: Asked, thing: Named) -> Response:
    """Write what a thing descends from for other tools of provenance, to be downloaded."""
    with catalogue.asking() as ledger:
        content = WRITERS["prov-json"](ledger.trace(thing))
    return _download(content.encode(), "application/json", "lineage.prov.json")


@router.get("/lineage.graphml", summary="A lineage as GraphML", response_class=Response, dependencies=[_FOR_EXPORTERS])
def lineage_graphml(catalogue: Asked, thing: Named) -> Response:
    """Write what a thing descends from for tools of graphs, to be downloaded."""
    with catalogue.asking() as ledger:
        content = WRITERS["graphml"](ledger.trace(thing))
    return _download(content.encode(), "application/graphml+xml", "lineage.graphml")


@router.get(f"{API}/chunk", summary="A file of a store, as it was recorded", response_class=Response)
def chunk(
    catalogue: Asked,
    thing: Annotated[str, Query(max_length=4000, description="IRI of the store.")],
    path: Annotated[str, Query(max_length=4000, description="Inside the store, such as `0/c/0/0`.")],
) -> Response:
    """Return a file of a store whose bytes are those that were recorded; no other file can be had."""
    if not path:
        raise BadInputError(Sentence("Name a file of the store; it has at most {largest} bytes.", largest=LARGEST))
    with catalogue.asking() as ledger:
        tree = ledger.recorded_tree(thing)
    content = tree.read(path)
    headers = {
        "Content-Disposition": "attachment",
        "Content-Security-Policy": SANDBOX,
        "Cache-Control": _CHUNK,  # its digest is known: it is this or nothing
        "ETag": f'"{tree.paths[path]}"',
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get(f"{API}/plane", summary="The pixels of a plane of a store, decoded", response_class=Response)
def decoded_plane(
    catalogue: Asked,
    thing: Annotated[str, Query(max_length=4000, description="IRI of the store.")],
    level: Annotated[str, Query(max_length=200, description="Path of the resolution in the store, such as `0`.")],
    index: Annotated[
        str, Query(max_length=200, pattern=r"^(\d{1,9}(,\d{1,9})*)?$", description="Of its other axes.")
    ] = "",
) -> Response:
    """Return the pixels of a plane (y, x), little-endian; codecs of browsers would need what pages may not do."""
    with catalogue.asking() as ledger:
        tree = ledger.recorded_tree(thing)
    content = plane_bytes(tree, level, tuple(int(number) for number in index.split(",") if number))
    headers = {"Content-Disposition": "attachment", "Content-Security-Policy": SANDBOX, "Cache-Control": _CHUNK}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _plane_of(found: PicturedObject, where: Where) -> Where:
    """Return the middle plane of an object, unless it reaches to the plane that is asked for."""
    if found.found is None:
        return where
    box = dict(zip(found.found.axes, zip(found.found.start, found.found.stop, strict=True), strict=True))
    numbers = {"t": where.t, "z": where.z}
    for axis, number in numbers.items():
        first, last = box.get(axis, (number, number + 1))
        numbers[axis] = number if first <= number < last else (first + last) // 2
    return Where(**numbers)


def _download(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": SANDBOX}
    return Response(content, media_type=kind, headers=headers)
