"""People, software and machines as JSON-LD and back."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from filiation.crate.jsonld import Node, local, many, node, reference, renamed, required, single, text
from filiation.model import Agent, Machine, Software
from filiation.model.origins import public_origin


def agent_id(agent: Agent) -> str:
    """Return the @id of a person: the ORCID where known."""
    return agent.orcid or local("person", agent.user)


def write_agent(agent: Agent) -> list[Node]:
    """Return a person, and the organisation where known, as JSON-LD."""
    organisation = organisation_id(agent)
    nodes = [
        node(
            agent_id(agent),
            "Person",
            name=agent.name or agent.user,
            user=agent.user,
            affiliation=reference(organisation) if organisation else None,
        )
    ]
    if organisation:
        nodes.append(
            node(organisation, "Organization", name=agent.affiliation or organisation, url=agent.affiliation_ror)
        )
    return nodes


def organisation_id(agent: Agent) -> str | None:
    """Return the @id of a person's organisation: the ROR where known; None if no organisation is."""
    return agent.affiliation_ror or (local("organisation", agent.affiliation) if agent.affiliation else None)


def read_agent(entity: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Agent:
    """Return the person that :func:`write_agent` wrote."""
    identifier, user = str(entity["@id"]), str(required(entity, "user"))
    name = text(entity, "name")
    organisation = str(entity["affiliation"]["@id"]) if "affiliation" in entity else None
    title = text(nodes.get(organisation, {}), "name") if organisation else None
    return Agent(
        user=user,
        name=name if name != user else None,
        orcid=None if identifier.startswith("#") else identifier,
        affiliation=title if title != organisation else None,
        affiliation_ror=organisation if organisation and not organisation.startswith("#") else None,
    )


SOFTWARE_HERITAGE: Final = "https://archive.softwareheritage.org/"
"""What resolves SWHIDs (ISO/IEC 18670)."""


def software_id(software: Software) -> str:
    """Return the @id of a program: a web page on just this version where one is known, as the profiles recommend."""
    origin = public_origin(software.origin)
    if origin:
        place = quote(origin, safe="/:@%+,;=~-._!$&'()*?#")
        # An archive is one thing; a folder may hold several, and change.
        parts = [software.name, software.version or "unknown", *(["modified"] if software.modified else [])]
        is_archive = origin.startswith(("https://", "http://"))
        if origin.startswith(("swh:", "ni:")):  # names of content, which are no pages
            return local("software", *parts, hashlib.sha256(origin.encode()).hexdigest()[:16])
        return place if is_archive else f"{place}{'&' if '#' in place else '#'}{'-'.join(map(quote, parts))}"
    kind, _, rest = (software.purl or "").partition("/")
    name, _, version = rest.partition("@")
    if kind == "pkg:pypi" and version:
        return f"https://deps.dev/pypi/{name}/{version}"
    if kind == "pkg:generic" and name == "python":
        return f"https://www.python.org/downloads/release/python-{version.replace('.', '')}/"
    return local("software", software.name, software.version or "unknown")


def write_software(software: Software) -> Node:
    """Return a program with its version as JSON-LD."""
    page, origin = software_id(software), public_origin(software.origin)
    # Where a SWHID leads to, if the commit was archived: the profiles recommend an address for every program.
    archived = f"{SOFTWARE_HERITAGE}{origin}" if origin is not None and origin.startswith("swh:") else None
    return node(
        page,
        "SoftwareApplication",
        name=software.name,
        softwareVersion=software.version or "unknown",
        url=archived if page.startswith("#") else page,
        identifier=software.purl,
        installedFrom=origin,
        modified=software.modified,
    )


def read_software(entity: Mapping[str, Any]) -> Software:
    """Return the program that :func:`write_software` wrote."""
    version = text(entity, "softwareVersion")
    return Software(
        name=str(required(entity, "name")),
        version=version if version != "unknown" else None,
        purl=text(entity, "identifier"),
        origin=text(entity, "installedFrom"),
        modified=entity.get("modified"),
    )


def without_folders_of_a_machine(document: dict[str, Any]) -> dict[str, Any]:
    """Return a crate's metadata whose programs are named as :func:`write_software` names them today.

    Crates of earlier versions have the path of a folder that a program was installed from as its @id.
    """
    names: dict[str, str] = {}
    graph: dict[str, Node] = {}
    for entity in document["@graph"]:
        found = entity
        if public_origin(text(entity, "installedFrom")) != text(entity, "installedFrom"):
            kept = {key: value for key, value in entity.items() if key not in ("@id", "url", "installedFrom")}
            found = kept | write_software(read_software(entity))
            names[str(entity["@id"])] = str(found["@id"])
        graph.setdefault(str(found["@id"]), found)
    return renamed({**document, "@graph": list(graph.values())}, names) if names else document


def write_machine(machine: Machine | None) -> dict[str, object]:
    """Return where an action ran, as properties of the action."""
    if machine is None:
        return {}
    return {
        "host": machine.host,
        "platform": machine.platform,
        "cpus": machine.cpus,
        "cpu": machine.cpu,
        # Statements of one text are one statement, so several of a kind are counted.
        "gpus": single([f"{count} x {model}" for model, count in sorted(Counter(machine.gpus).items())]),
        "gpuDriver": machine.gpu_driver,
        "gpuVisible": machine.gpu_visible,
    }


def read_machine(entity: Mapping[str, Any]) -> Machine | None:
    """Return where an action ran; None if it does not say."""
    if "host" not in entity:
        return None
    return Machine(
        host=str(entity["host"]),
        platform=text(entity, "platform"),
        cpus=entity.get("cpus"),
        cpu=text(entity, "cpu"),
        gpus=tuple(model for counted in many(entity.get("gpus")) for model in _each(str(counted))),
        gpu_driver=text(entity, "gpuDriver"),
        gpu_visible=text(entity, "gpuVisible"),
    )


def _each(counted: str) -> list[str]:
    count, _, model = counted.partition(" x ")
    return [model] * int(count)
