"""``filiation runs`` and ``filiation show``: what has been run."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say, say_json, say_table
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filiation.catalogue import EntityNode, RunSummary
    from filiation.catalogue.versions import Version
    from filiation.lineage import RunDetail


@click.command(epilog=example("filiation runs", "filiation runs --by-day", "filiation runs --superseded"))
@click.option("--by-day", is_flag=True, help="Tell instead how many runs and jobs there were each day, and whose.")
@click.option(
    "--superseded",
    is_flag=True,
    help="List instead the crates that do not hold any more: superseded, forgotten or gone.",
)
@as_of_option
@json_option
@catalogue_option
def runs(by_day: bool, superseded: bool, as_of: str | None, as_json: bool, catalogue: str | None) -> None:
    """List the runs in the catalogue, the newest first."""
    if by_day and superseded:
        raise BadInputError("--by-day and --superseded contradict each other: ask for one of them.")
    with opened(catalogue, as_of) as ledger:
        if superseded:
            _tell_former(ledger.former(), as_json=as_json)
            return
        if by_day:
            days = ledger.days()
            if as_json:
                say_json([day._asdict() for day in days])
            else:
                rows = [(day.day or "", day.agent or "", *map(str, day[2:])) for day in days]
                say_table(("day", "by", "runs", "jobs", "failed"), rows)
            return
        found, former = ledger.runs(), ledger.former()
        if as_json:
            told = [[each.to_json() for each in former if each.crate == run.iri] for run in found]
            say_json([run.to_json() | ({"former": was} if was else {}) for run, was in zip(found, told, strict=True)])
            return
        if found:
            columns = ("run", "started", "status", "jobs", "failed", "made", "up to date", "workflow", "by")
            say_table(columns, [_row(run) for run in found])
        elif not former:
            remark("No runs yet. Track one with: snakemake --logger filiation")
        for sentence in _former(found, former):
            remark(sentence)


def _tell_former(former: tuple[Version, ...], *, as_json: bool) -> None:
    """List crates that do not hold any more, with what became of each."""
    from filiation.lineage.words import moment, run_name

    if as_json:
        say_json(
            [{"crate": each.crate, "iri": each.iri, "kept": bool(each.folder)} | each.to_json() for each in former]
        )
        return
    if not former:
        remark("Every crate that was taken in holds.")
        return
    rows = [
        (
            run_name(each.crate),
            moment(datetime.fromisoformat(each.taken_in)),
            moment(datetime.fromisoformat(str(each.until))),
            each.ended,
            each.digest[:19],
            "yes" if each.folder else "no",
        )
        for each in former
    ]
    say_table(("run", "taken in", "until", "ended", "metadata", "kept"), rows)
    remark(f"What is kept is asked as of its time, also by `filiation sparql`: --as-of {former[-1].taken_in}")


def _former(found: tuple[RunSummary, ...], former: tuple[Version, ...]) -> Iterator[str]:
    """Say which runs have older crates, and which were known and are not any more."""
    from filiation.lineage.words import counted, ending, run_name

    here = {run.iri for run in found}
    replaced = Counter(run_name(each.crate) for each in former if each.crate in here)
    if replaced:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(replaced.items())[:5])
        more = ", …" if len(replaced) > 5 else ""
        verb = "is" if replaced.total() == 1 else "are"
        yield (
            f"{counted(replaced.total(), 'older crate')} of these runs {verb} known: {listed}{more}. "
            "`filiation show` tells since when, and --as-of asks them."
        )
    last = {each.crate: each for each in former if each.crate not in here}
    for each in list(last.values())[:5]:
        yield ending(each)
    if len(last) > 5:
        yield f"So were {len(last) - 5} other runs."


@click.command(epilog=example("filiation show 7c9f2c34"))
@click.argument("run")
@as_of_option
@json_option
@catalogue_option
def show(run: str, as_of: str | None, as_json: bool, catalogue: str | None) -> None:
    """Show one run: its jobs, their parameters, what they used and made.

    RUN is the run's id or the start of it, as `filiation runs` lists it.
    """
    with opened(catalogue, as_of) as ledger:
        detail = ledger.show(run)
        if as_json:
            say_json(detail.to_json())
        else:
            say("\n".join(_lines(detail)))


def _row(run: RunSummary) -> tuple[str, ...]:
    from filiation.lineage.words import moment

    return (
        run.id[:8],
        moment(run.started) if run.started else "",
        run.status if run.recorded_by is None else f"{run.status} (backfilled)",
        str(run.jobs),
        str(run.failed),
        str(run.outputs),
        str(run.reused),
        run.workflow or "",
        run.agent or "",
    )


def _lines(detail: RunDetail) -> Iterator[str]:
    from filiation.lineage.words import registration, reproduction

    yield from _heading(detail)
    yield ""
    yield "Jobs"
    yield from _jobs(detail)
    if detail.reproductions:
        yield ""
        yield "Run again"
        for again in detail.reproductions:
            yield f"  {reproduction(again)}"
    if detail.registrations:
        yield ""
        yield "Registered"
        for registered in detail.registrations:
            yield f"  {registration(registered)}"
    used = [entity for entity in detail.entities if not entity.generated]
    made = [entity for entity in detail.entities if entity.generated]
    for title, things in (("Used", used), ("Made", made)):
        if things:
            yield ""
            yield title
            yield from _things(things, dict(detail.reused_from))


def _heading(detail: RunDetail) -> Iterator[str]:
    from filiation.lineage.words import moment, plain, resumption, span

    run = detail.summary
    yield f"Run {run.id}: {run.status}"
    changes = {None: "", True: ", with changes that are not committed", False: ", unchanged"}[run.modified]
    facts = {
        "workflow": run.workflow,
        "code": f"{run.code}{changes}" if run.code else None,
        "swhid": run.swhid,
        "licence": ", ".join(run.licenses),
        "folder": run.folder,
        "by": run.agent,
        "on": run.host,
        "time": span(run.started, run.ended)
        if run.started and run.ended
        else (f"started {moment(run.started)}" if run.started else None),
    }
    if run.recorded_by is not None:
        yield "  recorded  afterwards, from Snakemake's metadata: of low confidence; how the jobs ended is not known"
    for name, value in facts.items():
        if value:
            yield f"  {name:<9} {plain(value)}"
    if detail.resumes is not None:
        yield f"  resumes   {resumption(detail.resumes)}"
    if detail.resumed_in is not None:
        yield f"  resumed   in run {detail.resumed_in[:8]}"
    if len(detail.versions) > 1:
        *former, now = detail.versions
        yield f"  taken in  {moment(datetime.fromisoformat(now.taken_in))}"
        for each in former:
            kept = "" if each.folder else ", and is not kept"
            since, until = (datetime.fromisoformat(str(time)) for time in (each.taken_in, each.until))
            yield f"  before    another crate, {span(since, until)}{kept}"


def _jobs(detail: RunDetail) -> Iterator[str]:
    from filiation.lineage.words import action_facts, action_name, parameter, plain

    if not detail.actions:
        yield "  none"
    for action in detail.actions:
        yield f"  {action_name(action)}"
        for found in action.parameters:
            yield f"      {parameter(found)}"
        for fact in action_facts(action)[:1]:
            yield f"      {fact}"
        if action.error:
            first, *rest = action.error.strip().splitlines()
            yield f"      error: {plain(first)}"
            yield from (f"             {plain(line)}" for line in rest)


def _things(things: list[EntityNode], reused_from: dict[str, tuple[str, ...]]) -> Iterator[str]:
    from filiation.lineage.words import entity_facts, image_metadata, plain, run_name

    for thing in things:
        makers = ", ".join(run_name(crate) for crate in reused_from.get(thing.iri, ()))
        origin = f"; made in run {makers}" if makers else ""
        yield f"  {plain(thing.path)}: {', '.join(entity_facts(thing))}{origin}"
        if thing.metadata is not None and (told := image_metadata(thing.metadata)):
            yield f"      {told}"
