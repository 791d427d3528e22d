"""What was written to a server, recorded: a crate for each call, as a reproduction has one."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from filiation.capture.environment import agent_facts
from filiation.capture.machine import machine_facts
from filiation.capture.place import read_settings
from filiation.capture.steps import read_machine
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.waiting import packing_place
from filiation.crate.registration import Known, Registration, Writing, write_registration
from filiation.model import Agent, Software


def record_registration(
    catalogue: CatalogueFolder,
    registration: str,
    run: str,
    host: str,
    user: str,
    started: datetime,
    *,
    writings: Iterable[Writing] = (),
    removed: Iterable[Known] = (),
    failure: str | None = None,
) -> Path:
    """Record what was written to a server or removed from it; returns the folder of the crate.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    stated = agent_facts(read_settings(catalogue.root))
    stated.pop("license", None)
    made = Registration(
        id=registration,
        run=run,
        host=host,
        agent=Agent(getpass.getuser(), **stated),
        machine=read_machine(machine_facts()),
        software=Software("filiation", version("filiation")),
        user=user,
        started=started,
        ended=datetime.now(UTC),
        writings=tuple(writings),
        removed=tuple(removed),
        failure=failure,
    )
    with packing_place(catalogue, registration) as making:
        write_registration(made, making)
        return Catalogue(catalogue).ingest(making, move=True).folder
