"""The digest of a directory tree: every file's SHA-256 in one manifest, and the manifest's SHA-256.

Specified in ``docs/reference/tree-digest.md``; the coreutils compute the same.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from filiation.digest.cache import is_settled
from filiation.digest.files import FileHash, Stamp, hash_file, reading_failed
from filiation.digest.folders import KnownFolder, line, size_of
from filiation.digest.manifest import write_manifest
from filiation.digest.walk import Found, Listing, each_state, found_in, list_folders, refuse_special
from filiation.model import Digest, DigestKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from filiation.digest.cache import DigestCache
    from filiation.digest.written import WrittenFiles

# One task for a thread: many small files or a few large ones, so that handing over costs little.
_BATCH_FILES = 256
_BATCH_BYTES = 16 << 20
_LARGE_FILE_BYTES = 64 << 10
_UNKNOWN = (b"", b"")


@dataclass(frozen=True, slots=True)
class TreeDigest:
    """What a directory tree is, by its bytes.

    Parameters
    ----------
    digest
        SHA-256 of the manifest.
    size
        Bytes in all files together; a symbolic link counts none.
    files
        Entries of the manifest: files and symbolic links.
    manifest
        SHA-256 and path of each entry, as ``sha256sum -z`` prints them, sorted by path bytes.
    """

    digest: Digest
    size: int
    files: int
    manifest: bytes


def digest_tree(
    root: Path,
    *,
    cache: DigestCache | None = None,
    written: WrittenFiles | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> TreeDigest:
    """Digest every file below a directory, in parallel.

    Parameters
    ----------
    root
        The directory; it may itself be a symbolic link, but no link inside it is followed.
    cache
        Digests of files read before. What it answers is not read again; use none to verify.
    written
        What this process wrote itself, which is not read again either.
    workers
        Threads; by default one for each processor this process may use.
    progress
        Called, in the calling thread, with the number of bytes done since the last call.

    Raises
    ------
    NotFoundError
        If there is no such directory, or a file vanishes meanwhile; the message names it.
    BadInputError
        If the tree holds a FIFO, socket or device (never opened), or something that cannot be read.
    """
    base = os.fsencode(root)
    known = cache.find_folders(base) if cache else {}
    tree = _Tree(base, known, written, progress)
    for batch in hash_files(base, tree.survey(workers or processors()), workers):
        for found, result in batch:
            tree.take(found, result)
        if progress:
            progress(sum(result.size for _, result in batch))
    digest = tree.digest()
    if cache:
        fresh = tree.to_remember(time.time_ns())
        cache.remember_folders(base, fresh, known.keys() - tree.unchanged - fresh.keys())
    return digest


@dataclass(slots=True)
class _Reading:
    """A directory of which something is new: the lines of its entries, and how those read now were found before."""

    listing: Listing
    lines: dict[bytes, bytes]
    fresh: dict[bytes, Stamp]
    moved: set[bytes]
    more: int = 0


class _Tree:
    """What has been found of a tree, directory by directory."""

    def __init__(
        self,
        root: bytes,
        known: Mapping[bytes, KnownFolder],
        written: WrittenFiles | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._root = root
        self._known = known
        self._written = written
        self._progress = progress
        self._read: dict[bytes, _Reading] = {}
        self._whole: dict[bytes, KnownFolder] = {}
        self._with_folders: set[bytes] = set()
        self.unchanged: set[bytes] = set()
        """Directories that are as they were known."""

    def survey(self, threads: int) -> Iterator[Found]:
        """Go through all directories: settle links and known files on the way, hand on what must be read."""
        # Of what must be read, reading is what takes time; threads that list meanwhile would only be in its way.
        for listing in list_folders(self._root, threads if self._known else 1):
            known = self._known.get(listing.folder)
            if listing.folders:
                self._with_folders.add(listing.folder)
            if known and known.states == listing.states and known.names == listing.names:
                self.unchanged.add(listing.folder)
                self._done(known.size)
            elif listing.states:
                yield from self._changed(listing, known)

    def _changed(self, listing: Listing, known: KnownFolder | None) -> Iterator[Found]:
        before = known.by_name() if known else {}
        reading = self._read[listing.folder] = _Reading(listing, {}, {}, set())
        unread = 0
        for name, state in each_state(listing.names, listing.states):
            known_state, known_line = before.get(name, _UNKNOWN)
            if known_state == state:
                reading.lines[name] = known_line
                continue
            found = found_in(listing.folder, name, state)
            if found.is_symlink:
                self.take(found, hash_link(self._root, found))
            elif not found.is_file:
                refuse_special(self._root, found)
            elif self._written is not None and (digest := self._written.find(found.stamp)) is not None:
                self.take(found, FileHash(digest, found.stamp.size, found.stamp))
            else:
                unread += found.stamp.size
                yield found
        if self._progress:
            self._done(size_of(listing.states) - unread)

    def take(self, found: Found, result: FileHash) -> None:
        """Take what was read of a file or link."""
        folder, slash, name = found.path.rpartition(b"/")
        reading = self._read[folder + slash]
        reading.lines[name] = line(name, found.mode, result.hex)
        reading.fresh[name] = found.stamp
        if result.stamp != found.stamp or result.size != found.stamp.size:
            reading.moved.add(name)
            reading.more += result.size - found.stamp.size if found.is_file else 0

    def digest(self) -> TreeDigest:
        """Put the manifest together: what lies in one directory without others stands together in it."""
        parts: list[tuple[bytes, bytes]] = []
        size = count = 0
        for path, folder in self._folders():
            size += folder.size
            count += folder.files
            if path in self._with_folders:
                parts += folder.parts(path)
            else:
                parts.append((path, folder.manifest(path)))
        parts.sort()
        size += sum(reading.more for reading in self._read.values())
        manifest = b"".join([lines for _, lines in parts])
        return TreeDigest(Digest(DigestKind.TREE, hashlib.sha256(manifest).hexdigest()), size, count, manifest)

    def _folders(self) -> Iterator[tuple[bytes, KnownFolder]]:
        for path in self.unchanged:
            yield path, self._known[path]
        for path, reading in self._read.items():
            listing = reading.listing
            folder = KnownFolder.from_lines(listing.names, listing.states, reading.lines.values())
            self._whole[path] = folder
            yield path, folder

    def to_remember(self, now: int) -> dict[bytes, KnownFolder]:
        """Return what was read and held still, by directory; what did not is left out, and so read again."""
        fresh = {}
        for path, reading in self._read.items():
            folder = self._whole[path]
            restless = reading.moved | {name for name, stamp in reading.fresh.items() if not is_settled(stamp, now)}
            if len(restless) < folder.files:
                fresh[path] = folder.without(restless) if restless else folder
        return fresh

    def _done(self, size: int) -> None:
        if self._progress and size:
            self._progress(size)


def tree_of(hashes: Collection[tuple[bytes, str]], size: int) -> TreeDigest:
    """Return the digest of a tree whose files were hashed one by one, wherever they lie.

    Parameters
    ----------
    hashes
        Path inside the tree (links with their suffix) and SHA-256 of each entry.
    size
        Bytes of all files together.
    """
    manifest = write_manifest(hashes)
    digest = Digest(DigestKind.TREE, hashlib.sha256(manifest).hexdigest())
    return TreeDigest(digest, size, len(hashes), manifest)


def hash_files(
    root: bytes, files: Iterable[Found], workers: int | None = None
) -> Iterator[list[tuple[Found, FileHash]]]:
    """Hash files of a tree, batch by batch, in threads where that helps, while the walk goes on.

    Threads help where there are many bytes to hash (hashing releases the interpreter's lock) or a disk or
    network to wait for. Small files already in memory are all system calls: threads only fight for the lock.

    The first error ends all: batches not begun are dropped, so that it shows at once.
    """
    batches = _batches(files)
    first = next(batches, None)
    if first is None:
        return
    threads = workers or processors()
    must_wait = False
    from concurrent.futures import ThreadPoolExecutor  # one file needs none

    with ThreadPoolExecutor(threads, thread_name_prefix="digest") as pool:
        running: deque[Future[list[tuple[Found, FileHash]]]] = deque()
        try:
            for batch in chain([first], batches):
                if must_wait or _is_large(batch):
                    running.append(pool.submit(_hash_batch, root, batch))
                else:
                    wall, cpu = time.perf_counter(), time.thread_time()
                    yield _hash_batch(root, batch)
                    must_wait = time.thread_time() - cpu < 0.5 * (time.perf_counter() - wall)
                # Enough ahead to keep the threads busy, without a million files in memory at once.
                while len(running) > 4 * threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _is_large(batch: list[Found]) -> bool:
    return sum(found.stamp.size for found in batch) > _LARGE_FILE_BYTES * len(batch)


def _batches(files: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for found in files:
        batch.append(found)
        size += found.stamp.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hash_batch(root: bytes, batch: list[Found]) -> list[tuple[Found, FileHash]]:
    prefix = root.rstrip(b"/") + b"/"
    return [(found, hash_file(prefix + found.path, found.stamp.size)) for found in batch]


def link_hash(root: bytes, path: bytes) -> str:
    """Return the SHA-256 of a symbolic link's target, as it is written."""
    link = os.path.join(root, path)  # noqa: PTH118 - bytes: a name need not be text
    try:
        return hashlib.sha256(os.readlink(link)).hexdigest()  # noqa: PTH115
    except OSError as error:
        raise reading_failed(error, link) from error


def hash_link(root: bytes, found: Found) -> FileHash:
    """Return the same as :func:`link_hash`, with the link's own size and stamp thereafter."""
    digest = link_hash(root, found.path)
    link = os.path.join(root, found.path)  # noqa: PTH118 - bytes: a name need not be text
    try:
        status = os.lstat(link)
    except OSError as error:
        raise reading_failed(error, link) from error
    return FileHash(digest, status.st_size, Stamp.from_stat(status))


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # a cluster job may use fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
