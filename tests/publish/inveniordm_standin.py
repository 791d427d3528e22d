"""An InvenioRDM without its database and index: drafts, DOIs, files in three steps, versions.

Bodies are validated with ``record-v6.0.0.json``, which ships in the wheel of invenio-rdm-records, and with the rules of
its marshmallow schemas (what must be there, roles, licences by id or title, dates of embargoes), which say of a draft
what is wrong with it, and refuse to publish it then.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.publish.peers import wheel_of
from tests.publish.standins import TOKEN, Gate

RDM = "application/vnd.inveniordm.v1+json"
SCHEMES = {
    "ark", "arxiv", "ads", "crossreffunderid", "cstr", "doi", "ean13", "eissn", "grid", "handle", "igsn", "isbn",
    "isni", "issn", "istc", "lissn", "lsid", "pmid", "purl", "rrid", "upc", "url", "urn", "wikidata", "w3id", "other",
}  # fmt: skip
RESOURCE_TYPES = {"dataset", "workflow", "software", "image", "publication-article", "publication-book",
                  "publication-report", "other"}  # fmt: skip


@dataclass
class File:
    content: bytes | None = None
    committed: bool = False
    spoiled: bool = False

    def told(self, key: str) -> dict[str, Any]:
        told: dict[str, Any] = {"key": key, "status": "completed" if self.committed else "pending", "metadata": None}
        if self.committed and self.content is not None:
            md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
            told |= {"checksum": f"md5:{md5}", "size": len(self.content)}
        return told


@dataclass
class Kept:
    """A record: a draft, or published, or both."""

    id: str
    concept: str
    body: dict[str, Any]
    files: dict[str, File] = field(default_factory=dict)
    published: bool = False
    draft: bool = True


@dataclass
class InvenioStandIn:
    """What the service knows.

    Parameters
    ----------
    is_zenodo
        Whether it answers in Zenodo's own form to whoever accepts any JSON.
    vocabularies
        Whether organisations and licences are known by their identifiers.
    lag
        How many searches do not find yet what was just made, as an index that lags.
    """

    is_zenodo: bool = False
    vocabularies: bool = True
    lag: int = 0
    records: dict[str, Kept] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def drafts(self) -> list[Kept]:
        return [record for record in self.records.values() if record.draft]

    def published(self) -> list[Kept]:
        return [record for record in self.records.values() if record.published]

    def gate(self) -> Gate:
        _validator()  # a test is skipped here, where there are no schemas, and not in the server's thread
        return Gate(self.application(), "Authorization", f"Bearer {TOKEN}")

    def application(self) -> FastAPI:
        app = FastAPI()

        @app.post("/api/records")
        async def create(request: Request) -> Response:
            body = await request.json()
            if problem := _not_by_schema(body):
                return JSONResponse({"status": 400, "message": problem}, 400)
            number = next(self.numbers)
            record = Kept(f"abcde-{number:05}", f"con-{number:05}", {**body, "pids": {}})
            self.records[record.id] = record
            return self._shown(record, request, 201)

        @app.get("/api/user/records")
        def mine(request: Request, q: str = "", size: int = 10) -> Response:
            wanted = re.fullmatch(r'metadata\.identifiers\.identifier:"([^"]+)"', q)
            if q and wanted is None:
                return JSONResponse({"status": 400, "message": f"cannot parse {q}"}, 400)
            found = [
                self._told(record, request)
                for record in self.records.values()
                if not wanted
                or any(each["identifier"] == wanted[1] for each in record.body["metadata"].get("identifiers", []))
            ]
            if self.lag and found:
                self.lag -= 1
                found = []
            return JSONResponse({"hits": {"hits": found[:size], "total": len(found)}})

        @app.get("/api/records")
        def search(request: Request, q: str = "") -> Response:
            wanted = re.fullmatch(r'pids\.doi\.identifier:"([^"]+)"', q)
            found = [
                self._told(record, request)
                for record in self.published()
                if wanted and record.body["pids"].get("doi", {}).get("identifier") == wanted[1]
            ]
            return JSONResponse({"hits": {"hits": found, "total": len(found)}})

        @app.get("/api/records/{number}/draft")
        def draft(number: str, request: Request) -> Response:
            return self._shown(record, request) if (record := self._draft(number)) else _nothing()

        @app.put("/api/records/{number}/draft")
        async def update(number: str, request: Request) -> Response:
            record, body = self._draft(number), await request.json()
            if record is None:
                return _nothing()
            if problem := _not_by_schema(body):
                return JSONResponse({"status": 400, "message": problem}, 400)
            preview = body.get("files", {}).get("default_preview")
            if preview and preview not in record.files:
                return JSONResponse({"status": 400, "message": f"no file {preview}"}, 400)
            record.body = body  # a DOI that is not in the body is let go
            return self._shown(record, request)

        @app.delete("/api/records/{number}/draft")
        def discard(number: str) -> Response:
            record = self._draft(number)
            if record is None:
                return _nothing()
            del self.records[number]
            return Response(status_code=204)

        @app.post("/api/records/{number}/draft/pids/doi")
        def reserve(number: str, request: Request) -> Response:
            record = self._draft(number)
            if record is None:
                return _nothing()
            if "doi" in record.body["pids"]:
                said = [{"field": "pids.doi", "messages": ["A PID already exists for type doi"]}]
                return JSONResponse({"status": 400, "message": "A validation error occurred.", "errors": said}, 400)
            record.body["pids"]["doi"] = {
                "identifier": f"10.5072/rdm.{number}", "provider": "datacite", "client": "datacite"
            }  # fmt: skip
            return self._shown(record, request, 201)

        @app.get("/api/records/{number}/draft/files")
        def files(number: str) -> Response:
            record = self._draft(number)
            return _nothing() if record is None else JSONResponse(_entries(record))

        @app.post("/api/records/{number}/draft/files")
        async def begin(number: str, request: Request) -> Response:
            record, body = self._draft(number), await request.json()
            if record is None:
                return _nothing()
            for each in body:
                if each["key"] in record.files or "/" in each["key"]:
                    return JSONResponse({"status": 400, "message": f"File with key {each['key']} already exists."}, 400)
            for each in body:
                record.files[each["key"]] = File()
            return JSONResponse(_entries(record), 201)

        @app.put("/api/records/{number}/draft/files/{key}/content")
        async def content(number: str, key: str, request: Request) -> Response:
            record = self._draft(number)
            if record is None or key not in record.files:
                return _nothing()
            if request.headers["content-type"] != "application/octet-stream":
                return JSONResponse({"status": 415, "message": "Unsupported Media Type"}, 415)
            came = await request.body()
            if request.state.spoil and came:
                came = bytes([came[0] ^ 1]) + came[1:]
            record.files[key].content = came
            return JSONResponse(record.files[key].told(key))

        @app.post("/api/records/{number}/draft/files/{key}/commit")
        def commit(number: str, key: str) -> Response:
            record = self._draft(number)
            if record is None or key not in record.files:
                return _nothing()
            if record.files[key].content is None or record.files[key].committed:
                return JSONResponse({"status": 400, "message": "File is not to be committed."}, 400)
            record.files[key].committed = True
            return JSONResponse(record.files[key].told(key))

        @app.delete("/api/records/{number}/draft/files/{key}")
        def remove(number: str, key: str) -> Response:
            record = self._draft(number)
            if record is None or key not in record.files:
                return _nothing()
            del record.files[key]
            return Response(status_code=204)

        @app.post("/api/records/{number}/draft/actions/publish")
        def publish(number: str, request: Request) -> Response:
            record = self._draft(number)
            if record is None:
                return _nothing()
            errors = self._faults(record.body)
            if any(not file.committed for file in record.files.values()):
                errors.append({"field": "files", "messages": ["One or more files have not completed their transfer."]})
            if not record.files:
                errors.append({"field": "files.enabled", "messages": ["Missing uploaded files."]})
            if errors:
                told = {"status": 400, "message": "A validation error occurred.", "errors": errors}
                return JSONResponse(told, 400)
            record.published, record.draft = True, False
            return self._shown(record, request, 202)

        @app.get("/api/records/{number}")
        def shown(number: str, request: Request) -> Response:
            record = self.records.get(number)
            return self._shown(record, request) if record and record.published else _nothing()

        @app.get("/api/records/{number}/files")
        def published_files(number: str) -> Response:
            record = self.records.get(number)
            return JSONResponse(_entries(record)) if record and record.published else _nothing()

        @app.get("/api/records/{number}/files/{key}/content")
        def download(number: str, key: str) -> Response:
            record = self.records.get(number)
            if record is None or not record.published or key not in record.files:
                return _nothing()
            return Response(record.files[key].content, media_type="application/octet-stream")

        @app.post("/api/records/{number}/versions")
        def version(number: str, request: Request) -> Response:
            record = self.records.get(number)
            if record is None or not record.published:
                return _nothing()
            there = next((each for each in self.drafts() if each.concept == record.concept), None)
            if there is None:
                metadata = {
                    name: value
                    for name, value in record.body["metadata"].items()
                    if name not in ("publication_date", "version")
                }
                there = Kept(
                    f"abcde-{next(self.numbers):05}", record.concept, {**record.body, "metadata": metadata, "pids": {}}
                )
                self.records[there.id] = there
            return self._shown(there, request, 201)

        return app

    def _faults(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        found = _wrong(body)
        if not self.vocabularies:
            metadata = body["metadata"]
            for place, values in (
                (
                    "creators.affiliations",
                    [each for one in metadata["creators"] for each in one.get("affiliations", [])],
                ),
                ("funding.funder", [each["funder"] for each in metadata.get("funding", [])]),
                ("rights", metadata.get("rights", [])),
            ):
                if any("id" in value for value in values):
                    found.append({"field": f"metadata.{place}", "messages": ["Invalid value"]})
        return found

    def _draft(self, number: str) -> Kept | None:
        record = self.records.get(number)
        return record if record is not None and record.draft else None

    def _shown(self, record: Kept, request: Request, status: int = 200) -> Response:
        told = self._told(record, request)
        kind = RDM if RDM in request.headers.get("accept", "") else "application/json"
        return Response(json.dumps(told), status, media_type=kind)

    def _told(self, record: Kept, request: Request) -> dict[str, Any]:
        base = str(request.base_url).rstrip("/")
        if self.is_zenodo and RDM not in request.headers.get("accept", ""):
            return {
                "id": int(record.id.partition("-")[2]),
                "doi": record.body["pids"].get("doi", {}).get("identifier"),
                "metadata": {"title": record.body["metadata"].get("title")},
                "submitted": record.published,
            }
        place = f"{base}/api/records/{record.id}"
        told = {
            **record.body,
            "id": record.id,
            "created": "2026-03-01T10:00:00.000000+00:00",
            "updated": "2026-03-01T10:00:00.000000+00:00",
            "is_published": record.published,
            "is_draft": record.draft,
            "revision_id": 1,
            "links": {
                "self": f"{place}/draft" if record.draft else place,
                "self_html": f"{base}/{'uploads' if record.draft else 'records'}/{record.id}",
                "files": f"{place}/draft/files",
                "publish": f"{place}/draft/actions/publish",
                "reserve_doi": f"{place}/draft/pids/doi",
                "versions": f"{place}/versions",
            },
        }
        if record.draft and (errors := self._faults(record.body)):
            told["errors"] = errors
        return told


def _nothing() -> Response:
    return JSONResponse({"status": 404, "message": "The persistent identifier does not exist."}, 404)


def _entries(record: Kept) -> dict[str, Any]:
    return {"enabled": True, "entries": [file.told(key) for key, file in record.files.items()]}


@cache
def _validator() -> Draft7Validator:
    schemas: dict[str, Any] = {}
    for package in ("invenio-rdm-records", "invenio-records-resources"):
        with zipfile.ZipFile(wheel_of(package)) as wheel:
            for name in wheel.namelist():
                place = Path(name)
                if "jsonschemas" in place.parts and place.suffix == ".json":
                    below = place.parts[place.parts.index("jsonschemas") + 1 :]
                    schemas["local://" + "/".join(below)] = json.loads(wheel.read(name))
    # A review is not deposited with; its schema is in a third wheel.
    schemas["local://requests/request-v1.0.0.json"] = {"type": "object"}
    resources = ((name, Resource(schema, DRAFT7)) for name, schema in schemas.items())
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft7Validator(schemas["local://records/record-v6.0.0.json"], registry=registry)


def _not_by_schema(body: dict[str, Any]) -> str | None:
    """Return what the service's own JSON Schema says of a body."""
    errors = sorted(_validator().iter_errors(body), key=lambda error: list(map(str, error.absolute_path)))
    return "; ".join(f"{error.json_path}: {error.message}" for error in errors[:5]) or None


def _wrong(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the service's marshmallow schemas would say of a record."""
    found: list[tuple[str, str]] = []
    metadata = body.get("metadata", {})
    for name in ("resource_type", "creators", "title", "publication_date"):
        if not metadata.get(name):
            found.append((f"metadata.{name}", "Missing data for required field."))
    if 0 < len(metadata.get("title", "")) < 3:
        found.append(("metadata.title", "Shorter than minimum length 3."))
    if metadata.get("resource_type", {}).get("id", "dataset") not in RESOURCE_TYPES:
        found.append(("metadata.resource_type", "Invalid value"))
    for kind in ("creators", "contributors"):
        for number, person in enumerate(metadata.get(kind, [])):
            where, whole = f"metadata.{kind}.{number}", person.get("person_or_org", {})
            wanted = {"personal": "family_name", "organizational": "name"}.get(whole.get("type"))
            if wanted is None or not whole.get(wanted):
                found.append((f"{where}.person_or_org", "Name cannot be blank."))
            for identifier in whole.get("identifiers", []):
                if identifier["scheme"] == "orcid" and not re.fullmatch(
                    r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]", identifier["identifier"]
                ):
                    found.append((f"{where}.person_or_org.identifiers", "Invalid ORCID identifier."))
            if kind == "contributors" and not person.get("role"):
                found.append((f"{where}.role", "Missing data for required field."))
    for right in metadata.get("rights", []):
        if bool(right.get("id")) == bool(right.get("title")):
            found.append(("metadata.rights", "An existing id or a free text title must be present"))
        if right.get("id", "a") != right.get("id", "a").lower():
            found.append(("metadata.rights", "Invalid value"))
    for name in ("identifiers", "related_identifiers"):
        for identifier in metadata.get(name, []):
            if identifier.get("scheme") not in SCHEMES:
                found.append((f"metadata.{name}", "Invalid scheme."))
            if name == "related_identifiers" and not identifier.get("relation_type"):
                found.append((f"metadata.{name}.relation_type", "Missing data for required field."))
    if "publication_date" in metadata and not re.fullmatch(
        r"\d{4}(-\d\d(-\d\d)?)?(/.*)?", metadata["publication_date"]
    ):
        found.append(("metadata.publication_date", "Please provide a valid date or interval."))
    embargo = body.get("access", {}).get("embargo") or {}
    if embargo.get("active") and date.fromisoformat(embargo["until"]) <= date.today():  # noqa: DTZ011
        found.append(("access.embargo.until", "Embargo end date must be set to a future date."))
    return [{"field": where, "messages": [what]} for where, what in found]
