"""Which runs came from another site, where a path means another file than here.

The places of such a run begin with two slashes and the site's name (``//partner/data/raw.tif``), so that no path of
this machine is ever one of them, and those of one site are compared with each other as ever. That is so in the index
alone; the crates say what they said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.crate import flush
from filiation.errors import BadInputError
from filiation.model import encode_path, is_uri

if TYPE_CHECKING:
    from filiation.catalogue.derive import Derived

ELSEWHERE: Final = "//"
"""How a place at another site begins."""
_FILE: Final = "sites.json"


def site_named(name: str | None, other: Path) -> str:
    """Return a site's name as it stands in places: the one given, else one made of where its catalogue was found.

    Raises
    ------
    BadInputError
        If the name given is none that can stand there.
    """
    if name is None:
        return f"site-{sha256(os.fsencode(other.resolve())).hexdigest()[:8]}"
    if not name or "/" in name or encode_path(name) != name:
        raise BadInputError(f"{name!r} is no name of a site: expected letters, digits, and any of . _ ~ and -.")
    return name


def read_sites(root: Path) -> Mapping[str, str]:
    """Return the site of each run of a catalogue that is not its own, by the run's UUID."""
    path = root / _FILE
    try:
        state = path.stat()
    except OSError:
        return {}
    return _read(path, state.st_mtime_ns, state.st_size)


def note_sites(root: Path, coming: Iterable[tuple[str, str]]) -> None:
    """Write down which sites runs come from, before their crates are taken in."""
    known = read_sites(root)
    new = {run: site for run, site in coming if run not in known}
    if not new:
        return
    told = {**known, **new}
    writing = root / f".{_FILE}-{os.getpid()}"
    writing.write_text(json.dumps(told, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    flush(writing)
    writing.rename(root / _FILE)
    flush(root)


def at_its_site(derived: Derived, crate: Path) -> Derived:
    """Return what a crate tells with its places at the site that it came from.

    Parameters
    ----------
    derived
        What it tells.
    crate
        Its folder in the catalogue.
    """
    site = read_sites(crate.parent.parent).get(crate.name)
    if site is None:
        return derived
    entities = tuple(replace(entity, place=_there(entity.place, site)) for entity in derived.entities)
    run = replace(derived.run, folder=_there(derived.run.folder, site))
    return replace(derived, run=run, entities=entities)


def is_elsewhere(place: str) -> bool:
    """Whether a place is none of this machine: at another site, or an address.

    >>> is_elsewhere("//partner/data/raw.tif"), is_elsewhere("/data/raw.tif")
    (True, False)
    """
    return place.startswith(ELSEWHERE) or is_uri(place)


def site_of(place: str | None) -> str | None:
    """Return the site that a place is at; None for this one, and where it is not known.

    >>> site_of("//partner/data/raw.tif")
    'partner'
    """
    return None if place is None or not place.startswith(ELSEWHERE) else place.split("/")[2]


def _there(place: str | None, site: str) -> str | None:
    return f"{ELSEWHERE}{site}{place}" if place is not None and place.startswith("/") else place


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int, _size: int) -> Mapping[str, str]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(run): str(site) for run, site in told.items()} if isinstance(told, dict) else {}
