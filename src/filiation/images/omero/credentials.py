"""With what to sign in, and where it is looked for. Never on a command line, in a configuration or in a parameter.

In this order: a session's key in the environment; a session that ``omero login`` left; user and password in the
environment, the password there or in a file that only its owner can read; a question on a terminal. Whatever is found
is noted as a secret of this process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path

from filiation.errors import AccessError, BadInputError
from filiation.images.omero.address import DEFAULT_PORT, Host
from filiation.images.secrets import note_secret
from filiation.secret_files import read_secret_file

HOST_VARIABLE = "OMERO_HOST"
SESSION_VARIABLE = "OMERO_SESSION"
USER_VARIABLE = "OMERO_USER"
PASSWORD_VARIABLE = "OMERO_PASSWORD"  # noqa: S105 - a variable's name
PASSWORD_FILE_VARIABLE = "OMERO_PASSWORD_FILE"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Credentials:
    """A session's key, or a user with a password.

    Parameters
    ----------
    source
        Where they come from, for messages.
    user
        The user's name; empty for a key.
    secret
        The password or the key; never shown.
    is_key
        Whether it is a session's key.
    port
        The port that goes with a stored session; None if nothing says.
    """

    source: str
    user: str
    secret: str = field(repr=False)
    is_key: bool = False
    port: int | None = None

    def __post_init__(self) -> None:
        note_secret(self.secret)


def find_credentials(host: Host, environment: Mapping[str, str] | None = None) -> Iterator[Credentials]:
    """Yield what may open a session on a server, the first choice first.

    A session left by ``omero login`` may be over; whoever signs in then goes on with the next.

    Parameters
    ----------
    host
        The server. If ``OMERO_HOST`` is set, what stands in the environment is for that server alone.
    environment
        The environment; this process' own if left out.

    Raises
    ------
    AccessError
        If a file of a password can be reached by others.
    BadInputError
        If there is a user without a password, or a file of a password cannot be read.
    """
    environment = os.environ if environment is None else environment
    own = _is_for(environment.get(HOST_VARIABLE, ""), host)
    if own and (key := environment.get(SESSION_VARIABLE)):
        yield Credentials(f"the session key in {SESSION_VARIABLE}", "", key, is_key=True)
    yield from _left_by_login(host, environment)
    if own and (user := environment.get(USER_VARIABLE)):
        yield _password_of(user, environment)
    elif sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        yield from _asked_for(host)


def nothing_found(host: Host, environment: Mapping[str, str] | None = None) -> AccessError:
    """Return the error for a server that nothing is known for."""
    environment = os.environ if environment is None else environment
    named = environment.get(HOST_VARIABLE, "")
    limited = "" if _is_for(named, host) else f" (what else is there is for {named}, as {HOST_VARIABLE} says)"
    return AccessError(
        f"There is nothing to sign in to the OMERO server {host} with{limited}. Run `omero login`, or set "
        f"{SESSION_VARIABLE} to a session's key, or {USER_VARIABLE} with {PASSWORD_VARIABLE} or "
        f"{PASSWORD_FILE_VARIABLE}."
    )


def _is_for(named: str, host: Host) -> bool:
    return named.lower() in ("", host.name, f"{host.name}:{host.port}")


def _password_of(user: str, environment: Mapping[str, str]) -> Credentials:
    if password := environment.get(PASSWORD_VARIABLE):
        return Credentials(f"{USER_VARIABLE} and {PASSWORD_VARIABLE}", user, password)
    if place := environment.get(PASSWORD_FILE_VARIABLE):
        password = read_secret_file(Path(place), f"the password of {PASSWORD_FILE_VARIABLE}")
        return Credentials(f"{USER_VARIABLE} and the file of {PASSWORD_FILE_VARIABLE}", user, password)
    raise BadInputError(
        f"{USER_VARIABLE} is set, but no password: set {PASSWORD_VARIABLE}, or {PASSWORD_FILE_VARIABLE} to a file that "
        "only you can read (mode 0600)."
    )


def _left_by_login(host: Host, environment: Mapping[str, str]) -> Iterator[Credentials]:
    """Yield the current session of ``omero login`` on this server, as ``omero.util.sessions`` keeps it."""
    for folder in _session_folders(environment):
        of_host = folder / host.name
        try:
            user = environment.get(USER_VARIABLE) or _first_line(of_host / "._LASTUSER_")
            key = _first_line(of_host / user / "._LASTSESS_") if user else ""
            kept = dict(_properties(of_host / user / key)) if key else {}
        except (OSError, ValueError):
            continue
        port = kept.get("omero.port", "")
        if kept and int(port or DEFAULT_PORT) == host.port:
            yield Credentials("the session of `omero login`", "", kept.get("omero.sess", key), is_key=True)


def _session_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    if folder := environment.get("OMERO_SESSIONDIR"):
        yield Path(folder)
    elif folder := environment.get("OMERO_USERDIR"):
        yield Path(folder) / "sessions"
    elif home := environment.get("HOME"):
        yield Path(home) / "omero" / "sessions"


def _first_line(path: Path) -> str:
    text = path.read_text("utf-8").strip()
    if "/" in text or text.startswith("."):
        raise ValueError("not a name")
    return text


def _properties(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name.strip(), value.strip()


def _asked_for(host: Host) -> Iterator[Credentials]:
    """Ask whoever sits at the terminal; nothing is found if they name nobody."""
    sys.stderr.write(f"User on the OMERO server {host}: ")
    sys.stderr.flush()
    if user := sys.stdin.readline().strip():
        yield Credentials("the terminal", user, getpass(f"Password of {user} on {host}: "))
