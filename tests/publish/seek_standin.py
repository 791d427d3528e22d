"""A SEEK that takes Workflow RO-Crates at ``/workflows/submit``, as its controller and extractor do.

Source: ``workflows_controller.rb`` and ``workflow_crate_extractor.rb``: the main workflow, the source's address and the
version must be in the crate; the same address and version again change nothing; another version of the same address is
a new version of the workflow.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.publish.standins import TOKEN, Gate


@dataclass
class SeekStandIn:
    """What the service knows: by the source's address, the versions in order."""

    workflows: dict[str, dict[str, bytes]] = field(default_factory=dict)
    projects: tuple[str, ...] = ("12",)

    def gate(self) -> Gate:
        return Gate(self.application(), "Authorization", f"Token {TOKEN}")

    def application(self) -> FastAPI:
        app = FastAPI()

        @app.post("/workflows/submit")
        async def submit(request: Request) -> Response:
            async with request.form() as form:
                project, sent = form.get("workflow[project_ids][]"), form["ro_crate"]
                content = await sent.read()  # type: ignore[union-attr]
            if project not in self.projects:
                return _unprocessable("projects", "must be one of yours")
            try:
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    document = json.loads(archive.read("ro-crate-metadata.json"))
                    names = set(archive.namelist())
            except (zipfile.BadZipFile, KeyError):
                return _unprocessable("ro_crate", "could not be extracted, please check it is a valid RO-Crate.")
            entities = {entity["@id"]: entity for entity in document["@graph"]}
            root = entities["./"]
            main = root.get("mainEntity", {}).get("@id")
            if main is None or main not in names:
                return _unprocessable("ro_crate", "did not specify a main workflow.")
            source = root.get("isBasedOn", {}).get("@id") or root.get("url")
            if not source:
                return _unprocessable("ro_crate", "source URL could not be determined.")
            if not root.get("version"):
                return _unprocessable("ro_crate", "version could not be determined.")
            self.workflows.setdefault(source, {}).setdefault(str(root["version"]), content)
            return _shown(list(self.workflows).index(source) + 1, self.workflows[source])

        @app.get("/workflows/{number}")
        def shown(number: int) -> Response:
            if not 0 < number <= len(self.workflows):
                return JSONResponse({"errors": [{"title": "Not found"}]}, 404)
            return _shown(number, list(self.workflows.values())[number - 1])

        return app


def _shown(number: int, versions: dict[str, bytes]) -> Response:
    told: dict[str, Any] = {"title": "a workflow", "latest_version": len(versions), "doi": None}
    return JSONResponse({"data": {"id": str(number), "type": "workflows", "attributes": told}})


def _unprocessable(where: str, what: str) -> Response:
    error = {"source": {"pointer": f"/data/attributes/{where}"}, "detail": what}
    return JSONResponse({"errors": [error]}, 422)
