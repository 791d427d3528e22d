"""Who may do and see what, by account, group or ORCID iD: pure rules, decided anew at every request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from filiation.catalogue.selection import Selection
from filiation.errors import BadInputError
from filiation.web.access.viewer import AUDITOR, EXPORTER, ROLES, VIEWER, Identity, Viewer

EVERYONE: Final = "everyone"
_KINDS: Final = ("user", "group", "orcid", "role")


@dataclass(frozen=True, slots=True)
class Sight:
    """What some may see of the catalogue.

    Parameters
    ----------
    who
        Such as ``group:lab-a``; or ``role:auditor``.
    groups
        Names or IRIs of groups on OMERO servers.
    containers
        Names or IRIs of projects, datasets, screens or plates.
    unassigned
        Whether also runs whose raw images nobody filed anywhere, or that had none.
    everything
        Whether simply all.
    """

    who: tuple[str, ...]
    groups: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    unassigned: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may do and see what.

    Parameters
    ----------
    roles
        For each role those who have it: ``user:…``, ``group:…``, ``orcid:…`` or ``everyone``.
    sights
        Who may see what; without any, whoever may look sees all. With any, who is in none of them sees nothing.
    """

    roles: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sights: tuple[Sight, ...] = ()

    def viewer(self, who: Identity) -> Viewer | None:
        """Return what somebody may do and see; None if they may not look at all."""
        told = {f"user:{who.name}", EVERYONE, *(f"group:{group}" for group in who.groups)}
        if who.orcid is not None:
            told.add(f"orcid:{who.orcid}")
        roles = frozenset(role for role, names in self.roles if told & set(names))
        if not roles:
            return None
        told |= {f"role:{role}" for role in roles}
        return Viewer(
            who.shown or who.name, roles | {VIEWER}, groups=who.groups, sees=self._selection(told), account=who.name
        )

    def _selection(self, told: set[str]) -> Selection | None:
        if not self.sights:
            return None
        mine = [sight for sight in self.sights if told & set(sight.who)]
        if any(sight.everything for sight in mine):
            return None
        return Selection(
            groups=frozenset().union(*(sight.groups for sight in mine)),
            containers=frozenset().union(*(sight.containers for sight in mine)),
            unassigned=any(sight.unassigned for sight in mine),
        )


EVERYTHING: Final = frozenset({VIEWER, AUDITOR, EXPORTER})
"""What whoever started the server for themselves may do."""


def read_rules(roles: Mapping[str, object], sees: Sequence[Mapping[str, object]], place: str) -> Rules:
    """Read the rules from tables of a file.

    Raises
    ------
    BadInputError
        If there is no such role, or somebody is not named as they have to be.
    """
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise BadInputError(f"{place}: there is no role {unknown[0]!r}. There are: {', '.join(ROLES)}.")
    given = tuple((role, _names(names, place, f"access.roles.{role}")) for role, names in sorted(roles.items()))
    return Rules(given, tuple(_sight(table, place) for table in sees))


def _sight(table: Mapping[str, object], place: str) -> Sight:
    known = ("who", "omero_groups", "containers", "unassigned", "everything")
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise BadInputError(f"{place}: access.sees has no {unknown[0]!r}. There are: {', '.join(known)}.")
    flags = {key: table.get(key, False) for key in ("unassigned", "everything")}
    for key, value in flags.items():
        if not isinstance(value, bool):
            raise BadInputError(f"{place}: access.sees.{key} has to be true or false; got {value!r}.")
    return Sight(
        _names(table.get("who", []), place, "access.sees.who"),
        frozenset(_texts(table.get("omero_groups", []), place, "access.sees.omero_groups")),
        frozenset(_texts(table.get("containers", []), place, "access.sees.containers")),
        unassigned=flags["unassigned"] is True,
        everything=flags["everything"] is True,
    )


def _names(value: object, place: str, key: str) -> tuple[str, ...]:
    found = _texts(value, place, key)
    for name in found:
        kind, colon, rest = name.partition(":")
        if name != EVERYONE and not (colon and rest and kind in _KINDS):
            raise BadInputError(
                f"{place}: {key}: {name!r} names nobody; expected user:NAME, group:NAME, orcid:IDENTIFIER or everyone."
            )
        if kind == "role" and (key != "access.sees.who" or rest not in ROLES):
            raise BadInputError(f"{place}: {key}: there is no {name!r}. Roles are: {', '.join(ROLES)}.")
    return found


def _texts(value: object, place: str, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise BadInputError(f"{place}: {key} has to be a list of texts; got {value!r}.")
    return tuple(value)
