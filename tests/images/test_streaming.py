"""Images written as they are read: the same pixels and resolutions as written at once, whole or not at all."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.errors import BadInputError
from filiation.images import Image, check_store, pixel_digest, write_image
from filiation.images.image import Pixels
from filiation.images.multiscale import open_multiscale
from filiation.images.pyramid import shrink_by_mean
from filiation.images.regions import Region
from filiation.images.rendering import ChannelLook
from filiation.images.streaming import Outline, digest_image, stream_image
from filiation.images.streaming_state import unfinished


class ArrayReader:
    """Reads from an array; may break at its n-th read."""

    def __init__(self, data: Pixels, breaks_at: int = 0) -> None:
        self.data, self.breaks_at = data, breaks_at
        self.reads: list[Region] = []
        self.guard = threading.Lock()

    def read(self, region: Region) -> Pixels:
        with self.guard:
            self.reads.append(region)
            number = len(self.reads)
        if number == self.breaks_at:
            raise ConnectionError("cut")
        return self.data[region]

    def close(self) -> None:
        pass


def outline_of(image: Image, **identity: str) -> Outline:
    looks = tuple(ChannelLook(f"c{number}", "00FF00") for number in range(image.channel_count))
    return Outline(image.axes, image.shape, image.data.dtype, image.scale, image.units, looks, identity, image.name)


def some_image(shape: tuple[int, ...], dtype: str, scale: tuple[float, ...] = ()) -> Image:
    data = np.random.default_rng(3).integers(0, 120, shape).astype(dtype)
    return Image(data, ("t", "c", "z", "y", "x")[-len(shape) :], scale or (1.0,) * len(shape), name="cells")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "bool"])
def test_every_pixel_type_streams_as_it_is(tmp_path: Path, dtype: str):
    image = some_image((2, 3, 70, 90), dtype)

    digest = stream_image(tmp_path / "a.zarr", outline_of(image), lambda: ArrayReader(image.data))

    assert digest == pixel_digest(tmp_path / "a.zarr")
    assert digest == digest_image(outline_of(image), lambda: ArrayReader(image.data), workers=2, memory=1)
    assert not check_store(tmp_path / "a.zarr")


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 40), st.integers(1, 700), st.integers(1, 600)),
    st.sampled_from([1.0, 3.0]),
    st.integers(1, 3),
)
def test_levels_are_those_of_an_image_written_at_once(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, ...], thickness: float, workers: int
):
    folder = tmp_path_factory.mktemp("streamed")
    image = some_image(shape, "uint8", (1.0, 1.0, thickness, 1.0, 1.0))
    write_image(folder / "at-once.zarr", image)

    stream_image(
        folder / "streamed.zarr", outline_of(image), lambda: ArrayReader(image.data), workers=workers, memory=1
    )

    at_once, streamed = open_multiscale(folder / "at-once.zarr"), open_multiscale(folder / "streamed.zarr")
    assert len(at_once.levels) == len(streamed.levels)
    for one, other in zip(at_once.levels, streamed.levels, strict=True):
        assert (one.scale, one.translation) == (other.scale, other.translation)
        np.testing.assert_array_equal(one.array[...], other.array[...])


def test_a_break_leaves_no_image_and_the_next_attempt_reads_only_the_rest(tmp_path: Path):
    image = some_image((4, 1, 600, 1100), "uint16")
    whole = stream_image(tmp_path / "whole.zarr", outline_of(image), lambda: ArrayReader(image.data), memory=1)
    broken, second = ArrayReader(image.data, breaks_at=5), ArrayReader(image.data)
    place = tmp_path / "a.zarr"

    with pytest.raises(ConnectionError):
        stream_image(place, outline_of(image), lambda: broken, memory=1)
    assert not place.exists()
    assert unfinished(place)
    with pytest.raises(BadInputError):
        open_multiscale(tmp_path / ".a.zarr.partial")

    assert stream_image(place, outline_of(image), lambda: second, memory=1) == whole == pixel_digest(place)
    assert len(broken.reads) - 1 + len(second.reads) == 4 * 2 * 3
    assert not unfinished(place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "whole.zarr"]


def test_what_a_crash_spoiled_is_read_again(tmp_path: Path):
    image = some_image((3, 1, 64, 64), "uint16")
    place = tmp_path / "a.zarr"
    with pytest.raises(ConnectionError):
        stream_image(place, outline_of(image), lambda: ArrayReader(image.data, breaks_at=3), memory=1)
    (tmp_path / ".a.zarr.partial" / "0" / "c" / "0" / "0" / "0" / "0").write_bytes(b"")
    second = ArrayReader(image.data)

    stream_image(place, outline_of(image), lambda: second, memory=1)

    assert len(second.reads) == 2
    np.testing.assert_array_equal(open_multiscale(place).full.array[...], image.data)


def test_what_is_left_of_another_image_is_not_gone_on_with(tmp_path: Path):
    image, other = some_image((3, 1, 64, 64), "uint16"), some_image((3, 1, 64, 64), "uint16")
    other.data[...] += 7
    place = tmp_path / "a.zarr"
    with pytest.raises(ConnectionError):
        stream_image(place, outline_of(image, id="1"), lambda: ArrayReader(image.data, breaks_at=3), memory=1)

    digest = stream_image(place, outline_of(other, id="2"), lambda: ArrayReader(other.data), memory=1)

    assert digest == pixel_digest(place)
    np.testing.assert_array_equal(open_multiscale(place).full.array[...], other.data)


def test_a_region_that_comes_in_another_shape_is_refused(tmp_path: Path):
    image = some_image((3, 64, 64), "uint16")

    with pytest.raises(BadInputError, match=r"\(3, 64, 64\) pixels was asked for, and \(3, 64, 63\) came"):
        stream_image(tmp_path / "a.zarr", outline_of(image), lambda: ArrayReader(image.data[..., :-1]))


@pytest.mark.parametrize("filled", [(), ((0, 0),), ((300, 300), (5, 299)), "all"])
def test_chunks_of_nothing_are_left_out_as_zarr_leaves_them_out(tmp_path: Path, filled: object):
    """Where a chunk's first pixel is set, zarr need not compare all of it; what is written is the same."""
    image = some_image((2, 520, 510), "uint16")
    image.data[...] = 0
    if filled == "all":
        image.data[...] = 7
    else:
        for y, x in filled:  # type: ignore[attr-defined]
            image.data[1, y, x] = 5

    stream_image(tmp_path / "streamed.zarr", outline_of(image), lambda: ArrayReader(image.data))
    write_image(tmp_path / "at-once.zarr", image)

    for level in "012":
        streamed, at_once = (tmp_path / name / level for name in ("streamed.zarr", "at-once.zarr"))
        files = {path.relative_to(streamed): path.read_bytes() for path in streamed.rglob("*") if path.is_file()}
        assert files == {p.relative_to(at_once): p.read_bytes() for p in at_once.rglob("*") if p.is_file()}


def test_a_large_image_is_shrunk_in_parts_and_gives_the_same():
    data = np.random.default_rng(7).integers(0, 65535, (5, 700, 333)).astype("uint16")

    shrunk = shrink_by_mean(data, (2, 2, 2))

    padded = np.pad(data, ((0, 1), (0, 0), (0, 1)), mode="edge").astype("float64")
    means = padded
    for axis in range(3):
        means = np.rint(means.reshape(*means.shape[:axis], -1, 2, *means.shape[axis + 1 :]).mean(axis=axis + 1))
    np.testing.assert_array_equal(shrunk, means)
