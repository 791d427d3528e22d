"""Packing: from a run's journal to its crate in the catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filiation.capture.assembly import assemble
from filiation.capture.clocks import clock_findings
from filiation.capture.definitions import repository_told
from filiation.capture.deployment import Deployed, read_deployed
from filiation.capture.images_outside import changed_meanwhile
from filiation.capture.journal import Event, Journal, read_journal
from filiation.capture.left_behind import written_since
from filiation.capture.naming import inside
from filiation.capture.observation import Observer, named_files, reused_files, with_fleeting_facts, with_step_facts
from filiation.capture.steps import UNCLAIMED, StepRecord, claim, read_step_records
from filiation.capture.surroundings import Surroundings, look_around, source_states
from filiation.capture.usage import read_benchmark
from filiation.capture.withholding import Withholding
from filiation.catalogue.collecting import collecting_once
from filiation.catalogue.crates import CatalogueFolder, identify
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.waiting import clear_up, is_going_on, packing_place
from filiation.crate import Payload, write_crate
from filiation.digest import DigestCache
from filiation.errors import BadInputError, CatalogueBusyError, FiliationError, NotFoundError
from filiation.images import image_facts, pixel_digest
from filiation.model import (
    DataEntity,
    EntityKind,
    Presence,
    Usage,
    Workflow,
    WorkflowRun,
    crate_path,
    is_uri,
    path_in_run,
)

# A log or config file larger than this is referred to by digest instead of being copied into the crate.
_LARGEST_EMBEDDED = 1024 * 1024

Progress = Callable[[int, int], None]
"""Called with how many things were looked at, and of how many."""


@dataclass(frozen=True, slots=True)
class PackReport:
    """What packing did.

    Parameters
    ----------
    run
        The run as packed.
    crate
        Folder of the crate.
    left_out
        Paths whose data did not come along, for a crate with payload: gone or changed since.
    """

    run: WorkflowRun
    crate: Path
    left_out: tuple[str, ...] = ()


def pack(folder: CatalogueFolder, run_id: str, progress: Progress | None = None, *, living: bool = False) -> PackReport:
    """Make a run's crate from its journal and bring it into the catalogue.

    Parameters
    ----------
    folder, run_id
        The catalogue, and which run.
    progress
        Told how many things of how many were looked at.
    living
        Pack a run that is still going on too, as far as it is, for a job of its own; packing at its end replaces that.

    Raises
    ------
    NotFoundError
        If there is no journal of that run.
    BadInputError
        If the run is still going on, on this machine.
    DamagedJournalError
        If the journal was changed after it was written.
    OSError
        If the crate cannot be written; nothing then stands under its final name.
    """
    journal = read_journal(folder.journals / f"{run_id}.jsonl")
    if not journal.events:
        raise NotFoundError(f"The journal {journal.path} is empty: the run was stopped before it began. Delete it.")
    if not living and is_going_on(journal):
        raise BadInputError(
            f"Run {run_id} is still going on (process {journal.events[0].data.get('pid')}); it is packed when it ends."
        )
    clear_up(folder)
    # Taken before the files are read, which may last: nobody else need begin.
    with packing_place(folder, run_id) as making:
        run = _make_crate(folder, journal, making, progress)
        del journal  # of the size of the run, and in the crate by now
        _bring_in(folder, making)
    return PackReport(run, folder.crates / run_id)


@collecting_once()
def _make_crate(folder: CatalogueFolder, journal: Journal, making: Path, progress: Progress | None) -> WorkflowRun:
    steps, problems = _read_steps(folder, journal, journal.path.stem)
    with DigestCache(folder.digests) as cache:
        deployed = read_deployed(journal.events, Path(_folder_now(journal)), cache)
        run, observer = _observe(journal, steps, (*problems, *deployed.problems), deployed, cache, progress)
    withholding = Withholding(journal, [Path(observer.folder) / path for path in run.config_files])
    payload = replace(_small_payload(run, journal, steps, observer, withholding), environments=deployed.locks)
    run = _with_withheld(run, payload)
    run = replace(run, redacted=(*run.redacted, *withholding.withheld))
    write_crate(run, making, payload)
    return run


def _bring_in(folder: CatalogueFolder, made: Path) -> None:
    """Take the crate into the catalogue; who is kept waiting leaves the taking in to the next who asks a question."""
    try:
        Catalogue(folder).ingest(made, move=True)
    except CatalogueBusyError:
        if (folder.crates / identify(made).id).exists():
            raise  # replacing a crate is for one at a time
        folder.arrive(made, move=True)


def _read_steps(
    folder: CatalogueFolder, journal: Journal, run_id: str
) -> tuple[tuple[StepRecord, ...], tuple[str, ...]]:
    """Return the run's step records, those without an owner that are its own included."""
    steps, problems = read_step_records(folder.steps / run_id)
    waiting, _ = read_step_records(folder.root / UNCLAIMED)
    if not waiting:
        return steps, problems
    claimed = claim(waiting, assemble(journal))
    return tuple(sorted((*steps, *claimed), key=lambda step: (step.started, step.path.name))), problems


def _observe(
    journal: Journal,
    steps: Sequence[StepRecord],
    problems: Sequence[str],
    deployed: Deployed,
    cache: DigestCache,
    progress: Progress | None,
) -> tuple[WorkflowRun, Observer]:
    observer = Observer(_folder_now(journal), cache)
    bare = assemble(journal, steps, deployed=deployed)
    wanted = _wanted_files(journal, steps, bare)
    seen: list[DataEntity] = []
    for number, (path, (state, flags, reused)) in enumerate(wanted.items(), start=1):
        seen.append(replace(observer.look(path, state, flags), reused=reused))
        if progress is not None:
            progress(number, len(wanted))
    known = with_step_facts(with_fleeting_facts(seen, journal.events), steps)
    entities = [_with_image(entity, observer, cache) for entity in known]
    usage = _benchmarks(journal.events, observer.folder)
    around, looked_at = _surroundings(journal, bare.workflow, entities, observer)
    changed = changed_meanwhile(steps)
    told = (*clock_findings(journal.events, steps), *changed, *problems, *observer.problems, *around.problems)
    run = assemble(journal, steps, (*entities, *looked_at), usage, told, around, deployed)
    return run, observer


def _surroundings(
    journal: Journal, workflow: Workflow, entities: Sequence[DataEntity], observer: Observer
) -> tuple[Surroundings, list[DataEntity]]:
    """Return what the workflow came with, and the files that tell so."""
    if is_uri(workflow.main):
        return Surroundings(), []
    folder, made_of = Path(observer.folder), set(workflow.sources)
    sources = [entity for entity in entities if entity.path in made_of]
    repository, started = repository_told(journal.events), journal.events[0].time
    around = look_around(folder / workflow.main, repository, sources, folder, started)
    paths = tuple(inside(path, observer.folder) for path in around.licence.files)
    known = {entity.path for entity in entities}
    named = replace(around, licence=replace(around.licence, files=paths))
    return named, [observer.look(path) for path in paths if path not in known]


def _folder_now(journal: Journal) -> str:
    """Return the run's folder, or where it went together with the catalogue if it is not there any more."""
    start: Mapping[str, Any] = journal.events[0].data
    then = str(start["rundir"])
    if os.path.isdir(then) or not start.get("catalogue"):  # noqa: PTH112 - it stays the text that was recorded
        return then
    moved = journal.path.parents[1] / os.path.relpath(then, start["catalogue"])
    return os.path.normpath(moved) if moved.is_dir() else then


def _wanted_files(
    journal: Journal, steps: Sequence[StepRecord], bare: WorkflowRun
) -> dict[str, tuple[Sequence[int] | None, tuple[str, ...], bool]]:
    """Return every file of the run with its last known state, its flags and whether the run reused it."""
    folder = bare.folder
    wanted: dict[str, tuple[Sequence[int] | None, tuple[str, ...], bool]] = {}
    states = {inside(path, folder): state for path, state in source_states(journal.events).items()}
    for path in (*bare.workflow.sources, *bare.config_files):
        wanted[path] = (states.get(path), (), False)
    since = written_since(journal, folder)
    for path, (state, flags) in named_files(journal.events).items():
        # The empty state is nobody's: what was written since is told as changed.
        wanted[_named(path, folder)] = (() if path in since else state, flags, False)
    for path, (state, flags) in reused_files(journal.events).items():
        # Jobs may also have named it as an input; the flags of the rule that makes it are the fuller ones.
        wanted[_named(path, folder)] = (state, flags, True)
    for step in steps:
        for used in step.side_inputs:
            if not is_uri(used.iri):
                wanted.setdefault(_named(used.iri, folder), (None, (), False))
    return wanted


def _named(path: str, folder: str) -> str:
    return path if is_uri(path) or not path.startswith("/") else inside(path, folder)


def _with_image(entity: DataEntity, observer: Observer, cache: DigestCache) -> DataEntity:
    """Add what an OME-Zarr store's metadata says, and the digest of its pixels if no step has told it."""
    if entity.kind not in (EntityKind.IMAGE, EntityKind.LABEL_IMAGE) or entity.presence is not Presence.PRESENT:
        return entity
    place = Path(observer.folder) / entity.path
    try:
        entity = replace(entity, image=image_facts(place))
        if entity.pixels is None and entity.digest is not None:
            known = cache.get_pixels(entity.digest.hex) or pixel_digest(place)
            cache.put_pixels(entity.digest.hex, known)
            entity = replace(entity, pixels=known)
    except (FiliationError, OSError) as error:
        observer.problems.append(f"The image {entity.path} could not be read: {error}")
    return entity


def _benchmarks(events: Iterable[Event], folder: str) -> dict[str, tuple[Usage, ...]]:
    paths = {
        str(event.data["benchmark"]) for event in events if event.kind == "job_started" and event.data.get("benchmark")
    }
    return {path: read_benchmark(Path(folder) / path) for path in paths}


def _small_payload(
    run: WorkflowRun, journal: Journal, steps: Sequence[StepRecord], observer: Observer, withholding: Withholding
) -> Payload:
    """Return the small things that travel with every crate: sources, config, logs; secrets in them are withheld."""
    logs = {slot.path for action in run.actions for slot in action.logs}
    benchmarks = {action.benchmark for action in run.actions if action.benchmark}
    wanted = {*run.workflow.sources, *run.config_files, *logs, *benchmarks}
    files: dict[str, bytes] = {}
    redacted: set[str] = set()
    for entity in run.entities:
        fits = entity.size is not None and entity.size <= _LARGEST_EMBEDDED
        if entity.path in wanted and fits and not entity.is_tree and entity.presence is Presence.PRESENT:
            content = (Path(observer.folder) / entity.path).read_bytes()
            code = entity.path in run.workflow.sources
            clean = withholding.clean(entity.path, content, code=code, written_by_job=entity.path in logs)
            if clean is not None:
                files[crate_path(entity.path)] = clean
                redacted |= {crate_path(entity.path)} if clean != content else set()
    return Payload(
        files=files,
        redacted=frozenset(redacted),
        journal=journal.path.read_bytes(),
        steps={f"steps/{step.path.name}": step.path.read_bytes() for step in steps},
        manifests=observer.manifests,
    )


def _with_withheld(run: WorkflowRun, payload: Payload) -> WorkflowRun:
    """Say in the run which copies of files lack something."""
    sentences = tuple(
        f"The copy of {path_in_run(place)} in the crate lacks what looked like secrets; its digest is the original's."
        for place in sorted(payload.redacted)
    )
    return replace(run, not_captured=(*run.not_captured, *sentences))
