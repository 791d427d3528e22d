"""A store looked through: an image with its labels, a label image, a plate, or a collection of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from filiation.errors import BadInputError
from filiation.images.conformance.findings import Finding
from filiation.images.conformance.groups import GROUP_FILES, RawGroup, mapping, read_group, sequence
from filiation.images.conformance.image_rules import VERSIONS, image_rules, version_of, version_rule
from filiation.images.conformance.label_rules import label_rules
from filiation.images.multiscale import open_group


def check_store(path: Path, *, pixels: bool = True) -> tuple[Finding, ...]:
    """Check an OME-Zarr store of version 0.4 or 0.5: an image with its labels, a label image, a plate, a collection.

    ``docs/how-to/check-stores.md`` lists what is looked for.

    Parameters
    ----------
    path
        The store.
    pixels
        Whether the pixels of label images are read where rows describe their objects, block by block.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no Zarr group, or one that holds no OME-Zarr metadata.
    """
    open_group(path)  # says what is wrong with what is no group at all
    root = read_group(path)
    if root is None or not {"multiscales", "plate", "well", "labels", "bioformats2raw.layout"} & set(root.block):
        raise BadInputError(f"{path} is no OME-Zarr image, plate or list of labels: its group has no such metadata.")
    return tuple(_Check(path, version_of(root) or VERSIONS[root.zarr_format], pixels).group(root))


class _Check:
    """One store being looked through: its root, the version it is of, and whether pixels are read."""

    def __init__(self, root: Path, version: str, pixels: bool) -> None:
        self._root = root
        self._version = version
        self._pixels = pixels

    def group(self, group: RawGroup) -> Iterator[Finding]:
        """Yield what is wrong with a group and all below it."""
        block = group.block
        where = self._where(group.path)
        if "bioformats2raw.layout" in block:
            yield from self._series(group)
            return
        if group.zarr_format == 3 or "labels" not in block:  # a list of 0.4 has no place for a version
            yield from version_rule(group, where, self._version)
        if "plate" in block:
            wells = [mapping(well).get("path") for well in sequence(mapping(block["plate"]).get("wells"))]
            yield from self._members(group, [str(path) for path in wells], "well-missing")
        elif "well" in block:
            images = [mapping(image).get("path") for image in sequence(mapping(block["well"]).get("images"))]
            yield from self._members(group, [str(path) for path in images], "image-missing")
        elif "multiscales" in block:
            yield from self._image(group)
        elif "labels" in block:
            yield from self._listed(group)

    def _series(self, group: RawGroup) -> Iterator[Finding]:
        listing = read_group(group.path / "OME")
        series = sequence(listing.block.get("series")) if listing is not None else ()
        names = [str(name) for name in series] or sorted(
            (found.name for found in group.path.iterdir() if found.name.isdecimal()), key=int
        )
        yield from self._members(group, names, "image-missing")

    def _members(self, group: RawGroup, names: list[str], fault: str) -> Iterator[Finding]:
        for name in names:
            member = read_group(group.path / name)
            if member is None:
                yield Finding(fault, self._where(group.path), f"no group is at {name!r}, which is listed", "a group")
            else:
                yield from self.group(member)

    def _image(self, group: RawGroup) -> Iterator[Finding]:
        where = self._where(group.path)
        yield from image_rules(group, where)
        if "image-label" in group.block:
            yield from label_rules(group, where, self._version, pixels=self._pixels)
        folder = group.path / "labels"
        if folder.is_dir():
            labels = read_group(folder) or RawGroup(folder, group.zarr_format, {})
            if labels.zarr_format == 3:  # a list of 0.4 has no place for a version
                yield from version_rule(labels, self._where(folder), self._version)
            yield from self._listed(labels)

    def _listed(self, group: RawGroup) -> Iterator[Finding]:
        """Yield what is wrong with a list of label images, and with them."""
        where = self._where(group.path)
        listed = [str(name) for name in sequence(group.block.get("labels"))]
        found = _label_groups(group.path)
        for name in sorted(found - set(listed)):
            said = ", ".join(listed) or "nothing"
            yield Finding(
                "not-listed",
                f"{where}/{name}",
                f"it is on disk, but 'labels' lists {said}",
                "every label image",
                (name,),
            )
        for name in sorted(found | set(listed)):
            label = read_group(group.path / name)
            if label is None or "multiscales" not in label.block:
                yield Finding("listed-missing", f"{where}/{name}", "no label image is there", "a label image")
                continue
            yield from version_rule(label, f"{where}/{name}", self._version)
            yield from image_rules(label, f"{where}/{name}")
            yield from label_rules(label, f"{where}/{name}", self._version, pixels=self._pixels)

    def _where(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _label_groups(folder: Path) -> set[str]:
    """Return the label images under a ``labels`` folder; their names may have several parts."""
    found: set[str] = set()
    for here, folders, files in os.walk(folder):
        if Path(here) != folder and set(GROUP_FILES) & set(files):
            group = read_group(Path(here))
            if group is not None and "multiscales" not in group.block:
                continue  # a group between the list and its label images
            found.add(Path(here).relative_to(folder).as_posix())
            folders.clear()  # what is below are its levels
    return found
