"""How an institute lets people in: the file ``serve.toml``, read with suspicion.

Secrets stand in a file of their own that nobody else can read, or in the environment; never in ``serve.toml``, which
people show each other, and never in an argument, which every process of the machine can see.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from filiation.errors import BadInputError
from filiation.secret_files import read_secret_file
from filiation.web.access.rules import Rules, read_rules

SECRET: Final = "FILIATION_OIDC_SECRET"  # noqa: S105 - the name of a variable
"""Environment variable with the client's secret."""
TOKEN, PROXY, OIDC = "token", "proxy", "oidc"
KINDS: Final = (TOKEN, PROXY, OIDC)
UNIX: Final = "unix"
"""How a proxy is listed that reaches the server by a unix socket."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """A reverse proxy that says who somebody is.

    Parameters
    ----------
    addresses
        Networks that it may stand in.
    unix
        Whether whoever reaches the server by its unix socket is the proxy.
    user, groups, name
        Headers with the account, its groups and the person's name.
    separator
        Between groups.
    """

    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False
    user: str = "x-remote-user"
    groups: str = "x-remote-groups"
    name: str = "x-remote-name"
    separator: str = ","


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An OpenID provider.

    Parameters
    ----------
    issuer
        As its discovery document says it.
    client
        The client id that it gave this server.
    secret
        That it gave with it; empty for a public client.
    address
        Of this server as browsers see it, without a slash at its end.
    scopes
        What is asked for.
    account, groups, shown
        Claims with the account, its groups and the person's name; dots lead into claims of claims.
    userinfo
        Whether the provider's userinfo is asked for claims that the token does not have.
    skew
        Seconds that two clocks may differ by.
    leave_provider
        Whether who ends their session here is led on to end the provider's too, where it has an address for that.
    """

    issuer: str
    client: str
    address: str
    secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ("openid", "profile")
    account: str = "sub"
    groups: str = "groups"
    shown: str = "name"
    userinfo: bool = False
    skew: int = 60
    leave_provider: bool = True


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may come in, and how.

    Parameters
    ----------
    kind
        ``token``, ``proxy`` or ``oidc``.
    proxy, oidc
        Of these kinds.
    rules
        Who may do and see what.
    hours
        How long somebody stays signed in.
    keep_months
        How many whole months of the log of views are kept; 0 for all.
    must_log
        Whether nothing is shown when a view cannot be logged.
    hosts
        Names that browsers call this server by.
    """

    kind: str = TOKEN
    proxy: ProxySettings | None = None
    oidc: OidcSettings | None = None
    rules: Rules = field(default_factory=Rules)
    hours: float = 12.0
    keep_months: int = 24
    must_log: bool = False
    hosts: tuple[str, ...] = ()


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> AccessSettings:
    """Read ``serve.toml``.

    Parameters
    ----------
    path
        The file; ``docs/reference/web.md`` says what stands in it.
    environment
        Where the secret may be.

    Raises
    ------
    BadInputError
        If it cannot be read, has something unknown in it, or leaves open what has to be said.
    AccessError
        If others can reach the file with the secret.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"The settings {path} cannot be read: {error}.") from error
    table = _Table(told, str(path))
    access = table.table("access")
    kind = access.text("kind", TOKEN)
    if kind not in KINDS:
        raise BadInputError(f"{path}: access.kind has to be one of {', '.join(KINDS)}; got {kind!r}.")
    proxy = _proxy(table.table("proxy")) if kind == PROXY else None
    oidc = _oidc(table.table("oidc"), path.parent, environment) if kind == OIDC else None
    for unused in {PROXY, OIDC} - {kind}:
        if unused in told:
            raise BadInputError(f"{path}: the table [{unused}] is there, but access.kind is {kind!r}.")
    settings = AccessSettings(
        kind,
        proxy,
        oidc,
        rules=read_rules(access.values("roles"), access.tables("sees"), str(path)),
        hours=access.number("hours", 12.0),
        keep_months=int(access.number("keep_months", 24)),
        must_log=access.flag("must_log", kind != TOKEN),
        hosts=(*access.texts("hosts"), *([] if oidc is None else [urlsplit(oidc.address).hostname or ""])),
    )
    if kind != TOKEN and not settings.rules.roles:
        raise BadInputError(
            f"{path}: [access.roles] says of nobody what they may do, so nobody could enter. Write who may look, such "
            'as viewer = ["everyone"] or viewer = ["group:imaging"].'
        )
    if settings.hours <= 0 or settings.keep_months < 0:
        raise BadInputError(f"{path}: access.hours has to be more than 0, and access.keep_months no less.")
    access.refuse_unknown()
    table.refuse_unknown()
    return settings


def _proxy(table: _Table) -> ProxySettings:
    listed = table.texts("from")
    if not listed:
        raise BadInputError(
            f"{table.place}: proxy.from has to list the addresses of the reverse proxy, such as "
            '["127.0.0.1/32"] or ["unix"]: whoever else says who they are is not believed.'
        )
    try:
        networks = tuple(ip_network(each) for each in listed if each != UNIX)
    except ValueError as error:
        raise BadInputError(f"{table.place}: proxy.from: {error}; expected such as 10.0.0.7 or 10.0.0.0/24.") from error
    wide = next((each for each in networks if each.prefixlen == 0), None)
    if wide is not None:
        raise BadInputError(f"{table.place}: proxy.from: {wide} is everybody, and everybody could say who they are.")
    settings = ProxySettings(
        networks,
        UNIX in listed,
        user=table.text("user_header", "X-Remote-User").lower(),
        groups=table.text("groups_header", "X-Remote-Groups").lower(),
        name=table.text("name_header", "X-Remote-Name").lower(),
        separator=table.text("separator", ","),
    )
    table.refuse_unknown()
    return settings


def _oidc(table: _Table, beside: Path, environment: Mapping[str, str]) -> OidcSettings:
    settings = OidcSettings(
        issuer=_address(table, "issuer"),
        client=table.text("client_id"),
        address=_address(table, "address").rstrip("/"),
        secret=_secret(table.text("secret_file", ""), beside, environment),
        scopes=table.texts("scopes") or ("openid", "profile"),
        account=table.text("account_claim", "sub"),
        groups=table.text("groups_claim", "groups"),
        shown=table.text("name_claim", "name"),
        userinfo=table.flag("userinfo", default=False),
        skew=int(table.number("skew", 60)),
        leave_provider=table.flag("leave_provider", default=True),
    )
    if not 0 <= settings.skew <= 300:
        raise BadInputError(f"{table.place}: oidc.skew has to be between 0 and 300 seconds; got {settings.skew}.")
    if "openid" not in settings.scopes:
        raise BadInputError(f"{table.place}: oidc.scopes has to have 'openid': without it there is no token.")
    table.refuse_unknown()
    return settings


def _address(table: _Table, key: str) -> str:
    """Return an address that a secret may be sent to: by TLS, or on this machine."""
    text = table.text(key)
    try:
        found = urlsplit(text)
        is_here = found.hostname in ("127.0.0.1", "::1", "localhost")
    except ValueError:
        found, is_here = urlsplit(""), False
    if not (found.scheme == "https" or (found.scheme == "http" and is_here)) or not found.hostname or "@" in text:
        raise BadInputError(f"{table.place}: oidc.{key} has to be an address with https://; got {text!r}.")
    return text


def _secret(named: str, beside: Path, environment: Mapping[str, str]) -> str:
    if not named:
        return environment.get(SECRET, "")
    return read_secret_file(beside / named, "the client's secret").strip()


class _Table:
    """A table of a file, of which every key has to be known."""

    def __init__(self, told: Mapping[str, object], place: str, name: str = "") -> None:
        self._told = told
        self._asked: set[str] = set()
        self._name = name
        self.place = place

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default)
        if value is None:
            raise BadInputError(f"{self.place}: {self._name}{key} is missing.")
        if not isinstance(value, str) or (not value and default is None):
            raise self._wrong(key, "a text", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(key, "a list of texts", value)
        return tuple(value)

    def number(self, key: str, default: float) -> float:
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def values(self, key: str) -> Mapping[str, object]:
        value = self._value(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, "a table", value)
        return value

    def tables(self, key: str) -> tuple[Mapping[str, object], ...]:
        value = self._value(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self._wrong(key, f"tables, [[{self._name}{key}]]", value)
        return tuple(value)

    def table(self, key: str) -> _Table:
        return _Table(self.values(key), self.place, f"{key}.")

    def refuse_unknown(self) -> None:
        unknown = sorted(set(self._told) - self._asked)
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise BadInputError(f"{self.place}: there is no setting {self._name}{unknown[0]}. There are: {known}.")

    def _value(self, key: str, default: object) -> object:
        self._asked.add(key)
        return self._told.get(key, default)

    def _wrong(self, key: str, expected: str, value: object) -> BadInputError:
        return BadInputError(f"{self.place}: {self._name}{key} has to be {expected}; got {value!r}.")
