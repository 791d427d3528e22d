"""Reproductions, recorded: that a run was run again, by whom, when and with what outcome; a crate each."""

from __future__ import annotations

import getpass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from filiation.capture.environment import agent_facts
from filiation.capture.machine import machine_facts
from filiation.capture.place import read_settings
from filiation.capture.steps import read_machine
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.reruns import RerunPlan, RerunResult
from filiation.catalogue.waiting import packing_place
from filiation.crate.reproduction import Reproduction, write_reproduction
from filiation.model import Agent, Software


def record_reproduction(
    catalogue: CatalogueFolder, plan: RerunPlan, result: RerunResult, started: datetime, ended: datetime
) -> Path:
    """Record that a run was run again; returns the folder of the crate.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    stated = agent_facts(read_settings(catalogue.root))
    stated.pop("license", None)
    machine = machine_facts()
    made = Reproduction(
        original=plan.run.id,
        again=None if result.again is None else result.again.id,
        outcome=result.outcome,
        summary=result.summary,
        agent=Agent(getpass.getuser(), **stated),
        machine=read_machine(machine),
        software=Software("filiation", version("filiation")),
        started=started,
        ended=ended,
        comparison={
            "original": plan.run.id,
            "again": None if result.again is None else result.again.id,
            "outcome": result.outcome,
            "targets": list(plan.targets),
            "outputs": [comparison.to_json() for comparison in result.comparisons],
        },
    )
    with packing_place(catalogue, str(uuid4())) as making:
        write_reproduction(made, making)
        return Catalogue(catalogue).ingest(making, move=True).folder
