"""Results put on a server by a job of the very run that made them, when the run's crate is not there yet.

The job packs its run as far as it is: journal and step records tell by then all that goes into pairs. What the end of
the run still brings, the crate's metadata, `filiation omero register` adds afterwards.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from filiation.capture.assembly import assemble
from filiation.capture.journal import read_journal
from filiation.capture.place import STEP_FOLDER_VARIABLE
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.errors import BadInputError, NotFoundError
from filiation.images.omero import Address
from filiation.lineage import Ledger
from filiation.model import Status, local_path
from filiation.publish.omero import RegistrationReport, register
from filiation.publish.registration import plan_registration

PATIENCE: Final = 60.0
"""Seconds that the journal may be behind: what Snakemake says is written down a moment later."""


def register_within_a_run(made: Sequence[Path]) -> tuple[RegistrationReport, ...]:
    """Put label images and tables on the images that they descend from; each as made by the run that made it.

    Parameters
    ----------
    made
        Label images and tables, made by this run or by earlier ones.

    Raises
    ------
    BadInputError
        If the job is of no run that is recorded.
    NotFoundError
        If nothing of it descends from an image on a server.
    AccessError, ServerError
        If a server refuses, or is lost.
    """
    folder = os.environ.get(STEP_FOLDER_VARIABLE)
    if not folder:
        raise BadInputError(
            "Results can only be registered within a run that is recorded: run Snakemake with --logger filiation, and "
            f"on a cluster let the jobs have the variable {STEP_FOLDER_VARIABLE}. Or register the run when it is over: "
            "`filiation omero register RUN`."
        )
    steps = Path(folder)
    catalogue, run = CatalogueFolder(steps.parents[1]), steps.name
    await_journal(catalogue, run, [local_path(str(path)) for path in made])
    pack(catalogue, run, living=True)
    ledger = Ledger(catalogue.root)
    return tuple(_reports(ledger, run, _makers(ledger, run, made)))


def _makers(ledger: Ledger, run: str, made: Iterable[Path]) -> list[str]:
    """Return the runs that made some things, each once; this one knows its own by their place."""
    own = {entity.path for entity in ledger.show(run).entities if entity.generated}
    found = dict.fromkeys([run] if any(local_path(str(path)) in own for path in made) else [])
    for path in made:
        if local_path(str(path)) not in own:
            origin = ledger.resolve(str(path)).origins[0]
            found[origin.removeprefix("arcp://uuid,").partition("/")[0]] = None
    return list(found)


def _reports(ledger: Ledger, living: str, runs: Iterable[str]) -> Iterable[RegistrationReport]:
    for run in runs:
        plan = plan_registration(ledger, run)
        host = Address.from_uri(f"omero://{plan.host}/images").host
        yield register(ledger, plan, host, crate=run != living)


def await_journal(
    catalogue: CatalogueFolder, run: str, paths: Iterable[str], pause: Callable[[float], None] = time.sleep
) -> None:
    """Wait until a run's journal tells how some things came to be.

    Raises
    ------
    NotFoundError
        If it does not within :data:`PATIENCE`.
    """
    wanted = set(paths)
    end = time.monotonic() + PATIENCE
    while missing := wanted - _told(catalogue, run):
        if time.monotonic() > end:
            raise NotFoundError(
                f"The journal of run {run[:8]} says nothing of {', '.join(sorted(missing))}; is its folder the same "
                "on the machine where this job runs? Register the run when it is over: `filiation omero register "
                f"{run[:8]}`."
            )
        pause(0.2)


def _told(catalogue: CatalogueFolder, run: str) -> set[str]:
    seen = assemble(read_journal(catalogue.journals / f"{run}.jsonl"))
    finished = {slot.path for action in seen.actions if action.status is Status.FINISHED for slot in action.outputs}
    used = {slot.path for action in seen.actions for slot in action.inputs}
    made = {slot.path for action in seen.actions for slot in action.outputs}
    return finished | (used - made)  # what this run did not make, an earlier one did
