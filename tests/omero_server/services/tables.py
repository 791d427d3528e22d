"""SharedResources and Table: OMERO.tables in memory."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import omero
import omero.grid

from tests.omero_server.accounts import Session
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.rows import Row
from tests.omero_server.services.service import Call, Service
from tests.omero_server.table_conditions import matching

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

MIMETYPE = "OMERO.tables"


class SharedResources(Service, omero.grid.SharedResources):
    """Gives out tables."""

    def do_areTablesEnabled(self, call: Call) -> bool:
        """Tell that there are tables."""
        return True

    def do_repositories(self, call: Call) -> Any:
        """Return the one place where files are."""
        description = omero.model.OriginalFileI(0, False)
        return omero.grid.RepositoryMap([description], [None])

    def do_newTable(self, call: Call, repository: int, path: str) -> Any:
        """Return a new table without columns."""
        group = call.view.store.find("ExperimenterGroup", call.saving().group(omero.model.OriginalFileI()).id or 0)
        folder, _, name = path.rpartition("/")
        values = {"name": name, "path": f"{folder}/", "mimetype": MIMETYPE, "size": 0}
        row = call.view.store.insert("OriginalFile", dict(values), owner=call.account.row, group=group)
        self.server.tables[row.id or 0] = TableData()
        return self.given(call, row)

    def do_openTable(self, call: Call, file: Any) -> Any:
        """Return an existing table; nothing if the file is none."""
        row = call.find("OriginalFile", file.id.val)
        return self.given(call, row) if row.id in self.server.tables else None

    def given(self, call: Call, row: Row) -> Any:
        """Return the address of a table."""
        table = Table(self.server, call.session, row, call.view.asker.group)
        return omero.grid.TablePrx.uncheckedCast(self.server.add(table, call.in_session(), "Table"))


class TableData:
    """Columns with their values, and what is noted beside them."""

    def __init__(self) -> None:
        self.columns: list[Any] = []
        self.metadata: dict[str, Any] = {}
        self.changed = 0

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.columns[0].values) if self.columns else 0

    def touch(self) -> None:
        """Note the time of a change."""
        self.changed = int(time.time() * 1000)


class Table(Service, omero.grid.Table):
    """One table, open."""

    def __init__(self, server: OmeroServer, session: Session | None, row: Row, group: int) -> None:
        super().__init__(server, session)
        self.row = row
        self.group = group

    @property
    def data(self) -> TableData:
        """Return the table's columns."""
        found = self.server.tables.get(self.row.id or 0)
        if found is None:
            raise omero.ApiUsageException("", "ApiUsageException", "the table was deleted")
        return found

    def writable(self, call: Call) -> TableData:
        """Return the table's columns if they may be changed."""
        call.saving().refuse(self.row)
        self.data.touch()
        return self.data

    def picked(self, columns: list[int] | None, rows: list[int]) -> Any:
        """Return some rows of some columns."""
        data = self.data
        out_of_range = [number for number in rows if not 0 <= number < data.rows]
        if out_of_range:
            raise omero.ApiUsageException("", "ApiUsageException", f"rows {out_of_range[:5]} of {data.rows}")
        chosen = data.columns if columns is None else [data.columns[number] for number in columns]
        return omero.grid.Data(
            data.changed, list(rows), [with_values(column, [column.values[row] for row in rows]) for column in chosen]
        )

    def do_getOriginalFile(self, call: Call) -> Any:
        """Return the file that stands for the table."""
        return Marshaller(call.view).object(self.row)

    def do_initialize(self, call: Call, columns: list[Any]) -> None:
        """Set the columns of a new table."""
        self.writable(call).columns = [with_values(column, []) for column in columns]

    def do_addData(self, call: Call, columns: list[Any]) -> None:
        """Add rows; columns by position, all of the same length."""
        data = self.writable(call)
        names = [column.name for column in data.columns]
        if [column.name for column in columns] != names:
            raise omero.ApiUsageException(
                "", "ApiUsageException", f"the columns are {names}, not {[column.name for column in columns]}"
            )
        if len({len(column.values) for column in columns}) > 1:
            raise omero.ApiUsageException("", "ApiUsageException", "columns of different lengths")
        for column, added in zip(data.columns, columns, strict=True):
            size = getattr(column, "size", None)
            too_long = [
                value
                for value in added.values
                if isinstance(size, int) and isinstance(value, str) and len(value.encode()) > size
            ]
            if too_long:
                raise omero.ValidationException("", "", f"column {column.name} holds {size} bytes, not {too_long[0]!r}")
        for column, added in zip(data.columns, columns, strict=True):
            column.values.extend(added.values)

    def do_update(self, call: Call, modified: Any) -> None:
        """Change rows that were read before."""
        data = self.writable(call)
        by_name = {column.name: column for column in data.columns}
        for column in modified.columns:
            for row, value in zip(modified.rowNumbers, column.values, strict=True):
                by_name[column.name].values[row] = value

    def do_getHeaders(self, call: Call) -> list[Any]:
        """Return the columns without values."""
        return [with_values(column, []) for column in self.data.columns]

    def do_getNumberOfRows(self, call: Call) -> int:
        """Return the number of rows."""
        return self.data.rows

    def do_read(self, call: Call, columns: list[int], start: int, stop: int) -> Any:
        """Return the rows from one number to another; all if both are 0."""
        rows = range(self.data.rows) if (start, stop) == (0, 0) else range(start, stop)
        return self.picked(list(columns), list(rows))

    def do_readCoordinates(self, call: Call, rows: list[int]) -> Any:
        """Return some rows of all columns."""
        return self.picked(None, list(rows))

    def do_slice(self, call: Call, columns: list[int], rows: list[int]) -> Any:
        """Return some rows of some columns; no numbers means all."""
        return self.picked(list(columns) or None, list(rows) or list(range(self.data.rows)))

    def do_getWhereList(
        self, call: Call, condition: str, variables: Any, start: int, stop: int, step: int
    ) -> list[int]:
        """Return the numbers of the rows for which a condition holds."""
        data = self.data
        rows = range(data.rows)[start : stop or None : step or 1]
        given = {name: omero.rtypes.unwrap(value) for name, value in (variables or {}).items()}
        return matching(condition, {column.name: column.values for column in data.columns}, given, rows)

    def do_getAllMetadata(self, call: Call) -> dict[str, Any]:
        """Return all that is noted beside the columns."""
        return dict(self.data.metadata)

    def do_getMetadata(self, call: Call, name: str) -> Any:
        """Return one thing noted beside the columns."""
        return self.data.metadata.get(name)

    def do_setAllMetadata(self, call: Call, metadata: dict[str, Any]) -> None:
        """Note several things beside the columns."""
        self.writable(call).metadata.update(metadata)

    def do_setMetadata(self, call: Call, name: str, value: Any) -> None:
        """Note something beside the columns."""
        self.writable(call).metadata[name] = value

    def do_delete(self, call: Call) -> None:
        """Delete the table's content."""
        self.writable(call)
        del self.server.tables[self.row.id or 0]

    def do_close(self, call: Call) -> None:
        """Give up the table."""
        self.server.drop(self)


def with_values(column: Any, values: list[Any]) -> Any:
    """Return a column like another with other values."""
    made = copy.copy(column)
    made.values = values
    return made
