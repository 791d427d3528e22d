"""The licence of a workflow: what its CITATION.cff says, else what its licence file is recognised as.

Recognised are whole texts of well-known licences by sentences that only they have. A text that is none of them is
referred to as it is: what it allows is for a person to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CITATION = "CITATION.cff"

_NAME = re.compile(r"(?:un)?licen[cs]e(?:[-.][a-z0-9.-]+)?|copying(?:\.[a-z0-9.]+)?", re.IGNORECASE)
_STATED = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+)\s*$", re.MULTILINE)
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_LARGEST = 200_000

# By SPDX identifier: what a text has to hold, and what it must not. The GNU licences' texts do not say whether later
# versions are allowed as well (their notices in the source do), so they get the identifiers without that word.
_TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice"),
     ("except as contained in this notice",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software", "provided that the above copyright"),
     ()),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name of"),
     ("all advertising materials",)),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",),
     ("neither the name of", "all advertising materials", "may not be used to endorse")),
    ("Apache-2.0", ("apache license", "version 2.0, january 2004"), ()),
    ("MPL-2.0", ("mozilla public license version 2.0",), ()),
    ("AGPL-3.0", ("gnu affero general public license version 3, 19 november 2007",), ()),
    ("LGPL-3.0", ("gnu lesser general public license version 3, 29 june 2007",), ()),
    ("LGPL-2.1", ("gnu lesser general public license version 2.1, february 1999",), ()),
    ("GPL-3.0", ("gnu general public license version 3, 29 june 2007",), ("affero general public license version",)),
    ("GPL-2.0", ("gnu general public license version 2, june 1991",), ()),
    ("CC0-1.0", ("cc0 1.0 universal",), ()),
    ("CC-BY-4.0", ("creative commons attribution 4.0 international public license",), ()),
    ("CC-BY-SA-4.0", ("creative commons attribution-sharealike 4.0 international public license",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("EUPL-1.2", ("european union public licence v. 1.2",), ()),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Licence:
    """What a workflow's files say of its licence.

    Parameters
    ----------
    identifiers
        SPDX identifiers, sorted; empty where no text was recognised.
    files
        The files that say so, and licence files that were not recognised.
    """

    identifiers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def find_licence(folders: Iterable[Path]) -> Licence:
    """Return the licence that the first folder with one tells: the workflow's own before that of its repository.

    Parameters
    ----------
    folders
        Where to look, in order; not below them.
    """
    for folder in folders:
        citation = folder / CITATION
        stated = tuple(_stated(citation))
        files = tuple(path for path in _licence_files(folder))
        named = stated or tuple(name for path in files for name in [recognise(_text(path))] if name is not None)
        if stated or files:
            telling = (*((citation,) if stated else ()), *files)
            return Licence(tuple(sorted(set(named))), tuple(str(path) for path in telling))
    return Licence()


def recognise(text: str) -> str | None:
    """Return the SPDX identifier of a licence's text; None if it is none that is known here, or several."""
    stated = set(_STATED.findall(text))
    if len(stated) == 1:
        return str(stated.pop())
    plain = re.sub(r"[\s*#>=_]+", " ", text).lower()
    found = [
        name
        for name, wanted, others in _TEXTS
        if all(part in plain for part in wanted) and not any(part in plain for part in others)
    ]
    return found[0] if len(found) == 1 else None


def _licence_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file())
    except OSError:
        return []


def _stated(citation: Path) -> Iterator[str]:
    """Yield what a CITATION.cff names as licence, one identifier or several (Citation File Format 1.2, license)."""
    import yaml

    try:
        said = yaml.safe_load(_text(citation))
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    named = said.get("license") if isinstance(said, dict) else None
    for name in named if isinstance(named, list) else [named]:
        if isinstance(name, str) and _SPDX.fullmatch(name):
            yield name


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
