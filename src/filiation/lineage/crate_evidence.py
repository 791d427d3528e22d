"""What stands in a run's crate for the run: its metadata, who sealed it, and the logs of a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue import Json, RunSummary, payload_path
from filiation.crate.metadata import METADATA_FILE, read_metadata
from filiation.crate.seals.sealing import seal_folders
from filiation.crate.seals.statement import SIGNATURE, STATEMENT, Statement
from filiation.errors import FiliationError
from filiation.model import crate_path, decode_path, is_uri

MOST_METADATA: Final = 8_000_000
"""Bytes of metadata up to which they are read for one job; of larger crates the file itself is what there is."""
TOLD: Final = ("wildcards", "threads", "resources", "schedulerJob", "submitted", "timeSource", "exitCode")
"""What crates tell of a job besides what the index keeps."""


@dataclass(frozen=True, slots=True)
class SealNoted:
    """A seal that lies in a crate; whether it holds was not looked at.

    Parameters
    ----------
    number
        Which.
    statement
        What it states; None if that cannot be read.
    is_signed
        Whether a signature lies beside it.
    """

    number: int
    statement: Statement | None
    is_signed: bool

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        stated = self.statement
        return {
            "number": self.number,
            "signer": None if stated is None else stated.signer,
            "meaning": None if stated is None else stated.meaning,
            "sealed": None if stated is None else f"{stated.sealed:%Y-%m-%dT%H:%M:%SZ}",
            "signed": self.is_signed,
        }


@dataclass(frozen=True, slots=True)
class CrateEvidence:
    """A run's crate, as it lies in the catalogue.

    Parameters
    ----------
    run
        The run.
    folder
        Name of its folder in ``crates/``; None if it is not known.
    metadata
        Digest of the metadata that the catalogue read, as written.
    size
        Bytes of the metadata file; None if it is not there.
    seals
        Those that lie in it, the oldest first.
    """

    run: RunSummary
    folder: str | None
    metadata: str | None
    size: int | None
    seals: tuple[SealNoted, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "run": self.run.to_json(),
            "folder": self.folder,
            "metadata": self.metadata,
            "size": self.size,
            "seals": [seal.to_json() for seal in self.seals],
        }


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What a crate tells of a job besides what every answer tells.

    Parameters
    ----------
    logs
        Paths of its logs, as the workflow named them, each with where it is in the crate; None if it is not there.
    details
        Names and values, as written.
    """

    logs: tuple[tuple[str, str | None], ...] = ()
    details: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "logs": [{"path": path, "in_crate": place} for path, place in self.logs],
            "details": dict(self.details),
        }


NO_RECORD: Final = JobRecord()
"""Where a crate tells nothing more, or is too large to be read for one job."""


def crate_evidence(run: RunSummary, folder: str | None, metadata: str | None, crates: Path) -> CrateEvidence:
    """Look at a crate's folder: at names and seals, and at nothing large."""
    if folder is None:
        return CrateEvidence(run, None, metadata, None)
    crate = crates / folder
    try:
        size: int | None = (crate / METADATA_FILE).stat().st_size
    except OSError:
        size = None
    return CrateEvidence(run, folder, metadata, size, tuple(_seals(crate)))


def job_record(action: str, crate_iri: str, crate: Path) -> JobRecord:
    """Read what a crate tells of a job; nothing where it is too large, or cannot be read."""
    try:
        if (crate / METADATA_FILE).stat().st_size > MOST_METADATA:
            return NO_RECORD
        document = read_metadata(crate)
    except (OSError, FiliationError):
        return NO_RECORD
    wanted = action.removeprefix(crate_iri)
    graph = document.get("@graph")
    entity = next((each for each in graph or () if isinstance(each, dict) and each.get("@id") == wanted), None)
    if entity is None:
        return NO_RECORD
    told = tuple((name, _text(entity[name])) for name in TOLD if entity.get(name) not in (None, "", "{}"))
    return JobRecord(tuple(_logs(entity, crate)), told)


def _seals(crate: Path) -> Iterator[SealNoted]:
    for number, folder in seal_folders(crate).items():
        try:
            stated = Statement.from_bytes((folder / STATEMENT).read_bytes(), folder / STATEMENT)
        except (OSError, FiliationError):
            stated = None
        yield SealNoted(number, stated, (folder / SIGNATURE).is_file())


def _logs(entity: dict[str, object], crate: Path) -> Iterator[tuple[str, str | None]]:
    try:
        named = [str(path) for _, path in json.loads(str(entity.get("logSlots") or "[]"))]
    except (ValueError, TypeError, RecursionError):
        return
    for path in named:
        inside = None if is_uri(path) else decode_path(crate_path(path))
        yield path, inside if inside is not None and payload_path(crate, inside) is not None else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
