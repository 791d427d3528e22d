"""The catalogue's folder, and the crates in it: the truth that store and index are made from."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

from filiation.capture.place import FOLDER, VARIABLE, nearest_catalogue
from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk, identify
from filiation.catalogue.editions import newest
from filiation.catalogue.versions import keep_aside, note_arrival
from filiation.crate import flush, flush_tree
from filiation.digest import digest_file
from filiation.errors import BadInputError, InvalidCrateError, NotFoundError

__all__ = ["FOLDER", "VARIABLE", "CatalogueFolder", "identify"]

_TEMPORARY: Final = ".arriving-"
_LEAVING: Final = ".leaving-"
# From Linux' fcntl.h and fs.h: AT_FDCWD and RENAME_EXCHANGE.
_HERE: Final = -100
_SWAP: Final = 2
STORE: Final = "store-"
"""What the folders of stores in an edition are called, before their numbers."""
INDEX: Final = "index.sqlite"
ARRAYS: Final = "index.arrays"
_ABANDONED: Final = 24 * 3600.0
"""Seconds after which nobody of another host can still be at something."""


@dataclass(frozen=True, slots=True)
class CatalogueFolder:
    """Where everything of a catalogue stands.

    Parameters
    ----------
    root
        Absolute path of the folder, usually ``.filiation`` inside a run's folder.
    """

    root: Path

    @property
    def crates(self) -> Path:
        """One folder a run: the truth."""
        return self.root / "crates"

    @property
    def journals(self) -> Path:
        """One journal a run."""
        return self.root / "journals"

    @property
    def history(self) -> Path:
        """What was known when, and the crates that others took the place of (:mod:`filiation.catalogue.versions`)."""
        return self.root / "history"

    @property
    def annotations(self) -> Path:
        """One record for each thing that somebody noted."""
        return self.root / "annotations"

    @property
    def steps(self) -> Path:
        """One folder of step records a run."""
        return self.root / "steps"

    @property
    def inbox(self) -> Path:
        """Where a laboratory's crates arrive; a catalogue that has one is shared by many people and hosts."""
        return self.root / "inbox"

    @property
    def is_shared(self) -> bool:
        """Whether crates arrive in an inbox."""
        return self.inbox.is_dir()

    @property
    def caches(self) -> Path:
        """Where store and index are; of a shared catalogue, in each person's own cache.

        Databases and their locks are nothing for a network file system.
        """
        if not self.is_shared:
            return self.root
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return home / "filiation" / "catalogues" / sha256(os.fsencode(self.root.resolve())).hexdigest()[:16]

    @property
    def made(self) -> Path:
        """Where store and index are made: all of it a cache, in numbered editions of which the newest counts."""
        return self.caches / "made"

    @property
    def edition(self) -> Path:
        """The store and the index that count: what was made last."""
        return newest(self.made) or self.made / "1"

    @property
    def store(self) -> Path:
        """The RDF store, a cache."""
        return newest(self.edition, STORE) or self.edition / f"{STORE}0"

    @property
    def index(self) -> Path:
        """The lineage index, a cache."""
        return self.edition / INDEX

    @property
    def arrays(self) -> Path:
        """The arrays of the lineage index, a cache of a cache."""
        return self.edition / ARRAYS

    @property
    def outbox(self) -> Path:
        """What waits to be sent to a SPARQL server."""
        return self.caches / "outbox.sqlite"

    @property
    def digests(self) -> Path:
        """What was digested already, a cache."""
        return self.caches / "digests.sqlite"

    @property
    def lock(self) -> Path:
        """Held by whoever brings crates in, or store and index up to date."""
        return self.caches / "lock"

    @property
    def rebuild_lock(self) -> Path:
        """Held by whoever makes a new edition of store and index beside the one in use."""
        return self.caches / "rebuild.lock"

    @classmethod
    def find(cls, place: Path | str | None = None) -> CatalogueFolder:
        """Find the catalogue: the one given, else the environment's, else upwards from the working folder.

        Parameters
        ----------
        place
            A catalogue folder, or a folder that holds one as ``.filiation``.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        if place is not None:
            return cls._at(Path(place), said_by="")
        if given := os.environ.get(VARIABLE):
            return cls._at(Path(given), said_by=f" The environment variable {VARIABLE} names it.")
        here = Path.cwd()
        if (nearest := nearest_catalogue(here)) is not None:
            return cls(nearest)
        raise NotFoundError(
            f"No catalogue: there is no folder {FOLDER} in {here} or above it. Run a workflow with "
            f"`snakemake --logger filiation`, or name a catalogue with {VARIABLE}."
        )

    @classmethod
    def _at(cls, place: Path, *, said_by: str) -> CatalogueFolder:
        place = place.absolute()
        if (place / FOLDER).is_dir():
            return cls(place / FOLDER)
        looks_like_one = any((place / part).is_dir() for part in ("crates", "journals", "inbox"))
        if place.is_dir() and (place.name == FOLDER or looks_like_one):
            return cls(place)
        raise NotFoundError(f"No catalogue at {place}.{said_by} Expected a folder {FOLDER} or one that holds it.")

    @classmethod
    def create(cls, root: Path) -> CatalogueFolder:
        """Make the folder ``root`` a catalogue, if it is not one yet."""
        folder = cls(root.absolute())
        folder.crates.mkdir(parents=True, exist_ok=True)
        ignore = folder.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return folder

    def list_crates(self) -> tuple[Path, ...]:
        """Return the folders of the crates that arrived, sorted by name."""
        return tuple(self.crates / name for name, _ in self.stamped_crates())

    def stamped_crates(self) -> tuple[tuple[str, str], ...]:
        """Return the name of each crate's folder, sorted, and what tells cheaply whether its metadata has changed.

        Asked before every answer, of ten thousand crates or more: so it looks at each but once.
        """
        return tuple(sorted(self._stamped(_names(self.crates))))

    def is_as_known(self, known: Mapping[str, str]) -> bool:
        """Whether there are these crates and no others, with these stamps, and nothing of interrupted arrivals.

        Asked before every answer, as :meth:`stamped_crates`.

        Parameters
        ----------
        known
            The stamp of each crate, by the name of its folder.
        """
        names = _names(self.crates)
        if any(name.startswith(".") for name in names) and self.leftovers():
            return False
        seen = 0
        for name, stamp in self._stamped(names):
            if known.get(name) != stamp:
                return False
            seen += 1
        return seen == len(known)

    def _stamped(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield those of the names that are crates, with their stamps."""
        try:
            crates = os.open(self.crates, os.O_RDONLY)  # the way to each is then short
        except OSError:  # no crates at all
            return
        try:
            for name in names:
                if not name.startswith("."):
                    try:
                        state = os.stat(f"{name}/{METADATA}", dir_fd=crates)
                    except OSError:  # not a crate, or gone meanwhile
                        continue
                    if stat.S_ISREG(state.st_mode):
                        yield name, f"{state.st_size}:{state.st_mtime_ns}"
        finally:
            os.close(crates)

    def arrive(self, source: Path, *, move: bool = False, read: CrateOnDisk | None = None) -> CrateOnDisk:
        """Bring a crate into the catalogue; under its final name it is complete or not there at all.

        The crate is copied into a temporary folder beside its destination, flushed to disk, and renamed. Another one of
        the same id is kept aside first (:mod:`filiation.catalogue.versions`); the same one stays as it is.

        Parameters
        ----------
        source
            The crate's folder.
        move
            Rename it into the temporary folder, if that is on the same file system; it was forced to disk when it was
            written.
        read
            What it was when it was read, if it was: it is not read again.

        Raises
        ------
        InvalidCrateError
            If ``source`` is no crate that can be read, or not what it was any more.
        """
        crate = identify(source) if read is None else read
        destination = self.crates / crate.id
        self._put_back(crate.id)
        here = CrateOnDisk(destination, crate.id, crate.metadata_digest, crate.own)
        if source.absolute() == destination or _is_the_same(source, here):
            return here
        self.crates.mkdir(parents=True, exist_ok=True)
        arriving = self.crates / f"{_TEMPORARY}{crate.id}-{this_host()}+{os.getpid()}"
        shutil.rmtree(arriving, ignore_errors=True)
        try:
            if not _is_renamed(source, arriving, move=move):
                _copy(source, arriving, move=move)
                flush_tree(arriving)
                if digest_file(arriving / METADATA) != crate.metadata_digest:
                    raise InvalidCrateError(f"{source} was changed while it was being read. Take it in again.")
            keep_aside(self, crate.id)
            _swap_in(arriving, destination)
        except BaseException:
            shutil.rmtree(arriving, ignore_errors=True)
            raise
        note_arrival(self, crate.id, str(crate.metadata_digest))
        return here

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder beside the crates, from which one arrives by renaming; what is left of it is swept."""
        self.crates.mkdir(parents=True, exist_ok=True)
        folder = self.crates / f"{_TEMPORARY}{uuid4()}-{this_host()}+{os.getpid()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def settle(self, folder: Path) -> CrateOnDisk:
        """Give a crate that someone put into the folder under another name the name of its id.

        Raises
        ------
        InvalidCrateError
            If it cannot be read, or another crate of that id is there.
        """
        crate = identify(folder)
        home = self.crates / crate.id
        if folder.name == crate.id:
            return crate
        if home.exists():
            raise InvalidCrateError(f"{folder} holds the same run as {home}; keep one of them.")
        folder.rename(home)
        return CrateOnDisk(home, crate.id, crate.metadata_digest, crate.own)

    def leftovers(self) -> tuple[Path, ...]:
        """Return what interrupted arrivals left behind, sorted by name."""
        crates = self.crates
        found = sorted(crates / name for name in _names(crates) if name.startswith("."))
        shared = self.is_shared
        return tuple(
            path
            for path in found
            if (path.name.startswith(_LEAVING) and not (shared and _is_recent(path)))
            or (path.name.startswith(_TEMPORARY) and not _is_alive(path))
        )

    def sweep(self) -> tuple[str, ...]:
        """Remove what interrupted arrivals left behind; put back a crate whose replacement never came."""
        swept = []
        for path in self.leftovers():
            if path.name.startswith(_LEAVING) and self._put_back(path.name.removeprefix(_LEAVING)):
                continue
            shutil.rmtree(path, ignore_errors=True)
            swept.append(path.name)
        return tuple(swept)

    def _put_back(self, run: str) -> bool:
        """Put back the crate of a run whose replacement never came; return whether it was so."""
        leaving = self.crates / f"{_LEAVING}{run}"
        if (self.crates / run).exists() or not leaving.exists() or (self.is_shared and _is_recent(leaving)):
            return False
        leaving.rename(self.crates / run)
        return True


def _is_the_same(source: Path, here: CrateOnDisk) -> bool:
    """Whether a crate is there already, with every file that the one that comes has; they are not read again."""
    if not here.metadata.is_file() or digest_file(here.metadata) != here.metadata_digest:
        return False
    return _sizes(source) == _sizes(here.folder)


def _sizes(crate: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for folder, _, names in os.walk(crate):
        for name in names:
            state = os.lstat(f"{folder}/{name}")
            if stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode):
                found[os.path.relpath(f"{folder}/{name}", crate)] = state.st_size
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - of many names, without making a path of each
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_renamed(source: Path, arriving: Path, *, move: bool) -> bool:
    if source.is_symlink():
        raise BadInputError(f"{source} is a symbolic link; name the crate's folder itself.")
    if not move:
        return False
    try:
        source.rename(arriving)
    except OSError:  # another file system: copy, then remove
        return False
    return True


def _copy(source: Path, arriving: Path, *, move: bool) -> None:
    # Links are copied as links: what they lead to is not the crate's, and never read through them.
    shutil.copytree(source, arriving, symlinks=True, ignore=_ignore_special)
    if move:
        shutil.rmtree(source)


def _ignore_special(folder: str, names: list[str]) -> list[str]:
    """Leave out what would block or make no sense in a copy: FIFOs, sockets, devices."""
    paths = ((name, Path(folder) / name) for name in names)
    return [name for name, path in paths if not (path.is_symlink() or path.is_file() or path.is_dir())]


def _swap_in(arriving: Path, destination: Path) -> None:
    if destination.exists() and _exchange(arriving, destination):
        flush(destination.parent)
        shutil.rmtree(arriving, ignore_errors=True)
        return
    leaving = destination.with_name(f"{_LEAVING}{destination.name}")
    if destination.exists():
        shutil.rmtree(leaving, ignore_errors=True)
        destination.rename(leaving)
    try:
        arriving.rename(destination)
    except OSError:
        if leaving.exists() and not destination.exists():
            leaving.rename(destination)
        raise
    flush(destination.parent)
    shutil.rmtree(leaving, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step, so that neither is ever missing; False where the system cannot (renameat2(2))."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _SWAP) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def this_host() -> str:
    """Return this machine's name, as part of a file's name."""
    return platform.node().replace("/", "_") or "unknown"


def _is_alive(arriving: Path) -> bool:
    """Whether the process that an arriving folder is named after still runs; of another host that cannot be seen."""
    owner, _, number = arriving.name.rpartition("+")
    if not owner.endswith(f"-{this_host()}"):
        return bool(owner) and _is_recent(arriving)
    return number.isdigit() and Path(f"/proc/{number}").exists()


def _is_recent(folder: Path) -> bool:
    """Whether something was done with a folder less than a day ago."""
    try:
        return time.time() - folder.stat().st_ctime < _ABANDONED
    except FileNotFoundError:
        return False
