"""Where things are that the catalogue knows, and whether what is there is still what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filiation.digest import DigestCache, digest_file, digest_tree

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode
    from filiation.lineage import Ledger
    from filiation.model import Digest


def place_of(ledger: Ledger, thing: EntityNode, cache: DigestCache) -> Path | str:
    """Return where a thing is, with the bytes that were recorded; else why it cannot be taken, as a sentence."""
    if thing.digest is None:
        return f"no digest of {thing.path} was recorded"
    here = Path(thing.place) if thing.place is not None and thing.place.startswith("/") else None
    if here is not None and here.exists() and digest_now(here, cache) == thing.digest:
        return here
    elsewhere = [Path(place) for place in ledger.places(thing.digest) if place.startswith("/")]
    for place in elsewhere:
        if place != here and place.exists() and digest_now(place, cache) == thing.digest:
            return place
    changed = here is not None and here.exists()
    return f"{thing.path} is other on disk than what was recorded" if changed else f"{thing.path} is not on disk"


def digest_now(place: Path, cache: DigestCache) -> Digest:
    """Return the digest of what is at a place; what is unchanged since it was read is not read again."""
    return digest_tree(place, cache=cache).digest if place.is_dir() else digest_file(place, cache=cache)
