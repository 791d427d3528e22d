"""PROV documents, read: PROV-JSON (member submission) and PROV-N through ``prov``, PROV-O in Turtle or TriG as RDF.

Whoever wrote them: nothing they name is fetched or opened, and what cannot be read ends in one message.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue.graph import Literal, Term, Triple
from filiation.catalogue.oxigraph import parse_turtle
from filiation.catalogue.vocabulary import PROV, RDF_TYPE
from filiation.crate.metadata import parse_json
from filiation.errors import InvalidCrateError
from filiation.incoming.account import Account
from filiation.incoming.history import History
from filiation.incoming.recognition import Form

if TYPE_CHECKING:
    from prov.identifier import QualifiedName

MOST_BYTES: Final = 64 << 20
"""Documents of more are not read: a description of so many things is a crate's."""

_RDFS_LABEL: Final = "http://www.w3.org/2000/01/rdf-schema#label"
# PROV-JSON, section 2: what a document's object, and a bundle's, may hold.
_PROV_JSON: Final = frozenset(
    (
        *(
            "prefix",
            "bundle",
            "entity",
            "activity",
            "agent",
            "used",
            "wasGeneratedBy",
            "wasInformedBy",
            "wasDerivedFrom",
        ),
        *("wasStartedBy", "wasEndedBy", "wasInvalidatedBy", "wasAttributedTo", "wasAssociatedWith", "actedOnBehalfOf"),
        *("wasInfluencedBy", "specializationOf", "alternateOf", "hadMember", "mentionOf"),
    )
)
_BASE: Final = "arcp://name,account/"
_Links: TypeAlias = "Callable[[str, dict[str, list[Term]]], list[str]]"


def is_prov_json(document: object) -> bool:
    """Whether a JSON document is PROV-JSON: it holds nothing but what such a document may, and something of it."""
    return isinstance(document, dict) and bool(document) and document.keys() <= _PROV_JSON


def read_prov(path: Path, form: Form) -> History:
    """Read a PROV document.

    Raises
    ------
    InvalidCrateError
        If it cannot be read, is larger than :data:`MOST_BYTES`, or tells of nothing.
    """
    text = read_text(path)
    account = Account()
    if form is Form.TURTLE:
        notation = "PROV-O"
        _tell_triples(account, parse_turtle(path, text, _BASE))
    else:
        notation = "PROV-N" if form is Form.PROV_N else "PROV-JSON"
        _tell_records(account, path, text, "provn" if form is Form.PROV_N else "json")
    if account.is_empty:
        raise InvalidCrateError(f"{path} is {notation}, but tells of no entity and no activity.")
    return account.history(path.stem[:100], notation)


def read_text(path: Path) -> str:
    """Read a document's text.

    Raises
    ------
    InvalidCrateError
        If it is too large, or no UTF-8 text.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InvalidCrateError(f"{path} has {size} bytes; of PROV documents at most {MOST_BYTES} are read.")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidCrateError(f"{path} is not UTF-8 text: byte {error.start} is wrong.") from error


# --- PROV-JSON and PROV-N, through the library ---------------------------------------------------------------------


def _tell_records(account: Account, path: Path, text: str, notation: str) -> None:
    from prov.model import ProvDocument

    if notation == "json" and not is_prov_json(parse_json(text)):
        raise InvalidCrateError(f"{path} is JSON, but neither a crate's metadata nor PROV-JSON.")
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
            _tell_attribute(account, iri, name.uri, _written(value))
        for key, times in (("startTime", account.started), ("endTime", account.ended)):
            for text in formal.get(key, ()):
                times[iri] = text
        return
    _tell_relation(account, type(record).__name__, {key: [_iri(one) for one in found] for key, found in formal.items()})


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


def _tell_attribute(account: Account, iri: str, name: str, value: str) -> None:
    if name in (PROV + "label", _RDFS_LABEL):
        account.labels[iri] = min(value, account.labels.get(iri, value))
    elif name in (PROV + "type", RDF_TYPE):
        account.types[iri].add(value)
    else:
        account.note_digest(iri, re.split(r"[#/:]", name)[-1], value)


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


# --- PROV-O, as RDF ------------------------------------------------------------------------------------------------

# The direct relation, and which of the account's it is.
_QUALIFIED: Final = {
    "qualifiedUsage": "used",
    "qualifiedGeneration": "wasGeneratedBy",
    "qualifiedDerivation": "wasDerivedFrom",
    "qualifiedRevision": "wasDerivedFrom",
    "qualifiedQuotation": "wasDerivedFrom",
    "qualifiedPrimarySource": "wasDerivedFrom",
    "qualifiedCommunication": "wasInformedBy",
    "qualifiedAssociation": "wasAssociatedWith",
}
_DERIVATIONS: Final = ("wasDerivedFrom", "wasRevisionOf", "wasQuotedFrom", "hadPrimarySource")


def _tell_triples(account: Account, triples: list[Triple]) -> None:
    about: dict[str, dict[str, list[Term]]] = {}
    for subject, predicate, value in triples:
        about.setdefault(subject, {}).setdefault(predicate, []).append(value)
    influences = {
        value
        for stated in about.values()
        for name in _QUALIFIED
        for value in stated.get(PROV + name, ())
        if isinstance(value, str)
    }
    for subject in sorted(about.keys() - influences):
        _tell_of(account, subject, about)


def _tell_of(account: Account, subject: str, about: dict[str, dict[str, list[Term]]]) -> None:
    iri, stated = _named(subject), about[subject]

    def links(name: str, of: dict[str, list[Term]] = stated) -> list[str]:
        return [_named(value) for value in of.get(PROV + name, ()) if isinstance(value, str)]

    kinds = {value for value in stated.get(RDF_TYPE, ()) if isinstance(value, str)}
    account.types[iri] |= kinds
    for kind, known in (("Entity", account.entities), ("Activity", account.activities), ("Agent", account.agents)):
        if PROV + kind in kinds:
            known.add(iri)
    account.used.update((iri, thing) for thing in links("used"))
    account.generated.update((iri, thing) for thing in links("generated"))
    account.generated.update((activity, iri) for activity in links("wasGeneratedBy"))
    account.informed.update((iri, other) for other in links("wasInformedBy"))
    account.members.update((iri, member) for member in links("hadMember"))
    qualified: set[str] = set()
    for name, direct in _QUALIFIED.items():
        for node in stated.get(PROV + name, ()):
            if isinstance(node, str):
                qualified |= _tell_influence(account, iri, direct, about.get(node, {}), links)
    for name in _DERIVATIONS:
        # A derivation is often told twice, plainly and with its activity: that is one.
        account.derived.update((iri, source, None) for source in links(name) if source not in qualified)
    for agent in links("wasAssociatedWith"):
        account.associated[iri].add(agent)
        account.agents.add(agent)
    for name, times in (("startedAtTime", account.started), ("endedAtTime", account.ended)):
        for value in stated.get(PROV + name, ()):
            if isinstance(value, Literal):
                times[iri] = value.text
    for predicate, values in stated.items():
        for value in values:
            if isinstance(value, Literal):
                _tell_attribute(account, iri, predicate, value.text)


def _tell_influence(account: Account, iri: str, direct: str, node: dict[str, list[Term]], links: _Links) -> set[str]:
    """Take a qualified relation; return the sources of derivations that it named with their activity."""
    if direct == "used":
        account.used.update((iri, thing) for thing in links("entity", node))
    elif direct == "wasGeneratedBy":
        account.generated.update((activity, iri) for activity in links("activity", node))
    elif direct == "wasInformedBy":
        account.informed.update((iri, other) for other in links("activity", node))
    elif direct == "wasAssociatedWith":
        agents = links("agent", node)
        account.associated[iri].update(agents)
        account.agents.update(agents)
        account.plans[iri].update(links("hadPlan", node))
    else:
        sources, activities = links("entity", node), links("hadActivity", node)
        account.derived.update((iri, source, activity) for source in sources for activity in (activities or (None,)))
        return set(sources)
    return set()


def _named(term: str) -> str:
    """Return a node as an id: a blank node, and what the document names relative to itself, are its alone."""
    return f"#named-{term.removeprefix(_BASE)}" if term.startswith(_BASE) else term
