"""A crate in a ZIP archive (``.zip``, ``.crate.zip``, ``.eln``): looked through whole, then unpacked, or refused.

Whoever made the archive: nothing is written before every name, size and kind in it has been looked at, and nothing is
ever written outside the folder that it is unpacked into. What is refused here is what unpackers are attacked with
(zip slip, bombs, links, names that are one file for one program and another for the next).
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import unquote

from filiation.errors import InvalidCrateError

MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""What a ZIP archive begins with; the second if it holds nothing."""

METADATA_NAMES: Final = ("ro-crate-metadata.json", "ro-crate-metadata.jsonld")
"""The metadata file since RO-Crate 1.1, and in 1.0."""

_LINE: Final = 1 << 20
_HEADER: Final = 30
_A_MEMBER: Final = 160  # bytes of the directory; with longer names fewer fit
_TAIL: Final = 22 + 65_535 + 76  # end of directory, its comment, and the larger ones before it
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_KNOWN_PACKING: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Parameters
    ----------
    members
        Files and folders.
    bytes
        All of them unpacked.
    ratio
        Bytes unpacked for one byte packed, over the whole archive.
    harmless
        Bytes unpacked up to which the ratio does not matter: a metadata file is repetitive.
    """

    members: int = 1_000_000
    bytes: int = 1 << 40
    ratio: int = 200
    harmless: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, and where it belongs in the crate."""

    info: zipfile.ZipInfo
    path: str


class CrateArchive:
    """A ZIP archive that has been looked through.

    Parameters
    ----------
    path
        The archive.
    archive
        The same, opened.
    members
        The files of the crate in it; what stands beside the crate's folder is left where it is.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, members: tuple[Member, ...]) -> None:
        self.path = path
        self._archive = archive
        self.members = members

    @classmethod
    @contextmanager
    def opened(cls, path: Path, limits: Limits | None = None) -> Iterator[CrateArchive]:
        """Open an archive and look through it; nothing is written.

        Raises
        ------
        InvalidCrateError
            If it is no ZIP archive, damaged, holds more than the limits, holds what no crate does, or holds no crate
            or several.
        """
        try:
            _check_directory(path, limits or Limits())
            with zipfile.ZipFile(path) as archive:
                infos = archive.infolist()
                _check_size(path, infos, limits or Limits())
                _check_names(path, infos)
                _check_places(path, archive, infos)
                yield cls(path, archive, _members(path, infos))
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, UnicodeDecodeError, NotImplementedError) as error:
            raise InvalidCrateError(f"{path} is a damaged ZIP archive: {error}.") from error

    def read_metadata(self, most: int) -> bytes:
        """Return the metadata file's content, of at most so many bytes."""
        (member,) = (member for member in self.members if member.path in METADATA_NAMES)
        if member.info.file_size > most:
            _refuse(self.path, f"{member.info.filename!r} has {member.info.file_size} bytes; at most {most} are read.")
        return b"".join(self._content(member))

    def unpack(self, folder: Path) -> None:
        """Unpack the crate into a new folder; the 1.0 name of its metadata becomes the one of today.

        Raises
        ------
        InvalidCrateError
            If what comes out is not what the archive said.
        OSError
            If there is no room on the disk.
        """
        whole = sum(member.info.file_size for member in self.members)
        folder.mkdir(parents=True)
        if whole > (free := shutil.disk_usage(folder).free):
            raise OSError(f"{self.path} unpacks to {whole} bytes, and {folder} has room for {free}")
        for member in self.members:
            place = folder / (METADATA_NAMES[0] if member.path in METADATA_NAMES else member.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            # A new file, or none: what would be written through is not there, since the folder is new.
            with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:  # noqa: PTH123 - flags
                for part in self._content(member):
                    file.write(part)

    def _content(self, member: Member) -> Iterator[bytes]:
        count = 0
        try:
            with self._archive.open(member.info) as content:
                while part := content.read(_LINE):
                    count += len(part)
                    yield part
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InvalidCrateError(f"{self.path}: {member.info.filename!r} cannot be unpacked: {error}.") from error
        except Exception as error:  # zlib and lzma have errors of their own
            raise InvalidCrateError(f"{self.path}: {member.info.filename!r} is damaged: {error}.") from error
        if count != member.info.file_size:
            _refuse(self.path, f"{member.info.filename!r} has {count} bytes, not {member.info.file_size} as it says.")


def _refuse(path: Path, what: str) -> NoReturn:
    raise InvalidCrateError(f"{path} is not unpacked: {what}")


def _check_directory(path: Path, limits: Limits) -> None:
    """See that the archive's directory, which is read as a whole, is no larger than so many members need."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _TAIL, 0))
        tail = file.read()
        where = tail.rfind(b"PK\x05\x06")
        if where < 0 or len(tail) < where + 22:
            return  # zipfile says what is wrong with it
        long = int.from_bytes(tail[where + 12 : where + 16], "little")
        if long == 0xFFFFFFFF and (wide := tail.rfind(b"PK\x06\x06")) >= 0:
            long = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    if long > limits.members * _A_MEMBER:
        _refuse(path, f"Its directory has {long} bytes; at most {limits.members} files are unpacked.")


def _check_size(path: Path, infos: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(infos) > limits.members:
        _refuse(path, f"It holds {len(infos)} files; at most {limits.members} are unpacked.")
    whole = sum(info.file_size for info in infos)
    if whole > limits.bytes:
        _refuse(path, f"It unpacks to {whole} bytes; at most {limits.bytes} are unpacked.")
    packed = max(path.stat().st_size, 1)
    if whole > limits.harmless and whole > limits.ratio * packed:
        _refuse(path, f"Its {packed} bytes unpack to {whole}, more than {limits.ratio} times as many: a ZIP bomb.")


def _check_names(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for info in infos:
        if reason := _fault(info):
            _refuse(path, f"{info.orig_filename[:200]!r} {reason}.")
        name = info.filename.rstrip("/")
        one = _one_spelling(name)
        taken = files if not info.is_dir() else {}
        if one in taken or (info.is_dir() and one in files) or (not info.is_dir() and one in folders):
            _refuse(path, f"{info.filename[:200]!r} is there twice, or differs only in how it is spelled.")
        if not info.is_dir():
            files[one] = name
        for folder in (*_above(name), *((name,) if info.is_dir() else ())):
            same = _one_spelling(folder)
            if same in files or folders.setdefault(same, folder) != folder:
                _refuse(path, f"{folder[:200]!r} is there twice, or differs only in how it is spelled.")


def _one_spelling(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _above(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _fault(info: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with a member, as the end of a sentence."""
    name, mode = info.orig_filename, info.external_attr >> 16
    parts = name.removesuffix("/").split("/")
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in _KNOWN_PACKING:
        return "is packed in a way that is not known"
    # Only the kind: a mode of 0 is what archives from other systems have.
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if "\\" in name or re.search(r"[\x00-\x1f\x7f]", name):
        return "holds a backslash or a control character"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if not name or any(part in ("", ".", "..") for part in parts) or ".." in unquote(unquote(name)).split("/"):
        return "is no path inside a folder"
    if len(name.encode("utf-8", "surrogatepass")) > 4096 or any(len(part.encode()) > 255 for part in parts):
        return "is too long a name"
    return None


def _check_places(path: Path, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    """See that no two members share bytes, and that each has before its bytes the name that the directory has."""
    end = archive.start_dir
    ordered = sorted(infos, key=lambda info: info.header_offset, reverse=True)
    with path.open("rb") as file:
        for info in ordered:
            file.seek(info.header_offset)
            header = file.read(_HEADER)
            if len(header) < _HEADER or header[:4] != MAGIC[0]:
                _refuse(path, f"{info.filename[:200]!r} is not where its directory says.")
            long, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
            name = file.read(long)
            if info.header_offset + _HEADER + long + extra + info.compress_size > end:
                _refuse(path, f"{info.filename[:200]!r} shares bytes with another file: a ZIP bomb.")
            utf8 = int.from_bytes(header[6:8], "little") & 0x800
            if name.decode("utf-8" if utf8 else "cp437", "replace") != info.orig_filename:
                _refuse(path, f"{info.filename[:200]!r} has another name in front of its content: {name[:200]!r}.")
            end = info.header_offset


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> tuple[Member, ...]:
    """Return the files of the one crate in the archive, whose metadata is at the top or in one folder there."""
    files = [info for info in infos if not info.is_dir()]
    found = {info.filename: info for info in files if info.filename.rpartition("/")[2] in METADATA_NAMES}
    at_top = [name for name in found if "/" not in name]
    within = sorted({name.partition("/")[0] for name in found if name.count("/") == 1})
    if at_top:
        root = ""
    elif len(within) == 1:
        root = within[0] + "/"
    elif within:
        names = ", ".join(within[:5])
        _refuse(path, f"It holds {len(within)} crates ({names}). Unpack it, and name the folder that holds them.")
    else:
        _refuse(path, f"It holds no crate: there is no {METADATA_NAMES[0]} at its top, or in a folder there.")
    if sum(info.filename.removeprefix(root) in METADATA_NAMES for info in files if info.filename.startswith(root)) > 1:
        _refuse(path, f"It holds {METADATA_NAMES[0]} and {METADATA_NAMES[1]}; which one counts is not defined.")
    return tuple(Member(info, info.filename[len(root) :]) for info in files if info.filename.startswith(root))
