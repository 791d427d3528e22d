"""Every form that stores are written in: read back, by others too, and guarded against flipped bits."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ngio import open_image, open_label, open_ome_zarr_container
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from filiation.errors import BadInputError
from filiation.images import (
    ChannelVolume,
    Image,
    LabelImage,
    LabelStore,
    StoreFormat,
    assemble,
    check_store,
    pixel_digest,
    read_image,
    read_labels,
    write_image,
    write_labels,
)
from filiation.images.image import Pyramid
from filiation.images.multiscale import open_multiscale
from filiation.images.pyramid import shrink_to_most_frequent
from filiation.images.regions import regions_of
from filiation.images.rendering import ChannelLook
from filiation.images.store_format import shard_lengths, write_unit
from filiation.images.streaming import Outline, stream_image

FORMS = {"0.5": StoreFormat(), "0.5 in shards": StoreFormat(sharded=True), "0.4": StoreFormat("0.4")}
# In a process of its own, without garbage collection: of pydantic-zarr's generic types those of Zarr 2 are lost from
# pydantic's weak cache now and then where others have been used before, and no array is one any more.
VALIDATE = """
import gc, importlib, sys
gc.disable()
import zarr
models = importlib.import_module(f"ome_zarr_models.v{sys.argv[1].replace('.', '')}")
for path, kind in zip(sys.argv[2::2], sys.argv[3::2]):
    getattr(models, kind).from_zarr(zarr.open_group(path, mode="r"))
"""


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> StoreFormat:
    return FORMS[request.param]


@pytest.fixture
def stores(tmp_path: Path, image: Image, labels: LabelImage, form: StoreFormat) -> tuple[Path, Path]:
    """Return an image and its labels, which take their form from it."""
    write_image(tmp_path / "raw.ome.zarr", image, form)
    write_labels(tmp_path / "nuclei.ome.zarr", labels)
    return tmp_path / "raw.ome.zarr", tmp_path / "nuclei.ome.zarr"


@pytest.mark.slow
def test_labels_and_all_readers_see_what_was_written(
    tmp_path: Path, stores: tuple[Path, Path], form: StoreFormat, image: Image, labels: LabelImage
) -> None:
    raw, nuclei = stores
    assert np.array_equal(read_image(raw).data, image.data)
    assert np.array_equal(read_labels(nuclei).data, labels.data)
    assert read_labels(nuclei).properties == labels.properties
    assert StoreFormat.like(open_multiscale(raw)) == StoreFormat.like(open_multiscale(nuclei)) == form

    assert np.array_equal(open_image(raw, mode="r").get_as_numpy(), image.data)
    assert np.array_equal(open_label(nuclei, mode="r").get_as_numpy(), labels.data)

    assemble(tmp_path / "all.ome.zarr", raw, {"nuclei": nuclei})
    assert check_store(tmp_path / "all.ome.zarr") == ()
    kinds = {raw: "Image", nuclei: "ImageLabel", tmp_path / "all.ome.zarr" / "labels": "Labels"}
    arguments = [str(part) for pair in kinds.items() for part in pair]
    subprocess.run([sys.executable, "-c", VALIDATE, form.version, *arguments], check=True, timeout=100)
    container = open_ome_zarr_container(tmp_path / "all.ome.zarr", mode="r")
    assert np.array_equal(container.get_label("nuclei").get_as_numpy(), labels.data)
    nodes = list(Reader(parse_url(tmp_path / "all.ome.zarr", mode="r"))())
    seen, drawn = nodes[0].data, nodes[-1].data
    assert np.array_equal(np.asarray(seen[0]), image.data)
    assert np.array_equal(np.asarray(drawn[0]), labels.data)
    assert len(seen) == len(drawn) == 3


@pytest.mark.parametrize("which", [0, 1], ids=["image", "labels"])
def test_a_random_flipped_bit_is_an_error_on_reading(stores: tuple[Path, Path], which: int) -> None:
    store, read = stores[which], (read_image, read_labels)[which]
    whole = read(store).data  # type: ignore[operator]
    chunks = sorted(path for path in (store / "0").rglob("*") if path.is_file() and path.name[0] in "0123456789")
    chance, told, harmless = random.Random(6), 0, 0
    for _ in range(40):
        chunk = chance.choice(chunks)
        good = chunk.read_bytes()
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        chunk.write_bytes(bad)
        try:
            found = read(store).data  # type: ignore[operator]
        except BadInputError as error:
            told += "A chunk of it is damaged; restore the store or make it again." in str(error)
        else:  # there is a bit or two in zstd's headers that says nothing
            harmless += np.array_equal(found, whole)
        chunk.write_bytes(good)
    assert told + harmless == 40, f"{told} errors, {harmless} the same pixels"
    assert told >= 38


class ArrayReader:
    """Reads from an array."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def read(self, region: tuple[slice, ...]) -> np.ndarray:
        return self.data[region]

    def close(self) -> None:
        pass


@pytest.mark.slow
def test_an_image_streamed_is_one_written_at_once(tmp_path: Path, form: StoreFormat) -> None:
    data = np.random.default_rng(3).integers(0, 4000, (33, 520, 600), dtype=np.uint16)
    image = Image(data, ("z", "y", "x"), (2.0, 0.5, 0.5), name="cells", channels=("DNA",))
    write_image(tmp_path / "at-once.zarr", image, form)
    looks = (ChannelLook("DNA", "FFFFFF"),)
    outline = Outline(image.axes, image.shape, data.dtype, image.scale, image.units, looks, {}, "cells")

    digest = stream_image(
        tmp_path / "streamed.zarr", outline, lambda: ArrayReader(data), form=form, workers=2, memory=1
    )

    assert digest == pixel_digest(tmp_path / "streamed.zarr") == pixel_digest(tmp_path / "at-once.zarr")
    one, other = open_multiscale(tmp_path / "at-once.zarr"), open_multiscale(tmp_path / "streamed.zarr")
    assert len(one.levels) == len(other.levels) == 4
    for here, there in zip(one.levels, other.levels, strict=True):
        assert np.array_equal(here.array[...], there.array[...])
        assert here.array.metadata == there.array.metadata
    assert StoreFormat.like(other) == form


@pytest.mark.slow
@pytest.mark.parametrize("pyramid", list(Pyramid))
def test_labels_written_in_parts_are_those_written_at_once(tmp_path: Path, form: StoreFormat, pyramid: Pyramid) -> None:
    rng = np.random.default_rng(4)
    values = np.kron(rng.integers(0, 40, (6, 27, 78)), np.ones((3, 10, 10), int)).astype(np.uint32)
    write_image(tmp_path / "raw.zarr", Image(values.astype(np.uint16), ("z", "y", "x"), (1.0,) * 3), form)
    labels = LabelImage(values, ("z", "y", "x"), source="../raw.zarr", pyramid=pyramid)
    write_labels(tmp_path / "at-once.zarr", labels)
    volume = ChannelVolume(tmp_path / "raw.zarr")
    lengths = (16, 256, 512)
    store = LabelStore(
        tmp_path / "parts.zarr", volume.axes, volume.shape, volume.scale, volume.units,
        source="../raw.zarr", pyramid=pyramid, written_in=lengths,
    )  # fmt: skip
    store.begin()
    for region in regions_of(values.shape, lengths):
        store.write(region, values[region])
    store.finish(labels.values)

    one, other = open_multiscale(tmp_path / "at-once.zarr"), open_multiscale(tmp_path / "parts.zarr")
    assert StoreFormat.like(one) == StoreFormat.like(other) == form
    for here, there in zip(one.levels, other.levels, strict=True):
        assert np.array_equal(here.array[...], there.array[...])
        assert set(there.array[...].ravel().tolist()) <= set(range(40))
    metadata = "zarr.json" if form.version == "0.5" else ".zattrs"
    content = json.loads((tmp_path / "parts.zarr" / metadata).read_text())
    block = content["attributes"]["ome"] if form.version == "0.5" else content
    assert block["multiscales"][0]["type"] == pyramid.value


def test_a_writer_owns_whole_shards(tmp_path: Path) -> None:
    store = LabelStore(
        tmp_path / "labels.zarr", ("z", "y", "x"), (64, 2048, 2048), (1.0,) * 3, ("",) * 3,
        form=StoreFormat(sharded=True),
    )  # fmt: skip
    store.begin()
    array = store._level(0)
    assert write_unit(array) == (32, 512, 1024)
    with pytest.raises(BadInputError, match=r"to parts of shards of \(32, 512, 1024\) pixels"):
        store.write((slice(0, 16), slice(0, 256), slice(0, 256)), np.ones((16, 256, 256), np.uint32))
    assert not list((tmp_path / ".labels.zarr.partial" / "0").glob("c/**/*"))


@given(data=st.data())
def test_a_shard_is_whole_chunks_small_and_fits_what_is_written(data: st.DataObject) -> None:
    axes = data.draw(st.sampled_from([("y", "x"), ("z", "y", "x"), ("t", "c", "z", "y", "x")]))
    shape = tuple(data.draw(st.integers(1, 5000)) for _ in axes)
    units = [{"z": 16, "y": 256, "x": 256}.get(axis, 1) for axis in axes]
    written_in = tuple(unit * data.draw(st.integers(1, 9)) for unit in units)
    itemsize = data.draw(st.sampled_from([1, 2, 4, 8]))
    shard = shard_lengths(axes, shape, itemsize, written_in)
    assert int(np.prod(shard)) * itemsize <= 64 * 2**20
    for length, limit, unit, region in zip(shard, shape, units, written_in, strict=True):
        assert length % min(unit, limit) == 0
        assert region % length == 0 or region >= limit


@settings(max_examples=30)
@given(
    hnp.arrays(np.uint32, st.tuples(*[st.integers(1, 7)] * 3), elements=st.integers(0, 4)),
    st.tuples(*[st.sampled_from([1, 2])] * 3),
)
def test_the_most_frequent_label_is_taken_and_none_is_invented(values: np.ndarray, steps: tuple[int, ...]) -> None:
    shrunk = shrink_to_most_frequent(values, steps)
    for place in np.ndindex(shrunk.shape):
        block = values[tuple(slice(at * step, (at + 1) * step) for at, step in zip(place, steps, strict=True))]
        counts = Counter(block.ravel().tolist())  # in C order, so that the first of equals is the first met
        assert shrunk[place] == counts.most_common(1)[0][0]


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(BadInputError) as caught:
        StoreFormat.from_settings({"version": "0.6"})
    assert str(caught.value) == "OME-Zarr 0.6 cannot be written; 0.4 and 0.5 can. Ask for one of them."
    with pytest.raises(BadInputError) as caught:
        StoreFormat.from_settings({"version": 0.4, "shards": True})
    assert str(caught.value) == "OME-Zarr 0.4 has no shards; write 0.5, or leave the shards out."
    with pytest.raises(BadInputError) as caught:
        StoreFormat.from_settings({"sharding": True})
    assert str(caught.value) == "The form of a store has no 'sharding'; it has version and shards."


def test_stores_of_two_versions_are_not_put_together(tmp_path: Path, image: Image, labels: LabelImage) -> None:
    write_image(tmp_path / "raw.ome.zarr", image, StoreFormat("0.4"))
    write_labels(tmp_path / "nuclei.ome.zarr", replace(labels, source=None))
    with pytest.raises(BadInputError) as caught:
        assemble(tmp_path / "all.ome.zarr", tmp_path / "raw.ome.zarr", {"nuclei": tmp_path / "nuclei.ome.zarr"})
    assert str(caught.value) == (
        f"{tmp_path / 'nuclei.ome.zarr'} is OME-Zarr 0.5; a store is assembled from 0.4. Fetch it first."
    )
