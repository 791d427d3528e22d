"""The step record: what a job says of itself. Written when the step starts, and again when it ends.

The form is ``docs/reference/step-record.md``; ``filiation.capture.steps`` reads it back.
"""

from __future__ import annotations

import contextvars
import json
import os
import resource
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from filiation.capture.distributions import imported_distributions
from filiation.capture.environment import python_facts
from filiation.capture.live_job import bounded, plain_value
from filiation.capture.machine import machine_facts, scheduler_facts
from filiation.capture.naming import inside
from filiation.capture.place import STEP_FOLDER_VARIABLE, find_catalogue, read_settings
from filiation.capture.redaction import Redactor
from filiation.capture.steps import FORMAT, UNCLAIMED
from filiation.digest import DigestCache, WrittenFiles, digest_file, digest_tree
from filiation.errors import FiliationError, NotFoundError
from filiation.model import to_plain
from filiation.model.plain_facts import plain_image_facts, plain_server_facts
from filiation.step.binding import Argument, Binding, ScriptJob
from filiation.step.telling import Progress

if TYPE_CHECKING:
    from filiation.images import SourceIdentity
    from filiation.model import Digest

_running: contextvars.ContextVar[StepNotes | None] = contextvars.ContextVar("filiation_step", default=None)


def used(thing: SourceIdentity | str | os.PathLike[str]) -> None:
    """Declare a further input of the running step: model weights by their path, or a raw image by its identity.

    A file or folder is read for its digest now, so it counts as it is when the step uses it. Outside a running step
    nothing is done, so a function stays testable by itself.

    Parameters
    ----------
    thing
        Path of a file, of a folder or of an OME-Zarr store; or the identity of an image fetched from a URI.

    Raises
    ------
    NotFoundError
        If a path is given and nothing is there.
    """
    notes = _running.get()
    if notes is not None:
        notes.note_side_input(Path(thing) if isinstance(thing, str | os.PathLike) else thing)


def effective(**values: object) -> None:
    """Report parameter values that the running step really worked with, such as an automatic diameter."""
    notes = _running.get()
    if notes is not None:
        notes.effective |= values


def unused(*names: str) -> None:
    """Say which parameters of the rule mean nothing to what the running step does, so that none is recorded of it."""
    notes = _running.get()
    if notes is not None:
        notes.unused |= set(names)


def progress(stage: str, done: int, total: int) -> None:
    """Tell how far the running step is, on standard error and in the job's log: seldom, however often it is called.

    Parameters
    ----------
    stage
        What is being done.
    done, total
        How much of how much.
    """
    notes = _running.get()
    if notes is not None:
        notes.progress.tell(stage, done, total)


def knowing_secrets_of(job: ScriptJob) -> Redactor:
    """Return a redactor that knows the secrets in a job's environment, configuration and parameters."""
    redactor = Redactor()
    redactor.learn(plain_value(getattr(job, "config", None)))
    redactor.learn({str(name): plain_value(value) for name, value in job.params._allitems()})
    return redactor


def learn_what_was_used(redactor: Redactor) -> None:
    """Let a redactor know the passwords and keys that this process has signed in with meanwhile."""
    if "filiation.images.secrets" in sys.modules:
        from filiation.images.secrets import secrets_in_use

        redactor.learn_values(secrets_in_use())


def _modules() -> Iterable[str]:
    """Name the modules that this process imported, and those of processes that worked on its blocks."""
    if "filiation.segmentation.blockwise" not in sys.modules:
        return sys.modules
    from filiation.segmentation.blockwise import imported_by_workers

    return {*sys.modules, *imported_by_workers()}


class StepNotes:
    """What is noted down while one step runs.

    Parameters
    ----------
    job
        The script's ``snakemake`` object.
    function
        Name of the function, for a person.
    redactor
        Knows the secrets that the job was given.
    """

    def __init__(self, job: ScriptJob, function: str, redactor: Redactor) -> None:
        self._job = job
        self._function = function
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()
        self._redactor = redactor
        folder = os.environ.get(STEP_FOLDER_VARIABLE)
        catalogue = Path(folder).parents[1] if folder else find_catalogue(Path.cwd())
        self._tracked = folder is not None or catalogue.is_dir()
        self._catalogue = catalogue
        self._run = Path(folder).name if folder else None
        # A cluster may not hand the variable on; such records wait for the run that recognises its outputs.
        self._place = (Path(folder) if folder else catalogue / UNCLAIMED) / f"{job.rule}-{uuid.uuid4()}.json"
        self._binding: Binding | None = None
        self.cache = DigestCache(catalogue / "digests.sqlite")
        self._written = WrittenFiles()
        self.side_inputs: list[dict[str, object]] = []
        self.effective: dict[str, object] = {}
        self.unused: set[str] = set()
        self.progress = Progress(job)

    def __enter__(self) -> StepNotes:
        self._token = _running.set(self)
        self._write("interrupted", None, [], [])
        if self._tracked:
            self._written.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        _running.reset(self._token)
        if self._tracked:
            self._written.__exit__(kind, error, None)
        inputs = self._digests(self._binding.inputs if self._binding else ())
        result = (self._binding.result,) if self._binding and self._binding.result else ()
        made = (*self._binding.written, *result) if self._binding and error is None else ()
        pixels = self._stamp(made, inputs)
        # What a failed step left behind is no output of it, so it gets no digest.
        outputs = self._digests(made, pixels)
        # In the order of the rule, by which a record finds its job.
        order = {str(Path(path)): place for place, (_, path) in enumerate(_output_paths(self._job))}
        outputs.sort(key=lambda output: order.get(str(output["path"]), len(order)))
        self._write("finished" if error is None else "failed", error, inputs, outputs)
        self.cache.close()

    def bound(self, binding: Binding) -> None:
        """Keep how the function is called; a file that an argument names is an input of it, such as model weights."""
        self._binding = binding
        self.unused |= set(binding.requested.keys() - binding.used.keys())
        if not self._tracked:
            return
        known = {path.absolute() for each in (*binding.inputs, *binding.written) for path in each.paths}
        if binding.result:
            known |= {path.absolute() for path in binding.result.paths}
        for path in _named_files(binding.used.values()):
            if path.absolute() not in known:
                known.add(path.absolute())
                self.note_side_input(path)

    def note_side_input(self, thing: SourceIdentity | Path) -> None:
        """Keep what the step used besides its declared inputs, each once.

        Raises
        ------
        NotFoundError
            If a path is given and nothing is there, whether or not the step is recorded.
        """
        if isinstance(thing, Path):
            if not thing.exists():
                raise NotFoundError(f"The step says that it used {thing}, and nothing is there.")
            if not self._tracked:
                return  # nobody would read the digest
        found = _side_input(thing, self)
        if found not in self.side_inputs:
            self.side_inputs.append(found)

    def _stamp(self, made: Iterable[Argument], inputs: Iterable[dict[str, object]]) -> dict[Path, Digest]:
        """Let the label images that the step made say how they were made; return their pixel digests."""
        places = [path for argument in made for path in argument.paths]
        stores = [place for place in places if (place / "zarr.json").is_file() or (place / ".zattrs").is_file()]
        if not (self._tracked and stores):
            return {}
        learn_what_was_used(self._redactor)
        try:
            from filiation.step.stamping import stamp_label_stores

            return stamp_label_stores(
                stores,
                read_settings(self._catalogue),
                run=self._run,
                record=self._place.name,
                rule=self._job.rule,
                function=self._function,
                started=self._started,
                parameters=self._parameters(),
                software=[python_facts(), *imported_distributions(_modules())],
                inputs=self._redactor.plain([*inputs, *self.side_inputs]),  # type: ignore[arg-type]
            )
        except Exception as error:  # the job matters more
            sys.stderr.write(f"filiation: label images do not say how they were made ({error}).\n")
            return {}

    def _write(
        self,
        status: str,
        error: BaseException | None,
        inputs: list[dict[str, object]],
        outputs: list[dict[str, object]],
    ) -> None:
        """Write the record; a record that cannot be written is told on stderr and costs nothing else."""
        if not self._tracked:
            return
        learn_what_was_used(self._redactor)
        ended = status != "interrupted"
        record: dict[str, object] = {
            "format": FORMAT,
            "rule": self._job.rule,
            "function": self._function,
            "status": status,
            "started": self._started.isoformat(timespec="milliseconds"),
            "ended": datetime.now(UTC).isoformat(timespec="milliseconds") if ended else None,
            "wildcards": dict(self._job.wildcards.items()),
            "parameters": self._parameters(),
            "unused": sorted(self.unused - self.effective.keys()),
            "inputs": inputs,
            "outputs": outputs or [{"path": str(path)} for _, path in _output_paths(self._job)],
            "side_inputs": self.side_inputs,
            "software": [python_facts(), *imported_distributions(_modules())] if ended else [],
            "usage": self._usage() if ended else [],
            "machine": machine_facts(),
            "scheduler": scheduler_facts() or None,
            "error": {"type": type(error).__name__, "message": _said(error)} if error else None,
        }
        temporary = self._place.with_suffix(".part")
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._redactor.plain(record), indent=1, default=repr), "utf-8")
            temporary.replace(self._place)
        except OSError as problem:
            sys.stderr.write(f"filiation: the step record could not be written ({problem}).\n")

    def _parameters(self) -> list[dict[str, object]]:
        if self._binding is None:
            return []
        described = []
        for name, value in {**self._binding.used, **self.effective}.items():
            if name in self.unused and name not in self.effective:
                continue
            shown = bounded(plain_value(value))
            entry: dict[str, object] = {"name": name, "used": self._redactor.plain(shown, name)}
            if name in self._binding.requested:
                requested = bounded(plain_value(self._binding.requested[name]))
                entry["requested"] = self._redactor.plain(requested, name)
            described.append(entry)
        return described

    def _usage(self) -> list[dict[str, object]]:
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        # Linux counts the peak in KiB, macOS in bytes.
        peak = max(own.ru_maxrss, children.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
        return [
            {"name": "wall time", "value": round(time.monotonic() - self._clock, 3), "unit": "SEC"},
            {"name": "cpu time", "value": round(processor, 3), "unit": "SEC"},
            {"name": "peak memory", "value": round(peak / 1e6, 3), "unit": "MegaBYTE"},
        ]

    def _digests(
        self, arguments: Iterable[Argument], pixels: Mapping[Path, Digest] = MappingProxyType({})
    ) -> list[dict[str, object]]:
        if not self._tracked:
            return []
        return [
            {
                "slot": argument.name,
                "path": str(path),
                **describe_content(path, self.cache, pixels.get(path), self._written),
            }
            for argument in arguments
            for path in argument.paths
        ]


def describe_content(
    path: Path, cache: DigestCache, known: Digest | None = None, written: WrittenFiles | None = None
) -> dict[str, object]:
    """Return the digests of a file or store as text, as far as they can be had; never raises for a bad store.

    ``known`` is the pixel digest, where it was worked out already; ``written`` what this process wrote itself.
    """
    from filiation.images import pixel_digest

    facts: dict[str, object] = {}
    try:
        if not path.is_dir():
            facts["digest"] = str(digest_file(path, cache=cache))
            return facts
        tree = digest_tree(path, cache=cache, written=written)
        facts["digest"] = str(tree.digest)
        if path.name.endswith(".zarr"):
            pixels = known or cache.get_pixels(tree.digest.hex) or pixel_digest(path)
            cache.put_pixels(tree.digest.hex, pixels)
            facts["pixels"] = str(pixels)
    except (FiliationError, OSError) as error:
        facts["not_captured"] = str(error)
    return facts


def _said(error: BaseException) -> str:
    """Return an error's message with what was noted where it passed by."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def _side_input(thing: SourceIdentity | Path, notes: StepNotes) -> dict[str, object]:
    if isinstance(thing, Path):
        path = inside(str(thing), str(Path.cwd()))
        if thing.is_dir():
            tree = digest_tree(thing, cache=notes.cache)
            return {"iri": path, "name": thing.name, "digest": str(tree.digest), "size": tree.size}
        digest = digest_file(thing, cache=notes.cache)
        return {"iri": path, "name": thing.name, "digest": str(digest), "size": thing.stat().st_size}
    facts: dict[str, Any] = {
        "iri": thing.iri,
        "name": thing.name,
        "size": thing.size,
        "media_type": thing.media_type,
        "url": thing.url,
    }
    for key in ("digest", "pixels"):
        if getattr(thing, key) is not None:
            facts[key] = str(getattr(thing, key))
    if thing.image is not None:
        facts["image"] = plain_image_facts(thing.image)
    if thing.modified is not None:
        facts["modified"] = thing.modified.isoformat(timespec="milliseconds")
    if thing.server is not None:
        facts["server"] = plain_server_facts(thing.server)
    if thing.metadata is not None:
        facts["metadata"] = to_plain(thing.metadata)
    return facts


def _named_files(values: Iterable[object]) -> Iterable[Path]:
    """Yield the existing files that arguments name: paths, and texts that look like one."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _named_files(value)
        elif isinstance(value, Mapping):
            yield from _named_files(value.values())
        elif isinstance(value, os.PathLike) or (
            isinstance(value, str) and ("/" in value or Path(value).suffix) and "\n" not in value
        ):
            try:
                path = Path(value)
                if path.is_file():
                    yield path
            except (OSError, ValueError):  # too long, or with a NUL: no path
                continue


def _output_paths(job: ScriptJob) -> Iterable[tuple[str | None, str]]:
    for name, value in job.output._allitems():
        for path in [value] if isinstance(value, str) else value:
            yield name, str(path)
