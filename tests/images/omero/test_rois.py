"""Objects drawn on an image in OMERO, and read back by clients that are not ours: the same objects, voxel for voxel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from filiation.errors import AccessError, BadInputError, ServerError
from filiation.images import LabelImage, write_labels
from filiation.images.colours import colour_of_label
from filiation.images.extents import survey
from filiation.images.image import Pixels
from filiation.images.omero import Host
from filiation.images.omero.connection import Connection, connect
from filiation.images.omero.rois import draw_objects, erase_rois, find_rois
from filiation.images.omero.shapes import Canvas, Drawing, Form

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

NUCLEI = "arcp://uuid,6f1a/work/nuclei.ome.zarr"
MARK = "urn:uuid:0f3c"
LENGTHS = (1, 1, 1, 60, 80)


@pytest.fixture
def labels() -> Pixels:
    random = np.random.default_rng(8)
    labels = np.zeros((60, 80), np.uint16)
    for value in (1, 2, 17, 300):
        top, left = random.integers(0, 40, 2)
        labels[top : top + 15, left : left + 20][random.random((15, 20)) > 0.3] = value
    return labels


@pytest.fixture
def planted(signed_in: OmeroServer) -> Callable[..., tuple[Canvas, int]]:
    """Give a function that puts in an image and a run's annotation on it."""

    def plant(lengths: tuple[int, ...] = LENGTHS, user: str = "ada", group: str = "lab") -> tuple[Canvas, int]:
        planting = signed_in.plant(user, group)
        image = planting.image(np.zeros(lengths, np.uint8), "cells", axes="tczyx")
        annotation = planting.pairs(image, {"run": "6f1a"}, "filiation/run")
        assert image.id
        assert annotation.id
        return Canvas(image.id, planting.group.id or 0, lengths), annotation.id

    return plant


@pytest.fixture
def connection(signed_in: OmeroServer) -> Connection:
    return connect(Host(signed_in.host, signed_in.port))


def write(folder: Path, labels: Pixels) -> Path:
    path = folder / "nuclei.ome.zarr"
    write_labels(path, LabelImage(labels, tuple("tzyx"[-labels.ndim :])))
    return path


def decoded(gateway: Any, image: int, like: Pixels) -> Pixels:
    """Return the label image that the masks on an image are, read with OMERO's own client."""
    again = np.zeros_like(like)
    for roi in gateway.getRoiService().findByImage(image, None).rois:
        for mask in roi.copyShapes():
            x, y, width, height = (int(value.val) for value in (mask.x, mask.y, mask.width, mask.height))
            bits = np.unpackbits(np.frombuffer(mask.bytes, np.uint8))[: width * height].reshape(height, width)
            plane = tuple(index.val for index in (mask.theT, mask.theZ))[4 - like.ndim :]
            again[plane][y : y + height, x : x + width][bits == 1] = int(roi.name.val)
    return again


@pytest.mark.parametrize("lengths", [LENGTHS, (1, 1, 5, 60, 80), (3, 2, 4, 60, 80)])
def test_masks_are_the_labels_voxel_for_voxel_one_roi_an_object(
    lengths: tuple[int, ...],
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    gateway: Any,
    tmp_path: Path,
):
    import ezomero

    canvas, annotation = planted(lengths)
    shape = tuple(length for axis, length in zip("tczyx", lengths, strict=True) if axis in "yx" or length > 1)
    wanted = np.zeros(tuple(np.delete(shape, 1)) if len(shape) == 5 else shape, labels.dtype)
    for number, place in enumerate(np.ndindex(wanted.shape[:-2])):
        wanted[place] = np.roll(labels, 3 * number, axis=1)
    if wanted.ndim == 4:
        wanted[0][wanted[0] == 17] = 0

    drawn = draw_objects(connection, canvas, annotation, survey(write(tmp_path, wanted)), NUCLEI, MARK)

    np.testing.assert_array_equal(decoded(gateway, canvas.image, wanted), wanted)
    assert list(drawn.ids) == [1, 2, 17, 300]
    assert drawn.drawn == 4
    assert set(ezomero.get_roi_ids(gateway, canvas.image)) == set(drawn.ids.values())
    roi = gateway.getObject("Roi", drawn.ids[17])
    assert (roi.getName(), roi.getDescription()) == ("17", f"{MARK} {NUCLEI}#label=17")
    assert [each.getId() for each in roi.listAnnotations()] == [annotation]
    (shape_id, *more) = ezomero.get_shape_ids(gateway, drawn.ids[17])
    planes = int((wanted == 17).any(axis=(-2, -1)).sum())
    assert 1 + len(more) == planes
    assert drawn.properties()[17] == (
        {"omero:roiId": drawn.ids[17], "omero:shapeId": shape_id} if planes == 1 else {"omero:roiId": drawn.ids[17]}
    )


def test_a_shape_has_the_labels_colour_its_text_and_its_plane(
    labels: Pixels, planted: Callable[..., tuple[Canvas, int]], connection: Connection, gateway: Any, tmp_path: Path
):
    canvas, annotation = planted((1, 3, 4, 60, 80))

    draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)

    first = gateway.getRoiService().findByImage(canvas.image, None).rois[0].copyShapes()[0]
    label = int(first.textValue.val)
    colour = first.fillColor.val & 0xFFFFFFFF
    assert (colour >> 24, colour >> 16 & 255, colour >> 8 & 255) == colour_of_label(label)
    # A label image without z is about all planes; there is one time point.
    assert (first.theZ, first.theC, first.theT.val) == (None, None, 0)


def test_polygons_are_read_by_others_and_say_which_objects_have_holes(
    labels: Pixels, planted: Callable[..., tuple[Canvas, int]], connection: Connection, gateway: Any, tmp_path: Path
):
    import ezomero

    labels[:] = 0
    labels[5:20, 10:30] = 3
    labels[10:12, 15:18] = 0
    labels[30:40, 40:60] = 4
    labels[50, 70] = 4
    canvas, annotation = planted()

    drawn = draw_objects(
        connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK, Drawing(Form.POLYGONS, 0.4)
    )

    assert (drawn.drawn, drawn.filled) == (2, 1)
    found = {
        label: [ezomero.get_shape(gateway, shape) for shape in ezomero.get_shape_ids(gateway, roi)]
        for label, roi in drawn.ids.items()
    }
    assert [polygon.points for polygon in found[3]] == [[(10.0, 5.0), (30.0, 5.0), (30.0, 20.0), (10.0, 20.0)]]
    assert sorted(len(polygon.points) for polygon in found[4]) == [4, 4]
    assert set(drawn.shapes) == {3}


def test_a_second_time_changes_nothing_and_what_broke_off_is_drawn_anew(
    labels: Pixels, planted: Callable[..., tuple[Canvas, int]], connection: Connection, gateway: Any, tmp_path: Path
):
    canvas, annotation = planted()
    store = survey(write(tmp_path, labels))
    first = draw_objects(connection, canvas, annotation, store, NUCLEI, MARK)

    second = draw_objects(connection, canvas, annotation, store, NUCLEI, MARK)
    assert (second.ids, second.shapes, second.drawn) == (first.ids, first.shapes, 0)

    gateway.deleteObjects("Roi", [first.ids[2]], wait=True)
    third = draw_objects(connection, canvas, annotation, store, NUCLEI, MARK)
    assert third.drawn == 4
    np.testing.assert_array_equal(decoded(gateway, canvas.image, labels), labels)
    assert find_rois(connection, canvas.image, NUCLEI).ids == third.ids
    assert find_rois(connection, canvas.image, "arcp://uuid,6f1a/work/cells.ome.zarr").ids == {}


def test_erasing_takes_the_regions_of_this_label_image_and_leaves_everything_else(
    signed_in: OmeroServer,
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    gateway: Any,
    tmp_path: Path,
):
    canvas, annotation = planted()
    mine = signed_in.plant("ada").put("Roi", image=signed_in.store.find("Image", canvas.image), name="drawn by hand")
    drawn = draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)

    for _ in range(2):  # what is gone already is no fault
        erase_rois(connection, canvas.group, drawn.ids.values())

    assert [roi.getId().val for roi in gateway.getRoiService().findByImage(canvas.image, None).rois] == [mine.id]
    assert gateway.getObject("MapAnnotation", annotation) is not None
    assert not list(signed_in.store.rows("Shape"))


def test_an_answer_that_is_lost_after_the_regions_were_saved_does_not_double_them(
    signed_in: OmeroServer,
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    gateway: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    from tests.omero_server.services.updating import IUpdate

    canvas, annotation = planted()
    save, lost = IUpdate.do_saveAndReturnIds, []

    def saved_and_lost(self: Any, call: Any, things: Any) -> list[int]:
        ids = save(self, call, things)
        if not lost:
            lost.append(True)
            call.current.con.close(True)
        return ids

    monkeypatch.setattr(IUpdate, "do_saveAndReturnIds", saved_and_lost)

    drawn = draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)

    assert lost
    np.testing.assert_array_equal(decoded(gateway, canvas.image, labels), labels)
    assert len(list(signed_in.store.rows("Roi"))) == len(drawn.ids) == 4


def test_batches_and_groups(
    signed_in: OmeroServer,
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    gateway: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    from filiation.images.omero import rois

    monkeypatch.setattr(rois, "MOST_IN_A_BATCH", 3)
    signed_in.add_group("other", permissions="rwr---")
    signed_in.join("ada", "other")
    canvas, annotation = planted(LENGTHS, "ada", "other")
    signed_in.calls.clear()

    drawn = draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)

    assert signed_in.calls.count("IUpdate.saveAndReturnIds") == 2
    assert gateway.SERVICE_OPTS.getOmeroGroup() != str(canvas.group)
    for row in signed_in.store.rows("Roi"):
        assert signed_in.store.standing(row)[1] == canvas.group
    erase_rois(connection, canvas.group, drawn.ids.values())
    assert not list(signed_in.store.rows("Roi"))


def test_too_many_objects_are_not_drawn_and_it_is_said(
    signed_in: OmeroServer,
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    tmp_path: Path,
):
    canvas, annotation = planted()
    store = survey(write(tmp_path, labels))

    with pytest.raises(
        BadInputError, match=r"has 4 objects, and at most 3 are drawn .* Raise the limit with --most-rois"
    ):
        draw_objects(connection, canvas, annotation, store, NUCLEI, MARK, Drawing(most=3))

    assert not list(signed_in.store.rows("Roi"))
    assert draw_objects(connection, canvas, annotation, store, NUCLEI, MARK, Drawing(most=4)).drawn == 4


def test_an_object_too_large_for_one_message_is_refused(
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    from filiation.images.omero import rois

    monkeypatch.setattr(rois, "LARGEST_OBJECT", 1000)
    canvas, annotation = planted()

    with pytest.raises(BadInputError, match=r"The object \d+ of .* would need .* Leave the regions out"):
        draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)


def test_an_object_in_very_many_pieces_is_no_polygon_and_no_part_of_the_objects_stays(
    signed_in: OmeroServer,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    from filiation.images.omero import rois

    monkeypatch.setattr(rois, "MOST_IN_A_BATCH", 1)
    canvas, annotation = planted()
    chequered = (np.indices((60, 80)).sum(axis=0) % 2).astype(np.uint8)
    chequered[:1] = 2

    with pytest.raises(BadInputError, match=r"label=1 is in 2360 pieces on one plane; .* Draw masks instead"):
        draw_objects(
            connection, canvas, annotation, survey(write(tmp_path, chequered)), NUCLEI, MARK, Drawing(Form.POLYGONS)
        )  # fmt: skip
    assert "IUpdate.saveAndReturnIds" in signed_in.calls
    assert not list(signed_in.store.rows("Roi"))


def test_labels_of_another_size_are_refused(
    labels: Pixels, planted: Callable[..., tuple[Canvas, int]], connection: Connection, tmp_path: Path
):
    canvas, annotation = planted((1, 1, 1, 60, 81))

    with pytest.raises(BadInputError, match=r"has y 60, x 80 pixels, but image \d+ in OMERO t 1, c 1, z 1, y 60, x 81"):
        draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)


def test_what_the_server_does_not_allow_is_said(
    signed_in: OmeroServer,
    labels: Pixels,
    planted: Callable[..., tuple[Canvas, int]],
    connection: Connection,
    tmp_path: Path,
):
    signed_in.add_user("bob", "bob-password", ("lab",))
    canvas, annotation = planted(LENGTHS, "bob", "lab")
    signed_in.set_permissions("lab", "rwr---")

    with pytest.raises(AccessError, match="does not let the user 'ada' do this: drawing regions of interest on image"):
        draw_objects(connection, canvas, annotation, survey(write(tmp_path, labels)), NUCLEI, MARK)

    planting = signed_in.plant("bob")
    roi = planting.put("Roi", image=signed_in.store.find("Image", canvas.image), name="bob's")
    with pytest.raises((AccessError, ServerError), match=r"did not let 'ada' delete regions of interest: .*Ask"):
        erase_rois(connection, canvas.group, [roi.id or 0])


@pytest.mark.parametrize(("tolerance", "most"), [(-1.0, 5), (float("nan"), 5), (1.0, 0)])
def test_what_makes_no_sense_is_refused_before_anything_is_asked(tolerance: float, most: int):
    with pytest.raises(BadInputError, match="expected"):
        Drawing(Form.POLYGONS, tolerance, most)
