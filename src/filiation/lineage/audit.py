"""The audit: what somebody must know who is to rely on the results of recorded runs.

Bytes are compared with their record by digest; files whose size, times and inode are those of the last reading are not
read again (``filiation check`` reads everything). The catalogue is not held while files are read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, USED, ActionNode, CatalogueFolder, EntityNode, Joining, LineageIndex
from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.errors import FiliationError
from filiation.lineage import words
from filiation.lineage.audit_findings import ORDER, AuditFinding, AuditReport, Severity
from filiation.lineage.gathering import Gathered, gather, place_of, recorded_place, unfinished_statuses
from filiation.lineage.integrity import Checker, Plan, Task
from filiation.lineage.label_audit import Labels, label_findings, labels_of
from filiation.lineage.remote_findings import remote_findings
from filiation.lineage.walk import descendants
from filiation.model import Action, Digest, EntityKind, Presence, Status, WorkflowRun

if TYPE_CHECKING:
    from filiation.lineage.resolution import Resolver

Progress = Callable[[int], None]
_MOST_EVIDENCE: Final = 10


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """An output that an unfinished action declared, and that no attempt in its run made.

    Parameters
    ----------
    run, action
        Which run, and which attempt of which job.
    place
        Where it would be.
    path
        As the workflow names it.
    earlier
        Digests that finished actions recorded there before: what is there may still be that.
    taken_for_done
        Runs that found it up to date since.
    below
        What was made from it since, and not again.
    remade
        Whether a later run made it.
    """

    run: WorkflowRun
    action: Action
    place: Path
    path: str
    earlier: tuple[Digest, ...]
    taken_for_done: tuple[str, ...]
    below: tuple[EntityNode, ...]
    remade: bool


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What was found in the record alone, and what has to be looked at on disk."""

    findings: tuple[AuditFinding, ...]
    left_behind: tuple[LeftBehind, ...]
    labels: tuple[Labels, ...]
    bytes: Plan
    made: frozenset[str]
    runs: int


class Auditor:
    """Goes through a catalogue.

    Parameters
    ----------
    folder
        The catalogue.
    """

    def __init__(self, folder: CatalogueFolder) -> None:
        self._folder = folder
        self._home = folder.root.parent

    def gather(self) -> Gathered:
        """Read crates and journals; needs no index."""
        return gather(self._folder)

    def plan(self, gathered: Gathered, index: LineageIndex, joining: Joining, resolver: Resolver) -> AuditPlan:
        """Find what the record alone tells, with every run known."""
        findings = list(gathered.findings)
        left: list[LeftBehind] = []
        for run in gathered.runs:
            waiting = list(self._unfinished(run, index, joining))
            left += waiting
            findings += _interrupted(run, waiting)
            findings += _not_captured(run)
        entities = index.entities()
        suspect = {recorded_place(found.run, found.path) for found in left}
        findings += _makerless((e for e in entities if e.place not in suspect), index, joining)
        findings += remote_findings(entities, joining)
        findings += _backwards(index.actions())
        made = frozenset(entity.place for entity in entities if entity.generated and entity.place is not None)
        labels = tuple(found for run in gathered.runs for found in labels_of(run, self._home))
        plan = Checker(index, joining, self._folder).plan(None, resolver)
        return AuditPlan(tuple(findings), tuple(left), labels, plan, made, len(gathered.runs))

    def look(self, plan: AuditPlan, progress: Progress | None = None) -> AuditReport:
        """Look at what is on disk; takes as long as what has changed takes to read."""
        findings = list(plan.findings)
        with DigestCache(self._folder.digests) as cache:
            for left in plan.left_behind:
                findings += _left_behind(left, cache)
            for task in (*plan.bytes.tasks, *plan.bytes.carried):
                findings += _changed(task, plan, cache, progress)
        for label in plan.labels:
            findings += label_findings(label)
        ordered = sorted(findings, key=lambda found: (ORDER.index(found.severity), found.kind, found.where, found.what))
        things = len(plan.bytes.tasks) + len(plan.bytes.away) + len(plan.bytes.unrecorded)
        return AuditReport(tuple(ordered), plan.runs, things)

    def _unfinished(self, run: WorkflowRun, index: LineageIndex, joining: Joining) -> Iterator[LeftBehind]:
        """Yield the outputs of unfinished actions that no finished attempt of the run made."""
        finished = {slot.path for action in run.actions if action.status is Status.FINISHED for slot in action.outputs}
        seen: set[str] = set()
        for action in reversed(run.actions):
            for slot in action.outputs if action.status in unfinished_statuses() else ():
                if slot.path not in finished and slot.path not in seen:
                    seen.add(slot.path)
                    yield self._afterwards(run, action, slot.path, index, joining)

    def _afterwards(
        self, run: WorkflowRun, action: Action, path: str, index: LineageIndex, joining: Joining
    ) -> LeftBehind:
        """Find what other runs made there before, and what became of the leftover since."""
        records = [record for record in index.entities(place=recorded_place(run, path)) if record.crate != run.iri]
        later = [record for record in records if joining.began(record) > run.started]
        remade = min((joining.began(record) for record in later if record.generated), default=None)
        took = [r for r in later if not r.generated and (remade is None or joining.began(r) <= remade)]
        reached = descendants(index, joining, [record.iri for record in took]).iris if took else set()
        below = [entity for iri in sorted(reached) for entity in index.entities(iri=iri) if entity.generated]
        return LeftBehind(
            run=run,
            action=action,
            place=place_of(run, path, self._home),
            path=path,
            remade=remade is not None,
            earlier=tuple(r.digest for r in records if r.generated and r.digest is not None and r not in later),
            taken_for_done=tuple(sorted({_id(record.crate) for record in took if record.reused})),
            below=tuple(entity for entity in below if _is_newest(entity, index, joining)),
        )


def _is_newest(entity: EntityNode, index: LineageIndex, joining: Joining) -> bool:
    """Tell whether nothing was recorded to be made at a thing's place since."""
    since = index.entities(place=entity.place) if entity.place is not None else ()
    return not any(other.generated and joining.began(other) > joining.began(entity) for other in since)


def _left_behind(left: LeftBehind, cache: DigestCache) -> Iterator[AuditFinding]:
    name = f"{left.action.rule} (job {left.action.job}, attempt {left.action.attempt})"
    reason = " ".join((left.action.error or "no reason was recorded").split())
    evidence = [f"the job ended {left.action.status.value}: {reason}"]
    if left.taken_for_done:
        runs = ", ".join(run[:8] for run in left.taken_for_done)
        evidence.append(f"Snakemake has called it up to date since, in run {runs}")
    action = left.run.iri + left.action.local_id
    for made in left.below:
        if made.place is not None and os.path.lexists(made.place):
            yield AuditFinding(
                Severity.SERIOUS,
                "made-from-leftover",
                f"Made from {left.path} when that was what an unfinished job had left.",
                made.place,
                f"Run the workflow again from there: snakemake --forcerun {left.action.rule}",
                run=_id(made.crate),
                action=action,
                evidence=(f"left by {name} of run {left.run.id[:8]}", *evidence),
            )
    if left.remade or not os.path.lexists(left.place):
        return
    now = _digest(left.place, cache)
    if now is not None and now in left.earlier:
        return  # what a finished action made before; the unfinished one never came to write it
    known = left.run.entity(left.path)
    if known is not None and known.digest is not None:
        same = "still" if known.digest == now else "since changed; it was"
        evidence.append(f"its bytes are {same} those that were there when the run was packed ({known.digest})")
    yield AuditFinding(
        Severity.SERIOUS,
        "left-behind",
        f"This output of {name} is on disk, but the job did not finish: it may be half written, and Snakemake takes "
        "whatever is there for finished.",
        str(left.place),
        f"Delete it and run the workflow again, or force it: snakemake --force {left.path}",
        run=left.run.id,
        action=action,
        evidence=tuple(evidence),
    )


def _interrupted(run: WorkflowRun, left: list[LeftBehind]) -> Iterator[AuditFinding]:
    if run.status is not Status.INTERRUPTED:
        return
    open_jobs = [action for action in run.actions if action.status is Status.INTERRUPTED]
    done_since = bool(open_jobs) and all(found.remade for found in left)
    yield AuditFinding(
        Severity.NOTE if done_since else Severity.WARNING,
        "interrupted",
        "The run was stopped before it ended; a later run made what it had not finished."
        if done_since
        else "The run was stopped before it ended.",
        f"run {run.id}",
        "Nothing." if done_since else "Run the workflow again, with --rerun-incomplete.",
        run=run.id,
        evidence=(
            f"started {run.started:%Y-%m-%d %H:%M:%S} UTC in {run.folder}",
            f"{words.counted(len(open_jobs), 'job')} had begun and not ended",
        ),
    )


def _not_captured(run: WorkflowRun) -> Iterator[AuditFinding]:
    # That a run has no end is told as a finding of its own.
    if run.recorded_by != "journal":
        yield AuditFinding(
            Severity.NOTE,
            "backfilled",
            "Recorded afterwards, from Snakemake's metadata: of low confidence, and how the jobs ended is not known.",
            f"run {run.id}",
            "Run the workflow again under the logger for what matters.",
            run=run.id,
        )
        return
    said = tuple(text for text in run.not_captured if run.status is not Status.INTERRUPTED or "has no end" not in text)
    if said:
        yield AuditFinding(
            Severity.WARNING,
            "not-captured",
            "Not everything of the run was captured.",
            f"run {run.id}",
            "Run it again if what is missing matters; nothing can be added afterwards.",
            run=run.id,
            evidence=said[:_MOST_EVIDENCE] + ((f"and {len(said) - 10} more",) if len(said) > _MOST_EVIDENCE else ()),
        )
    logs = {slot.path for action in run.actions for slot in action.logs}
    used = {slot.path: a for a in run.actions for slot in (*a.inputs, *a.outputs) if a.status is Status.FINISHED}
    for entity in run.entities:
        action = used.get(entity.path)
        here = entity.presence in (Presence.PRESENT, Presence.CHANGED, Presence.REMOTE)
        if action is None or not here or entity.digest is not None or entity.pixels is not None:
            continue
        if entity.path in logs or {"pipe", "service"} & set(entity.flags):
            continue
        why = "written again before it could be read" if entity.presence is Presence.CHANGED else "not read"
        yield AuditFinding(
            Severity.WARNING,
            "no-digest",
            f"Used or made, but no digest was captured ({why}): nothing tells later whether it is still the same.",
            entity.path if entity.is_remote else recorded_place(run, entity.path),
            "Run the job again without anything else writing there.",
            run=run.id,
            action=run.iri + action.local_id,
        )


def _makerless(entities: Iterable[EntityNode], index: LineageIndex, joining: Joining) -> Iterator[AuditFinding]:
    """Find things that were used or found up to date and that no recorded run made."""
    found: dict[str, tuple[EntityNode, list[str]]] = {}
    for entity in entities:
        if entity.generated or entity.kind in (EntityKind.RAW_IMAGE, CODE) or entity.path.startswith("arcp:"):
            continue
        if any(record.generated for record in index.entities(iri=entity.iri)) or joining.makers(entity):
            continue
        users = [edge.dst for edge in index.edges_out_of(entity.iri) if edge.role == USED]
        if users or entity.reused:
            _, known = found.setdefault(entity.place or entity.path, (entity, []))
            known += users
    for place, (entity, users) in sorted(found.items()):
        secondary = entity.reused or entity.kind == EntityKind.LABEL_IMAGE
        yield AuditFinding(
            Severity.WARNING if secondary else Severity.NOTE,
            "no-maker",
            "Snakemake called it up to date, but no recorded run made it."
            if entity.reused
            else "A label image that no recorded run made was used."
            if secondary
            else "Used, and no recorded run made it: a source, or made outside of any record.",
            place,
            "If it was made before runs were recorded: filiation backfill. Else ask who made it, and how."
            if secondary
            else "Nothing, if it is a source; keep where it came from with it.",
            run=_id(entity.crate),
            action=users[0] if users else None,
            evidence=(f"used by {words.counted(len(set(users)), 'recorded job')}",) if users else (),
        )


def _backwards(actions: Iterable[ActionNode]) -> Iterator[AuditFinding]:
    for action in actions:
        if action.started is not None and action.ended is not None and action.ended < action.started:
            yield AuditFinding(
                Severity.WARNING,
                "times",
                f"{action.name} ended before it started.",
                action.iri,
                "Do not rely on its times; ask whoever wrote the crate which clock they come from.",
                run=_id(action.crate),
                action=action.iri,
                evidence=(f"started {action.started.isoformat()}", f"ended {action.ended.isoformat()}"),
            )


def _changed(task: Task, plan: AuditPlan, cache: DigestCache, progress: Progress | None) -> Iterator[AuditFinding]:
    record = task.record
    made = record.place in plan.made
    in_crate = task in plan.bytes.carried
    if not os.path.lexists(task.place):
        yield AuditFinding(
            Severity.SERIOUS if in_crate else Severity.WARNING,
            "crate-changed" if in_crate else "missing",
            "A file of the crate is gone." if in_crate else "Recorded, and no longer there.",
            str(task.place),
            "Restore the crate from a copy." if in_crate else "Restore it, or make it again if it is needed.",
            run=_id(record.crate),
            evidence=(f"recorded {record.digest}",),
        )
        return
    now = _digest(task.place, cache, progress)
    if now == record.digest:
        return
    what = "Made by a recorded run and changed since, by nothing that was recorded."
    if in_crate:
        what = "A file of the crate is not what the crate says."
    elif not made:
        what = "Used by a recorded run and changed since: what was made from it does not belong to what is there now."
    yield AuditFinding(
        Severity.SERIOUS if made or in_crate else Severity.WARNING,
        "crate-changed" if in_crate else "changed",
        what,
        str(task.place),
        f"See what differs, and what was made from it: filiation check {task.place}"
        if not in_crate
        else "Restore the crate from a copy.",
        run=_id(record.crate),
        evidence=(f"recorded {record.digest}", f"found {now or 'nothing that can be read'}"),
    )


def _digest(place: Path, cache: DigestCache, progress: Progress | None = None) -> Digest | None:
    try:
        if place.is_dir():
            return digest_tree(place, cache=cache, progress=progress).digest
        return digest_file(place, cache=cache) if place.is_file() else None
    except FiliationError:
        return None


def _id(crate: str) -> str:
    return crate.removeprefix("arcp://uuid,").rstrip("/")
