"""Tables as OMERO.tables: every column with its type, linked to what the table is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from filiation.errors import ServerError
from filiation.images.omero.annotations import link
from filiation.images.omero.connection import Connection
from filiation.images.omero.objects import ObjectId, Target, in_group

ROWS_AT_ONCE = 10_000


def write_table(
    connection: Connection,
    target: Target,
    namespace: str,
    path: str,
    table: pa.Table,
    facts: Mapping[str, str],
    mark: str,
) -> ObjectId:
    """Put a table on an object, and check that all rows arrived.

    Whole numbers stay whole unless some are missing; what is missing is NaN, or an empty text. Columns of bytes, such
    as geometries, are left out: OMERO's tables have none.

    Parameters
    ----------
    path
        Its folders and name on the server, below the mark's own.
    facts
        What is noted beside the columns.

    Returns
    -------
    ObjectId
        The file annotation that stands for the table.

    Raises
    ------
    AccessError, ServerError
        If the server refuses, has no tables, is lost, or keeps fewer rows than were sent.
    """
    from omero.model import FileAnnotationI, OriginalFileI

    table = table.select([field.name for field in table.schema if not pa.types.is_binary(field.type)])

    def write() -> int:
        with in_group(connection, target.group) as options:
            return _write(connection, path, table, facts, dict(options))

    file = connection.call(write, f"writing the table {path.rpartition('/')[2]} for {target.object}", once=True)
    annotation = FileAnnotationI()
    annotation.setFile(OriginalFileI(file, False))
    return link(connection, target, annotation, namespace, mark)


def _write(connection: Connection, path: str, table: pa.Table, facts: Mapping[str, str], context: Any) -> int:
    from omero.rtypes import rstring

    resources = connection.gateway.c.sf.sharedResources()
    if not resources.areTablesEnabled(context):
        raise ServerError(
            f"The OMERO server {connection.host} offers no tables; ask its administrator to start OMERO.tables, or "
            "leave the tables out with --no-tables."
        )
    repository = resources.repositories(context).descriptions[0].getId().getValue()
    made = resources.newTable(repository, path, context)
    if made is None:
        raise ServerError(f"The OMERO server {connection.host} made no table; its log tells why.")
    try:
        made.initialize([_column(table, name, slice(0, 0)) for name in table.column_names], context)
        for start in range(0, table.num_rows, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            made.addData([_column(table, name, rows) for name in table.column_names], context)
        made.setAllMetadata({name: rstring(text) for name, text in facts.items()}, context)
        kept = made.getNumberOfRows(context)
        file = int(made.getOriginalFile(context).getId().getValue())
    finally:
        made.close(context)
    if kept != table.num_rows:
        raise ServerError(
            f"The OMERO server {connection.host} kept {kept} of the {table.num_rows} rows of {path}. Repeat the "
            "command: what is unfinished is removed first."
        )
    return file


def _column(table: pa.Table, name: str, rows: slice) -> Any:
    """Return some rows of a column as OMERO's; types and lengths are those of the whole column."""
    import omero.grid

    whole = table.column(name)
    kind, values = whole.type, whole.slice(rows.start, rows.stop - rows.start).to_pylist()
    plain = name.replace("/", "_")  # which a table cannot have in a name
    if pa.types.is_boolean(kind) and not whole.null_count:
        return omero.grid.BoolColumn(plain, "", values)
    if pa.types.is_integer(kind) and not whole.null_count:
        # As a column of ROIs, OMERO's clients lead from a row to its region.
        return (omero.grid.RoiColumn if plain == "roi" else omero.grid.LongColumn)(plain, "", values)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return omero.grid.DoubleColumn(plain, "", [float("nan") if value is None else float(value) for value in values])
    texts = ["" if value is None else str(value) for value in values]
    longest = max((len(str(value).encode()) for value in whole.to_pylist() if value is not None), default=0)
    return omero.grid.StringColumn(plain, "", max(longest, 1), texts)
