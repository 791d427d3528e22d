"""Stores in an object store or a ZIP file, with what :func:`check_store` reads of them laid out as a folder.

All metadata are fetched, and the full resolution of those label images whose objects rows describe; no other pixel.
They lie in a temporary folder under the path that the store has where it is, and so do the metadata of what label
images name as their source beside the store: so a path from one to the other leads as it does there.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from filiation.digest.zipped import is_zip, look_through
from filiation.errors import NotFoundError
from filiation.images.conformance.checking import check_store
from filiation.images.conformance.findings import Finding
from filiation.images.conformance.groups import RawGroup, first, mapping, read_group
from filiation.images.conformance.label_rules import DEFAULT_SOURCE, described
from filiation.images.object_store import ObjectPlace, object_names, read_objects

METADATA: Final = ("zarr.json", ".zgroup", ".zattrs", ".zarray")
_Read = Callable[[Sequence[str]], Iterable[tuple[str, bytes]]]


def check_place(place: Path | ObjectPlace, *, pixels: bool = True) -> tuple[Finding, ...]:
    """Check a store wherever it lies: in a folder, in a ZIP file or in an object store; it is only read.

    Parameters
    ----------
    place
        The folder, the file, or the place in the object store.
    pixels
        As for :func:`check_store`, which also says what is raised.

    Raises
    ------
    AccessError, ServerError, MissingExtraError
        If the object store refuses, cannot be reached, or the extra ``s3`` is not installed.
    """
    if isinstance(place, Path) and not is_zip(place):
        return check_store(place, pixels=pixels)
    with tempfile.TemporaryDirectory(prefix="filiation-conform-") as folder:
        root = Path(folder).resolve()
        copy = _ZipCopy(root, place) if isinstance(place, Path) else _ObjectCopy(root, place)
        copy.lay_out(pixels=pixels)
        findings = check_store(copy.folder, pixels=pixels)
        return tuple(replace(each, found=each.found.replace(f"{root}/", copy.before)) for each in findings)


@dataclass(frozen=True, slots=True)
class _ZipCopy:
    """A store in a ZIP file; its sources may lie beside the file."""

    root: Path
    place: Path

    before = "/"

    @property
    def folder(self) -> Path:
        return self.root / str(self.place.absolute()).lstrip("/")

    def lay_out(self, *, pixels: bool) -> None:
        look_through(self.place)
        with zipfile.ZipFile(self.place) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            _lay_out(self.folder, names, lambda some: ((name, archive.read(name)) for name in some), pixels=pixels)
        for outside in _sources_outside(self.root, self.folder):
            there = Path("/") / outside.relative_to(self.root)
            if there.is_dir() and not outside.exists():
                outside.parent.mkdir(parents=True, exist_ok=True)
                outside.symlink_to(there)


@dataclass(frozen=True, slots=True)
class _ObjectCopy:
    """A store in an object store; its sources may lie in the same bucket."""

    root: Path
    place: ObjectPlace

    before = "s3://"

    @property
    def folder(self) -> Path:
        return self.root / self.place.bucket / self.place.key

    def lay_out(self, *, pixels: bool) -> None:
        self._fetch(self.place, pixels=pixels)
        for outside in _sources_outside(self.root, self.folder):
            bucket, _, key = outside.relative_to(self.root).as_posix().partition("/")
            if bucket == self.place.bucket and key:
                self._fetch(ObjectPlace(bucket, key), pixels=False)

    def _fetch(self, place: ObjectPlace, *, pixels: bool) -> None:
        names = object_names(place)
        if not names and place == self.place:
            raise NotFoundError(f"There is nothing at {place}: no object has a key that begins with {place.key}/.")
        folder = self.root / place.bucket / place.key
        _lay_out(folder, names, lambda some: read_objects(place, some), pixels=pixels)


def _lay_out(folder: Path, names: Sequence[str], read: _Read, *, pixels: bool) -> None:
    plain = [name for name in names if not {"", ".", ".."} & set(name.split("/"))]
    _keep(folder, read([name for name in plain if name.rpartition("/")[2] in METADATA]))
    if pixels:
        arrays = {f"{array}/" for array in _described_arrays(folder)}
        beneath = [name for name in plain if any(name.startswith(array) for array in arrays)]
        _keep(folder, read([name for name in beneath if name.rpartition("/")[2] not in METADATA]))


def _keep(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    for name, content in files:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def _label_groups(folder: Path) -> Iterator[RawGroup]:
    for here, _, _ in os.walk(folder):
        group = read_group(Path(here))
        if group is not None and "image-label" in group.block:
            yield group


def _described_arrays(folder: Path) -> Iterator[str]:
    """Yield the full resolution, as a path in the store, of each label image that has rows for its objects."""
    for group in _label_groups(folder):
        block = mapping(group.block.get("image-label"))
        datasets = first(group.block.get("multiscales")).get("datasets")
        path = first(datasets).get("path")
        if path and (described(block, "properties") or described(block, "colors")):
            yield (group.path.relative_to(folder) / str(path)).as_posix()


def _sources_outside(root: Path, folder: Path) -> set[Path]:
    """Return where label images say that their sources are, as far as that is beyond the store."""
    found = set()
    for group in _label_groups(folder):
        written = mapping(mapping(group.block.get("image-label")).get("source")).get("image")
        place = Path(os.path.normpath(group.path / str(written or DEFAULT_SOURCE)))
        if not place.is_relative_to(folder) and place.is_relative_to(root):
            found.add(place)
    return found
