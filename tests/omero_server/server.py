"""The server: an Ice adapter on loopback with TLS and without, its servants, its store."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.api
import omero.ObjectFactoryRegistrar
import omero.rtypes

from tests.omero_server.accounts import READ_ANNOTATE, Account, Asker, Session
from tests.omero_server.certificate import write_certificate
from tests.omero_server.faults import Faults
from tests.omero_server.pixel_data import BITS, PixelData
from tests.omero_server.planting import Planting
from tests.omero_server.rows import Row
from tests.omero_server.services.administration import IAdmin, IConfig
from tests.omero_server.services.commands import Commands
from tests.omero_server.services.files import RawFileStore
from tests.omero_server.services.images import IContainer, IMetadata, IPixels
from tests.omero_server.services.querying import IQuery, ITypes
from tests.omero_server.services.raw_pixels import RawPixelsStore
from tests.omero_server.services.rois import IRoi
from tests.omero_server.services.service import Service, Unwritten
from tests.omero_server.services.signing_in import ISession, Router, SessionServant
from tests.omero_server.services.tables import SharedResources
from tests.omero_server.services.updating import IUpdate
from tests.omero_server.sessions import IDLE_LIMIT, Sessions
from tests.omero_server.store import Store, View

VERSION = "5.6.0"
MESSAGE_LIMIT = 250_000
"""Kibibytes, as OMERO's own default."""
SERVANTS: dict[str, type[Service]] = {
    each.__name__: each
    for each in (
        IAdmin, IConfig, IContainer, IMetadata, IPixels, IQuery, IRoi, ISession, ITypes, IUpdate, RawFileStore,
        RawPixelsStore, SharedResources,
    )
}  # fmt: skip
DIMENSION_ORDERS = ("XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC")


class OmeroServer:
    """An OMERO server of its own for tests; a context manager.

    ``host`` and ``port`` are for clients; ``root_password`` is for the administrator ``root``, who is there from the
    start, as is the group ``lab`` (read-annotate). ``store`` may be looked at, ``faults`` set, ``calls`` read.
    """

    host = "127.0.0.1"
    root_password = "root-password"

    def __init__(self, idle_limit: float = IDLE_LIMIT) -> None:
        self.store = Store()
        self.faults = Faults()
        self.calls: list[str] = []
        self.sessions = Sessions(self, idle_limit)
        self.faults.sessions = self.sessions
        self.commands = Commands(self)
        self.accounts: dict[str, Account] = {}
        self.pixel_data: dict[int, PixelData] = {}
        self.file_data: dict[int, bytearray] = {}
        self.tables: dict[int, Any] = {}
        self.database_uuid = str(uuid.uuid4())
        self.config: dict[str, str] = {
            "omero.version": VERSION,
            "omero.pixeldata.max_plane_width": "3192",
            "omero.pixeldata.max_plane_height": "3192",
        }
        self.servants: dict[tuple[str, str], Service] = {}
        self.plant_accounts()
        self.view = View(self.store, Asker(self.root, -1, everything=True))

    # -- people

    def plant_accounts(self) -> None:
        """Put in the system's own groups, the administrator, the group ``lab``, and the values of some classes."""
        self.own_groups = tuple(self.add_group(name, permissions="rwr---") for name in ("system", "user", "guest"))
        row = self.store.insert(
            "Experimenter", {"omeName": "root", "firstName": "root", "lastName": "root", "ldap": False}
        )
        self.root = Account(row, self.root_password, [], admin=True)
        self.accounts["root"] = self.root
        self.join("root", "system")
        self.join("root", "user")
        self.add_group("lab", permissions=READ_ANNOTATE)
        for name, bits in BITS.items():
            self.store.insert("PixelsType", {"value": name, "bitSize": bits})
        for order in DIMENSION_ORDERS:
            self.store.enumeration("DimensionOrder", order)

    def add_group(self, name: str, permissions: str = READ_ANNOTATE) -> Row:
        """Put in a group; permissions as ``rw----``, ``rwr---``, ``rwra--`` or ``rwrw--``."""
        return self.store.insert("ExperimenterGroup", {"name": name, "ldap": False, "permissions": permissions})

    def set_permissions(self, group: str, permissions: str) -> None:
        """Change what the members of a group may do with each other's objects."""
        row = self.store.find("ExperimenterGroup", self.group_number(group))
        assert row is not None
        row.values["permissions"] = permissions

    def add_user(self, name: str, password: str, groups: tuple[str, ...] = ("lab",), *, admin: bool = False) -> Account:
        """Put in a user; the first group is where a session begins."""
        values = {"omeName": name, "firstName": name.capitalize(), "lastName": "Tester", "ldap": False}
        row = self.store.insert("Experimenter", dict(values))
        account = Account(row, password, [], admin=admin)
        self.accounts[name] = account
        for group in (*groups, "user", *(("system",) if admin else ())):
            self.join(name, group)
        return account

    def join(self, user: str, group: str, *, leads: bool = False) -> None:
        """Make a user a member of a group."""
        account, number = self.accounts[user], self.group_number(group)
        parent = self.store.find("ExperimenterGroup", number)
        self.store.insert("GroupExperimenterMap", {"parent": parent, "child": account.row, "owner": leads})
        account.groups.append(number)
        if leads:
            account.leads.add(number)

    def group_number(self, name: str) -> int:
        """Return the id of a group by name, or by its number as text."""
        for row in self.store.rows("ExperimenterGroup"):
            if name in (row["name"], str(row.id)):
                return row.id or 0
        raise omero.ApiUsageException("", "ApiUsageException", f"No such group: {name}")

    def account(self, number: int) -> Account:
        """Return an account by the id of its experimenter."""
        for account in self.accounts.values():
            if account.row.id == number:
                return account
        raise omero.ApiUsageException("", "ApiUsageException", f"No such experimenter: {number}")

    def planting(self, owner: Row, group: Row | None) -> Planting:
        """Return what puts images and the like into the store for somebody."""
        assert group is not None
        return Planting(self, owner, group)

    def plant(self, user: str, group: str = "lab") -> Planting:
        """Return what puts images and the like into the store for a user in a group."""
        return self.planting(self.accounts[user].row, self.store.find("ExperimenterGroup", self.group_number(group)))

    # -- Ice

    def __enter__(self) -> OmeroServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on free ports of loopback, with TLS and without."""
        self.resources = ExitStack()
        folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory(prefix="omero-server-")))
        data = Ice.InitializationData()
        data.properties = Ice.createProperties()
        for name, value in self.properties(folder).items():
            data.properties.setProperty(name, value)
        self.communicator = Ice.initialize(data)
        self.resources.callback(self.communicator.destroy)
        omero.ObjectFactoryRegistrar.registerObjectFactory(self.communicator, None)
        for factory in omero.rtypes.ObjectFactories.values():
            factory.register(self.communicator)
        self.adapter = self.communicator.createObjectAdapterWithEndpoints(
            "OmeroServer", f"ssl -h {self.host} -p 0:tcp -h {self.host} -p 0"
        )
        self.adapter.addServantLocator(Locator(self), "")
        self.adapter.activate()
        secure, plain = (endpoint.getInfo() for endpoint in self.adapter.getEndpoints())
        self.port, self.plain_port = secure.port, plain.port
        self.config["omero.router.insecure"] = f"OMERO.Glacier2/router:tcp -p {self.plain_port} -h @omero.host@"

    def properties(self, folder: Path) -> dict[str, str]:
        """Return Ice's settings, with a certificate made for this server."""
        password = uuid.uuid4().hex
        self.certificate = write_certificate(folder, password, self.host)
        return {
            "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
            "IceSSL.DefaultDir": str(folder),
            "IceSSL.CertFile": self.certificate.store.name,
            "IceSSL.Password": password,
            "IceSSL.VerifyPeer": "0",
            "Ice.MessageSizeMax": str(MESSAGE_LIMIT),
            "Ice.ThreadPool.Server.Size": "8",
            "Ice.ThreadPool.Server.SizeWarn": "0",
            "Ice.Warn.Connections": "0",
            "Ice.Warn.Dispatch": "0",
            "Ice.ImplicitContext": "None",
            "Ice.ACM.Server.Close": "0",
        }

    def stop(self) -> None:
        """Close all connections and forget everything that was on disk."""
        self.resources.close()

    def proxy(self, name: str, session: Session | None) -> Any:
        """Return the address of a servant of a session."""
        return self.adapter.createProxy(Ice.Identity(name, session.key if session else ""))

    def add(self, servant: Service, session: Session, name: str) -> Any:
        """Keep a servant that has a state; return its address."""
        identity = f"{name}-{uuid.uuid4()}"
        self.servants[session.key, identity] = servant
        return self.proxy(identity, session)

    def drop(self, servant: Service) -> None:
        """Forget a servant that has a state."""
        self.servants = {place: each for place, each in self.servants.items() if each is not servant}

    def forget(self, key: str) -> None:
        """Forget the servants of a session."""
        self.servants = {place: each for place, each in self.servants.items() if place[0] != key}

    def open_services(self, session: Session) -> list[str]:
        """Return the names of a session's servants that have a state."""
        return [identity for key, identity in self.servants if key == session.key]

    def servant(self, interface: str, session: Session | None) -> Service:
        """Return a new servant of an interface; one that knows none of its calls if nobody wrote it."""
        known = SERVANTS.get(interface)
        if known is None:
            known = SERVANTS[interface] = type(interface, (Unwritten, getattr(omero.api, interface)), {})
        return known(self, session)

    def setting(self, name: str) -> str:
        """Return a setting of the server, empty if there is none."""
        return self.config.get(name, "")

    def end(self, key: str) -> None:
        """End a session, as an administrator may."""
        self.sessions.end(key)


class Locator(Ice.ServantLocator):
    """Finds the servant for a call by its identity: ``<service>`` in the category ``<session key>``."""

    def __init__(self, server: OmeroServer) -> None:
        super().__init__()
        self.server = server
        self.special: dict[str, Callable[[Session | None], Service]] = {
            "omero.grid.SharedResources": lambda session: SharedResources(server, session)
        }

    def locate(self, current: Any) -> Any:
        """Return the servant, or None for what there is not."""
        name, key = current.id.name, current.id.category
        if (key, name) == ("OMERO.Glacier2", "router"):
            return Router(self.server, None)
        if (key, name) in self.server.servants:
            return self.server.servants[key, name]
        session = self.server.sessions.by_key.get(key) or self.over(key)
        if session is None:
            return None
        if name == key:
            return SessionServant(self.server, session)
        if name in self.special:
            return self.special[name](session)
        if name.startswith("omero.api."):
            return self.server.servant(name.removeprefix("omero.api."), session)
        return None

    def over(self, key: str) -> Session | None:
        """Return what stands for a session that is over, so that calls hear why."""
        return Session(self.server.root, 0, self.server.root.row, key=key) if key else None

    def finished(self, current: Any, servant: Any, cookie: Any) -> None:
        """Do nothing after a call."""

    def deactivate(self, category: str) -> None:
        """Do nothing at the end."""
