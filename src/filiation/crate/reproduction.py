"""The record of a reproduction: who ran a run again, when, with what outcome. A Process Run Crate of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filiation.crate.agents import agent_id, software_id, write_agent, write_machine, write_software
from filiation.crate.flushing import flush_tree
from filiation.crate.jsonld import isoformat, node, reference
from filiation.crate.profiles import INLINE_CONTEXT, PROFILES, RO_CRATE, WORKFLOW_RUN_CONTEXT
from filiation.crate.record_names import REPRODUCTION
from filiation.crate.writer import METADATA
from filiation.model import Agent, Machine, Software, run_iri

COMPARISON = "comparison.json"
_PROCESS = PROFILES[0]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """That a recorded run was run again, and how the new things compare.

    Parameters
    ----------
    original
        Id of the run that was to be reproduced.
    again
        Id of the new run; None if it never began.
    outcome
        ``reproduced``, ``not reproduced`` or ``failed``.
    summary
        The outcome in a sentence.
    agent, machine, software
        Who ran it again, where, with which version of filiation.
    started, ended
        UTC.
    comparison
        What was compared and with what result, as plain JSON.
    """

    original: str
    again: str | None
    outcome: str
    summary: str
    agent: Agent
    machine: Machine
    software: Software
    started: datetime
    ended: datetime
    comparison: Mapping[str, object]


def write_reproduction(made: Reproduction, folder: Path) -> None:
    """Write the crate of a reproduction into a folder that is not visible under its final name yet.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    comparison = (json.dumps(made.comparison, indent=2) + "\n").encode("ascii")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / COMPARISON).write_bytes(comparison)
    text = json.dumps(_document(made, len(comparison)), indent=1) + "\n"
    (folder / METADATA).write_bytes(text.encode("ascii"))
    flush_tree(folder)


def _document(made: Reproduction, size: int) -> dict[str, Any]:
    name = f"Reproduction of run {made.original[:8]}"
    runs = [run_iri(run) for run in (made.original, made.again) if run is not None]
    action = node(
        REPRODUCTION,
        "CreateAction",
        name=f"{name}: {made.summary}",
        description=f"Run {made.original} was run again in a clean folder and its outputs compared: {made.summary}",
        instrument=reference(software_id(made.software)),
        agent=reference(agent_id(made.agent)),
        object=[reference(run) for run in runs],
        result=reference(COMPARISON),
        startTime=isoformat(made.started),
        endTime=isoformat(made.ended),
        # The comparison was done, whatever it found.
        actionStatus="http://schema.org/CompletedActionStatus",
        outcome=made.outcome,
        reproduces=reference(runs[0]),
        reproducedBy=reference(runs[1]) if len(runs) > 1 else None,
        **write_machine(made.machine),
    )
    root = node(
        "./",
        "Dataset",
        name=name,
        description=f"Who ran run {made.original} again, when, and how the new outputs compare: {made.summary}",
        datePublished=isoformat(made.ended),
        license=reference("#no-licence-stated"),
        author=reference(agent_id(made.agent)),
        conformsTo=reference(_PROCESS.iri),
        hasPart=reference(COMPARISON),
        mentions=reference(REPRODUCTION),
    )
    report = node(
        COMPARISON,
        "File",
        name=COMPARISON,
        description="Each output of the original run with what the new run made",
        encodingFormat="application/json",
        contentSize=str(size),
    )
    descriptor = node(METADATA, "CreativeWork", conformsTo=reference(RO_CRATE), about=reference("./"))
    roles = ("The run that was to be reproduced", "The new run")
    graph = [
        descriptor,
        root,
        report,
        action,
        *(
            node(run, "CreativeWork", name=f"Run {run[11:19]}", description=role, identifier=run)
            for run, role in zip(runs, roles, strict=False)
        ),
        write_software(made.software),
        *write_agent(made.agent),
        node(_PROCESS.iri, "CreativeWork", name=_PROCESS.name, version=_PROCESS.version),
        node("#no-licence-stated", "CreativeWork", name="No licence stated",
             description="The author of this record has not stated a licence; ask them before reusing it"),
    ]  # fmt: skip
    return {"@context": [f"{RO_CRATE}/context", WORKFLOW_RUN_CONTEXT, INLINE_CONTEXT], "@graph": graph}
