"""Pixels over the wire: an image's outline, and its planes and tiles read big-endian as OMERO sends them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from filiation.errors import BadInputError, ServerError
from filiation.images.image import AXIS_TYPES, Pixels
from filiation.images.omero.connection import Connection
from filiation.images.regions import Region

DTYPES = {
    "int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16", "int32": "int32", "uint32": "uint32",
    "float": "float32", "double": "float64", "bit": "bool",
}  # fmt: skip
"""OMERO's names of pixel types, and NumPy's."""
LARGEST_TILE = 2048
"""Longest side of a tile asked for when a plane is not read whole, in pixels."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels of one image on a server.

    Parameters
    ----------
    id
        Of the pixels, not of the image.
    group
        The image's group, in which they are read.
    lengths
        t, c, z, y, x.
    dtype
        Pixel type.
    """

    id: int
    group: int
    lengths: tuple[int, int, int, int, int]
    dtype: np.dtype[Any]

    @property
    def axes(self) -> tuple[str, ...]:
        """Axes that say something: y and x, and others longer than 1."""
        return tuple(
            axis for axis, length in zip(AXIS_TYPES, self.lengths, strict=True) if length > 1 or axis in ("y", "x")
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each of :attr:`axes`."""
        lengths = dict(zip(AXIS_TYPES, self.lengths, strict=True))
        return tuple(lengths[axis] for axis in self.axes)

    @property
    def size(self) -> int:
        """Bytes of all pixels."""
        size = self.dtype.itemsize
        for length in self.lengths:
            size *= length
        return size


def pixel_type(name: str, image: str) -> np.dtype[Any]:
    """Return NumPy's type for OMERO's.

    Raises
    ------
    BadInputError
        If it is none that OME-Zarr images hold, such as complex numbers.
    """
    if name not in DTYPES:
        raise BadInputError(f"{image} has pixels of the type {name!r}; {', '.join(DTYPES)} can be read.")
    return np.dtype(DTYPES[name])


class PixelReader:
    """Reads regions of one image through a connection of its own; see :class:`filiation.images.streaming.RegionReader`.

    Parameters
    ----------
    connection
        The process' connection; it tells lost connections from ended sessions, and joins the session again.
    grid
        What is read.
    image
        Which image this is, for messages.
    alone
        Whether to read through the process' own connection instead of a further one.
    """

    def __init__(self, connection: Connection, grid: Grid, image: str, *, alone: bool) -> None:
        self._connection = connection
        self._grid = grid
        self._image = image
        self._alone = alone
        self._client: Any = None
        self._store: Any = None
        self._wire = np.dtype("uint8") if grid.dtype.kind == "b" else grid.dtype.newbyteorder(">")

    def read(self, region: Region) -> Pixels:
        """Return a region.

        Raises
        ------
        AccessError
            If the session is over.
        ServerError
            If the connection is lost for good, or the server sends less than it should.
        """
        shape = tuple(each.stop - each.start for each in region)
        pixels = np.empty(shape, self._grid.dtype)
        where = dict(zip(self._grid.axes, region, strict=True))
        single = slice(0, 1)
        y, x = where["y"], where["x"]
        for place in np.ndindex(shape[:-2]):
            at = dict(zip(self._grid.axes[:-2], place, strict=True))
            t, c, z = (where.get(axis, single).start + at.get(axis, 0) for axis in ("t", "c", "z"))
            plane = pixels[place]
            if (y.stop - y.start, x.stop - x.start) == self._grid.lengths[-2:] and _is_small(self._grid.lengths[-2:]):
                plane[...] = self._plane(z, c, t)
                continue
            for top in range(y.start, y.stop, LARGEST_TILE):
                for left in range(x.start, x.stop, LARGEST_TILE):
                    height, width = min(LARGEST_TILE, y.stop - top), min(LARGEST_TILE, x.stop - left)
                    tile = self._tile(z, c, t, left, top, width, height)
                    plane[top - y.start : top - y.start + height, left - x.start : left - x.start + width] = tile
        return pixels

    def _plane(self, z: int, c: int, t: int) -> Pixels:
        content = self._call(lambda store, context: store.getPlane(z, c, t, context), z, c, t)
        return self._pixels(content, self._grid.lengths[-2:], z, c, t)

    def _tile(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int) -> Pixels:
        content = self._call(lambda store, context: store.getTile(z, c, t, x, y, width, height, context), z, c, t)
        return self._pixels(content, (height, width), z, c, t)

    def _call(self, read: Any, z: int, c: int, t: int) -> bytes:
        def once() -> bytes:
            try:
                content: bytes = read(self._raw_pixels(), self._context)
            except Exception:
                self._let_go()  # whatever it was, the next attempt begins with a new store
                raise
            return content

        return self._connection.call(once, f"reading {self._image} (z {z}, channel {c}, time {t})")

    def _pixels(self, content: bytes, shape: tuple[int, ...], z: int, c: int, t: int) -> Pixels:
        expected = shape[0] * shape[1] * self._wire.itemsize
        if len(content) != expected:
            raise ServerError(
                f"The OMERO server {self._connection.host} sent {len(content)} bytes of {self._image} (z {z}, channel "
                f"{c}, time {t}), {expected} were expected. Nothing is taken for whole. Repeat the command; if it "
                "happens again, ask the server's administrator whether the image's file is damaged."
            )
        return np.frombuffer(content, self._wire).reshape(shape)

    @property
    def _context(self) -> dict[str, str]:
        return {"omero.group": str(self._grid.group)}

    def _raw_pixels(self) -> Any:
        if self._store is None:
            client = None if self._alone else self._connection.another_client()
            self._client = client
            session = (client or self._connection.gateway.c).sf
            self._store = session.createRawPixelsStore(self._context)
            self._store.setPixelsId(self._grid.id, True, self._context)
        return self._store

    def _let_go(self) -> None:
        store, client, self._store, self._client = self._store, self._client, None, None
        for close in (store and store.close, client and client.closeSession):
            try:
                if close:
                    close()
            except Exception:  # noqa: S110 - it is lost already, and the server forgets it with the session
                pass

    def close(self) -> None:
        """Give up the store and the connection."""
        self._let_go()


def _is_small(plane: tuple[int, ...]) -> bool:
    """Tell whether a plane goes over the wire at once."""
    return plane[0] * plane[1] <= LARGEST_TILE * LARGEST_TILE


class ReaderOffice:
    """Opens readers: the first through the process' own connection, further ones through theirs."""

    def __init__(self, connection: Connection, grid: Grid, image: str) -> None:
        self._connection, self._grid, self._image = connection, grid, image
        self._guard, self._opened = threading.Lock(), 0

    def open(self) -> PixelReader:
        """Return a reader."""
        with self._guard:
            self._opened += 1
            return PixelReader(self._connection, self._grid, self._image, alone=self._opened == 1)
