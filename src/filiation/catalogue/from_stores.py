"""Records made from what stores say of their own making, where crates and databases are lost.

What comes out is of low confidence and says so: a store's word, held against its own pixels and nothing else.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue.curations import StoreSeen, look_at_store, record_curation
from filiation.catalogue.ingest import Catalogue
from filiation.crate.curation import Deed
from filiation.digest import DigestCache
from filiation.errors import FiliationError, NotFoundError
from filiation.images import pixel_digest
from filiation.images.claims import ClaimedInput, StoreClaim, is_label_store, read_claim
from filiation.images.conformance.groups import read_array
from filiation.model import Agent, DataEntity, DigestKind, EntityKind, Presence, Software, Status

if TYPE_CHECKING:
    from filiation.catalogue.crates import CatalogueFolder

SOURCE: Final = "store-claims"
_STORE_FILES: Final = {"zarr.json", ".zattrs", ".zgroup"}
_NOT_KNOWN: Final = (
    "Recorded after the fact from what the stores say of themselves: of low confidence, as whoever can write to a "
    "store can change what it says.",
    "That each store's pixels are those that it tells of was found out by reading them; nothing else could be.",
    "How the jobs ended, on which machine and by which command is not known; nor which other jobs the runs had.",
    "Digests of what the stores were made from are what the stores say, not what was seen.",
    "The digest of each store is of its bytes as they are now.",
)


@dataclass(frozen=True, slots=True)
class FoundClaim:
    """A store that says how it was made, with what it says."""

    place: Path
    claim: StoreClaim

    @property
    def is_inside(self) -> bool:
        """Whether it is part of an image's store, where a label image stands that was written by itself before."""
        return self.place.parent.name == "labels"


@dataclass(frozen=True, slots=True)
class StoresReport:
    """What was learned from stores.

    Parameters
    ----------
    crates
        Folders of the records that were made.
    recorded
        Stores that are in them.
    left_alone
        Stores that are not, with the reason.
    """

    crates: tuple[Path, ...]
    recorded: tuple[Path, ...]
    left_alone: tuple[tuple[Path, str], ...]


def rebuild_from_stores(catalogue: CatalogueFolder, folders: Iterable[Path]) -> StoresReport:
    """Record what the label images in some folders say of their own making, as far as no crate tells it.

    A store that the catalogue knows is left alone, so a second call changes nothing; so is one whose pixels are not
    those that it tells of, and a copy of one that is recorded.

    Raises
    ------
    NotFoundError
        If a folder is not there.
    """
    left: list[tuple[Path, str]] = []
    found = _one_of_each(tuple(_claims(folders, left)), left)
    kept: dict[str, list[tuple[FoundClaim, StoreSeen]]] = {}
    with DigestCache(catalogue.digests) as cache:
        for each in found:
            try:
                # What it tells of is compared by the version that it was digested by, and keeps its name.
                kind = each.claim.pixels.kind
                known = None if kind is DigestKind.PIXELS else pixel_digest(each.place, kind)
                seen = look_at_store(each.place, cache, known)
            except (FiliationError, OSError) as error:
                left.append((each.place, f"it cannot be read: {error}"))
                continue
            if reason := _why_not(catalogue, each, seen):
                left.append((each.place, reason))
            else:
                kept.setdefault(each.claim.run or "", []).append((each, seen))
    crates = [_record(catalogue, run, members) for run, members in sorted(kept.items())]
    recorded = tuple(each.place for members in kept.values() for each, _ in members)
    return StoresReport(tuple(crates), recorded, tuple(sorted(left)))


def _claims(folders: Iterable[Path], left: list[tuple[Path, str]]) -> Iterator[FoundClaim]:
    for folder in folders:
        if not folder.is_dir():
            raise NotFoundError(f"There is no folder {folder} to look for stores in.")
        for here, inner, files in os.walk(folder):
            inner.sort()
            if not _STORE_FILES & set(files):
                continue
            place = Path(here)
            if not is_label_store(place):
                inner[:] = [name for name in inner if read_array(place / name) is None]  # which hold chunks alone
                continue
            inner.clear()
            try:
                claim = read_claim(place)
            except FiliationError as error:
                left.append((place, str(error)))
                continue
            if claim is None:
                left.append((place, "it does not say how it was made"))
            else:
                yield FoundClaim(place, claim)


def _one_of_each(found: Sequence[FoundClaim], left: list[tuple[Path, str]]) -> list[FoundClaim]:
    """Keep one store of those that say they are the same: one by itself rather than one inside an image's store."""
    kept: dict[tuple[object, ...], FoundClaim] = {}
    for each in sorted(found, key=lambda each: (each.is_inside, str(each.place))):
        key = (each.claim.run, each.claim.record, each.claim.pixels, each.claim.written)
        if key in kept:
            left.append((each.place, f"it says that it is {kept[key].place}, of which it is a copy"))
        else:
            kept[key] = each
    return list(kept.values())


def _why_not(catalogue: CatalogueFolder, found: FoundClaim, seen: StoreSeen) -> str | None:
    if seen.entity.pixels != found.claim.pixels:
        return "its pixels are not those that it tells of: they were changed since it was written"
    opened = Catalogue(catalogue)
    opened.catch_up()
    with opened.reading() as index:
        known = index.entities(digest=str(seen.entity.digest), generated=True)
    return f"a crate tells of it already: {known[0].crate}" if known else None


def _record(catalogue: CatalogueFolder, run: str, members: Sequence[tuple[FoundClaim, StoreSeen]]) -> Path:
    name = f"What stores say of run {run[:8]}" if run else "What stores say of runs that they do not name"
    files: dict[str, bytes] = {}
    for _, seen in members:
        files |= seen.manifest_file
    return record_curation(
        catalogue,
        name,
        f"Jobs of run {run or '(not named)'}, made again from what {len(members)} label image(s) say of themselves",
        [_deed(number, each, seen) for number, (each, seen) in enumerate(members, start=1)],
        files,
        _NOT_KNOWN,
        SOURCE,
    )


def _deed(number: int, found: FoundClaim, seen: StoreSeen) -> Deed:
    claim = found.claim
    known = next((each.version for each in claim.software if each.name == "filiation"), None)
    person = Agent("not known", claim.person, claim.orcid) if claim.person or claim.orcid else None
    return Deed(
        id=f"#claimed-{number}",
        tool=Software(claim.rule, known),
        description=f"{claim.function}, as {found.place.name} says; its step record was {claim.record or 'not named'}",
        agent=person,
        used=tuple(_used(each, found.place) for each in claim.inputs),
        made=(seen.entity,),
        parameters=claim.parameters,
        software=claim.software,
        started=claim.started,
        ended=claim.written,
        status=Status.UNKNOWN,
    )


def _used(each: ClaimedInput, store: Path) -> DataEntity:
    """Return an input as a store tells of it; whether it is there now is seen, and nothing else."""
    if each.iri is not None:
        return DataEntity(each.iri, EntityKind.RAW_IMAGE, Presence.REMOTE, each.digest, each.pixels)
    place = posixpath.normpath(posixpath.join(str(store.resolve()), each.path or f"../{each.name}"))
    kind = EntityKind.FILE
    if each.digest is not None and each.digest.kind is DigestKind.TREE:
        kind = EntityKind.IMAGE if each.pixels is not None else EntityKind.DIRECTORY
    presence = Presence.PRESENT if Path(place).exists() else Presence.MISSING
    return DataEntity(place, kind, presence, each.digest, each.pixels)
