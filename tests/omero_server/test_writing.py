"""What clients write, is there: annotations, files, tables, regions; and gone when it is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)

from omero.gateway import MapAnnotationWrapper, TagAnnotationWrapper  # noqa: E402
from omero.rtypes import rdouble, rint, rstring  # noqa: E402

from tests.omero_server.server import OmeroServer  # noqa: E402

NAMESPACE = "example.org/run"


@pytest.fixture
def image(gateway: Any) -> Any:
    """Give an image that a client made, so that the same works on a real server."""
    return gateway.createImageFromNumpySeq(iter([np.arange(64, dtype="u1").reshape(8, 8)]), "to write on")


def map_annotation(gateway: Any, pairs: list[tuple[str, str]]) -> Any:
    annotation = MapAnnotationWrapper(gateway)
    annotation.setNs(NAMESPACE)
    annotation.setValue(pairs)
    annotation.save()
    return annotation


def test_pairs_are_linked_changed_and_found_by_namespace(gateway: Any, image: Any):
    annotation = map_annotation(gateway, [("run", "7f3a"), ("method", "otsu")])
    image.linkAnnotation(annotation)

    (found,) = gateway.getObject("Image", image.getId()).listAnnotations(ns=NAMESPACE)
    assert found.getValue() == [("run", "7f3a"), ("method", "otsu")]
    found.setValue([("run", "8c")])
    found.save()
    (again,) = gateway.getObject("Image", image.getId()).listAnnotations(ns=NAMESPACE)
    assert (again.getId(), again.getValue()) == (annotation.getId(), [("run", "8c")])
    assert again.getOwner().getOmeName() == gateway.getUser().getOmeName()


def test_a_value_too_large_for_the_index_is_refused_and_nothing_is_left(
    omero_server: OmeroServer, gateway: Any, image: Any
):
    before = len(list(omero_server.store.rows("Annotation")))

    with pytest.raises(omero.ValidationException, match="index row size 2705 exceeds"):
        map_annotation(gateway, [("short", "x"), ("long", "x" * 2705)])

    assert len(list(omero_server.store.rows("Annotation"))) == before


def test_a_file_annotation_keeps_every_byte_and_its_digest(gateway: Any, image: Any, tmp_path: Path):
    content = np.random.default_rng(3).bytes(3_000_000)
    (tmp_path / "crate.zip").write_bytes(content)

    annotation = gateway.createFileAnnfromLocalFile(
        str(tmp_path / "crate.zip"), mimetype="application/zip", ns=NAMESPACE
    )
    image.linkAnnotation(annotation)

    (found,) = gateway.getObject("Image", image.getId()).listAnnotations(ns=NAMESPACE)
    assert b"".join(found.getFileInChunks()) == content
    assert found.getFile().getHash() == gateway.c.sha1(str(tmp_path / "crate.zip"))
    assert found.getFile().getSize() == len(content)


def test_a_table_is_filled_queried_and_changed(gateway: Any, image: Any):
    resources = gateway.c.sf.sharedResources()
    table = resources.newTable(0, "cells.h5")
    table.initialize(
        [
            omero.grid.LongColumn("label", "", []),
            omero.grid.DoubleColumn("area", "", []),
            omero.grid.StringColumn("kind", "", 8, []),
        ]
    )
    table.addData([
        omero.grid.LongColumn("label", "", [1, 2, 3]), omero.grid.DoubleColumn("area", "", [10.0, 20.5, 30.0]),
        omero.grid.StringColumn("kind", "", 8, ["a", "b", "a"]),
    ])  # fmt: skip
    file = table.getOriginalFile()
    table.close()
    annotation = omero.model.FileAnnotationI()
    annotation.setFile(omero.model.OriginalFileI(file.id.val, False))
    link = omero.model.ImageAnnotationLinkI()
    link.setParent(omero.model.ImageI(image.getId(), False))
    link.setChild(annotation)
    gateway.getUpdateService().saveObject(link)

    table = resources.openTable(file)
    assert table.getNumberOfRows() == 3
    rows = table.getWhereList('(area > 15) & (kind == "a")', None, 0, 0, 1)
    assert list(rows) == [2]
    assert [list(column.values) for column in table.readCoordinates(rows).columns] == [[3], [30.0], ["a"]]
    data = table.slice([1], [0])
    data.columns[0].values = [11.0]
    table.update(data)
    assert list(table.read([1], 0, 3).columns[0].values) == [11.0, 20.5, 30.0]
    assert [column.name for column in table.getHeaders()] == ["label", "area", "kind"]
    table.close()


def test_masks_and_polygons_come_back_as_they_went(gateway: Any, image: Any):
    bits = np.random.default_rng(5).random((5, 7)) > 0.5
    roi = omero.model.RoiI()
    roi.setName(rstring("17"))
    roi.setImage(omero.model.ImageI(image.getId(), False))
    mask = omero.model.MaskI()
    mask.setBytes(np.packbits(bits).tobytes())
    (
        mask.setX(rdouble(1)),
        mask.setY(rdouble(2)),
        mask.setWidth(rdouble(7)),
        mask.setHeight(rdouble(5)),
        mask.setTheZ(rint(0)),
    )
    polygon = omero.model.PolygonI()
    polygon.setPoints(rstring("0,0 4,0 4,4"))
    roi.addShape(mask)
    roi.addShape(polygon)
    saved = gateway.getUpdateService().saveAndReturnObject(roi)

    (found,) = gateway.getRoiService().findByImage(image.getId(), None).rois

    assert (found.getId(), found.getName().val) == (saved.getId(), "17")
    first, second = found.copyShapes()
    np.testing.assert_array_equal(np.unpackbits(np.frombuffer(first.getBytes(), "u1"))[:35].reshape(5, 7), bits)
    assert second.getPoints().val == "0,0 4,0 4,4"
    assert gateway.getObject("Image", image.getId()).getROICount() == 1


def test_deletion_takes_what_belongs_to_an_image_and_leaves_tags(gateway: Any, image: Any):
    tag = TagAnnotationWrapper(gateway)
    tag.setValue("kept")
    tag.save()
    image.linkAnnotation(tag)
    annotation = map_annotation(gateway, [("a", "b")])
    image.linkAnnotation(annotation)
    roi = omero.model.RoiI()
    roi.setImage(omero.model.ImageI(image.getId(), False))
    roi = gateway.getUpdateService().saveAndReturnObject(roi)

    gateway.deleteObjects("Image", [image.getId()], wait=True)

    assert gateway.getObject("Image", image.getId()) is None
    assert gateway.getObject("Roi", roi.getId().val) is None
    assert gateway.getObject("MapAnnotation", annotation.getId()) is None
    assert gateway.getObject("TagAnnotation", tag.getId()) is not None


def test_deleting_rois_leaves_the_image(gateway: Any, image: Any):
    rois = []
    for _ in range(3):
        roi = omero.model.RoiI()
        roi.setImage(omero.model.ImageI(image.getId(), False))
        rois.append(gateway.getUpdateService().saveAndReturnObject(roi).getId().val)

    gateway.deleteObjects("Roi", rois[:2], wait=True)

    assert [each.getId().val for each in gateway.getRoiService().findByImage(image.getId(), None).rois] == rois[2:]


def test_a_dry_run_deletes_nothing(gateway: Any, image: Any):
    gateway.deleteObjects("Image", [image.getId()], wait=True, dryRun=True)

    assert gateway.getObject("Image", image.getId()) is not None


def test_something_that_is_not_there_cannot_be_deleted(gateway: Any):
    with pytest.raises(omero.CmdError, match="not available"):
        gateway.deleteObjects("Image", [987654321], wait=True)


def test_an_object_without_what_it_needs_is_refused(gateway: Any):
    with pytest.raises(omero.ValidationException, match=r"null value: ome\.model\.Project\.name"):
        gateway.getUpdateService().saveAndReturnObject(omero.model.ProjectI())
