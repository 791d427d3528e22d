"""Pixels come through bit by bit, in every type, whole and in parts; and break off when they are told to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)
Ice = pytest.importorskip("Ice", exc_type=ImportError)
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)

from tests.omero_server.made_up import huge_image, small_image  # noqa: E402
from tests.omero_server.pixel_data import Pyramid, Stored  # noqa: E402
from tests.omero_server.rows import Row  # noqa: E402
from tests.omero_server.server import OmeroServer  # noqa: E402

CODES = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "f4": "float",
    "f8": "double",
}


@pytest.mark.parametrize("code", CODES)
def test_every_pixel_type_comes_through(code: str, omero_server: OmeroServer, gateway: Any):
    values = np.random.default_rng(1).integers(0, 120, (1, 2, 2, 5, 7)).astype(code)
    values[0, 0, 0, 0, :2] = np.array([np.iinfo(code).min, np.iinfo(code).max]) if code[0] in "iu" else (-0.1, 1e30)
    number = omero_server.plant("ada").image(values, "typed").id

    pixels = gateway.getObject("Image", number).getPrimaryPixels()

    assert pixels.getPixelsType().getValue() == CODES[code]
    planes = list(pixels.getPlanes([(0, 0, 0), (1, 1, 0)]))
    np.testing.assert_array_equal(planes[0], values[0, 0, 0])
    np.testing.assert_array_equal(planes[1], values[0, 1, 1])


def test_planes_tiles_stacks_rows_and_blocks_agree(omero_server: OmeroServer, gateway: Any):
    array = small_image()
    image = gateway.getObject("Image", omero_server.plant("ada").image(array, "cells").id)
    assert (image.getSizeX(), image.getSizeY(), image.getSizeZ(), image.getSizeC(), image.getSizeT()) == (
        64,
        48,
        4,
        3,
        2,
    )
    pixels = image.getPrimaryPixels()
    np.testing.assert_array_equal(pixels.getTile(3, 2, 1, (5, 6, 20, 10)), array[1, 2, 3, 6:16, 5:25])

    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(pixels.getId(), True)
    assert store.getStack(1, 0) == array[0, 1].astype(">u2").tobytes()
    assert store.getRow(7, 2, 1, 0) == array[0, 1, 2, 7].astype(">u2").tobytes()
    block = np.frombuffer(store.getHypercube([1, 2, 0, 1, 0], [4, 5, 2, 2, 2], [1, 1, 1, 1, 1]), ">u2").reshape(
        2, 2, 2, 5, 4
    )
    np.testing.assert_array_equal(block, array[0:2, 1:3, 0:2, 2:7, 1:5])
    assert (store.getPlaneSize(), store.getByteWidth(), store.getResolutionLevels()) == (64 * 48 * 2, 2, 1)
    store.close()


def test_a_region_outside_of_the_image_is_refused(omero_server: OmeroServer, gateway: Any):
    image = gateway.getObject("Image", omero_server.plant("ada").image(small_image(), "cells").id)

    with pytest.raises(omero.ApiUsageException, match="outside"):
        image.getPrimaryPixels().getTile(0, 0, 0, (60, 0, 8, 8))


def test_an_image_larger_than_memory_is_made_as_it_is_read(omero_server: OmeroServer, gateway: Any):
    data = huge_image(4)
    image = gateway.getObject("Image", omero_server.plant("ada").image(data, "huge").id)
    shape = data.shape
    assert shape.x * shape.y * shape.z * shape.c * 2 == 4 * 2**30

    tile = image.getPrimaryPixels().getTile(shape.z - 1, 1, 0, (2000, 2040, 48, 8))

    np.testing.assert_array_equal(tile, data.region(shape.z - 1, 1, 0, slice(2040, 2048), slice(2000, 2048)))


def test_a_pyramid_is_read_level_by_level(omero_server: OmeroServer, gateway: Any):
    array = np.arange(16 * 24, dtype="u2").reshape(1, 1, 1, 16, 24)
    number = omero_server.plant("ada").image(Pyramid(Stored(array), 3), "pyramid").id
    assert ezomero.get_pyramid_levels(gateway, number) == [(24, 16), (12, 8), (6, 4)]

    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(gateway.getObject("Image", number).getPixelsId(), True)
    assert (store.getResolutionLevels(), store.getResolutionLevel()) == (3, 2)
    store.setResolutionLevel(0)
    tile = np.frombuffer(store.getTile(0, 0, 0, 1, 1, 4, 2), ">u2").reshape(2, 4)
    store.setResolutionLevel(1)
    half = np.frombuffer(store.getPlane(0, 0, 0), ">u2").reshape(8, 12)
    store.close()

    np.testing.assert_array_equal(tile, array[0, 0, 0, ::4, ::4][1:3, 1:5])
    np.testing.assert_array_equal(half, array[0, 0, 0, ::2, ::2])


def test_a_connection_cut_at_a_read_fails_and_the_session_lives(omero_server: OmeroServer, gateway: Any):
    number = omero_server.plant("ada").image(small_image(), "cells").id
    pixels = gateway.getObject("Image", number).getPrimaryPixels()
    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(pixels.getId(), True)
    omero_server.faults.drop_connection_at_read = omero_server.faults.reads + 2

    store.getPlane(0, 0, 0)
    with pytest.raises((Ice.ConnectionLostException, Ice.CloseConnectionException, Ice.ForcedCloseConnectionException)):
        store.getPlane(1, 0, 0)

    assert gateway.c.getSessionId() in omero_server.sessions.by_key


def test_a_session_can_end_between_two_planes(omero_server: OmeroServer, gateway: Any):
    pixels = gateway.getObject("Image", omero_server.plant("ada").image(small_image(), "cells").id).getPrimaryPixels()
    omero_server.faults.expire_session_at_read = omero_server.faults.reads + 2

    planes = pixels.getPlanes([(0, 0, 0), (1, 0, 0)])
    next(planes)
    with pytest.raises(omero.SessionTimeoutException):
        next(planes)


def test_a_read_can_come_back_short(omero_server: OmeroServer, gateway: Any):
    pixels = gateway.getObject("Image", omero_server.plant("ada").image(small_image(), "cells").id).getPrimaryPixels()
    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(pixels.getId(), True)
    omero_server.faults.short_reads = True

    assert len(store.getPlane(0, 0, 0)) == store.getPlaneSize() - 1


def test_several_connections_read_at_the_same_time(omero_server: OmeroServer, connected: Callable[..., Any]):
    array = small_image()
    number = omero_server.plant("ada").image(array, "cells").id
    gateways = [connected() for _ in range(3)]

    def planes(gateway: Any) -> list[Any]:
        places = [(z, c, t) for t in range(2) for c in range(3) for z in range(4)]
        return list(gateway.getObject("Image", number).getPrimaryPixels().getPlanes(places))

    with ThreadPoolExecutor(3) as workers:
        for found in workers.map(planes, gateways):
            np.testing.assert_array_equal(np.array(found).reshape(2, 3, 4, 48, 64), array)


def test_an_image_is_made_from_planes_and_reads_back(gateway: Any):
    array = small_image()
    planes = (array[t, c, z] for z in range(4) for c in range(3) for t in range(2))

    image = gateway.createImageFromNumpySeq(planes, "made", sizeZ=4, sizeC=3, sizeT=2, description="by a test")

    found = gateway.getObject("Image", image.getId())
    np.testing.assert_array_equal(found.getPrimaryPixels().getPlane(3, 2, 1), array[1, 2, 3])
    assert found.getDescription() == "by a test"


def test_a_label_image_is_made_after_its_source_and_put_into_a_dataset(
    omero_server: OmeroServer, omero_image: Row, gateway: Any
):
    dataset = gateway.getObject("Dataset", omero_server.plant("ada").dataset("results").id)
    labels = np.arange(48 * 64, dtype="u2").reshape(48, 64)

    image = gateway.createImageFromNumpySeq(
        iter([labels]), "labels", dataset=dataset, sourceImageId=omero_image.id, channelList=[1]
    )

    assert [each.getName() for each in dataset.listChildren()] == ["labels"]
    found = gateway.getObject("Image", image.getId())
    np.testing.assert_array_equal(found.getPrimaryPixels().getPlane(), labels)
    assert (found.getChannelLabels(), found.getPixelSizeX()) == (["GFP"], 0.1)
    described = gateway.getPixelsService().retrievePixDescription(found.getPixelsId())
    statistics = described.getChannel(0).getStatsInfo()
    assert (statistics.getGlobalMin().val, statistics.getGlobalMax().val) == (0, 48 * 64 - 1)


def test_a_short_write_leaves_pixels_out(omero_server: OmeroServer, gateway: Any):
    omero_server.faults.short_writes = True
    image = gateway.createImageFromNumpySeq(iter([np.full((4, 4), 9, "u1")]), "short")

    np.testing.assert_array_equal(image.getPrimaryPixels().getPlane(), [[9] * 4, [9] * 4, [0] * 4, [0] * 4])
