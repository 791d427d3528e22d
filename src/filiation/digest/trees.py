"""The digest of a directory tree: every file's SHA-256 in one manifest, and the manifest's SHA-256.

Specified in ``docs/reference/tree-digest.md``; the coreutils compute the same.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filiation.digest.files import FileHash, Stamp, hash_file, reading_failed
from filiation.digest.manifest import SYMLINK_SUFFIX, write_manifest
from filiation.digest.walk import Found, refuse_special, walk
from filiation.model import Digest, DigestKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from filiation.digest.cache import DigestCache

# One task for a thread: many small files or a few large ones, so that handing over costs little.
_BATCH_FILES = 256
_BATCH_BYTES = 16 << 20
_LARGE_FILE_BYTES = 64 << 10
_UNKNOWN: tuple[Stamp | None, str] = (None, "")


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
    prefix = base.rstrip(b"/") + b"/"
    known = cache.find_tree(base) if cache else {}
    hashes: list[tuple[bytes, str]] = []
    fresh: list[tuple[bytes, Stamp, str]] = []
    size = 0

    def survey() -> Iterator[Found]:
        """Settle links and known files on the way; hand on what must be read."""
        nonlocal size
        for found in walk(base):
            status = found.status
            # First what nearly all files are when little has changed: known, with the stamp that they had.
            stamp, digest = known.pop(found.path, _UNKNOWN)
            if stamp == (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino) and found.is_file:
                hashes.append((found.path, digest))
                size += status.st_size
                if progress:
                    progress(status.st_size)
            elif found.is_symlink:
                hashes.append((found.path + SYMLINK_SUFFIX, link_hash(base, found.path)))
            elif not found.is_file:
                refuse_special(base, found)
            else:
                yield found

    for batch in hash_files(base, survey(), workers):
        for found, result in batch:
            hashes.append((found.path, result.hex))
            size += result.size
            if cache and result.stamp == Stamp.from_stat(found.status):
                fresh.append((prefix + found.path, result.stamp, result.hex))
        if progress:
            progress(sum(result.size for _, result in batch))

    if cache:
        cache.remember(fresh)
        cache.forget(prefix + path for path in known)
    return tree_of(hashes, size)


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
    threads = workers or _processors()
    must_wait = False
    from concurrent.futures import ThreadPoolExecutor  # one file needs none

    with ThreadPoolExecutor(threads, thread_name_prefix="digest") as pool:
        running: deque[Future[list[tuple[Found, FileHash]]]] = deque()
        try:
            for batch in _batches(files):
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
    return sum(found.status.st_size for found in batch) > _LARGE_FILE_BYTES * len(batch)


def _batches(files: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for found in files:
        batch.append(found)
        size += found.status.st_size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hash_batch(root: bytes, batch: list[Found]) -> list[tuple[Found, FileHash]]:
    prefix = root.rstrip(b"/") + b"/"
    return [(found, hash_file(prefix + found.path, found.status.st_size)) for found in batch]


def link_hash(root: bytes, path: bytes) -> str:
    """Return the SHA-256 of a symbolic link's target, as it is written."""
    link = os.path.join(root, path)  # noqa: PTH118 - bytes: a name need not be text
    try:
        return hashlib.sha256(os.readlink(link)).hexdigest()  # noqa: PTH115
    except OSError as error:
        raise reading_failed(error, link) from error


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # a cluster job may use fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
