"""Label images to be looked at: planes over their image, the object at a pixel, and only pixels that were recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from filiation.catalogue import Catalogue
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.images import LabelImage, write_labels
from filiation.images.colours import colour_of_label
from filiation.images.image import Pixels
from filiation.images.multiscale import open_multiscale
from filiation.lineage import Ledger
from filiation.lineage.layers import FILLED, HIDDEN, Layers, Where
from tests.lineage.crates import CrateBuilder
from tests.lineage.painted import FIRST, LABELS, RAW, SECOND, TABLE, paint


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path) -> Ledger:
    paint(folder).write(catalogue.folder.crates)
    return Ledger(folder)


def write_plain(place: Path, values: Pixels, **more: object) -> Path:
    """Write an image as others may: without an ``omero`` block, or with a strange one."""
    group = zarr.create_group(place)
    group.create_array("0", data=values)
    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}], **more}
    return place


def iri(ledger: Ledger, path: str) -> str:
    return ledger.find("entity", f"path={path}").names[0]


@pytest.mark.slow
def test_a_label_image_is_drawn_over_its_image_plane_by_plane(ledger: Ledger) -> None:
    pictured = ledger.picture(iri(ledger, LABELS))
    assert (pictured.labels and pictured.labels.path, pictured.image and pictured.image.path) == (LABELS, RAW)
    layers = pictured.layers
    assert (layers.size, layers.count("z"), layers.count("t")) == ((48 * 13, 32 * 13), 4, 1)
    first = layers.draw(Where(z=1))
    inside, border, outside = (8 * 13 + 6, 12 * 13 + 6), (4 * 13, 12 * 13 + 6), (30 * 13, 40 * 13)
    assert tuple(first[border]) == colour_of_label(FIRST)
    assert first[inside][0] > 200, "the first channel is red, as its settings say"
    assert first[inside][1] < 50
    assert not first[outside].any()
    assert not layers.draw(Where(z=3)).any()
    filled = layers.draw(Where(z=1), FILLED)
    assert tuple(filled[inside]) not in {tuple(first[inside]), colour_of_label(FIRST)}
    hidden = layers.draw(Where(z=1), HIDDEN)
    assert tuple(hidden[border]) == tuple(hidden[inside])
    chosen = layers.draw(Where(z=1), chosen=FIRST)
    assert tuple(chosen[border]) == (255, 255, 255)


@pytest.mark.slow
def test_the_object_at_a_pixel_is_told_with_its_row(ledger: Ledger) -> None:
    pictured = ledger.picture(iri(ledger, TABLE))
    label = pictured.layers.label_at(Where(z=2), 35 * 13 + 1, 24 * 13 + 1)
    assert label == SECOND
    assert pictured.layers.label_at(Where(z=1), 35 * 13 + 1, 24 * 13 + 1) == 0
    found = ledger.pictured_object(pictured, label)
    assert found.found is not None
    assert (found.found.start, found.found.stop, found.found.voxels) == ((2, 20, 30), (3, 28, 40), 80)
    assert [dict(each.row)["area"] for each in found.measured] == [20.0]
    assert found.to_json()["measured"][0]["table"] == TABLE  # type: ignore[index, call-overload]
    with pytest.raises(NotFoundError, match="has no object 4"):
        ledger.pictured_object(pictured, 4)


@pytest.mark.slow
def test_what_is_not_there_to_be_asked_for_is_refused(ledger: Ledger) -> None:
    layers = ledger.picture(iri(ledger, LABELS)).layers
    for act, told in (
        (lambda: layers.draw(Where(z=4)), "no plane z = 4; they go from 0 to 3"),
        (lambda: layers.draw(Where(t=1)), "no plane t = 1; they go from 0 to 0"),
        (lambda: layers.draw(Where(), "sparkling"), "outlines, filled, none; 'sparkling' is none"),
        (lambda: layers.label_at(Where(), 10_000, 0), "outside of it"),
        (lambda: Layers(None, None), "neither"),
    ):
        with pytest.raises(BadInputError, match=told):
            act()
    with pytest.raises(NotFoundError, match="There is nothing to show of skimage:cells3d"):
        ledger.picture("skimage:cells3d")


@pytest.mark.slow
def test_an_image_is_shown_without_labels(ledger: Ledger) -> None:
    pictured = ledger.picture(iri(ledger, RAW))
    assert pictured.labels is None
    assert pictured.layers.draw(Where(z=2)).any()
    with pytest.raises(BadInputError, match="no label image"):
        pictured.layers.label_at(Where(), 1, 1)
    with pytest.raises(BadInputError, match="has no objects"):
        ledger.pictured_object(pictured, 1)


@pytest.mark.slow
def test_a_changed_chunk_is_not_shown_and_a_changed_table_tells_nothing(ledger: Ledger, folder: Path) -> None:
    name = iri(ledger, LABELS)
    (folder / TABLE).write_bytes((folder / TABLE).read_bytes() + b" ")
    assert ledger.pictured_object(ledger.picture(name), FIRST).traces == ()
    chunk = next(
        path for path in sorted((folder / LABELS / "0").rglob("*")) if path.is_file() and path.name != "zarr.json"
    )
    content = bytearray(chunk.read_bytes())
    content[-1] ^= 1
    chunk.write_bytes(content)
    pictured = ledger.picture(name)
    with pytest.raises(ChangedError, match="has other bytes"):
        pictured.layers.draw(Where())
    (folder / LABELS / "zarr.json").write_text("{}")
    alone = ledger.picture(name)
    assert alone.layers.labels is None
    assert "is not as it was recorded" in alone.remarks[0]
    shutil.rmtree(folder / RAW)
    with pytest.raises(NotFoundError, match=r"There is nothing to show of .* is not as it was recorded"):
        ledger.picture(name)


@pytest.mark.slow
def test_the_same_bytes_elsewhere_are_as_good(ledger: Ledger, catalogue: Catalogue, folder: Path) -> None:
    name = iri(ledger, LABELS)
    copied = paint(folder / "copied", number=2)
    copied.write(catalogue.folder.crates)
    shutil.rmtree(folder / LABELS)
    assert ledger.picture(name).layers.draw(Where()).any()


def test_a_crate_of_others_cannot_say_where_pixels_lie(ledger: Ledger, catalogue: Catalogue, tmp_path: Path) -> None:
    """Whoever hands in a crate may say that its store lies anywhere: without its bytes' digests nothing is read."""
    private = tmp_path / "private" / LABELS
    write_labels(private, LabelImage(np.ones((4, 4), np.uint8), ("y", "x"), (1.0, 1.0), ("", "")))
    run = CrateBuilder(tmp_path / "theirs", 9)
    run.job("claim", (), {LABELS: {"zarr.json": "{}"}}, kinds={LABELS: "label image"})
    run.thing(LABELS, "label image", lastSeen=str(private))
    run.write(catalogue.folder.crates)
    with pytest.raises(NotFoundError, match="nothing to show"):
        ledger.picture(run.iri_of(LABELS))


def test_what_has_other_pixels_is_placed_by_its_scale(tmp_path: Path) -> None:
    fine, coarse = np.zeros((1, 40, 40), np.uint16), np.zeros((10, 10), np.uint32)
    fine[0, 20:24, 8:12] = 1000
    coarse[5, 2] = 9
    from filiation.images import Image, write_image

    write_image(tmp_path / "i.ome.zarr", Image(fine, ("z", "y", "x"), (1.0, 0.25, 0.25), ("",) * 3))
    write_labels(tmp_path / "l.ome.zarr", LabelImage(coarse, ("y", "x"), (1.0, 1.0), ("", "")))
    layers = Layers(open_multiscale(tmp_path / "l.ome.zarr"), open_multiscale(tmp_path / "i.ome.zarr"))
    drawn = layers.draw(Where(), HIDDEN)
    factor = layers.size[0] // 10
    assert {tuple(index) for index in np.argwhere(drawn[::factor, ::factor, 0])} == {(5, 2)}
    assert layers.label_at(Where(), 2 * factor, 5 * factor) == 9


@pytest.mark.parametrize("values", [np.zeros((8, 8), bool), np.eye(8, dtype=bool), np.full((8, 8), np.nan, np.float32)])
def test_images_of_any_pixels_are_drawn_without_settings_of_their_own(tmp_path: Path, values: Pixels) -> None:
    store = open_multiscale(write_plain(tmp_path / "plain.ome.zarr", values))
    drawn = Layers(None, store).draw(Where())
    assert drawn.any() == bool(np.nan_to_num(values).any())


STRANGE = (
    [], "x", {"channels": 3}, {"channels": ["a"]}, {"channels": [{"window": {"start": "NaN", "end": "1e999"}}]},
    {"channels": [{"window": 1, "color": 7}]}, {"channels": [{"window": {"start": 5, "end": 1}, "color": "zz"}]},
)  # fmt: skip


@pytest.mark.parametrize("omero", STRANGE)
def test_strange_settings_of_an_image_are_as_good_as_none(tmp_path: Path, omero: object) -> None:
    place = write_plain(tmp_path / "strange.ome.zarr", np.eye(8, dtype=np.uint16) * 9, omero=omero)
    assert Layers(None, open_multiscale(place)).draw(Where()).any()
