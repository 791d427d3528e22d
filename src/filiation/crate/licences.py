"""What the licences of images allow of what is made of them, such as label images, crops and training sets.

These are changed copies of images: what a licence says of those counts. Only licences that are in common use for images
are judged; others are told as they are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATIVE_COMMONS: Final = re.compile(
    r"(?:https?://creativecommons\.org/(?:licenses|publicdomain)/|cc[ -])"
    r"(?P<terms>by(?:-nc)?(?:-(?:sa|nd))?|zero)[ /-]?(?P<version>\d\.\d)?.*",
    re.IGNORECASE,
)
_SPDX: Final = re.compile(r"https?://spdx\.org/licenses/(?P<id>[\w.+-]+?)(?:\.html)?/?")
_KNOWN: Final = re.compile(r"CC0-1\.0|CC-BY(?:-NC)?(?:-SA|-ND)?-\d\.\d")


def spdx(text: str) -> str:
    """Return the SPDX identifier of a licence that is named by its address or its usual name; else the text itself.

    >>> spdx("https://creativecommons.org/licenses/by-nc/4.0/"), spdx("CC BY 4.0"), spdx("CC0"), spdx("ask Ada")
    ('CC-BY-NC-4.0', 'CC-BY-4.0', 'CC0-1.0', 'ask Ada')
    """
    plain = text.strip()
    address = _SPDX.fullmatch(plain)
    if address is not None:
        return address["id"]
    if plain.lower() in ("cc0", "cc0-1.0", "cc0 1.0"):
        return "CC0-1.0"
    found = _CREATIVE_COMMONS.fullmatch(plain)
    if found is None:
        return plain
    if found["terms"].lower() == "zero":
        return "CC0-1.0"
    return f"CC-{found['terms'].upper()}-{found['version'] or '4.0'}"


def licence_of_crate(crate: Path) -> str | None:
    """Return the licence that a crate states of what is in it; None if it states none, or cannot be read."""
    try:
        graph = json.loads((crate / "ro-crate-metadata.json").read_bytes())["@graph"]
        root = next(entity for entity in graph if entity.get("@id") == "./")
        stated = root.get("license")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None
    identifier = stated.get("@id") if isinstance(stated, dict) else stated
    if not isinstance(identifier, str) or identifier == "#no-licence-stated":
        return None
    if not identifier.startswith("#"):
        return spdx(identifier)
    name = next((entity.get("name") for entity in graph if entity.get("@id") == identifier), None)
    return spdx(name) if isinstance(name, str) else None


def common_licence(licences: Iterable[str]) -> str | None:
    """Return the licence that all sources have, where it may also be that of what is made of them."""
    different = set(licences)
    return different.pop() if len(different) == 1 and not conflicts(min(different), different) else None


def conflicts(licence: str | None, sources: Iterable[str]) -> tuple[str, ...]:
    """Return what stands against giving a training set a licence, in sentences; nothing if nothing is known to.

    Parameters
    ----------
    licence
        SPDX identifier of the set's; None if none is stated.
    sources
        Those of the images, each once or more often.

    Examples
    --------
    >>> conflicts("CC-BY-4.0", ["CC-BY-NC-4.0", "CC0-1.0"])
    ('CC-BY-NC-4.0 allows no commercial use; CC-BY-4.0 would allow it.',)
    """
    found: list[str] = []
    known = sorted(set(sources))
    for source in known:
        if not _KNOWN.fullmatch(source):
            found.append(f"{source!r} is no licence that is judged here: read it.")
            continue
        if "-ND-" in source:
            found.append(f"{source} allows no changed copies to be shared, as crops and label images are.")
        if licence is None:
            continue
        if "-NC-" in source and "-NC-" not in licence:
            found.append(f"{source} allows no commercial use; {licence} would allow it.")
        if "-SA-" in source and licence.rpartition("-")[0] != source.rpartition("-")[0]:
            found.append(f"{source} asks that what is made of it has the same licence; {licence} is another.")
        if "-BY-" in source and licence == "CC0-1.0":
            found.append(f"{source} asks that its authors are named; {licence} would not.")
    shared = [source for source in known if "-SA-" in source]
    if len(shared) > 1:
        found.append(f"{' and '.join(shared)} each ask for themselves: nothing can have both.")
    return tuple(found)
