"""From what a crate states to lineage: which thing went into which action, and what came out of it.

A Workflow Run RO-Crate says ``object``, ``result``, ``instrument``; lineage is said in PROV-O. Between the two
stand some judgements, all made here:

- parameters (``PropertyValue``) are never ancestors; a file that is the value of one is;
- an action that stands for a whole workflow connects nothing when the crate has the actions of its steps, else every
  input would be an ancestor of every output;
- an action that failed, was interrupted or only touched its files generates nothing, whatever ``result`` says;
- a collection hands through to its parts.

A script is no ancestor either, or every answer would be about code; but what was made by it can be asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from filiation.catalogue.containment import contained
from filiation.catalogue.describe import (
    describe_action,
    describe_entity,
    describe_run,
    status_of,
    whole_run,
)
from filiation.catalogue.graph import XSD, Literal, Triple
from filiation.catalogue.nodes import CODE, GENERATED, PART, USED, ActionNode, Edge, EntityNode, RunSummary, shown_time
from filiation.catalogue.statements import Statements
from filiation.catalogue.vocabulary import (
    ACTION_TYPES,
    COLLECTION,
    DATASET,
    DCTERMS,
    FILE,
    FORMAL_PARAMETER,
    PROPERTY_VALUE,
    PROV,
    RDF_TYPE,
    SCHEMA,
    WORKFLOW,
    F,
)
from filiation.model import crate_path, is_uri

LARGEST_PRODUCT: Final = 10_000
"""An action with more pairs of input and output has no ``prov:wasDerivedFrom`` written out; the rest says it all."""

_BUNDLE, _ENTITY, _ACTIVITY = (PROV + name for name in ("Bundle", "Entity", "Activity"))
_STARTED, _ENDED = (PROV + name for name in ("startedAtTime", "endedAtTime"))
_USED, _GENERATED, _DERIVED = (PROV + name for name in ("used", "wasGeneratedBy", "wasDerivedFrom"))
_DATE_TIME: Final = XSD + "dateTime"
_NO_DATA: Final = frozenset({PROPERTY_VALUE, FORMAL_PARAMETER})
_OF_PARTS: Final = frozenset({COLLECTION, DATASET})
_OPPOSITE: Final = {DCTERMS + "isPartOf": DCTERMS + "hasPart", DCTERMS + "hasPart": DCTERMS + "isPartOf"}
_FIRST, _REST, _NIL = (RDF_TYPE.removesuffix("type") + name for name in ("first", "rest", "nil"))
_HELD_BY_PARAMETERS: Final = frozenset({FILE, DATASET, COLLECTION, PROPERTY_VALUE})


@dataclass(frozen=True, slots=True)
class Derived:
    """The lineage that a crate tells.

    Parameters
    ----------
    run
        The run in one line.
    entities, actions
        The nodes, sorted by IRI.
    edges
        Sorted; within the crate only, since how runs join depends on which others there are.
    triples
        The same in PROV-O, to stand beside the crate's own statements in its graph.
    """

    run: RunSummary
    entities: tuple[EntityNode, ...]
    actions: tuple[ActionNode, ...]
    edges: tuple[Edge, ...]
    triples: tuple[Triple, ...]


def derive(triples: tuple[Triple, ...], crate: str) -> Derived:
    """Derive the lineage that a crate's statements tell.

    Parameters
    ----------
    triples
        As :func:`filiation.catalogue.reading.read_triples` gives them.
    crate
        The crate's IRI.
    """
    about = Statements(triples, crate)
    steps = _step_actions(about)
    flow = [edge for action in steps for edge in _flow(about, action)]
    generated = {edge.dst for edge in flow if edge.role == GENERATED}
    things = _things(about, flow)
    folder = about.text(crate, F + "runFolder")
    entities = tuple(describe_entity(about, iri, generated=iri in generated, folder=folder) for iri in sorted(things))
    ran = [edge for action in steps for edge in _code(about, action)]
    scripts = tuple(
        replace(describe_entity(about, iri, generated=False, folder=folder), kind=CODE)
        for iri in sorted({edge.src for edge in ran} - things)
    )
    whole = whole_run(about)
    actions = tuple(describe_action(about, iri, whole) for iri in steps)
    edges = tuple(sorted({*flow, *ran, *contained(entities, crate)}))
    return Derived(
        run=describe_run(about, whole, actions, entities),
        entities=tuple(sorted((*entities, *scripts), key=lambda entity: entity.iri)),
        actions=actions,
        edges=edges,
        triples=(*_prov(about, entities, actions, edges), *_other_way(triples)),
    )


def _other_way(triples: tuple[Triple, ...]) -> tuple[Triple, ...]:
    """Say what holds what also the other way round, as omero-rdf does: a question may ask either."""
    found = {(o, _OPPOSITE[p], s) for s, p, o in triples if p in _OPPOSITE and isinstance(o, str)}
    return tuple(sorted(found))


def _step_actions(about: Statements) -> tuple[str, ...]:
    """Return the actions that did something themselves, without those that stand for others."""
    actions = sorted(iri for iri in about.subjects() if about.types(iri) & ACTION_TYPES)
    tools = {iri: about.links(iri, SCHEMA + "instrument") for iri in actions}
    main = about.link(about.crate, SCHEMA + "mainEntity")
    organised = _organised(about)
    wholes = {
        iri
        for iri in actions
        if iri in organised or any(tool == main or WORKFLOW in about.types(tool) for tool in tools[iri])
    }
    steps = [iri for iri in actions if iri not in wholes]
    used_tools = {tool for iri in actions for tool in tools[iri]}
    # A run of ours without an action did nothing: it failed before its first job.
    for iri in sorted(wholes) if about.text(about.crate, F + "runId") is None else ():
        parts = {part for tool in tools[iri] for part in _orchestrated(about, tool)}
        is_main = main in tools[iri] or not parts
        if not (parts & used_tools or (is_main and steps)):
            steps.append(iri)
    return tuple(sorted(steps))


def _organised(about: Statements) -> set[str]:
    """Return the actions that an engine's own action says it brought about: whole runs."""
    engines = (iri for iri in about.subjects() if SCHEMA + "OrganizeAction" in about.types(iri))
    return {run for engine in engines for run in about.links(engine, SCHEMA + "result")}


def _orchestrated(about: Statements, workflow: str) -> set[str]:
    """Return the tools that a workflow runs, those of its nested workflows too."""
    found: set[str] = set()
    waiting = [workflow]
    while waiting:
        for part in about.links(waiting.pop(), SCHEMA + "hasPart"):
            if part not in found and part != workflow:
                found.add(part)
                waiting.append(part)
    return found


def _flow(about: Statements, action: str) -> list[Edge]:
    used = _data(about, about.links(action, SCHEMA + "object"))
    edges = [Edge(thing, action, USED, about.crate) for thing in used]
    if status_of(about, action).generates:
        made = _data(about, about.links(action, SCHEMA + "result"))
        edges += [Edge(action, thing, GENERATED, about.crate) for thing in made]
    return edges


def _code(about: Statements, action: str) -> list[Edge]:
    """Return edges from the scripts that an action's tool wraps, or that are the tool itself."""
    scripts = []
    for tool in about.links(action, SCHEMA + "instrument"):
        wrapped = about.links(tool, SCHEMA + "mainEntity")
        scripts += [iri for iri in (*wrapped, tool) if FILE in about.types(iri) and WORKFLOW not in about.types(iri)]
    return [Edge(script, action, CODE, about.crate) for script in scripts]


def _data(about: Statements, found: tuple[str, ...]) -> list[str]:
    """Keep what is data, and go through collections to their parts."""
    data: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(reversed(found))
    while waiting:
        iri = waiting.pop()
        if iri in seen:
            continue
        seen.add(iri)
        is_data, parts = about.once(_as_data, iri)
        if is_data:
            data[iri] = None
        waiting.extend(parts)
    return list(data)


def _as_data(about: Statements, iri: str) -> tuple[bool, tuple[str, ...]]:
    """Tell whether something is data, and what is to be looked at in its place or besides, the first at the end."""
    if iri == about.crate:
        return False, ()
    types = about.types(iri)
    if PROPERTY_VALUE in types:
        # A parameter is no data; a file that is its value is: arrays and records of CWL are told so.
        values = about.links(iri, SCHEMA + "value")
        return False, tuple(reversed([one for one in values if about.types(one) & _HELD_BY_PARAMETERS]))
    if ordered := (*about.links(iri, _FIRST), *about.links(iri, _REST)):
        return False, ordered[::-1]
    if types & _NO_DATA or about.values(iri, _FIRST) or iri == _NIL:
        return False, ()
    if types & _OF_PARTS:
        return True, (*about.links(iri, SCHEMA + "hasPart"), *about.links(iri, SCHEMA + "mainEntity"))[::-1]
    return True, ()


def _things(about: Statements, flow: list[Edge]) -> set[str]:
    """Return what took part, and what the run only found up to date."""
    things = {edge.src if edge.role == USED else edge.dst for edge in flow}
    return things | {iri for iri in about.subjects() if about.is_true(iri, F + "reused")}


def _prov(
    about: Statements, entities: tuple[EntityNode, ...], actions: tuple[ActionNode, ...], edges: tuple[Edge, ...]
) -> tuple[Triple, ...]:
    """Return each statement once; their order follows from that of what is given, and is the same each time."""
    found: list[Triple] = [(about.crate, RDF_TYPE, _BUNDLE)]
    for entity in entities:
        found.append((entity.iri, RDF_TYPE, _ENTITY))
        if entity.digest is not None and not entity.is_empty:
            found.append((entity.iri, PROV + "specializationOf", entity.digest.iri))
        if entity.pixels is not None:
            found.append((entity.iri, F + "hasPixels", entity.pixels.iri))
    for action in actions:
        found.append((action.iri, RDF_TYPE, _ACTIVITY))
        for agent in about.links(action.iri, SCHEMA + "agent"):
            found.append((action.iri, PROV + "wasAssociatedWith", agent))
            found.append((agent, RDF_TYPE, PROV + "Agent"))
        for path in _logs(about, action.iri):
            found.append((about.crate + crate_path(path), F + "logOf", action.iri))
        for when, predicate in ((action.started, _STARTED), (action.ended, _ENDED)):
            if when is not None:
                found.append((action.iri, predicate, Literal(shown_time(when), _DATE_TIME)))
    return tuple(dict.fromkeys((*found, *_prov_edges(edges))))


def _logs(about: Statements, action: str) -> list[str]:
    """Return the paths of an action's logs and benchmark, which are no results and yet come from it."""
    paths = [text for text in about.texts(action, F + "benchmark") if not is_uri(text)]
    for text in about.texts(action, F + "logSlots"):
        try:
            paths += [str(path) for _, path in json.loads(text)]
        except (ValueError, TypeError, RecursionError):
            continue
    return paths


def _prov_edges(edges: tuple[Edge, ...]) -> list[Triple]:
    found: list[Triple] = []
    used: dict[str, list[str]] = {}
    made: dict[str, list[str]] = {}
    for edge in edges:
        if edge.role == USED:
            found.append((edge.dst, _USED, edge.src))
            used.setdefault(edge.dst, []).append(edge.src)
        elif edge.role == GENERATED:
            found.append((edge.dst, _GENERATED, edge.src))
            made.setdefault(edge.src, []).append(edge.dst)
        elif edge.role == PART:
            found.append((edge.dst, _DERIVED, edge.src))
    for action, things in made.items():
        sources = used.get(action, [])
        if len(things) * len(sources) <= LARGEST_PRODUCT:
            found += [(thing, _DERIVED, source) for thing, source in product(things, sources)]
    return found
