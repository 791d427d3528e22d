"""Stores in one file: read as those in a folder, with the same identities."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from filiation.digest import digest_tree
from filiation.digest.zipped import digest_zip
from filiation.errors import BadInputError, NotFoundError
from filiation.images import (
    ChannelVolume,
    Image,
    LabelImage,
    StoreFormat,
    fetch_into,
    image_facts,
    open_plate,
    open_source,
    pixel_digest,
    plate_source,
    read_image,
    read_labels,
    write_image,
)
from filiation.images.synthetic_plate import SyntheticPlate, write_synthetic_plate


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


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_fields_of_a_zipped_plate_are_read_where_they_lie(tmp_path: Path, version: str) -> None:
    plate = tmp_path / "plate.ome.zarr"
    write_synthetic_plate(plate, SyntheticPlate(rows=1, columns=2, shape=(64, 64)), StoreFormat(version))
    path = zipped(plate, tmp_path / "plate.ozx")

    assert open_plate(path) == open_plate(plate)
    found = plate_source(str(path), ["A2"])
    assert found is not None
    assert found.fields == {"A/2/0": f"{path}/A/2/0"}
    field = open_source(f"{path}/A/2/0")
    here = digest_tree(plate / "A/2/0")
    assert (field.identify().digest, field.identify().size) == (here.digest, here.size)
    fetch_into(field, tmp_path / "fetched.ome.zarr")
    assert pixel_digest(tmp_path / "fetched.ome.zarr") == pixel_digest(plate / "A/2/0") == pixel_digest(path / "A/2/0")
    assert plate_source(f"{path}/A/2/0") is None  # an image
    with pytest.raises(BadInputError, match="name one field of view inside it"):
        fetch_into(open_source(str(path)), tmp_path / "none.ome.zarr")
    for nothing in (path / "A/7/0", tmp_path / "none.ozx/A/1/0"):
        with pytest.raises((NotFoundError, BadInputError), match=r"no.*OME-Zarr|leads nowhere"):
            fetch_into(open_source(str(nothing)), tmp_path / "none.ome.zarr")
