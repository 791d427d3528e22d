"""The sessions of the test server: opened by password or key, run out, left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import omero

from tests.omero_server.accounts import Account, Session
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.rows import Row

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

IDLE_LIMIT = 600.0
"""Seconds; OMERO's own default."""


class Sessions:
    """Sessions by their key."""

    def __init__(self, server: OmeroServer, idle_limit: float = IDLE_LIMIT) -> None:
        self.server = server
        self.idle_limit = idle_limit
        self.by_key: dict[str, Session] = {}
        self.ran_out: set[str] = set()

    def open(self, user: str, password: str, context: dict[str, str]) -> Session | None:
        """Return a new session for a password or a running one for its key; None if neither is right."""
        joined = self.by_key.get(user)
        if joined is not None and user == password and self.alive(joined):
            joined.references += 1
            joined.touch()
            return joined
        account = self.server.accounts.get(user)
        if account is None or account.password != password:
            return None
        return self.start(account, context.get("omero.group", ""))

    def start(self, account: Account, group: str = "", life: float = 0, idle: float = 0) -> Session:
        """Start a session in a group by name, or in the account's first."""
        number = self.server.group_number(group) if group else account.groups[0]
        if number not in account.groups and not account.admin:
            raise omero.SecurityViolation("", "", f"{account.name} is not a member of group {group}")
        row = self.server.store.insert("Session", {"owner": account.row}, owner=account.row)
        session = Session(account, number, row, idle_limit=idle or self.idle_limit, life_limit=life)
        self.server.store.set(row, "uuid", session.key)
        self.by_key[session.key] = session
        return session

    def alive(self, session: Session) -> bool:
        """Tell whether a session lives; one that ran out is ended."""
        if session.key in self.by_key and session.expired():
            self.expire(session.key)
        return session.key in self.by_key

    def require(self, session: Session | None) -> None:
        """Note that a session is used, or raise if it is over."""
        if session is not None and self.alive(session):
            session.touch()
            return
        key = session.key if session else ""
        if key in self.ran_out:
            raise omero.SessionTimeoutException(
                "", "SessionTimeoutException", f"Session (uuid={key}) expired for timeout"
            )
        raise omero.RemovedSessionException("", "RemovedSessionException", f"No context for {key}")

    def expire(self, key: str) -> None:
        """End a session as if it had run out."""
        self.by_key.pop(key, None)
        self.ran_out.add(key)
        self.server.forget(key)

    def end(self, key: str) -> None:
        """End a session as an administrator does."""
        self.by_key.pop(key, None)
        self.server.forget(key)

    def leave(self, session: Session) -> int:
        """Take one reference off a session; it ends with the last."""
        session.references -= 1
        if session.references <= 0:
            self.end(session.key)
        return max(session.references, 0)

    def named(self, key: str) -> Session:
        """Return a session by its key, or raise as the server does."""
        if key not in self.by_key:
            raise omero.RemovedSessionException("", "RemovedSessionException", f"No session with uuid: {key}")
        return self.by_key[key]

    def open_ones(self) -> list[Session]:
        """Return the sessions that live."""
        return [session for session in list(self.by_key.values()) if self.alive(session)]

    def described(self, call: Any, session: Session) -> Any:
        """Return a session as a client sees it: limits in milliseconds, its group in the details."""
        for name, value in (
            ("timeToIdle", int(session.idle_limit * 1000)),
            ("timeToLive", int(session.life_limit * 1000)),
        ):
            session.row.values[name] = value
        made = Marshaller(call.view).object(session.row)
        group = self.server.store.find("ExperimenterGroup", session.group)
        assert isinstance(group, Row)
        made._details._group = omero.model.ExperimenterGroupI(group.id, False)
        return made
