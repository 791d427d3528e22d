"""Options that several commands share, and the opened catalogue that they lead to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from filiation.cli.output import remark
from filiation.errors import FiliationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filiation.catalogue import CatalogueFolder
    from filiation.lineage import Ledger

catalogue_option = click.option(
    "--catalogue",
    metavar="PATH",
    envvar="FILIATION_CATALOGUE",
    help="The catalogue's folder, or one that holds it as .filiation. [default: FILIATION_CATALOGUE, else the "
    "nearest one from here upwards]",
)
as_of_option = click.option(
    "--as-of",
    metavar="TIME",
    help="Answer from what the catalogue knew at TIME: 2026-03-01 (the end of that day), 2026-03, 2026-03-01T10:30, "
    "2026-03-01T10:30+01:00; without a zone it is UTC.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def example(*lines: str) -> str:
    """Write the epilog of a command's help: how it is called."""
    return "\b\nExample:\n" + "\n".join(f"  $ {line}" for line in lines)


@contextmanager
def opened(catalogue: str | None, as_of: str | None = None) -> Iterator[Ledger]:
    """Open the catalogue, as it was known at a time if one is given; afterwards tell which crates cannot be read."""
    from filiation.lineage import Ledger

    ledger = Ledger(catalogue, as_of=as_of)
    ledger.tell_of_waiting(say_that_others_write)
    try:
        yield ledger
    finally:
        for problem in ledger.problems:
            remark(f"Left out: {problem}")
        if as_of is None:
            _tell_of_waiting_runs(ledger)
            tell_of_waiting_graphs(ledger.folder)


def say_that_others_write() -> None:
    """Say why nothing happens for a while."""
    remark("Another process is writing to the catalogue; waiting for it.")


def tell_of_waiting_graphs(catalogue: Path) -> None:
    """Say what a SPARQL server should have and has not, and why; nothing where there is no server."""
    from filiation.catalogue import Catalogue, CatalogueFolder
    from filiation.lineage.words import counted

    try:
        waiting = Catalogue(CatalogueFolder(catalogue)).waiting()
    except FiliationError as error:
        remark(str(error))
        return
    if waiting:
        problem = next((graph.problem for graph in waiting if graph.problem), "")
        verb = "waits" if len(waiting) == 1 else "wait"
        remark(
            f"{counted(len(waiting), 'crate')} {verb} to be sent to the SPARQL server; `trace` and `impact` know them, "
            f"`ask` and `sparql` do not yet. {problem} The next `filiation ingest` or `filiation rebuild` sends them."
        )


def _tell_of_waiting_runs(ledger: Ledger) -> None:
    """Say which runs no answer knows of yet: those that were killed, or left for later."""
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.waiting import unpacked_runs

    waiting = list(unpacked_runs(CatalogueFolder(ledger.folder)))
    if waiting:
        names = ", ".join(run[:8] for run in waiting[:5]) + (", …" if len(waiting) > 5 else "")
        who = (
            "1 run waits to be packed and is" if len(waiting) == 1 else f"{len(waiting)} runs wait to be packed and are"
        )
        remark(f"{who} not in this answer: {names}. Pack with: filiation pack")


def found_or_made(catalogue: str | None) -> CatalogueFolder:
    """Return the catalogue, and make it where there is none yet."""
    from pathlib import Path

    from filiation.catalogue import CatalogueFolder
    from filiation.errors import NotFoundError

    try:
        return CatalogueFolder.find(catalogue)
    except NotFoundError:
        place = Path(catalogue or ".filiation")
        remark(f"Made a catalogue in {place}")
        return CatalogueFolder.create(place)
