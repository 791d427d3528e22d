"""WorkflowHub, and every other SEEK: a Workflow RO-Crate submitted as a whole.

Source: ``workflows_controller.rb`` (``submit``) and ``workflow_crate_extractor.rb`` of seek4science/seek (45b83bf). It
has no drafts: a crate is submitted or not, and who sees the workflow is what its project says. What is submitted is
known again by its source's address and its version, which the crate must name; so a second call changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.catalogue.root import root_of
from filiation.crate.metadata import read_metadata
from filiation.errors import BadInputError
from filiation.publish.deposits.bodies import Part
from filiation.publish.deposits.http import GoneError, Http
from filiation.publish.deposits.package import is_sealed, one_archive
from filiation.publish.deposits.repository import Advance, LocalFile, Payload, Record
from filiation.publish.deposits.services import Service
from filiation.publish.deposits.understanding import understood
from filiation.publish.description.names import address_of

SUBMIT: Final = "/workflows/submit"


class WorkflowHub:
    """One WorkflowHub.

    Parameters
    ----------
    service, http
        Which one, and requests to it.
    project
        Number of the project that workflows belong to.
    """

    def __init__(self, service: Service, http: Http, project: str) -> None:
        if not project.isdecimal():
            raise BadInputError("WorkflowHub keeps workflows in projects; name one by its number: --project 1234.")
        self.service = service
        self._http, self._project = http, project

    @understood
    def submit(self, file: LocalFile, payload: Payload, advance: Advance) -> Record:
        """Submit a crate: a new workflow, a new version of one, or nothing new."""
        form = (
            Part("ro_crate", file.path, file.name),
            Part("workflow[project_ids][]", self._project),
            *(Part(f"workflow[{name}]", str(value)) for name, value in payload.items()),
        )
        answer = self._http.send("POST", SUBMIT, form=form, advance=advance)
        data = answer["data"] or {}
        if "id" not in data:
            raise BadInputError(f"What {self.service} sends is no workflow of SEEK: it has no id.")
        return self._record(str(data["id"]), data)

    @understood
    def look(self, record: str) -> Record | None:
        """Return a workflow as it is now."""
        with suppress(GoneError):
            return self._record(record, self._http.get(f"/workflows/{record}")["data"] or {})
        return None

    def _record(self, number: str, data: Mapping[str, Any]) -> Record:
        doi = (data.get("attributes") or {}).get("doi") or None
        return Record(number, f"{self.service.address}/workflows/{number}", doi, published=True)


@dataclass(frozen=True, slots=True)
class WorkflowHubForm:
    """What WorkflowHub wants of a crate.

    Parameters
    ----------
    name
        What its archive is called.
    """

    name: str

    def payload(self, crate: Path, *, marker: str, files: tuple[LocalFile, ...] = (), by_name: bool = False) -> Payload:
        """Return what is sent beside the crate: nothing, as all of it is in the crate."""
        return {}

    def files(self, crate: Path, folder: Path, advance: Advance) -> tuple[LocalFile, ...]:
        """Return the archive of the crate, with its metadata at the top."""
        return one_archive(crate, folder, self.name, advance)

    def completed(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the metadata with the workflow's version and source at the crate's root, where WorkflowHub looks."""
        root = root_of(document)
        entities = {entity.get("@id"): entity for entity in document["@graph"]}
        workflow = entities.get(_id(entities.get(root, {}).get("mainEntity")), {})
        source = re.sub(r"^git\+", "", str(workflow.get("codeRepository") or workflow.get("url") or ""))
        stated = {"isBasedOn": {"@id": source} if address_of(source) == source else None,
                  "version": workflow.get("version")}  # fmt: skip
        more = {name: value for name, value in stated.items() if value and not entities.get(root, {}).get(name)}
        if entities.get(root, {}).get("url"):
            more.pop("isBasedOn", None)
        graph = [{**entity, **more} if entity.get("@id") == root else entity for entity in document["@graph"]]
        return {**document, "@graph": graph}

    def refuse(self, crate: Path) -> None:
        """Refuse a crate that WorkflowHub would, all reasons at once."""
        document: Mapping[str, Any] = read_metadata(crate)
        if not is_sealed(crate):
            document = self.completed(document)
        wrong = list(_wrong(crate, document))
        if wrong:
            raise BadInputError(
                f"WorkflowHub would not take this crate: {'; '.join(wrong)}. Nothing was sent. It takes Workflow "
                "RO-Crates, which `filiation export` writes."
            )


def _wrong(crate: Path, document: Mapping[str, Any]) -> list[str]:
    entities = {entity.get("@id"): entity for entity in document["@graph"]}
    root = entities.get(root_of(document), {})
    main = _id(root.get("mainEntity"))
    workflow = entities.get(main, {})
    types = workflow.get("@type", [])
    wrong = []
    if main is None or "ComputationalWorkflow" not in (types if isinstance(types, list) else [types]):
        wrong.append("it names no main workflow (mainEntity, a ComputationalWorkflow)")
    elif main.startswith(("http:", "https:")):
        wrong.append(f"its main workflow is not in it but at {main}: export it without --workflow-at")
    elif not (crate / main).is_file():
        wrong.append(f"its main workflow {main} is not in it")
    if not root.get("license"):
        wrong.append("it names no licence")
    if not any(entity.get(name) for entity in (root, workflow) for name in ("isBasedOn", "url")):
        wrong.append("it does not say where the workflow's source is (isBasedOn or url)")
    if not root.get("version"):
        wrong.append("it has no version")
    spaces = [str(path.relative_to(crate)) for path in sorted(crate.rglob("*")) if " " in path.name]
    if spaces:
        wrong.append(f"names with spaces: {', '.join(spaces[:10])}{' …' if len(spaces) > 10 else ''}")
    return wrong


def _id(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return str(value["@id"]) if isinstance(value, dict) and "@id" in value else None
