"""A tree in a ZIP file: looked through before anything is believed, and digested as if it were unpacked.

So a zipped store (``.ozx``, ``.zip``) and its unpacked copy have one tree digest. Whoever made the file: what lets one
program see other files than the next, what leads out of the tree and what unpacks beyond measure is refused.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filiation.digest.trees import TreeDigest, tree_of
from filiation.digest.walk import LEFT_OUT
from filiation.errors import BadInputError, NotFoundError

MOST_MEMBERS = 1_000_000
MOST_OF_ONE = 1 << 30
"""Bytes of a file, unpacked: a chunk or a shard is far smaller."""
MOST_RATIO, HARMLESS = 200, 64 << 20
"""Bytes unpacked for one packed, from so many bytes on: chunks are compressed already."""
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PIECE = 1 << 20


def is_zip(path: Path) -> bool:
    """Tell whether a file begins as a ZIP file does."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def digest_zip(path: Path, inside: str = "") -> TreeDigest:
    """Return the digest of the tree in a ZIP file, or of a folder in it: that of a folder it is unpacked into.

    Parameters
    ----------
    path
        The file.
    inside
        Path of the folder in it; all of it if left out.

    Raises
    ------
    NotFoundError
        If there is no such file, or nothing inside it has such a path.
    BadInputError
        If it is no ZIP file, is damaged, or :func:`look_through` refuses it.
    """
    with _told(path), zipfile.ZipFile(path) as archive:
        before = f"{inside}/" if inside else ""
        files = [info for info in _files(path, archive) if info.filename.startswith(before)]
        hashes = [(info.filename.removeprefix(before).encode("utf-8"), _hash(archive, info)) for info in files]
    if inside and not files:
        raise NotFoundError(f"There is nothing at {inside} in {path}.")
    return tree_of(hashes, sum(info.file_size for info in files))


def look_through(path: Path) -> None:
    """Look at every name, kind and size in a ZIP file; nothing is unpacked.

    Raises
    ------
    NotFoundError
        If there is no such file.
    BadInputError
        If it is no ZIP file, or holds what no store does: names that lead out of it or are there twice, links, what is
        encrypted or packed in a rare way, or more than can be meant.
    """
    with _told(path), zipfile.ZipFile(path) as archive:
        _files(path, archive)


def _files(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    files = [info for info in infos if not info.is_dir()]
    _check_sizes(path, infos)
    seen: set[str] = set()
    for info in infos:
        name, parts = info.filename, info.filename.removesuffix("/").split("/")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if (
            any(part in ("", ".", "..") for part in parts)
            or "\\" in name
            or ":" in parts[0]
            or name != info.orig_filename
        ):
            _refuse(path, f"the name {name!r}, which is no plain path inside it")
        if name in seen:
            _refuse(path, f"{name!r} twice")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _PACKED:
            _refuse(path, f"{name!r}, encrypted or packed in a way that is not read")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            _refuse(path, f"{name!r}, which is a link or no file")
        seen.add(name)
    return [info for info in files if info.filename.rpartition("/")[2] != LEFT_OUT.decode()]


def _check_sizes(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    whole = sum(info.file_size for info in infos)
    largest = max((info.file_size for info in infos), default=0)
    if len(infos) > MOST_MEMBERS:
        _refuse(path, f"{len(infos)} files; at most {MOST_MEMBERS} are read")
    if largest > MOST_OF_ONE:
        _refuse(path, f"a file of {largest} bytes; at most {MOST_OF_ONE} are read")
    if whole > HARMLESS and whole > MOST_RATIO * path.stat().st_size:
        _refuse(path, f"{whole} bytes in a file of {path.stat().st_size}, more than {MOST_RATIO} for one")


def _hash(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    digest = hashlib.sha256()
    with archive.open(info) as file:  # reads no more than the directory says, and compares its checksum
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _refuse(path: Path, what: str) -> None:
    raise BadInputError(f"{path} holds {what}. A store does not; ask whoever made it, or unpack it with care.")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file at {path}.") from error
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        EOFError,
        UnicodeDecodeError,
        NotImplementedError,
    ) as error:
        raise BadInputError(
            f"{path} is no ZIP file, or a damaged one: {error}. Copy it again from where it came."
        ) from error
