"""A crate's metadata file, read with suspicion: whoever wrote the crate, reading it is safe and ends in one message.

>>> document = parse_metadata('{"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": []}')
>>> document["@graph"]
[]
"""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote

from filiation.errors import InvalidCrateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

METADATA_FILE = "ro-crate-metadata.json"

# Far above any crate of a real run (a run of 100,000 jobs needs about 100 MB), far below a machine's memory.
MOST_BYTES = 512 << 20
"""Metadata of more is not read."""
# A crate is flat: context, graph, entity, list, reference. Deeper nesting only serves to exhaust a parser's stack.
_DEEPEST = 64
_TOO_DEEP = f"The metadata is nested more than {_DEEPEST} levels deep; a crate is flat."
_NESTED = frozenset({dict, list})  # what JSON is read as, and nothing that inherits from them
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")


def read_metadata(crate: Path) -> dict[str, Any]:
    """Read the metadata of a crate, without trusting it.

    Parameters
    ----------
    crate
        The crate's folder, or its ``ro-crate-metadata.json``.

    Raises
    ------
    InvalidCrateError
        If there is no crate, or its metadata is truncated, malformed, too large or too deep.
    """
    path = crate / METADATA_FILE if crate.is_dir() else crate
    content = _read_bytes(crate, path)
    if content.startswith(b"PK\x03\x04"):
        raise InvalidCrateError(f"{str(path)!r} is a ZIP archive. Unpack it, and name the folder.")
    try:
        return parse_metadata(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidCrateError(
            f"{str(path)!r} is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}. "
            "Crate metadata is JSON in UTF-8."
        ) from error
    except InvalidCrateError as error:
        raise InvalidCrateError(f"{str(path)!r}: {error}") from error


def _read_bytes(crate: Path, path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a FIFO would keep us waiting
            raise InvalidCrateError(f"{str(path)!r} is not a regular file; expected a crate's metadata.")
        if status.st_size > MOST_BYTES:
            raise InvalidCrateError(
                f"{str(path)!r} has {status.st_size} bytes; crate metadata of more than {MOST_BYTES} is not read."
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidCrateError(
            f"{str(crate)!r} is not a crate: there is no {METADATA_FILE}. Name the folder that holds it."
        ) from error
    except OSError as error:
        raise InvalidCrateError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error


def parse_metadata(text: str) -> dict[str, Any]:
    """Parse a crate's metadata: JSON-LD with ``@context`` and a flat ``@graph`` of entities.

    Raises
    ------
    InvalidCrateError
        If it is anything else.
    """
    document = parse_json(text)
    if not isinstance(document, dict) or not isinstance(document.get("@graph"), list):
        raise InvalidCrateError('The metadata is no RO-Crate: expected an object with "@context" and a list "@graph".')
    for number, entity in enumerate(document["@graph"]):
        if not isinstance(entity, dict):
            raise InvalidCrateError(
                f"Item {number} of the @graph is {str(entity)[:80]!r}; expected an entity with an @id."
            )
        if not isinstance(entity.get("@id", ""), str):
            raise InvalidCrateError(f"The @id of item {number} of the @graph is not text: {str(entity['@id'])[:80]!r}.")
    return document


def parse_json(text: str) -> object:
    """Parse JSON that anyone may have written.

    Raises
    ------
    InvalidCrateError
        If it is not JSON, gives a name twice in one object, holds what no other reader reads the same, or is nested
        deeper than a crate is.
    """
    try:
        document: object = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        ending = " The file seems to be cut off." if error.pos >= len(text.rstrip()) else ""
        raise InvalidCrateError(
            f"The metadata is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.{ending}"
        ) from error
    except RecursionError as error:
        raise InvalidCrateError(_TOO_DEEP) from error
    except InvalidCrateError:
        raise
    except ValueError as error:  # a number with too many digits
        raise InvalidCrateError(f"The metadata is not JSON that can be read: {error}.") from error
    if _is_deeper_than(document, _DEEPEST):
        raise InvalidCrateError(_TOO_DEEP)
    return document


def refuse_escapes(document: Mapping[str, Any]) -> None:
    """Refuse a crate that names files outside itself, before any tool follows such a name.

    Raises
    ------
    InvalidCrateError
        If an ``@id`` leaves the crate's folder: ``../``, an absolute path, a backslash or control character, a
        ``file:`` URI, or one of them percent-encoded. Web addresses, ``#local`` names and blank nodes are fine. Or if
        an entity has a ``@context`` of its own, which a JSON-LD parser would fetch or open.
    """
    for identifier in _identifiers(document):
        reason = escape_of(identifier)
        if reason:
            raise InvalidCrateError(
                f"The crate names {identifier[:200]!r}, which {reason}; nothing outside a crate's own folder may be "
                "named by path. Do not open this crate with other tools unless you know who made it."
            )


def escape_of(identifier: str) -> str | None:
    """Return how an identifier would leave the crate, or None."""
    decoded = identifier
    for _ in range(4):  # %252e%252e is %2e%2e is ..
        decoded, before = unquote(decoded), decoded
        if decoded == before:
            break
    if decoded.strip().lower().startswith("file:"):
        return "is a file: URI"
    if identifier.startswith("#") or _ABSOLUTE_URI.match(identifier):
        return None
    for path in (re.split(r"[?#]", identifier)[0], decoded):
        if re.search(r"[\x00-\x1f\x7f]", path):
            return "holds a control character"
        if "\\" in path:
            return "holds a backslash"
        if path.startswith("/"):
            return "is an absolute path"
        if re.match(r"[A-Za-z]:", path):
            return "starts with a drive"
        if ".." in path.split("/"):
            return "leads out of the crate's folder"
    return None


def _identifiers(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every @id, of entities and of references to them."""
    pending: list[object] = [document["@graph"]]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if "@context" in value:
                raise InvalidCrateError(
                    f"The entity {str(value.get('@id'))[:99]!r} has a @context of its own; a crate has one, at its top."
                )
            if isinstance(value.get("@id"), str):
                yield value["@id"]
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _is_deeper_than(document: object, limit: int) -> bool:
    level = [document] if type(document) in _NESTED else []
    for _ in range(limit):
        level = [
            child
            for value in level
            for child in (value.values() if type(value) is dict else value)  # type: ignore[attr-defined]  # else a list
            if type(child) in _NESTED
        ]
        if not level:
            return False
    return True


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entity = dict(pairs)
    if len(entity) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidCrateError(f"The metadata gives {twice!r} twice in one object; which one counts is not defined.")
    return entity


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidCrateError(f"The metadata holds {name}, which is not JSON.")
