"""The part of a run's crate that some results rest on: their jobs, and all that is said of those.

A subset is the induced one: of the entities that are kept every statement is kept, but for links to those that are not.
Whatever a kept job refers to comes along. What speaks of the run as a whole (the run, the engine's work, the workflow)
is kept too, with links to what is kept alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from filiation.catalogue.reading import iri_of
from filiation.catalogue.root import root_of
from filiation.crate.jsonld import Node, bare, ids, many, reference
from filiation.crate.profiles import TERMS

DESCRIPTOR: Final = "ro-crate-metadata.json"
MANIFESTS: Final = "manifests/"
_ACTIONS: Final = frozenset({"CreateAction", "UpdateAction", "ActivateAction"})
_WORKFLOWS: Final = frozenset({"ComputationalWorkflow"})
_DATA: Final = frozenset({"File", "Dataset", "MediaObject", "Collection", "RepositoryCollection"})
_PARAMETER, _VALUE = "FormalParameter", "PropertyValue"
# What the run as a whole has of everything: taken one by one, as far as it belongs to what is kept.
_OF_EVERYTHING: Final = frozenset(
    {"object", "result", "hasPart", "mentions", "step", "input", "output", "connection", "dcterms:hasPart"}
)
_CONTEXT: Final = {term: TERMS + term for term in ("subsetOf", "leftOut")}


@dataclass(frozen=True, slots=True)
class Subset:
    """What is kept of a crate.

    Parameters
    ----------
    document
        The metadata of what is kept, a crate's.
    jobs, things
        How many attempts of jobs and how many data entities are in it.
    left_out
        How many of each the whole crate has besides.
    """

    document: dict[str, Any]
    jobs: int
    things: int
    left_out: Mapping[str, int]


def take_subset(
    document: Mapping[str, Any], base: str, wanted: Collection[str], *, source: str, with_failed: bool = False
) -> Subset:
    """Return the part of a crate that some of its things and jobs rest on.

    Parameters
    ----------
    document
        The crate's metadata; it is not changed.
    base
        The crate's IRI.
    wanted
        IRIs of things and jobs.
    source
        IRI of the digest of the metadata that this is a part of; the subset names it.
    with_failed
        Whether attempts of the same jobs that did not end well come along.
    """
    crate = _Crate(document, base)
    kept = crate.kept(frozenset(wanted), with_failed=with_failed)
    counts = {"jobs": crate.jobs, "things": crate.things}
    left_out = {name: len(every - kept) for name, every in counts.items()}
    graph = [crate.only(at, kept) for at in crate.nodes if at in kept]
    told = {"subsetOf": reference(source), "leftOut": json.dumps(left_out)} if any(left_out.values()) else {}
    graph = [{**entity, **told} if entity["@id"] == crate.root else entity for entity in graph]
    context = [*many(document["@context"]), _CONTEXT] if told else document["@context"]
    made = {"@context": context, "@graph": graph}
    return Subset(made, len(crate.jobs & kept), len(crate.things & kept), left_out)


class _Crate:
    """A crate's entities, and what each is to the run."""

    def __init__(self, document: Mapping[str, Any], base: str) -> None:
        self.nodes: dict[str, Node] = {
            str(node["@id"]): node for node in document["@graph"] if isinstance(node.get("@id"), str)
        }
        self.root = root_of(document) or "./"
        self._iris = {at: iri_of(at, base) for at in self.nodes}
        self._workflows = {at for at in self.nodes if self._types(at) & _WORKFLOWS}
        self._whole = self._wholes()
        self.jobs = frozenset(at for at in self.nodes if self._types(at) & _ACTIONS) - self._whole
        apart = {self.root, DESCRIPTOR, *self._workflows}
        self.things = frozenset(at for at in self.nodes if self._is_thing(at)) - apart

    def _types(self, at: str) -> set[str]:
        return set(many(self.nodes[at].get("@type")))

    def _is_thing(self, at: str) -> bool:
        return bool(self._types(at) & _DATA) or "entityKind" in self.nodes[at]

    def _wholes(self) -> frozenset[str]:
        """Return the actions that stand for a run as a whole, and for what brought it about."""
        engines = {at for at in self.nodes if self._types(at) & {"OrganizeAction"}}
        runs = {run for engine in engines for run in ids(self.nodes[engine].get("result"))}
        by_workflow = {
            at
            for at, node in self.nodes.items()
            if self._types(at) & _ACTIONS and set(ids(node.get("instrument"))) & self._workflows
        }
        return frozenset(engines | (runs & self.nodes.keys()) | by_workflow)

    def kept(self, wanted: frozenset[str], *, with_failed: bool) -> set[str]:
        """Return the @ids of what is kept."""
        starts = {at for at, iri in self._iris.items() if iri in wanted}
        if with_failed:
            starts |= set(self._other_attempts(starts))
        chosen = starts & self.jobs
        found = self._reached({*starts, self.root, DESCRIPTOR, *self._whole, *self._workflows}, chosen)
        while more := set(self._joined_to(found)) - found:
            found = self._reached(found | more, chosen)
        if MANIFESTS in self.nodes and any("treeDigest" in self.nodes[at] for at in found):
            found.add(MANIFESTS)
        return found

    def _other_attempts(self, starts: Collection[str]) -> Iterator[str]:
        jobs = {self.nodes[at].get("jobNumber") for at in starts if at in self.jobs} - {None}
        yield from (at for at in self.jobs if self.nodes[at].get("jobNumber") in jobs)

    def _reached(self, starts: set[str], chosen: Collection[str]) -> set[str]:
        """Return all that can be come to from some entities, but for other jobs and what is theirs."""
        found = {at for at in starts if at in self.nodes}
        waiting = list(found)
        while waiting:
            at = waiting.pop()
            for target in self._followed(at):
                is_other_job = target in self.jobs and target not in chosen
                if target in self.nodes and target not in found and not is_other_job:
                    found.add(target)
                    waiting.append(target)
        return found

    def _followed(self, at: str) -> Iterator[str]:
        node = self.nodes[at]
        types = self._types(at)
        of_whole = at in self._whole or at in self._workflows or at in (self.root, DESCRIPTOR, MANIFESTS)
        of_whole = of_whole or "ControlAction" in types
        for key, value in node.items():
            if key.startswith("@"):
                continue
            for target in ids(value):
                if target not in self.nodes:
                    continue
                # The configuration belongs to the run, whatever is taken of it.
                is_setting = at in self._whole and _VALUE in self._types(target)
                if of_whole and key in _OF_EVERYTHING and not is_setting:
                    continue
                if key == "exampleOfWork" and at in self.things and not self._is_end(target):
                    continue  # the same thing is an example of other rules' parameters too
                yield target

    def _is_end(self, parameter: str) -> bool:
        """Whether a parameter is one of a workflow."""
        return any(
            parameter in ids(self.nodes[workflow].get(side))
            for workflow in self._workflows
            for side in ("input", "output")
        )

    def _joined_to(self, found: set[str]) -> Iterator[str]:
        """Yield what joins things that are kept: the orchestration of a job, a step of the plan, a connection."""
        for at, node in self.nodes.items():
            types = self._types(at)
            if ("ControlAction" in types and set(ids(node.get("object"))) & found & self.jobs) or (
                "HowToStep" in types and set(ids(node.get("workExample"))) & found
            ):
                yield at
            elif "ParameterConnection" in types:
                ends = {*ids(node.get("sourceParameter")), *ids(node.get("targetParameter"))}
                if ends and ends <= found:
                    yield at

    def only(self, at: str, kept: Collection[str]) -> Node:
        """Return an entity without its links to what is not kept."""
        told: Node = {}
        for key, value in self.nodes[at].items():
            if key.startswith("@"):
                told[key] = value
                continue
            values = many(value)
            left = [item for item in values if not self._leads_out(item, kept)]
            if len(left) == len(values):
                told[key] = value
            elif left:
                told[key] = bare(left)
        return told

    def _leads_out(self, item: object, kept: Collection[str]) -> bool:
        target = item.get("@id") if isinstance(item, Mapping) else None
        return isinstance(target, str) and target in self.nodes and target not in kept
