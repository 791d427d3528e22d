"""RawPixelsStore: planes, tiles and rows read and written, big-endian."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import omero.api

from tests.omero_server.accounts import Session
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.pixel_data import TYPES, PixelData, Pyramid, Region, Stored, big_endian
from tests.omero_server.rows import Row
from tests.omero_server.services.service import Call, Service

TILE = 1024


class RawPixelsStore(Service, omero.api.RawPixelsStore):
    """The pixels of one image at a time."""

    locked = False

    def __init__(self, server: Any, session: Session | None) -> None:
        super().__init__(server, session)
        self.pixels: Row | None = None
        self.level = 0
        """Of the pyramid, 0 being the largest; clients count from the smallest."""

    def chosen(self) -> tuple[Row, PixelData]:
        """Return the pixels that ``setPixelsId`` chose, at the level that was chosen."""
        if self.pixels is None:
            raise omero.ApiUsageException(
                "", "ApiUsageException", "RawPixelsStore has no pixels: call setPixelsId first"
            )
        data = self.server.pixel_data[self.pixels.id or 0]
        return self.pixels, data.level(self.level) if isinstance(data, Pyramid) else data

    def levels(self) -> list[PixelData]:
        """Return all levels of the pyramid, the largest first; one where there is none."""
        row, _ = self.chosen()
        data = self.server.pixel_data[row.id or 0]
        return [data.level(number) for number in range(data.levels)] if isinstance(data, Pyramid) else [data]

    def region(self, z: int, c: int, t: int, y: slice, x: slice) -> bytes:
        """Return a region as bytes, after the faults that were asked for."""
        _, data = self.chosen()
        shape = data.shape
        inside = 0 <= z < shape.z and 0 <= c < shape.c and 0 <= t < shape.t
        if not inside or not 0 <= y.start < y.stop <= shape.y or not 0 <= x.start < x.stop <= shape.x:
            place = f"z={z} c={c} t={t} y={y.start}:{y.stop} x={x.start}:{x.stop}"
            raise omero.ApiUsageException("", "DimensionsOutOfBoundsException", f"{place} is outside of {shape}")
        return self.server.faults.cut(big_endian(data.region(z, c, t, y, x), data.type))

    def whole(self) -> tuple[slice, slice]:
        """Return the slices of a whole plane."""
        shape = self.chosen()[1].shape
        return slice(0, shape.y), slice(0, shape.x)

    def do_setPixelsId(self, call: Call, number: int, bypass: bool) -> None:
        """Choose pixels that the session may see."""
        self.pixels = call.find("Pixels", number)
        self.level = 0

    def do_getPixelsId(self, call: Call) -> int:
        """Return which pixels are chosen."""
        return self.chosen()[0].id or 0

    def do_close(self, call: Call) -> None:
        """Give up the store."""
        self.server.drop(self)

    def do_getPlane(self, call: Call, z: int, c: int, t: int) -> bytes:
        """Return a plane."""
        return self.region(z, c, t, *self.whole())

    def do_getTile(self, call: Call, z: int, c: int, t: int, x: int, y: int, width: int, height: int) -> bytes:
        """Return a rectangle of a plane."""
        return self.region(z, c, t, slice(y, y + height), slice(x, x + width))

    def do_getRow(self, call: Call, y: int, z: int, c: int, t: int) -> bytes:
        """Return one row of a plane."""
        return self.region(z, c, t, slice(y, y + 1), self.whole()[1])

    def do_getCol(self, call: Call, x: int, z: int, c: int, t: int) -> bytes:
        """Return one column of a plane."""
        return self.region(z, c, t, self.whole()[0], slice(x, x + 1))

    def do_getStack(self, call: Call, c: int, t: int) -> bytes:
        """Return all planes of a channel and time."""
        return b"".join(self.do_getPlane(call, z, c, t) for z in range(self.chosen()[1].shape.z))

    def do_getTimepoint(self, call: Call, t: int) -> bytes:
        """Return all stacks of a time."""
        return b"".join(self.do_getStack(call, c, t) for c in range(self.chosen()[1].shape.c))

    def do_getHypercube(self, call: Call, offset: list[int], size: list[int], step: list[int]) -> bytes:
        """Return a block in all five dimensions: x, y, z, c, t."""
        _, data = self.chosen()
        ranges = [range(start, start + length, by) for start, length, by in zip(offset, size, step, strict=True)]
        y, x = slice(offset[1], offset[1] + size[1], step[1]), slice(offset[0], offset[0] + size[0], step[0])
        regions = [data.region(z, c, t, y, x) for t in ranges[4] for c in ranges[3] for z in ranges[2]]
        return self.server.faults.cut(b"".join(big_endian(region, data.type) for region in regions))

    def do_setPlane(self, call: Call, content: bytes, z: int, c: int, t: int) -> None:
        """Write a plane."""
        self.write(call, content, z, c, t, *self.whole())

    def do_setTile(
        self, call: Call, content: bytes, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> None:
        """Write a rectangle of a plane."""
        self.write(call, content, z, c, t, slice(y, y + height), slice(x, x + width))

    def do_setStack(self, call: Call, content: bytes, z: int, c: int, t: int) -> None:
        """Write all planes of a channel and time."""
        size = self.do_getPlaneSize(call)
        for number in range(self.chosen()[1].shape.z):
            self.do_setPlane(call, content[number * size : (number + 1) * size], number, c, t)

    def write(self, call: Call, content: bytes, z: int, c: int, t: int, y: slice, x: slice) -> None:
        """Write a region of pixels that may be changed."""
        row, data = self.chosen()
        call.saving().refuse(row)
        if not isinstance(data, Stored):
            raise omero.ApiUsageException("", "ReadOnlyException", f"{row} is made as it is read and cannot be written")
        content = self.server.faults.shortened(bytes(content))
        region: Region = np.frombuffer(content, np.dtype(TYPES[data.type]).newbyteorder(">"))
        data.array[t, c, z, y, x] = region.reshape(y.stop - y.start, x.stop - x.start)

    def do_save(self, call: Call) -> Any:
        """Note the digest of what was written."""
        row, _ = self.chosen()
        with self.server.store.lock:
            self.server.store.set(row, "sha1", self.do_calculateMessageDigest(call).hex())
            return Marshaller(call.view).object(row)

    def do_calculateMessageDigest(self, call: Call) -> bytes:
        """Return the SHA-1 of all planes in the order z, c, t."""
        _, data = self.chosen()
        digest = hashlib.sha1()
        for t in range(data.shape.t):
            for c in range(data.shape.c):
                for z in range(data.shape.z):
                    digest.update(big_endian(data.region(z, c, t, *self.whole()), data.type))
        return digest.digest()

    def do_getByteWidth(self, call: Call) -> int:
        """Return the bytes of a pixel."""
        return np.dtype(TYPES[self.chosen()[1].type]).itemsize

    def do_isSigned(self, call: Call) -> bool:
        """Tell whether pixels may be negative."""
        return np.dtype(TYPES[self.chosen()[1].type]).kind in "if"

    def do_isFloat(self, call: Call) -> bool:
        """Tell whether pixels are not whole numbers."""
        return np.dtype(TYPES[self.chosen()[1].type]).kind == "f"

    def do_getRowSize(self, call: Call) -> int:
        """Return the bytes of a row."""
        return self.chosen()[1].shape.x * self.do_getByteWidth(call)

    def do_getPlaneSize(self, call: Call) -> int:
        """Return the bytes of a plane."""
        return self.chosen()[1].shape.y * self.do_getRowSize(call)

    def do_getStackSize(self, call: Call) -> int:
        """Return the bytes of a stack."""
        return self.chosen()[1].shape.z * self.do_getPlaneSize(call)

    def do_getTotalSize(self, call: Call) -> int:
        """Return the bytes of all."""
        shape = self.chosen()[1].shape
        return shape.c * shape.t * self.do_getStackSize(call)

    def do_getResolutionLevels(self, call: Call) -> int:
        """Return how many levels there are."""
        return len(self.levels())

    def do_getResolutionLevel(self, call: Call) -> int:
        """Return the level that is read, counted from the smallest."""
        return len(self.levels()) - 1 - self.level

    def do_setResolutionLevel(self, call: Call, level: int) -> None:
        """Choose the level to read, counted from the smallest."""
        count = len(self.levels())
        if not 0 <= level < count:
            raise omero.ApiUsageException("", "ApiUsageException", f"resolution level {level} of {count}")
        self.level = count - 1 - level

    def do_getResolutionDescriptions(self, call: Call) -> list[Any]:
        """Return the sizes of all levels, the largest first."""
        return [omero.api.ResolutionDescription(each.shape.x, each.shape.y) for each in self.levels()]

    def do_getTileSize(self, call: Call) -> list[int]:
        """Return the usual tile."""
        shape = self.chosen()[1].shape
        return [min(TILE, shape.x), min(TILE, shape.y)]

    def do_requiresPixelsPyramid(self, call: Call) -> bool:
        """Tell whether there are smaller copies."""
        return len(self.levels()) > 1
