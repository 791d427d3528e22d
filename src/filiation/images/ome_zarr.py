"""Reading and writing OME-Zarr images and label images: the pixels and the physical sizes together.

Written is OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5/), on request 0.4; both are read, and 0.6. A store
is written beside its place and moved there when whole.
"""

from __future__ import annotations

import itertools
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from filiation.digest.trees import processors
from filiation.errors import AccessError, BadInputError
from filiation.images.chunk_files import ChunkFiles
from filiation.images.image import Image, LabelImage, Pixels
from filiation.images.multiscale import Multiscale, ZarrArray, open_multiscale
from filiation.images.ome_blocks import label_block, label_form, label_levels, multiscale_block, stem
from filiation.images.pyramid import (
    label_pyramid,
    plan_pyramid,
    shrink_by_mean,
    steps_between,
)
from filiation.images.rendering import omero_block
from filiation.images.store_format import DEFAULT_FORMAT, VERSION, Content, StoreFormat

_JsonDict: TypeAlias = dict[str, Any]


def read_image(path: Path) -> Image:
    """Read an OME-Zarr 0.4 or 0.5 image at full resolution.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image, or a chunk is damaged.
    """
    return image_of(open_multiscale(path))


def image_of(store: Multiscale) -> Image:
    """Read an open image at full resolution; raises as :func:`read_pixels`."""
    names = tuple(str(channel.get("label") or "") for channel in store.omero.get("channels", ()))
    image = Image(read_pixels(store), store.axes, store.full.scale, store.units, name=store.name)
    if any(names) and len(names) == image.channel_count:
        return Image(image.data, image.axes, image.scale, image.units, names, image.name)
    return image


def read_labels(path: Path) -> LabelImage:
    """Read an OME-Zarr 0.4 or 0.5 label image at full resolution.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image, has no ``image-label`` metadata, or a chunk is damaged.
    """
    store = open_multiscale(path)
    if store.image_label is None:
        raise BadInputError(f"{path} is an image, not a label image: it has no 'image-label' metadata.")
    properties = {
        int(row["label-value"]): {key: value for key, value in row.items() if key != "label-value"}
        for row in store.image_label.get("properties") or ()
        if len(row) > 1
    }
    return LabelImage(
        data=read_pixels(store),
        axes=store.axes,
        scale=store.full.scale,
        units=store.units,
        name=store.name,
        source=store.source,
        properties=properties or None,
    )


def read_pixels(
    store: Multiscale,
    region: tuple[slice, ...] = (),
    level: int = 0,
    threads: int | None = None,
    into: Pixels | None = None,
) -> Pixels:
    """Read the pixels of ``store`` at full resolution or another, or a region of them; see :func:`read_region`.

    Raises
    ------
    BadInputError
        If a chunk is damaged: its checksum is wrong, or it cannot be decoded; or if it does not fit into memory.
    AccessError
        If a part of it may not be read.
    """
    try:
        return read_region(store.levels[level].array, region, threads, into)
    except PermissionError as error:
        raise AccessError(f"{store.where} cannot be read: some of it is not for you. Ask whoever keeps it.") from error
    except (ValueError, RuntimeError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise BadInputError(
            f"{store.where} cannot be read at {_resolution(level)}: {error}. A chunk of it is damaged; restore the "
            "store or make it again."
        ) from error
    except MemoryError as error:
        raise BadInputError(
            f"{store.where} does not fit into memory: {store.full.array.shape} pixels of {store.full.array.dtype} need "
            f"{store.full.array.nbytes / 1e9:.1f} GB. Cut it into smaller images."
        ) from error


def _resolution(level: int) -> str:
    return f"resolution {level}" if level else "full resolution"


def read_region(
    array: ZarrArray, region: tuple[slice, ...], threads: int | None = None, into: Pixels | None = None
) -> Pixels:
    """Read a region of an array as numpy, every pixel or every few; all of it for an empty ``region``.

    Chunks are decoded in as many threads as are given, or as there are processors; into an array that is done with, if
    one is given and fits.
    """
    files = ChunkFiles.of(array)
    bounds = files.bounds(region) if files else None
    if files and bounds:
        return files.read(bounds, threads or processors(), into)
    pixels: Pixels = array[region if region else ...]  # type: ignore[assignment]
    return pixels


def write_region(array: ZarrArray, region: tuple[slice, ...], pixels: Pixels, threads: int | None = None) -> None:
    """Write a region of an array; chunks without a bit that is set are left out.

    Chunks are coded in as many threads as are given, or as there are processors.
    """
    files = ChunkFiles.of(array)
    bounds = files.bounds(region) if files else None
    if not (files and bounds and files.write(bounds, pixels, threads or processors())):
        array[region] = pixels


def write_image(path: Path, image: Image, form: StoreFormat = DEFAULT_FORMAT) -> None:
    """Write an image as an OME-Zarr store with lower resolutions.

    Parameters
    ----------
    path
        Where it will be.
    image
        Its pixels and their axes.
    form
        OME-Zarr version, and whether there are shards.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already.
    """
    levels = plan_pyramid(image.axes, image.shape, image.scale)
    pixels = [image.data]
    for finer, coarser in itertools.pairwise(levels):
        pixels.append(shrink_by_mean(pixels[-1], steps_between(finer, coarser)))
    block = {
        "version": VERSION,
        "multiscales": [multiscale_block(image.axes, image.units, levels, image.name or stem(path), "local mean")],
        "omero": omero_block(image, pixels[-1]),
    }
    with replaced_when_whole(path) as store:
        _write_store(store, image.axes, pixels, block, form, Content.IMAGE)


def write_labels(path: Path, labels: LabelImage, form: StoreFormat | None = None) -> None:
    """Write a label image as an OME-Zarr store of its own, whose root is both multiscale and ``image-label``.

    It gets the levels of the image that ``labels.source`` leads to, as the specification asks, and colours that
    depend on the label values alone.

    Parameters
    ----------
    path
        Where it will be.
    labels
        Its pixels, and what is known of the objects.
    form
        OME-Zarr version, and whether there are shards; those of the source if left out.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already, the source is there and has another shape or pixel size, or
        properties are given for a label that no pixel has.
    """
    levels = label_levels(path, labels)
    pixels = list(label_pyramid(labels.data, levels, labels.pyramid))
    block = label_block(path, labels, levels, labels.values, labels.properties or {})
    with replaced_when_whole(path) as store:
        _write_store(store, labels.axes, pixels, block, form or label_form(path, labels), Content.LABELS)


@contextmanager
def replaced_when_whole(path: Path) -> Iterator[Path]:
    """Give a folder to write into, beside ``path``; on success it becomes ``path``, on failure it is removed.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already. An empty folder is taken over.
    """
    beside = place_beside(path)
    shutil.rmtree(beside, ignore_errors=True)
    try:
        yield beside
        beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def place_beside(path: Path) -> Path:
    """Return where a store is written before it stands at ``path``.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already. An empty folder is taken over.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise BadInputError(f"{path} is there already; a store is never written to again. Remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.partial")


def _write_store(
    store: Path,
    axes: tuple[str, ...],
    pixels: Sequence[Pixels],
    block: _JsonDict,
    form: StoreFormat,
    content: Content,
) -> None:
    group = form.create_root(store)
    for number, data in enumerate(pixels):
        level = form.create_level(group, number, axes, data.shape, data.dtype, content)
        write_region(level, tuple(slice(0, length) for length in data.shape), data)
    form.finish(store, form.attributes(block))
