"""Merging the parts of the embedded store, in a process of its own that nobody waits for.

Questions are answered and crates are taken in meanwhile; in its end it holds the catalogue's lock, brings in what came,
and puts the merged store in the place of all others. Killed, it leaves a folder that the next who takes a crate in
removes, and the store is merged when the next part comes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from filiation.catalogue.crates import INDEX, STORE, CatalogueFolder
from filiation.catalogue.editions import number_of, using, using_newest
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.lock import holding
from filiation.catalogue.store_parts import (
    MERGING,
    Parts,
    can_be_extended,
    copied,
    has_taken_the_place,
    put_in_place,
    size_of,
)
from filiation.catalogue.store_writer import StoreError, StoreWriter
from filiation.errors import CatalogueBusyError, NotFoundError

_PATIENCE: Final = 3600
"""Seconds to wait for those who take crates in."""
_LEAST_NICE: Final = 19


def merge_in_the_background(folder: CatalogueFolder) -> None:
    """Let the store be merged by a process that outlives this one."""
    command = [sys.executable, "-m", __name__, os.fspath(folder.root)]
    nothing = subprocess.DEVNULL
    with suppress(OSError):
        subprocess.run(command, check=False, stdin=nothing, stdout=nothing, stderr=nothing)  # its child goes on


def merge(folder: CatalogueFolder) -> bool:
    """Merge the embedded store of a catalogue; return whether a merged one took its place.

    Raises
    ------
    StoreError
        If it could not be written.
    """
    with suppress(CatalogueBusyError, NotFoundError), using_newest(folder.made) as edition:
        if edition is None:
            return False
        with holding(edition / MERGING, wait=0):
            with LineageIndex(edition / INDEX) as index:
                stores = can_be_extended(edition, index)
            if not stores:
                return False
            with using(stores[0]) as store:
                made = None if store is None else _merge(folder, edition, store)
            if made is not None:
                has_taken_the_place(made)
                return True
    return False


def _merge(folder: CatalogueFolder, edition: Path, store: Path) -> Path | None:
    with copied(store) as coming:
        with StoreWriter(coming, merging=True) as writer:
            writer.merge()
        with holding(folder.lock, wait=_PATIENCE), LineageIndex(edition / INDEX) as index:
            if folder.edition != edition:  # a rebuild was quicker
                return None
            number = number_of(store, STORE)
            return put_in_place(coming, index, number, Parts(size_of(coming), int(bool(index.waiting(number)))))


def main() -> None:
    """Merge the store of the catalogue that is named, once nobody waits for this process any more."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.nice(_LEAST_NICE)
    with suppress(StoreError):  # a full disk: the next part asks for it again
        merge(CatalogueFolder(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
