"""``filiation export``: results and all that they rest on, as one crate for others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import bytes_bar, remark, say, say_json
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from filiation.publish.export_settings import ExportReport

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", re.IGNORECASE)
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class Size(click.ParamType[int]):
    """A number of bytes: ``500MB``, ``2 GB``, ``1000``."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no size; expected one such as 500MB or 2GB.", param, ctx)
        return int(float(found[1]) * _FACTORS[found[2].lower()])


@click.command(
    epilog=example(
        "filiation export results/ihc/nuclei.ome.zarr --to nuclei.zip --license CC-BY-4.0 --dry-run",
        "filiation export results/ihc/nuclei.ome.zarr results/ihc/table.parquet --to crate/ --policy private.yaml",
    )
)
@click.argument("things", metavar="THING...", nargs=-1, required=True)
@click.option("--to", "target", metavar="PLACE", required=True, type=click.Path(path_type=Path),
              help="A folder to be made, or an archive (.zip, .eln).")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["folder", "zip", "eln", "bagit"]),
              help="What to make of PLACE. [default: by its ending: .zip, .eln, .bagit; else a folder]")  # fmt: skip
@click.option("--data", type=click.Choice(["none", "results", "all"]), default="results", show_default=True,
              help="Whose bytes come along: nobody's, THING's, or those of all that it descends from too.")  # fmt: skip
@click.option("--max-size", type=Size(), metavar="SIZE", help="Refuse if more bytes of data would come along.")
@click.option("--policy", metavar="FILE", type=click.Path(path_type=Path),
              help="What is private, in YAML or TOML; it stays out.")  # fmt: skip
@click.option("--license", "licence", metavar="SPDX", help="Licence of what is published. [default: that of "
              "filiation.toml, else of the runs]")  # fmt: skip
@click.option("--allow-licence-conflict", metavar="WHY", help="Export although licences contradict each other.")
@click.option("--title", metavar="TEXT", help="Title, for a reader.")
@click.option("--description", metavar="TEXT", help="Description, for a reader.")
@click.option("--keyword", "keywords", metavar="WORD", multiple=True, help="Keyword; can be repeated.")
@click.option("--author", "authors", metavar="'NAME <ORCID>'", multiple=True,
              help="Author; can be repeated. [default: those who ran the jobs]")  # fmt: skip
@click.option("--affiliation", metavar="'NAME <ROR>'", help="Where the authors work.")
@click.option("--publisher", metavar="'NAME <ROR>'", help="Who stands behind it. [default: [agent] affiliation]")
@click.option("--samples", "sheets", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
              help="Sample sheet (.tsv, .csv) whose columns tell of images, besides those of the runs.")  # fmt: skip
@click.option("--with-failed", is_flag=True, help="Take attempts that failed, of the same jobs, along.")
@click.option("--whole-runs", is_flag=True, help="Take the runs' crates along as they are, with journals and seals.")
@click.option("--profile", type=click.Choice(["0.5", "0.6"]), default="0.5", show_default=True,
              help="Version of Workflow Run RO-Crate; 0.6 is on RO-Crate 1.3.")  # fmt: skip
@click.option("--published-at", metavar="DOI|URL", help="Where it is or will be published: a DOI that is reserved, or "
              "the address of a page.")  # fmt: skip
@click.option("--workflow-at", metavar="URL", help="Where the main workflow's file is published, as that of a commit "
              "on the web; it gets this name, and what is carried is a copy of it.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Write nothing; tell what would go out, and what would not.")
@json_option
@catalogue_option
def export(
    things: tuple[str, ...],
    target: Path,
    form: str | None,
    data: str,
    max_size: int | None,
    policy: Path | None,
    licence: str | None,
    allow_licence_conflict: str | None,
    title: str | None,
    description: str | None,
    keywords: tuple[str, ...],
    authors: tuple[str, ...],
    affiliation: str | None,
    publisher: str | None,
    sheets: tuple[Path, ...],
    with_failed: bool,
    whole_runs: bool,
    profile: str,
    published_at: str | None,
    workflow_at: str | None,
    dry_run: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Write THING and all that it rests on as one crate for others.

    THING is as for `filiation trace`. In the crate are the jobs that led to it, of all runs, with parameters, software,
    people and times; the bytes of THING, if they are still as recorded; of all other data the digest. Secrets stay out,
    and what --policy names; the crate says how much of what was withheld. Look first with --dry-run. The crate is
    sealed with `filiation seal`, and taken in elsewhere with `filiation import`.

    Licences that contradict each other are refused. Exits with 2 then, and if too much would come along; with 5 if data
    are not as they were recorded.
    """
    from dataclasses import replace

    from filiation.catalogue.policy import read_policy
    from filiation.publish.export import ExportSettings, plan_export
    from filiation.publish.export import export as write_export
    from filiation.publish.people import author, organisation

    if affiliation and not authors:
        raise BadInputError("--affiliation says where the authors work: name them with --author.")
    works_for = organisation(affiliation) if affiliation else None
    settings = ExportSettings(
        data=data,
        profile=profile,
        policy=None if policy is None else read_policy(policy),
        with_failed=with_failed,
        whole_runs=whole_runs,
        max_size=max_size,
        licence=licence,
        allow_licence_conflict=allow_licence_conflict,
        title=title,
        description=description,
        keywords=keywords,
        authors=tuple(replace(author(each), affiliation=works_for) for each in authors),
        publisher=organisation(publisher) if publisher else None,
        sample_sheets=sheets,
        workflow_at=workflow_at,
        published_at=published_at,
        form=form,
    )
    with opened(catalogue) as ledger:
        if dry_run:
            report = plan_export(ledger, things, target, settings)
        else:
            with bytes_bar("Copying") as advance:
                report = write_export(ledger, things, target, settings, progress=advance)
    if as_json:
        say_json(report.to_json())
        return
    _tell(report)


def _tell(report: ExportReport) -> None:
    from filiation.lineage.words import counted, plain, size

    say(f"{plain(report.title)}")
    verb = "would go" if report.dry else "went"
    say(f"  {counted(report.jobs, 'job')} of {counted(len(report.runs), 'run')}, "
        f"{counted(len(report.things), 'thing')} {verb} to {report.target}")  # fmt: skip
    for run in report.runs:
        left = ", ".join(counted(count, kind[:-1]) for kind, count in run.left_out.items() if count)
        called = "" if run.id == run.run else f", there as {run.id[:8]}"
        say(f"  run {run.run[:8]}{called}: {plain(run.name)}" + (f" ({left} left out)" if left else ""))
    say(f"Bytes of data: {size(report.size)}")
    for thing in report.things:
        where = "here" if thing.carried else f"not here: {thing.why}"
        told = "" if thing.size is None else f", {size(thing.size)}"
        say(f"  {plain(thing.path)}{told}: {where}" + ("" if thing.digest else "; no digest is known"))
    say(f"Licence: {report.licence or 'none stated'}")
    for finding in report.licences:
        say(f"  {finding.kind}: {plain(finding.what)}")
    if report.authors:
        say("Authors: " + ", ".join(plain(f"{each.name} <{each.iri}>" if each.iri else each.name)
                                    for each in report.authors))  # fmt: skip
    for each in report.described:
        meant = f" = {each.name} ({each.iri})" if each.iri else "" if each.field == "licence" else ", kept as text"
        say(f"  {each.field.replace('_', ' ')}: {plain(each.text)}{plain(meant)} [{each.told_by}]")
    withheld = ", ".join(f"{count} {kind}" for kind, count in report.withheld.items())
    say(f"Withheld: {withheld or 'nothing'}")
    for gap in report.gaps:
        say(f"  left open: {gap}")
    if report.undefined:
        remark(f"Words of which a crate does not say what they mean, kept as such: {', '.join(report.undefined)}")
    if any(author.iri is None for author in report.authors):
        remark("An author without an ORCID cannot be told from others of that name: --author 'NAME <ORCID>'.")
