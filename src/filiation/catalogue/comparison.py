"""What a run made, compared with what was made before: bytes, else pixels, else objects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from filiation.digest import digest_file, digest_tree
from filiation.errors import FiliationError
from filiation.images import pixel_digest, read_image, read_labels
from filiation.model import DataEntity, Digest, EntityKind
from filiation.segmentation import agreement


class Outcome(StrEnum):
    """How a new thing compares with the recorded one."""

    IDENTICAL = "identical"
    """The same bytes."""
    SAME_PIXELS = "same pixels, other bytes"
    """An image whose decoded pixels are the same: another codec, chunking or writer."""
    DIFFERS = "differs"
    NOT_MADE = "not made"
    """The new run did not make it."""
    NOT_COMPARABLE = "not comparable"
    """No digest of the recorded one, or of the new one, was captured: the workflow itself deleted it, for example."""


REPRODUCED = frozenset({Outcome.IDENTICAL, Outcome.SAME_PIXELS})


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """How two label images agree.

    Parameters
    ----------
    before, now
        Numbers of objects.
    matched
        Objects whose intersection over union exceeds a half.
    f1, aji
        As in :func:`filiation.segmentation.agreement`.
    differing_voxels, voxels
        Voxels with another label, and all.
    """

    before: int
    now: int
    matched: int
    f1: float
    aji: float
    differing_voxels: int
    voxels: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output of a recorded run, compared.

    Parameters
    ----------
    path
        As the workflow names it.
    outcome
        How it compares.
    recorded, found
        The digests.
    agreement
        Of label images that differ, where the recorded bytes are still there.
    differing_voxels
        Of images that differ, where the recorded bytes are still there.
    note
        What else is to be said.
    """

    path: str
    outcome: Outcome
    recorded: Digest | None = None
    found: Digest | None = None
    agreement: LabelAgreement | None = None
    differing_voxels: int | None = None
    note: str | None = None

    def text(self) -> str:
        """Say it in a line."""
        said = f"{self.path}: {self.outcome.value}"
        if self.agreement is not None:
            agreed = self.agreement
            said += (
                f"; {agreed.matched} objects match of {agreed.before} recorded and {agreed.now} now (F1 {agreed.f1:.3f}"
                f" at IoU 0.5), {agreed.differing_voxels} of {agreed.voxels} voxels differ"
            )
        elif self.differing_voxels is not None:
            said += f"; {self.differing_voxels} voxels differ"
        return said + (f" ({self.note})" if self.note else "")

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "path": self.path,
            "outcome": self.outcome.value,
            "recorded": None if self.recorded is None else str(self.recorded),
            "found": None if self.found is None else str(self.found),
            "agreement": None if self.agreement is None else asdict(self.agreement),
            "differing_voxels": self.differing_voxels,
            "note": self.note,
        }


def compare(recorded: DataEntity, before: Path, new: DataEntity | None, now: Path) -> Comparison:
    """Compare one output with what was recorded of it.

    Parameters
    ----------
    recorded
        The record.
    before
        Where it was; looked at only if its bytes are still those recorded.
    new
        What the new run recorded of the same output; None if it made none.
    now
        Where that is.
    """
    path = recorded.path
    if new is None:
        return Comparison(path, Outcome.NOT_MADE, recorded.digest)
    if recorded.digest is None or new.digest is None:
        which = "the recorded one" if recorded.digest is None else "the new one"
        return Comparison(
            path, Outcome.NOT_COMPARABLE, recorded.digest, new.digest, note=f"no digest of {which} was captured"
        )
    if recorded.digest == new.digest:
        return Comparison(path, Outcome.IDENTICAL, recorded.digest, new.digest)
    if recorded.pixels is not None and recorded.pixels == _pixels_like(recorded.pixels, new, now):
        same_labels = recorded.image == new.image
        note = None if same_labels else "its metadata differ too"
        return Comparison(path, Outcome.SAME_PIXELS, recorded.digest, new.digest, note=note)
    if recorded.kind not in (EntityKind.LABEL_IMAGE, EntityKind.IMAGE) or new.kind is not recorded.kind:
        return Comparison(path, Outcome.DIFFERS, recorded.digest, new.digest)
    if _digest(before, recorded) != recorded.digest:
        note = "the recorded pixels are no longer there to compare with"
        return Comparison(path, Outcome.DIFFERS, recorded.digest, new.digest, note=note)
    return _compare_pixels(recorded, before, new.digest, now)


def _compare_pixels(recorded: DataEntity, before: Path, found: Digest, now: Path) -> Comparison:
    path, digest = recorded.path, recorded.digest
    read = read_labels if recorded.kind is EntityKind.LABEL_IMAGE else read_image
    try:
        old, new = read(before).data, read(now).data
    except FiliationError as error:
        return Comparison(path, Outcome.DIFFERS, digest, found, note=str(error))
    if old.shape != new.shape:
        note = f"it had {' x '.join(map(str, old.shape))} pixels and has {' x '.join(map(str, new.shape))}"
        return Comparison(path, Outcome.DIFFERS, digest, found, note=note)
    differing = int(np.count_nonzero(old != new))
    if recorded.kind is EntityKind.IMAGE:
        return Comparison(path, Outcome.DIFFERS, digest, found, differing_voxels=differing)
    agreed = agreement(old, new)
    figures = LabelAgreement(agreed.true, agreed.found, agreed.matched, agreed.f1, agreed.aji, differing, int(old.size))
    return Comparison(path, Outcome.DIFFERS, digest, found, agreement=figures, differing_voxels=differing)


def _pixels_like(recorded: Digest, new: DataEntity, now: Path) -> Digest | None:
    """Return the pixel digest of what was made, by the version that the record is of."""
    if new.pixels is None or new.pixels.kind is recorded.kind:
        return new.pixels
    try:
        return pixel_digest(now, recorded.kind)
    except (FiliationError, OSError):
        return None


def _digest(place: Path, recorded: DataEntity) -> Digest | None:
    try:
        return digest_tree(place).digest if recorded.is_tree else digest_file(place)
    except (FiliationError, OSError):
        return None
