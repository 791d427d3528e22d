"""Whether licences go together: that of what is published, of the images it is made from, and of the workflow's code.

Judged are licences that are in common use; ``docs/reference/export.md`` has the table. Of any other it is said that it
is not judged, and that somebody has to read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from filiation.crate.licences import conflicts as conflicts_of_data
from filiation.crate.licences import spdx

CONFLICT: Final = "conflict"
UNKNOWN: Final = "unknown"

# Code may stand beside data of another licence: each keeps its own. What counts is whether it may be passed on at all.
CODE: Final = frozenset(
    {
        "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "Unlicense", "CC0-1.0", "EUPL-1.2",
        "GPL-2.0", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-2.1",
        "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0", "LGPL-3.0-only", "LGPL-3.0-or-later", "AGPL-3.0",
        "AGPL-3.0-only", "AGPL-3.0-or-later", "CC-BY-4.0", "CC-BY-SA-4.0",
    }
)  # fmt: skip
"""Licences of code that allow it to be passed on, by SPDX identifier."""
DATA: Final = frozenset(
    {"CC0-1.0", *(f"CC-BY{terms}-{version}" for terms in ("", "-NC", "-SA", "-ND", "-NC-SA", "-NC-ND")
                  for version in ("3.0", "4.0"))}
)  # fmt: skip
"""Licences of data that are judged."""


@dataclass(frozen=True, slots=True)
class LicenceFinding:
    """What stands against publishing so, or what nobody can tell.

    Parameters
    ----------
    kind
        ``conflict`` or ``unknown``.
    what
        A sentence.
    """

    kind: str
    what: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain JSON."""
        return {"kind": self.kind, "what": self.what}


def check_licences(
    licence: str | None, images: Iterable[tuple[str, str | None]], code: Iterable[tuple[str, str | None]]
) -> tuple[LicenceFinding, ...]:
    """Return what stands against a licence for results, conflicts first.

    Parameters
    ----------
    licence
        That of what is published, as an SPDX identifier; None if none is stated.
    images
        Of each image that the results are made from: its name, and its licence as somebody wrote it, or None.
    code
        The same of each workflow's code.

    Examples
    --------
    >>> [found.what for found in check_licences("CC-BY-4.0", [("image 51", "CC BY-NC 4.0")], [])]
    ['image 51: CC-BY-NC-4.0 allows no commercial use; CC-BY-4.0 would allow it.']
    """
    found: dict[LicenceFinding, None] = {}
    if licence is None:
        found[LicenceFinding(UNKNOWN, "No licence is stated for what is published: nobody may reuse it.")] = None
    elif licence not in DATA | CODE:
        found[LicenceFinding(UNKNOWN, f"{licence!r} is no licence that is judged here: read it.")] = None
    known: dict[str, str] = {}
    for name, stated in images:
        if stated is None:
            found[LicenceFinding(UNKNOWN, f"Nothing says under which licence {name} is.")] = None
            continue
        identifier = spdx(stated)
        if identifier not in DATA:
            found[LicenceFinding(UNKNOWN, f"{name}: {identifier!r} is no licence that is judged here: read it.")] = None
            continue
        known[identifier] = name
        for sentence in conflicts_of_data(licence if licence in DATA else None, [identifier]):
            found[LicenceFinding(CONFLICT, f"{name}: {sentence}")] = None
    for sentence in conflicts_of_data(licence if licence in DATA else None, known):
        if sentence.startswith(tuple(known)) and " each ask " in sentence:
            found[LicenceFinding(CONFLICT, sentence)] = None
    for name, stated in code:
        if stated is None:
            found[LicenceFinding(UNKNOWN, f"Nothing says under which licence the code of {name} is.")] = None
        elif spdx(stated) not in CODE:
            found[LicenceFinding(UNKNOWN, f"{name}: {stated!r} is no licence of code that is judged here.")] = None
    return tuple(sorted(found, key=lambda each: (each.kind != CONFLICT, each.what)))
