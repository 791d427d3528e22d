"""Objects from a client turned into rows: whole graphs, in the order of their references, all or nothing."""

from __future__ import annotations

from typing import Any

import omero
import omero.model

from tests.omero_server.accounts import ALL_GROUPS
from tests.omero_server.rows import Attribute, Row, Value
from tests.omero_server.store import GLOBAL_KINDS, RefusedError, UnfitError, View

INDEX_LIMIT = 2704
"""Bytes of a map's key or value that PostgreSQL still takes into its B-tree index."""


class Saving:
    """One graph of objects being saved."""

    def __init__(self, view: View, map_limit: int = INDEX_LIMIT) -> None:
        self.view = view
        self.store = view.store
        self.map_limit = map_limit
        self.saved: dict[int, Row] = {}
        self.written: set[Row] = set()

    def save(self, thing: Any) -> Row:
        """Put in or change the row of an object, and the rows of all that hangs on it."""
        if id(thing) in self.saved:
            return self.saved[id(thing)]
        kind = type(thing).__name__.removesuffix("I")
        if thing._id is None:
            row = self.create(kind, thing)
        elif thing._loaded:
            row = self.change(self.existing(kind, thing._id.val), thing)
        else:
            row = self.existing(kind, thing._id.val)
        self.saved[id(thing)] = row
        return row

    def existing(self, kind: str, number: int) -> Row:
        row = self.view.find(kind, number)
        if row is None:
            raise UnfitError(f"No row with the given identifier exists: [{kind}#{number}]")
        return row

    def create(self, kind: str, thing: Any) -> Row:
        if self.store.schema.is_enumeration(kind):
            return self.store.enumeration(kind, thing._value.val)
        group = self.group(thing)
        row = self.store.insert(kind, {}, owner=self.view.asker.account.row, group=group)
        self.saved[id(thing)] = row
        self.written.add(row)
        self.fill(row, thing)
        for name, attribute in self.store.schema.attributes[kind].items():
            self.refuse_empty(thing, row, name, attribute)
        if row.kind.endswith(("Link", "Map")):
            self.refuse_forbidden_link(row)
        elif row.kind == "Roi" and isinstance(row["image"], Row):
            self.refuse(row["image"], annotate=True)
        return row

    def group(self, thing: Any) -> Row:
        """Return the group that a new object goes into: of the call, or of an object that it points to."""
        number = self.view.asker.group
        if number == ALL_GROUPS:
            number = self.group_of_references(thing)
        if not self.view.asker.may_create(number):
            raise RefusedError(f"Not a member of group {number}: nothing may be put into it.")
        group = self.store.find("ExperimenterGroup", number)
        if group is None:
            raise UnfitError(f"No group {number}")
        return group

    def group_of_references(self, thing: Any) -> int:
        """Return the group of the first existing object that a new one points to, or the session's."""
        for name, attribute in self.store.schema.attributes[type(thing).__name__.removesuffix("I")].items():
            target = getattr(thing, f"_{name}", None)
            if attribute.kind and not attribute.many and getattr(target, "_id", None) is not None:
                row = self.store.find(attribute.kind, target._id.val)
                group = self.store.standing(row)[1] if row else None
                if group is not None:
                    return group
        return self.view.asker.account.groups[0]

    def change(self, row: Row, thing: Any) -> Row:
        self.saved[id(thing)] = row
        self.written.add(row)
        before = dict(row.values)
        self.fill(row, thing)
        if any(before.get(name) != value for name, value in row.values.items() if name != "details"):
            if row.kind in GLOBAL_KINDS and not self.view.asker.account.admin:
                raise RefusedError(f"Only administrators may change {row}.")
            self.refuse(row)
            self.store.touch(row)
        return row

    def fill(self, row: Row, thing: Any) -> None:
        """Take over the attributes of an object, and save what its collections hold."""
        for name, attribute in self.store.schema.attributes[row.kind].items():
            if name in ("id", "version", "details"):
                continue
            if attribute.many and attribute.inverse:
                self.fill_collection(row, thing, name, attribute)
                continue
            value = self.value(row, name, getattr(thing, f"_{name}", None), attribute)
            if not same(value, row[name]):
                self.store.set(row, name, value)
        external = getattr(getattr(thing, "_details", None), "_externalInfo", None)
        if external is not None:
            details = row["details"]
            assert isinstance(details, Row)
            details.values["externalInfo"] = self.save(external)

    def fill_collection(self, row: Row, thing: Any, name: str, attribute: Attribute) -> None:
        if not getattr(thing, f"_{name}Loaded", False):
            return
        for child in getattr(thing, f"_{name}Seq") or []:
            if child is not None and child._loaded:
                setattr(child, f"_{attribute.inverse}", thing)
                self.saved.setdefault(id(thing), row)
                self.save(child)

    def value(self, row: Row, name: str, value: Any, attribute: Attribute) -> Value:
        if value is None:
            return None
        if attribute.many:
            return [self.pair(each) for each in value if each is not None]
        if isinstance(value, omero.model.IObject):
            return self.save(value)
        if hasattr(value, "_unit"):
            return Row(attribute.kind, None, {"value": value._value, "unit": str(value._unit)})
        return value._val if isinstance(value, omero.RType) else value

    def pair(self, named: Any) -> Row:
        """Return one pair of a map, unless PostgreSQL could not put it into its index."""
        for text in (named.name, named.value):
            size = len(text.encode("utf-8"))
            if size > self.map_limit:
                limit = f"exceeds btree version 4 maximum {self.map_limit}"
                raise UnfitError(f'index row size {size} {limit} for index "annotation_mapvalue"')
        return Row("NamedValue", None, {"name": named.name, "value": named.value})

    def refuse_empty(self, thing: Any, row: Row, name: str, attribute: Attribute) -> None:
        """Raise where the database wants a value."""
        if attribute.many or name in ("id", "version", "details"):
            return
        info = getattr(type(thing)._field_info, name, None)
        if info is not None and not info.nullable and row[name] is None:
            raise UnfitError(
                f"could not insert: not-null property references a null value: ome.model.{row.kind}.{name}"
            )

    def refuse_forbidden_link(self, link: Row) -> None:
        """Raise unless both ends may be linked: annotated by an annotation, edited by anything else."""
        parent, child = link["parent"], link["child"]
        if isinstance(parent, Row):
            self.refuse(parent, annotate=link.kind.endswith("AnnotationLink"))
        if isinstance(child, Row) and isinstance(parent, Row):
            groups = {self.store.standing(each)[1] for each in (parent, child)} - {None}
            if len(groups) > 1:
                raise UnfitError(f"{parent} and {child} are in different groups")

    def refuse(self, row: Row, *, annotate: bool = False) -> None:
        """Raise unless the asker may change, or annotate, a row."""
        asker = self.view.asker
        allowed = asker.may_annotate if annotate else asker.may_edit
        if not allowed(*self.store.standing(row)):
            verb = "annotate" if annotate else "change"
            raise RefusedError(
                f"Cannot {verb} {row}: {asker.account.name} has no permission in group {self.store.standing(row)[1]}."
            )


def same(one: Value, other: Value) -> bool:
    """Tell whether an attribute stays as it was."""
    if isinstance(one, list) and isinstance(other, list):
        return [each.values for each in one] == [each.values for each in other]  # type: ignore[union-attr]
    if isinstance(one, Row) and isinstance(other, Row) and one.id is None:
        return one.values == other.values
    return one is other or (not isinstance(one, Row) and one == other)
