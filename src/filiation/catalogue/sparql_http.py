"""Requests to a SPARQL server: signed in, within a time, tried again where that helps, failures told in words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from filiation.catalogue.dialects import BASIC, TOKEN
from filiation.catalogue.server_settings import PASSWORD_VARIABLE, TOKEN_VARIABLE, ServerSettings
from filiation.errors import AccessError, ServerError

if TYPE_CHECKING:
    from types import TracebackType

LARGEST_ANSWER: Final = 512 * 1024**2
"""Bytes of an answer that are read at most."""
_CONNECTING: Final = 5.0
"""Seconds after which a server that does not even take a connection counts as down."""
_PAUSES: Final = (0.2, 1.0)
"""Seconds between tries."""
_PASSING: Final = frozenset({429, 502, 503, 504})
"""What a server says that is starting, or has too much to do."""
_NOT_THERE: Final = frozenset({404, 405, 501})
_BYTES_A_SECOND: Final = 100_000
_SAID: Final = 300
"""Characters of a server's own words that a message repeats."""


class UnreachableError(ServerError):
    """The server cannot be reached, or has no time, or is not what was expected at that address."""


class RefusedError(ServerError):
    """The server is there and refuses this request; another may well do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Parameters
    ----------
    body
        All of it.
    headers
        By names in lower case.
    status
        HTTP's number.
    """

    body: bytes
    headers: Mapping[str, str]
    status: int

    @property
    def kind(self) -> str:
        """The content type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class SparqlHttp:
    """Requests to one server; a context manager.

    Parameters
    ----------
    settings
        The server, and with what to sign in.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"filiation/{version('filiation')}"
        self._session.auth = _authentication(settings)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> SparqlHttp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self,
        method: str,
        address: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: bytes | list[tuple[str, str]] = b"",
        kind: str | None = None,
        accept: str = "*/*",
        missing_is_fine: bool = False,
    ) -> Reply:
        """Send a request that may be sent twice, and return the whole answer.

        Parameters
        ----------
        parameters
            For the address.
        body, kind
            Bytes with their content type, or fields of a form.
        accept
            Content types of an answer.
        missing_is_fine
            Whether 404 says only that there is nothing.

        Raises
        ------
        AccessError
            If the server refuses who asks.
        UnreachableError
            If it cannot be reached, does not answer in time, or is no SPARQL server.
        RefusedError
            If it refuses this request.
        """
        headers = {"Accept": accept} | ({"Content-Type": kind} if kind else {})
        limit = self._settings.timeout + (len(body) / _BYTES_A_SECOND if isinstance(body, bytes) else 0)
        for pause in (*_PAUSES, None):
            try:
                reply = self._send_once(method, address, parameters, body, headers, limit)
            except requests.Timeout as error:
                raise self._unreachable(f"did not answer within {limit:g} s") from error
            except requests.ConnectionError as error:
                if _is_refused(error) or pause is None:
                    raise self._unreachable(f"cannot be reached ({_reason(error)}). Is it started?") from error
            except (requests.RequestException, OSError) as error:
                raise self._unreachable(f"cannot be asked: {error}") from error
            else:
                if reply.status not in _PASSING or pause is None:
                    self._check(reply, address, missing_is_fine=missing_is_fine)
                    return reply
            time.sleep(pause)
        raise AssertionError("the last try returned or raised")  # pragma: no cover

    def _send_once(
        self,
        method: str,
        address: str,
        parameters: Mapping[str, str] | None,
        body: bytes | list[tuple[str, str]],
        headers: Mapping[str, str],
        limit: float,
    ) -> Reply:
        end = time.monotonic() + limit
        with self._session.request(
            method, address, params=parameters, data=body, headers=headers, allow_redirects=False, stream=True,
            timeout=(min(_CONNECTING, limit), limit),
        ) as response:  # fmt: skip
            body_read = b"".join(self._read(response, end))
            named = {name.lower(): value for name, value in response.headers.items()}
            return Reply(body_read, named, response.status_code)

    def _read(self, response: requests.Response, end: float) -> Iterator[bytes]:
        size = 0
        for part in response.iter_content(65_536):
            size += len(part)
            if size > LARGEST_ANSWER:
                raise RefusedError(
                    f"The answer of the SPARQL server {self._settings.address} is larger than "
                    f"{LARGEST_ANSWER >> 20} MiB and was not read to its end. Ask for less: name more, or give a LIMIT."
                )
            if time.monotonic() > end:
                raise requests.Timeout
            yield part

    def _check(self, reply: Reply, address: str, *, missing_is_fine: bool) -> None:
        if reply.status < 300 or (missing_is_fine and reply.status == 404):
            return
        server, status, said = self._settings.address, reply.status, _words(reply)
        if status in (401, 403):
            raise self._no_access(status, said)
        if status < 400:
            elsewhere = reply.headers.get("location", "another address")
            raise UnreachableError(
                f"The SPARQL server {server} sends on from {address} to {elsewhere}, which is not followed. Name that "
                "address in filiation.toml if it is the right one."
            )
        if status in _NOT_THERE:
            raise UnreachableError(
                f"There is no SPARQL 1.1 server that does this at {address}: it answered {status}{said}. Check address "
                "and dialect in filiation.toml."
            )
        if status in _PASSING:
            raise UnreachableError(f"The SPARQL server {server} has no time now: it answered {status}{said}.")
        raise RefusedError(f"The SPARQL server {server} answered {status}{said}.")

    def _no_access(self, status: int, said: str) -> AccessError:
        settings = self._settings
        if settings.secret:
            who = f"with the user {settings.user!r} and " if settings.user else "with "
            found = f"{who}what {settings.secret_from} says"
        else:
            found = "without a password or token"
        variable = TOKEN_VARIABLE if settings.authentication == TOKEN else PASSWORD_VARIABLE
        grant = f" {settings.dialect.grant}" if settings.dialect.grant else ""
        return AccessError(
            f"The SPARQL server {settings.address} refuses ({status}{said}); it was asked {found}. Set {variable}, or "
            f"name a file of mode 0600 in filiation.toml.{grant}"
        )

    def _unreachable(self, what: str) -> UnreachableError:
        return UnreachableError(f"The SPARQL server {self._settings.address} {what}".rstrip(".?") + _end(what))


class _AsNobody(AuthBase):
    """Sends no credentials; without it, requests would take some from ``~/.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _authentication(settings: ServerSettings) -> AuthBase:
    if not settings.secret:
        return _AsNobody()
    if settings.authentication == TOKEN:
        return _Bearer(settings.secret)
    # As bytes, since requests would write what is not ASCII as Latin-1.
    user, secret = settings.user.encode(), settings.secret.encode()
    if settings.authentication == BASIC:
        return HTTPBasicAuth(user, secret)
    return HTTPDigestAuth(settings.user, settings.secret)


def _is_refused(error: requests.ConnectionError) -> bool:
    """Whether nobody listens there, so that a moment later nobody will."""
    return any(sign in str(error) for sign in ("Connection refused", "Name or service not known", "No route to host"))


def _reason(error: requests.ConnectionError) -> str:
    text = str(error)
    for sign in ("Connection refused", "Name or service not known", "No route to host", "CERTIFICATE_VERIFY_FAILED"):
        if sign in text:
            return sign
    return " ".join(text.split())[:_SAID]


def _words(reply: Reply) -> str:
    said = " ".join(reply.body[: 10 * _SAID].decode("utf-8", "replace").split())
    return f", {said[:_SAID]!r}" if said and "html" not in reply.kind else ""


def _end(what: str) -> str:
    return "?" if what.endswith("?") else "."
