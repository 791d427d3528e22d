"""`filiation omero audit`: what a server and the catalogue have of each other, and what the one has alone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import filiation
from filiation.errors import NotFoundError
from tests.publish.conftest import Call, Recorded, segmented

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

DATABASE = "5f0b8a52-0000-4000-8000-000000000009"


def findings(call: Call, *arguments: object, code: int | None = None) -> list[tuple[str, str, str]]:
    """Return severity, kind and what it is about, of an audit whose exit code is checked."""
    done = call("omero", "audit", "--json", *arguments)
    found = [(f["severity"], f["kind"], f["where"].rpartition("/")[2]) for f in json.loads(done.stdout)["findings"]]
    expected = 9 if {severity for severity, *_ in found} & {"serious", "warning"} else 0
    assert done.exit_code == (expected if code is None else code), done.output
    return found


@pytest.mark.slow
def test_a_registered_run_is_explained_and_images_beside_it_were_never_analysed(
    recorded: Recorded, call: Call, signed_in: OmeroServer
):
    known(recorded, signed_in)
    planting = signed_in.plant("ada")
    third = planting.image(np.zeros((4, 4), "u1"), "forgotten")
    planting.link(recorded.dataset, third)
    assert call("omero", "register", recorded.run.id[:8]).exit_code == 0

    assert findings(call) == []
    beside = [("note", "never-analysed", str(third.id))]
    assert findings(call, "--dataset", recorded.dataset.id) == beside
    assert findings(call, "--dataset", recorded.dataset.id, "--strict", code=9) == beside
    planting.tag(recorded.images[0], "control")
    assert findings(call, "--tag", "control") == []
    said = call("omero", "audit", "--dataset", recorded.dataset.id).stdout
    assert "  - forgotten\n" in said
    assert said.splitlines()[-1] == "Looked at 1 run and 3 images: 0 serious, 0 warnings, 1 note."


@pytest.mark.slow
def test_a_registered_run_that_no_crate_explains_is_told_with_who_registered_it(
    recorded: Recorded, call: Call, signed_in: OmeroServer
):
    known(recorded, signed_in)
    call("omero", "register", recorded.run.id[:8])
    other = recorded.folder / "other"
    shutil.copytree(recorded.folder / ".filiation", other / ".filiation")
    for crate in (other / ".filiation" / "crates").iterdir():
        shutil.rmtree(crate)
    second = segmented(recorded.folder, recorded.images[:1], 2)
    second.graph[f"https://127.0.0.1/Image/{recorded.images[0].id}"]["dateModified"] = "2100-01-01T00:00:00+00:00"
    second.write(other / ".filiation" / "crates")

    catalogue = ("--catalogue", other)

    assert findings(call, *catalogue) == [("warning", "unexplained-run", str(recorded.images[0].id))]
    said = call("omero", "audit", *catalogue).stdout
    assert "A run stands on 2 images, and no crate of this catalogue tells of it." in said
    assert f"registered by ada on Image:{recorded.images[0].id}, Image:{recorded.images[1].id}, as MapAn" in said
    assert f"recorded by run {recorded.run.id[:8]}" in said


@pytest.mark.slow
def test_what_was_registered_and_somebody_removed_is_told(recorded: Recorded, call: Call, signed_in: OmeroServer):
    known(recorded, signed_in)
    call("omero", "register", recorded.run.id[:8])
    store = signed_in.store
    annotation = next(iter(store.rows("MapAnnotation")))
    for link in store.pointers(annotation, "ImageAnnotationLink", "child"):
        store.delete(link)
    store.delete(annotation)

    assert findings(call) == [("warning", "registration-gone", "")]
    assert f"MapAnnotation:{annotation.id}" in call("omero", "audit").stdout


@pytest.mark.slow
def test_images_that_are_gone_or_were_changed_are_told(recorded: Recorded, call: Call, signed_in: OmeroServer):
    first, second = recorded.images
    known(recorded, signed_in, dateModified="2020-01-01T00:00:00+00:00")
    assert findings(call) == [("warning", "image-modified", str(each.id)) for each in recorded.images]
    known(recorded, signed_in, dateModified="2020-01-01T00:00:00+00:00", axes="y,x", shape="5,4", pixelType="uint8")
    assert findings(call) == [("serious", "image-changed", str(each.id)) for each in recorded.images]
    store = signed_in.store
    for row in [
        *store.pointers(second, "DatasetImageLink", "child"), *store.pointers(second, "Pixels", "image"), second,
    ]:  # fmt: skip
        store.delete(row)
    known(recorded, signed_in)

    assert findings(call) == [("serious", "image-gone", str(second.id))]
    assert f"filiation impact Image:{second.id}@127.0.0.1" in call("omero", "audit").stdout
    assert first.id != second.id


@pytest.mark.slow
def test_another_server_under_the_name_is_told_once(recorded: Recorded, call: Call, signed_in: OmeroServer):
    """It never had what was written to the first one, so nothing is missing there."""
    known(recorded, signed_in)
    assert call("omero", "register", recorded.run.id).exit_code == 0
    store = signed_in.store
    for annotation in [*store.rows("MapAnnotation")]:
        for link in store.pointers(annotation, "ImageAnnotationLink", "child"):
            store.delete(link)
        store.delete(annotation)
    assert findings(call) == [("warning", "registration-gone", "")]
    known(recorded, signed_in, isPartOf={"@id": f"urn:uuid:{DATABASE}"})

    assert findings(call) == [("serious", "another-server", "")]


@pytest.mark.slow
def test_a_server_that_is_not_named_is_the_one_that_the_catalogue_knows(
    recorded: Recorded, call: Call, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OMERO_HOST")
    known(recorded, signed_in)
    assert findings(call) == []
    run = segmented(recorded.folder, (), 7)
    run.thing("https://elsewhere.example.org/Image/1")
    run.job("use", ("https://elsewhere.example.org/Image/1",), {"x.txt": "x"})
    run.write(recorded.folder / ".filiation" / "crates")

    done = call("omero", "audit")

    assert done.exit_code == 2
    assert "knows images of 127.0.0.1, elsewhere.example.org: name one with --server" in done.stderr
    with pytest.raises(NotFoundError, match="has no dataset 4711"):
        filiation.open(recorded.folder).audit_server("127.0.0.1", "dataset/4711")


def known(recorded: Recorded, server: OmeroServer, **facts: object) -> None:
    """Let the run's crate say of its images what a fetch would have said, and ``facts``."""
    for image in recorded.images:
        recorded.run.graph[f"https://127.0.0.1/Image/{image.id}"] |= {
            "isPartOf": {"@id": f"urn:uuid:{server.database_uuid}"},
            "originalFileCount": 0,
            "dateModified": "2100-01-01T00:00:00+00:00",
        } | facts
    recorded.run.write(recorded.folder / ".filiation" / "crates")
