"""Signing in: the router, and the session that it gives out."""

from __future__ import annotations

from typing import Any

import Glacier2
import Ice
import omero
import omero.api
import omero.cmd

from tests.omero_server.services.service import Call, Service

SERVICES = {
    "getAdminService": "IAdmin",
    "getConfigService": "IConfig",
    "getContainerService": "IContainer",
    "getLdapService": "ILdap",
    "getPixelsService": "IPixels",
    "getProjectionService": "IProjection",
    "getQueryService": "IQuery",
    "getRenderingSettingsService": "IRenderingSettings",
    "getRepositoryInfoService": "IRepositoryInfo",
    "getRoiService": "IRoi",
    "getScriptService": "IScript",
    "getSessionService": "ISession",
    "getShareService": "IShare",
    "getTimelineService": "ITimeline",
    "getTypesService": "ITypes",
    "getUpdateService": "IUpdate",
    "getMetadataService": "IMetadata",
}
STORES = {
    "createExporter": "Exporter",
    "createRawFileStore": "RawFileStore",
    "createRawPixelsStore": "RawPixelsStore",
    "createRenderingEngine": "RenderingEngine",
    "createSearchService": "Search",
    "createThumbnailStore": "ThumbnailStore",
}


class Router(Service, Glacier2.Router):
    """The door: a name and a password, or a session's key as both, for a session."""

    needs_session = False

    def do_getClientProxy(self, call: Call) -> None:
        """Return nothing, which lets clients reach the services by this router's own endpoints."""
        return

    def do_getServerProxy(self, call: Call) -> Any:
        """Return anything: clients make a callback's address from it, which is never called."""
        return self.server.adapter.createProxy(Ice.stringToIdentity("callback/unused"))

    def do_addProxies(self, call: Call, proxies: Any) -> list[Any]:
        """Evict nothing."""
        return []

    def do_getCategoryForClient(self, call: Call) -> str:
        """Return a category for callbacks."""
        return "client"

    def do_getSessionTimeout(self, call: Call) -> int:
        """Return after how many idle seconds a session ends."""
        return int(self.server.sessions.idle_limit)

    def do_getACMTimeout(self, call: Call) -> int:
        """Return that connections are not closed for being idle."""
        return 0

    def do_createSession(self, call: Call, user: str, password: str) -> Any:
        """Return a session, or ``PermissionDeniedException``."""
        refusal = self.server.faults.refuse_sign_in
        session = None if refusal else self.server.sessions.open(user, password, call.current.ctx)
        if session is None:
            raise Glacier2.PermissionDeniedException(refusal or f"Password check failed for '{user}'")
        return omero.api.ServiceFactoryPrx.uncheckedCast(self.server.proxy(session.key, session))

    def do_refreshSession(self, call: Call) -> None:
        """Do nothing: sessions are kept alive by their own calls."""

    def do_destroySession(self, call: Call) -> None:
        """Do nothing: which session a connection belongs to is not followed."""


class SessionServant(Service, omero.api.ServiceFactory):
    """A session as its owner sees it: the place to get the services from."""

    def service(self, interface: str) -> Any:
        """Return a service that has no state of its own."""
        proxy = self.server.proxy(f"omero.api.{interface}", self.session)
        return getattr(omero.api, f"{interface}Prx").uncheckedCast(proxy)

    def store(self, interface: str) -> Any:
        """Return a new service with a state."""
        assert self.session is not None
        proxy = self.server.add(self.server.servant(interface, self.session), self.session, interface)
        return getattr(omero.api, f"{interface}Prx").uncheckedCast(proxy)

    def do_getByName(self, call: Call, name: str) -> Any:
        """Return a service by the name of its interface."""
        return omero.api.ServiceInterfacePrx.uncheckedCast(self.service(name.removeprefix("omero.api.")))

    def do_createByName(self, call: Call, name: str) -> Any:
        """Return a new service with a state by the name of its interface."""
        return omero.api.StatefulServiceInterfacePrx.uncheckedCast(self.store(name.removeprefix("omero.api.")))

    def do_sharedResources(self, call: Call) -> Any:
        """Return what gives out tables."""
        proxy = self.server.proxy("omero.grid.SharedResources", self.session)
        return omero.grid.SharedResourcesPrx.uncheckedCast(proxy)

    def do_submit(self, call: Call, request: Any) -> Any:
        """Carry out a command at once and return the handle to its response."""
        return self.server.commands.submit(call, request)

    def do_setCallback(self, call: Call, callback: Any) -> None:
        """Forget the callback: this server never calls a client."""

    def do_subscribe(self, call: Call, topic: str, proxy: Any) -> None:
        """Forget the subscription."""

    def do_closeOnDestroy(self, call: Call) -> None:
        """Let the session end with its connection."""

    def do_detachOnDestroy(self, call: Call) -> None:
        """Let the session outlive its connection."""

    def do_activeServices(self, call: Call) -> list[str]:
        """Return the names of the open services with a state."""
        return self.server.open_services(call.in_session())

    def do_keepAlive(self, call: Call, proxy: Any) -> bool:
        """Return that the session lives."""
        return True

    def do_keepAllAlive(self, call: Call, proxies: Any) -> int:
        """Return that all services live."""
        return -1

    def do_destroy(self, call: Call) -> None:
        """Leave the session; it ends with its last reference."""
        self.server.sessions.leave(call.in_session())

    def do_getSecurityContexts(self, call: Call) -> list[Any]:
        """Return the groups that the session may enter."""
        return [omero.model.ExperimenterGroupI(number, False) for number in call.account.groups]

    def do_setSecurityContext(self, call: Call, thing: Any) -> Any:
        """Move the session into another group; return the old one."""
        session = call.in_session()
        old, new = session.group, thing.id.val
        if new not in call.account.groups and not call.account.admin:
            raise omero.SecurityViolation("", "", f"{call.account.name} is not a member of group {new}")
        session.group = new
        return omero.model.ExperimenterGroupI(old, False)


def give_service(interface: str) -> Any:
    return lambda self, call: self.service(interface)


def give_store(interface: str) -> Any:
    return lambda self, call: self.store(interface)


for operation, interface in SERVICES.items():
    setattr(SessionServant, f"do_{operation}", give_service(interface))
for operation, interface in STORES.items():
    setattr(SessionServant, f"do_{operation}", give_store(interface))


class ISession(Service, omero.api.ISession):
    """Sessions looked at, made for other purposes, and ended."""

    def do_getSession(self, call: Call, key: str) -> Any:
        """Return a session's description."""
        return self.server.sessions.described(call, self.server.sessions.named(key))

    def do_getReferenceCount(self, call: Call, key: str) -> int:
        """Return by how many a session is held."""
        return self.server.sessions.named(key).references

    def do_closeSession(self, call: Call, session: Any) -> int:
        """End a session once; return how many references are left."""
        return self.server.sessions.leave(self.server.sessions.named(session.uuid.val))

    def do_createUserSession(self, call: Call, life: int, idle: int, group: str) -> Any:
        """Return another session of the same user."""
        made = self.server.sessions.start(call.account, group, life / 1000, idle / 1000)
        return self.server.sessions.described(call, made)

    def do_createSessionWithTimeouts(self, call: Call, principal: Any, life: int, idle: int) -> Any:
        """Return a session for another user; only for administrators."""
        if not call.account.admin:
            raise omero.SecurityViolation("", "", "Only administrators may make sessions for others")
        made = self.server.sessions.start(
            self.server.accounts[principal.name], principal.group, life / 1000, idle / 1000
        )
        return self.server.sessions.described(call, made)

    def do_createSessionWithTimeout(self, call: Call, principal: Any, life: int) -> Any:
        """Return a session for another user with the usual idle limit."""
        return self.do_createSessionWithTimeouts(call, principal, life, 0)

    def do_getMyOpenSessions(self, call: Call) -> list[Any]:
        """Return the user's own sessions."""
        mine = [session for session in self.server.sessions.open_ones() if session.account is call.account]
        return [self.server.sessions.described(call, session) for session in mine]
