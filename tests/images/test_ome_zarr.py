import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ngio import open_image, open_label, open_ome_zarr_container
from ome_zarr_models.v05 import Image as ModelImage
from ome_zarr_models.v05 import ImageLabel as ModelLabel

from filiation.errors import BadInputError, NotFoundError
from filiation.images import (
    Image,
    LabelImage,
    image_facts,
    read_image,
    read_labels,
    write_image,
    write_labels,
)
from filiation.images.multiscale import open_multiscale
from filiation.model import ImageFacts


def test_an_image_comes_back_as_it_was_written(raw: Path, image: Image) -> None:
    back = read_image(raw)
    assert np.array_equal(back.data, image.data)
    assert back.data.dtype == image.data.dtype
    assert (back.axes, back.scale, back.units, back.channels, back.name) == (
        image.axes, image.scale, image.units, image.channels, image.name
    )  # fmt: skip


def test_labels_come_back_as_they_were_written(nuclei: Path, labels: LabelImage) -> None:
    back = read_labels(nuclei)
    assert np.array_equal(back.data, labels.data)
    assert (back.axes, back.scale, back.units, back.name, back.source, back.properties) == (
        labels.axes, labels.scale, labels.units, labels.name, labels.source, labels.properties
    )  # fmt: skip


_TYPES = st.sampled_from(["uint8", "int16", "uint16", "uint32", "int64", "float32", "float64", "bool"])


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=40)
def test_any_image_comes_back(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    axes = data.draw(st.sampled_from([("y", "x"), ("z", "y", "x"), ("c", "y", "x"), ("t", "c", "z", "y", "x")]))
    shape = tuple(data.draw(st.integers(1, 150 if axis == "x" else 4)) for axis in axes)
    pixels = data.draw(hnp.arrays(data.draw(_TYPES), shape, fill=st.just(0)))
    scale = tuple(data.draw(st.floats(0.01, 100)) for _ in axes)
    path = tmp_path_factory.mktemp("any") / "image.ome.zarr"
    write_image(path, Image(pixels, axes, scale, name="any"))
    back = read_image(path)
    assert back.data.dtype == pixels.dtype
    assert np.array_equal(back.data, pixels, equal_nan=pixels.dtype.kind == "f")
    assert (back.axes, back.scale) == (axes, scale)
    ModelImage.from_zarr(zarr.open_group(path, mode="r"))


def test_ome_zarr_models_finds_image_and_labels_valid(raw: Path, nuclei: Path) -> None:
    ModelImage.from_zarr(zarr.open_group(raw, mode="r"))
    ModelLabel.from_zarr(zarr.open_group(nuclei, mode="r"))


def test_ngio_opens_image_and_labels(raw: Path, nuclei: Path, image: Image, labels: LabelImage) -> None:
    container = open_ome_zarr_container(raw, mode="r")
    opened = open_image(raw, mode="r")
    assert np.array_equal(opened.get_as_numpy(), image.data)
    assert (opened.pixel_size.z, opened.pixel_size.y, opened.pixel_size.x) == (2.0, 0.5, 0.5)
    assert container.levels == 3
    assert np.array_equal(open_label(nuclei, mode="r").get_as_numpy(), labels.data)


def test_labels_have_the_levels_of_their_image(raw: Path, nuclei: Path) -> None:
    image, labels = open_multiscale(raw), open_multiscale(nuclei)
    assert [level.array.shape for level in image.levels] == [(6, 150, 301), (6, 75, 151), (6, 38, 76)]
    assert [(level.array.shape, level.scale, level.translation) for level in labels.levels] == [
        (level.array.shape, level.scale, level.translation) for level in image.levels
    ]


def test_labels_take_the_levels_of_an_image_that_another_program_wrote(tmp_path: Path) -> None:
    from ngio import create_ome_zarr_from_array

    data = np.random.default_rng(0).integers(0, 9, (101, 203), dtype=np.uint16)
    create_ome_zarr_from_array(
        tmp_path / "raw.zarr", data, pixelsize=0.5, axes_names=["y", "x"], ngff_version="0.5", levels=4
    )
    image = read_image(tmp_path / "raw.zarr")
    labels = replace(image.labelled(data.astype(np.uint32)), source="../raw.zarr")
    write_labels(tmp_path / "labels.zarr", labels)
    theirs, ours = open_multiscale(tmp_path / "raw.zarr"), open_multiscale(tmp_path / "labels.zarr")
    assert [level.array.shape for level in ours.levels] == [level.array.shape for level in theirs.levels]
    assert len(ours.levels) == 4


def test_no_level_invents_a_label(nuclei: Path) -> None:
    for level in open_multiscale(nuclei).levels:
        assert set(np.unique(level.array[...])) == {0, 1, 7}


def test_each_group_has_its_version_and_labels_their_block(nuclei: Path) -> None:
    block = json.loads((nuclei / "zarr.json").read_text())["attributes"]["ome"]
    assert block["version"] == "0.5"
    assert block["image-label"] == {
        "version": "0.5",
        "colors": [
            {"label-value": 1, "rgba": [85, 131, 242, 255]},
            {"label-value": 7, "rgba": [91, 242, 85, 255]},
        ],
        "properties": [{"label-value": 1}, {"label-value": 7, "phase": "G1"}],
        "source": {"image": "../raw.ome.zarr"},
    }


def test_writing_twice_gives_the_same_bytes(tmp_path: Path, image: Image) -> None:
    for name in ("one", "two"):
        write_image(tmp_path / name / "raw.ome.zarr", image)
    files = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize("which", ["raw", "nuclei"])
def test_a_flipped_bit_in_a_chunk_never_passes_as_other_pixels(which: str, request: pytest.FixtureRequest) -> None:
    store: Path = request.getfixturevalue(which)
    read = {"raw": read_image, "nuclei": read_labels}[which]
    chunk = sorted(path for path in (store / "0" / "c").rglob("*") if path.is_file())[0]
    whole = chunk.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 25).astype(int):
        broken = bytearray(whole)
        broken[place] ^= 0x10
        chunk.write_bytes(broken)
        with pytest.raises(BadInputError, match="A chunk of it is damaged; restore the store or make it again"):
            read(store)


def test_facts_are_read_without_pixels(nuclei: Path) -> None:
    for chunks in nuclei.glob("*/c"):
        chunks.rename(chunks.with_name("gone"))
    assert image_facts(nuclei) == ImageFacts(
        axes=("z", "y", "x"),
        shape=(6, 150, 301),
        dtype="uint32",
        scale=(2.0, 0.5, 0.5),
        units=("micrometer",) * 3,
        source="../raw.ome.zarr",
    )


def test_a_store_is_never_written_to_again(raw: Path, image: Image) -> None:
    with pytest.raises(BadInputError) as caught:
        write_image(raw, image)
    assert str(caught.value) == f"{raw} is there already; a store is never written to again. Remove it first."


def test_labels_that_do_not_fit_their_source_are_refused(raw: Path, labels: LabelImage) -> None:
    wrong = LabelImage(labels.data[:, :-1], labels.axes, labels.scale, labels.units, source="../raw.ome.zarr")
    with pytest.raises(BadInputError) as caught:
        write_labels(raw.parent / "wrong.ome.zarr", wrong)
    assert str(caught.value) == (
        f"The labels for {raw.parent / 'wrong.ome.zarr'} do not fit their source {raw}: their z, y, x are "
        "(6, 149, 301) pixels of (2.0, 0.5, 0.5), the source's (6, 150, 301) of (2.0, 0.5, 0.5)."
    )
    assert sorted(path.name for path in raw.parent.iterdir()) == ["raw.ome.zarr"]


def test_properties_of_an_object_without_a_pixel_are_refused(tmp_path: Path, labels: LabelImage) -> None:
    with pytest.raises(BadInputError) as caught:
        write_labels(tmp_path / "x.ome.zarr", replace(labels, source=None, properties={9: {"phase": "G2"}}))
    assert str(caught.value) == "Properties are given for label 9, which no pixel of 'nuclei' has."


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        read_image(tmp_path / "none.ome.zarr")
    assert str(caught.value) == (
        f"There is no OME-Zarr store at {tmp_path / 'none.ome.zarr'}: the folder does not exist."
    )


def test_an_image_is_not_read_as_labels(raw: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        read_labels(raw)
    assert str(caught.value) == f"{raw} is an image, not a label image: it has no 'image-label' metadata."


def _metadata(path: Path, attributes: object) -> Path:
    path.mkdir()
    content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (path / "zarr.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "{path} is not an OME-Zarr image: its group has no 'multiscales' metadata (Zarr 3)."),
        (
            {"ome": {"version": "0.5", "plate": {}}},
            "{path} is not an OME-Zarr image: it is a plate or well; name one field of view inside it, such as A/1/0.",
        ),
        (
            {"ome": {"version": "0.5", "bioformats2raw.layout": 3}},
            "{path} is not an OME-Zarr image: it is a collection of images; name one of them, such as 0.",
        ),
        (
            {"ome": {"version": "0.7", "multiscales": [{}]}},
            "{path} is of OME-Zarr version 0.7; 0.4, 0.5 and 0.6 can be read. Convert it first.",
        ),
        (
            {"ome": {"version": "0.5", "multiscales": []}},
            "{path} has malformed OME-Zarr metadata (IndexError: list index out of range). "
            "Check it with `ome-zarr-models validate`, and write the store again.",
        ),
        (
            {"ome": {"version": "0.5", "multiscales": [{"axes": [{"name": "y"}, {"name": "x"}], "datasets": []}]}},
            "{path} lists no resolution: 'multiscales[0].datasets' is empty.",
        ),
    ],
)
def test_a_group_that_is_no_image_says_what_it_is(tmp_path: Path, attributes: object, message: str) -> None:
    path = _metadata(tmp_path / "x.zarr", attributes)
    with pytest.raises(BadInputError) as caught:
        read_image(path)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"zarr_format": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_torn_metadata_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "torn.zarr"
    path.mkdir()
    (path / "zarr.json").write_bytes(content)
    with pytest.raises(BadInputError, match=r"torn\.zarr "):
        read_image(path)


def test_a_plain_folder_or_a_file_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "file.zarr").write_text("no")
    for path in (tmp_path, tmp_path / "file.zarr"):
        with pytest.raises(BadInputError) as caught:
            read_image(path)
        assert str(caught.value) == (
            f"{path} is not an OME-Zarr store: it is no folder with a zarr.json (Zarr 3) or .zgroup (Zarr 2) of a "
            "group."
        )


def test_ome_zarr_0_4_is_read(tmp_path: Path, image: Image) -> None:
    group = zarr.create_group(tmp_path / "old.zarr", zarr_format=2)
    group.create_array("full", data=image.data, chunks=(3, 64, 64), chunk_key_encoding={"name": "v2", "separator": "/"})
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in image.axes]
    transform = [{"type": "scale", "scale": [1.0, 0.25, 0.25]}]
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "name": "old",
            "axes": axes,
            "datasets": [{"path": "full", "coordinateTransformations": transform}],
            "coordinateTransformations": [{"type": "scale", "scale": [2.0, 2.0, 2.0]}],
        }
    ]
    back = read_image(tmp_path / "old.zarr")
    assert np.array_equal(back.data, image.data)
    assert (back.name, back.axes, back.scale, back.units) == ("old", image.axes, image.scale, image.units)
