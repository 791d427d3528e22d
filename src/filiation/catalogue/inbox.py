"""A laboratory's inbox: crates arrive in it whole, from any host, and are taken out of it by whoever is first.

Both go by renaming a folder, which a file system does at once and for one caller only, network file systems included;
nothing here relies on a lock. A crate is copied beside its place first, so that it has its name only when it is whole.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue.crates import CatalogueFolder, identify, this_host
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.taking_in import IngestReport
from filiation.catalogue.waiting import is_running
from filiation.crate import flush, flush_tree
from filiation.errors import BadInputError, FiliationError

_COMING: Final = ".coming-"
_TAKING: Final = ".taking-"
_DONE: Final = ".done-"
_REFUSED: Final = "refused"
_ABANDONED: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Emptied:
    """What came out of an inbox.

    Parameters
    ----------
    taken
        Crates that are in the catalogue now.
    refused
        A sentence for each that is not: it cannot be read, and lies in ``inbox/refused`` now.
    """

    taken: tuple[IngestReport, ...]
    refused: tuple[str, ...]


def open_inbox(root: Path) -> CatalogueFolder:
    """Make a folder a shared catalogue, if it is none yet: one with an inbox that its group may put crates into."""
    folder = CatalogueFolder.create(root)
    if not folder.is_shared:
        folder.inbox.mkdir()
        mode = folder.root.stat().st_mode
        if mode & stat.S_IWGRP:  # a group's folder: what arrives belongs to the group too
            folder.inbox.chmod(stat.S_IMODE(mode) | stat.S_ISGID)
    return folder


def send(crate: Path, shared: CatalogueFolder) -> Path:
    """Put a copy of a crate into a shared catalogue's inbox, and return where it is.

    Raises
    ------
    BadInputError
        If that catalogue has no inbox.
    InvalidCrateError
        If there is no crate that can be read.
    OSError
        If it cannot be copied; nothing then stands in the inbox under its name.
    """
    if not shared.is_shared:
        raise BadInputError(
            f"{shared.root} has no inbox, so it is nobody's shared catalogue. Make it one with: "
            f"filiation ingest --inbox --catalogue {shared.root}"
        )
    run = identify(crate).id
    mark = f"{this_host()}+{os.getpid()}+{time.time_ns()}"
    coming, place = shared.inbox / f"{_COMING}{run}+{mark}", shared.inbox / f"{run}+{mark}"
    try:
        shutil.copytree(crate, coming, symlinks=True)
        if shared.inbox.stat().st_mode & stat.S_IWGRP:
            _share_with_group(coming)
        flush_tree(coming)
        coming.rename(place)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        raise
    flush(shared.inbox)
    return place


def take_out(shared: CatalogueFolder) -> Emptied:
    """Take every crate in the inbox into the catalogue. Others may do so at the same time; each crate is for one.

    Raises
    ------
    OSError
        If the disk is full or broken: what was not taken in is in the inbox again.
    """
    taken: list[IngestReport] = []
    refused: list[str] = []
    catalogue = Catalogue(shared)
    _put_back_what_was_left(shared.inbox)
    with _hands(shared.inbox) as hands:
        for waiting in sorted(shared.inbox.glob("[!.]*+*+*+*")):
            claimed = hands / waiting.name
            try:
                waiting.rename(claimed)
            except FileNotFoundError:  # somebody else was first
                continue
            try:
                # A copy belongs to who takes it in: nobody else can change it any more.
                taken.append(catalogue.ingest(claimed))
            except FiliationError as error:
                refused.append(f"{_refuse(shared.inbox, claimed)}: {error}")
                continue
            # Renamed first: what is half removed must never be taken for what was sent.
            shutil.rmtree(claimed.rename(hands / f"{_DONE}{claimed.name}"), ignore_errors=True)
    return Emptied(tuple(taken), tuple(refused))


@contextmanager
def _hands(inbox: Path) -> Iterator[Path]:
    """Give a folder of this process's own; what is still in it in the end goes back into the inbox."""
    hands = inbox / f"{_TAKING}{this_host()}+{os.getpid()}"
    hands.mkdir(exist_ok=True)
    try:
        yield hands
    finally:
        _put_back(inbox, hands)


def _put_back(inbox: Path, hands: Path) -> None:
    # Somebody else may be putting the same back, so that what is not there any more is done.
    with suppress(FileNotFoundError):
        for claimed in list(hands.iterdir()):
            if claimed.name.startswith(_DONE):
                shutil.rmtree(claimed, ignore_errors=True)
            else:
                claimed.rename(inbox / claimed.name)
        hands.rmdir()


def _put_back_what_was_left(inbox: Path) -> None:
    """Put back what killed processes had claimed, and remove what they had begun to send."""
    for hands in inbox.glob(f"{_TAKING}*"):
        if not _is_at_work(hands, hands.name.removeprefix(_TAKING)):
            _put_back(inbox, hands)
    for coming in inbox.glob(f"{_COMING}*"):
        if not _is_at_work(coming, coming.name.removeprefix(_COMING).partition("+")[2]):
            shutil.rmtree(coming, ignore_errors=True)


def _is_at_work(place: Path, owner: str) -> bool:
    host, number, *_ = (*owner.split("+"), "", "")
    if host == this_host() and number.isdigit():
        return is_running(int(number))
    try:
        return time.time() - place.stat().st_ctime < _ABANDONED
    except FileNotFoundError:
        return True


def _refuse(inbox: Path, claimed: Path) -> Path:
    place = inbox / _REFUSED / claimed.name
    place.parent.mkdir(exist_ok=True)
    claimed.rename(place)
    return place


def _share_with_group(folder: Path) -> None:
    """Let the group move and remove a crate, and read all of it."""
    for place in (folder, *folder.rglob("*")):
        if not place.is_symlink():
            mode = stat.S_IMODE(place.stat().st_mode)
            place.chmod(mode | (stat.S_IRWXG if place.is_dir() else stat.S_IRGRP))
