"""The bounding boxes of a label image's objects, and as a table of regions of interest in the layout that ngio reads.

No OME-Zarr version defines tables yet; ngio's masking ROI table, version 1, is what readers have
(https://biovisioncenter.github.io/ngio/stable/table_specs/table_types/masking_roi_table/).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.images.extents import Survey, survey

BOXES: Final = "boxes"
"""What a table of boxes is called in a store, after the name of its label image."""
_Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ObjectBox:
    """Where an object lies.

    Parameters
    ----------
    label
        Its value.
    start, stop
        Along each axis, in pixels; ``stop`` is not part of it.
    """

    label: int
    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def region(self) -> tuple[slice, ...]:
        """The box as an index into the label image."""
        return tuple(slice(first, last) for first, last in zip(self.start, self.stop, strict=True))


def boxes_of(labels: Path) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Yield label and box of each object of the OME-Zarr label image at ``labels``; raises as :func:`box_table`."""
    for box in object_boxes(survey(labels)):
        yield box.label, box.region


def object_boxes(seen: Survey) -> Iterator[ObjectBox]:
    """Yield the box of each object that a survey found, over all planes that it is on, in order of label."""
    labels, start, stop = _corners(seen)
    for row, label in enumerate(labels.tolist()):
        yield ObjectBox(label, tuple(start[row].tolist()), tuple(stop[row].tolist()))


def box_table(labels: Path) -> pa.Table:
    """Return the boxes of the objects of the OME-Zarr label image at ``labels`` as an ngio masking ROI table.

    Columns: ``label``; ``x_micrometer``, ``y_micrometer`` and ``z_micrometer``, the box's near corner, with 0 at the
    border of the image's first pixel; ``len_x_micrometer`` and so on, its lengths; with a time axis also ``t_second``
    and ``len_t_second``. ngio takes them in the image's own unit, whatever it is; a field's metadata tell it under
    ``unit``. Without an axis z, an object is one unit thick.

    Raises
    ------
    NotFoundError
        If there is nothing at ``labels``.
    BadInputError
        If it is no OME-Zarr label image, or a chunk is damaged.
    """
    seen = survey(labels)
    values, start, stop = _corners(seen)
    store, lengths = seen.store, stop - start
    near, far = [], []
    for axis, name in (("x", "micrometer"), ("y", "micrometer"), ("z", "micrometer"), ("t", "second")):
        if axis in store.axes:
            number = store.axes.index(axis)
            step, unit = store.full.scale[number], store.units[number]
            near.append(_column(f"{axis}_{name}", start[:, number] * step, unit))
            far.append(_column(f"len_{axis}_{name}", lengths[:, number] * step, unit))
        elif axis == "z":
            near.append(_column("z_micrometer", np.zeros(len(values)), ""))
            far.append(_column("len_z_micrometer", np.ones(len(values)), ""))
    columns = [_column("label", values, ""), *near, *far]
    return pa.table([values for _, values in columns], schema=pa.schema([field for field, _ in columns]))


def box_table_attributes(labels_name: str) -> dict[str, Any]:
    """Return the group attributes of a table of boxes over the label image ``labels/<labels_name>``."""
    return {
        "type": "masking_roi_table",
        "table_version": "1",
        "backend": "parquet",
        "index_key": "label",
        "index_type": "int",
        "region": {"path": f"../labels/{labels_name}"},
        "instance_key": "label",
    }


def _corners(seen: Survey) -> tuple[_Whole, _Whole, _Whole]:
    """Return the labels, and the first and last corner of each one's box along all axes."""
    rows, lead = seen.rows, seen.store.full.array.shape[:-2]
    if not len(rows):
        none = np.zeros((0, len(seen.store.axes)), np.int64)
        return np.zeros(0, np.int64), none, none
    labels, first = np.unique(rows[:, 0], return_index=True)
    planes = np.stack(np.unravel_index(rows[:, 1], lead), axis=1) if lead else np.zeros((len(rows), 0), np.int64)
    near = np.concatenate([planes, rows[:, 2:4]], axis=1).astype(np.int64)
    far = np.concatenate([planes + 1, rows[:, 4:6]], axis=1).astype(np.int64)
    return labels, np.minimum.reduceat(near, first), np.maximum.reduceat(far, first)


def _column(name: str, values: npt.NDArray[Any], unit: str) -> tuple[pa.Field, pa.Array]:
    array = pa.array(values)
    return pa.field(name, array.type, nullable=False, metadata={"unit": unit} if unit else None), array
