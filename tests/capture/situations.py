"""A situation: one small workflow, how it is run, and what must be true of its record whatever it is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from filiation.capture.journal import read_journal
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.lineage import Ledger
from filiation.model import Action, Status, WorkflowRun, entity_iri
from tests.conftest import Project

MakeProject = Callable[[str], Project]


@dataclass(frozen=True)
class Situation:
    """One row of a table.

    Parameters
    ----------
    name
        What happens, as the test's id.
    snakefile
        Text of the workflow.
    files
        Other files, by path.
    arguments
        Of each Snakemake call, in order; the last call is the one asserted.
    error
        Words that a failed action tells, or the run itself.
    code
        Exit code of the last call.
    status
        Of the last run.
    actions
        Status of every attempt by rule.
    generated
        Paths that the run claims to have made.
    """

    name: str
    snakefile: str
    status: Status
    actions: Mapping[str, tuple[Status, ...]]
    generated: frozenset[str]
    code: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[tuple[str, ...], ...] = ((),)
    error: str = ""

    def __str__(self) -> str:
        return self.name


def play(situation: Situation, project: MakeProject) -> tuple[Project, WorkflowRun]:
    """Run a situation's workflow as often as it says and return its last run, packed and checked."""
    made = project(situation.snakefile)
    for path, text in situation.files.items():
        made.write(path, text)
    for arguments in situation.arguments:
        result = made.snakemake(*arguments)
    assert result.returncode == situation.code, result.stderr
    assert "filiation:" not in result.stderr, result.stderr
    run = recorded(made)
    assert run.status is situation.status, f"the run is {run.status}"
    expected = {rule: tuple(sorted(each)) for rule, each in situation.actions.items()}
    assert statuses(run) == expected, f"{statuses(run)} instead of {expected}"
    assert generated(made, run) == situation.generated, f"generated: {sorted(generated(made, run))}"
    return made, run


def recorded(made: Project, run_id: str | None = None) -> WorkflowRun:
    """Pack a run and return it, after what holds for every run was asserted."""
    run_id = run_id or made.run_ids()[-1]
    journal = read_journal(made.catalogue / "journals" / f"{run_id}.jsonl")
    assert journal.torn == 0
    run = pack(CatalogueFolder(made.catalogue), run_id).run
    if texts_are_text(run):
        assert made.packed(run_id) == run, "what is read from the crate is what was packed"
    assert generated(made, run) == declared(run), "made is what finished actions declare, nothing else"
    twice = [place for place, times in Counter((a.job, a.attempt) for a in run.actions).items() if times > 1]
    assert not twice, "every attempt is told once"
    for action in run.actions:
        if action.started is not None and action.ended is not None:
            assert action.started <= action.ended
    return run


def texts_are_text(run: WorkflowRun) -> bool:
    """Tell whether everything that the run names can be written as UTF-8."""
    try:
        repr(run).encode()
    except UnicodeEncodeError:
        return False
    return "\\udc" not in repr(run)


def generated(made: Project, run: WorkflowRun) -> frozenset[str]:
    """Return the paths that the graph says a run made."""
    return frozenset(entity.path for entity in Ledger(made.catalogue).show(run.id).entities if entity.generated)


def declared(run: WorkflowRun) -> frozenset[str]:
    """Return the outputs of the actions that finished."""
    finished = (action for action in run.actions if action.status is Status.FINISHED)
    return frozenset(slot.path for action in finished for slot in action.outputs)


def statuses(run: WorkflowRun) -> dict[str, tuple[Status, ...]]:
    """Return the statuses of a run's attempts, by rule."""
    found: dict[str, list[Status]] = {}
    for action in run.actions:
        found.setdefault(action.rule, []).append(action.status)
    return {rule: tuple(sorted(each)) for rule, each in found.items()}


def only(run: WorkflowRun, rule: str, **wildcards: str) -> Action:
    """Return the one action of a rule (and wildcards)."""
    wanted = tuple(sorted(wildcards.items()))
    (action,) = [action for action in run.actions if action.rule == rule and (not wanted or action.wildcards == wanted)]
    return action


def ancestors(made: Project, run: WorkflowRun, path: str) -> set[str]:
    """Return the paths and rules that a thing of a run descends from."""
    lineage = Ledger(made.catalogue).trace(entity_iri(run.id, path))
    return {str(getattr(node, "rule", None) or getattr(node, "path", "")) for node in lineage.nodes}


def snakemake_command(*arguments: str) -> list[str]:
    """Return a command for a run that a test wants to interrupt."""
    return [
        sys.executable, "-m", "snakemake", "--scheduler", "greedy", "--logger", "filiation",
        "--logger-filiation-pack", "later", "--cores", "2", *arguments,
    ]  # fmt: skip
