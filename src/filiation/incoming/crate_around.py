"""The crate that is made around an account of provenance: what the catalogue keeps of it on disk.

The account itself goes into the crate, byte for byte where it holds no secret, and beside it what it tells in the words
of a run crate. The same account always gives the same crate, so that taking it in again changes nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from filiation.crate.profiles import RO_CRATE, TERMS, WORKFLOW_RUN_CONTEXT
from filiation.crate.writer import METADATA
from filiation.digest import digest_file
from filiation.incoming.history import Agent, Deed, History, Thing, Tool
from filiation.model import is_uri

_TERMS: Final = ("assumed", "checksum", "checksumAlgorithm", "command", "lastSeen", "notation", "usedValue")
Node: TypeAlias = "dict[str, Any]"


def write_crate_around(history: History, folder: Path, account: Mapping[str, Path | bytes], media_type: str) -> None:
    """Write a crate that holds an account and says what it tells.

    Parameters
    ----------
    history
        What the account tells.
    folder
        Where the crate will be; made here.
    account
        The files of the account, or their content, by their place in the crate.
    media_type
        Of each of them.
    """
    kept = []
    for place in sorted(account):
        copy = folder / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = account[place]
        if isinstance(content, bytes):
            copy.write_bytes(content)
        else:
            shutil.copyfile(content, copy)
        digest = digest_file(copy).hex
        kept.append({"@id": quote(place), "@type": "File", "sha256": digest, "encodingFormat": media_type})
    metadata = json.dumps(_document(history, kept), indent=1)
    (folder / METADATA).write_text(metadata, encoding="ascii")


def _document(history: History, kept: list[Node]) -> Node:
    agents = {agent.id for agent in history.agents}
    nodes: dict[str, Node] = {}
    for thing in history.things:
        _add(nodes, _thing(thing))
    for tool in history.tools:
        _add(nodes, _tool(tool))
    for agent in history.agents:
        _add(nodes, _agent(agent))
    for deed in history.deeds:
        for name, value in deed.parameters:
            _add(nodes, _parameter(deed, name, value.json))
        _add(nodes, _deed(deed, agents))
    root: Node = {
        "@id": "./",
        "@type": "Dataset",
        "name": history.name,
        "description": f"What an account of provenance tells ({history.notation}), made a crate to be kept.",
        "notation": history.notation,
        "hasPart": [_ref(file["@id"]) for file in kept],
        "mentions": [_ref(_local(deed.id)) for deed in history.deeds],
        "assumed": list(history.assumed),
    }
    if history.workflow is not None:
        root["mainEntity"] = _ref(_local(history.workflow))
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": RO_CRATE},
    }
    context = [f"{RO_CRATE}/context", WORKFLOW_RUN_CONTEXT, {term: TERMS + term for term in _TERMS}]
    graph = [descriptor, _told(root), *kept, *(nodes[name] for name in sorted(nodes))]
    return {"@context": context, "@graph": graph}


def _thing(thing: Thing) -> Node:
    checksum = thing.checksum or (None, None)
    return {
        "@id": _local(thing.id),
        "@type": "Collection" if thing.is_collection else "CreativeWork",
        "name": thing.name,
        "lastSeen": thing.path,
        "sha256": thing.sha256,
        "checksumAlgorithm": checksum[0],
        "checksum": checksum[1],
        "contentSize": None if thing.size is None else str(thing.size),
        "dateModified": thing.modified,
    }


def _tool(tool: Tool) -> Node:
    types = ["SoftwareSourceCode", "ComputationalWorkflow"] if tool.is_workflow else "SoftwareApplication"
    return {"@id": _local(tool.id), "@type": types, "name": tool.name, "version": tool.version}


def _agent(agent: Agent) -> Node:
    return {"@id": _local(agent.id), "@type": agent.kind, "name": agent.name}


def _deed(deed: Deed, agents: set[str]) -> Node:
    used = [*map(_local, deed.used), *(_parameter_id(deed, name) for name, _ in deed.parameters)]
    return {
        "@id": _local(deed.id),
        "@type": "CreateAction",
        "name": deed.name,
        "startTime": deed.started,
        "endTime": deed.ended,
        "instrument": _ref(_local(deed.tool)) if deed.tool else None,
        "agent": _ref(_local(deed.agent)) if deed.agent and deed.agent in agents else None,
        "object": _refs(used),
        "result": _refs(map(_local, deed.made)),
        "command": deed.command,
        "containerImage": deed.container,
    }


def _parameter(deed: Deed, name: str, value: str) -> Node:
    return {"@id": _parameter_id(deed, name), "@type": "PropertyValue", "name": name, "usedValue": value}


def _parameter_id(deed: Deed, name: str) -> str:
    return f"#parameter-{quote(deed.id, safe='')}-{quote(name, safe='')}"


def _local(identifier: str) -> str:
    """Return an id as a crate writes it: an IRI as it is, anything else as a name of this crate alone."""
    if is_uri(identifier) or identifier.startswith(("#", "/")):
        return identifier
    return "#" + quote(identifier, safe="-._~")


def _ref(identifier: str) -> Node:
    return {"@id": identifier}


def _refs(identifiers: Iterable[str]) -> list[Node]:
    return [_ref(one) for one in dict.fromkeys(identifiers)]


def _told(node: Node) -> Node:
    return {key: value for key, value in node.items() if value not in (None, [], "")}


def _add(nodes: dict[str, Node], node: Node) -> None:
    """Put a node beside the others; what is known under one id by two names, as an agent that is a thing, is both."""
    told = _told(node)
    known = nodes.setdefault(told["@id"], told)
    if known is not told:
        types = [
            kind
            for one in (known, told)
            for kind in ([one["@type"]] if isinstance(one["@type"], str) else one["@type"])
        ]
        nodes[told["@id"]] = {**told, **known, "@type": list(dict.fromkeys(types))}
