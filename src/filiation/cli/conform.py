"""``filiation conform``: what is wrong with OME-Zarr stores, and what of it can be mended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filiation.cli.options import catalogue_option, example, found_or_made, json_option
from filiation.cli.output import remark, say, say_json, say_table
from filiation.errors import BadInputError, FindingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filiation.images import Finding, ObjectPlace


@click.command(
    epilog=example(
        "filiation conform results/ihc/cells.ome.zarr",
        "filiation conform plates/*.ome.zarr --no-pixels --json",
        "filiation conform s3://lab/nuclei/51.ome.zarr",
        "filiation conform results/ihc/cells.ome.zarr --fix",
    )
)
@click.argument("stores", metavar="STORE...", nargs=-1, required=True)
@click.option("--pixels/--no-pixels", default=True, show_default=True, help="Read labels, where rows describe them.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend, and record it.")
@json_option
@catalogue_option
@click.pass_context
def conform(
    ctx: click.Context, stores: tuple[str, ...], pixels: bool, fix: bool, as_json: bool, catalogue: str | None
) -> None:
    """Tell what is wrong with OME-Zarr stores, also what other validators miss.

    STORE is an image with its labels, a label image, a plate or a collection, of OME-Zarr 0.4 or 0.5: a folder, one
    file as ZIP, or s3://bucket/key in an object store. Each fault comes with its severity, where it is, what was found
    and expected, and what to do. Exits with 9 if there is an error or a warning; advice alone is no fault.

    With --fix metadata are mended where nothing need be guessed, never a pixel: a missing version, a label image that
    is not listed, names of dimensions, rows given twice or for labels that are not there. What stood there is kept in
    a crate in the catalogue, with who did it and when, and lineage goes through it. Only folders are mended.
    """
    from filiation.images import check_place, place_of_store

    told: list[dict[str, Any]] = []
    left: list[tuple[str, Finding]] = []
    places = [place_of_store(store) for store in stores]
    if fix:
        _refuse_to_mend(places)
    for store, place in zip(stores, places, strict=True):
        if fix and isinstance(place, Path):
            _take_back_unfinished(place)
        findings = check_place(place, pixels=pixels)
        record = None
        if fix and isinstance(place, Path):
            record, changed = _mend(place, findings, catalogue)
            findings = check_place(place, pixels=pixels) if changed else findings
        left += [(store, finding) for finding in findings]
        crate = {} if record is None else {"record": str(record)}
        told.append({"store": str(store), "findings": [each.to_json() for each in findings], **crate})
    if as_json:
        say_json(told)
    else:
        _tell(left, len(stores), fix=fix)
    if any(finding.gravity != "advice" for _, finding in left):
        ctx.exit(FindingsError.exit_code)


def _refuse_to_mend(places: Sequence[Path | ObjectPlace]) -> None:
    for place in places:
        if not isinstance(place, Path) or place.is_file():
            where = "a ZIP file" if isinstance(place, Path) else "an object store"
            raise BadInputError(
                f"{place} lies in {where}, where it is only read. Mend a copy in a folder, and put that in its place "
                "under a new name. Nothing was mended."
            )


def _take_back_unfinished(store: Path) -> None:
    from filiation.catalogue.mending import take_back_unfinished

    if take_back_unfinished(store):
        remark(f"An earlier --fix of {store} was broken off before it was recorded; it was taken back first.")


def _mend(store: Path, findings: tuple[Finding, ...], catalogue: str | None) -> tuple[Path | None, bool]:
    from filiation.images.conformance.mending import plan_mending

    changes = plan_mending(store, findings)
    if not changes:
        return None, False
    from filiation.catalogue.mending import mend_store

    record = mend_store(found_or_made(catalogue), store, changes)
    for change in changes:
        for finding in change.mended:
            remark(f"Mended in {store}: {finding.where}: {finding.fault}")
    remark(f"Recorded as {record.name[:8]}, with what stood there before.")
    return record, True


def _tell(found: list[tuple[str, Finding]], count: int, *, fix: bool) -> None:
    from filiation.images.conformance import FAULTS
    from filiation.lineage.words import counted

    if not found:
        say(f"{counted(count, 'store')} without a fault")
        return
    columns = ("severity", "store", "where", "fault", "found", "expected", "what to do")
    rows = [
        (
            each.gravity.value,
            store.rstrip("/").rpartition("/")[2],
            each.where,
            each.fault,
            each.found,
            each.expected,
            each.advice,
        )
        for store, each in found
    ]
    say_table(columns, rows)
    mendable = sum(FAULTS[each.fault].is_mended for _, each in found)
    if mendable and not fix:
        remark(f"--fix mends {mendable} of them.")
