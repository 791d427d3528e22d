"""Packing: from a run's journal to its crate in the catalogue, and from a crate to one that carries its data along."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filiation.capture.assembly import assemble, inside, repository_told
from filiation.capture.clocks import clock_findings
from filiation.capture.deployment import Deployed, read_deployed
from filiation.capture.journal import Event, Journal, read_journal
from filiation.capture.left_behind import written_since
from filiation.capture.observation import Observer, named_files, reused_files, with_fleeting_facts, with_step_facts
from filiation.capture.steps import UNCLAIMED, StepRecord, claim, read_step_records
from filiation.capture.surroundings import Surroundings, look_around, source_states
from filiation.capture.usage import read_benchmark
from filiation.capture.withholding import Withholding
from filiation.catalogue.collecting import collecting_once
from filiation.catalogue.crates import CatalogueFolder, identify
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.waiting import clear_up, is_going_on, is_running, packing_place, unpacked_runs
from filiation.crate import METADATA_RECORDS, Payload, flush, read_crate, write_crate
from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.errors import BadInputError, CatalogueBusyError, FiliationError, NotFoundError
from filiation.images import image_facts, pixel_digest
from filiation.model import (
    DataEntity,
    Digest,
    DigestKind,
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


def pack(folder: CatalogueFolder, run_id: str, progress: Progress | None = None) -> PackReport:
    """Make a run's crate from its journal and bring it into the catalogue.

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
    if is_going_on(journal):
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
    told = (*clock_findings(journal.events, steps), *problems, *observer.problems, *around.problems)
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
            known = cache.get_pixels(entity.digest.hex) or pixel_digest(place).hex
            cache.put_pixels(entity.digest.hex, known)
            entity = replace(entity, pixels=Digest(DigestKind.PIXELS, known))
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


def pack_with_payload(
    folder: CatalogueFolder, run_id: str, target: Path, progress: Progress | None = None
) -> PackReport:
    """Make a self-contained copy of a run's crate: every file and store that is still as recorded comes along.

    Files are hard-linked where the file system allows, else copied. What is gone or has changed since stays a
    reference, and is reported.

    Raises
    ------
    NotFoundError
        If the run has no crate.
    BadInputError
        If ``target`` exists.
    """
    crate = folder.crates / run_id
    run = read_crate(crate)
    if target.exists():
        raise BadInputError(f"{target} exists already; name another place, so that nothing is overwritten.")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    _clear_beside(target)
    making = target.with_name(f".{target.name}-{os.getpid()}")
    taken: dict[str, DataEntity] = {}
    left_out: list[str] = []
    data = [entity for entity in run.entities if not entity.is_remote and entity.digest is not None]
    try:
        for number, entity in enumerate(data, start=1):
            place = crate_path(entity.path) + ("/" if entity.is_tree else "")
            if _bring_along(Path(run.folder) / entity.path, making / place, entity, crate / place):
                taken[place] = entity
            else:
                left_out.append(entity.path)
            if progress is not None:
                progress(number, len(data))
        write_crate(run, making, _whole_payload(crate, taken))
        _put_in_place(making, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return PackReport(run, target, tuple(left_out))


def export_last_run(folder: Path, target: Path, catalogue: Path | str | None = None) -> PackReport:
    """Write the last recorded run of a folder as a self-contained crate.

    Raises
    ------
    NotFoundError
        If no run of that folder is recorded.
    BadInputError
        If ``target`` exists.
    """
    home = CatalogueFolder.find(catalogue)
    for waiting in unpacked_runs(home):
        pack(home, waiting)
    runs = [read_crate(crate) for crate in home.list_crates() if identify(crate).own]
    here = [run for run in runs if Path(run.folder) == folder.absolute()]
    if not here:
        raise NotFoundError(
            f"No run of {folder.absolute()} is recorded in {home.root}. "
            "Run the workflow with `--logger filiation` first."
        )
    return pack_with_payload(home, max(here, key=lambda run: (run.started, run.id)).id, target)


def _clear_beside(target: Path) -> None:
    """Remove what a killed copying to the same place left behind."""
    for left in target.absolute().parent.glob(f".{glob.escape(target.name)}-*"):
        number = left.name.rpartition("-")[2].removesuffix(".zip")
        if number.isdigit() and not is_running(int(number)):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _put_in_place(making: Path, target: Path) -> None:
    """Make the crate visible under its final name, at once: a folder, or a zip file by the name's ending."""
    if target.suffix != ".zip":
        making.rename(target)
    else:
        archive = making.with_name(f"{making.name}.zip")
        try:
            shutil.make_archive(str(making), "zip", making)
            flush(archive)
            archive.rename(target)
        finally:
            archive.unlink(missing_ok=True)
    flush(target.absolute().parent)


def _bring_along(source: Path, target: Path, entity: DataEntity, embedded: Path) -> bool:
    """Link or copy a thing whose bytes are still those recorded; True if it came along.

    Raises
    ------
    OSError
        If there is no room for it: that is not the same as being gone.
    """
    if embedded.is_file():
        # The copy in the crate, never the original: secrets may have been withheld from it.
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(embedded, target)
        return True
    try:
        now = digest_tree(source).digest if entity.is_tree else digest_file(source)
    except (OSError, FiliationError):
        return False
    if now != entity.digest:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if entity.is_tree:
        ignore = shutil.ignore_patterns(".snakemake_timestamp")
        shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy, ignore=ignore)
    else:
        _link_or_copy(str(source), str(target))
    return True


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _is_redacted(embedded: Path, entity: DataEntity) -> bool:
    return embedded.is_file() and digest_file(embedded) != entity.digest


def _whole_payload(crate: Path, taken: Mapping[str, DataEntity]) -> Payload:
    def contents(name: str) -> dict[str, bytes]:
        place = crate / name
        return {f"{name}/{path.name}": path.read_bytes() for path in sorted(place.glob("*"))} if place.is_dir() else {}

    journal, records = crate / "journal.jsonl", crate / METADATA_RECORDS
    return Payload(
        trees=frozenset(taken),
        redacted=frozenset(place for place, entity in taken.items() if _is_redacted(crate / place, entity)),
        journal=journal.read_bytes() if journal.is_file() else b"",
        metadata=records.read_bytes() if records.is_file() else b"",
        steps=contents("steps"),
        manifests={Path(name).stem: content for name, content in contents("manifests").items()},
        environments={Path(name).stem: content for name, content in contents("environments").items()},
    )
