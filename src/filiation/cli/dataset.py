"""``filiation dataset``: training sets built from what the catalogue knows, checked for leaks, followed into models."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say, say_json, say_table, steps_bar
from filiation.errors import BadInputError, FindingsError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filiation.lineage import Ledger
    from filiation.training.building import Built
    from filiation.training.leaks import Checked

MOST_NAMED = 10
"""Things that are named one by one."""


@click.group(
    epilog=example(
        "filiation dataset build --where parameter.method=otsu_watershed --to cells", "filiation dataset check cells"
    )
)
def dataset() -> None:
    """Build training sets that do not leak, check others, and follow them into models."""


@dataset.command(
    epilog=example(
        "filiation dataset build --corrected-by 0000-0002-1825-0097 --where tag=control --to cells",
        "filiation dataset build --to cells --layout stardist --crop 256 --split 0.7/0.15/0.15 --by plate",
    )
)
@click.option("--where", multiple=True, metavar="CONDITION", help="On the lineage of pairs; several must all hold.")
@click.option("--corrected-by", metavar="PERSON", help="Label images that this person corrected: name, ORCID, or '*'.")
@click.option("--to", "folder", required=True, metavar="FOLDER", help="Where the set is written; not there yet.")
@click.option(
    "--layout", type=click.Choice(["cellpose", "stardist", "nnunet", "coco"]), default="cellpose", show_default=True,
    help="As which tool takes it.",
)  # fmt: skip
@click.option("--split", default="0.8/0.1/0.1", show_default=True, metavar="SHARES", help="Training/validation/test.")
@click.option(
    "--by", default="image", show_default=True, metavar="LEVEL",
    help="What is never divided: image (the raw image), well, plate, specimen, series, or a key that was noted.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Which of equally good divisions.")
@click.option("--crop", metavar="LENGTHS", help="Cut crops: 256 along y and x, or 16,256,256 along z, y and x.")
@click.option("--channel", metavar="NAME|NUMBER", help="Take one channel alone.  [default: all]")
@click.option("--objects", default="object", show_default=True, metavar="NAME", help="What a labelled object is.")
@click.option(
    "--license", "licence", metavar="SPDX", help="Of the set.  [default: that of all images, if they have one]"
)
@json_option
@catalogue_option
def build(
    where: tuple[str, ...],
    corrected_by: str | None,
    folder: str,
    layout: str,
    split: str,
    by: str,
    seed: int,
    crop: str | None,
    channel: str | None,
    objects: str,
    licence: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Build a training set from images and their label images.

    A CONDITION is one of `filiation find`, asked of the label image, of all that it descends from and of the jobs
    between; conditions joined by `and` must hold of one job or thing. Of label images that were corrected, the newest
    is taken.

    What stems from one raw image, or one well, plate or whatever --by says, stays in one part; so does what shows the
    same pixels, whatever lineage knows of it. The set has a manifest (training-set.json) with where each case is from,
    and a record in the catalogue: `filiation trace FOLDER` reaches the raw images, `filiation impact IMAGE` the set.
    """
    from filiation.training.building import Plan, build
    from filiation.training.splitting import Split

    plan = Plan(where, corrected_by, layout, Split.read(split, seed), by, _crop(crop), channel, objects, licence)
    with opened(catalogue) as ledger, steps_bar("Building") as advance:
        built = build(ledger, plan, Path(folder), advance)
    if as_json:
        say_json(built.to_json())
        return
    _tell(built)


@dataset.command(
    epilog=example("filiation dataset check cells", "filiation dataset check downloads/challenge --by plate --json")
)
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--layout", type=click.Choice(["auto", "nnunet", "coco", "folders"]), default="auto", show_default=True,
    help="As what it is read; folders: train, val, test, as Cellpose, StarDist and most others have them.",
)  # fmt: skip
@click.option(
    "--by", default="image", show_default=True, metavar="LEVEL", help="What must be on one side, as for build."
)
@click.option("--turned", is_flag=True, help="Look for images turned or mirrored too; takes eight times as long.")
@click.option("--since-training", is_flag=True, help="Tell what became of the truth since; FOLDER may be a model too.")
@json_option
@catalogue_option
@click.pass_context
def check(
    ctx: click.Context,
    folder: str,
    layout: str,
    by: str,
    turned: bool,
    since_training: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Find what is on both sides of the split of a training set, made here or elsewhere.

    Found are: the same file; images that show the same pixels, in whole or in part, whatever their names, chunks and
    formats; and what stems from one raw image (or one well, plate, ...), as far as the catalogue knows the set's images
    by their bytes or by a part of their pixels. Not found is what was scaled, or compressed with loss.

    With --since-training told is instead which label images, that the set or a model descends from, were corrected,
    made anew, changed or noted as retracted since.

    Where there is no catalogue, the set is compared with itself alone. Exits with 9 if anything leaks, or has changed.
    """
    from filiation.training.checking import check

    if since_training:
        _check_truth(ctx, folder, as_json=as_json, catalogue=catalogue)
        return

    with _opened_or_empty(catalogue) as ledger, steps_bar("Reading") as advance:
        checked = check(ledger, Path(folder), layout=layout, by=by, turned=turned, progress=advance)
    if as_json:
        say_json(checked.to_json())
    else:
        _tell_checked(checked)
    if checked.leaks:
        ctx.exit(FindingsError.exit_code)


@contextmanager
def _opened_or_empty(catalogue: str | None) -> Iterator[Ledger]:
    """Open the catalogue; where there is none, an empty one that is gone afterwards."""
    from filiation.catalogue import CatalogueFolder

    try:
        CatalogueFolder.find(catalogue)
    except NotFoundError:
        if catalogue is not None:
            raise
        remark("There is no catalogue here: the set is compared with itself alone.")
        with TemporaryDirectory() as folder:
            made = CatalogueFolder.create(Path(folder) / ".filiation")
            with opened(str(made.root)) as ledger:
                yield ledger
        return
    with opened(catalogue) as ledger:
        yield ledger


def _check_truth(ctx: click.Context, thing: str, *, as_json: bool, catalogue: str | None) -> None:
    with opened(catalogue) as ledger:
        found = ledger.truth_since(thing)
    if as_json:
        say_json(found.to_json())
    elif found.found:
        say_table(
            ("change", "label image or source", "what"), [(each.kind, each.what, each.detail) for each in found.found]
        )
    else:
        say(f"The {found.looked_at} label image(s) that it descends from are as they were.")
    if found.found:
        ctx.exit(FindingsError.exit_code)


@dataset.command(
    epilog=example("filiation dataset trained model.pt --on cells --tool cellpose@4.0.6 --parameter epochs=100")
)
@click.argument("model", metavar="MODEL")
@click.option("--on", "folder", required=True, metavar="FOLDER", help="The training set.")
@click.option("--tool", metavar="NAME[@VERSION]", help="With what it was trained.")
@click.option("--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A setting of the training.")
@click.option("--at", metavar="TIME", help="When the training ended.  [default: when MODEL was written]")
@json_option
@catalogue_option
def trained(
    model: str,
    folder: str,
    tool: str | None,
    parameters: tuple[str, ...],
    at: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Record that MODEL was trained on a set, so that lineage goes through it.

    `filiation impact IMAGE` then reaches the models that learned from an image, and the label images of runs that had
    their weights as an input, known by their bytes. A set that was made elsewhere is tied to what the catalogue knows
    of its files, and of what its images show.
    """
    from filiation.lineage.annotating import read_pair
    from filiation.lineage.moments import read_as_of
    from filiation.training.models import register_model

    with opened(catalogue) as ledger, steps_bar("Reading") as advance:
        found = register_model(
            ledger, Path(model), Path(folder), tool=tool, parameters=[read_pair(each) for each in parameters],
            at=None if at is None else read_as_of(at), progress=advance,
        )  # fmt: skip
    if as_json:
        say_json(found.to_json())
        return
    say(f"{found.model.name} was trained on {found.folder.name}: recorded as {found.crate.name[:8]}.")
    if not found.is_known:
        remark(f"The set is not one that was recorded; {found.sources} thing(s) in it are known, and tied to it.")
    if found.checked is not None:
        _tell_of_unknown_set(found.checked)


def _tell_of_unknown_set(checked: Checked) -> None:
    if checked.unknown:
        remark(f"Of its {len(checked.contents.images)} images the catalogue does not know {checked.unknown}.")
    if checked.leaks:
        remark(f"{len(checked.leaks)} leak(s): `filiation dataset check {checked.folder}` tells which.")


def _tell_checked(checked: Checked) -> None:
    parts = ", ".join(f"{part} {count}" for part, count in checked.counts.items())
    if checked.leaks:
        rows = [
            (leak.kind, f"{leak.first.part}: {leak.first.path}", f"{leak.second.part}: {leak.second.path}",
             leak.detail + (f"; and {leak.others} more pairs" if leak.others else ""))
            for leak in checked.leaks
        ]  # fmt: skip
        say_table(("leak", "one", "other", "evidence"), rows)
    else:
        say("Nothing leaks, as far as is known.")
    say(
        f"{len(checked.contents.images)} images ({parts}); the catalogue knows {checked.by_digest} by their bytes or "
        f"pixels, {checked.by_content} by a part of their pixels, {checked.unknown} not."
    )
    for text in (*checked.contents.remarks, *checked.remarks):
        remark(text)
    for path, why in checked.not_read[:MOST_NAMED]:
        remark(f"Compared by its bytes alone: {path}: {why}")


def _crop(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    parts = text.split(",")
    if len(parts) not in (1, 2, 3) or not all(part.isdecimal() and 0 < int(part) < 1 << 31 for part in parts):
        raise BadInputError(f"{text!r} is no crop: write 256 for y and x, or 16,256,256 for z, y and x, in pixels.")
    lengths = [int(part) for part in parts] * (2 if len(parts) == 1 else 1)
    return dict(zip(("z", "y", "x")[-len(lengths) :], lengths, strict=True))


def _tell(built: Built) -> None:
    say(f"{built.folder}: {len(built.cases)} cases")
    for part, (cases, groups) in built.counts.items():
        say(f"  {part:<5} {cases} case{'s' * (cases != 1)} of {groups} group{'s' * (groups != 1)}")
    say(f"  licence: {built.licence or 'none stated'}")
    unknown = built.manifest["unknown"]
    if isinstance(unknown, list) and unknown:
        say(f"  not known: {', '.join(map(str, unknown))}")
    say(f"Recorded as {built.crate.name[:8]}.")
    for warning in built.warnings:
        remark(warning)
    for path, why in built.left_out[:MOST_NAMED]:
        remark(f"Left out: {path}: {why}")
    if len(built.left_out) > MOST_NAMED:
        remark(f"Left out: {len(built.left_out) - MOST_NAMED} more; --json has all.")
