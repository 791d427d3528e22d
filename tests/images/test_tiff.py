import contextlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.errors import BadInputError, FiliationError
from filiation.images import open_source
from filiation.images.files import read_tiff

PIXELS = np.random.default_rng(5).integers(0, 5000, (2, 3, 20, 30), dtype=np.uint16)


def test_ome_tiff_gives_axes_sizes_and_channels(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "cells.ome.tif",
        PIXELS,
        metadata={
            "axes": "CZYX",
            "PhysicalSizeX": 0.5,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 500.0,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": 2.0,
            "PhysicalSizeZUnit": "µm",
            "Channel": {"Name": ["DNA", "actin"]},
        },
    )
    image = open_source(str(tmp_path / "cells.ome.tif")).fetch()
    assert np.array_equal(image.data, PIXELS)
    assert image.axes == ("c", "z", "y", "x")
    assert image.scale == (1.0, 2.0, 500.0, 0.5)
    assert image.units == ("", "micrometer", "nanometer", "micrometer")
    assert (image.channels, image.name) == (("DNA", "actin"), "cells")


def test_imagej_hyperstacks_give_axes_and_sizes(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "stack.tif",
        PIXELS.swapaxes(0, 1),
        imagej=True,
        resolution=(4.0, 2.0),
        metadata={"axes": "ZCYX", "unit": "um", "spacing": 1.5},
    )
    image = read_tiff(tmp_path / "stack.tif")
    assert image.axes == ("c", "z", "y", "x")
    assert np.array_equal(image.data, PIXELS)
    assert image.scale == (1.0, 1.5, 0.5, 0.25)
    assert image.units == ("", "micrometer", "micrometer", "micrometer")


def test_a_plain_tiff_keeps_its_pixel_size_unknown(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", PIXELS[0, 0], resolution=(300, 300), metadata=None)
    image = read_tiff(tmp_path / "plain.tif")
    assert (image.axes, image.scale, image.units) == (("y", "x"), (1.0, 1.0), ("", ""))


def test_colours_become_channels(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb")
    image = read_tiff(tmp_path / "rgb.tif")
    assert image.axes == ("c", "y", "x")
    assert np.array_equal(image.data, np.moveaxis(rgb, 2, 0))


def test_pages_without_a_meaning_are_not_taken_for_planes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "pages.tif", PIXELS[0], metadata=None, photometric="minisblack")
    with pytest.raises(BadInputError) as caught:
        read_tiff(tmp_path / "pages.tif")
    assert str(caught.value) == (
        f"{tmp_path / 'pages.tif'} has the TIFF axes IYX with lengths (3, 20, 30); expected Y and X, and of T, C, Z "
        "and colour samples what there is. Save it as OME-TIFF or ImageJ hyperstack, which say what each axis is."
    )


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_tiff_is_said(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "whole.ome.tif"
    tifffile.imwrite(path, PIXELS, metadata={"axes": "CZYX"}, compression=compression)
    whole = path.read_bytes()
    cut = tmp_path / "cut.ome.tif"
    for length in range(4, len(whole), max(1, len(whole) // 40)):
        cut.write_bytes(whole[:length])
        with pytest.raises(
            BadInputError, match=r"cut\.ome\.tif (is truncated|is damaged|cannot be read as TIFF|has the TIFF axes)"
        ):
            open_source(str(cut)).fetch()


@given(place=st.floats(0, 1), value=st.integers(0, 255))
@settings(max_examples=150)
def test_a_damaged_tiff_is_an_image_or_one_clear_error(
    place: float, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "x.tif"
    tifffile.imwrite(path, PIXELS[0, 0, :4, :4], metadata={"axes": "YX"})
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] = value
    path.write_bytes(content)
    with contextlib.suppress(FiliationError):
        open_source(str(path)).fetch()


def test_entities_in_ome_xml_are_not_expanded(tmp_path: Path) -> None:
    evil = (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image><Pixels/></Image>&a;</OME>'
    )
    tifffile.imwrite(tmp_path / "evil.tif", PIXELS[0, 0], description=evil, metadata=None)
    with pytest.raises(BadInputError):
        read_tiff(tmp_path / "evil.tif")
