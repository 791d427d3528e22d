"""Dataverse, by its native API: a dataset's draft, its files with their folders, locks waited for.

Source: the native API guide and ``Datasets.java`` of IQSS/dataverse (b485249). Three traps are avoided: a ``.zip``
would be unpacked, so it is sent inside another; tables would be rewritten, so ``tabIngest`` is off; and a name that
would be changed is refused before anything is sent (:mod:`filiation.publish.deposits.dataverse_metadata`).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from filiation.errors import BadInputError, NotFoundError, ServerError
from filiation.publish.deposits.bodies import Part
from filiation.publish.deposits.http import Answer, GoneError, Http, LostAnswerError, RefusedError
from filiation.publish.deposits.patience import Patience
from filiation.publish.deposits.repository import Advance, LocalFile, Payload, Record, Stored
from filiation.publish.deposits.services import Service
from filiation.publish.deposits.understanding import understood
from filiation.publish.description.names import doi_of

UNPACKED: Final = (".zip", ".eln", ".ozx")
"""How names end of what would be unpacked on arrival."""
_DRAFT: Final = "DRAFT"
_INDEXING: Final = 409


class Dataverse:
    """One collection of one Dataverse.

    Parameters
    ----------
    service, http
        Which one, and requests to it.
    collection
        Alias of the collection that datasets are made in.
    patience
        How long locks are waited for.
    """

    def __init__(self, service: Service, http: Http, collection: str, patience: Patience) -> None:
        self.service = service
        self._http, self._collection, self._patience = http, collection, patience

    @understood
    def find(self, marker: str) -> Record | None:
        """Return this user's dataset that carries a marker; a draft first."""
        asked = {"q": f'otherIdValue:"{marker}"', "type": "dataset", "per_page": "25"}
        items = (self._http.get("/api/search", asked)["data"] or {}).get("items", [])
        found = [record for item in items if (record := self._marked(str(item["global_id"]), marker)) is not None]
        return min(found, key=lambda record: record.published, default=None)

    @understood
    def create(self, payload: Payload) -> Record:
        """Make a dataset, which is a draft with a DOI."""
        place = f"/api/dataverses/{quote(self._collection, safe='')}/datasets"
        try:
            told = self._http.send("POST", place, value={"datasetVersion": payload}, once=True)["data"] or {}
        except GoneError as error:
            raise NotFoundError(
                f"{self.service} has no collection {self._collection!r}, or not for this token. Name one by the alias "
                "in its address: --collection ALIAS."
            ) from error
        return self._record(str(told["persistentId"]), published=False)

    @understood
    def new_version(self, of: str) -> Record:
        """Return the draft of the next version of a dataset, which keeps its DOI."""
        named = _persistent(of)
        latest = self._latest(named)
        if latest is None:
            raise NotFoundError(f"{self.service} has no dataset {named}, or not for this token.")
        if latest.get("versionState") != _DRAFT:
            kept: tuple[str, ...] = ("license", "termsOfUse", "metadataBlocks")
            body = {name: latest[name] for name in kept if name in latest}
            self._write(named, body)
        return self._record(named, published=False)

    @understood
    def look(self, record: str) -> Record | None:
        """Return a dataset as it is now."""
        latest = self._latest(record)
        return None if latest is None else self._record(record, published=latest.get("versionState") != _DRAFT)

    def reserve(self, record: Record) -> str | None:
        """Return the DOI, which a dataset has since it was made; None if it has a handle."""
        return record.doi

    @understood
    def stored(self, record: Record) -> Mapping[str, Stored]:
        """Return the files of a dataset by folder and label."""
        version = ":latest-published" if record.published else ":latest"
        place = f"/api/datasets/:persistentId/versions/{version}/files"
        found = (_stored(entry) for entry in self._http.get(place, _of(record.id))["data"] or [])
        return {each.name: each for each in found}

    @understood
    def upload(self, record: Record, file: LocalFile, advance: Advance) -> Stored:
        """Send a file."""
        folder, _, label = file.name.rpartition("/")
        told = {
            "description": "",
            "directoryLabel": folder,
            "categories": ["Data"],
            "restrict": "false",
            "tabIngest": "false",
        }
        if not folder:
            del told["directoryLabel"]
        self._wait_for_locks(record.id)
        with _as_it_arrives(file) as (path, name):
            form = (Part("file", path, name or label), Part("jsonData", json.dumps(told)))
            answer = self._http.send(
                "POST", "/api/datasets/:persistentId/add", parameters=_of(record.id), form=form, once=True,
                advance=advance,
            )  # fmt: skip
        arrived = [_stored(entry) for entry in (answer["data"] or {}).get("files", [])]
        found = next((each for each in arrived if each.name == file.name), None)
        if found is None:
            names = ", ".join(each.name for each in arrived) or "nothing"
            raise BadInputError(
                f"{self.service} took {file.name} and keeps it as {names}; identifiers in the crate would lead "
                "nowhere. Remove that file there, and deposit the crate as one archive: --one-archive."
            )
        return found

    @understood
    def remove(self, record: Record, stored: Stored) -> None:
        """Take a file out of a draft."""
        self._wait_for_locks(record.id)
        with suppress(GoneError):
            self._http.send("DELETE", f"/api/files/{quote(stored.id, safe='')}")

    @understood
    def describe(self, record: Record, payload: Payload) -> tuple[str, ...]:
        """Write a draft's metadata."""
        self._write(record.id, payload)
        return ()

    @understood
    def publish(self, record: Record) -> None:
        """Publish a draft as a major version."""
        self._wait_for_locks(record.id)
        asked = _of(record.id) | {"type": "major", "assureIsIndexed": "true"}
        try:
            self._http.send("POST", "/api/datasets/:persistentId/actions/:publish", parameters=asked, once=True)
        except RefusedError as error:
            if error.status != _INDEXING:
                raise
            raise LostAnswerError(str(error)) from error

    @understood
    def discard(self, record: Record) -> None:
        """Remove a draft; of a dataset that was never published, the dataset."""
        with suppress(GoneError):
            self._wait_for_locks(record.id)
        with suppress(GoneError):
            self._http.send("DELETE", "/api/datasets/:persistentId/versions/:draft", parameters=_of(record.id))

    def _write(self, record: str, body: Payload) -> None:
        self._wait_for_locks(record)
        place = "/api/datasets/:persistentId/versions/:draft"
        self._http.send("PUT", place, parameters=_of(record), value=body)

    def _latest(self, record: str) -> dict[str, Any] | None:
        try:
            told: Answer = self._http.get("/api/datasets/:persistentId/", _of(record))
        except GoneError:
            return None
        return dict((told["data"] or {}).get("latestVersion") or {})

    def _marked(self, record: str, marker: str) -> Record | None:
        """Return a dataset if it is there, and carries the marker: the index may tell of what was."""
        latest = self._latest(record)
        if latest is None or marker not in json.dumps(latest.get("metadataBlocks", {})):
            return None
        return self._record(record, published=latest.get("versionState") != _DRAFT)

    def _record(self, persistent: str, *, published: bool) -> Record:
        stated = persistent.removeprefix("doi:")
        doi = stated if persistent.startswith("doi:") and doi_of(stated) else None  # it is written into the crate
        page = f"{self.service.address}/dataset.xhtml?persistentId={persistent}"
        return Record(persistent, page if published else f"{page}&version=DRAFT", doi, published)

    def _wait_for_locks(self, record: str) -> None:
        """Wait until nothing is going on with a dataset: what is sent meanwhile would be refused."""
        for pause in (*self._patience.pauses(), None):
            locks = self._http.get("/api/datasets/:persistentId/locks", _of(record))["data"] or []
            if not locks:
                return
            if pause is not None:
                self._patience.sleep(pause)
        kinds = ", ".join(sorted({str(lock.get("lockType")) for lock in locks}))
        raise ServerError(f"{self.service} keeps {record} locked ({kinds}). Call again when that is over; it goes on.")


@contextmanager
def _as_it_arrives(file: LocalFile) -> Iterator[tuple[Path, str | None]]:
    """Give what is to be sent so that a file arrives as it is: an archive inside another, which is unpacked there."""
    if not file.name.lower().endswith(UNPACKED):
        yield file.path, None
        return
    wrapped = file.path.with_name(f".{file.path.name}.wrapped")
    try:
        with zipfile.ZipFile(wrapped, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.write(file.path, file.name)
        yield wrapped, f"{Path(file.name).name}.zip"
    finally:
        wrapped.unlink(missing_ok=True)


def _of(record: str) -> dict[str, str]:
    return {"persistentId": record}


def _persistent(named: str) -> str:
    """Return a dataset's persistent identifier, however a user named it."""
    _, _, after = named.partition("persistentId=")
    plain = (after or named).partition("&")[0]
    # Dataverse keeps DOIs in capitals, and does not know them otherwise.
    return f"doi:{plain[plain.index('10.') :]}" if doi_of(plain) is not None else plain


def _stored(entry: Mapping[str, Any]) -> Stored:
    data = entry.get("dataFile") or {}
    told = data.get("checksum") or {"type": "MD5", "value": data.get("md5", "")}
    folder, label = str(entry.get("directoryLabel") or ""), str(entry.get("label"))
    return Stored(
        f"{folder}/{label}" if folder else label, True, data.get("filesize"),
        str(told["type"]).replace("-", "").lower(), str(told["value"]), str(data.get("id")),
    )  # fmt: skip
