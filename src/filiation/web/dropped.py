"""Drop a file: bytes that a reader's browser has digested, held against what was recorded. Nothing is uploaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from filiation.catalogue import Json
from filiation.errors import BadInputError
from filiation.lineage import words as facts
from filiation.lineage.dropped import CHANGED, EMPTY, KNOWN, Dropped, Sighting
from filiation.model.sentences import Sentence
from filiation.web.guard import SANDBOX
from filiation.web.pages import API, address
from filiation.web.questions import Asked
from filiation.web.twins import twins
from filiation.web.words import _

router = APIRouter(tags=["drop"])

_BARE: Final = re.compile(r"(?P<hex>[0-9a-fA-F]{64})(?:\s.*)?", re.DOTALL)
"""What ``sha256sum`` prints, and what people copy of it."""
_LINKS: Final = 10


@dataclass(frozen=True, slots=True)
class Link:
    """Where a reader may go on to."""

    href: str
    label: str


@dataclass(frozen=True, slots=True)
class DropPage:
    """What is known of bytes that somebody has digested.

    Parameters
    ----------
    found
        What is known; None if nothing was asked.
    state
        In a word or two.
    sentence
        For a person.
    links
        To the things that it is about.
    """

    found: Dropped | None
    state: str = ""
    sentence: str = ""
    links: tuple[Link, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        found: dict[str, Json] = {} if self.found is None else self.found.to_json()
        links: list[Json] = [{"href": link.href, "label": link.label} for link in self.links]
        return {**found, "state": self.state, "sentence": self.sentence, "links": links}


@twins(router, "/drop", "drop.html.jinja", summary="Whether bytes are those that were recorded")
def drop(
    catalogue: Asked,
    digest: Annotated[
        str,
        Query(max_length=4000, description="`sha256:…` of a file, `tree1:…` of a folder; bare digits are a file's."),
    ] = "",
    name: Annotated[str, Query(max_length=4000, description="What the file or folder is called.")] = "",
) -> DropPage:
    """Tell whether the bytes of this digest are known, or else others of this name, and from when."""
    asked = digest.strip()
    if not asked:
        return DropPage(None)
    bare = _BARE.fullmatch(asked)
    with catalogue.asking() as ledger:
        found = ledger.recognise(name, f"sha256:{bare['hex'].lower()}" if bare else asked)
    return DropPage(found, _state(found), _sentence(found), tuple(_links(found)))


@router.get(f"{API}/manifest", summary="Which files a recorded tree had", response_class=Response)
def manifest(
    catalogue: Asked, thing: Annotated[str, Query(max_length=4000, description="IRI of the tree.")]
) -> Response:
    """Return the manifest of a tree: SHA-256 and path of each of its files, as the tree digest defines it."""
    if not thing.strip():
        raise BadInputError(Sentence("Nothing was named. Name the IRI of a folder or store that the catalogue knows."))
    with catalogue.asking() as ledger:
        content = ledger.manifest(thing)
    headers = {"Content-Disposition": 'attachment; filename="manifest.sha256"', "Content-Security-Policy": SANDBOX}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _state(found: Dropped) -> str:
    return {KNOWN: _("Unchanged"), CHANGED: _("Changed"), EMPTY: _("Empty")}.get(found.verdict, _("Unknown"))


def _sentence(found: Dropped) -> str:
    if found.verdict == EMPTY:
        return _("It holds no bytes, so nothing tells it from any other empty one.")
    if found.verdict == KNOWN:
        told = _told(found.seen[0])
        return _("These very bytes are recorded: %(told)s.", told=told)
    if found.verdict == CHANGED and len(found.was) == 1:
        return _(
            "No run recorded these bytes. Of this name others are, %(told)s: it was changed since, or is another.",
            told=_told(found.was[0]),
        )
    if found.verdict == CHANGED:
        return _(
            "No run recorded these bytes. Of this name %(count)s others are recorded: it is one of them, changed "
            "since, or another.",
            count=len(found.was),
        )
    return _("Neither these bytes nor anything of this name is recorded: no tracked run used or made it.")


def _told(record: Sighting) -> str:
    text = _("made as %(path)s by run %(run)s") if record.made else _("found as %(path)s by run %(run)s")
    told = text % {"path": record.path, "run": record.run[:8]}
    if record.when is not None:
        told += _(", which began %(when)s", when=facts.moment(record.when))
    return told + (_(" (%(who)s)", who=record.by) if record.by else "")


def _links(found: Dropped) -> list[Link]:
    return [
        Link(
            address("/thing", thing=record.iri),
            _("Where %(path)s of run %(run)s comes from", path=record.path, run=record.run[:8]),
        )
        for record in (*found.seen, *found.was)[:_LINKS]
    ]
