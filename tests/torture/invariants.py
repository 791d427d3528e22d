"""What must hold after a kill, and what must hold once the run was resumed and packed. Each breach is one sentence."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import filiation
from filiation.capture.journal import Journal, read_journal
from filiation.capture.steps import read_step_records
from filiation.catalogue import payload_path
from filiation.crate import METADATA, read_crate
from filiation.errors import FiliationError
from filiation.model import Status, WorkflowRun, is_uri


@dataclass(frozen=True)
class Seen:
    """The oracle: what a bystander had read just before the kill."""

    journals: Mapping[str, bytes]
    crates: frozenset[str]

    @classmethod
    def now(cls, catalogue: Path) -> Seen:
        journals = {}
        for path in catalogue.joinpath("journals").glob("*.jsonl"):
            try:
                journals[path.stem] = path.read_bytes()
            except FileNotFoundError:
                continue
        crates = catalogue.joinpath("crates").glob("[!.]*")
        return cls(journals, frozenset(path.name for path in crates if (path / METADATA).exists()))


def after_the_kill(catalogue: Path, seen: Seen) -> Iterator[str]:
    """Yield what was lost or left half done."""
    for run, content in seen.journals.items():
        place = catalogue / "journals" / f"{run}.jsonl"
        if not place.exists():
            if any(b'"event":"job_started"' in line for line in content.splitlines()):
                yield f"the journal of {run} is gone"
            continue
        if not place.read_bytes().startswith(content):
            yield f"the journal of {run} lost what had been read"
        yield from _acknowledged(place, content)
    for run in seen.crates:
        if not (catalogue / "crates" / run).exists():
            yield f"the crate of {run} is gone"
    yield from _broken_crates(catalogue)
    yield from _torn_step_records(catalogue)


def _torn_step_records(catalogue: Path) -> Iterator[str]:
    for folder in sorted(catalogue.joinpath("steps").glob("*")):
        yield from read_step_records(folder)[1]


def at_rest(project: Path) -> Iterator[str]:
    """Yield what is wrong when everything was resumed and packed."""
    catalogue = project / ".filiation"
    left = [path.name for path in catalogue.joinpath("crates").glob(".*")]
    left += [path.name for path in catalogue.joinpath("packing").glob("*")]
    if left:
        yield f"left behind: {left}"
    yield from _broken_crates(catalogue)
    journals = {path.stem: read_journal(path) for path in catalogue.joinpath("journals").glob("*.jsonl")}
    crates = {path.name: read_crate(path) for path in catalogue.joinpath("crates").glob("*")}
    yield from _unpacked(journals, crates)
    yield from _torn_step_records(catalogue)
    known = {summary.id: summary.status for summary in filiation.open(catalogue).runs()}
    if known != {run: crate.status.value for run, crate in crates.items()}:
        yield f"the catalogue answers {known}"
    yield from _claimed_twice(project, crates)


def _acknowledged(place: Path, content: bytes) -> Iterator[str]:
    try:
        events = read_journal(place).events
    except FiliationError as error:
        yield f"the journal does not verify: {error}"
        return
    if len(events) < content.count(b"\n"):
        lines = content.count(b"\n")
        yield f"{lines} lines of the journal {place.name} had been read, {len(events)} are left"


def _broken_crates(catalogue: Path) -> Iterator[str]:
    for crate in sorted(catalogue.joinpath("crates").glob("[!.]*")):
        for breach in incomplete(crate):
            yield f"the crate {crate.name}: {breach}"


def incomplete(crate: Path) -> Iterator[str]:
    """Yield what a crate lists and does not hold, or holds otherwise than listed."""
    try:
        run = read_crate(crate)
        events = read_journal(crate / "journal.jsonl").events
    except FiliationError as error:
        yield str(error)
        return
    if run.id != crate.name or not events:
        yield f"it is of the run {run.id} and has {len(events)} events"
    for entity in json.loads((crate / METADATA).read_text("ascii"))["@graph"]:
        yield from _missing(crate, entity)
    for manifest in crate.glob("manifests/*.sha256"):
        if hashlib.sha256(manifest.read_bytes()).hexdigest() != manifest.stem:
            yield f"{manifest.name} is not what its name says"


def _missing(crate: Path, entity: Mapping[str, object]) -> Iterator[str]:
    tree = entity.get("treeDigest")
    if tree and not (crate / "manifests" / f"{tree}.sha256").exists():
        yield f"the manifest of {entity['@id']} is not there"
    kinds, name = entity.get("@type"), str(entity["@id"])
    if "File" not in (kinds if isinstance(kinds, list) else [kinds]) or name.startswith("#") or is_uri(name):
        return
    place = payload_path(crate, name)
    if place is None:
        yield f"{name} is listed and not there"
    elif entity.get("sha256") and hashlib.sha256(place.read_bytes()).hexdigest() != entity["sha256"]:
        yield f"{name} has other bytes than recorded"


def _unpacked(journals: Mapping[str, Journal], crates: Mapping[str, WorkflowRun]) -> Iterator[str]:
    for run, journal in journals.items():
        if not journal.events:
            continue
        crate = crates.get(run)
        if crate is None:
            yield f"the run {run} is not packed"
            continue
        ended = journal.events[-1].kind == "run_ended"
        if not ended and crate.status is not Status.INTERRUPTED:
            yield f"the killed run {run} is called {crate.status.value}"
        finished = [event.data["job"] for event in journal.events if event.kind == "job_finished"]
        told = [action.job for action in crate.actions if action.status is Status.FINISHED]
        if not set(told) <= set(finished):
            yield f"the run {run} claims jobs {told}, and the journal says that {finished} finished"


def _claimed_twice(project: Path, crates: Mapping[str, WorkflowRun]) -> Iterator[str]:
    """Compare how often an output is claimed with how often it was really made: each job says so in ``made.log``."""
    log = project / "made.log"
    made = Counter(log.read_text().split()) if log.exists() else Counter()
    claimed = Counter(
        slot.path
        for crate in crates.values()
        for action in crate.actions
        if action.status is Status.FINISHED
        for slot in action.outputs
    )
    for path, times in claimed.items():
        if times > made[path]:
            yield f"{path} is claimed by {times} finished actions and was made {made[path]} times"
