"""Bytes against their record: which file differs, and what was made from it.

Every byte is read again; no cache and no time of modification is believed. What the workflow deleted itself, and what
a later run wrote again at the same place, is no damage and is counted apart.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, CatalogueFolder, EntityNode, Joining, LineageIndex, Manifests, carried
from filiation.catalogue.sites import is_elsewhere
from filiation.digest import Difference, compare_tree, digest_file, digest_tree
from filiation.errors import FiliationError
from filiation.lineage.findings import CheckReport, Finding
from filiation.lineage.walk import descendants
from filiation.model import Digest, DigestKind, Presence

if TYPE_CHECKING:
    from filiation.lineage.resolution import Resolver

ByteProgress = Callable[[int], None]
_EXPECTED_AWAY: Final = frozenset({Presence.DELETED, Presence.MISSING})


@dataclass(frozen=True, slots=True)
class Task:
    """One place to read again.

    Parameters
    ----------
    record
        What the newest run recorded there.
    place
        Where it is now.
    manifest
        The manifest file of a tree, if its crate has it.
    others
        What other runs recorded there, the newest first.
    """

    record: EntityNode
    place: Path
    manifest: Path | None = None
    others: tuple[EntityNode, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read, and what there is no point in reading.

    Parameters
    ----------
    tasks
        Places to read.
    carried
        Files and trees that crates carry themselves.
    overwritten
        Records whose place a later run wrote again, with that run's record.
    away
        Things that the workflow itself deleted, or that were away when they were recorded.
    unrecorded
        Things without a digest.
    """

    tasks: tuple[Task, ...]
    carried: tuple[Task, ...] = ()
    overwritten: tuple[tuple[EntityNode, EntityNode], ...] = ()
    away: tuple[EntityNode, ...] = ()
    unrecorded: tuple[EntityNode, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes there are to read: of files as they are now, of trees as they were recorded."""
        return sum(_size_now(task) for task in (*self.tasks, *self.carried))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading one place gave.

    Parameters
    ----------
    task
        What was read.
    what
        ``intact``, ``changed``, ``missing`` or ``unreadable``.
    files
        Files of a tree that differ.
    found
        The digest of what is there, where it was worked out.
    problem
        Why it could not be read.
    """

    task: Task
    what: str
    files: tuple[Difference, ...] = ()
    found: Digest | None = None
    problem: str | None = None


class Checker:
    """Compares what the catalogue recorded with what is there.

    Parameters
    ----------
    index, joining
        What was recorded.
    folder
        The catalogue.
    """

    def __init__(self, index: LineageIndex, joining: Joining, folder: CatalogueFolder) -> None:
        self._index = index
        self._joining = joining
        self._folder = folder
        self._manifests = Manifests(folder.crates, index.folder_of)
        self._folders = {run.iri: run.folder for run in index.runs()}

    def plan(self, thing: str | None, resolver: Resolver) -> Plan:
        """Decide what to read for one thing, or for everything."""
        if thing is None:
            return self._plan(self._index.entities(), whole=True)
        records = resolver.records_at(thing)
        if records:
            return self._plan(records, whole=False)
        found = resolver.resolve(thing)
        wanted = [entity for iri in found.nodes for entity in self._index.entities(iri=iri)]
        return self._plan(wanted, whole=False, only=found.digest)

    def plan_of(self, records: Iterable[EntityNode]) -> Plan:
        """Decide what to read for some records; what was written again at their places since is not read."""
        records = tuple(records)
        wanted = {record.digest for record in records}
        plan = self._plan(records, whole=False)
        tasks = tuple(task for task in plan.tasks if task.record.digest in wanted)
        return replace(plan, tasks=tasks)

    def _plan(self, records: Iterable[EntityNode], *, whole: bool, only: Digest | None = None) -> Plan:
        # A script may be worked on; what a crate carries of it is checked in the crate.
        data = [record for record in records if record.kind != CODE or not whole]
        # What lies at another site, or at an address, is not looked at here.
        places = {place for record in data if (place := record.place) is not None and not is_elsewhere(place)}
        tasks, overwritten, away, unrecorded = [], [], [], []
        for place in sorted(places):
            seen = self._newest_first(place)
            newest = seen[0]
            overwritten += [(old, newest) for old in self._versions(seen)[1:] if only in (None, old.digest)]
            if only is not None and newest.digest != only:
                continue
            if newest.presence in _EXPECTED_AWAY:
                away.append(newest)
            elif newest.digest is None:
                unrecorded.append(newest)
            else:
                tasks.append(Task(newest, self._now(newest), self._manifest(seen, newest), tuple(seen[1:])))
        kept = tuple(self._carried()) if whole else ()
        return Plan(tuple(tasks), kept, tuple(overwritten), tuple(away), tuple(unrecorded))

    def _newest_first(self, place: str) -> list[EntityNode]:
        seen = self._index.entities(place=place)
        # A run that found a thing says as much of it as one that made it; among one run's views the made one counts.
        return sorted(seen, key=lambda e: (self._joining.began(e), e.generated, e.iri), reverse=True)

    @staticmethod
    def _versions(seen: list[EntityNode]) -> list[EntityNode]:
        """Keep the newest record of each content."""
        versions: dict[Digest, EntityNode] = {}
        for entity in seen:
            if entity.digest is not None:
                versions.setdefault(entity.digest, entity)
        return list(versions.values())

    def _now(self, record: EntityNode) -> Path:
        """Return where a recorded place is now: in the catalogue's own folder, if the run's has been moved with it."""
        return place_now(record, self._folders.get(record.crate), self._folder.root.parent)

    def _manifest(self, seen: Iterable[EntityNode], record: EntityNode) -> Path | None:
        same = (entity for entity in (record, *seen) if entity.digest == record.digest)
        return next((path for entity in same if (path := self._manifests.path_of(entity))), None)

    def _carried(self) -> Iterator[Task]:
        for run in self._index.runs():
            name = self._index.folder_of(run.iri)
            crate = self._folder.crates / (name or "")
            try:
                found = tuple(carried(crate)) if name is not None else ()
            except FiliationError:
                continue  # the ledger names the crates that cannot be read
            for reference, digest in found:
                place = crate / reference
                record = EntityNode(run.iri + reference, run.iri, str(place), digest=digest, place=str(place))
                manifest = crate / "manifests" / f"{digest.hex}.sha256"
                yield Task(record, place, manifest if manifest.is_file() else None)

    @staticmethod
    def read(plan: Plan, progress: ByteProgress | None = None) -> tuple[Outcome, ...]:
        """Read everything that is planned.

        Parameters
        ----------
        plan
            What to read.
        progress
            Called with the number of bytes read since the last call.
        """
        return tuple(_read(task, progress) for task in (*plan.tasks, *plan.carried))

    @staticmethod
    def report(plan: Plan, outcomes: Iterable[Outcome], index: LineageIndex, joining: Joining) -> CheckReport:
        """Say what differs, and what descends from it."""
        outcomes = tuple(outcomes)
        findings = tuple(_finding(outcome, index, joining) for outcome in outcomes if outcome.what != "intact")
        return CheckReport(
            findings=findings,
            intact=sum(outcome.what == "intact" for outcome in outcomes),
            size=sum(outcome.task.record.size or 0 for outcome in outcomes),
            overwritten=plan.overwritten,
            away=plan.away,
            unrecorded=plan.unrecorded,
        )


def _size_now(task: Task) -> int:
    with suppress(OSError):
        if task.place.is_file():
            return task.place.stat().st_size
    return task.record.size or 0


def place_now(record: EntityNode, folder: str | None, home: Path) -> Path:
    """Return where a recorded place is now.

    Parameters
    ----------
    record
        What was recorded.
    folder
        Of the run that recorded it.
    home
        The folder in which the catalogue stands: where things are if the run's folder was moved with it.
    """
    place = record.place or record.path
    if folder is None or Path(folder).exists() or not Path(place).is_relative_to(folder):
        return Path(place)
    return home / os.path.relpath(place, folder)


def _read(task: Task, progress: ByteProgress | None) -> Outcome:
    expected = task.record.digest
    if expected is None or not os.path.lexists(task.place):
        return Outcome(task, "missing")
    try:
        if expected.kind is DigestKind.TREE:
            return _read_tree(task, expected, progress)
        if not task.place.is_file():
            return Outcome(task, "changed", problem="it is no longer a file")
        found = digest_file(task.place)
    except FiliationError as error:
        return Outcome(task, "unreadable", problem=str(error))
    if progress is not None:
        progress(task.place.stat().st_size)
    return Outcome(task, "intact" if found == expected else "changed", found=found)


def _read_tree(task: Task, expected: Digest, progress: ByteProgress | None) -> Outcome:
    if not task.place.is_dir():
        return Outcome(task, "changed", problem="it is no longer a folder")
    manifest = task.manifest.read_bytes() if task.manifest is not None else None
    if manifest is None or hashlib.sha256(manifest).hexdigest() != expected.hex:
        found = digest_tree(task.place, progress=progress).digest
        problem = "its manifest is not in the crate, so the file cannot be named"
        if task.manifest is not None:
            problem = f"its manifest {task.manifest} was changed, so the file cannot be named"
        return Outcome(task, "intact" if found == expected else "changed", found=found, problem=problem)
    differences = compare_tree(task.place, manifest, progress=progress)
    return Outcome(task, "changed" if differences else "intact", differences)


def _finding(outcome: Outcome, index: LineageIndex, joining: Joining) -> Finding:
    record = outcome.task.record
    same = [entity for entity in outcome.task.others if entity.digest == record.digest]
    walked = descendants(index, joining, [record.iri, *(entity.iri for entity in same)])
    below: dict[tuple[str, str], EntityNode] = {}
    for iri in sorted(walked.iris):
        for entity in index.entities(iri=iri):
            if entity.place != record.place:
                below.setdefault((entity.path, str(entity.digest)), entity)
    older = next((e for e in outcome.task.others if outcome.found is not None and e.digest == outcome.found), None)
    return Finding(
        record=record,
        place=str(outcome.task.place),
        what=outcome.what,
        files=outcome.files,
        found=outcome.found,
        problem=outcome.problem,
        holds=older,
        downstream=tuple(sorted(below.values(), key=lambda entity: (entity.path, entity.iri))),
    )
