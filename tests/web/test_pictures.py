"""Pictures as pages: planes as PNG, a click that needs no script, and files of stores that are handed out."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Picture

from filiation.lineage import Ledger
from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.lineage.painted import FIRST, LABELS, RAW, SECOND, TABLE, paint
from tests.web.conftest import asking

IRI = "arcp://uuid,00000001-0000-4000-8000-000000000001/work/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    paint(folder).write(folder / ".filiation" / "crates")
    Ledger(folder).runs()
    return folder


@pytest.fixture
def pages(folder: Path) -> Iterator[TestClient]:
    with asking(create_app(WebSettings(folder))) as client:
        yield client


def test_a_picture_is_shown_with_where_it_comes_from(pages: TestClient) -> None:
    told = pages.get("/api/picture", params={"thing": LABELS, "z": 1}).json()
    assert (told["width"], told["height"], told["planes"], told["z"]) == (624, 416, {"z": 4}, 1)
    assert (told["labels"]["path"], told["image"]["path"]) == (LABELS, RAW)
    assert "sigma = 2" in told["sentences"][0]
    drawn = pages.get(told["picture"])
    assert drawn.headers["content-type"] == "image/png"
    assert Picture.open(io.BytesIO(drawn.content)).size == (624, 416)
    page = pages.get("/picture", params={"thing": LABELS, "z": 1}).text
    assert 'type="image"' in page
    assert 'max="3" value="1"' in page


def test_a_click_without_a_script_tells_of_the_object(pages: TestClient) -> None:
    page = pages.get("/picture", params={"thing": TABLE, "z": 2, "at.x": 35 * 13, "at.y": 24 * 13}).text
    assert f"Object {SECOND}" in page
    assert "z 2–3, y 20–28, x 30–40" in page
    assert "z 2 micrometer, y 4 micrometer, x 5 micrometer" in page
    told = pages.get("/api/picture", params={"thing": LABELS, "z": 2, "at.x": 35 * 13, "at.y": 24 * 13}).json()
    assert (told["label"], told["object"]["voxels"]) == (SECOND, 80)
    assert told["object"]["measured"][0]["row"]["area"] == 20
    assert "There is no object here" in pages.get("/picture", params={"thing": LABELS, "at.x": 0, "at.y": 0}).text
    assert pages.get("/picture", params={"thing": LABELS, "at.x": 99999, "at.y": -1}).status_code == 200


def test_an_object_asked_for_by_number_is_shown_where_it_is(pages: TestClient) -> None:
    assert pages.get("/api/picture", params={"thing": LABELS, "label": SECOND}).json()["z"] == 2
    assert pages.get("/api/picture", params={"thing": LABELS, "label": FIRST, "z": 1}).json()["z"] == 1
    assert pages.get("/api/picture", params={"thing": LABELS, "label": 5}).status_code == 404
    assert pages.get("/api/picture", params={"thing": LABELS, "z": 4}).status_code == 400
    assert pages.get("/picture/plane.png", params={"thing": LABELS, "z": 4}).status_code == 400
    assert pages.get("/picture/plane.png", params={"thing": LABELS, "look": "loud"}).status_code == 400
    assert pages.get("/picture", params={"thing": "skimage:cells3d"}).status_code == 404


def test_files_of_stores_are_those_that_were_recorded_and_no_others(pages: TestClient, folder: Path) -> None:
    asked = {"thing": IRI + LABELS, "path": "zarr.json"}
    answer = pages.get("/api/chunk", params=asked)
    assert answer.content == (folder / LABELS / "zarr.json").read_bytes()
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-security-policy"].startswith("sandbox")
    for path in ("../raw.ome.zarr/zarr.json", "/etc/passwd", "0", ".", "%2e%2e/table.parquet", "..\\table.parquet"):
        assert pages.get("/api/chunk", params=asked | {"path": path}).status_code == 404, path
    assert pages.get("/api/chunk", params=asked | {"path": ""}).status_code == 400
    assert pages.get("/api/chunk", params=asked | {"thing": IRI + TABLE}).status_code == 404
    assert pages.get("/api/chunk", params=asked | {"thing": str(folder / LABELS)}).status_code == 404


def test_a_plane_of_a_store_is_handed_out_decoded(pages: TestClient) -> None:
    asked = {"thing": IRI + RAW, "level": "0", "index": "1,2"}
    plane = np.frombuffer(pages.get("/api/plane", params=asked).content, "<u2").reshape(32, 48)
    assert (plane.max(), plane[20, 30], plane[19, 30]) == (4000, 4000, 0)
    for wrong, status in (
        ({"level": "9"}, 404), ({"level": "../0"}, 404), ({"index": "1"}, 400), ({"index": "1,4"}, 400),
        ({"index": "a"}, 400), ({"thing": IRI + TABLE}, 404), ({"thing": "/etc"}, 404),
    ):  # fmt: skip
        assert pages.get("/api/plane", params=asked | wrong).status_code == status, wrong


def test_a_lineage_can_be_had_as_a_drawing_and_as_pixels(pages: TestClient) -> None:
    drawing, pixels = (pages.get(f"/lineage.{kind}", params={"thing": LABELS}) for kind in ("svg", "png"))
    assert ElementTree.fromstring(drawing.content).tag.endswith("svg")
    assert Picture.open(io.BytesIO(pixels.content)).format == "PNG"
    for answer in (drawing, pixels):
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"].startswith("sandbox")
