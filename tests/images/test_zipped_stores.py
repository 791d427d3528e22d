"""Stores in one file: read as those in a folder, with the same identities."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from filiation.digest import digest_tree
from filiation.digest.zipped import digest_zip
from filiation.errors import BadInputError
from filiation.images import (
    ChannelVolume,
    Image,
    LabelImage,
    StoreFormat,
    fetch_into,
    image_facts,
    open_source,
    pixel_digest,
    read_image,
    read_labels,
    write_image,
)


def zipped(store: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(store.rglob("*")):
            archive.write(file, file.relative_to(store))
    return path


@pytest.mark.parametrize("form", [StoreFormat(), StoreFormat(sharded=True), StoreFormat("0.4")])
def test_a_zipped_store_is_the_store(tmp_path: Path, image: Image, form: StoreFormat) -> None:
    write_image(tmp_path / "raw.ome.zarr", image, form)
    path = zipped(tmp_path / "raw.ome.zarr", tmp_path / "raw.ozx")

    assert np.array_equal(read_image(path).data, image.data)
    assert image_facts(path) == image_facts(tmp_path / "raw.ome.zarr")
    assert pixel_digest(path) == pixel_digest(tmp_path / "raw.ome.zarr")
    assert digest_zip(path) == digest_tree(tmp_path / "raw.ome.zarr")
    region = (slice(1, 4), slice(0, 150), slice(100, 301))
    assert np.array_equal(ChannelVolume(path).read(region), image.data[region])

    fetch_into(open_source(str(path)), tmp_path / "fetched.ome.zarr")
    back = read_image(tmp_path / "fetched.ome.zarr")
    assert np.array_equal(back.data, image.data)
    assert (back.axes, back.scale, back.units, back.channels) == (image.axes, image.scale, image.units, image.channels)
    assert open_source(str(path)).identify().media_type == "application/zip"


def test_zipped_labels_are_read(tmp_path: Path, nuclei: Path, labels: LabelImage) -> None:
    back = read_labels(zipped(nuclei, tmp_path / "nuclei.zip"))
    assert np.array_equal(back.data, labels.data)
    assert back.properties == labels.properties


def test_a_flipped_bit_in_the_file_is_an_error(tmp_path: Path, raw: Path) -> None:
    path = zipped(raw, tmp_path / "raw.zip")
    content = bytearray(path.read_bytes())
    content[path.stat().st_size // 3] ^= 4
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="damaged"):
        read_image(path)


def test_a_folder_inside_the_file_is_told(tmp_path: Path, raw: Path) -> None:
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.write(raw / "zarr.json", "raw.ome.zarr/zarr.json")
    with pytest.raises(BadInputError, match=r"raw\.zip is not an OME-Zarr store"):
        read_image(tmp_path / "raw.zip")


def test_a_zip_file_with_a_way_out_is_not_read(tmp_path: Path, raw: Path) -> None:
    path = zipped(raw, tmp_path / "raw.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../zarr.json", b"{}")
    with pytest.raises(BadInputError, match="which is no plain path inside it"):
        read_image(path)
