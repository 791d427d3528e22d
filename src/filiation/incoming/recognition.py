"""What somebody hands over, told by what is in it and never by its name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from filiation.errors import BadInputError, InvalidCrateError, NotFoundError
from filiation.incoming.archives import MAGIC, METADATA_NAMES

_HEAD: Final = 4096
_RECORD: Final = ".data.json"
_NESTED: Final = 8
"""How many folders deep crates are looked for."""
_PROV_N: Final = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/)*document\b", re.DOTALL)
_TURTLE: Final = re.compile(
    r"(?:\s|#[^\n]*\n)*(?:@prefix|@base|prefix\b|base\b|graph\b|<[^!?>]*>|\[|\{\s*<|[\w.-]*:\w)", re.I
)
_XML: Final = re.compile(r"\s*<(?:\?xml|!|[\w-]+:|[\w-]+[\s>/])")
# Its namespace is declared at its root: https://www.w3.org/TR/prov-xml/#document
_PROV_XML: Final = re.compile(
    r"\s*(?:<\?xml[^>]*\?>)?(?:\s|<!--(?:(?!-->).)*-->)*"
    r"<(?:[\w-]+:)?document\s[^>]*[\"']http://www\.w3\.org/ns/prov#[\"']",
    re.DOTALL,
)
_LOOSE: Final = (".zip", ".eln", ".provn", ".provx", ".xml", ".ttl", ".trig", ".json", ".jsonld")


class Form(Enum):
    """What can be taken in."""

    FOLDER = "a crate's folder"
    OLD_FOLDER = "a crate's folder of RO-Crate 1.0"
    ARCHIVE = "a ZIP archive"
    JSON = "a file of JSON: a crate's metadata, PROV-JSON, PROV-JSONLD, or PROV-O in JSON-LD"
    PROV_N = "PROV-N"
    PROV_XML = "PROV-XML"
    TURTLE = "PROV-O in Turtle or TriG"
    NEXTFLOW = "Nextflow's lineage store"


def form_of(place: Path) -> Form:
    """Tell what stands at a place.

    Raises
    ------
    NotFoundError
        If there is nothing, or nothing that can be taken in.
    InvalidCrateError
        If it is XML, and no PROV document.
    BadInputError
        If it cannot be read, or would never end.
    """
    if place.is_dir():
        form = _form_of_folder(place)
        if form is None:
            raise NotFoundError(f"No crate at {place}: it has no {METADATA_NAMES[0]}.")
        return form
    return _form_of_file(place)


def places(named: Iterable[Path]) -> Iterator[Path]:
    """Yield what can be taken in of what was named; of a folder of crates each of them, in the order of their names.

    What is none is yielded as it was named, so that whoever takes it in says what is wrong with it.
    """
    for place in named:
        if not place.is_dir() or place.is_symlink() or _form_of_folder(place) is not None:
            yield place
            continue
        found = list(_within(place))
        yield from found or [place]


def _within(folder: Path, depth: int = 0) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInputError(f"{folder} cannot be read: {error.strerror or error}.") from error
    for entry in entries:
        path = Path(entry.path)
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            if _form_of_folder(path) is not None:
                yield path
            elif depth < _NESTED:
                yield from _within(path, depth + 1)
        elif entry.name.endswith(_LOOSE) and _looks_like_one(path):
            yield path


def _looks_like_one(path: Path) -> bool:
    """Whether a file beside others in a folder of crates is something to take in: other JSON may lie there too."""
    try:
        form = _form_of_file(path)
    except (InvalidCrateError, NotFoundError, BadInputError):
        return False
    head = _head(path)
    return form is not Form.JSON or b'"@graph"' in head or b'"prefix"' in head or path.name.endswith(METADATA_NAMES)


def _form_of_folder(folder: Path) -> Form | None:
    if (folder / METADATA_NAMES[0]).is_file():
        return Form.FOLDER
    if (folder / METADATA_NAMES[1]).is_file():
        return Form.OLD_FOLDER
    return Form.NEXTFLOW if lineage_store(folder) is not None else None


def lineage_store(folder: Path) -> Path | None:
    """Return the folder of Nextflow's lineage records in a folder, if there is one."""
    for store in (folder, folder / ".meta", folder / ".lineage", folder / ".lineage" / ".meta"):
        try:
            if any((entry / _RECORD).is_file() for entry in store.iterdir() if entry.is_dir()):
                return store
        except OSError:
            continue
    return None


def _form_of_file(place: Path) -> Form:
    head = _head(place)
    if head.startswith(MAGIC):
        return Form.ARCHIVE
    text = head.decode("utf-8-sig", "replace")
    start = text.lstrip()[:1]
    if start == "<" and _XML.match(text):
        if _PROV_XML.match(text):
            return Form.PROV_XML
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise InvalidCrateError(f"{place} is XML that declares a document type or entities. PROV-XML has no such.")
        raise InvalidCrateError(f"{place} is XML, and no PROV document; of XML filiation reads PROV-XML alone.")
    if _PROV_N.match(text):
        return Form.PROV_N
    if (start == "{" and not re.match(r"\s*\{\s*<", text)) or re.match(r"\s*\[\s*[\[{\"]", text):
        return Form.JSON
    if _TURTLE.match(text):
        return Form.TURTLE
    raise NotFoundError(
        f"{place} is a file, but no {METADATA_NAMES[0]}, no ZIP archive of a crate and no PROV document; name the "
        "folder of the crate."
    )


def _head(place: Path) -> bytes:
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):  # a FIFO would keep us waiting
            raise BadInputError(f"{place} is neither a folder nor a regular file.")
        with place.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError as error:
        raise NotFoundError(f"No crate at {place}: it does not exist.") from error
    except OSError as error:
        raise BadInputError(f"{place} cannot be read: {error.strerror or error}.") from error
