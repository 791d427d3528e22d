"""Reading a crate of ours back as the ``WorkflowRun`` that was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filiation.crate.agents import read_agent, read_machine, read_software
from filiation.crate.composition import ENGINE_RUN, RUN
from filiation.crate.deployed import read_environments
from filiation.crate.jobs import read_action, read_value
from filiation.crate.jsonld import ids, many, moment, required, text
from filiation.crate.metadata import read_metadata
from filiation.crate.plan import read_rule
from filiation.crate.things import read_thing, thing_path
from filiation.crate.writer import METADATA
from filiation.errors import InvalidCrateError
from filiation.model import Digest, Machine, Status, Workflow, WorkflowRun

Nodes = Mapping[str, Mapping[str, Any]]
_SPDX = "https://spdx.org/licenses/"


def read_crate(folder: Path) -> WorkflowRun:
    """Return the run that a crate of ours holds.

    Crates of other engines have no run of ours inside; they are read as a graph, by the catalogue.

    Raises
    ------
    InvalidCrateError
        If there is no crate, or the metadata is truncated, or it is not one of our crates.
    """
    path = folder / METADATA
    nodes: Nodes = {
        str(entity["@id"]): entity
        for entity in read_metadata(folder)["@graph"]
        if isinstance(entity, Mapping) and "@id" in entity
    }
    if "runId" not in nodes.get("./", {}) or RUN not in nodes:
        raise InvalidCrateError(f"{path} is a crate, but not one that filiation wrote; ingest it to ask it questions.")
    try:
        return _read_run(nodes)
    except (KeyError, ValueError, TypeError) as error:
        if isinstance(error, InvalidCrateError):
            raise
        raise InvalidCrateError(f"The crate {path} is damaged: {type(error).__name__}: {error}.") from error


def _read_run(nodes: Nodes) -> WorkflowRun:
    run, root, engine_run = nodes[RUN], nodes["./"], nodes[ENGINE_RUN]
    main = nodes[str(root["mainEntity"]["@id"])]
    things = [entity for entity in nodes.values() if "entityKind" in entity]
    steps = {str(entity["workExample"]["@id"]): entity for entity in nodes.values() if "workExample" in entity}
    actions = [entity for entity in nodes.values() if "jobNumber" in entity]
    environments = read_environments(nodes)
    values = [nodes[found] for found in ids(run.get("object")) if found.startswith("#value-config-")]
    licence = str(root["license"]["@id"])
    return WorkflowRun(
        id=str(required(root, "runId")),
        status=Status(required(run, "status")),
        workflow=_read_workflow(main),
        engine=read_software(nodes[str(engine_run["instrument"]["@id"])]),
        agent=read_agent(nodes[str(run["agent"]["@id"])], nodes),
        machine=read_machine(run) or Machine("unknown"),
        command=str(required(run, "command")),
        folder=str(required(root, "runFolder")),
        started=_always(run, "startTime"),
        ended=moment(run, "endTime"),
        config=tuple(read_value(value) for value in values),
        config_files=tuple(thing_path(found) for found in ids(engine_run.get("engineConfiguration"))),
        rules=tuple(read_rule(nodes[tool], steps[tool]) for tool in ids(main.get("hasPart")) if tool in steps),
        connections=tuple(_pair(str(pair)) for pair in many(run.get("connections"))),
        actions=tuple(read_action(action, nodes, environments) for action in actions),
        entities=tuple(read_thing(thing, nodes) for thing in things),
        not_captured=tuple(str(sentence) for sentence in many(run.get("notCaptured"))),
        redacted=tuple(str(name) for name in many(run.get("redacted"))),
        error=text(run, "error"),
        recorded_by=text(root, "recordedBy") or "journal",
        license=_read_licence(licence, nodes),
    )


def _read_licence(identifier: str, nodes: Nodes) -> str | None:
    if identifier.startswith("#no-licence"):
        return None
    return identifier if identifier.startswith("http") else text(nodes[identifier], "name")


def _pair(text_of_two: str) -> tuple[str, str]:
    maker, _, user = text_of_two.partition("\n")
    return maker, user


def _always(entity: Mapping[str, Any], name: str) -> Any:
    required(entity, name)
    return moment(entity, name)


def _commit(main: Mapping[str, Any]) -> str | None:
    """Return the commit; without a repository the version is the digest of the file, or not known."""
    version = text(main, "version")
    return None if version is None or version == "unknown" or version.startswith("sha256:") else version


def _read_workflow(main: Mapping[str, Any]) -> Workflow:
    path = thing_path(str(main["@id"]))
    sources = {path, *(thing_path(part) for part in ids(main.get("sourceFiles")))}
    name = text(main, "name")
    return Workflow(
        main=path,
        sources=tuple(sorted(sources)),
        name=name if name != path.rpartition("/")[2] else None,
        version=_commit(main),
        repository=text(main, "codeRepository"),
        modified=main.get("modified"),
        diff=Digest.from_text(str(main["diffDigest"])) if "diffDigest" in main else None,
        swhid=text(main, "swhid"),
        licenses=tuple(found.removeprefix(_SPDX) for found in ids(main.get("license")) if found.startswith(_SPDX)),
        license_files=tuple(thing_path(found) for found in ids(main.get("licenseFiles"))),
    )
