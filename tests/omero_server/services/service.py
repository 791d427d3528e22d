"""How a call gets to a service: by whom, whether it is allowed, and which error goes back.

Nearly all of OMERO's operations are asynchronous on the server's side (``["amd"]`` in Slice): Ice calls
``name_async(callback, ...)``, and the generated class has a stub of that name which does nothing, so that a plain
method would leave the client waiting for ever. Services here write ``do_name(self, call, ...)``; both forms are made
from it, and what has no ``do_`` raises an ``InternalException`` that names it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import Ice
import omero

from tests.omero_server.accounts import ALL_GROUPS, Asker, Session
from tests.omero_server.hql import Answer, ask
from tests.omero_server.hql_syntax import HqlError
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.rows import Row, Value
from tests.omero_server.saving import Saving
from tests.omero_server.store import RefusedError, UnfitError, View

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its session (None before sign-in), who asks, and what they see."""

    server: OmeroServer
    current: Any
    session: Session | None
    view: View

    @property
    def account(self) -> Any:
        """Return the account that asks."""
        return self.view.asker.account

    def in_session(self) -> Session:
        """Return the session; it is there for everything but signing in."""
        assert self.session is not None
        return self.session

    def ask(self, text: str, **parameters: Value) -> Answer:
        """Return the answer to a query by the same asker."""
        return ask(text, self.view, parameters)

    def objects(self, text: str, **parameters: Value) -> list[Any]:
        """Return the objects that a query selects first, each once."""
        answer = self.ask(text, **parameters)
        marshaller = Marshaller(self.view, answer.loaded)
        rows = dict.fromkeys(found[0] for found in answer.tuples if isinstance(found[0], Row))
        return [marshaller.object(row) for row in rows]

    def find(self, kind: str, number: int) -> Row:
        """Return one row, or raise as the server does."""
        row = self.view.find(kind, number)
        if row is None:
            raise UnfitError(f"The requested object ({kind}, {number}) is not available.")
        return row

    def saving(self) -> Saving:
        """Return what saves graphs of objects for the asker."""
        return Saving(self.view, self.server.faults.map_limit)


class Service:
    """Base of all servants; ``session`` is None for the router alone."""

    locked: ClassVar[bool] = True
    """Whether calls wait for each other, as they do where rows are read or written."""
    needs_session: ClassVar[bool] = True

    def __init__(self, server: OmeroServer, session: Session | None) -> None:
        super().__init__()
        self.server = server
        self.session = session

    def __init_subclass__(cls) -> None:
        """Give every operation of the Slice interface a method in both forms."""
        super().__init_subclass__()
        for name in dir(cls):
            operation = name.removeprefix("_op_")
            if name.startswith("_op_") and not operation.startswith("ice_"):
                setattr(cls, operation, plain(operation))
                setattr(cls, f"{operation}_async", asynchronous(operation))

    def answer(self, operation: str, arguments: tuple[Any, ...], current: Any) -> Any:
        """Return the result of one operation, or raise one of OMERO's exceptions."""
        name = f"{type(self).__name__}.{operation}"
        self.server.calls.append(name)
        self.server.faults.before(operation, self.session, current)
        if self.needs_session:
            self.server.sessions.require(self.session)
        handler = getattr(self, f"do_{operation}", None)
        if handler is None:
            raise omero.InternalException("", "NotImplementedError", f"the test server does not know {name}")
        with self.server.store.lock if self.locked else nullcontext(), reported(name):
            result = handler(self.call(current), *arguments)
        self.server.faults.after(operation, current)
        return result

    def call(self, current: Any) -> Call:
        """Return who asks, in which group."""
        if self.session is None:
            return Call(self.server, current, None, self.server.view)
        text = current.ctx.get("omero.group", "")
        group = int(text) if text.lstrip("-").isdigit() else self.session.group
        account = self.session.account
        if group != ALL_GROUPS and group not in account.groups and not account.admin:
            raise omero.SecurityViolation(
                "", "", f"{account.name} is not a member of group {group} and cannot enter it"
            )
        view = View(self.server.store, Asker(account, group))
        return Call(self.server, current, self.session, view)


class Unwritten(Service):
    """A service of which only the end is known: clients close what they never used."""

    def do_close(self, call: Call) -> None:
        """Give up the service."""
        self.server.drop(self)


class reported:
    """Errors of the store as the exceptions that a client of OMERO gets."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        match error:
            case None | Ice.Exception():
                return
            case HqlError() | UnfitError():
                raise omero.ValidationException("", type(error).__name__, str(error))
            case RefusedError():
                raise omero.SecurityViolation("", "SecurityViolation", str(error))
        trace_text = "".join(traceback.format_exception(error))
        raise omero.InternalException(trace_text, type(error).__name__, f"{self.name}: {error}")


def plain(operation: str) -> Callable[..., Any]:
    """Return the method that Ice calls for an operation that is not asynchronous."""

    def method(self: Service, *arguments: Any) -> Any:
        *given, current = arguments
        return self.answer(operation, tuple(given), current)

    return method


def asynchronous(operation: str) -> Callable[..., None]:
    """Return the method that Ice calls for an asynchronous operation."""

    def method(self: Service, callback: Any, *arguments: Any) -> None:
        *given, current = arguments
        try:
            result = self.answer(operation, tuple(given), current)
        except Exception as error:  # everything has to go back, or the client waits for ever
            callback.ice_exception(error)
            return
        callback.ice_response(*(() if returns_nothing(self, operation) else (result,)))

    return method


def returns_nothing(service: Service, operation: str) -> bool:
    """Tell whether an operation has no result, which is not the same as a result of None, by its ``do_`` method."""
    return getattr(service, f"do_{operation}").__annotations__["return"] == "None"
