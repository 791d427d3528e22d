"""``filiation trace`` and ``impact``: where things come from, and what came of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import say, say_json, say_table, write_bytes, write_text
from filiation.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from filiation.lineage import Ledger, Lineage
    from filiation.lineage.objects import ObjectLineage

_P = ParamSpec("_P")
_R = TypeVar("_R")
FORMATS: Final = ("tree", "table", "json", "prov-json", "prov-n", "graphml", "dot", "svg", "png")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a lineage, and how it is to be answered: the options that ``trace`` and ``impact`` share."""

    depth: int | None
    until: tuple[str, ...]
    only: tuple[str, ...]
    from_run: str | None
    published: bool
    each: bool
    form: str | None
    output: str
    svg: str | None
    count: bool
    page: int | None
    as_of: str | None
    as_json: bool

    @property
    def is_of_counts(self) -> bool:
        """Whether only counts and names are asked for, which takes the whole of a lineage."""
        counting = self.count or self.page is not None
        if counting and (
            self.depth or self.until or self.only or self.from_run or self.published or self.svg or self.form
        ):
            raise BadInputError("--count and --page are of a whole lineage: they go with no other option but --json.")
        return counting


def _asking(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Add the options that ``trace`` and ``impact`` share."""
    for option in reversed(
        (
            click.option(
                "--where", multiple=True, metavar="CONDITION",
                help="All things that are as CONDITION says, as THING; can be repeated, then all of them hold.",
            ),
            click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Go over N jobs at most."),
            click.option(
                "--until", multiple=True, metavar="CONDITION",
                help="Go no further than what is as CONDITION says, such as rule=segment or kind=image; can be "
                "repeated, then any of them ends the walk. `filiation find --help` tells of conditions.",
            ),
            click.option(
                "--only", multiple=True, metavar="CONDITION",
                help="Show only what is as CONDITION says, joined over what is left out; can be repeated.",
            ),
            click.option("--from-run", metavar="RUN", help="THING as this run made or found it, if several did."),
            click.option(
                "--published", is_flag=True,
                help="Show only what is published (annotated with doi= or published=, or in a crate with a DOI), and "
                "what lies between.",
            ),
            click.option("--all", "each", is_flag=True, help="Show each job; else equal ones are told as one."),
            click.option(
                "--format", "form", type=click.Choice(FORMATS), metavar="FORMAT",
                help=f"Print as {', '.join(FORMATS)}. [default: tree]",
            ),
            click.option(
                "-o", "--output", default="-", metavar="FILE", help="Write into FILE instead of the standard output."
            ),
            click.option("--svg", metavar="FILE", help="Draw a picture into FILE as well; - is the standard output."),
            click.option("--count", is_flag=True, help="Tell only how many things, jobs and runs there are."),
            click.option(
                "--page", type=click.IntRange(min=1), metavar="N",
                help="The counts, and the IRIs of the N-th thousand of the things.",
            ),
            as_of_option,
            json_option,
            catalogue_option,
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(
    epilog=example(
        "filiation trace results/ihc/nuclei.ome.zarr",
        "filiation trace tree1:52ba13 --svg lineage.svg",
        "filiation trace tree1:52ba13 --format png -o lineage.png",
        "filiation trace 'results/ihc/nuclei.ome.zarr#label=17'",
        "filiation trace results/*/nuclei.parquet --until rule=segment --format table",
        "filiation trace --where 'kind=label image' --where 'size>10MB' --format table",
    )
)
@click.argument("things", metavar="THING...", nargs=-1)
@_asking
def trace(things: tuple[str, ...], where: tuple[str, ...], catalogue: str | None, **options: object) -> None:
    """Show what THING descends from, down to its sources.

    THING is a path, a digest, an IRI, a run, or the start of a digest or run; an image in OMERO (Image:51@server, or a
    link to it), or a dataset there. Of several, the lineages are shown as one, and - reads their names from the
    standard input, one a line. A path is found by the bytes that are there now, so it is traced to the run that really
    made them, wherever they have been moved.

    labels.ome.zarr#label=17 is one object of a label image: where its voxels are, what was measured of it, its regions
    and meshes, and what the label image descends from. So are cells.parquet#label=17 and meshes/17.ply, made from one.

    A label image that no catalogue knows may say itself how it was made; the answer then is its own claim, and says so.
    """
    if len(things) == 1 and not where and _answer_object(things[0], catalogue, options):
        return
    asked = Asked(**options)  # type: ignore[arg-type]
    try:
        _answer(catalogue, things, where, asked, "ancestors", lambda ledger: ledger.trace)
    except NotFoundError:
        if len(things) != 1 or where or not _answer_by_store(Path(things[0]), asked):
            raise


@click.command(
    epilog=example("filiation impact data/raw.ome.zarr", "filiation impact models/nuclei.pt --only 'kind=label image'")
)
@click.argument("things", metavar="THING...", nargs=-1)
@_asking
def impact(things: tuple[str, ...], where: tuple[str, ...], catalogue: str | None, **options: object) -> None:
    """Show everything that descends from THING.

    For a raw image, a script or a table that turned out to be wrong: all labels, tables and pictures that were
    made from it, in any run. THING is as for `filiation trace`, but no single object: what that became by corrections,
    and what tells of it, its `filiation trace` shows.
    """
    objects = [each for each in things if "#label=" in each and not Path(each).exists()]
    if objects:
        raise BadInputError(
            f"{objects[0]} is one object, and runs record what was made of whole label images: ask that of "
            f"{objects[0].partition('#label=')[0]}. `filiation trace '{objects[0]}'` tells what was measured of the "
            "object, and what it became."
        )
    _answer(catalogue, things, where, Asked(**options), "descendants", lambda ledger: ledger.impact)  # type: ignore[arg-type]


def _answer(
    catalogue: str | None,
    things: tuple[str, ...],
    where: tuple[str, ...],
    asked: Asked,
    direction: str,
    question: Callable[[Ledger], Callable[..., Lineage]],
) -> None:
    refuse_both(asked.form, asked.as_json)
    if not things and not where:
        raise click.UsageError("Name a THING, or choose things by --where CONDITION.")
    named = names_from_input(things)
    with opened(catalogue, asked.as_of) as ledger:
        if where:
            named = (*named, *ledger.find("entity", *where).names)
        if not named:
            raise NotFoundError("Nothing is like that, so nothing descends from it or it from anything.")
        if asked.is_of_counts:
            counted = ledger.count(*named, direction=direction, page=asked.page)
            say_json(counted.to_json()) if asked.as_json else say(counted.text().rstrip("\n"))
            return
        lineage = question(ledger)(
            *named,
            depth=asked.depth,
            until=asked.until,
            only=asked.only,
            from_run=asked.from_run,
            published=asked.published,
        )
    if asked.svg is not None:
        write_text(asked.svg, lineage.to_svg(each=asked.each))
    form = asked.form or ("json" if asked.as_json else "tree")
    if asked.svg != "-" or asked.form or asked.as_json:
        write_lineage(lineage, form, asked.output, each=asked.each)


def _answer_object(thing: str, catalogue: str | None, options: dict[str, object]) -> bool:
    """Answer for one object of a label image, if ``thing`` names one and is nothing itself, or is a mesh of one."""
    is_mesh = thing.endswith((".ply", ".glb", ":0")) and Path(thing).is_file()
    if "#label=" not in thing and not is_mesh:
        return False
    from filiation.lineage.objects import split_label

    named = split_label(thing)
    if named is None:
        return False
    as_json, form = bool(options["as_json"]), options["form"]
    narrowed = any(
        options[name] for name in ("depth", "until", "only", "from_run", "published", "svg", "count", "page")
    )
    if is_mesh and (narrowed or options["output"] != "-" or form not in (None, "tree", "json")):
        return False  # what is asked is of the folder that it is in
    if narrowed or options["output"] != "-" or form not in (None, "tree", "json"):
        raise BadInputError(f"{thing} is one object: its answer is a tree or JSON, of all that it descends from.")
    try:
        with opened(catalogue, options["as_of"]) as ledger:  # type: ignore[arg-type]
            found = ledger.object(*named)
    except NotFoundError:
        claimed = None if options["as_of"] else _object_by_store(*named)
        if claimed is None:
            raise
        found = claimed
    if as_json or form == "json":
        say_json(found.to_json())
    else:
        say(found.text(each=bool(options["each"])).rstrip("\n"))
    return True


def _object_by_store(thing: str, label: int) -> ObjectLineage | None:
    """Return an object of a store as that tells of itself; None if it tells nothing, or has no such object."""
    from filiation.lineage.objects import claimed_object

    try:
        return claimed_object(Path(thing), label)
    except (NotFoundError, BadInputError):
        return None  # that no catalogue knows it says more


def _answer_by_store(store: Path, asked: Asked) -> bool:
    """Answer from what a store says of its own making, if it says something; no crate of it is known."""
    if not store.is_dir() or asked.is_of_counts or asked.as_of or asked.from_run:
        return False
    from filiation.lineage.claims import claimed_lineage

    lineage = claimed_lineage(store)
    if lineage is None:
        return False
    if asked.svg is not None:
        write_text(asked.svg, lineage.to_svg(each=asked.each))
    write_lineage(lineage, asked.form or ("json" if asked.as_json else "tree"), asked.output, each=asked.each)
    return True


def write_lineage(lineage: Lineage, form: str, output: str, *, each: bool) -> None:
    """Write a lineage in a format; for people equal jobs are told as one unless ``each``."""
    from filiation.lineage.formats import COLUMNS, FOR_PEOPLE, PIXELS, WRITERS, table

    told = lineage if each or form not in FOR_PEOPLE else lineage.collapsed
    if form == "table":
        if output != "-":
            rows = [COLUMNS, *table(told)]
            write_text(output, "".join("\t".join(cell.replace("\t", " ") for cell in row) + "\n" for row in rows))
        else:
            say_table(COLUMNS, table(told))
        return
    if form in PIXELS:
        write_bytes(output, PIXELS[form](told))
        return
    text = WRITERS[form](told).rstrip("\n")
    if output == "-" and form == "tree":
        say(text)
    else:
        write_text(output, text if output == "-" else f"{text}\n")


def refuse_both(form: str | None, as_json: bool) -> None:
    """Raise :class:`BadInputError` if ``--json`` and another format are asked for."""
    if as_json and form not in (None, "json"):
        raise BadInputError(f"--json and --format {form} contradict each other: ask for one of them.")


def names_from_input(things: tuple[str, ...]) -> tuple[str, ...]:
    """Return names, those that the standard input has in place of a ``-``."""
    if "-" not in things:
        return things
    read = [line.rstrip("\r\n") for line in sys.stdin]
    return tuple(name for thing in things for name in (read if thing == "-" else [thing]) if name.strip())
