"""Images on a real server, held against what runs recorded of them: `filiation check Image:51@server`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filiation.crate.image_metadata import IMAGE_TYPE, expanded
from filiation.errors import AccessError
from filiation.images import fetch_into, open_source, pixel_digest
from filiation.lineage import Ledger
from filiation.model import DigestKind
from tests.lineage.crates import CrateBuilder

if TYPE_CHECKING:
    from filiation.catalogue import Catalogue
    from filiation.images import SourceIdentity
    from tests.omero_server.rows import Row
    from tests.omero_server.server import OmeroServer

PIXELS = np.arange(3 * 40 * 50, dtype="u2").reshape(3, 40, 50)


@pytest.fixture
def ledger(catalogue: Catalogue) -> Ledger:
    return Ledger(catalogue.folder.root)


@pytest.fixture
def image(signed_in: OmeroServer, ledger: Ledger, tmp_path: Path) -> Row:
    """Give an image with an original file, that run 1 read and made a file of."""
    planting = signed_in.plant("ada")
    image = planting.image(PIXELS, "cells", axes="zyx")
    planting.fileset([image], {"cells.lif": b"as it was"})
    record(ledger, fetch_into(open_source(f"omero://127.0.0.1/image/{image.id}"), tmp_path / "a.ome.zarr"))
    return image


def record(ledger: Ledger, identity: SourceIdentity, number: int = 1, pixels: str | None = None) -> None:
    """Add a run that read an image; with its pixels as an earlier version's crate tells them, if they are given."""
    server, facts = identity.server, identity.image
    assert server is not None
    assert facts is not None
    assert identity.pixels is not None
    run = CrateBuilder(ledger.folder.parent, number)
    for file in server.files:
        run.graph[file.iri] = {
            "@id": file.iri, "@type": "CreativeWork", "name": file.name, "checksum": file.checksum,
            "checksumAlgorithm": file.algorithm,
        }  # fmt: skip
    run.thing(
        identity.iri,
        pixelDigest=pixels or str(identity.pixels),
        axes=",".join(facts.axes),
        shape=",".join(map(str, facts.shape)),
        pixelType=facts.dtype,
        **({"dateModified": identity.modified.isoformat(timespec="milliseconds")} if identity.modified else {}),
        isPartOf={"@id": f"urn:uuid:{server.database}"},
        isBasedOn=[{"@id": file.iri} for file in server.files],
        originalFileCount=server.file_count,
    )
    containers = identity.metadata.containers if identity.metadata is not None else ()
    run.graph[identity.iri] |= {
        "@type": ["CreativeWork", expanded(IMAGE_TYPE)],
        "http://purl.org/dc/terms/isPartOf": [{"@id": each.iri} for each in containers],
    }
    for each in containers:
        run.graph[each.iri] = {"@id": each.iri, "@type": "Collection"}
    run.job("use", (identity.iri,), {f"made-{number}.txt": "x"})
    run.write(ledger.folder / "crates")


def checked(ledger: Ledger, image: Row, *, pixels: bool = False) -> tuple[str, str]:
    """Return what a check finds, and the whole text."""
    report = ledger.check(f"Image:{image.id}@127.0.0.1", pixels=pixels)
    (what,) = [finding.what for finding in report.findings] or ["intact"]
    return what, report.text()


@pytest.mark.slow
def test_an_image_as_it_was_is_intact_by_what_the_server_says_and_by_its_pixels(ledger: Ledger, image: Row):
    assert checked(ledger, image) == (
        "intact",
        "1 of 1 things are as they were recorded (0 B).\n"
        "The server was asked, and no pixel was read; --pixels reads them all again.\n",
    )
    assert checked(ledger, image, pixels=True)[0] == "intact"


@pytest.mark.slow
def test_a_changed_name_is_told_and_the_pixels_tell_that_it_was_no_more(
    ledger: Ledger, image: Row, signed_in: OmeroServer
):
    signed_in.store.set(image, "name", "renamed")
    signed_in.store.touch(image)

    what, text = checked(ledger, image)
    assert what == "modified"
    assert "made from it:" in text
    assert "made-1.txt" in text
    assert checked(ledger, image, pixels=True)[0] == "intact"


@pytest.mark.slow
def test_where_no_change_was_recorded_the_end_of_the_run_tells_what_came_later(
    ledger: Ledger, image: Row, signed_in: OmeroServer, tmp_path: Path
):
    identity = fetch_into(open_source(f"omero://127.0.0.1/image/{image.id}"), tmp_path / "again.ome.zarr")
    record(ledger, replace(identity, modified=None), 2)  # runs of these tests are of the past

    what, text = checked(ledger, image)

    assert what == "modified"
    assert "the run that read it ended on 2026-03-01 00:21:00 UTC" in text


def test_other_pixels_under_the_same_id_are_told_with_both_digests(ledger: Ledger, image: Row, signed_in: OmeroServer):
    signed_in.plant("ada").replace_pixels(image, PIXELS + 1)

    assert checked(ledger, image)[0] == "modified"
    what, text = checked(ledger, image, pixels=True)
    assert what == "changed"
    assert "recorded pixels2:" in text
    assert ", found pixels2:" in text


@pytest.mark.slow
def test_pixels_that_were_recorded_by_version_1_are_compared_by_it(
    ledger: Ledger, image: Row, signed_in: OmeroServer, tmp_path: Path
):
    place = tmp_path / "again.ome.zarr"
    identity = fetch_into(open_source(f"omero://127.0.0.1/image/{image.id}"), place)
    record(ledger, identity, 2, pixel_digest(place, DigestKind.PIXELS_1).hex)

    assert checked(ledger, image, pixels=True)[0] == "intact"

    signed_in.plant("ada").replace_pixels(image, PIXELS + 1)
    what, text = checked(ledger, image, pixels=True)
    assert what == "changed"
    assert "recorded pixels1:" in text
    assert ", found pixels1:" in text


@pytest.mark.slow
def test_another_shape_other_files_or_another_server_need_no_pixels(ledger: Ledger, image: Row, signed_in: OmeroServer):
    (file,) = signed_in.store.rows("OriginalFile")
    signed_in.store.set(file, "hash", "0" * 40)
    assert "it was imported again" in checked(ledger, image)[1]
    (pixels,) = signed_in.store.pointers(image, "Pixels", "image")
    signed_in.store.set(pixels, "sizeZ", 2)
    assert "Another shape or type: 2 x 40 x 50 (z, y, x) uint16; recorded 3 x 40 x 50" in checked(ledger, image)[1]
    signed_in.database_uuid = "5f0b8a52-0000-4000-8000-000000000009"
    what, text = checked(ledger, image, pixels=True)
    assert what == "changed"
    assert "Another server answers under this name" in text


@pytest.mark.slow
def test_an_image_that_is_gone_is_missing(ledger: Ledger, image: Row, signed_in: OmeroServer):
    number = image.id
    for kind in ("Channel", "Pixels", "Image"):
        for row in list(signed_in.store.rows(kind)):
            signed_in.store.delete(row)

    assert checked(ledger, image)[0] == "missing"
    assert f"has no image {number}" in checked(ledger, image)[1]


@pytest.mark.slow
def test_a_server_that_nothing_is_known_for_is_an_error_and_no_finding(
    ledger: Ledger, image: Row, monkeypatch: pytest.MonkeyPatch
):
    from filiation.images.omero.connection import close_all

    close_all()
    for name in ("OMERO_USER", "OMERO_PASSWORD"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")

    with pytest.raises(AccessError, match="nothing to sign in"):
        ledger.check(f"Image:{image.id}")


@pytest.mark.slow
def test_a_dataset_is_checked_image_by_image(ledger: Ledger, image: Row, signed_in: OmeroServer, tmp_path: Path):
    planting = signed_in.plant("ada")
    dataset = planting.dataset("day 1", [image, planting.image(PIXELS, "changed later", axes="zyx")])
    for number, row in enumerate(list(signed_in.store.rows("Image")), 1):
        record(
            ledger, fetch_into(open_source(f"omero://127.0.0.1/image/{row.id}"), tmp_path / f"{number}.zarr"), number
        )
    signed_in.store.touch(row)

    report = ledger.check(f"Dataset:{dataset.id}")

    assert [(finding.what, finding.place) for finding in report.findings] == [
        ("modified", f"https://127.0.0.1/Image/{row.id}")
    ]
    assert report.intact == 1
    assert len(report.remarks) == 1
