"""Time series read and written a time point at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filiation.digest import digest_tree
from filiation.errors import BadInputError
from filiation.images import (
    ChannelSeries,
    Image,
    LabelFrame,
    LabelStore,
    StoreFormat,
    label_writing,
    noted_sizes,
    read_labels,
    series,
    slabs_of,
    write_frames,
    write_image,
    write_labels,
)
from filiation.images.synthetic_movie import Movie, film
from filiation.segmentation import Tracker, measure_frames, overlay_frames, segmented_frames, track, track_properties

FILMED = film(Movie(seed=3, shape=(6, 300, 280), cells=6))


def begun(path: Path, like: ChannelSeries, **more: Any) -> LabelStore:
    store = LabelStore(path, like.axes, like.shape, like.scale, like.units, "nuclei", "../raw.ome.zarr", **more)
    store.begin()
    return store


@pytest.mark.parametrize("form", [StoreFormat(), StoreFormat(sharded=True), StoreFormat("0.4")])
def test_labels_written_a_time_point_at_a_time_are_those_written_at_once(tmp_path: Path, form: StoreFormat) -> None:
    write_image(tmp_path / "raw.ome.zarr", FILMED.image, form)
    seen = ChannelSeries(tmp_path / "raw.ome.zarr", "nuclei")
    assert (seen.axes, seen.shape, seen.scale) == (("t", "y", "x"), (6, 300, 280), (300.0, 0.5, 0.5))
    assert all(np.array_equal(frame, whole) for frame, whole in zip(seen, FILMED.image.data[:, 0], strict=True))

    store = begun(tmp_path / "streamed.ome.zarr", seen)
    sizes = write_frames(store, iter(FILMED.truth.data))
    store.finish(sorted(sizes), noted_sizes(sizes))
    whole = FILMED.image.labelled(FILMED.truth.data, name="nuclei")
    write_labels(tmp_path / "whole.ome.zarr", whole.__class__(
        whole.data, whole.axes, whole.scale, whole.units, whole.name, "../raw.ome.zarr", whole.properties
    ))  # fmt: skip
    assert digest_tree(tmp_path / "streamed.ome.zarr") == digest_tree(tmp_path / "whole.ome.zarr")


def test_no_more_than_a_time_point_is_asked_for_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "raw.ome.zarr", FILMED.image)
    asked: list[tuple[int, ...]] = []

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(what: Any, region: tuple[slice, ...], *more: Any, **named: Any) -> Any:
            asked.append(tuple(side.stop - side.start for side in region))
            return function(what, region, *more, **named)

        return noted

    monkeypatch.setattr(series, "read_pixels", noting(series.read_pixels))
    for name in ("read_region", "write_region"):
        monkeypatch.setattr(label_writing, name, noting(getattr(label_writing, name)))

    seen = ChannelSeries(tmp_path / "raw.ome.zarr", "nuclei")
    store = begun(tmp_path / "nuclei.ome.zarr", seen)
    frames = segmented_frames([seen], seen.axes, seen.scale, lambda pixels, scale: (pixels > 1000).astype(np.uint32))
    sizes = write_frames(store, frames)
    store.finish(sorted(sizes), noted_sizes(sizes))

    nuclei = ChannelSeries(tmp_path / "nuclei.ome.zarr")
    tracks, tracker = begun(tmp_path / "tracks.ome.zarr", nuclei), Tracker()
    slabs = list(slabs_of(tracks, most_bytes=1))
    assert slabs == [(slice(0, 256), slice(0, 280)), (slice(256, 300), slice(0, 280))]
    for time in range(len(nuclei)):
        naming = tracker.name(
            (
                nuclei.read((slice(time, time + 1), *slab))[0],
                [tracks.read((slice(time - 1, time), *slab))[0] for _ in range(tracker.looked_back)],
            )
            for slab in slabs
        )
        for slab in slabs:
            labels = naming.of(nuclei.read((slice(time, time + 1), *slab))[0])
            LabelFrame(tracks, time).write(slab, labels)
    tracks.finish([each.label for each in tracker.tracks], track_properties(tracker.tracks))
    measured = measure_frames(nuclei, seen, nuclei.axes, nuclei.scale, nuclei.units)
    overlay_frames(seen, nuclei, nuclei.axes)

    assert asked
    assert {shape[0] for shape in asked} == {1}
    whole = read_labels(tmp_path / "nuclei.ome.zarr")
    assert whole.values == (1, 2, 3, 4, 5, 6)
    assert np.array_equal(read_labels(tmp_path / "tracks.ome.zarr").data, track(whole.data).labels)
    assert measured == measure_frames(whole.data, FILMED.image.data[:, 0], nuclei.axes, nuclei.scale, nuclei.units)


def test_an_image_without_time_is_had_whole_and_one_of_one_time_point_either_way(tmp_path: Path) -> None:
    pixels = np.arange(2 * 40 * 50, dtype=np.uint16).reshape(1, 2, 40, 50)
    write_image(tmp_path / "one.ome.zarr", Image(pixels, ("t", "c", "y", "x"), channels=("a", "b")))
    write_image(tmp_path / "flat.ome.zarr", Image(pixels[0, 1], ("y", "x")))
    assert np.array_equal(ChannelSeries(tmp_path / "one.ome.zarr", "b")[0], pixels[0, 1])
    assert np.array_equal(ChannelSeries(tmp_path / "one.ome.zarr", 1, ("y", "x"))[...], pixels[0, 1])
    assert np.array_equal(ChannelSeries(tmp_path / "flat.ome.zarr")[...], pixels[0, 1])
    with pytest.raises(BadInputError, match=r"has the axes y, x, of 40, 50 pixels; t, y, x were asked for"):
        ChannelSeries(tmp_path / "flat.ome.zarr", 0, ("t", "y", "x"))
    with pytest.raises(BadInputError, match=r"channel c was asked for\. Known are a \(0\), b \(1\)"):
        ChannelSeries(tmp_path / "one.ome.zarr", "c")


def test_too_few_and_too_many_time_points_are_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "raw.ome.zarr", FILMED.image)
    store = begun(tmp_path / "nuclei.ome.zarr", ChannelSeries(tmp_path / "raw.ome.zarr"))
    with pytest.raises(BadInputError, match="has 6 time points; labels of 2 came"):
        write_frames(store, FILMED.truth.data[:2])
    with pytest.raises(BadInputError, match=r"has 6 time point\(s\) of .* pixels; number 1 came with"):
        write_frames(store, FILMED.truth.data[:, :20])
