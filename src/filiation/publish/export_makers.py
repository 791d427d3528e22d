"""Who made what is exported, and under which licences: as the crates that go tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from filiation.crate.jsonld import ids
from filiation.crate.licences import licence_of_crate, spdx
from filiation.publish.export_runs import ExportedCrate
from filiation.publish.people import ROR, Party, orcid, ror


def common_licence(folders: Iterable[Path]) -> str | None:
    """Return the licence that every run's crate states of what is in it."""
    stated = {licence_of_crate(folder) for folder in folders}
    return stated.pop() if len(stated) == 1 else None


def common_publisher(crates: Iterable[ExportedCrate]) -> Party | None:
    """Return the organisation that every run's crate names as its publisher."""
    found = set()
    for crate in crates:
        nodes = {str(node.get("@id")): node for node in crate.document["@graph"]}
        found.add(_organisation(nodes.get("./", {}), "publisher", nodes))
    return found.pop() if len(found) == 1 else None


def has_code(crate: ExportedCrate) -> bool:
    """Whether a workflow's code is told of."""
    return any("ComputationalWorkflow" in str(node.get("@type")) for node in crate.document["@graph"])


def licence_of_code(crate: ExportedCrate) -> str | None:
    """Return the licence that the workflow's own files state; None where they state none, or several."""
    for node in crate.document["@graph"]:
        if "ComputationalWorkflow" in str(node.get("@type")):
            stated = node.get("license")
            found = [stated] if isinstance(stated, dict) else stated if isinstance(stated, list) else []
            names = {str(each.get("@id")) for each in found if isinstance(each, dict)}
            return spdx(names.pop()) if len(names) == 1 else None
    return None


def authors_of(crates: Collection[ExportedCrate]) -> tuple[Party, ...]:
    """Return the people who ran the jobs, where the crates that go tell of them."""
    people: dict[str, Party] = {}
    for crate in crates:
        nodes = {str(node.get("@id")): node for node in crate.document["@graph"]}
        for node in nodes.values():
            agent = node.get("agent")
            at = str(agent.get("@id")) if isinstance(agent, dict) else None
            person = nodes.get(at or "")
            if person is None or "Person" not in str(person.get("@type")) or person.get("withheld"):
                continue
            name = str(person.get("name") or at)
            iri = orcid(at) if at is not None and "orcid.org/" in at else None
            people.setdefault(iri or name, Party(name, iri, _organisation(person, "affiliation", nodes)))
    return tuple(sorted(people.values(), key=lambda party: party.name))


def _organisation(of: Mapping[str, Any], role: str, nodes: Mapping[str, Mapping[str, Any]]) -> Party | None:
    at = next(iter(ids(of.get(role))), None)
    if at is None or "Organization" not in str(nodes.get(at, {}).get("@type")) or nodes[at].get("withheld"):
        return None
    return Party(str(nodes[at].get("name") or at), ror(at) if at.startswith(ROR) else None)
