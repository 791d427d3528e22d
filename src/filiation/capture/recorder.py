"""The recorder: from Snakemake's log records to the journal, and from the end of a run to its packing.

It observes and never disturbs: whatever goes wrong here is told once on stderr and ends the recording, not the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from logging import LogRecord
from pathlib import Path
from typing import Any

from filiation.capture import events
from filiation.capture.environment import agent_facts
from filiation.capture.fingerprint import KEY_VARIABLE, fingerprints_of, new_key
from filiation.capture.fleeting import FleetingOutputs
from filiation.capture.journal import FORMAT, JournalWriter, encode
from filiation.capture.listener import Heard, Listener
from filiation.capture.live_job import JobReader, Plain, file_state, up_to_date_jobs
from filiation.capture.machine import machine_facts
from filiation.capture.place import STEP_FOLDER_VARIABLE, Settings, find_catalogue, read_settings
from filiation.capture.profiles import profile_files
from filiation.capture.raised import clear_raised, take_raised
from filiation.capture.reading import files_read, start_listening
from filiation.capture.redaction import Redactor
from filiation.capture.withholding import files_with_secrets
from filiation.errors import FiliationError

LONGEST_WAIT = 1800.0
"""Seconds that Snakemake's end is held up by packing at most."""
ERROR_WORD = "filiation: this run is not recorded any further"


class Recorder:
    """Writes one run's journal.

    Parameters
    ----------
    catalogue
        The catalogue's folder as the user names it, or None.
    pack
        Whether to pack the run when it ends.
    dry
        A dry run leaves nothing.
    send_to
        A shared catalogue that gets a copy of what is packed.
    """

    def __init__(
        self,
        catalogue: str | Path | None = None,
        *,
        pack: bool = True,
        dry: bool = False,
        send_to: Path | None = None,
    ) -> None:
        self._named_catalogue = catalogue
        # A relative path means the folder where the user typed it; --directory changes it later.
        self._typed_in = Path.cwd()
        self._pack = pack
        self._send_to = self._typed_in / send_to if send_to is not None else None
        self._active = not dry
        self._journal: JournalWriter | None = None
        self._redactor = Redactor()
        self._workflow: Any = None
        self._catalogue = Path()
        self._folder = ""
        self._run = ""
        self._eventful = False
        self._outputs: dict[int, list[str]] = {}
        self._tries: dict[int, tuple[str, dict[str, str], int]] = {}
        self._small_files: set[str] = set()
        self._code: set[str] = set()
        self._sources: list[str] = []
        self._key = new_key()
        self._groups: dict[str, list[int]] = {}
        self._reader = JobReader("")
        self._fleeting = FleetingOutputs(self._digested)
        self._listener: Listener | None = None
        # Digests of fleeting outputs, and the repository's facts, come from threads of their own.
        self._writing = threading.Lock()

    def listen(self, logger: Any, *, alone: bool) -> None:
        """Hear a logger's records where they are logged.

        Parameters
        ----------
        logger
            Snakemake's logger.
        alone
            Whether no other logger plugin is in use.
        """
        if self._active:
            self._listener = Listener(self._begin, self._describe, self._record, self._fleeting, alone=alone)
            logger.addHandler(self._listener)
            start_listening()

    def emit(self, record: LogRecord) -> None:
        """Record one log record that came by Snakemake's queue; never raises.

        Nothing to do where the logger itself was heard. A Snakemake that starts its runs otherwise, or one of the
        future, is recorded from the events alone.
        """
        if not self._active or (self._listener is not None and self._listener.hears):
            return
        heard = Heard(record, None, time.monotonic())
        if record.__dict__.get("event") == "workflow_started":
            self._begin(heard)
            self._describe(heard)
        else:
            self._record([heard])

    def close(self) -> None:
        """End the journal and pack the run; never raises."""
        try:
            if self._listener is not None:
                self._listener.finish()
            if self._active and self._journal is not None:
                self._end()
        except Exception as error:  # observe, never disturb
            self._give_up(error)
        finally:
            self._active = False

    def _begin(self, heard: Heard) -> None:
        if not self._active:
            return
        try:
            self._start(heard)
        except Exception as error:  # observe, never disturb
            self._give_up(error)

    def _describe(self, heard: Heard) -> None:
        """Tell what takes long to find out; git may, in a large repository, and no job waits for it here."""
        if not self._active:
            return
        try:
            main = heard.record.__dict__.get("snakefile_main") or self._folder
            from filiation.capture.repository import repository_facts  # its imports are for later, too

            repository = repository_facts(main, self._sources)
            if repository:
                self._write("repository", repository, heard)
                self._flush()
        except Exception as error:  # observe, never disturb
            self._give_up(error)

    def _record(self, heard: list[Heard]) -> None:
        if not self._active:
            return
        try:
            for each in heard:
                _HANDLERS.get(each.record.__dict__.get("event") or "", Recorder._free_text)(self, each)
            self._flush()
        except Exception as error:  # observe, never disturb
            self._give_up(error)

    def _start(self, heard: Heard) -> None:
        facts = events.run_started(heard.record, heard.live)
        self._run, self._folder = facts["run"], facts["rundir"] or os.getcwd()
        self._workflow = heard.live[0] if heard.live is not None else None
        self._reader = JobReader(self._folder)
        self._catalogue = find_catalogue(
            self._typed_in if self._named_catalogue else Path(self._folder), self._named_catalogue
        )
        self._redactor.learn(facts.get("config"))
        facts["arguments"] = self._redactor.arguments(sys.argv)
        settings, problem = _settings(self._catalogue)
        facts["agent"] = agent_facts(settings)
        facts["machine"] = machine_facts()
        facts["profiles"] = profile_files(sys.argv[1:], self._typed_in)
        facts["sources"] = self._sources = self._with_files_read(facts)
        read = (*facts["sources"], *facts.get("configfiles", ()), *facts["profiles"])
        # Pairs, since a path is no name of a field: one that holds the word "secret" is none.
        facts["states"] = [[path, file_state(os.path.join(self._folder, path))] for path in read if "://" not in path]
        facts["format"], facts["pid"], facts["catalogue"] = FORMAT, os.getpid(), str(self._catalogue)
        self._journal = JournalWriter(self._catalogue / "journals" / f"{self._run}.jsonl")
        os.environ[KEY_VARIABLE] = self._key
        os.environ.pop("FILIATION_STEP_WHOLE", None)  # of the job that this run is, in another run
        os.environ[STEP_FOLDER_VARIABLE] = str(self._step_folder)
        for what in ("sources", "configfiles", "profiles"):
            self._small_files |= set(facts.get(what, ()))
        self._code |= set(facts.get("sources", ()))
        self._write("run_started", facts, heard)
        if problem:
            self._write("not_captured", {"what": "who runs, from filiation.toml", "error": problem}, heard)
            print(f"filiation: {problem} The run is recorded without it.", file=sys.stderr)  # noqa: T201
        self._flush()

    @property
    def _step_folder(self) -> Path:
        return self._catalogue / "steps" / self._run

    def _with_files_read(self, facts: Plain) -> list[str]:
        """Return the files that the workflow is made of, those included that it read while it was read itself."""
        base = str(facts.get("basedir") or "")
        home = os.path.dirname(base) if os.path.basename(base) == "workflow" else base
        config = {os.path.abspath(os.path.join(self._folder, str(path))) for path in facts.get("configfiles", ())}
        read = [path for path in files_read((self._folder, home)) if path not in config]
        return sorted({*facts.get("sources", ()), *read})

    def _planned(self, heard: Heard) -> None:
        self._write("run_planned", events.run_planned(heard.record, self._workflow), heard)

    def _job_started(self, heard: Heard) -> None:
        self._eventful = True
        facts = events.job_started(heard.record, heard.live, self._reader)
        self._redactor.learn(facts.get("params"))
        self._tries[facts["job"]] = facts["rule"], facts["wildcards"], int(facts.get("attempt") or 1)
        self._outputs[facts["job"]] = [entry["path"] for entry in facts["output"]]
        if facts.get("command"):
            facts["fingerprints"] = fingerprints_of(str(facts["command"]), self._key)
        self._small_files |= {path for path in _small_files(facts) if path}
        self._code |= {facts[what] for what in ("script", "conda") if facts.get(what)}
        self._write("job_started", facts, heard)

    def _job_finished(self, heard: Heard) -> None:
        job = heard.record.__dict__["job_id"]
        self._tries.pop(job, None)
        states = {path: file_state(os.path.join(self._folder, path)) for path in self._outputs.pop(job, ())}
        self._write("job_finished", {"job": job, "output": states}, heard)

    def _digested(self, job: int | None, files: Plain) -> None:
        if job is None:
            self._write("copies_digested", {"copy": files})
        else:
            self._write("outputs_digested", {"job": job, "output": files})
        self._flush()

    def _group_started(self, heard: Heard) -> None:
        if heard.live is not None:
            group, jobs = heard.live
            self._groups[str(group)] = [int(job) for job in jobs]

    def _job_failed(self, heard: Heard) -> None:
        facts = events.job_failed(heard.record)
        if told := self._raised(facts["job"], heard.record.created):
            facts["raised"] = told
        self._write("job_failed", facts, heard)

    def _raised(self, job: int, until: float) -> str | None:
        """Return the exception that the job's own process told, if it has one."""
        if job not in self._tries:
            return None
        try:
            return take_raised(self._step_folder, *self._tries.pop(job), until)
        except (OSError, ValueError, KeyError):  # it costs this text
            return None

    def _error(self, heard: Heard) -> None:
        self._eventful = True
        self._write("error", events.error(heard.record), heard)

    def _free_text(self, heard: Heard) -> None:
        for facts in events.submitted(heard.record, self._groups):
            self._write("job_submitted", facts, heard)
        stop = events.stop_requested(heard.record)
        if stop is not None:
            self._write("stop_requested", stop, heard)

    def _write(self, kind: str, facts: Plain, heard: Heard | None = None) -> None:
        if self._journal is None:
            return
        text = encode(facts)
        with self._writing:
            if self._redactor.suspects(text):
                # First learn, so that a secret parameter is withheld from the command too.
                self._redactor.learn(facts)
                plain = self._redactor.plain(facts)
                assert isinstance(plain, dict)  # noqa: S101 - a mapping stays one
                text = encode(plain)
            moment = (heard.record.created, heard.monotonic) if heard is not None else None
            self._journal.add(kind, text, moment)

    def _flush(self) -> None:
        if self._journal is not None:
            with self._writing:
                self._journal.flush()

    def _end(self) -> None:
        assert self._journal is not None  # noqa: S101 - close() checked it
        if not self._eventful:
            # Nothing was done and nothing went wrong: there is nothing to remember.
            self._journal.close()
            self._journal.path.unlink()
            return
        self._fleeting.finish()
        clear_raised(self._step_folder)
        if self._workflow is not None:
            try:
                self._write("up_to_date", {"jobs": up_to_date_jobs(self._workflow, self._folder)})
            except Exception as error:  # the end record matters more
                self._write("not_captured", {"what": "jobs that were up to date", "error": repr(error)})
        holding = self._files_with_secrets() if self._redactor.knows_values else []
        self._write("run_ended", {"redacted": list(self._redactor.withheld), "kept_back": holding})
        self._journal.close()
        if self._pack:
            pack_in_child(self._catalogue, self._run, self._folder, self._send_to)

    def _files_with_secrets(self) -> list[str]:
        from filiation.capture.naming import inside  # only runs that know of secrets pay for the import

        found = files_with_secrets(self._small_files, self._folder, self._redactor, self._code)
        return [inside(path, self._folder) for path in found]

    def _give_up(self, error: Exception) -> None:
        self._active = False
        print(f"{ERROR_WORD} ({type(error).__name__}: {error}). The workflow goes on.", file=sys.stderr)  # noqa: T201


def _settings(catalogue: Path) -> tuple[Settings, str]:
    """Return the settings; a mistake in them costs what they say, not the record of the run."""
    try:
        return read_settings(catalogue), ""
    except FiliationError as error:
        return Settings(), str(error)


def _small_files(job: Plain) -> Iterator[str | None]:
    """Yield the files of a job that would travel with the crate: logs, benchmark, script."""
    for entry in job["log"]:
        yield entry["path"]
    for what in ("benchmark", "script", "conda"):
        yield job.get(what)


def pack_in_child(catalogue: Path, run: str, folder: str, send_to: Path | None = None) -> None:
    """Pack a run in a process of its own and wait; it reports on stderr and cannot fail the run."""
    command = [sys.executable, "-m", "filiation", "pack", run, "--catalogue", str(catalogue), "--after-run"]
    command += ["--send-to", str(send_to)] if send_to is not None else []
    # A session of its own: a second Ctrl-C ends Snakemake, not the packing.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=folder, start_new_session=True)
    try:
        child.wait(LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        print(  # noqa: T201
            f"filiation: packing run {run[:8]} takes long and goes on in the background (process {child.pid}); "
            f"if it should be stopped, `filiation pack {run[:8]}` does it again.",
            file=sys.stderr,
        )


_HANDLERS: dict[str, Callable[[Recorder, Heard], None]] = {
    "run_info": Recorder._planned,
    "job_info": Recorder._job_started,
    "job_finished": Recorder._job_finished,
    "job_error": Recorder._job_failed,
    "error": Recorder._error,
    "group_info": Recorder._group_started,
}
