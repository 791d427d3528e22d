"""Whether label images lead to the images that they were made from, and are sound in themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.errors import FiliationError
from filiation.images import check_store, image_facts
from filiation.images.conformance import Gravity
from filiation.lineage.audit_findings import AuditFinding, Severity
from filiation.lineage.gathering import place_of
from filiation.model import EntityKind, Status, WorkflowRun

# Checking that every described label has a pixel reads the pixels; above this a store is left to `check_store` itself.
_LARGEST_CHECKED: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Labels:
    """A label image that a finished action made.

    Parameters
    ----------
    place
        Where it is now.
    size
        In bytes; None if not recorded.
    images
        Places of the image stores that the action used.
    run, action
        Id of the run, IRI of the action.
    """

    place: Path
    size: int | None
    images: tuple[Path, ...]
    run: str
    action: str


def labels_of(run: WorkflowRun, home: Path) -> Iterator[Labels]:
    """Yield the label images that a run made."""
    kinds = {entity.path: entity for entity in run.entities}
    for action in run.actions:
        for slot in action.outputs if action.status is Status.FINISHED else ():
            entity = kinds.get(slot.path)
            if entity is None or entity.kind is not EntityKind.LABEL_IMAGE:
                continue
            images = [
                place_of(run, used.path, home)
                for used in action.inputs
                if used.path in kinds and kinds[used.path].kind is EntityKind.IMAGE
            ]
            place = place_of(run, slot.path, home)
            yield Labels(place, entity.size, tuple(images), run.id, run.iri + action.local_id)


def label_findings(label: Labels) -> Iterator[AuditFinding]:
    """Look at a label image's store, if it is there."""
    if not label.place.is_dir():
        return
    try:
        source = image_facts(label.place).source
    except (FiliationError, OSError) as error:
        yield _finding(label, Severity.SERIOUS, "store-fault", f"The store cannot be read: {error}", "Make it again.")
        return
    if label.images:
        yield from _against_record(label, source)
    if label.size is None or label.size > _LARGEST_CHECKED:
        return
    try:
        faults = check_store(label.place)
    except (FiliationError, OSError) as error:
        yield _finding(label, Severity.SERIOUS, "store-fault", f"The store cannot be read: {error}", "Make it again.")
        return
    for fault in faults:
        if fault.gravity is Gravity.ADVICE or fault.fault == "source-missing":
            continue  # no fault, or told already
        serious = fault.fault in ("source-nowhere", "shape-differs", "unreadable")
        yield _finding(
            label,
            Severity.SERIOUS if serious else Severity.WARNING,
            "store-fault",
            f"{fault.message[:1].upper()}{fault.message[1:]}",
            "Mend the step that writes it, and run it again.",
            f"{fault.fault} at {fault.where}",
        )


def _against_record(label: Labels, source: str | None) -> Iterator[AuditFinding]:
    images = ", ".join(str(image) for image in label.images)
    if source is None:
        yield _finding(
            label,
            Severity.WARNING,
            "label-source",
            "The label image does not say which image it belongs to ('image-label.source.image').",
            "Let the step write the source: filiation.images.write_labels does.",
            f"the job used {images}",
        )
        return
    leads = Path(os.path.realpath(label.place / source))
    if leads not in {Path(os.path.realpath(image)) for image in label.images}:
        yield _finding(
            label,
            Severity.SERIOUS,
            "label-source",
            f"The label image says that it belongs to {leads}, but it was made from {images}.",
            "Look at both; correct 'image-label.source.image', or run the job again on the right image.",
            f"'image-label.source.image' is {source!r}",
        )


def _finding(label: Labels, severity: Severity, kind: str, what: str, advice: str, *evidence: str) -> AuditFinding:
    return AuditFinding(
        severity, kind, what, str(label.place), advice, run=label.run, action=label.action, evidence=evidence
    )
