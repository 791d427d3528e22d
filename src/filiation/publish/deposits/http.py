"""Requests to a service: signed in, within its limits, tried again where that is safe; failures told in words.

The one module that speaks HTTP for deposits. The token goes to the service's own host alone: no redirect leads it
elsewhere, and no ``~/.netrc`` replaces it. Nothing that is raised here holds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase

from filiation.errors import AccessError, BadInputError, FiliationError, NotFoundError, ServerError
from filiation.publish.deposits.bodies import BLOCK, Advance, Part, Sent
from filiation.publish.deposits.patience import PASSING, TOO_MANY, Patience, asked_wait, is_exhausted

if TYPE_CHECKING:
    from types import TracebackType

    from filiation.publish.deposits.services import Service
    from filiation.publish.deposits.tokens import Token

LARGEST_ANSWER: Final = 64 << 20
"""Bytes of an answer that are read at most."""
_SAID: Final = 600
_ONWARDS: Final = frozenset({301, 302, 303, 307, 308})
_FARTHEST: Final = 3


class LostAnswerError(ServerError):
    """A request was sent, and whether the service did what it asks is not known."""


class RefusedError(BadInputError):
    """The service is there and refuses what was sent."""

    def __init__(self, message: str, status: int, body: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class GoneError(NotFoundError):
    """What was asked for is not there, or not for this token."""


class WaitError(ServerError):
    """The service asks to be left alone for longer than anybody wants to wait here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered.

    Parameters
    ----------
    status
        HTTP's number.
    headers
        By names in lower case.
    body
        JSON where it was JSON, else the bytes.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any

    def __getitem__(self, name: str) -> Any:
        return self.body[name] if isinstance(self.body, dict) else None


class Http:
    """Requests to one service; a context manager.

    Parameters
    ----------
    service, token
        Where, and with what to sign in; None for requests that need no token.
    patience
        How long it is waited for.
    tell
        Told in a sentence why nothing happens for a while.
    """

    def __init__(
        self,
        service: Service,
        token: Token | None,
        patience: Patience | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._service, self._token = service, token
        self._patience = patience or Patience()
        self._tell = tell
        self._waited = 0.0
        self._until = 0.0
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"filiation/{version('filiation')}"
        self._session.auth = _SignedIn(service, token)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Http:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, path: str, parameters: Mapping[str, str] | None = None, accept: str = "application/json") -> Answer:
        """Ask for something."""
        return self.send("GET", path, parameters=parameters, accept=accept)

    def send(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        value: object = None,
        file: Path | None = None,
        form: tuple[Part, ...] = (),
        accept: str = "application/json",
        once: bool = False,
        advance: Advance = lambda _: None,
    ) -> Answer:
        """Send a request, and return the answer.

        Parameters
        ----------
        method, path
            What to do, and below the service's address what with.
        parameters
            For the address; never a token.
        value, file, form
            What to send: JSON, a file's bytes as they are, or a form with files; all read from disk as they go.
        accept
            Content type of the answer.
        once
            Whether a second one would do it twice; it is then sent again only if the first surely was not taken.
        advance
            Told how many bytes went since the last call; a negative number where they go again.

        Raises
        ------
        LostAnswerError
            If it is to be sent once, and the answer was lost.
        ServerError
            If the service cannot be reached, or has faults, after all tries.
        WaitError
            If it asks to wait too long.
        AccessError
            If it refuses this token.
        GoneError
            If it has no such thing.
        RefusedError
            If it refuses what was sent.
        """
        pauses = self._patience.pauses()
        while True:
            self._keep_to_the_limit()
            sent = Sent(value, file, form, advance)
            try:
                answer = self._send_once(method, path, parameters, sent, accept)
            except _NotTakenError as error:
                problem: ServerError = self._away(error.reason)
            except FiliationError:
                raise  # some of ours are errors of the system too
            except (requests.RequestException, OSError) as error:
                if not isinstance(error, requests.RequestException) and error.filename:
                    raise  # a file of ours, not the service
                problem = self._lost(method, path, _reason(error)) if once else self._away(_reason(error))
                if once:
                    sent.take_back()
                    raise problem from None
            else:
                if answer.status == TOO_MANY:
                    sent.take_back()
                    self._wait_as_asked(answer.headers, next(pauses, None))
                    continue
                if answer.status not in PASSING:
                    return self._checked(answer, method, path)
                problem = self._faulty(answer, method, path)
                if once:
                    sent.take_back()
                    raise LostAnswerError(str(problem))
                self._after(answer.headers)
            sent.take_back()
            pause = next(pauses, None)
            if pause is None:
                # What would be said of the cause holds the request, and that the token.
                raise problem from None
            self._patience.sleep(pause)

    def download(self, path: str, target: Path, advance: Advance = lambda _: None) -> None:
        """Write what the service has at an address into a file."""
        with self._open("GET", path, None, None, {"Accept": "*/*"}) as response:
            self._checked(Answer(response.status_code, _lower(response), b""), "GET", path)
            with target.open("wb") as stream:
                for block in response.iter_content(BLOCK):
                    stream.write(block)
                    advance(len(block))

    def _send_once(
        self, method: str, path: str, parameters: Mapping[str, str] | None, sent: Sent, accept: str
    ) -> Answer:
        with sent:
            headers = {"Accept": accept} | sent.headers
            with self._open(method, path, parameters, sent.body, headers) as response:
                body, size = [], 0
                for block in response.iter_content(65_536):
                    size += len(block)
                    if size > LARGEST_ANSWER:
                        raise ServerError(f"{self._service} sends an answer of more than {LARGEST_ANSWER >> 20} MiB.")
                    body.append(block)
                return Answer(response.status_code, _lower(response), _read(b"".join(body), response))

    def _open(
        self, method: str, path: str, parameters: Mapping[str, str] | None, body: Any, headers: Mapping[str, str]
    ) -> requests.Response:
        address = self._service.address + path
        patience = self._patience
        for _ in range(_FARTHEST + 1):
            try:
                response = self._session.request(
                    method, address, params=parameters, data=body, headers=dict(headers), allow_redirects=False,
                    stream=True, timeout=(patience.connecting, patience.silent),
                )  # fmt: skip
            except requests.ConnectionError as error:
                if _was_never_taken(error):
                    raise _NotTakenError(_reason(error)) from None
                raise
            if response.status_code not in _ONWARDS:
                return response
            place = urljoin(address, response.headers.get("Location", ""))
            response.close()
            if method != "GET" or _origin(place) != _origin(self._service.address):
                raise AccessError(
                    f"{self._service} sends on from {urlsplit(address).path} to another address, {_plain(place)}, "
                    "which is not followed: the token would go there. Name that service with --server if it is the "
                    "right one."
                )
            address, parameters = place, None
        raise ServerError(f"{self._service} sends on from {path} in a circle.")

    def _checked(self, answer: Answer, method: str, path: str) -> Answer:
        self._after(answer.headers)
        status = answer.status
        if status < 400:
            return answer
        said = self._without_token(words(answer.body))
        if status == 401:
            where = f" The token is from {self._token.source}." if self._token else ""
            raise AccessError(
                f"{self._service} does not know the token any more, or never did ({status}{said}).{where} Make a new "
                "one on its page; the deposit then goes on where it was."
            )
        if status == 403:
            raise AccessError(
                f"{self._service} does not let this token {method} {path} ({status}{said}). It may lack a scope, or "
                "the record is somebody else's."
            )
        if status in (404, 410):
            raise GoneError(f"{self._service} has nothing at {path} for this token ({status}{said}).")
        raise RefusedError(f"{self._service} refuses {method} {path} ({status}{said}).", status, answer.body)

    def _keep_to_the_limit(self) -> None:
        wait = self._until - self._patience.clock()
        if wait > 0:
            self._wait(wait)

    def _after(self, headers: Mapping[str, str]) -> None:
        """Note when the next request may be sent, if the service says that it has had enough of them."""
        if is_exhausted(headers):
            now = self._patience.clock()
            self._until = now + (asked_wait(headers, now) or 0.0)

    def _wait_as_asked(self, headers: Mapping[str, str], pause: float | None) -> None:
        if pause is None:
            raise WaitError(f"{self._service} says each time that it gets too many requests. Call again later.")
        asked = asked_wait(headers, self._patience.clock())
        self._wait(max(asked or 0.0, pause))

    def _wait(self, seconds: float) -> None:
        patience = self._patience
        if seconds > patience.longest_wait or self._waited + seconds > patience.whole_wait:
            raise WaitError(
                f"{self._service} asks to be left alone for {seconds:.0f} s, its limit of requests being reached. "
                "What was done is kept; call again after that, and it goes on."
            )
        if seconds >= 1:
            self._tell(f"{self._service} has had as many requests as it takes; waiting {seconds:.0f} s.")
        self._waited += seconds
        patience.sleep(seconds)
        self._until = 0.0

    def _away(self, reason: str) -> ServerError:
        return ServerError(
            f"{self._service} cannot be reached, or breaks off ({self._without_token(reason)}). What was done is kept; "
            "call again, and it goes on."
        )

    def _lost(self, method: str, path: str, reason: str) -> LostAnswerError:
        return LostAnswerError(
            f"{self._service} did not answer {method} {path} ({self._without_token(reason)}); whether it did it is not "
            "known. Call again: it is looked for first."
        )

    def _faulty(self, answer: Answer, method: str, path: str) -> ServerError:
        said = self._without_token(words(answer.body))
        return ServerError(
            f"{self._service} has a fault: it answered {method} {path} with {answer.status}{said}. What was done is "
            "kept; call again later, and it goes on."
        )

    def _without_token(self, text: str) -> str:
        return text.replace(self._token.secret, "…") if self._token else text


class _NotTakenError(Exception):
    """No connection came about, so nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _SignedIn(AuthBase):
    """Signs each request to the service's own host, and no other."""

    def __init__(self, service: Service, token: Token | None) -> None:
        self._origin, self._kind, self._token = _origin(service.address), service.kind, token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None and _origin(request.url or "") == self._origin:
            request.headers[self._kind.header] = self._kind.prefix + self._token.secret
        return request


def words(body: object) -> str:
    """Return what a service says in its answer, as the end of a bracket; nothing of a page for browsers."""
    if isinstance(body, dict):
        text = "; ".join(_told(body))
    else:
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
        text = "" if "<html" in text.lower() else text
    text = " ".join(text.split())
    return f": {text[:_SAID]}" if text else ""


def _told(body: Mapping[str, Any]) -> Iterator[str]:
    for name in ("message", "title", "detail"):
        if isinstance(body.get(name), str):
            yield body[name]
    for error in body.get("errors") or ():
        if isinstance(error, Mapping):
            where = error.get("field") or (error.get("source") or {}).get("pointer") or ""
            what = error.get("messages") or error.get("detail") or error.get("title") or ""
            yield f"{where}: {', '.join(map(str, what)) if isinstance(what, list) else what}"
        else:
            yield str(error)


def _lower(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _read(body: bytes, response: requests.Response) -> object:
    if "json" not in response.headers.get("Content-Type", ""):
        return body
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _origin(address: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ("", None, None)
    return (parts.scheme, parts.hostname, port)


def _plain(address: str) -> str:
    """Return an address without what may be a secret in it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _was_never_taken(error: requests.ConnectionError) -> bool:
    """Whether no connection was made at all."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    return any(sign in str(error) for sign in ("NewConnectionError", "NameResolutionError", "CERTIFICATE_VERIFY"))


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "it sends nothing"
    for sign in ("Connection refused", "Connection reset", "Broken pipe", "Name or service not known",
                 "CERTIFICATE_VERIFY_FAILED", "Remote end closed", "IncompleteRead"):  # fmt: skip
        if sign in str(error):
            return sign
    return type(error).__name__
