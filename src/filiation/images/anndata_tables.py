"""Tables of objects as AnnData, for those who work on with scverse's tools (https://anndata.readthedocs.io).

SpatialData's key words for which label image the rows are of (``spatialdata_attrs``, its design document, section
"Table") stand in ``uns``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from filiation.errors import BadInputError, MissingExtraError
from filiation.images.ome_zarr import replaced_when_whole

if TYPE_CHECKING:
    from anndata import AnnData

_LABEL: Final = "label"
_CENTROIDS: Final = ("centroid_x", "centroid_y", "centroid_z")


def write_anndata(path: Path, table: pa.Table, region: str) -> None:
    """Write a table of objects as AnnData, in HDF5 or in Zarr (version 3), as the name asks.

    ``X`` has a row for each object and a column for each number measured; ``obs`` has ``label`` and ``region``, ``var``
    the ``unit`` of each column, ``obsm["spatial"]`` the centroids (x, y and z where there is one) in their unit. A row
    is named by its label, ``17``, or where an object has several by its time point too, ``17 t0``.

    Parameters
    ----------
    path
        The file to write, named ``.h5ad``, or the folder, named ``.zarr``.
    table
        With a column ``label``, one row for each object.
    region
        Name of the label image.

    Raises
    ------
    BadInputError
        If it is named otherwise, something is in the folder's place already, or the table has no column ``label``.
    MissingExtraError
        If anndata is not installed.
    """
    if path.suffix not in (".h5ad", ".zarr"):
        raise BadInputError(
            f"AnnData is written in HDF5 or in Zarr; name the file {path.with_suffix('.h5ad')} or the folder "
            f"{path.with_suffix('.zarr')}, not {path}."
        )
    data = as_anndata(table, region)
    if path.suffix == ".zarr":
        _write_zarr(path, data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.partial.h5ad")
    try:
        data.write_h5ad(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write_zarr(path: Path, data: AnnData) -> None:
    import anndata
    import zarr

    # No shards, whatever the default of a version is: tables of objects are small.
    form = {"auto_shard_zarr_v3": False} if hasattr(anndata.settings, "auto_shard_zarr_v3") else {}
    with anndata.settings.override(**form), replaced_when_whole(path) as beside:
        # Not by write_zarr, which consolidates metadata in a way that is no part of Zarr 3.
        anndata.io.write_elem(zarr.create_group(beside, zarr_format=3), "/", data)


def as_anndata(table: pa.Table, region: str) -> AnnData:
    """Return a table of objects as AnnData; raises as :func:`write_anndata`."""
    if _LABEL not in table.column_names:
        raise BadInputError(
            f"AnnData is made of a table with a column 'label'; this one has {', '.join(table.column_names)}."
        )
    try:
        import pandas as pd
        from anndata import AnnData
    except ImportError as error:
        raise MissingExtraError(
            f"To write AnnData, filiation needs anndata, which is not installed ({error}). Install the extra: "
            "pip install 'filiation[anndata]'."
        ) from error
    measured = [field for field in table.schema if field.name != _LABEL and _is_number(field.type)]
    labels = table.column(_LABEL).to_pylist()
    index = _names(table, labels)
    obs = pd.DataFrame({_LABEL: labels, "region": pd.Categorical([region] * len(labels), [region])}, index=index)
    told: Any = [field for field in table.schema if field.name != _LABEL and not _is_number(field.type)]
    for field in told:
        obs[field.name] = [None if value is None else str(value) for value in table.column(field.name).to_pylist()]
    var = pd.DataFrame({"unit": [_unit(field) for field in measured]}, index=[field.name for field in measured])
    data = AnnData(_matrix(table, var.index.to_list()), obs=obs, var=var)
    centroids = [name for name in _CENTROIDS if name in table.column_names]
    if centroids:
        data.obsm["spatial"] = _matrix(table, centroids)
    data.uns["spatialdata_attrs"] = {"region": region, "region_key": "region", "instance_key": _LABEL}
    return data


def _names(table: pa.Table, labels: list[int]) -> list[str]:
    """Return a name for each row: its label, and in a time series its time point too."""
    if len(set(labels)) == len(labels) or "t" not in table.column_names:
        return [str(label) for label in labels]
    return [f"{label} t{time}" for label, time in zip(labels, table.column("t").to_pylist(), strict=True)]


def _matrix(table: pa.Table, columns: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    matrix = np.empty((table.num_rows, len(columns)))
    for number, name in enumerate(columns):
        matrix[:, number] = table.column(name).to_numpy()
    return matrix


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _unit(field: pa.Field) -> str:
    metadata: dict[bytes, bytes] = field.metadata or {}
    return metadata.get(b"unit", b"").decode()
