"""IQuery: HQL and the calls that are short for it."""

from __future__ import annotations

from typing import Any

import omero
import omero.api
from omero.rtypes import unwrap

from tests.omero_server.hql import Loaded, ask
from tests.omero_server.hql_parser import parse
from tests.omero_server.hql_syntax import HqlError, Path
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.rows import Row, Value
from tests.omero_server.services.service import Call, Service


class IQuery(Service, omero.api.IQuery):
    """Questions to the store."""

    def do_get(self, call: Call, kind: str, number: int) -> Any:
        """Return one object, or raise."""
        return Marshaller(call.view).object(call.find(known(call, kind), number))

    def do_find(self, call: Call, kind: str, number: int) -> Any:
        """Return one object, or nothing."""
        row = call.view.find(known(call, kind), number)
        return Marshaller(call.view).object(row) if row else None

    def do_findAll(self, call: Call, kind: str, limits: Any) -> list[Any]:
        """Return all objects of a class."""
        return page(call.objects(f"select o from {kind} o order by o.id"), limits)

    def do_findByString(self, call: Call, kind: str, field: str, value: str) -> Any:
        """Return the only object with a text in an attribute, or nothing."""
        return only(call.objects(f"select o from {kind} o where o.{field} = :value", value=value))

    def do_findAllByString(
        self, call: Call, kind: str, field: str, value: str, exact_case: bool, limits: Any
    ) -> list[Any]:
        """Return the objects with a text in an attribute."""
        condition = f"o.{field} like :value" if exact_case else f"lower(o.{field}) like :value"
        return page(
            call.objects(f"select o from {kind} o where {condition}", value=value if exact_case else value.lower()),
            limits,
        )

    def do_findByQuery(self, call: Call, text: str, parameters: Any) -> Any:
        """Return the only object that a query selects, or nothing."""
        return only(list(dict.fromkeys(self.do_findAllByQuery(call, text, parameters))))

    def do_findAllByQuery(self, call: Call, text: str, parameters: Any) -> list[Any]:
        """Return the objects that a query selects, once for every row of its joins."""
        answer = ask(text, call.view, values(call, parameters))
        marshaller = Marshaller(call.view, answer.loaded)
        found = page(answer.tuples, parameters.theFilter if parameters else None)
        return [marshaller.object(each[0]) for each in found if isinstance(each[0], Row)]

    def do_projection(self, call: Call, text: str, parameters: Any) -> list[list[Any]]:
        """Return the values that a query selects."""
        answer = ask(text, call.view, values(call, parameters))
        marshaller = Marshaller(call.view, answer.loaded)
        names = [item.steps[-1] if isinstance(item, Path) else "" for item in parse(text).select]
        found = page(answer.tuples, parameters.theFilter if parameters else None)
        return [
            [marshaller.value(value, name) for value, name in zip(each, names or [""], strict=False)] for each in found
        ]

    def do_refresh(self, call: Call, thing: Any) -> Any:
        """Return an object as it is now."""
        return self.do_get(call, type(thing).__name__.removesuffix("I"), thing.id.val)


def known(call: Call, kind: str) -> str:
    """Return the name of a class as the schema has it, or raise."""
    name = kind.rsplit(".", 1)[-1]
    for each in (name, name.removesuffix("I")):  # clients also say "ExperimenterI"
        if call.view.schema.has(each):
            return each
    raise HqlError(f"{kind} is not mapped")


def values(call: Call, parameters: Any) -> dict[str, Value]:
    """Return the parameters of a query as plain values and rows."""
    return {
        name: plain(call, value) for name, value in (parameters.map if parameters and parameters.map else {}).items()
    }


def plain(call: Call, value: Any) -> Value:
    """Return one parameter as a plain value or a row."""
    if isinstance(value, omero.RObject):
        return call.find(type(value.val).__name__.removesuffix("I"), value.val.id.val) if value.val else None
    if isinstance(value, omero.RCollection):
        return [plain(call, each) for each in value.val]
    return unwrap(value)


def page(found: list[Any], limits: Any) -> list[Any]:
    """Return what a filter's offset and limit leave."""
    offset = limits.offset.val if limits and limits.offset else 0
    limit = limits.limit.val if limits and limits.limit else None
    return found[offset : None if limit is None else offset + limit]


def only(found: list[Any]) -> Any:
    """Return the only object, nothing if there is none; raise if there are more."""
    if len(found) > 1:
        raise omero.ValidationException(
            "", "NonUniqueResultException", f"query did not return a unique result: {len(found)}"
        )
    return found[0] if found else None


class ITypes(Service, omero.api.ITypes):
    """The classes that name values."""

    def do_getEnumeration(self, call: Call, kind: str, value: str) -> Any:
        """Return the object for a value, or nothing."""
        return only(call.objects(f"select e from {kind} e where e.value = :value", value=value))

    def do_allEnumerations(self, call: Call, kind: str) -> list[Any]:
        """Return the objects for all values of a class."""
        return call.objects(f"select e from {kind} e order by e.id")

    def do_createEnumeration(self, call: Call, thing: Any) -> Any:
        """Put in a value."""
        return Marshaller(call.view, Loaded()).object(call.saving().save(thing))

    def do_getEnumerationTypes(self, call: Call) -> list[str]:
        """Return the classes that name values."""
        return [kind for kind in call.view.schema.declared if call.view.schema.is_enumeration(kind)]
