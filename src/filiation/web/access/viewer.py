"""Who looks at a page, and what they may do and see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from fastapi import HTTPException, Request

from filiation.catalogue.selection import Selection
from filiation.errors import AccessError

VIEWER: Final = "viewer"
"""Whoever may look at all."""
AUDITOR: Final = "auditor"
"""May besides ask free queries, and have reports made."""
EXPORTER: Final = "exporter"
"""May besides take a lineage away, in forms that other tools read."""
ROLES: Final = (VIEWER, AUDITOR, EXPORTER)
_looking: ContextVar[Viewer | None] = ContextVar("looking", default=None)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as whoever let them in knows them.

    Parameters
    ----------
    name
        Of the account: what the log tells.
    groups
        That they belong to, as the door was told.
    orcid
        Their ORCID iD, where they signed in with it.
    shown
        Their name for people, if it is another.
    """

    name: str
    groups: frozenset[str] = frozenset()
    orcid: str | None = None
    shown: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"name": self.name, "groups": sorted(self.groups), "orcid": self.orcid, "shown": self.shown}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Identity:
        """Return whom that told."""
        return cls(told["name"], frozenset(told["groups"]), told["orcid"], told["shown"])


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks.

    Parameters
    ----------
    name
        For a person; of whoever has this machine's token, the user that started the server.
    roles
        What they may do.
    groups
        To which groups they belong; None where groups do not matter.
    sees
        Which crates they may see; None for all.
    account
        Name of the account, for the log; ``name`` if it is the same.
    """

    name: str
    roles: frozenset[str] = frozenset({VIEWER})
    groups: frozenset[str] | None = None
    sees: Selection | None = None
    account: str | None = None

    @property
    def logged_as(self) -> str:
        """What the log of views calls them."""
        return self.account or self.name


def require(role: str) -> Callable[[Request], Viewer]:
    """Return the dependency that lets only those in who have a role.

    Parameters
    ----------
    role
        Such as ``viewer``.
    """

    def viewer(request: Request) -> Viewer:
        found: Viewer | None = getattr(request.state, "viewer", None)
        if found is None:
            raise HTTPException(401, "Nobody is signed in.")
        if role not in found.roles:
            raise HTTPException(403, "This is for others.")
        return found

    return viewer


@contextmanager
def looking(viewer: Viewer) -> Iterator[None]:
    """Have everything asked inside the block be asked by somebody."""
    token = _looking.set(viewer)
    try:
        yield
    finally:
        _looking.reset(token)


def who_looks() -> Viewer:
    """Return who asks.

    Raises
    ------
    AccessError
        If nobody does: what forgot to say for whom it asks gets no answer.
    """
    found = _looking.get()
    if found is None:
        raise AccessError("Nobody is signed in, so nothing of the catalogue is told.")
    return found
