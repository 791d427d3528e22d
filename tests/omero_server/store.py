"""The rows of the test server: put in, changed, taken out, all or nothing; and seen by somebody."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.omero_server.accounts import Asker
from tests.omero_server.rows import Row, Value
from tests.omero_server.schema import OmeroSchema, schema

GLOBAL_KINDS = {
    "Experimenter",
    "ExperimenterGroup",
    "GroupExperimenterMap",
    "Event",
    "EventLog",
    "Session",
    "Node",
    "DBPatch",
}


class RefusedError(Exception):
    """Something that the asker may not do."""


class UnfitError(Exception):
    """Something that no database would take: a missing value, an unknown id, a value too large."""


class Store:
    """Rows by class and id, and which rows point to which."""

    def __init__(self) -> None:
        self.schema: OmeroSchema = schema()
        self.lock = threading.RLock()
        self.tables: dict[str, dict[int, Row]] = defaultdict(dict)
        self.pointing: dict[Row, dict[tuple[Row, str], None]] = defaultdict(dict)
        self.numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self.undo: list[Callable[[], None]] | None = None

    # -- changing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take back everything that was done inside if it ends in an error."""
        with self.lock:
            outer, self.undo = self.undo, []
            try:
                yield
            except BaseException:
                for step in reversed(self.undo):
                    step()
                raise
            else:
                if outer is not None:
                    outer.extend(self.undo)
            finally:
                self.undo = outer

    def insert(self, kind: str, values: dict[str, Value], *, owner: Row | None = None, group: Row | None = None) -> Row:
        """Put in a new object of an owner and a group; both None for what belongs to nobody."""
        row = Row(kind, next(self.numbers[self.schema.root(kind)]))
        assert row.id is not None
        table = self.tables[kind]
        table[row.id] = row
        self.remember(lambda: table.pop(row.id))
        if kind != "Event":
            event = self.event()
            row.values["details"] = Row(
                "Details", None, {"owner": owner, "group": group, "creationEvent": event, "updateEvent": event}
            )
        for name, value in values.items():
            self.set(row, name, value)
        return row

    def event(self) -> Row:
        """Return a new row for the time of a change."""
        return self.insert("Event", {"time": int(time.time() * 1000)})

    def set(self, row: Row, name: str, value: Value) -> None:
        """Change one attribute."""
        old = row.values.get(name)
        if isinstance(old, Row) and old.id is not None:
            self.pointing[old].pop((row, name), None)
        if isinstance(value, Row) and value.id is not None:
            self.pointing[value][row, name] = None
        row.values[name] = value
        self.remember(lambda: self.set(row, name, old))

    def touch(self, row: Row) -> None:
        """Note that a row was changed."""
        details = row["details"]
        if isinstance(details, Row):
            details.values["updateEvent"] = self.event()

    def delete(self, row: Row) -> None:
        """Take out a row."""
        assert row.id is not None
        table = self.tables[row.kind]
        del table[row.id]
        self.remember(lambda: table.__setitem__(row.id, row))
        for name, value in row.values.items():
            if isinstance(value, Row) and value.id is not None:
                self.pointing[value].pop((row, name), None)
                self.remember(lambda value=value, name=name: self.pointing[value].__setitem__((row, name), None))

    def remember(self, step: Callable[[], object]) -> None:
        """Keep how to take back a step."""
        if self.undo is not None:
            undo = self.undo
            self.undo = None
            undo.append(lambda: (step(), None)[1])
            self.undo = undo

    # -- finding

    def rows(self, kind: str) -> Iterator[Row]:
        """Yield the rows of a class and of those derived from it, by id."""
        found = [row for each in self.schema.family(kind) for row in self.tables[each].values()]
        yield from sorted(found, key=lambda row: row.id or 0)

    def find(self, kind: str, number: int) -> Row | None:
        """Return one row, or None."""
        return next((row for each in self.schema.family(kind) if (row := self.tables[each].get(number))), None)

    def enumeration(self, kind: str, value: str) -> Row:
        """Return the row of a class that names values, put in if it is new."""
        found = next((row for row in self.tables[kind].values() if row["value"] == value), None)
        return found or self.insert(kind, {"value": value})

    def pointers(self, row: Row, kind: str, attribute: str) -> list[Row]:
        """Return the rows of a class whose attribute is this row, by id."""
        found = [
            other for other, name in self.pointing[row] if name == attribute and kind in self.schema.lineage(other.kind)
        ]
        return sorted(found, key=lambda other: other.id or 0)

    # -- whose

    def standing(self, row: Row) -> tuple[int | None, int | None, str]:
        """Return the ids of a row's owner and group, None for what is everybody's, and the group's permissions."""
        details = row["details"]
        owner = details["owner"] if isinstance(details, Row) else None
        group = details["group"] if isinstance(details, Row) else None
        if not isinstance(group, Row) or row.kind in GLOBAL_KINDS:
            return (owner.id if isinstance(owner, Row) else None), None, "rwrw--"
        return (owner.id if isinstance(owner, Row) else None), group.id, str(group["permissions"])


class View:
    """The rows as somebody sees them; what queries are asked of."""

    def __init__(self, store: Store, asker: Asker) -> None:
        self.store = store
        self.asker = asker
        self.schema = store.schema

    def sees(self, row: Row) -> bool:
        """Tell whether a row is seen."""
        return self.asker.sees(*self.store.standing(row))

    def of(self, kind: str) -> list[Row]:
        """Return the visible rows of a class."""
        return [row for row in self.store.rows(kind) if self.sees(row)]

    def value(self, row: Row, name: str) -> Value:
        """Return an attribute; a collection as a list of the visible rows in it."""
        if name == "id":
            return row.id
        attribute = self.schema.attribute(row.kind, name)
        if attribute is not None and attribute.many and attribute.inverse:
            return [other for other in self.store.pointers(row, attribute.kind, attribute.inverse) if self.sees(other)]
        return row.values.get(name)

    def find(self, kind: str, number: int) -> Row | None:
        """Return one row if it is there and seen."""
        row = self.store.find(kind, number)
        return row if row is not None and self.sees(row) else None
