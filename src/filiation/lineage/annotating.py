"""Annotations, to be asked for: what was noted of which node, by whom, when and why."""

from __future__ import annotations

import getpass
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from filiation.capture.environment import agent_facts
from filiation.capture.place import read_settings
from filiation.catalogue import CatalogueFolder, Json, LineageIndex
from filiation.catalogue.annotations import Annotation, current, note
from filiation.errors import BadInputError
from filiation.lineage.resolution import Resolution
from filiation.model import Digest

_KEY: Final = re.compile(r"[^\s=!<>~\"\x00-\x1f\x7f][^=!<>~\"\x00-\x1f\x7f]{0,199}")
_LONGEST: Final = 10_000


def annotate(
    folder: CatalogueFolder, index: LineageIndex, found: Resolution, pairs: Iterable[str], why: str | None
) -> tuple[Annotation, ...]:
    """Note something of what a person named.

    Raises
    ------
    BadInputError
        If a pair is none.
    """
    values = [read_pair(pair) for pair in pairs]
    if not values:
        raise BadInputError("Nothing to note. Write KEY=VALUE, for example quality=good.")
    by, by_id = author(folder)
    digest = None if found.digest is None else str(found.digest)
    if digest is None and len(found.origins) == 1:
        digests = {str(entity.digest) for entity in index.entities(iri=found.origins[0]) if entity.digest is not None}
        digest = digests.pop() if len(digests) == 1 else None
    iris = set(found.nodes)
    return note(folder, found.thing, iris, digest, values, by=by, by_id=by_id, why=why)


def annotate_bytes(
    folder: CatalogueFolder, index: LineageIndex, thing: str, digests: Iterable[Digest], pair: str, why: str
) -> int:
    """Note one thing of everything that has one of some digests, in one record; return of how many it was.

    Raises
    ------
    BadInputError
        If the pair is none.
    """
    found = (entity for digest in digests for entity in index.entities(digest=str(digest)) if not entity.is_empty)
    iris = {entity.iri for entity in found}
    if iris:
        by, by_id = author(folder)
        note(folder, thing, iris, None, [read_pair(pair)], by=by, by_id=by_id, why=why)
    return len(iris)


def author(folder: CatalogueFolder) -> tuple[str, str | None]:
    """Return who does something to a catalogue now: a name, and an ORCID where one was stated."""
    stated = agent_facts(read_settings(folder.root))
    return stated.get("name") or getpass.getuser(), stated.get("orcid")


def read_pair(text: str) -> tuple[str, Json]:
    """Read ``key=value``: a number, true or false as such, a text in double quotes as a text; nothing takes it back.

    >>> read_pair("score=7"), read_pair('lot="7"'), read_pair("seen by=Ada"), read_pair("score=")
    (('score', 7), ('lot', '7'), ('seen by', 'Ada'), ('score', None))

    Raises
    ------
    BadInputError
        If it is no such pair.
    """
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not _KEY.fullmatch(key):
        raise BadInputError(
            f"{text!r} cannot be noted: write KEY=VALUE, the key without any of = ! < > ~ and double quotes."
        )
    if len(value) > _LONGEST:
        raise BadInputError(f"The value of {key!r} has {len(value)} characters; at most {_LONGEST} can be noted.")
    if not value:
        return key, None
    try:
        said = json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        return key, value
    return key, said if isinstance(said, bool | int | float | str) else value


def by_node(index: LineageIndex, annotations: Iterable[Annotation]) -> dict[str, tuple[tuple[str, object], ...]]:
    """Return what holds of each node, by IRI, as names and values; the same bytes are annotated wherever they are."""
    found: dict[str, dict[str, object]] = defaultdict(dict)
    for annotation in current(annotations).values():
        iris = set(annotation.iris)
        if annotation.digest is not None:
            iris |= {entity.iri for entity in index.entities(digest=annotation.digest) if not entity.is_empty}
        for iri in iris:
            found[iri][annotation.key] = annotation.value
    return {iri: tuple(sorted(values.items())) for iri, values in found.items()}
