"""IAdmin and IConfig: who one is, who else there is, and what the server says of itself."""

from __future__ import annotations

import re
import time
from typing import Any

import omero.api
import omero.sys
from omero.rtypes import rtime

from tests.omero_server.marshalling import Marshaller
from tests.omero_server.services.service import Call, Service

MEMBERS = "left outer join fetch {}.groupExperimenterMap m left outer join fetch m.{} x"
EXPERIMENTER = f"select e from Experimenter e {MEMBERS.format('e', 'parent')}"
GROUP = f"select g from ExperimenterGroup g {MEMBERS.format('g', 'child')}"
PRIVILEGES = (
    "Chgrp", "Chown", "DeleteFile", "DeleteManagedRepo", "DeleteOwned", "DeleteScriptRepo", "ModifyGroup",
    "ModifyGroupMembership", "ModifyUser", "ReadSession", "Sudo", "WriteFile", "WriteManagedRepo", "WriteOwned",
    "WriteScriptRepo",
)  # fmt: skip


class IAdmin(Service, omero.api.IAdmin):
    """Users and groups."""

    def do_getEventContext(self, call: Call) -> Any:
        """Return who asks, in which group."""
        session, account = call.in_session(), call.account
        number = call.view.asker.group
        group = call.view.store.find("ExperimenterGroup", session.group if number < 0 else number)
        assert group is not None
        return omero.sys.EventContext(
            shareId=-1,
            sessionId=session.row.id or 0,
            sessionUuid=session.key,
            userId=account.row.id or 0,
            userName=account.name,
            groupId=group.id or 0,
            groupName=str(group["name"]),
            isAdmin=account.admin,
            adminPrivileges=list(PRIVILEGES) if account.admin else [],
            eventId=0,
            eventType="User",
            memberOfGroups=list(account.groups),
            leaderOfGroups=sorted(account.leads),
            groupPermissions=Marshaller(call.view).permissions(group),
        )

    def do_getSecurityRoles(self, call: Call) -> Any:
        """Return which users and groups are the system's own."""
        system, user, guests = self.server.own_groups
        return omero.sys.Roles(
            rootId=self.server.root.row.id or 0,
            rootName="root",
            systemGroupId=system.id or 0,
            systemGroupName="system",
            userGroupId=user.id or 0,
            userGroupName="user",
            guestId=-1,
            guestName="guest",
            guestGroupId=guests.id or 0,
            guestGroupName="guest",
        )

    def do_getExperimenter(self, call: Call, number: int) -> Any:
        """Return a user with its groups."""
        call.find("Experimenter", number)
        return call.objects(f"{EXPERIMENTER} where e.id = :id", id=number)[0]

    def do_lookupExperimenter(self, call: Call, name: str) -> Any:
        """Return a user by name, or raise."""
        return found(
            call.objects(f"{EXPERIMENTER} where e.omeName = :name", name=name), f"No such experimenter: {name}"
        )

    def do_lookupExperimenters(self, call: Call) -> list[Any]:
        """Return all users."""
        return call.objects(EXPERIMENTER)

    def do_getGroup(self, call: Call, number: int) -> Any:
        """Return a group with its members."""
        call.find("ExperimenterGroup", number)
        return call.objects(f"{GROUP} where g.id = :id", id=number)[0]

    def do_lookupGroup(self, call: Call, name: str) -> Any:
        """Return a group by name, or raise."""
        return found(call.objects(f"{GROUP} where g.name = :name", name=name), f"No such group: {name}")

    def do_lookupGroups(self, call: Call) -> list[Any]:
        """Return all groups."""
        return call.objects(GROUP)

    def do_containedGroups(self, call: Call, number: int) -> list[Any]:
        """Return the groups of a user."""
        return call.objects("select m.parent from GroupExperimenterMap m where m.child.id = :id", id=number)

    def do_containedExperimenters(self, call: Call, number: int) -> list[Any]:
        """Return the members of a group."""
        return call.objects("select m.child from GroupExperimenterMap m where m.parent.id = :id", id=number)

    def do_getDefaultGroup(self, call: Call, number: int) -> Any:
        """Return the first group of a user."""
        return self.do_containedGroups(call, number)[0]

    def do_getMemberOfGroupIds(self, call: Call, experimenter: Any) -> list[int]:
        """Return the ids of a user's groups."""
        return list(self.server.account(experimenter.id.val).groups)

    def do_getLeaderOfGroupIds(self, call: Call, experimenter: Any) -> list[int]:
        """Return the ids of the groups that a user leads."""
        return sorted(self.server.account(experimenter.id.val).leads)

    def do_getCurrentAdminPrivileges(self, call: Call) -> list[Any]:
        """Return what an administrator may do; nothing for others."""
        return self.do_getAdminPrivileges(call, omero.model.ExperimenterI(call.account.row.id, False))

    def do_getAdminPrivileges(self, call: Call, experimenter: Any) -> list[Any]:
        """Return what an administrator may do; nothing for others."""
        if not self.server.account(experimenter.id.val).admin:
            return []
        rows = [call.view.store.enumeration("AdminPrivilege", name) for name in PRIVILEGES]
        return [Marshaller(call.view).object(row) for row in rows]

    def do_canUpdate(self, call: Call, thing: Any) -> bool:
        """Tell whether an object may be changed."""
        row = call.find(type(thing).__name__.removesuffix("I"), thing.id.val)
        return call.view.asker.may_edit(*call.view.store.standing(row))


def found(objects: list[Any], otherwise: str) -> Any:
    """Return the first, or raise as the server does."""
    if not objects:
        raise omero.ApiUsageException("", "ApiUsageException", otherwise)
    return objects[0]


class IConfig(Service, omero.api.IConfig):
    """What the server says of itself."""

    def do_getVersion(self, call: Call) -> str:
        """Return the version that is imitated."""
        return self.server.config["omero.version"]

    def do_getDatabaseUuid(self, call: Call) -> str:
        """Return the identity of the database."""
        return self.server.database_uuid

    def do_getConfigValue(self, call: Call, name: str) -> str:
        """Return a setting; an empty text if there is none."""
        return self.server.setting(name)

    def do_getConfigValues(self, call: Call, pattern: str) -> dict[str, str]:
        """Return the settings whose names match."""
        return {name: value for name, value in self.server.config.items() if re.match(pattern, name)}

    def do_getClientConfigValues(self, call: Call) -> dict[str, str]:
        """Return the settings that are meant for clients."""
        return {name: value for name, value in self.server.config.items() if name.startswith("omero.client.")}

    def do_getClientConfigDefaults(self, call: Call) -> dict[str, str]:
        """Return the defaults of the settings that are meant for clients."""
        return {}

    def do_getServerTime(self, call: Call) -> Any:
        """Return the time."""
        return rtime(int(time.time() * 1000))

    def do_getDatabaseTime(self, call: Call) -> Any:
        """Return the time."""
        return rtime(int(time.time() * 1000))
