"""A crate as a folder of its own, or a ZIP archive that is the same bytes whenever and wherever it is made."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from filiation.crate import flush_tree
from filiation.publish.packages.holdings import Holding, Holdings, holdings_of
from filiation.publish.packages.package import Package, PackageSettings, appearing

_PART: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first day that a ZIP archive knows
_WORTH: Final = 0.95


def write_folder(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Copy a crate, byte for byte."""
    found = holdings_of(crate)
    with appearing(target) as making:
        copy_holdings(found, making, settings.progress)
        flush_tree(making)
    return Package(target, "folder", len(found.files), found.size, found.remarks())


def write_crate_zip(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate as a ZIP archive with the metadata file at its top, as RO-Crate asks for it."""
    found = holdings_of(crate)
    with appearing(target) as making:
        write_zip(making, found, progress=settings.progress)
    return Package(target, "zip", len(found.files), found.size, found.remarks())


def copy_holdings(found: Holdings, folder: Path, progress: Callable[[int], None]) -> None:
    """Copy all that a crate holds into a new folder."""
    folder.mkdir()
    for name in found.empty:
        (folder / name).mkdir(parents=True)
    for file in found.files:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.place, place, follow_symlinks=False)
        progress(file.size)


def write_zip(
    place: Path,
    found: Holdings,
    *,
    root: str = "",
    instead: Mapping[str, bytes] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write an archive: sorted by the bytes of names, without times, owners or modes, as large as it needs to be.

    Parameters
    ----------
    place
        A new file.
    found
        What goes into it.
    root
        The folder in it that all is put into, with ``/`` at its end; empty for the top.
    instead
        Contents in the place of what is on disk, and of files that are not there.
    progress
        Called with the number of bytes read since the last call.
    """
    texts = instead or {}
    names: dict[str, Holding | bytes] = {file.path: file for file in found.files} | dict(texts)
    with zipfile.ZipFile(place, "x", allowZip64=True) as archive:
        folders = [f"{root}{name}/" for name in found.empty]
        for name in sorted((*folders, *(root + name for name in names)), key=str.encode):
            if name.endswith("/"):
                archive.writestr(_entry(name, folder=True), b"")
                continue
            content = names[name.removeprefix(root)]
            if isinstance(content, bytes):
                _put(archive, name, (content,), len(content), content[:_SAMPLE])
            else:
                with content.place.open("rb") as file:
                    sample = file.read(_SAMPLE)
                    file.seek(0)
                    _put(archive, name, iter(lambda read=file.read: read(_PART), b""), content.size, sample)  # type: ignore[misc]
                progress(content.size)


def _put(archive: zipfile.ZipFile, name: str, parts: Iterable[bytes], size: int, sample: bytes) -> None:
    entry = _entry(name)
    entry.file_size = size  # with which zipfile knows whether the entry needs 64 bits
    # Chunks of images are packed already; packing them again takes time for nothing.
    packs = len(zlib.compress(sample, 1)) < _WORTH * len(sample)
    entry.compress_type = zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED
    with archive.open(entry, "w") as file:
        for part in parts:
            file.write(part)


def _entry(name: str, *, folder: bool = False) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, wherever it is written
    entry.external_attr = ((stat.S_IFDIR | 0o755) << 16 | 0x10) if folder else (stat.S_IFREG | 0o644) << 16
    return entry
