"""Who may see and change what: users, groups with their permissions, and sessions that run out."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from tests.omero_server.rows import Row

PRIVATE, READ_ONLY, READ_ANNOTATE, READ_WRITE = "rw----", "rwr---", "rwra--", "rwrw--"
ALL_GROUPS = -1


@dataclass(slots=True)
class Account:
    """A user: the row that clients see, the password, and the groups by id, those led among them."""

    row: Row
    password: str
    groups: list[int]
    leads: set[int] = field(default_factory=set)
    admin: bool = False

    @property
    def name(self) -> str:
        """Return the name to sign in with."""
        return str(self.row["omeName"])


@dataclass(slots=True)
class Session:
    """A session: its key is as good as the password while it lives. Times in seconds of a steady clock."""

    account: Account
    group: int
    row: Row
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    idle_limit: float = 600.0
    life_limit: float = 0.0
    """0: no limit but the idle one."""
    started: float = field(default_factory=time.monotonic)
    touched: float = field(default_factory=time.monotonic)
    references: int = 1

    def expired(self) -> bool:
        """Tell whether the session was left alone, or has lived, for too long."""
        now = time.monotonic()
        idle = bool(self.idle_limit) and now - self.touched > self.idle_limit
        return idle or (bool(self.life_limit) and now - self.started > self.life_limit)

    def touch(self) -> None:
        """Note that the session was used."""
        self.touched = time.monotonic()


@dataclass(frozen=True, slots=True)
class Asker:
    """An account as one call makes use of it: in one group, or across all of them."""

    account: Account
    group: int
    everything: bool = False
    """Whether no rule applies: the server itself."""

    def sees(self, owner: int | None, group: int | None, permissions: str) -> bool:
        """Tell whether an object of that owner and group is seen; what has no group everybody sees."""
        if self.everything or group is None:
            return True
        if self.group not in (ALL_GROUPS, group):
            return False
        if self.account.admin:
            return True
        return group in self.account.groups and (
            owner == self.account.row.id or group in self.account.leads or permissions[2] == "r"
        )

    def owns(self, owner: int | None, group: int | None) -> bool:
        """Tell whether an object is this account's own, or as good as that."""
        return self.everything or self.account.admin or owner == self.account.row.id or group in self.account.leads

    def may_annotate(self, owner: int | None, group: int | None, permissions: str) -> bool:
        """Tell whether annotations may be linked to an object."""
        return self.owns(owner, group) or permissions[3] in "aw"

    def may_edit(self, owner: int | None, group: int | None, permissions: str) -> bool:
        """Tell whether an object may be changed, deleted, or linked to others."""
        return self.owns(owner, group) or permissions[3] == "w"

    def may_create(self, group: int) -> bool:
        """Tell whether new objects may be put into a group."""
        return self.everything or self.account.admin or group in self.account.groups
