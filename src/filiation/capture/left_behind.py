"""What jobs that never finished left: a file there may be theirs, or made since by somebody else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from filiation.capture.journal import Journal
from filiation.capture.naming import entity_path
from filiation.model import is_uri

_TOLERANCE = timedelta(seconds=2)
"""Clocks of file servers differ a little from the writer's."""


def written_since(journal: Journal, folder: str) -> frozenset[str]:
    """Return the outputs of unfinished jobs that were written after the last sign of life of their run.

    Nobody saw them then: a run that resumes makes the same paths again, and its bytes are not this run's.

    Parameters
    ----------
    journal
        The run's journal.
    folder
        The run's folder, which relative paths are in.
    """
    if not journal.events:
        return frozenset()
    written = datetime.fromtimestamp(os.path.getmtime(journal.path), UTC)
    last = max(written, *(event.time for event in journal.events)) + _TOLERANCE
    return frozenset(path for path in _unfinished(journal) if _modified(os.path.join(folder, path)) > last)


def _unfinished(journal: Journal) -> Iterable[str]:
    outputs: dict[object, list[str]] = {}
    finished: set[str] = set()
    for event in journal.events:
        if event.kind == "job_started":
            outputs[event.data["job"]] = [entity_path(entry) for entry in event.data.get("output", ())]
        elif event.kind == "job_finished":
            finished.update(outputs.pop(event.data["job"], ()))
    unfinished = {path for paths in outputs.values() for path in paths if not is_uri(path)}
    return sorted(unfinished - finished)


def _modified(place: str) -> datetime:
    stamp = os.path.join(place, ".snakemake_timestamp")
    try:
        return datetime.fromtimestamp(os.path.getmtime(stamp if os.path.exists(stamp) else place), UTC)
    except OSError:
        return datetime.min.replace(tzinfo=UTC)
