"""Which SPARQL server keeps the graphs, as ``filiation.toml`` says, and with what to sign in to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from filiation.capture.place import SERVER_TABLE, read_server_table
from filiation.catalogue.dialects import AUTHENTICATIONS, BASIC, DIALECTS, NONE, TOKEN, Dialect
from filiation.errors import AccessError, BadInputError
from filiation.secret_files import read_secret_file

PASSWORD_VARIABLE: Final = "FILIATION_SPARQL_PASSWORD"  # noqa: S105 - a variable's name
TOKEN_VARIABLE: Final = "FILIATION_SPARQL_TOKEN"  # noqa: S105
TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A SPARQL 1.1 server.

    Parameters
    ----------
    dialect
        Its kind.
    address
        By what it is named in messages, and known again.
    query, update, store
        Addresses of the SPARQL Protocol's two operations, and of the Graph Store Protocol; None if there is none.
    authentication
        How to sign in: ``none``, ``basic``, ``digest`` or ``token``.
    user
        Who signs in.
    secret
        Password or token; never shown. Empty if there is none, which is enough for a server that asks for none.
    secret_from
        Where it is from, for messages.
    timeout
        Seconds that an answer may take.
    rows
        Rows after which the server stops without saying so; None if it does not.
    """

    dialect: Dialect
    address: str
    query: str
    update: str | None = None
    store: str | None = None
    authentication: str = NONE
    user: str = ""
    secret: str = field(default="", repr=False)
    secret_from: str = ""
    timeout: float = TIMEOUT
    rows: int | None = None


def read_server(catalogue: Path) -> ServerSettings | None:
    """Return the server that ``filiation.toml`` names for a catalogue's graphs; None if they stay in its folder.

    Raises
    ------
    BadInputError
        If what it says of the server cannot be used.
    AccessError
        If a file with a password can be reached by others.
    """
    found = read_server_table(catalogue)
    if found is None:
        return None
    table, path = found
    where = f"{path}, table [{SERVER_TABLE}]"
    dialect = DIALECTS.get(table.get("dialect", "other"))
    if dialect is None:
        raise BadInputError(f"{where}: dialect is {table['dialect']!r}; expected one of {', '.join(DIALECTS)}.")
    address = table.get("address", table.get("query", "")).rstrip("/")
    places = [_place(table, name, address, getattr(dialect, name)) for name in ("query", "update", "store")]
    query, update, store = places
    if not query or not (update or store):
        raise BadInputError(
            f"{where} does not say where the server is: give its dialect ({', '.join(DIALECTS)}) and its address, or "
            "the addresses query and store (or update)."
        )
    for place in (address, *places):
        if place:
            _check_address(place, where)
    authentication = table.get("authentication", dialect.authentication)
    if authentication not in AUTHENTICATIONS:
        raise BadInputError(
            f"{where}: authentication is {authentication!r}; expected one of {', '.join(AUTHENTICATIONS)}."
        )
    secret, secret_from = _secret(table, authentication, path.parent)
    if secret and authentication in (BASIC, TOKEN):
        for place in filter(None, places):
            _check_private(place, where)
    return ServerSettings(
        dialect=dialect,
        address=address,
        query=query,
        update=update,
        store=store,
        authentication=authentication,
        user=table.get("user", ""),
        secret=secret,
        secret_from=secret_from,
        timeout=_positive(table, "timeout", where) or TIMEOUT,
        rows=None if (rows := _positive(table, "rows", where)) is None else int(rows),
    )


def _place(table: dict[str, str], name: str, address: str, ending: str | None) -> str | None:
    if name in table:
        return table[name]
    return None if ending is None or "address" not in table else address + ending


def _check_address(place: str, where: str) -> None:
    try:
        parts = urlsplit(place)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known, parts = False, urlsplit("")
    if "@" in parts.netloc:
        raise BadInputError(
            f"{where}: an address has a user or password in it. Take them out; name the user as `user`, and set "
            f"{PASSWORD_VARIABLE} or password_file."
        )
    if not known:
        raise BadInputError(f"{where}: {place!r} is no address; expected one such as http://localhost:7878.")


def _check_private(place: str, where: str) -> None:
    parts = urlsplit(place)
    if parts.scheme == "https" or _is_this_machine(parts.hostname or ""):
        return
    raise AccessError(
        f"{where}: a password or token would go to {parts.hostname} in clear text. Use an address with https, or "
        'authentication = "digest" if the server has it.'
    )


def _is_this_machine(host: str) -> bool:
    from ipaddress import ip_address  # slow to import, and most have no server

    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(table: dict[str, str], authentication: str, folder: Path) -> tuple[str, str]:
    if authentication == NONE:
        return "", ""
    is_token = authentication == TOKEN
    variable = TOKEN_VARIABLE if is_token else PASSWORD_VARIABLE
    if secret := os.environ.get(variable):
        return secret, variable
    named = table.get("token_file" if is_token else "password_file")
    if named is None:
        return "", ""
    path = folder / Path(named).expanduser()
    what = f"the {'token' if is_token else 'password'} of a SPARQL server"
    return read_secret_file(path, what).strip(), str(path)


def _positive(table: dict[str, str], name: str, where: str) -> float | None:
    if name not in table:
        return None
    try:
        value = float(table[name])
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise BadInputError(f'{where}: {name} is {table[name]!r}; expected a number above 0, such as "60".')
    return value
