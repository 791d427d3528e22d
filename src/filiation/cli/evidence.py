"""``filiation evidence``: all that an auditor needs to check one result, in a folder or an archive."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say, say_json, steps_bar
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from filiation.publish.evidence import EvidenceReport


@click.command(
    epilog=example(
        "filiation evidence results/ihc/nuclei.ome.zarr --to nuclei-evidence",
        "filiation evidence results/ihc/nuclei.ome.zarr --to nuclei-evidence.zip --with-data --seal",
    )
)
@click.argument("thing")
@click.option("--to", "target", metavar="PLACE", required=True, help="A folder to be made, or an archive (.zip).")
@click.option("--with-data", is_flag=True, help="Take the thing itself along, if it is still as recorded.")
@click.option("--seal", "sealing", is_flag=True, help="Seal the bundle with your SSH key.")
@click.option("--key", metavar="FILE", help="SSH key to sign with, as for `filiation seal`.")
@json_option
@catalogue_option
def evidence(
    thing: str, target: str, with_data: bool, sealing: bool, key: str | None, as_json: bool, catalogue: str | None
) -> None:
    """Bundle all that the lineage of THING rests on, with a page.

    In it are the crates of every run that THING descends from, with their seals; the lineage in words, as a picture and
    for programs; what the records leave open; and how to check each of these without a network or this catalogue.
    THING is as for `filiation trace`. The bundle is an RO-Crate, so `filiation verify` tells whether it was changed.
    """
    from filiation.publish.evidence import write_evidence

    place = Path(target)
    if place.exists():
        raise BadInputError(f"{place} exists already; name another place, so that nothing is overwritten.")
    if key and not sealing:
        raise BadInputError("--key is for --seal; give both.")
    with _made_for(place) as folder, opened(catalogue) as ledger:
        with steps_bar("Copying") as advance:
            report = write_evidence(
                ledger, thing, folder, with_data=with_data, progress=lambda done, total: advance(done, total, "")
            )
        if sealing:
            _seal(folder, ledger.folder, key)
    if as_json:
        say_json(_as_json(report, place, sealed=sealing))
        return
    say(_sentence(report, place))
    if not sealing:
        remark("The bundle is not sealed; whoever gets it cannot tell whether it was changed. Seal it with --seal.")


@contextmanager
def _made_for(place: Path) -> Iterator[Path]:
    """Give the folder to fill, which becomes what was asked for, folder or archive, when all went well."""
    place.absolute().parent.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(prefix=f".{place.name}-", dir=place.absolute().parent))
    try:
        name = place.stem if place.suffix == ".zip" else place.name
        yield making / name
        if place.suffix == ".zip":
            from filiation.crate.zipping import zip_folder

            zip_folder(making / name, making / "archive", top=name)
            (making / "archive").rename(place)
        else:
            (making / name).rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _seal(folder: Path, catalogue: Path, key: str | None) -> None:
    from filiation.cli.seal import signer_of
    from filiation.crate.seals import seal_crate

    seal_crate(folder, signer_of(catalogue, key), meaning="evidence")


def _sentence(report: EvidenceReport, place: Path) -> str:
    from filiation.lineage.words import counted

    sealed = "none of them sealed" if not report.sealed else f"{report.sealed} of them sealed"
    gaps = f" The records leave {counted(len(report.gaps), 'thing')} open." if report.gaps else ""
    return (
        f"{counted(report.things, 'thing')}, {counted(report.jobs, 'job')}, {counted(len(report.crates), 'crate')} "
        f"({sealed}) in {place}.{gaps} Begin with index.html."
    )


def _as_json(report: EvidenceReport, place: Path, *, sealed: bool) -> dict[str, object]:
    return {
        "evidence": str(place),
        "things": report.things,
        "jobs": report.jobs,
        "sealed": sealed,
        "crates": [
            {"run": crate.run, "name": crate.name, "metadata": crate.metadata, "seals": crate.seals}
            for crate in report.crates
        ],
        "gaps": list(report.gaps),
        "data": report.data,
    }
