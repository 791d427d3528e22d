"""The one connection that a process has to an OMERO server: opened once, kept alive, joined again when it is lost.

``BlitzGateway.connect`` tries a wrong password twice, which counts double where accounts are locked; so the session is
opened here, by one call, and the gateway gets it ready-made.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from filiation.errors import AccessError, MissingExtraError, ServerError
from filiation.images.omero.address import Host
from filiation.images.omero.credentials import Credentials, find_credentials, nothing_found

VERIFY_VARIABLE = "FILIATION_OMERO_VERIFY"
AUTHORITY_VARIABLE = "FILIATION_OMERO_CA"
RETRIES_VARIABLE = "FILIATION_OMERO_RETRIES"
DEFAULT_RETRIES = 4
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
_KEEP_ALIVE_SECONDS = 60
_NOT_SPECIAL = ("1", "true", "yes", "on")

_Result = TypeVar("_Result")


class Connection:
    """A session on a server; see :func:`connect`.

    Parameters
    ----------
    host
        The server.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self._omero = _omero()
        self._guard = threading.RLock()
        self._rejoined = 0
        self._own_session = False
        self._key = ""
        self.user = ""
        self.gateway: Any = None
        self._sign_in()

    # -- signing in

    def _sign_in(self) -> None:
        refused: AccessError | None = None
        for credentials in find_credentials(self.host):
            try:
                self._enter(credentials)
                return
            except AccessError as error:
                if not credentials.is_key:
                    raise
                refused = error  # a session that is over; what is found next may still do
        raise refused or nothing_found(self.host)

    def _enter(self, credentials: Credentials) -> None:
        name = credentials.secret if credentials.is_key else credentials.user
        client = self._client()
        try:
            attempts = self._attempts(lambda: client.createSession(name, credentials.secret))
            attempts.detachOnDestroy()
        except self._unreachable() as error:
            _close(client)
            raise self._gone(error) from None
        except self._omero.ice.SecurityException:
            _close(client)
            raise ServerError(
                f"The certificate of the OMERO server {self.host} cannot be verified, so nothing was sent to it. Set "
                f"{AUTHORITY_VARIABLE} to a file with the certificate of who signed it (PEM), or ask the server's "
                "administrator."
            ) from None
        except self._refusals():
            _close(client)
            raise AccessError(self._why_refused(credentials)) from None
        self._own_session = not credentials.is_key
        self._key = client.getSessionId()
        self._take(client)

    def _why_refused(self, credentials: Credentials) -> str:
        if credentials.is_key:
            return (
                f"The OMERO server {self.host} does not know {credentials.source}: it is over, or of another server. "
                "Run `omero login` again, or set OMERO_SESSION to a new key."
            )
        return (
            f"The OMERO server {self.host} refused the user {credentials.user!r} with the password from "
            f"{credentials.source}. It was tried once, and is not tried again, so that no account is locked. Correct "
            "the password, or ask the server's administrator."
        )

    def _client(self) -> Any:
        properties = {
            "omero.host": self.host.name,
            "omero.port": str(self.host.port),
            "Ice.Warn.Connections": "0",
            **_tls_properties(),
        }
        with _root_logger_left_alone():
            client = self._omero.client(properties)
        client.setAgent("filiation")
        return client

    def _take(self, client: Any) -> None:
        client.enableKeepAlive(_KEEP_ALIVE_SECONDS)
        gateway = self._omero.gateway.BlitzGateway(client_obj=client)
        gateway.connect()
        gateway.SERVICE_OPTS.setOmeroGroup("-1")
        context = client.sf.getAdminService().getEventContext()
        self.user = context.userName
        self.gateway = gateway

    # -- calling

    def call(self, action: Callable[[], _Result], about: str, *, once: bool = False) -> _Result:
        """Do something on the server; join the session again if the connection is lost, a bounded number of times.

        Parameters
        ----------
        action
            What is done; it takes what it needs from this object, so that a second time it finds the new connection.
        about
            What it is for, for messages: ``"reading image 51"``.
        once
            Whether it must not be done a second time: what was lost may only have been the answer.

        Raises
        ------
        AccessError
            If the session is over, or what is asked for is not allowed.
        ServerError
            If the connection is lost and cannot be had again, or the server fails.
        """
        for attempt in range(retries() + 1):
            seen = self._rejoined
            try:
                return action()
            except self._ended() as error:
                raise AccessError(
                    f"The session on the OMERO server {self.host} ended while {about} ({type(error).__name__}). What "
                    "was read so far is kept. Sign in again and repeat the command: it goes on from there."
                ) from None
            except self._omero.SecurityViolation:
                raise AccessError(
                    f"The OMERO server {self.host} does not let the user {self.user!r} do this: {about}. Ask the "
                    "owner, or the leader of the group, for access."
                ) from None
            except self._unreachable() as error:
                if once:
                    raise self._broke_off(error, about) from None
                if attempt == retries():
                    raise self._gone(error, about) from None
                time.sleep(min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT))
                self._join_again(seen)
            except self._failures() as error:
                raise ServerError(
                    f"The OMERO server {self.host} failed while {about}: {_said(error)}. Its log tells more; ask its "
                    "administrator."
                ) from None
        raise AssertionError("the loop returns or raises")

    def _join_again(self, seen: int) -> None:
        """Connect to the same session anew, once for all threads that lost it; leave a server that is still away."""
        with self._guard:
            if self._rejoined != seen or self._is_alive():
                return
            client = self._client()
            try:
                client.createSession(self._key, self._key).detachOnDestroy()
            except self._unreachable():
                _close(client)
                return
            except self._refusals():
                _close(client)
                raise AccessError(
                    f"The connection to the OMERO server {self.host} was lost, and its session is over. What was read "
                    "so far is kept. Sign in again and repeat the command: it goes on from there."
                ) from None
            before = self.gateway.c
            self._take(client)
            self._rejoined += 1
            _close(before)

    def _is_alive(self) -> bool:
        """Tell whether this connection still works: it may be a reader's own that was lost."""
        try:
            self.gateway.c.sf.getAdminService().getEventContext()
        except self._omero.ice.Exception:
            return False
        return True

    def another_client(self) -> Any:
        """Return a further connection into the same session, for reading side by side; the caller closes it.

        Returns None where the server allows no more.
        """
        client = self._client()
        try:
            client.createSession(self._key, self._key).detachOnDestroy()
        except (*self._unreachable(), *self._refusals()):
            _close(client)
            return None
        return client

    def close(self) -> None:
        """End the session if it was opened here; leave it if it was somebody's before."""
        if self.gateway is None:
            return
        client, self.gateway = self.gateway.c, None
        try:
            if self._own_session:
                client.killSession()
            else:
                client.closeSession()
        except Exception:  # at the end of a process nothing depends on it: the session runs out by itself
            logging.getLogger(__name__).debug("The session could not be closed.")

    # -- what Ice and OMERO raise

    def _attempts(self, action: Callable[[], Any]) -> Any:
        for attempt in range(retries()):
            try:
                return action()
            except self._unreachable():
                time.sleep(min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT))
        return action()

    def _gone(self, error: Exception, about: str = "signing in") -> ServerError:
        return ServerError(
            f"The OMERO server {self.host} cannot be reached ({_said(error)}) while {about}; it was tried "
            f"{retries() + 1} times. What was read so far is kept. Check the name, the port and the network, and "
            "repeat the command: it goes on from there."
        )

    def _broke_off(self, error: Exception, about: str) -> ServerError:
        return ServerError(
            f"The connection to the OMERO server {self.host} was lost ({_said(error)}) while {about}. Whether that was "
            "still done is not known. Repeat the command: it looks first, and does only what is missing."
        )

    def _unreachable(self) -> tuple[type[Exception], ...]:
        ice = self._omero.ice
        return (ice.SocketException, ice.TimeoutException, ice.DNSException, ice.CloseConnectionException,
                ice.ForcedCloseConnectionException, ice.ProtocolException,
                ice.CommunicatorDestroyedException)  # fmt: skip

    def _ended(self) -> tuple[type[Exception], ...]:
        omero = self._omero
        return (omero.SessionException, omero.glacier2.SessionNotExistException, omero.ice.ObjectNotExistException)

    def _refusals(self) -> tuple[type[Exception], ...]:
        omero = self._omero
        return (
            omero.glacier2.PermissionDeniedException, omero.glacier2.CannotCreateSessionException,
            omero.ClientError, *self._ended(),
        )  # fmt: skip

    def _failures(self) -> tuple[type[Exception], ...]:
        return (self._omero.ServerError, self._omero.ice.Exception)


class _Omero:
    """The modules of omero-py that are needed, and their exceptions; imported once, late."""

    def __init__(self) -> None:
        import Glacier2
        import Ice
        import omero
        import omero.gateway

        # They log the arguments of calls that fail, which may hold what is nobody's business.
        for name in ("omero", "blitz"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.ice: Any = Ice
        self.glacier2: Any = Glacier2
        self.client: Any = omero.client
        self.gateway: Any = omero.gateway
        self.SecurityViolation: Any = omero.SecurityViolation
        self.SessionException: Any = omero.SessionException
        self.ServerError: Any = omero.ServerError
        self.ClientError: Any = omero.ClientError


def _omero() -> _Omero:
    try:
        return _Omero()
    except ImportError as error:
        raise MissingExtraError(
            f"To speak to OMERO, filiation needs omero-py, which is not installed ({error}). Install the extra: "
            "`pip install 'filiation[omero]'`; docs/how-to/omero.md says where a ready zeroc-ice for it is found. In a "
            "clone, `make omero` builds it."
        ) from error


_open: dict[tuple[int, Host], Connection] = {}
_opening = threading.Lock()


def connect(host: Host) -> Connection:
    """Return this process' connection to a server, opened if there is none yet; it is closed when the process ends.

    Raises
    ------
    MissingExtraError
        If omero-py is not installed.
    AccessError
        If nothing is found to sign in with, or the server refuses it.
    ServerError
        If the server cannot be reached.
    """
    with _opening:
        place = (os.getpid(), host)  # a connection does not survive a fork
        if place not in _open:
            _open[place] = Connection(host)
        return _open[place]


@atexit.register
def close_all() -> None:
    """Close this process' connections."""
    with _opening:
        for place in [place for place in _open if place[0] == os.getpid()]:
            _open.pop(place).close()


def retries() -> int:
    """Return how often a lost connection is tried again."""
    text = os.environ.get(RETRIES_VARIABLE, "")
    return int(text) if text.isdigit() else DEFAULT_RETRIES


def _tls_properties() -> dict[str, str]:
    """Return what Ice needs to check the server's certificate, if that is asked for: omero-py does not by itself."""
    authority = os.environ.get(AUTHORITY_VARIABLE, "")
    if not authority and os.environ.get(VERIFY_VARIABLE, "").lower() not in _NOT_SPECIAL:
        return {}
    return {
        "IceSSL.VerifyPeer": "1",
        "IceSSL.CheckCertName": "1",
        "IceSSL.Ciphers": "HIGH:!aNULL",  # OMERO's usual ones let servers be without a certificate
        **({"IceSSL.CAs": authority} if authority else {"IceSSL.UsePlatformCAs": "1"}),
    }


@contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    """Keep omero-py from configuring everybody's logging, which it does where it finds none."""
    placeholder = logging.NullHandler()
    logging.root.addHandler(placeholder)
    try:
        yield
    finally:
        logging.root.removeHandler(placeholder)


def _said(error: Exception) -> str:
    message = str(getattr(error, "message", "") or getattr(error, "reason", "") or "").strip().splitlines()
    return f"{type(error).__name__}: {message[0]}" if message and message[0] else type(error).__name__


def _close(client: Any) -> None:
    try:
        client.closeSession()
    except Exception:  # it is lost already
        logging.getLogger(__name__).debug("A connection could not be closed.")
