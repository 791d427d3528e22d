"""One store for a viewer: an image with its labels and tables, linked from the stores they were made in.

The image and label stores are only read. Their chunks are hard-linked, so the store costs next to no space, or copied
where the file system cannot link. The metadata files that must differ are written anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from filiation.errors import BadInputError
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.object_boxes import BOXES, box_table_attributes
from filiation.images.ome_blocks import VERSION
from filiation.images.ome_zarr import replaced_when_whole
from filiation.images.tables import feature_table_attributes, read_table


def assemble(
    path: Path,
    image: Path,
    labels: Mapping[str, Path],
    tables: Mapping[str, Path] | None = None,
    boxes: Mapping[str, Path] | None = None,
) -> None:
    """Write an OME-Zarr 0.5 store with an image, its label images and their tables.

    Parameters
    ----------
    path
        The store to make.
    image
        An OME-Zarr 0.5 image store.
    labels
        Name -> an OME-Zarr 0.5 label image store of the same image.
    tables
        Name of a label image -> a Parquet file with a column ``label``, one row for each object.
    boxes
        Name of a label image -> the Parquet file of its objects' boxes (:func:`box_table`); the table is called
        ``<name>_boxes``.

    Raises
    ------
    BadInputError
        If a store is not OME-Zarr 0.5, a table goes with no label image, or ``path`` is there already.
    NotFoundError
        If one of them does not exist.
    """
    tables, boxes = tables or {}, boxes or {}
    raw = _must_be_current(open_multiscale(image))
    opened = {name: _must_be_current(open_multiscale(store)) for name, store in labels.items()}
    for name, table in (*tables.items(), *boxes.items()):
        if name not in labels or "label" not in read_table(table).column_names:
            raise BadInputError(
                f"The table {table} is to go with the label image {name!r}; it needs a column 'label', and the label "
                f"image must be one of {', '.join(labels) or '(none)'}."
            )
    with replaced_when_whole(path) as store:
        _link_multiscale(raw, store)
        group = zarr.open_group(store, mode="r+")
        listing = {"ome": {"version": VERSION, "labels": list(labels)}}
        group.create_group("labels", attributes=listing)
        for name, label_store in opened.items():
            _link_multiscale(label_store, store / "labels" / name)
            _point_to_image(store / "labels" / name / "zarr.json")
        described = {name: (table, feature_table_attributes(name)) for name, table in tables.items()}
        described |= {f"{name}_{BOXES}": (table, box_table_attributes(name)) for name, table in boxes.items()}
        if described:
            _add_tables(group, store, described)


def _must_be_current(store: Multiscale) -> Multiscale:
    if store.version != VERSION:
        raise BadInputError(
            f"{store.path} is OME-Zarr {store.version}; a store is assembled from {VERSION}. Fetch it first."
        )
    return store


def _add_tables(group: zarr.Group, store: Path, tables: Mapping[str, tuple[Path, dict[str, Any]]]) -> None:
    group.create_group("tables", attributes={"tables": list(tables)})
    for name, (table, attributes) in tables.items():
        group.create_group(f"tables/{name}", attributes=attributes)
        _link(table, store / "tables" / name / "table.parquet")


def _point_to_image(metadata: Path) -> None:
    """Rewrite a label image's metadata file: inside the image's store, the image is two folders up."""
    content: dict[str, Any] = json.loads(metadata.read_text("utf-8"))
    content["attributes"]["ome"].setdefault("image-label", {"version": VERSION})["source"] = {"image": "../../"}
    _replace(metadata, content)


def _link_multiscale(source: Multiscale, target: Path) -> None:
    target.mkdir(parents=True)
    _link(source.path / "zarr.json", target / "zarr.json")
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
        An OME-Zarr 0.5 label image.
    properties
        Label value -> key -> value, for ``image-label.properties``; what is there under other keys stays.

    Raises
    ------
    BadInputError
        If ``labels`` is no OME-Zarr 0.5 label image, or ``path`` is there already.
    NotFoundError
        If there is no label image.
    """
    source = _must_be_current(open_multiscale(labels))
    if source.image_label is None:
        raise BadInputError(f"{labels} is an image, not a label image: it has no 'image-label' metadata.")
    rows = {int(row["label-value"]): dict(row) for row in source.image_label.get("properties") or ()}
    for value in properties:
        rows.setdefault(value, {"label-value": value}).update(properties[value])
    with replaced_when_whole(path) as store:
        _link_multiscale(source, store)
        metadata = store / "zarr.json"
        content: dict[str, Any] = json.loads(metadata.read_text("utf-8"))
        block = content["attributes"]["ome"]["image-label"]
        block["properties"] = [rows[value] for value in sorted(rows)]
        if source.source is not None and (image := (labels / source.source).resolve()).exists():
            block["source"] = {"image": Path(os.path.relpath(image, path.resolve())).as_posix()}
        _replace(metadata, content)


def _replace(metadata: Path, content: Mapping[str, Any]) -> None:
    """Write a metadata file anew: it is a hard link, and writing into it would change the store it comes from."""
    metadata.unlink()
    metadata.write_text(json.dumps(content, indent=2), "utf-8")
