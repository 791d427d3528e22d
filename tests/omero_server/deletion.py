"""What goes with an object when it is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import omero.model

from tests.omero_server.rows import Row
from tests.omero_server.store import Store

PARTS = {("Roi", "image"), ("WellSample", "well"), ("StatsInfo", "channel")}
"""Attributes that may be empty, and whose object yet takes its holder with it."""
HELD = {("Image", "fileset")}
"""Attributes whose object may not go while it is used."""


@dataclass(slots=True)
class Deletion:
    """Everything that a deletion takes with it, each row once, in the order found."""

    store: Store
    excluded: frozenset[str] = frozenset()
    """Classes that stay although nothing holds them any more."""
    doomed: dict[Row, None] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Add a row, and what goes with it."""
        if row in self.doomed:
            return
        self.doomed[row] = None
        for other, attribute in list(self.store.pointing[row]):
            if other.kind.endswith(("Link", "Map")) or self.is_part(other, attribute):
                self.add(other)
        for child in self.orphans(row):
            self.add(child)

    def is_part(self, other: Row, attribute: str) -> bool:
        """Tell whether a row cannot be without what its attribute points to."""
        if (other.kind, attribute) in PARTS:
            return True
        info = getattr(getattr(omero.model, f"{other.kind}I")._field_info, attribute, None)
        return info is not None and not info.nullable

    def orphans(self, row: Row) -> Iterator[Row]:
        """Yield what only this row held: linked annotations and contents, and the file of an annotation."""
        if row.kind.endswith("Link"):
            parent, child = row["parent"], row["child"]
            if isinstance(child, Row) and parent in self.doomed and self.is_orphan(child):
                yield child
        file = row["file"] if row.kind == "FileAnnotation" else None
        if isinstance(file, Row) and all(other in self.doomed for other, _ in self.store.pointing[file]):
            yield file

    def is_orphan(self, child: Row) -> bool:
        """Tell whether nothing that stays is linked to a row, and it is not to stay by its class."""
        if self.excluded.intersection(self.store.schema.lineage(child.kind)):
            return False
        links = [other for other, name in self.store.pointing[child] if name == "child" and other.kind.endswith("Link")]
        return all(link in self.doomed for link in links)

    def carry_out(self) -> None:
        """Take the rows out, and empty what else pointed to them."""
        for row in self.doomed:
            for other, attribute in list(self.store.pointing[row]):
                if other not in self.doomed:
                    self.store.set(other, attribute, None)
            self.store.delete(row)

    def by_kind(self) -> dict[str, list[int]]:
        """Return the ids of what goes, by the class with its package."""
        found: dict[str, list[int]] = {}
        for row in self.doomed:
            found.setdefault(f"ome.model.{row.kind}", []).append(row.id or 0)
        return found
