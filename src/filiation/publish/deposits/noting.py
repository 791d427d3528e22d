"""The DOI of what was published, noted in the catalogue: of the things that the crate holds, and that its jobs made.

`filiation find` then knows them by it, and `trace` and `impact` with ``--published`` lead there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filiation.crate.jsonld import ids
from filiation.crate.metadata import read_metadata
from filiation.crate.seals.contents import ELSEWHERE
from filiation.errors import NotFoundError
from filiation.model import Digest, DigestKind, is_uri
from filiation.publish.deposits import journal as step
from filiation.publish.deposits.depositing import service_of
from filiation.publish.deposits.journal import Journal
from filiation.publish.deposits.package import crate_folder

if TYPE_CHECKING:
    from filiation.lineage import Ledger

_ACTIONS: Final = frozenset({"CreateAction", "OrganizeAction", "UpdateAction"})


def note_published(ledger: Ledger, journal: Journal) -> int:
    """Note a deposit's DOI of all that it published and the catalogue knows; return of how many things.

    Nothing is noted twice, nor before others can see the record.

    Parameters
    ----------
    ledger
        The opened catalogue.
    journal
        The deposit.

    Raises
    ------
    NotFoundError
        If the crate is not there any more.
    """
    state = journal.state
    if state.published is None or state.noted:
        return 0
    folder = crate_folder(Path(state.crate), journal.unpacked)
    name, value = ("doi", state.doi) if state.doi else ("published", state.page)
    count = ledger.note_published(
        f"the crate {Path(state.crate).name}",
        frozenset(published_digests(read_metadata(folder))),
        f"{name}={value}",
        why=f"published at {service_of(state)} as {state.record}, deposit {state.id}",
    )
    journal.write(step.NOTED, things=count)
    return count


def record_in_omero(ledger: Ledger, journal: Journal) -> int:
    """Note of each image on which the DOI was written in OMERO that it was, by whom and when; return of how many.

    An image that the catalogue does not know is left out. Nothing is noted twice.
    """
    state = journal.state
    count = 0
    for note in state.in_omero:
        host = note.server.partition(":")[0]
        image = f"https://{host}/{note.image.replace(':', '/')}"
        where = f"https://doi.org/{state.doi}" if state.doi else state.page
        with suppress(NotFoundError):
            ledger.annotate(
                image,
                f'published in OMERO="{where}"',
                why=f"written on {note.image} of {note.server} as {note.annotation} by {note.by or 'an unknown user'} "
                f"at {note.at:%Y-%m-%dT%H:%M:%SZ}, deposit {state.id}",
            )
            count += 1
        journal.write(step.RECORDED, server=note.server, image=note.image)
    return count


def published_digests(document: Mapping[str, Any]) -> Iterator[Digest]:
    """Yield the digests of what a crate holds and of what its actions made, stores as wholes."""
    made = {
        identifier
        for entity in document["@graph"]
        if _ACTIONS & set(_listed(entity.get("@type")))
        for identifier in ids(entity.get("result"))
    }
    for entity in document["@graph"]:
        identifier = str(entity.get("@id", ""))
        held = not identifier.startswith((ELSEWHERE, "#")) and not is_uri(identifier)
        if not (held or identifier in made):
            continue
        for name, kind in (("sha256", DigestKind.FILE), ("treeDigest", DigestKind.TREE)):
            found = entity.get(name)
            if isinstance(found, str) and len(found) == 64:
                try:
                    yield Digest(kind, found.lower())
                except ValueError:
                    continue


def _listed(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
