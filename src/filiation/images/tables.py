"""Tables of measurements in Parquet, and their group in an OME-Zarr store in the layout that ngio reads.

No OME-Zarr version defines tables yet; ngio's feature table, version 1, is what readers have
(https://biovisioncenter.github.io/ngio/stable/table_specs/table_types/feature_table/).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import Table

from filiation.errors import BadInputError, NotFoundError

__all__ = ["Table", "feature_table_attributes", "read_table", "write_table"]


def write_table(path: Path, table: Table) -> None:
    """Write a table as Parquet, compressed with zstd.

    Raises
    ------
    BadInputError
        If the name does not end with ``.parquet``.
    """
    if path.suffix != ".parquet":
        raise BadInputError(f"A table is written as Parquet; name it {path.with_suffix('.parquet')}, not {path}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    try:
        pq.write_table(table, beside, compression="zstd")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_table(path: Path) -> Table:
    """Read a Parquet file.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no Parquet file, or damaged.
    """
    if not path.exists():
        raise NotFoundError(f"There is no table at {path}: the path leads nowhere.")
    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(
            f"{path} cannot be read as Parquet: {error}. The file is damaged or of another kind."
        ) from error


def rows_of_object(path: Path, label: int) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file that are about one object; none if it has no column ``label`` of integers.

    Raises
    ------
    BadInputError
        If it is no Parquet file, or damaged.
    """
    try:
        schema = pq.read_schema(path)
        if "label" not in schema.names or not pa.types.is_integer(schema.field("label").type):
            return []
        found: list[dict[str, Any]] = pq.read_table(path, filters=[("label", "=", label)]).to_pylist()
        return found
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(
            f"{path} cannot be read as Parquet: {error}. The file is damaged or of another kind."
        ) from error


def feature_table_attributes(labels_name: str) -> dict[str, Any]:
    """Return the group attributes of a feature table over the label image ``labels/<labels_name>``.

    They stand at the attribute root, not under ``ome``; the group also holds ``table.parquet``, whose column
    ``label`` is the index.
    """
    return {
        "type": "feature_table",
        "table_version": "1",
        "backend": "parquet",
        "index_key": "label",
        "index_type": "int",
        "region": {"path": f"../labels/{labels_name}"},
        "instance_key": "label",
        "categorical_columns": [],
        "measurement_columns": [],
        "metadata_columns": [],
    }
