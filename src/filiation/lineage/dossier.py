"""All that a catalogue tells of one thing, as much as a reader takes in: where it comes from, and the evidence.

What it costs does not grow with the lineage: of a large one the nearest part is read, and the rest counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import SAME_CONTENT, ActionNode, EntityNode, Json, LineageIndex, Node
from filiation.catalogue.annotations import Annotation
from filiation.catalogue.crate_gaps import gaps_of
from filiation.lineage.answers import ANCESTORS, Lineage
from filiation.lineage.crate_evidence import NO_RECORD, CrateEvidence, JobRecord, crate_evidence, job_record
from filiation.lineage.headline import headline
from filiation.lineage.phrases import phrases
from filiation.lineage.registrations import Registered, registrations_using
from filiation.lineage.story import tell
from filiation.lineage.walk import Bounds, nearest, reach
from filiation.model import Status
from filiation.model.sentences import COLON, Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.lineage.resolution import Resolution
    from filiation.lineage.tracing import Tracer

MOST_READ: Final = 250
"""Things and jobs of a lineage that are read to tell it."""
_MOST_WALKED: Final = 20_000
"""Nodes of a lineage beyond which only its nearest jobs are walked over; all are counted, which is much quicker."""
_NEAR: Final = 3
_MOST_RUNS: Final = 12
_MOST_PLACES: Final = 50
_MOST_JOBS: Final = 8
_MOST_STEPS: Final = 2_000
"""Things from which more steps lead on are raw data of half an institute; what was registered is not looked for."""


@dataclass(frozen=True, slots=True)
class JobEvidence:
    """A job that made the thing.

    Parameters
    ----------
    job
        The attempt that did.
    failed
        Attempts before it.
    record
        What else its crate tells.
    """

    job: ActionNode
    failed: tuple[ActionNode, ...] = ()
    record: JobRecord = NO_RECORD

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "job": self.job.to_json(),
            "failed": [attempt.to_json() for attempt in self.failed],
            **self.record.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is told of a thing.

    Parameters
    ----------
    thing
        As it was named.
    how
        What that was taken for, as in :class:`~.resolution.Resolution`.
    iris
        What that stands for: where its ancestors are asked from.
    node
        The first of these.
    headline
        Where it comes from, in one sentence; None for what no job made.
    sentences
        The same, step by step.
    things, jobs, runs
        How many it descends from, itself counted.
    things_after, jobs_after, runs_after
        How many descend from it, itself counted.
    made_by
        Jobs that made it.
    crates
        Of the runs that the sentences tell of.
    seen
        Where its bytes were seen, by which runs, the newest first.
    seen_in_all
        How many records there are of it.
    annotations
        What people noted of it, the oldest first.
    registrations
        What of it was written to servers.
    gaps
        What the records of what the sentences tell leave open, in sentences.
    note
        How it was found, where that needs saying.
    newest_there
        What the newest run recorded at the place of the thing, which may be something else.
    """

    thing: str
    how: str
    iris: tuple[str, ...]
    node: Node
    headline: str | None
    sentences: tuple[str, ...]
    things: int
    jobs: int
    runs: int
    things_after: int
    jobs_after: int
    runs_after: int
    made_by: tuple[JobEvidence, ...] = ()
    crates: tuple[CrateEvidence, ...] = ()
    seen: tuple[EntityNode, ...] = ()
    seen_in_all: int = 0
    annotations: tuple[Annotation, ...] = ()
    registrations: tuple[Registered, ...] = ()
    gaps: tuple[str, ...] = ()
    note: str | None = None
    newest_there: EntityNode | None = None

    @property
    def is_job(self) -> bool:
        """Whether it is a job rather than a thing."""
        return isinstance(self.node, ActionNode)

    @property
    def people(self) -> tuple[tuple[str, str | None], ...]:
        """Those who made it: names, with an ORCID or other identifier."""
        jobs = [self.node] if isinstance(self.node, ActionNode) else [found.job for found in self.made_by]
        return tuple(dict.fromkeys((job.agent, job.agent_id) for job in jobs if job.agent is not None))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "thing": self.thing,
            "how": self.how,
            "iris": list(self.iris),
            "type": "action" if self.is_job else "entity",
            "node": self.node.to_json(),
            "note": self.note,
            "headline": self.headline,
            "sentences": list(self.sentences),
            "descends_from": {"things": self.things, "jobs": self.jobs, "runs": self.runs},
            "came_of_it": {"things": self.things_after, "jobs": self.jobs_after, "runs": self.runs_after},
            "made_by": [found.to_json() for found in self.made_by],
            "people": [{"name": name, "id": identifier} for name, identifier in self.people],
            "crates": [crate.to_json() for crate in self.crates],
            "seen": [entity.to_json() for entity in self.seen],
            "seen_in_all": self.seen_in_all,
            "annotations": [annotation.to_json() for annotation in self.annotations],
            "registrations": [found.to_json() for found in self.registrations],
            "gaps": list(self.gaps),
        }


def compile_dossier(
    index: LineageIndex,
    tracer: Tracer,
    found: Resolution,
    annotations: Iterable[Annotation],
    crates: Path,
    language: str,
) -> Dossier:
    """Gather what is told of a thing; see :meth:`filiation.lineage.Ledger.dossier`."""
    before, after = (reach(index, iris, up=up) for iris, up in ((found.origins, True), (found.nodes, False)))
    lineage = _nearest_ancestors(index, tracer, found, len(before))
    things, jobs = before.count()
    things_after, jobs_after = after.count()
    node = lineage.by_iri[lineage.roots[0]]
    makers = [node] if isinstance(node, ActionNode) else _makers(lineage)
    named = dict.fromkeys((node.crate, *(maker.crate for maker in makers), *(edge.crate for edge in lineage.edges)))
    evidence = tuple(each for crate in list(named)[:_MOST_RUNS] if (each := _crate(index, crate, crates)) is not None)
    seen = _seen(index, tracer, found)
    return Dossier(
        thing=found.thing,
        how=found.how,
        iris=lineage.roots,
        node=node,
        headline=None if isinstance(node, ActionNode) else headline(lineage, makers, language),
        sentences=() if isinstance(node, ActionNode) else _sentences(lineage, things, jobs, before.crates, language),
        things=things,
        jobs=jobs,
        runs=before.crates,
        things_after=things_after,
        jobs_after=jobs_after,
        runs_after=after.crates,
        made_by=tuple(_job(index, maker, crates) for maker in makers[:_MOST_JOBS]),
        crates=evidence,
        seen=seen[:_MOST_PLACES],
        seen_in_all=len(seen),
        annotations=_noted(annotations, found),
        registrations=_registered(index, tracer, found),
        gaps=_gaps(lineage),
        note=found.note,
        newest_there=None if isinstance(node, ActionNode) else _newest_there(index, tracer, node),
    )


def _nearest_ancestors(index: LineageIndex, tracer: Tracer, found: Resolution, whole: int) -> Lineage:
    """Return the part of so many ancestors that is nearest; where there is more is told as cut."""
    depth = None if whole <= _MOST_WALKED else _NEAR
    walked, reached = nearest(index, found.origins, Bounds(depth), MOST_READ, up=True)
    shown = set(walked.numbers.values())
    if reached - shown:
        steps = index.adjacency().steps(shown, up=True)
        walked.cut |= set(index.adjacency().names({near for near, far, *_ in steps if far not in shown}).values())
    return tracer.lineage(found.thing, ANCESTORS, found.origins, walked)


def _sentences(lineage: Lineage, things: int, jobs: int, runs: int, language: str) -> tuple[str, ...]:
    # Of what lies further back, one sentence says how much there is.
    told = tell(lineage, language, beyond=not lineage.cut)
    return (*told, phrases(language).in_all(things, jobs, runs)) if lineage.cut else told


def _makers(lineage: Lineage) -> list[ActionNode]:
    """Return the jobs that made what was asked for, or the same bytes elsewhere where it was only found."""
    wanted = set(lineage.roots)
    same = {edge.src for edge in lineage.edges if edge.role == SAME_CONTENT and edge.dst in wanted}
    made = {edge.src for edge in lineage.edges if edge.dst in wanted | same}
    return sorted((action for action in lineage.actions if action.iri in made), key=_newest_first)


def _newest_first(action: ActionNode) -> tuple[float, str]:
    return (-action.ended.timestamp() if action.ended is not None else float("inf"), action.iri)


def _job(index: LineageIndex, action: ActionNode, crates: Path) -> JobEvidence:
    failed = []
    for attempt in range(1, action.attempt or 1):
        iri = f"{action.iri.rpartition('-')[0]}-{attempt}"
        failed += [each for each in index.actions(iri=iri) if each.job == action.job and each.status != Status.FINISHED]
    folder = index.folder_of(action.crate)
    record = NO_RECORD if folder is None else job_record(action.iri, action.crate, crates / folder)
    return JobEvidence(action, tuple(failed), record)


def _crate(index: LineageIndex, crate: str, crates: Path) -> CrateEvidence | None:
    run = index.run(crate)
    if run is None:
        return None
    return crate_evidence(run, index.folder_of(crate), index.metadata_digest(crate), crates)


def _seen(index: LineageIndex, tracer: Tracer, found: Resolution) -> tuple[EntityNode, ...]:
    nodes = {(each.iri, each.crate): each for iri in found.nodes for each in index.entities(iri=iri)}
    if found.digest is None:
        digests = {str(each.digest) for each in nodes.values() if each.digest is not None and not each.is_empty}
        for digest in sorted(digests) if len(digests) == 1 else ():
            nodes |= {(each.iri, each.crate): each for each in index.entities(digest=digest)}
    began = tracer.joining.began
    return tuple(sorted(nodes.values(), key=lambda each: (-began(each).timestamp(), each.path, each.iri)))


def _newest_there(index: LineageIndex, tracer: Tracer, node: EntityNode) -> EntityNode | None:
    if node.place is None:
        return None
    there = index.entities(place=node.place)
    return max(there, key=lambda each: (tracer.joining.began(each), each.generated, each.iri), default=None)


def _noted(annotations: Iterable[Annotation], found: Resolution) -> tuple[Annotation, ...]:
    iris, digest = set(found.nodes), None if found.digest is None else str(found.digest)
    return tuple(
        each for each in annotations if iris & set(each.iris) or (digest is not None and digest == each.digest)
    )


def _registered(index: LineageIndex, tracer: Tracer, found: Resolution) -> tuple[Registered, ...]:
    numbers = index.numbers_of(found.origins).values()
    if len(index.adjacency().steps(numbers, up=False)) > _MOST_STEPS:
        return ()
    return registrations_using(index, found.origins)


def _gaps(lineage: Lineage) -> tuple[str, ...]:
    shown = replace(lineage, note=None)
    gaps = gaps_of(shown.actions, shown.entities, shown.edges)
    return tuple(dict.fromkeys(Sentence.joined((Sentence.term(gap.kind), gap.what, gap.detail), COLON) for gap in gaps))
