"""IUpdate: objects saved, all or nothing."""

from __future__ import annotations

from typing import Any

import omero.api

from tests.omero_server.hql import Loaded
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.rows import Row
from tests.omero_server.services.service import Call, Service


class IUpdate(Service, omero.api.IUpdate):
    """Graphs of objects put into the store."""

    def do_saveObject(self, call: Call, thing: Any) -> None:
        """Save an object and what hangs on it."""
        save(call, [thing])

    def do_saveAndReturnObject(self, call: Call, thing: Any) -> Any:
        """Save, and return what is now there, loaded as far as it was sent."""
        return returned(call, [thing])[0]

    def do_saveArray(self, call: Call, things: Any) -> None:
        """Save several."""
        save(call, things)

    def do_saveCollection(self, call: Call, things: Any) -> None:
        """Save several."""
        save(call, things)

    def do_saveAndReturnArray(self, call: Call, things: Any) -> list[Any]:
        """Save several and return them."""
        return returned(call, things)

    def do_saveAndReturnIds(self, call: Call, things: Any) -> list[int]:
        """Save several and return their ids."""
        return [row.id or 0 for row in save(call, things)[0]]

    def do_deleteObject(self, call: Call, thing: Any) -> None:
        """Delete one object, and nothing with it."""
        row = call.find(type(thing).__name__.removesuffix("I"), thing.id.val)
        call.saving().refuse(row)
        with call.view.store.transaction():
            call.view.store.delete(row)


def save(call: Call, things: list[Any]) -> tuple[list[Row], set[Row]]:
    """Save objects in one transaction; return their rows, and those of all that was put in or changed with them."""
    saving = call.saving()
    with call.view.store.transaction():
        rows = [saving.save(thing) for thing in things]
    return rows, saving.written


def returned(call: Call, things: list[Any]) -> list[Any]:
    """Save objects and return them with the references and collections that came with them."""
    rows, written = save(call, things)
    loaded = Loaded()
    for row in written:
        for name, attribute in call.view.schema.attributes[row.kind].items():
            target = call.view.value(row, name)
            if attribute.many and attribute.inverse and isinstance(target, list):
                loaded.found[row, name] = [each for each in target if each in written]
            elif isinstance(target, Row) and target in written:
                loaded.add(row, name, target)
    marshaller = Marshaller(call.view, loaded)
    return [marshaller.object(row) for row in rows]
