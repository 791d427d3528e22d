"""``filiation status``: how far a run is."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, tell_of_waiting_graphs
from filiation.cli.output import say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filiation.catalogue.progress import JobProgress, RunProgress


@click.command(epilog=example("filiation status", "filiation status 7c9f2c34 --watch"))
@click.argument("run", required=False)
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until the run is over.")
@click.option("--every", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Seconds between.")
@json_option
@catalogue_option
def status(run: str | None, watch: bool, every: float, as_json: bool, catalogue: str | None) -> None:
    """Tell how far a run is: jobs done, running, failed.

    RUN is a run's id or the start of it; without it, the runs that are going on, else the last one. Jobs
    are counted by rule. Only the run's
    journal is read, so it works from another process or machine that sees the folder, such as a cluster's login node.
    Afterwards it tells how the run ended, and which crates wait to be sent to a SPARQL server.
    """
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.progress import follow, journals_of

    folder = CatalogueFolder.find(catalogue)
    journals = journals_of(folder, run)
    while True:
        found = [follow(path) for path in journals]
        _show(found, as_json, clear=watch)
        if not watch or all(one.is_over for one in found):
            tell_of_waiting_graphs(folder.root)
            return
        time.sleep(every)


def _show(found: list[RunProgress], as_json: bool, *, clear: bool) -> None:
    if as_json:
        say_json([one.to_json() for one in found])
        return
    if clear:
        click.clear()  # does nothing where there is no terminal
    for number, one in enumerate(found):
        if number:
            say("")
        _show_one(one)


def _show_one(one: RunProgress) -> None:
    from filiation.lineage.words import duration, moment

    since = duration((one.now - one.last).total_seconds())
    took = duration(one.elapsed)
    if one.is_over:
        said = f"after {took}" if one.ended else f"its last word was {took} after its start"
        say(f"Run {one.id}: {one.state}, {said}")
    elif one.state == "running":
        say(f"Run {one.id}: running for {took} (process {one.process} on {one.host})")
    else:
        say(f"Run {one.id}: no end in its journal; it runs, or was stopped, on {one.host}; last word {since} ago")
    say(f"  folder   {one.folder}")
    say(f"  started  {moment(one.started)}")
    if one.error:
        say(f"  error    {' '.join(one.error.split())}")
    if not one.jobs and not one.planned:
        say("  no job yet" if not one.is_over else "  no job was begun")
        return
    states = ("done", "running", "failed", "stopped")
    counts = one.counts()
    shown = [state for state in states if state != "stopped" or any(count[state] for count in counts.values())]
    expected = one.expected()
    rows = [
        (rule, *(str(counts.get(rule, Counter())[state]) for state in shown), *_of(expected.get(rule)))
        for rule in sorted({*counts, *expected})
    ]
    total = [str(sum(count[state] for count in counts.values())) for state in shown]
    columns = ("rule", *shown, *(("of",) if expected else ()))
    say_table(columns, [*rows, ("total", *total, *_of(sum(expected.values()) or None))])
    for line in _open_and_failed(one):
        say(line)


def _of(number: int | None) -> tuple[str, ...]:
    return () if number is None else (str(number),)


def _open_and_failed(one: RunProgress) -> Iterator[str]:
    from filiation.lineage.words import duration

    for state, title in (("running", "Running"), ("failed", "Failed"), ("stopped", "Stopped with the run")):
        jobs = [job for job in one.jobs if job.state == state]
        if jobs:
            yield title
        for job in jobs[:20]:
            until = job.until or (one.last if one.is_over else one.now)
            yield f"  {_name(job)}, {duration(max(0.0, (until - job.since).total_seconds()))}"
            if job.error:
                yield f"      {' '.join(job.error.split())}"
        if len(jobs) > 20:
            yield f"  … and {len(jobs) - 20} more"


def _name(job: JobProgress) -> str:
    attempt = f", attempt {job.attempt}" if job.attempt > 1 else ""
    cluster = f", cluster job {job.scheduler_job}" if job.scheduler_job else ""
    return f"{job.name}, job {job.job}{attempt}{cluster}"
