"""``filiation rerun``: a recorded run, run again in a clean folder and compared."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import complain, remark, say, say_json
from filiation.errors import NotFoundError, NotReproducedError

if TYPE_CHECKING:
    from filiation.catalogue.reruns import RerunPlan, RerunResult
    from filiation.lineage import Ledger

_IRI = re.compile(r"arcp://uuid,(?P<run>[0-9a-f-]{36})/(?P<place>.+)", re.DOTALL)


@click.command(epilog=example("filiation rerun 7c9f2c34", "filiation rerun results/ihc/nuclei.ome.zarr --folder again"))
@click.argument("thing", metavar="RUN|THING")
@click.option(
    "--folder", type=click.Path(path_type=Path), metavar="NEW", help="Where. [default: rerun-<id of the run>]"
)
@click.option("--cores", type=click.IntRange(min=1), help="Cores for Snakemake. [default: what the jobs were given]")
@click.option("--dry-run", is_flag=True, help="Only say what would be run, and what is missing to try.")
@json_option
@catalogue_option
@click.pass_context
def rerun(
    ctx: click.Context,
    thing: str,
    folder: Path | None,
    cores: int | None,
    dry_run: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Run a recorded run again, and tell whether it gives the same.

    RUN is a run's id or the start of it; of a THING (a path, digest or IRI), only what it descends from within its run
    is made again. Workflow and config come from the run's crate; inputs from where they were last seen, if their bytes
    are still those recorded. In a clean folder the same targets are made and compared: identical bytes; for images the
    same pixels in other bytes; for label images that differ, how many objects match and voxels differ.

    The new run is recorded, and so is the outcome, which `filiation show RUN` tells. Exits with 0 if everything is the
    same, with 10 if not, with 3 if something is missing to try.
    """
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.reproductions import record_reproduction
    from filiation.catalogue.reruns import command, lay_out, plan_rerun, run_again

    with opened(catalogue) as ledger:
        run, path = _run_of(ledger, thing)
        home = CatalogueFolder(ledger.folder)
        plan = plan_rerun(home, run, ledger.places, path)
    target = (folder or Path(f"rerun-{run[:8]}")).absolute()
    if plan.missing:
        _tell_missing(plan, as_json)
        ctx.exit(NotFoundError.exit_code)
    if dry_run:
        _tell_plan(plan, " ".join(command(plan, target, home, cores)), target, as_json)
        return
    lay_out(plan, target)
    remark(f"Running {run[:8]} again in {target}")
    started = datetime.now(UTC)
    result = run_again(plan, target, home, cores)
    crate = record_reproduction(home, plan, result, started, datetime.now(UTC))
    _tell(plan, result, target, crate, as_json)
    if result.outcome != "reproduced":
        ctx.exit(NotReproducedError.exit_code)


def _run_of(ledger: Ledger, thing: str) -> tuple[str, str | None]:
    """Return the id of the run that a person means, and the path of the output, if they mean one."""
    from filiation.model import path_in_run

    if re.fullmatch(r"[0-9a-f][0-9a-f-]*", thing):
        try:
            return ledger.show(thing).summary.id, None
        except NotFoundError:
            pass
    found = ledger.resolve(thing)
    match = _IRI.fullmatch(found.origins[0])
    if match is None:
        raise NotFoundError(f"No recorded run made {thing}, so there is nothing to run again.")
    return match["run"], path_in_run(match["place"])


def _tell_missing(plan: RerunPlan, as_json: bool) -> None:
    if as_json:
        say_json({"run": plan.run.id, "outcome": "not tried", "missing": dict(plan.missing)})
        return
    complain(f"Run {plan.run.id[:8]} cannot be run again; this is missing:")
    for path, reason in plan.missing:
        remark(f"  {path}: {reason}")


def _tell_plan(plan: RerunPlan, command: str, folder: Path, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "run": plan.run.id,
                "folder": str(folder),
                "command": command,
                "sources": [take.path for take in plan.sources],
                "inputs": {take.path: str(take.source) for take in plan.inputs},
                "compared": list(plan.compared),
            }
        )
        return
    say(f"Nothing is missing. In {folder} this would be run:")
    say(f"  {command}")
    for take in plan.inputs:
        say(f"  with {take.path} from {take.source}")
    say(f"and compared: {', '.join(plan.compared)}")


def _tell(plan: RerunPlan, result: RerunResult, folder: Path, crate: Path, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "run": plan.run.id,
                "again": None if result.again is None else result.again.id,
                "folder": str(folder),
                "outcome": result.outcome,
                "outputs": [comparison.to_json() for comparison in result.comparisons],
                "exit_code": result.exit_code,
                "log": str(result.log),
                "record": str(crate),
            }
        )
        return
    for comparison in result.comparisons:
        say(comparison.text())
    again = "" if result.again is None else f" (run {result.again.id[:8]})"
    say(f"Run {plan.run.id[:8]} was run again{again}: {result.summary}.")
    if result.exit_code:
        complain(f"Snakemake ended with exit status {result.exit_code}; what it said is in {result.log}")
