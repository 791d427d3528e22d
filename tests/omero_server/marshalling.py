"""Rows as the objects of ``omero.model`` that go to a client. What was not fetched goes unloaded."""

from __future__ import annotations

from typing import Any

import omero
import omero.model
from omero.rtypes import rbool, rdouble, rint, rlist, rlong, robject, rstring, rtime

from tests.omero_server.accounts import Asker
from tests.omero_server.hql import Loaded
from tests.omero_server.rows import Attribute, Row, Value
from tests.omero_server.store import View

UNITS = {
    "Length": omero.model.enums.UnitsLength,
    "Time": omero.model.enums.UnitsTime,
    "Temperature": omero.model.enums.UnitsTemperature,
    "Pressure": omero.model.enums.UnitsPressure,
    "Power": omero.model.enums.UnitsPower,
    "Frequency": omero.model.enums.UnitsFrequency,
    "ElectricPotential": omero.model.enums.UnitsElectricPotential,
}
TIMES = {
    "time",
    "acquisitionDate",
    "timeValue",
    "started",
    "finished",
    "submitted",
    "scheduledFor",
    "startTime",
    "endTime",
    "closed",
}
ANNOTATE, CHGRP, CHOWN = 3, 4, 5
"""Places in a list of what is forbidden; before them come linking, editing and deleting."""


class Marshaller:
    """Rows turned into objects for one reply, each row into one object."""

    def __init__(self, view: View, loaded: Loaded | None = None) -> None:
        self.view = view
        self.loaded = loaded or Loaded()
        self.made: dict[Row, Any] = {}
        self.unloaded: dict[Row, Any] = {}
        self.rights: dict[tuple[object, ...], Any] = {}

    def object(self, row: Row) -> Any:
        """Return the loaded object for a row."""
        if row in self.made:
            return self.made[row]
        made = getattr(omero.model, f"{row.kind}I")(row.id, True)
        self.made[row] = made
        for name, attribute in self.view.schema.attributes[row.kind].items():
            if name == "details":
                made._details = self.details(row)
            elif name == "version":
                made._version = rint(0)
            elif attribute.many and attribute.inverse:
                self.fill_collection(made, row, name)
            elif name != "id":
                setattr(made, f"_{name}", self.attribute(made, row, name, attribute))
        return made

    def fill_collection(self, made: Any, row: Row, name: str) -> None:
        """Fill a collection with what was fetched of it, or leave it unloaded."""
        fetched = self.loaded.get(row, name)
        setattr(made, f"_{name}Seq", [self.object(each) for each in fetched or []])
        setattr(made, f"_{name}Loaded", fetched is not None)

    def attribute(self, made: Any, row: Row, name: str, attribute: Attribute) -> Any:
        """Return one attribute as a client expects it."""
        value = row[name]
        if value is None:
            return None
        if isinstance(value, Row):
            return self.reference(row, name, value) if value.id is not None else quantity(value)
        if attribute.many:
            assert isinstance(value, list)
            return [omero.model.NamedValue(str(each["name"]), str(each["value"])) for each in value]
        wrapper = getattr(getattr(made, "_field_info", None), name).wrapper
        return wrapper(value) if wrapper else value

    def reference(self, holder: Row, name: str, target: Row) -> Any:
        """Return the object that an attribute points to, loaded only if it was fetched."""
        if self.loaded.get(holder, name) or target in self.made:
            return self.object(target)
        if target not in self.unloaded:
            self.unloaded[target] = getattr(omero.model, f"{target.kind}I")(target.id, False)
        return self.unloaded[target]

    def details(self, row: Row) -> Any:
        """Return who owns a row, since when, and what the asker may do with it."""
        made = omero.model.DetailsI()
        details = row["details"]
        if not isinstance(details, Row):
            return made
        for name in ("owner", "group", "creationEvent", "updateEvent", "externalInfo"):
            target = details[name]
            if isinstance(target, Row):
                setattr(made, f"_{name}", self.reference(details, name, target))
        made._permissions = self.permissions(row)
        return made

    def permissions(self, row: Row) -> Any:
        """Return the permissions of the row's group (of a group its own) and what they forbid the asker."""
        owner, group, text = self.view.store.standing(row)
        if row.kind == "ExperimenterGroup":
            text = str(row["permissions"])
        if (owner, group, text) not in self.rights:
            self.rights[owner, group, text] = rights(self.view.asker, owner, group, text)
        return self.rights[owner, group, text]

    def value(self, value: Value, name: str = "") -> Any:
        """Return one value of a projection as an RType."""
        match value:
            case None:
                return None
            case Row() if value.id is not None:
                return robject(self.object(value))
            case Row():
                return omero.rtypes.rinternal(quantity(value))
            case bool():
                return rbool(value)
            case int() if name in TIMES:
                return rtime(value)
            case int():
                return rlong(value) if name == "id" or abs(value) >= 2**31 else rint(value)
            case float():
                return rdouble(value)
            case list():
                return rlist([self.value(each, name) for each in value])
        return rstring(str(value))


def rights(asker: Asker, owner: int | None, group: int | None, text: str) -> Any:
    """Return permissions, and what they forbid somebody."""
    made = omero.model.PermissionsI(text)
    made._restrictions = [not asker.may_edit(owner, group, text)] * 6
    made._restrictions[ANNOTATE] = not asker.may_annotate(owner, group, text)
    made._restrictions[CHGRP] = made._restrictions[CHOWN] = not asker.owns(owner, group)
    return made


def quantity(row: Row) -> Any:
    """Return a number with its unit."""
    return getattr(omero.model, f"{row.kind}I")(row["value"], getattr(UNITS[row.kind], str(row["unit"])))
