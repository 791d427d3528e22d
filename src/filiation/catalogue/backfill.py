"""Records for outputs that were made before recording began, from Snakemake's metadata: of low confidence.

Nothing here claims that a job succeeded: Snakemake leaves the same metadata for one that failed. What a recorded run
made, or left unfinished, is never recorded a second time; nor is an output that was changed since.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from filiation.capture.assembly import assemble
from filiation.capture.journal import read_journal
from filiation.capture.metadata import FOLDER, OutputMetadata, read_metadata
from filiation.capture.naming import inside
from filiation.capture.observation import Observer
from filiation.capture.redaction import Redactor
from filiation.capture.switch import SNAKEFILES
from filiation.catalogue.crates import CatalogueFolder, identify
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.waiting import packing_place
from filiation.crate import Payload, read_crate, write_crate
from filiation.digest import DigestCache
from filiation.errors import FiliationError, NotFoundError
from filiation.images import image_facts, pixel_digest
from filiation.model import (
    Action,
    Agent,
    ContainerImage,
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    Environment,
    Machine,
    Parameter,
    Presence,
    Rule,
    RuleKind,
    Slot,
    Software,
    Status,
    Value,
    Workflow,
    WorkflowRun,
    crate_path,
)

SOURCE: Final = "snakemake-metadata"
_NOT_KNOWN: Final = "not known"
# Snakemake keeps an output's time of modification as the job's end; some file systems count whole seconds.
_SAME_TIME: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """What backfilling did, or would do.

    Parameters
    ----------
    run
        The record that was made; None if there was nothing to record.
    crate
        Folder of its crate; None if none was written.
    left_alone
        Outputs that were not recorded, with the reason, by path.
    """

    run: WorkflowRun | None
    crate: Path | None
    left_alone: tuple[tuple[str, str], ...]


def backfill(
    catalogue: CatalogueFolder, folder: Path, *, snakefile: Path | None = None, dry: bool = False
) -> BackfillReport:
    """Record what Snakemake's metadata tell of outputs in a workflow's folder that no recorded run made.

    Parameters
    ----------
    catalogue
        Where the record goes.
    folder
        The folder that the workflow ran in.
    snakefile
        Its Snakefile; found by Snakemake's own rule if None.
    dry
        Write nothing.

    Raises
    ------
    NotFoundError
        If there are no metadata, or no Snakefile.
    BadInputError
        If the metadata are a database that cannot be read.
    """
    folder = Path(os.path.realpath(folder))
    main = _main(folder, snakefile)
    outputs, problems = read_metadata(folder)
    if not outputs and not problems:
        raise NotFoundError(
            f"There are no metadata of Snakemake in {folder / FOLDER}, so nothing is known of what was made there."
        )
    known = _recorded(catalogue, folder)
    with DigestCache(catalogue.digests) as cache:
        observer = Observer(str(folder), cache)
        wanted, left_alone = _choose(outputs, known, folder)
        if not wanted:
            return BackfillReport(None, None, left_alone)
        entities = _look(wanted, main, observer, cache)
        run = _run(wanted, entities, folder, main, (*problems, *observer.problems))
        if dry:
            return BackfillReport(run, None, left_alone)
        with packing_place(catalogue, run.id) as making:
            write_crate(run, making, _payload(run, wanted, observer))
            Catalogue(catalogue).ingest(making, move=True)
    return BackfillReport(run, catalogue.crates / run.id, left_alone)


def _main(folder: Path, snakefile: Path | None) -> str:
    candidates = [Path(os.path.realpath(snakefile))] if snakefile else [folder / name for name in SNAKEFILES]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise NotFoundError(
            f"There is no Snakefile at {snakefile}."
            if snakefile
            else f"There is no Snakefile in {folder}; expected one of {', '.join(SNAKEFILES)}. Or name it: --snakefile"
        )
    return inside(str(found), str(folder))


def _recorded(catalogue: CatalogueFolder, folder: Path) -> dict[str, str]:
    """Return the outputs of this folder that runs have recorded, with what is to be said of each, by path."""
    runs: list[WorkflowRun] = []
    for crate in catalogue.list_crates():
        try:
            if identify(crate).own:
                runs.append(read_crate(crate))
        except FiliationError:
            continue  # named by whoever asks a question
    packed = {run.id for run in runs}
    for path in catalogue.journals.glob("*.jsonl"):
        if path.stem not in packed:
            try:
                runs.append(assemble(read_journal(path)))
            except FiliationError:
                continue
    known: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: run.started):
        if os.path.realpath(run.folder) != str(folder):
            continue
        for action in run.actions:
            for slot in action.outputs:
                if action.status.generates:
                    known[slot.path] = f"recorded by run {run.id[:8]}"
                elif "recorded by" not in known.get(slot.path, ""):
                    known[slot.path] = f"left by a job of run {run.id[:8]} that is {action.status.value}"
    return known


def _choose(
    outputs: Iterable[OutputMetadata], known: Mapping[str, str], folder: Path
) -> tuple[tuple[OutputMetadata, ...], tuple[tuple[str, str], ...]]:
    wanted, left_alone = [], []
    for output in outputs:
        place = folder / output.output
        if output.output in known:
            left_alone.append((output.output, known[output.output]))
        elif not os.path.lexists(place):
            left_alone.append((output.output, "not on disk: deleted since, or its job failed"))
        elif (folder / FOLDER / "incomplete").is_dir() and output.record.get("incomplete"):
            left_alone.append((output.output, "Snakemake itself calls it incomplete"))
        elif output.ended is not None and _modified(place) - output.ended > _SAME_TIME:
            left_alone.append((output.output, "changed since the job that Snakemake's metadata tell of"))
        else:
            wanted.append(output)
    return tuple(wanted), tuple(left_alone)


def _modified(place: Path) -> datetime:
    stamp = place / ".snakemake_timestamp"
    return datetime.fromtimestamp((stamp if stamp.exists() else place).stat().st_mtime, UTC)


def _look(wanted: Sequence[OutputMetadata], main: str, observer: Observer, cache: DigestCache) -> dict[str, DataEntity]:
    """Look at everything that is named; an input that is no longer what was used keeps the digest of that time."""
    found: dict[str, DataEntity] = {main: observer.look(main)}
    for output in wanted:
        flags = ("directory",) if (Path(observer.folder) / output.output).is_dir() else ()
        found[output.output] = _with_image(observer.look(output.output, None, flags), observer, cache)
    for output in wanted:
        for path in output.inputs:
            if path not in found:
                found[path] = _with_image(observer.look(path), observer, cache)
            found[path] = _as_used(found[path], output, observer)
        for path in output.logs:
            found.setdefault(path, observer.look(path))
    return found


def _as_used(entity: DataEntity, output: OutputMetadata, observer: Observer) -> DataEntity:
    recorded = output.checksums.get(entity.path)
    if recorded is not None:
        then = Digest(DigestKind.FILE, recorded)
        return entity if entity.digest == then else replace(_unseen(entity), digest=then)
    place = Path(observer.folder) / entity.path
    newer = entity.presence is Presence.PRESENT and output.ended is not None and place.exists()
    if newer and output.ended is not None and _modified(place) - output.ended > _SAME_TIME:
        return _unseen(entity)
    return entity


def _unseen(entity: DataEntity) -> DataEntity:
    """Return a thing without what is there now, since that is something else than what was used."""
    presence = Presence.CHANGED if entity.presence is Presence.PRESENT else entity.presence
    return replace(entity, presence=presence, digest=None, pixels=None, size=None, files=None, modified=None)


def _with_image(entity: DataEntity, observer: Observer, cache: DigestCache) -> DataEntity:
    if entity.kind not in (EntityKind.IMAGE, EntityKind.LABEL_IMAGE) or entity.digest is None:
        return entity
    place = Path(observer.folder) / entity.path
    try:
        known = cache.get_pixels(entity.digest.hex) or pixel_digest(place)
        cache.put_pixels(entity.digest.hex, known)
        return replace(entity, image=image_facts(place), pixels=known)
    except (FiliationError, OSError) as error:
        observer.problems.append(f"The image {entity.path} could not be read: {error}")
        return entity


def _run(
    wanted: Sequence[OutputMetadata],
    entities: Mapping[str, DataEntity],
    folder: Path,
    main: str,
    problems: tuple[str, ...],
) -> WorkflowRun:
    jobs: dict[tuple[object, ...], list[OutputMetadata]] = {}
    for output in wanted:
        jobs.setdefault(output.job, []).append(output)
    redactor = Redactor()
    actions = tuple(_action(number, outputs, redactor) for number, outputs in enumerate(jobs.values(), start=1))
    makers = {slot.path: action for action in actions for slot in action.outputs}
    actions = tuple(
        replace(action, depends_on=tuple(sorted({makers[s.path].job for s in action.inputs if s.path in makers})))
        for action in actions
    )
    rules = {outputs[0].rule: _rule(outputs[0]) for outputs in jobs.values()}
    starts = [action.started for action in actions if action.started is not None]
    ends = [action.ended for action in actions if action.ended is not None]
    now = datetime.now(UTC)
    content = "\n".join(f"{output.output} {entities[output.output].digest}" for output in wanted)
    return WorkflowRun(
        # The same outputs of the same folder are the same record.
        id=str(uuid5(NAMESPACE_URL, f"filiation backfill {folder}\n{content}")),
        status=Status.UNKNOWN,
        workflow=Workflow(main=main, sources=(main,), name=folder.name or None),
        engine=Software("snakemake"),
        agent=Agent(_NOT_KNOWN),
        machine=Machine(_NOT_KNOWN),
        command=_NOT_KNOWN,
        folder=str(folder),
        started=min(starts, default=now),
        ended=max(ends, default=None),
        rules=tuple(rules[name] for name in sorted(rules)),
        connections=tuple(
            sorted(
                {(makers[s.path].rule, action.rule) for action in actions for s in action.inputs if s.path in makers}
            )
        ),
        actions=actions,
        entities=tuple(sorted(entities.values(), key=lambda entity: os.fsencode(entity.path))),
        not_captured=(*_not_known(now, wanted), *problems),
        redacted=redactor.withheld,
        recorded_by=SOURCE,
    )


def _action(number: int, outputs: Sequence[OutputMetadata], redactor: Redactor) -> Action:
    first = outputs[0]
    starts = [output.started for output in outputs if output.started is not None]
    ends = [output.ended for output in outputs if output.ended is not None]
    values = [redactor.plain(value) for value in first.params]
    return Action(
        job=number,
        attempt=1,
        rule=first.rule,
        status=Status.UNKNOWN,
        parameters=tuple(Parameter(f"nameless[{index}]", Value.of(value)) for index, value in enumerate(values)),
        inputs=tuple(Slot(f"input[{index}]", path) for index, path in enumerate(first.inputs)),
        outputs=tuple(Slot(f"output[{index}]", output.output) for index, output in enumerate(outputs)),
        logs=tuple(Slot(f"log[{index}]", path) for index, path in enumerate(first.logs)),
        command=None if first.command is None else redactor.text(first.command),
        started=min(starts, default=None),
        ended=max((*starts, *ends)) if ends else None,
        time_source=SOURCE,
        container=ContainerImage(first.container) if first.container else None,
    )


def _rule(output: OutputMetadata) -> Rule:
    kind = RuleKind.SHELL if output.command is not None else RuleKind.UNKNOWN
    deployed = ("apptainer",) if output.container else ()
    return Rule(output.rule, kind, environment=Environment(container=output.container, deployed=deployed))


def _not_known(now: datetime, wanted: Sequence[OutputMetadata]) -> tuple[str, ...]:
    conda = sorted({output.rule for output in wanted if output.conda})
    return (
        f"Recorded on {now:%Y-%m-%d %H:%M:%S} UTC, after the fact, from Snakemake's metadata: of low confidence.",
        "How the jobs ended is not known: Snakemake keeps the same metadata of a job that failed.",
        "Start and end are what Snakemake's metadata say; on a cluster they are wrong.",
        "Names of parameters, wildcards, threads, resources, attempts, host, person and versions are not known.",
        "Which calls of Snakemake the jobs belonged to is not known; they are gathered as one run.",
        "Digests are of what is there now; only of small input files did Snakemake keep a checksum.",
        "The Snakefile is today's, not that of the time.",
        *((f"A conda environment was declared, and is not recorded, for {', '.join(conda)}.",) if conda else ()),
    )


def _payload(run: WorkflowRun, wanted: Sequence[OutputMetadata], observer: Observer) -> Payload:
    redactor = Redactor()
    records = [json.dumps(redactor.plain(dict(output.record)), sort_keys=True, default=repr) for output in wanted]
    source = (Path(run.folder) / run.workflow.main).read_bytes()
    text = source.decode("utf-8", "surrogateescape")
    clean = redactor.document(text, code=True)
    place = crate_path(run.workflow.main)
    return Payload(
        files={place: clean.encode("utf-8", "surrogateescape")},
        redacted=frozenset({place} if clean != text else ()),
        manifests=observer.manifests,
        metadata=("\n".join(records) + "\n").encode("ascii"),
    )
