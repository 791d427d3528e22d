"""Zenodo and every other InvenioRDM, by its REST API: drafts, reserved DOIs, files in three steps.

Source: the REST API reference of docs-invenio-rdm (8064a4b). Keys of files are flat. The legacy API of Zenodo
(``/api/deposit/depositions``) is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from filiation.errors import BadInputError, NotFoundError
from filiation.publish.deposits.http import Answer, GoneError, Http, RefusedError
from filiation.publish.deposits.repository import Advance, LocalFile, Payload, Record, Stored
from filiation.publish.deposits.services import Service
from filiation.publish.deposits.understanding import understood
from filiation.publish.description.names import doi_of

RECORD: Final = "application/vnd.inveniordm.v1+json, application/json;q=0.5"
"""What is accepted of records: Zenodo answers in another form to whoever accepts any JSON."""
_NOT_OFFERED: Final = (404, 405)


class InvenioRdm:
    """One InvenioRDM.

    Parameters
    ----------
    service
        Which one.
    http
        Requests to it.
    """

    def __init__(self, service: Service, http: Http) -> None:
        self.service = service
        self._http = http

    @understood
    def find(self, marker: str) -> Record | None:
        """Return this user's record that carries a marker; of several a draft, the oldest first."""
        asked = {"q": f'metadata.identifiers.identifier:"{marker}"', "size": "25", "sort": "oldest"}
        answer = self._http.get("/api/user/records", asked, RECORD)
        hits = (answer["hits"] or {}).get("hits", [])
        # The index may name a draft that is gone, and an old edition of what is there.
        ours = (hit for hit in hits if marker in _identifiers(hit))
        found = [record for hit in ours if (record := self.look(str(hit["id"]))) is not None]
        return min(found, key=lambda record: record.published, default=None)

    @understood
    def create(self, payload: Payload) -> Record:
        """Make a draft."""
        return self._record(self._http.send("POST", "/api/records", value=payload, accept=RECORD, once=True))

    @understood
    def new_version(self, of: str) -> Record:
        """Return the draft of the next version; a second call returns the same."""
        return self._record(self._http.send("POST", f"/api/records/{self._id_of(of)}/versions", accept=RECORD))

    @understood
    def look(self, record: str) -> Record | None:
        """Return a record as it is now: its draft, else what is published."""
        for place in (_draft(record), _published(record)):
            with suppress(GoneError):
                return self._record(self._http.get(place, accept=RECORD))
        return None

    @understood
    def reserve(self, record: Record) -> str | None:
        """Return the DOI that is kept for a draft, reserved if need be."""
        try:
            self._http.send("POST", f"{_draft(record.id)}/pids/doi", accept=RECORD)
        except (RefusedError, GoneError) as error:
            there = self.look(record.id)
            if there is None:
                raise
            if there.doi is None and not (isinstance(error, GoneError) or error.status in _NOT_OFFERED):
                raise
            return there.doi
        return self._record(self._http.get(_draft(record.id), accept=RECORD)).doi

    @understood
    def stored(self, record: Record) -> Mapping[str, Stored]:
        """Return the files of a record."""
        place = _published(record.id) if record.published else _draft(record.id)
        entries = self._http.get(f"{place}/files")["entries"] or []
        return {entry["key"]: _stored(entry) for entry in entries}

    @understood
    def upload(self, record: Record, file: LocalFile, advance: Advance) -> Stored:
        """Send a file in three steps; one that breaks off leaves the file pending, to be removed and sent again."""
        place = f"{_draft(record.id)}/files"
        key = quote(file.name, safe="")
        self._http.send("POST", place, value=[{"key": file.name}], once=True)
        self._http.send("PUT", f"{place}/{key}/content", file=file.path, once=True, advance=advance)
        return _stored(self._http.send("POST", f"{place}/{key}/commit", once=True).body)

    def remove(self, record: Record, stored: Stored) -> None:
        """Take a file out of a draft."""
        with suppress(GoneError):
            self._http.send("DELETE", f"{_draft(record.id)}/files/{quote(stored.name, safe='')}")

    @understood
    def describe(self, record: Record, payload: Payload) -> tuple[str, ...]:
        """Write a draft's metadata; its DOI is sent along, as it would be let go otherwise."""
        now = self._http.get(_draft(record.id), accept=RECORD)
        whole = {**payload, "pids": now["pids"] or {}}
        return self._record(self._http.send("PUT", _draft(record.id), value=whole, accept=RECORD)).problems

    def publish(self, record: Record) -> None:
        """Publish a draft."""
        self._http.send("POST", f"{_draft(record.id)}/actions/publish", accept=RECORD, once=True)

    def discard(self, record: Record) -> None:
        """Remove a draft."""
        with suppress(GoneError):
            self._http.send("DELETE", _draft(record.id))

    def _record(self, answer: Answer) -> Record:
        told = answer.body if isinstance(answer.body, dict) else {}
        number = told.get("id")
        if number is None:
            raise BadInputError(
                f"What {self.service} sends is no record of InvenioRDM: it has no id. Is {self.service.address} the "
                "address of one?"
            )
        stated = str(((told.get("pids") or {}).get("doi") or {}).get("identifier") or told.get("doi") or "")
        doi = stated if doi_of(stated) else None  # it is written into the crate
        published = bool(told.get("is_published", told.get("submitted"))) and not told.get("is_draft", False)
        links = told.get("links") or {}
        page = links.get("self_html") or f"{self.service.address}/{'records' if published else 'uploads'}/{number}"
        return Record(str(number), str(page), doi, published, tuple(_problems(told)))

    def _id_of(self, named: str) -> str:
        """Return the id of a published record that a user named by its id, page or DOI."""
        doi = doi_of(named)
        if doi is None:
            return named.rstrip("/").rpartition("/")[2]
        answer = self._http.get("/api/records", {"q": f'pids.doi.identifier:"{doi}"', "allversions": "true"}, RECORD)
        hits = (answer["hits"] or {}).get("hits", [])
        if not hits:
            raise NotFoundError(f"{self.service} has no published record with the DOI {doi}. Name its id, or its page.")
        return str(hits[0]["id"])


def _draft(record: str) -> str:
    return f"/api/records/{quote(record, safe='')}/draft"


def _published(record: str) -> str:
    return f"/api/records/{quote(record, safe='')}"


def _stored(entry: Mapping[str, Any]) -> Stored:
    algorithm, _, checksum = str(entry.get("checksum") or "").partition(":")
    return Stored(entry["key"], entry.get("status") == "completed", entry.get("size"), algorithm, checksum)


def _identifiers(hit: Mapping[str, Any]) -> list[str]:
    return [str(each.get("identifier")) for each in (hit.get("metadata") or {}).get("identifiers") or []]


def _problems(told: Mapping[str, Any]) -> Iterator[str]:
    for error in told.get("errors") or ():
        said = error.get("messages") or []
        yield f"{error.get('field')}: {' '.join(map(str, said)) if isinstance(said, list) else said}"
