"""PROV documents as the ``prov`` library reads them, record by record."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.errors import InvalidCrateError
from filiation.incoming.account import Account

if TYPE_CHECKING:
    from prov.identifier import QualifiedName


def tell_records(account: Account, path: Path, text: str, notation: str) -> None:
    """Tell an account what a document says, read by the library.

    Parameters
    ----------
    account
        Is told.
    path, text
        The document.
    notation
        ``json``, ``jsonld``, ``provn`` or ``xml``.

    Raises
    ------
    InvalidCrateError
        If it cannot be read.
    """
    from prov.model import ProvDocument

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = ProvDocument.deserialize(content=text, format=notation)
            bundles = list(document.bundles)
            records = [record for part in (document, *bundles) for record in part.get_records()]
    except Exception as error:  # whatever a library stumbles over is the document's fault, and ends in one message
        said = " ".join(str(error).split())[:300]
        raise InvalidCrateError(f"{path} cannot be read as PROV: {type(error).__name__}: {said}") from error
    account.bundles += len(bundles)
    for record in records:
        _tell_record(account, record)


def _tell_record(account: Account, record: object) -> None:
    from prov.model import ProvActivity, ProvAgent, ProvElement, ProvEntity, ProvRecord

    if not isinstance(record, ProvRecord):
        return
    formal: dict[str, list[str]] = {}
    attributes: Iterable[tuple[QualifiedName, object]] = record.formal_attributes
    for name, value in attributes:
        if value is not None:  # PROV-N's "-"
            formal.setdefault(name.localpart, []).append(_written(value))
    if isinstance(record, ProvElement):
        iri = _iri(record.identifier.uri if record.identifier is not None else "nameless")
        kinds: dict[type[ProvElement], set[str]] = {
            ProvEntity: account.entities,
            ProvActivity: account.activities,
            ProvAgent: account.agents,
        }
        kinds[type(record)].add(iri)
        for name, value in record.extra_attributes:
            account.note_attribute(iri, name.uri, _written(value))
        for key, times in (("startTime", account.started), ("endTime", account.ended)):
            for text in formal.get(key, ()):
                times[iri] = text
        return
    kind = type(record).__name__
    if kind in ("ProvStart", "ProvEnd"):  # where CWLProv tells the times of activities, and not with these
        times = account.started if kind == "ProvStart" else account.ended
        for activity in formal.get("activity", ()):
            for text in formal.get("time", ()):
                times.setdefault(_iri(activity), text)
        return
    _tell_relation(account, kind, {key: [_iri(one) for one in found] for key, found in formal.items()})


def _tell_relation(account: Account, kind: str, named: dict[str, list[str]]) -> None:
    def pairs(one: str, other: str) -> Iterator[tuple[str, str]]:
        yield from ((a, b) for a in named.get(one, ()) for b in named.get(other, ()))

    if kind == "ProvUsage":
        account.used.update(pairs("activity", "entity"))
    elif kind == "ProvGeneration":
        account.generated.update(pairs("activity", "entity"))
    elif kind == "ProvDerivation":
        activity = next(iter(named.get("activity", ())), None)
        account.derived.update((*pair, activity) for pair in pairs("generatedEntity", "usedEntity"))
    elif kind == "ProvCommunication":
        account.informed.update(pairs("informed", "informant"))
    elif kind == "ProvMembership":
        account.members.update(pairs("collection", "entity"))
    elif kind == "ProvAssociation":
        for activity in named.get("activity", ()):
            account.associated[activity].update(named.get("agent", ()))
            account.agents.update(named.get("agent", ()))
            account.plans[activity].update(named.get("plan", ()))


def _written(value: object) -> str:
    """Return an attribute's value as text: of a name its IRI, of a time ISO 8601."""
    from prov.identifier import Identifier
    from prov.model import Literal as ProvLiteral

    if isinstance(value, Identifier):
        return value.uri
    if isinstance(value, ProvLiteral):
        return str(value.value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _iri(name: str) -> str:
    """Return a name of the document as an IRI; one that is none is the document's alone."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:", name):
        return name
    return f"#named-{name}"
