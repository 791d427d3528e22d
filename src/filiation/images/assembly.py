"""One store for a viewer: an image with its labels and tables, linked from the stores they were made in.

The image and label stores are only read. Their chunks are hard-linked, so the store costs next to no space, or copied
where the file system cannot link. The metadata files that must differ are written anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import zarr

from filiation.errors import BadInputError
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.object_boxes import BOXES, box_table_attributes
from filiation.images.ome_zarr import replaced_when_whole
from filiation.images.store_format import WRITTEN_VERSIONS, StoreFormat
from filiation.images.tables import feature_table_attributes, read_table

_METADATA = {"0.4": (".zgroup", ".zattrs"), "0.5": ("zarr.json",)}
"""OME-Zarr version -> the files of a group."""
_JsonDict: TypeAlias = dict[str, Any]


def assemble(
    path: Path,
    image: Path,
    labels: Mapping[str, Path],
    tables: Mapping[str, Path] | None = None,
    boxes: Mapping[str, Path] | None = None,
) -> None:
    """Write an OME-Zarr store with an image, its label images and their tables.

    Parameters
    ----------
    path
        The store to make.
    image
        An OME-Zarr image store, 0.4 or 0.5.
    labels
        Name -> a label image store of the same image, and of the same version.
    tables
        Name of a label image -> a Parquet file with a column ``label``, one row for each object.
    boxes
        Name of a label image -> the Parquet file of its objects' boxes (:func:`box_table`); the table is called
        ``<name>_boxes``.

    Raises
    ------
    BadInputError
        If the stores are of several versions, or of one that is not written, a table goes with no label image, or
        ``path`` is there already.
    NotFoundError
        If one of them does not exist.
    """
    tables, boxes = tables or {}, boxes or {}
    raw = _must_be_written(open_multiscale(image))
    form = StoreFormat.like(raw)
    opened = {name: _must_be_written(open_multiscale(store), form.version) for name, store in labels.items()}
    for name, table in (*tables.items(), *boxes.items()):
        if name not in labels or "label" not in read_table(table).column_names:
            raise BadInputError(
                f"The table {table} is to go with the label image {name!r}; it needs a column 'label', and the label "
                f"image must be one of {', '.join(labels) or '(none)'}."
            )
    with replaced_when_whole(path) as store:
        _link_multiscale(raw, store)
        group = zarr.open_group(store, mode="r+", use_consolidated=False)
        listing = form.attributes({"version": form.version, "labels": list(labels)})
        group.create_group("labels", attributes=listing)
        for name, label_store in opened.items():
            _link_multiscale(label_store, store / "labels" / name)
            with _rewritten_block(store / "labels" / name, form) as block:
                # Inside the image's store, the image is two folders up.
                block.setdefault("image-label", {"version": form.version})["source"] = {"image": "../../"}
        described = {name: (table, feature_table_attributes(name)) for name, table in tables.items()}
        described |= {f"{name}_{BOXES}": (table, box_table_attributes(name)) for name, table in boxes.items()}
        if described:
            _add_tables(group, store, described)


def _must_be_written(store: Multiscale, version: str = "") -> Multiscale:
    if store.version not in WRITTEN_VERSIONS or (version and store.version != version):
        wanted = version or " or ".join(WRITTEN_VERSIONS)
        raise BadInputError(
            f"{store.where} is OME-Zarr {store.version}; a store is assembled from {wanted}. Fetch it first."
        )
    return store


def _add_tables(group: zarr.Group, store: Path, tables: Mapping[str, tuple[Path, dict[str, Any]]]) -> None:
    group.create_group("tables", attributes={"tables": list(tables)})
    for name, (table, attributes) in tables.items():
        group.create_group(f"tables/{name}", attributes=attributes)
        _link(table, store / "tables" / name / "table.parquet")


@contextmanager
def _rewritten_block(store: Path, form: StoreFormat) -> Iterator[_JsonDict]:
    """Give a group's OME metadata to change; its file is written anew, since it is a hard link to another store's."""
    metadata = store / ("zarr.json" if form.zarr_format == 3 else ".zattrs")
    content: _JsonDict = json.loads(metadata.read_text("utf-8"))
    yield content["attributes"]["ome"] if form.zarr_format == 3 else content
    metadata.unlink()
    metadata.write_text(json.dumps(content, indent=2), "utf-8")


def _link_multiscale(source: Multiscale, target: Path) -> None:
    target.mkdir(parents=True)
    for name in _METADATA[source.version]:
        _link(source.path / name, target / name)
    for level in source.levels:
        for folder, _folders, files in os.walk(source.path / level.path):
            here = target / Path(folder).relative_to(source.path)
            here.mkdir(parents=True, exist_ok=True)
            for file in files:
                _link(Path(folder) / file, here / file)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)


def annotate_labels(path: Path, labels: Path, properties: Mapping[int, Mapping[str, int]]) -> None:
    """Write a label image's store once more, with more known of its objects; the store it comes from stays as it is.

    Parameters
    ----------
    path
        The store to make.
    labels
        An OME-Zarr label image, 0.4 or 0.5.
    properties
        Label value -> key -> value, for ``image-label.properties``; what is there under other keys stays.

    Raises
    ------
    BadInputError
        If ``labels`` is no such label image, or ``path`` is there already.
    NotFoundError
        If there is no label image.
    """
    source = _must_be_written(open_multiscale(labels))
    if source.image_label is None:
        raise BadInputError(f"{labels} is an image, not a label image: it has no 'image-label' metadata.")
    rows = {int(row["label-value"]): dict(row) for row in source.image_label.get("properties") or ()}
    for value in properties:
        rows.setdefault(value, {"label-value": value}).update(properties[value])
    with replaced_when_whole(path) as store:
        _link_multiscale(source, store)
        with _rewritten_block(store, StoreFormat.like(source)) as whole:
            block = whole["image-label"]
            block["properties"] = [rows[value] for value in sorted(rows)]
            if source.source is not None and (image := (labels / source.source).resolve()).exists():
                block["source"] = {"image": Path(os.path.relpath(image, path.resolve())).as_posix()}
