"""Images outside a run that several of its jobs read, and that were not the same each time."""

from __future__ import annotations

from collections.abc import Iterable

from filiation.capture.steps import StepRecord
from filiation.model import Digest, DigestKind


def changed_meanwhile(steps: Iterable[StepRecord]) -> tuple[str, ...]:
    """Say of which images outside the run jobs read different pixels: the record of a thing has room for one digest."""
    read: dict[tuple[str, DigestKind], dict[Digest, str]] = {}
    for step in steps:
        for used in step.side_inputs:
            if used.pixels is not None:
                reader = f"{step.rule} at {step.started:%H:%M:%S} UTC"
                read.setdefault((used.iri, used.pixels.kind), {}).setdefault(used.pixels, reader)
    return tuple(
        f"{iri} was changed while the run went on: "
        + ", ".join(f"{digest} was read by {reader}" for digest, reader in versions.items())
        + ". The record has the last."
        for (iri, _), versions in sorted(read.items())
        if len(versions) > 1
    )
