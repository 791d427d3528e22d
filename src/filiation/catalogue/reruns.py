"""A recorded run, run again: from its crate, in a clean folder, with the recorded workflow, config and inputs.

Inputs are taken from where they were last seen, or from another place that the catalogue knows, and only if their bytes
are still those recorded. What is missing is said before anything is run. The new run is recorded like any other; what
became of the comparison is recorded as an action of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.capture.journal import read_journal
from filiation.capture.place import STEP_FOLDER_VARIABLE
from filiation.capture.redaction import WITHHELD
from filiation.catalogue.comparison import REPRODUCED, Comparison, Outcome, compare
from filiation.catalogue.crates import CatalogueFolder
from filiation.crate import read_crate
from filiation.digest import digest_file, digest_tree
from filiation.errors import BadInputError, FiliationError
from filiation.model import Action, DataEntity, Digest, Status, WorkflowRun, crate_path, decode_path, is_uri

OWN: Final = ".rerun"
"""What the rerun itself needs, inside the clean folder."""

Places = Callable[[Digest], Iterable[str]]
"""From a digest to the places where the catalogue saw such bytes."""


@dataclass(frozen=True, slots=True)
class Take:
    """A file or tree to be brought to the clean folder: its path there, and where it is."""

    path: str
    source: Path
    tree: bool


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What running a run again takes.

    Parameters
    ----------
    run
        The recorded run.
    snakefile
        Path of the main Snakefile in the clean folder.
    targets
        What to ask Snakemake for; empty for the workflow's own default.
    compared
        Paths of the outputs to compare.
    sources, inputs
        What is brought along.
    config
        The whole config as it was used.
    missing
        What stands in the way, each as path and reason.
    """

    run: WorkflowRun
    snakefile: str
    targets: tuple[str, ...]
    compared: tuple[str, ...]
    sources: tuple[Take, ...]
    inputs: tuple[Take, ...]
    config: Mapping[str, Any]
    missing: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RerunResult:
    """What running it again gave.

    Parameters
    ----------
    again
        The new run as recorded; None if nothing was run.
    comparisons
        One an output, in order of path.
    exit_code
        Snakemake's.
    log
        What Snakemake said.
    """

    again: WorkflowRun | None
    comparisons: tuple[Comparison, ...]
    exit_code: int
    log: Path

    @property
    def outcome(self) -> str:
        """``reproduced``, ``not reproduced`` or ``failed``."""
        if self.exit_code != 0 or self.again is None or not self.comparisons:
            return "failed"
        # What was deleted by the workflow itself has no digest, and says nothing for or against.
        told = [found for found in self.comparisons if found.outcome is not Outcome.NOT_COMPARABLE]
        same = all(found.outcome in REPRODUCED for found in told)
        return "reproduced" if told and same else "not reproduced"

    @property
    def summary(self) -> str:
        """The outcome in a few words."""
        counts: dict[str, int] = {}
        for comparison in self.comparisons:
            counts[comparison.outcome.value] = counts.get(comparison.outcome.value, 0) + 1
        found = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        return f"{self.outcome}: of {len(self.comparisons)} outputs {found or 'none'}"


def plan_rerun(catalogue: CatalogueFolder, run_id: str, places: Places, thing: str | None = None) -> RerunPlan:
    """Find out what running a run again takes, and what of it is missing.

    Parameters
    ----------
    catalogue
        The catalogue.
    run_id
        The run's id.
    places
        Where the catalogue saw bytes.
    thing
        Path of the one output that is wanted; None for all that the run made.

    Raises
    ------
    InvalidCrateError
        If the crate cannot be read, or is another engine's.
    BadInputError
        If the run was recorded afterwards, made nothing, or did not make ``thing``.
    """
    crate = catalogue.crates / run_id
    run = read_crate(crate)
    if run.recorded_by != "journal":
        raise BadInputError(
            f"Run {run.id[:8]} was recorded afterwards, from Snakemake's metadata: its config, its parameters' "
            "names and the versions of its workflow are not known, so there is nothing to run again."
        )
    wanted = _wanted(run, thing)
    made = {slot.path for action in wanted for slot in action.outputs}
    start = _start(crate)
    missing: list[tuple[str, str]] = []
    config = start.get("config") or {}
    for name in _withheld(config):
        missing.append((f"config value {name}", "it is a secret, and was not recorded"))
    sources = tuple(_sources(run, crate, missing))
    inputs = tuple(_inputs(run, wanted, made, crate, places, missing, all_reused=thing is None))
    complete = run.status is Status.FINISHED
    targets = (thing,) if thing else tuple(_targets(start)) if complete else tuple(sorted(made))
    compared = (thing,) if thing else tuple(sorted(made))
    return RerunPlan(run, _place(run.workflow.main), targets, compared, sources, inputs, config, tuple(missing))


def _wanted(run: WorkflowRun, thing: str | None) -> list[Action]:
    """Return the finished actions to be done again: all, or those that one output descends from."""
    finished = [action for action in run.actions if action.status is Status.FINISHED]
    if not finished:
        raise BadInputError(
            f"Run {run.id[:8]} finished no job ({run.status.value}), so there is nothing to compare with."
        )
    if thing is None:
        return finished
    makers = {slot.path: action for action in finished for slot in action.outputs}
    if thing not in makers:
        raise BadInputError(f"Run {run.id[:8]} did not make {thing}.")
    found: dict[str, Action] = {}
    waiting = [makers[thing]]
    while waiting:
        action = waiting.pop()
        if action.local_id not in found:
            found[action.local_id] = action
            waiting += [makers[slot.path] for slot in action.inputs if slot.path in makers]
    return list(found.values())


def _start(crate: Path) -> Mapping[str, Any]:
    events = read_journal(crate / "journal.jsonl").events
    return events[0].data if events else {}


def _withheld(value: object, name: str = "") -> list[str]:
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _withheld(item, f"{name}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in _withheld(item, f"{name}[{index}]")]
    return [name] if isinstance(value, str) and WITHHELD in value else []


def _targets(start: Mapping[str, Any]) -> list[str]:
    """Return the targets that the person named, as Snakemake itself reads its command line."""
    from snakemake.cli import get_argument_parser

    try:
        arguments, _ = get_argument_parser().parse_known_args([str(word) for word in start.get("arguments", ())][1:])
    except SystemExit as error:
        raise BadInputError(
            f"The recorded command line cannot be read by this Snakemake (exit {error.code})."
        ) from error
    return [str(target) for target in arguments.targets or ()]


def _sources(run: WorkflowRun, crate: Path, missing: list[tuple[str, str]]) -> Iterable[Take]:
    for path in sorted({*run.workflow.sources, *run.config_files}):
        place = crate / _in_crate(path)
        if place.is_file():
            yield Take(_place(path), place, tree=False)
        elif path not in run.config_files or not path.startswith("/"):
            missing.append((path, "the crate does not carry it: it was too large, or held a secret"))


def _inputs(
    run: WorkflowRun,
    wanted: Iterable[Action],
    made: set[str],
    crate: Path,
    places: Places,
    missing: list[tuple[str, str]],
    *,
    all_reused: bool,
) -> Iterable[Take]:
    used = {slot.path for action in wanted for slot in action.inputs}
    if all_reused:
        used |= {entity.path for entity in run.entities if entity.reused}
    for path in sorted(used):
        if is_uri(path) or _within(path, made) or any(parent in used for parent in _parents(path)):
            continue
        entity = run.entity(path)
        if entity is None or entity.digest is None:
            missing.append((path, "its digest was not recorded, so nothing tells whether what is there is the same"))
            continue
        if path.startswith("/"):
            # The workflow names it by its absolute place, so it is used there.
            if _digest(Path(path), entity) != entity.digest:
                missing.append((path, _why(Path(path))))
            continue
        last = Path(run.folder) / path
        candidates = [crate / _in_crate(path), last, *map(Path, sorted(places(entity.digest)))]
        source = next((place for place in candidates if _digest(place, entity) == entity.digest), None)
        if source is None:
            missing.append((path, f"{_why(last)}; wanted {entity.digest}"))
        else:
            yield Take(path, source, tree=entity.is_tree)


def _why(place: Path) -> str:
    return f"changed since at {place}" if os.path.lexists(place) else f"no longer at {place}"


def _parents(path: str) -> Iterable[str]:
    parent, _, _ = path.rpartition("/")
    while parent:
        yield parent
        parent, _, _ = parent.rpartition("/")


def _within(path: str, made: set[str]) -> bool:
    return path in made or any(parent in made for parent in _parents(path))


def _in_crate(path: str) -> str:
    return decode_path(crate_path(path))


def _place(path: str) -> str:
    """Return where a source stands in the clean folder: at its own path, or below a folder for what was outside."""
    return f"{OWN}/outside{path}" if path.startswith("/") else path


def lay_out(plan: RerunPlan, folder: Path) -> None:
    """Bring workflow, config and inputs to a clean folder.

    Raises
    ------
    BadInputError
        If the folder has something in it, or something cannot be copied.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} exists already and is not empty; name another folder with --folder.")
    try:
        (folder / OWN).mkdir(parents=True)
        for take in (*plan.sources, *plan.inputs):
            target = folder / take.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if take.tree:
                shutil.copytree(take.source, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(take.source, target)
        # JSON is YAML; Snakemake reads both.
        (folder / OWN / "config.json").write_text(json.dumps(plan.config, indent=2), "utf-8")
    except OSError as error:
        raise BadInputError(f"{folder} cannot be filled: {error}.") from error


def command(plan: RerunPlan, folder: Path, catalogue: CatalogueFolder, cores: int | None = None) -> list[str]:
    """Return the command that runs it again, without any profile of the user or the workflow."""
    threads = max((action.threads or 1 for action in plan.run.actions), default=1)
    deployed = sorted({method for rule in plan.run.rules for method in rule.environment.deployed})
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", plan.snakefile),
        *("--cores", str(cores or threads), "--profile", "none", "--workflow-profile", "none"),
        *(("--configfile", f"{OWN}/config.json") if plan.config else ()),
        *(("--software-deployment-method", *deployed) if deployed else ()),
        *("--logger", "filiation", "--logger-filiation-catalogue", str(catalogue.root)),
        *("--logger-filiation-pack", "now", "--nocolor"),
        *("--", *plan.targets),
    ]


def run_again(plan: RerunPlan, folder: Path, catalogue: CatalogueFolder, cores: int | None = None) -> RerunResult:
    """Run the plan in its folder and compare what it makes; call :func:`lay_out` before."""
    folder = Path(os.path.realpath(folder))
    log = folder / OWN / "snakemake.log"
    before = {path.name for path in catalogue.journals.glob("*.jsonl")}
    environment = {key: value for key, value in os.environ.items() if key != STEP_FOLDER_VARIABLE}
    with log.open("wb") as stream:
        done = subprocess.run(
            command(plan, folder, catalogue, cores), cwd=folder, env=environment, check=False,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
    again = _new_run(catalogue, before, folder)
    comparisons = tuple(_compared(plan, again, path, folder) for path in plan.compared) if again else ()
    return RerunResult(again, comparisons, done.returncode, log)


def _new_run(catalogue: CatalogueFolder, before: set[str], folder: Path) -> WorkflowRun | None:
    for path in sorted(catalogue.journals.glob("*.jsonl")):
        if path.name in before or not (catalogue.crates / path.stem).is_dir():
            continue
        run = read_crate(catalogue.crates / path.stem)
        if os.path.realpath(run.folder) == str(folder):
            return run
    return None


def _compared(plan: RerunPlan, again: WorkflowRun, path: str, folder: Path) -> Comparison:
    recorded = plan.run.entity(path)
    if recorded is None:
        raise FiliationError(f"The crate of run {plan.run.id} says nothing of {path}, which it made; it is damaged.")
    finished = {slot.path for a in again.actions if a.status is Status.FINISHED for slot in a.outputs}
    new = again.entity(path) if path in finished else None
    return compare(recorded, Path(plan.run.folder) / path, new, folder / path)


def _digest(place: Path, entity: DataEntity) -> Digest | None:
    try:
        if entity.is_tree:
            return digest_tree(place).digest if place.is_dir() else None
        return digest_file(place) if place.is_file() else None
    except (FiliationError, OSError):
        return None
