"""PROV-O, read from statements: the direct relations, and the qualified ones that say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from filiation.catalogue.graph import Literal, Term, Triple
from filiation.catalogue.vocabulary import PROV, RDF_TYPE
from filiation.incoming.account import Account

BASE: Final = "arcp://name,account/"
"""What names in a document are relative to."""

_Links: TypeAlias = "Callable[[str, dict[str, list[Term]]], list[str]]"

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
_STARTING: Final = "qualifiedStart"
_ENDING: Final = "qualifiedEnd"
_DERIVATIONS: Final = ("wasDerivedFrom", "wasRevisionOf", "wasQuotedFrom", "hadPrimarySource")


def tell_triples(account: Account, triples: list[Triple]) -> None:
    """Tell an account what statements say."""
    about: dict[str, dict[str, list[Term]]] = {}
    for subject, predicate, value in triples:
        about.setdefault(subject, {}).setdefault(predicate, []).append(value)
    influences = {
        value
        for stated in about.values()
        for name in (*_QUALIFIED, _STARTING, _ENDING)
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
    for name, times in ((_STARTING, account.started), (_ENDING, account.ended)):
        for node in stated.get(PROV + name, ()):
            for value in about.get(node, {}).get(PROV + "atTime", ()) if isinstance(node, str) else ():
                times.setdefault(iri, value.text if isinstance(value, Literal) else value)
    for predicate, values in stated.items():
        for value in values:
            if isinstance(value, Literal):
                account.note_attribute(iri, predicate, value.text)


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
    return f"#named-{term.removeprefix(BASE)}" if term.startswith(BASE) else term
