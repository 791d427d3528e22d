"""An image outside the run that changes while the run goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filiation.capture.images_outside import changed_meanwhile
from filiation.capture.steps import SideInput, StepRecord
from filiation.model import Digest, DigestKind, Status

IMAGE = "https://omero.example.org/Image/51"
BEGAN = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)


def fetch(number: int, pixels: str, iri: str = IMAGE, kind: DigestKind = DigestKind.PIXELS) -> StepRecord:
    used = SideInput(iri, "cells", pixels=Digest(kind, pixels * 64))
    started = BEGAN + timedelta(seconds=number)
    return StepRecord(
        path=Path(f"{number}.json"), rule="fetch", outputs=(), status=Status.FINISHED, started=started, ended=None,
        parameters=(), side_inputs=(used,), pixels={}, software=(), usage=(), machine=None, scheduler_job=None,
        error=None,
    )  # fmt: skip


def test_an_image_with_other_pixels_for_a_later_job_is_told_with_both_digests():
    other = fetch(3, "1", "https://omero.example.org/Image/52")

    assert changed_meanwhile([fetch(1, "0"), fetch(2, "1"), other, fetch(4, "0")]) == (
        f"{IMAGE} was changed while the run went on: pixels2:{'0' * 64} was read by fetch at 00:10:01 UTC, "
        f"pixels2:{'1' * 64} was read by fetch at 00:10:02 UTC. The record has the last.",
    )


def test_an_image_that_is_read_twice_as_it_was_needs_no_word():
    without = replace(fetch(2, "0"), side_inputs=(SideInput(IMAGE, "cells"),))

    assert changed_meanwhile([fetch(1, "0"), without, fetch(3, "0")]) == ()


def test_pixels_digested_by_two_versions_tell_of_no_change():
    assert changed_meanwhile([fetch(1, "0", kind=DigestKind.PIXELS_1), fetch(2, "1")]) == ()
