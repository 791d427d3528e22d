"""Commands: deletion, several at once, and the handles that carry their responses. All are done when submitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import omero.cmd

from tests.omero_server.accounts import Session
from tests.omero_server.deletion import Deletion
from tests.omero_server.services.service import Call, Service
from tests.omero_server.store import RefusedError, UnfitError

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer


class Commands:
    """Carries out commands and keeps their responses."""

    def __init__(self, server: OmeroServer) -> None:
        self.server = server

    def submit(self, call: Call, request: Any) -> Any:
        """Carry out a command; return the handle to its response."""
        handle = Handle(self.server, call.session, request, self.response(call, request))
        return omero.cmd.HandlePrx.uncheckedCast(self.server.add(handle, call.in_session(), "Handle"))

    def response(self, call: Call, request: Any) -> Any:
        """Return what a command answers; an error as OMERO's ``ERR``, for the client to raise."""
        try:
            match request:
                case omero.cmd.Delete2():
                    return self.delete(call, request)
                case omero.cmd.DoAll():
                    return self.do_all(call, request)
        except (RefusedError, UnfitError) as error:
            return omero.cmd.ERR("::omero::cmd::GraphException", "graph-fail", {"message": str(error)})
        return omero.cmd.ERR(
            "test-server", "unknown-request", {"message": f"the test server does not know {type(request).__name__}"}
        )

    def do_all(self, call: Call, request: Any) -> Any:
        """Carry out several commands; the first error ends it."""
        responses = []
        for each in request.requests:
            responses.append(self.response(call, each))
            if isinstance(responses[-1], omero.cmd.ERR):
                return responses[-1]
        return omero.cmd.DoAllRsp(responses, [omero.cmd.Status() for _ in responses])

    def delete(self, call: Call, request: Any) -> Any:
        """Delete objects with what belongs to them; with ``dryRun`` only say what would go."""
        excluded = {kind for option in request.childOptions or [] for kind in option.excludeType or []}
        deletion = Deletion(self.server.store, frozenset(excluded))
        for kind, number in targets(request.targetObjects):
            row = call.find(kind, number)
            call.saving().refuse(row)
            deletion.add(row)
        for row in deletion.doomed:
            if call.view.sees(row) and not row.kind.endswith("Link"):
                call.saving().refuse(row)
        if not request.dryRun:
            with self.server.store.transaction():
                deletion.carry_out()
        return omero.cmd.Delete2Response(deletion.by_kind())


def targets(chosen: dict[str, list[int]]) -> Iterator[tuple[str, int]]:
    """Yield the class and id of each object that a command is about."""
    for kind, ids in (chosen or {}).items():
        for number in ids:
            yield kind.rsplit(".", 1)[-1], number


class Handle(Service, omero.cmd.Handle):
    """A command that is done."""

    def __init__(self, server: OmeroServer, session: Session | None, request: Any, response: Any) -> None:
        super().__init__(server, session)
        self.request = request
        self.response = response

    def do_getRequest(self, call: Call) -> Any:
        """Return the command."""
        return self.request

    def do_getResponse(self, call: Call) -> Any:
        """Return the response."""
        return self.response

    def do_getStatus(self, call: Call) -> Any:
        """Return that it is done, and whether it failed."""
        failed = isinstance(self.response, omero.cmd.ERR)
        return omero.cmd.Status(
            flags=[omero.cmd.State.FAILURE if failed else omero.cmd.State.SUCCESS], steps=1, currentStep=1
        )

    def do_addCallback(self, call: Call, callback: Any) -> None:
        """Forget the callback: whoever asks finds the response."""

    def do_removeCallback(self, call: Call, callback: Any) -> None:
        """Forget nothing."""

    def do_cancel(self, call: Call) -> bool:
        """Return that it is too late."""
        return False

    def do_close(self, call: Call) -> None:
        """Give up the handle."""
        self.server.drop(self)
