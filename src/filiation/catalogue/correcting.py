"""A label image that a person proof-read, recorded as a new version of the one before, with what they changed."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from filiation.catalogue.curations import (
    look_at_store,
    record_curation,
    this_machine,
    this_person,
)
from filiation.catalogue.ingest import Catalogue
from filiation.crate.curation import Deed
from filiation.crate.record_names import CORRECTION, DIFFERENCES
from filiation.digest import DigestCache
from filiation.errors import BadInputError
from filiation.images.label_differences import LabelDifferences, compare_labels
from filiation.model import Agent, Parameter, Software, Value

if TYPE_CHECKING:
    from filiation.catalogue.crates import CatalogueFolder
    from filiation.images.label_differences import Told

_ORCID: Final = re.compile(r"(?:(?:https?://)?orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
BY_HAND: Final = "correction by hand"


@dataclass(frozen=True, slots=True)
class Correction:
    """What was recorded.

    Parameters
    ----------
    differences
        What the person changed.
    record
        Folder of the crate.
    """

    differences: LabelDifferences
    record: Path


def correct(
    catalogue: CatalogueFolder,
    old: Path,
    new: Path,
    *,
    by: str,
    why: str,
    name: str | None = None,
    tool: str | None = None,
    progress: Told = lambda done, total: None,
) -> Correction:
    """Record that a person made a label image out of another by hand.

    Parameters
    ----------
    catalogue
        Where it is recorded.
    old, new
        The label image as it was, and as it is now; neither is written to.
    by, name
        The person's ORCID, and their name.
    why
        What they did it for.
    tool
        What they did it with: a name, or ``name@version``.
    progress
        Told how many blocks of how many were compared.

    Raises
    ------
    BadInputError
        If the ORCID is none, no reason is given, the two cannot be compared or do not differ, or NEW is recorded.
    NotFoundError
        If one of them is not there.
    """
    person = _person(catalogue, by, name)
    if not why.strip():
        raise BadInputError("A correction needs a reason: --why 'the nuclei at the border were joined'.")
    started = datetime.now(UTC)
    differences = compare_labels(old, new, progress)
    if not differences.voxels:
        raise BadInputError(f"{old} and {new} hold the same labels, voxel by voxel: nothing was corrected.")
    with DigestCache(catalogue.digests) as cache:
        before = look_at_store(old, cache, differences.old)
        after = look_at_store(new, cache, differences.new)
    _refuse_twice(catalogue, new, str(after.entity.digest))
    counts = {kind: count for kind, count in differences.counted().items() if count}
    deed = Deed(
        id=CORRECTION,
        tool=_tool(tool),
        description=f"{old.name} was proof-read by hand and became {new.name}: {why}",
        agent=person,
        used=(before.entity,),
        made=(after.entity,),
        parameters=(
            Parameter("why", used=Value.of(why)),
            *(Parameter(f"objects {kind}", used=Value.of(count)) for kind, count in counts.items()),
            Parameter("objects unchanged", used=Value.of(differences.unchanged)),
            Parameter("voxels changed", used=Value.of(differences.voxels)),
        ),
        started=_modified(new, started),
        ended=started,
        machine=this_machine(),
    )
    table = io.BytesIO()
    pq.write_table(differences.table(), table, compression="zstd")
    record = record_curation(
        catalogue,
        f"Correction of {old.name}",
        f"Who corrected {old} by hand, why, and which objects of {new} differ from it",
        [deed],
        {DIFFERENCES: table.getvalue(), **after.manifest_file},
        ("When the corrected label image was begun is not known: its start is when the file was last written.",),
    )
    return Correction(differences, record)


def _person(catalogue: CatalogueFolder, by: str, name: str | None) -> Agent:
    """Return the person, by an ORCID whose check digit is right (ISO/IEC 7064, MOD 11-2)."""
    found = _ORCID.fullmatch(by.strip())
    if found is None or not _is_checked(found[1].replace("-", "")):
        raise BadInputError(f"{by!r} is no ORCID: sixteen digits in four groups, the last of which checks the others.")
    orcid = f"https://orcid.org/{found[1]}"
    here = this_person(catalogue)
    return Agent(here.user, name or (here.name if here.orcid == orcid else None), orcid)


def _is_checked(digits: str) -> bool:
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return digits[-1] == ("X" if check == 10 else str(check))


def _tool(text: str | None) -> Software:
    name, _, version = (text or "").partition("@")
    return Software(name.strip() or BY_HAND, version.strip() or None)


def _modified(store: Path, otherwise: datetime) -> datetime:
    """Return when the store was last written to, as its newest metadata say: nothing else is known of the work."""
    times = [(store / name).stat().st_mtime for name in ("zarr.json", ".zattrs") if (store / name).exists()]
    return min(datetime.fromtimestamp(max(times), UTC), otherwise) if times else otherwise


def _refuse_twice(catalogue: CatalogueFolder, new: Path, digest: str) -> None:
    opened = Catalogue(catalogue)
    opened.catch_up()
    with opened.reading() as index:
        known = index.entities(digest=digest, generated=True)
    if known:
        run = known[0].crate.removeprefix("arcp://uuid,").rstrip("/")
        raise BadInputError(
            f"{new} is recorded already, as made in {run[:8]}: `filiation trace {new}`. What was corrected has to be a "
            "store of its own, beside the one before."
        )
