"""Who looks at a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import HTTPException, Request

VIEWER: Final = "viewer"
"""Whoever may look at all."""


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
    """

    name: str
    roles: frozenset[str] = frozenset({VIEWER})
    groups: frozenset[str] | None = None


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
