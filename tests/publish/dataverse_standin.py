"""A Dataverse without its database and index: datasets, files that are unpacked and rewritten on arrival, locks.

Metadata are looked at as the citation block (``citation.tsv``) defines its fields: which there are, which are compound,
multiple or of a controlled vocabulary, and the five without which no dataset is made. Archives are unpacked, tables
rewritten unless ``tabIngest`` is off, and names refused or cleaned, as the native API's guide says.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.publish.standins import TOKEN, Gate

# name: (compound, multiple), parts: whether of a controlled vocabulary
FIELDS: dict[str, tuple[bool, bool, dict[str, bool]]] = {
    "title": (False, False, {}),
    "otherId": (True, True, {"otherIdAgency": False, "otherIdValue": False}),
    "author": (True, True, {"authorName": False, "authorAffiliation": False, "authorIdentifierScheme": True,
                            "authorIdentifier": False}),
    "datasetContact": (True, True, {"datasetContactName": False, "datasetContactAffiliation": False,
                                    "datasetContactEmail": False}),
    "dsDescription": (True, True, {"dsDescriptionValue": False, "dsDescriptionDate": False}),
    "keyword": (True, True, {"keywordValue": False, "keywordVocabulary": False, "keywordVocabularyURI": False}),
    "publication": (True, True, {"publicationCitation": False, "publicationIDType": True,
                                 "publicationIDNumber": False, "publicationURL": False}),
    "contributor": (True, True, {"contributorType": True, "contributorName": False}),
    "grantNumber": (True, True, {"grantNumberAgency": False, "grantNumberValue": False}),
    "relatedDatasets": (False, True, {}),
}  # fmt: skip
REQUIRED = {"title": None, "author": "authorName", "datasetContact": "datasetContactEmail",
            "dsDescription": "dsDescriptionValue"}  # fmt: skip
CONTRIBUTORS = {"Data Collector", "Data Curator", "Data Manager", "Editor", "Funder", "Hosting Institution",
                "Project Leader", "Project Manager", "Project Member", "Related Person", "Researcher",
                "Research Group", "Rights Holder", "Sponsor", "Supervisor", "Work Package Leader", "Other"}  # fmt: skip


@dataclass
class DataFile:
    id: int
    label: str
    folder: str
    content: bytes

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.label}" if self.folder else self.label

    def told(self) -> dict[str, Any]:
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        data = {"id": self.id, "filename": self.label, "filesize": len(self.content), "md5": md5,
                "checksum": {"type": "MD5", "value": md5}}  # fmt: skip
        told: dict[str, Any] = {"label": self.label, "restricted": False, "dataFile": data}
        return told | ({"directoryLabel": self.folder} if self.folder else {})


@dataclass
class Dataset:
    id: int
    pid: str
    version: dict[str, Any]
    files: dict[int, DataFile] = field(default_factory=dict)
    released: list[dict[int, DataFile]] = field(default_factory=list)
    draft: bool = True
    locks: int = 0


@dataclass
class DataverseStandIn:
    """What the service knows.

    Parameters
    ----------
    lag
        How many searches do not find yet what was just made.
    indexing
        How often publishing is refused, as the index is not up to date.
    """

    lag: int = 0
    indexing: int = 0
    datasets: dict[str, Dataset] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def gate(self) -> Gate:
        return Gate(self.application(), "X-Dataverse-key", TOKEN)

    def application(self) -> FastAPI:
        app, routes = FastAPI(), APIRouter()

        @routes.get("/search")
        def search(q: str, per_page: int = 10) -> Response:
            wanted = re.fullmatch(r'otherIdValue:"([^"]+)"', q)
            found = [
                {"global_id": each.pid, "type": "dataset"}
                for each in self.datasets.values()
                if wanted and wanted[1] in json.dumps(each.version)
            ]
            if self.lag and found:
                self.lag -= 1
                found = []
            return _ok({"items": found[:per_page], "total_count": len(found)})

        @routes.post("/dataverses/{alias}/datasets")
        async def create(alias: str, request: Request) -> Response:
            if alias != "lab":
                return _error(404, f"Can't find dataverse with identifier='{alias}'")
            version = (await request.json()).get("datasetVersion", {})
            if problem := _not_by_block(version):
                return _error(400, f"Validation Failed: {problem}")
            number = next(self.numbers)
            made = Dataset(number, f"doi:10.5072/FK2/AB{number:04}", version)
            self.datasets[made.pid] = made
            return _ok({"id": number, "persistentId": made.pid}, 201)

        @routes.get("/datasets/:persistentId/")
        def shown(persistentId: str) -> Response:
            if (found := self.datasets.get(persistentId)) is None:
                return _error(404, f"Dataset with Persistent ID {persistentId} not found.")
            return _ok(
                {
                    "id": found.id,
                    "latestVersion": {
                        **found.version,
                        "datasetPersistentId": found.pid,
                        "versionState": "DRAFT" if found.draft else "RELEASED",
                        "files": [each.told() for each in found.files.values()],
                    },
                }
            )

        @routes.get("/datasets/:persistentId/versions/{version}/files")
        def files(version: str, persistentId: str) -> Response:
            if (found := self.datasets.get(persistentId)) is None:
                return _error(404, "not found")
            return _ok([each.told() for each in found.files.values()])

        @routes.put("/datasets/:persistentId/versions/:draft")
        async def update(persistentId: str, request: Request) -> Response:
            found, version = self.datasets.get(persistentId), await request.json()
            if found is None:
                return _error(404, "not found")
            if found.locks:
                return _error(403, "Dataset cannot be edited due to dataset lock.")
            if problem := _not_by_block(version):
                return _error(400, f"Validation Failed: {problem}")
            found.version, found.draft = version, True
            return _ok({"id": found.id})

        @routes.delete("/datasets/:persistentId/versions/:draft")
        def discard(persistentId: str) -> Response:
            found = self.datasets.get(persistentId)
            if found is None or not found.draft:
                return _error(404, "There is no draft version.")
            if found.released:
                found.files, found.draft = dict(found.released[-1]), False
            else:
                del self.datasets[persistentId]
            return _ok({"message": "Draft version deleted"})

        @routes.post("/datasets/:persistentId/add")
        async def add(persistentId: str, request: Request) -> Response:
            async with request.form() as form:
                sent: Any = form["file"]
                name, content = str(sent.filename), await sent.read()
                told = json.loads(str(form.get("jsonData", "{}")))
            found = self.datasets.get(persistentId)
            if found is None:
                return _error(404, "not found")
            if found.locks:
                return _error(403, "Dataset cannot be edited due to dataset lock.")
            arrived = _unpacked(name, told.get("directoryLabel", ""), content)
            made = []
            for folder, label, bytes_ in arrived:
                if re.search(r'[:<>;#/"*|?\\]', label):
                    return _error(400, f"File name {label} holds a sign that is not allowed.")
                kept = bytes([bytes_[0] ^ 1]) + bytes_[1:] if request.state.spoil and bytes_ else bytes_
                if label.endswith(".csv") and told.get("tabIngest") != "false":
                    label, kept = label[:-4] + ".tab", kept.replace(b",", b"\t")
                there = {each.name for each in found.files.values()}
                folder = _cleaned(folder)
                while (f"{folder}/{label}" if folder else label) in there:
                    stem, dot, suffix = label.rpartition(".")
                    label = f"{stem or suffix}-1{dot}{suffix if stem else ''}"
                file = DataFile(next(self.numbers), label, folder, kept)
                found.files[file.id] = file
                made.append(file.told())
            found.draft, found.locks = True, 1
            return _ok({"files": made})

        @routes.delete("/files/{number}")
        def remove(number: int) -> Response:
            for each in self.datasets.values():
                if number in each.files:
                    del each.files[number]
                    each.draft = True
                    return _ok({"message": "File deleted"})
            return _error(404, "File not found")

        @routes.get("/datasets/:persistentId/locks")
        @routes.get("/datasets/:persistentId/locks/")
        def locks(persistentId: str) -> Response:
            if (found := self.datasets.get(persistentId)) is None:
                return _error(404, "not found")
            found.locks, were = max(found.locks - 1, 0), found.locks
            return _ok([{"lockType": "EditInProgress"}] * min(were, 1))

        @routes.post("/datasets/:persistentId/actions/:publish")
        def publish(persistentId: str, request: Request) -> Response:
            if (found := self.datasets.get(persistentId)) is None:
                return _error(404, "not found")
            if self.indexing:
                self.indexing -= 1
                return _error(409, "Dataset is awaiting indexing")
            if found.locks or not found.draft or request.query_params.get("type") not in ("major", "minor"):
                return _error(403, "This dataset cannot be published now.")
            found.draft, found.locks = False, 1
            found.released.append(dict(found.files))
            return _ok({"id": found.id})

        app.include_router(routes, prefix="/api")
        app.include_router(routes, prefix="/api/v1")
        return app


def _unpacked(name: str, folder: str, content: bytes) -> list[tuple[str, str, bytes]]:
    """Return what becomes of an upload: an archive is unpacked, once."""
    if not name.lower().endswith((".zip", ".eln", ".ozx")) or not zipfile.is_zipfile(io.BytesIO(content)):
        return [(folder, name.rpartition("/")[2], content)]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(inside.filename.rpartition("/")[0], inside.filename.rpartition("/")[2], archive.read(inside))
                for inside in archive.infolist() if not inside.is_dir()]  # fmt: skip


def _cleaned(folder: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-. /]", "_", folder).strip("./ ")


def _ok(data: object, status: int = 200) -> Response:
    return JSONResponse({"status": "OK", "data": data}, status)


def _error(status: int, message: str) -> Response:
    return JSONResponse({"status": "ERROR", "message": message}, status)


def _not_by_block(version: dict[str, Any]) -> str | None:
    """Return what the citation block says against a version's metadata."""
    fields = version.get("metadataBlocks", {}).get("citation", {}).get("fields", [])
    there: dict[str, Any] = {}
    for each in fields:
        name, value = each.get("typeName"), each.get("value")
        if set(each) != {"typeName", "multiple", "typeClass", "value"}:
            return f"{name}: not a field"
        there[name] = value
        if name == "subject":
            if each["typeClass"] != "controlledVocabulary" or "Medicine, Health and Life Sciences" not in value:
                return "subject: not of the vocabulary"
            continue
        if name not in FIELDS:
            return f"Can't find type '{name}'"
        compound, multiple, parts = FIELDS[name]
        if each["multiple"] != multiple or each["typeClass"] != ("compound" if compound else "primitive"):
            return f"incorrect multiple or typeClass for field {name}"
        for one in value if compound else []:
            for part, told in one.items():
                if part not in parts or told["typeName"] != part or told["multiple"] is not False:
                    return f"{name}.{part}: not a part"
                if told["typeClass"] != ("controlledVocabulary" if parts[part] else "primitive") or not told["value"]:
                    return f"{name}.{part}: incorrect typeClass"
        if name == "contributor" and any(one["contributorType"]["value"] not in CONTRIBUTORS for one in value):
            return "contributorType: not of the vocabulary"
    for name, part in REQUIRED.items():
        value = there.get(name)
        if not value or (part and not all(part in one for one in value)):
            return f"{name} is required."
    return None if there.get("subject") else "Subject is required."
