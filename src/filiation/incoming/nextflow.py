"""Nextflow's own lineage store (``.lineage/``, Nextflow 25.04 and later): one JSON record a run, task and file.

The records are those of the model ``lineage/v1beta1``, in both layouts that it was written in: all fields beside
``type`` (25.04), and under ``spec`` beside ``kind`` (25.10). A record's place in the store is its identifier,
``lid://<hash>[/<path>]``; it is the same in every run that refers to it, so that what one run took from another's cache
is joined to it.

A run's record holds the whole configuration as it was resolved, tokens and passwords with it: what has a secret's name
or form is withheld from what is told and from the copies that are kept.

Nextflow's own checksums are over a path, a size and a time as a rule: they identify no content and join nothing. One
that says ``sha256`` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.capture.redaction import Redactor
from filiation.crate.metadata import parse_json
from filiation.errors import InvalidCrateError
from filiation.incoming.history import Agent, Deed, History, Thing, Tool
from filiation.model import Value, is_uri

_LID: Final = "lid://"
_RECORD: Final = ".data.json"
_MOST_RECORDS: Final = 1_000_000
_MOST_BYTES: Final = 16 << 20
_ENGINE: Final = "https://www.nextflow.io/"
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its identifier, its kind, what it says, its file; and what that is without secrets, if it has any."""

    id: str
    kind: str
    fields: Fields
    path: Path
    redacted: bytes | None

    def text(self, name: str) -> str | None:
        """Return a field that is text, and not empty."""
        found = self.fields.get(name)
        return found if isinstance(found, str) and found else None


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a store did, and the records that tell it, by their place in a crate: files, or their content."""

    id: str
    history: History
    records: Mapping[str, Path | bytes]


def read_store(store: Path) -> tuple[Run, ...]:
    """Read a lineage store: what each of its runs did, in the order of their identifiers.

    Parameters
    ----------
    store
        The folder that holds a folder for each record.

    Raises
    ------
    InvalidCrateError
        If a record cannot be read, or there is no run.
    """
    records = {record.id: record for record in _records(store)}
    runs = sorted(one for one, record in records.items() if record.kind == "WorkflowRun")
    if not runs:
        raise InvalidCrateError(f"{store} holds records of Nextflow's lineage, but none of a run (WorkflowRun).")
    return tuple(_Telling(records, run).told(store) for run in runs)


def _records(store: Path) -> Iterator[Record]:
    found = sorted(path for path in store.rglob(_RECORD) if path.is_file() and not path.is_symlink())
    if len(found) > _MOST_RECORDS:
        raise InvalidCrateError(f"{store} holds {len(found)} records; at most {_MOST_RECORDS} are read.")
    documents = {path: _read(path) for path in found}
    redactor = Redactor(environment={})
    for document in documents.values():
        redactor.learn(document)
    for path, document in documents.items():
        record = _record(path, path.parent.relative_to(store).as_posix(), document, redactor.plain(document))
        if record is not None:
            yield record


def _read(path: Path) -> object:
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise InvalidCrateError(f"{path} has {size} bytes; of a lineage record at most {_MOST_BYTES} are read.")
    try:
        return parse_json(path.read_bytes().decode("utf-8-sig"))
    except (UnicodeDecodeError, InvalidCrateError) as error:
        raise InvalidCrateError(f"{path} cannot be read as a lineage record: {error}") from error


def _record(path: Path, key: str, stated: object, document: object) -> Record | None:
    """Return a record, as stated and without its secrets; None for what a later model may add."""
    if not isinstance(document, dict):
        return None
    version = document.get("version")
    if isinstance(version, str) and not version.startswith("lineage/v1"):
        raise InvalidCrateError(
            f"The lineage record {_LID}{key} is of the model {version[:80]!r}; this filiation reads lineage/v1."
        )
    spec = document.get("spec")
    fields = spec if isinstance(spec, dict) else document
    kind = document.get("kind") or document.get("type")
    redacted = None if stated == document else json.dumps(document, indent=1).encode("ascii")
    return Record(_LID + key, kind, fields, path, redacted) if isinstance(kind, str) else None


class _Telling:
    """One run of a store."""

    def __init__(self, records: Mapping[str, Record], run: str) -> None:
        self._records = records
        self._run = records[run]
        self._id = run
        self._tasks = [
            record for record in records.values() if record.kind == "TaskRun" and record.text("workflowRun") == run
        ]
        self._files = [
            record for record in records.values() if record.kind == "FileOutput" and record.text("workflowRun") == run
        ]
        self._things: dict[str, Thing] = {}

    def told(self, store: Path) -> Run:
        """Return what the run did, and which records say so."""
        records = (self._run, *self._tasks, *self._files)
        kept = {
            f"account/{record.path.relative_to(store).as_posix()}": record.redacted or record.path for record in records
        }
        return Run(self._id, self._history(), kept)

    def _history(self) -> History:
        for file in sorted(self._files, key=lambda file: file.id):
            self._things[file.id] = _file(file)
        tasks = [self._task(task) for task in sorted(self._tasks, key=lambda task: task.id)]
        published = list(self._published())
        workflow, name = self._workflow()
        tools = {deed.tool: Tool(deed.tool, _process(deed.name)) for deed in tasks if deed.tool is not None}
        engine = Tool(_ENGINE, "Nextflow")
        return History(
            name=self._run.text("name") or self._id,
            notation="a run in Nextflow's lineage store",
            things=tuple(self._things[one] for one in sorted(self._things)),
            deeds=(self._whole(workflow.id, name), *tasks, *published),
            tools=(workflow, engine, *(tools[one] for one in sorted(tools))),
            agents=(Agent(_ENGINE, "Nextflow", "SoftwareApplication"),),
            workflow=workflow.id,
            assumed=tuple(self._assumed(len(published))),
        )

    def _workflow(self) -> tuple[Tool, str]:
        told = self._run.fields.get("workflow")
        told = told if isinstance(told, dict) else {}
        repository, commit = told.get("repository"), told.get("commitId")
        files = told.get("scriptFiles")
        scripts = [one.get("path") for one in (files if isinstance(files, list) else ()) if isinstance(one, dict)]
        name = (
            repository if isinstance(repository, str) else next((one for one in scripts if isinstance(one, str)), None)
        )
        name = (name or "workflow").rstrip("/").rpartition("/")[2]
        return Tool(f"#workflow-{self._id}", name, commit if isinstance(commit, str) else None, is_workflow=True), name

    def _whole(self, workflow: str, name: str) -> Deed:
        told = self._run.fields.get("params")
        parameters = tuple(
            (str(one["name"]), Value.of(one.get("value")))
            for one in (told if isinstance(told, list) else ())
            if isinstance(one, dict) and isinstance(one.get("name"), str)
        )
        return Deed(self._id, f"run of {name}", tool=workflow, parameters=_without_repeats(parameters))

    def _task(self, task: Record) -> Deed:
        used: list[str] = []
        parameters = []
        inputs = task.fields.get("input")
        for number, one in enumerate(inputs if isinstance(inputs, list) else ()):
            if not isinstance(one, dict):
                continue
            found = list(self._data(one.get("value"), paths=str(one.get("type")) == "path"))
            used += found
            if not found and one.get("value") is not None:
                parameters.append((str(one.get("name") or number), Value.of(one["value"])))
        made = [file.id for file in self._files if _maker(file) == task.id]
        made += [one for one in self._things if one.startswith(task.id + "/")]
        name = task.text("name")
        return Deed(
            task.id,
            name,
            tuple(used),
            tuple(sorted(set(made))),
            tool=f"#process-{_process(name)}" if name else None,
            command=task.text("script"),
            container=task.text("container"),
            parameters=_without_repeats(tuple(parameters)),
        )

    def _data(self, value: object, *, paths: bool) -> Iterator[str]:
        """Yield the things in an input's value; texts are paths only in an input that is declared so."""
        waiting = [value]
        while waiting:
            one = waiting.pop(0)
            if isinstance(one, list):
                waiting = [*one, *waiting]
            elif isinstance(one, dict) and isinstance(one.get("path"), str):
                thing = _data_path(one)
                self._things.setdefault(thing.id, thing)
                yield thing.id
            elif isinstance(one, dict):
                waiting = [*one.values(), *waiting]
            elif isinstance(one, str) and (one.startswith(_LID) or (paths and one)):
                identifier = one if is_uri(one) or one.startswith("/") else f"#path-{one}"
                self._things.setdefault(identifier, Thing(identifier))
                yield identifier

    def _published(self) -> Iterator[Deed]:
        """Yield an action for each file that was published: it descends from the file that it was copied from."""
        tasks = {task.id for task in self._tasks}
        for file in sorted(self._files, key=lambda file: file.id):
            source = file.text("source")
            if source is None or _maker(file) in tasks:
                continue
            came_from = () if source == self._id else (source,)
            for one in came_from:
                self._things.setdefault(one, Thing(one))
            name = "publish" if came_from else "written by the workflow itself"
            yield Deed(f"#publish-{file.id}", name, came_from, (file.id,), agent=_ENGINE, tool=_ENGINE)

    def _assumed(self, published: int) -> Iterator[str]:
        yield "A run in Nextflow's lineage store: things are known by their lineage ids, in every run the same."
        if published:
            yield f"Files that were published descend from the tasks' files that they were copied from: {published}."
        if any(thing.checksum is not None for thing in self._things.values()):
            yield "Nextflow's own checksums are no digests of content: nothing is joined by them."
        redacted = sum(record.redacted is not None for record in (self._run, *self._tasks, *self._files))
        if redacted:
            yield f"Records with something that has a secret's name or form, which is withheld: {redacted}."
        yield "Nextflow records no times and no outcome of tasks: each that has a record counts as finished."


def _maker(file: Record) -> str | None:
    """Return the task that a file is said to come from; a published file comes from another file."""
    return file.text("taskRun") or file.text("source")


def _file(file: Record) -> Thing:
    path = file.text("path")
    size = file.fields.get("size")
    sha256, checksum = _checksums(file.fields.get("checksum"))
    return Thing(
        file.id,
        name=path.rstrip("/").rpartition("/")[2] if path else None,
        path=path,
        sha256=sha256,
        checksum=checksum,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        modified=file.text("modifiedAt"),
    )


def _data_path(told: Fields) -> Thing:
    path = str(told["path"])
    sha256, checksum = _checksums(told.get("checksum"))
    identifier = path if is_uri(path) or path.startswith("/") else f"#path-{path}"
    return Thing(identifier, path.rstrip("/").rpartition("/")[2] or None, sha256=sha256, checksum=checksum)


def _checksums(told: object) -> tuple[str | None, tuple[str, str] | None]:
    """Return a SHA-256, and a checksum of another kind."""
    if not isinstance(told, dict) or not isinstance(value := told.get("value"), str):
        return None, None
    algorithm = str(told.get("algorithm") or "unknown")
    if algorithm.lower().replace("-", "") == "sha256" and _HEX.fullmatch(value):
        return value.lower(), None
    mode = told.get("mode")
    return None, (f"{algorithm} {mode}" if isinstance(mode, str) else algorithm, value)


def _process(name: str | None) -> str:
    """Return a task's process: ``FASTQC`` of ``RNASEQ:FASTQC (ggal_gut)``, with the workflows around it."""
    return (name or "task").partition(" (")[0]


def _without_repeats(parameters: tuple[tuple[str, Value], ...]) -> tuple[tuple[str, Value], ...]:
    return tuple(dict(parameters).items())
