"""``filiation correct``: a label image that a person proof-read, as a new version of the one before."""

from __future__ import annotations

from pathlib import Path

import click

from filiation.cli.options import catalogue_option, example, found_or_made, json_option
from filiation.cli.output import remark, say, say_json, say_table, steps_bar

MOST_SHOWN = 20
"""Changes that are shown one by one."""


@click.command(
    epilog=example(
        "filiation correct nuclei.ome.zarr nuclei-2.ome.zarr --by 0000-0002-1825-0097 --why 'joined nuclei parted' "
        "--tool napari@0.6.1"
    )
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--by", required=True, metavar="ORCID", help="Who proof-read it.")
@click.option("--name", metavar="NAME", help="Their name.")
@click.option("--why", required=True, metavar="TEXT", help="What was wrong, or what it is for.")
@click.option("--tool", metavar="NAME[@VERSION]", help="What they did it with.")
@json_option
@catalogue_option
def correct(
    old: Path,
    new: Path,
    by: str,
    name: str | None,
    why: str,
    tool: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Record that NEW is OLD, proof-read by a person, and what they changed.

    Both are label images of the same grid, and stay as they are. They are compared block by block, whatever their size,
    and what became of objects is told: added, removed, split, merged, moved at their border, with voxels, or given
    another label. Two objects correspond if more than half of one lies in the other.

    `filiation trace NEW` then shows OLD and the person, `filiation trace NEW#label=17` which object it came of.
    """
    from filiation.catalogue.correcting import correct as record

    home = found_or_made(catalogue)
    with steps_bar("Comparing") as advance:
        made = record(
            home, old, new, by=by, name=name, why=why, tool=tool,
            progress=lambda done, total: advance(done, total, ""),
        )  # fmt: skip
    found = made.differences
    if as_json:
        rows = found.table().to_pylist()
        counted = {**found.counted(), "unchanged": found.unchanged}
        say_json({"record": made.record.name, "objects": counted, "voxels": found.voxels, "changes": rows})
        return
    columns = ("change", "before", "after", "voxels before", "voxels after", "gained", "lost")
    rows = [
        (each.change.value, _labels(each.before), _labels(each.after),
         *map(str, (each.voxels_before, each.voxels_after, each.gained, each.lost)))
        for each in found.changes[:MOST_SHOWN]
    ]  # fmt: skip
    say_table(columns, rows)
    if len(found.changes) > MOST_SHOWN:
        say(f"… and {len(found.changes) - MOST_SHOWN} more; --json has all.")
    say(f"{found.unchanged} objects are as they were; {found.voxels} voxels have another label.")
    remark(f"Recorded as {made.record.name[:8]}.")


def _labels(labels: tuple[int, ...]) -> str:
    return ", ".join(map(str, labels)) or "-"
