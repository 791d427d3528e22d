"""Exceptions that a job's own Snakemake process tells, and its main process never hears.

A ``run:`` block, and every job on a cluster, runs in a Snakemake process of its own. That prints the exception on its
standard error, and the main process learns only that the job failed. Snakemake imports logger plugins in each of its
processes, so ours listens there to what is logged as an error, and leaves its text, without secrets, beside the step
records; the main process takes it from there into the journal when it hears that the job failed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filiation.capture.place import STEP_FOLDER_VARIABLE

_SUFFIX = ".raised"


def is_job(arguments: Iterable[str]) -> bool:
    """Tell from a command line whether it is of a process that Snakemake started for a job."""
    words = list(arguments)
    return "--mode" in words and words[words.index("--mode") + 1 :][:1] in (["subprocess"], ["remote"])


def listen_in_job() -> None:
    """Listen to what this process, started for a job, logs as an error."""
    logging.getLogger("snakemake.logging").addFilter(_hear)


def take_raised(folder: Path, rule: str, wildcards: Mapping[str, str], attempt: int, until: float) -> str | None:
    """Return what a job's process told of the exception that ended an attempt, and clear it away.

    Parameters
    ----------
    folder
        Of the run's step records.
    rule, wildcards
        The job.
    attempt
        The attempt as the main process counts; a cluster's job may have made later ones by itself.
    until
        When the main process heard of the failure, in seconds since 1970.
    """
    found = []
    for path in folder.glob(f"{_name(rule, wildcards)}-*{_SUFFIX}"):
        told = json.loads(path.read_text("utf-8"))
        if told["attempt"] >= attempt and told["at"] <= until:
            found.append((told["attempt"], told["message"]))
            path.unlink()
    return str(max(found)[1]) if found else None


def clear_raised(folder: Path) -> None:
    """Remove what belongs to tries that nobody asked about: those that a cluster's job made good by itself."""
    for path in folder.glob(f"*{_SUFFIX}"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # step records are in it, or it was never made
        folder.rmdir()


def _hear(record: logging.LogRecord) -> bool:
    try:
        if record.__dict__.get("event") == "error":
            _tell(record)
    except Exception as error:  # observe, never disturb
        sys.stderr.write(f"filiation: what went wrong in this job could not be recorded ({error!r}).\n")
    return True


def _tell(record: logging.LogRecord) -> None:
    from filiation.capture.listener import frame_of
    from filiation.capture.live_job import plain_value
    from filiation.capture.redaction import Redactor

    folder, frame = os.environ.get(STEP_FOLDER_VARIABLE), frame_of("_callback")
    if not folder or frame is None:
        return
    job, workflow = frame.f_locals["job_info"].job, frame.f_locals["self"].workflow
    if job.is_group():
        return
    redactor = Redactor()
    redactor.learn(plain_value(workflow.config))
    redactor.learn({str(name): plain_value(value) for name, value in job.params._allitems()})
    images: Any = sys.modules.get("filiation.images.secrets")  # what this process has signed in with
    redactor.learn_values(images.secrets_in_use() if images is not None else ())
    place = Path(folder, f"{_name(job.rule.name, job.wildcards_dict)}-{job.attempt}{_SUFFIX}")
    told = {"attempt": job.attempt, "at": record.created, "message": redactor.text(record.getMessage())}
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_suffix(".part")
    temporary.write_text(json.dumps(told), "utf-8")
    temporary.replace(place)


def _name(rule: str, wildcards: Mapping[str, str]) -> str:
    job = json.dumps([rule, sorted((str(name), str(value)) for name, value in wildcards.items())])
    return hashlib.blake2b(job.encode(), digest_size=16).hexdigest()
