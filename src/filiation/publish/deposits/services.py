"""The services that take deposits, and where one of them is: data, and what an address may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from filiation.errors import AccessError, BadInputError


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of service.

    Parameters
    ----------
    name
        As ``--to`` says it.
    title
        As people call it.
    address
        Where it is if nobody says otherwise; None if there are many of them.
    token_variable
        Environment variable for a token.
    header, prefix
        How a token is sent.
    """

    name: str
    title: str
    address: str | None
    token_variable: str
    header: str = "Authorization"
    prefix: str = "Bearer "

    @property
    def file_variable(self) -> str:
        """Environment variable that names a file with a token."""
        return f"{self.token_variable}_FILE"


ZENODO: Final = Kind("zenodo", "Zenodo", "https://zenodo.org", "FILIATION_ZENODO_TOKEN")
INVENIORDM: Final = Kind("inveniordm", "InvenioRDM", None, "FILIATION_INVENIORDM_TOKEN")
DATAVERSE: Final = Kind("dataverse", "Dataverse", None, "FILIATION_DATAVERSE_TOKEN", "X-Dataverse-key", "")
WORKFLOWHUB: Final = Kind(
    "workflowhub", "WorkflowHub", "https://workflowhub.eu", "FILIATION_WORKFLOWHUB_TOKEN", prefix="Token "
)
KINDS: Final = {kind.name: kind for kind in (ZENODO, INVENIORDM, DATAVERSE, WORKFLOWHUB)}


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Parameters
    ----------
    kind
        What it is.
    address
        Its address, without a path's end: ``https://zenodo.org``.
    """

    kind: Kind
    address: str

    @classmethod
    def named(cls, name: str, address: str | None = None) -> Service:
        """Return the service that a user named.

        Raises
        ------
        BadInputError
            If there is no such kind, it has no usual address, or the address is none.
        AccessError
            If a token would go there in clear text.
        """
        if name not in KINDS:
            raise BadInputError(f"{name!r} is no service; expected one of {', '.join(KINDS)}.")
        kind = KINDS[name]
        place = (address or kind.address or "").rstrip("/").removesuffix("/api")
        if not place:
            raise BadInputError(f"There are many {kind.title} services; name one: --server https://….")
        return cls(kind, _checked(place))

    @property
    def host(self) -> str:
        """Host and port, as a token is kept under."""
        return urlsplit(self.address).netloc

    def __str__(self) -> str:
        return f"{self.kind.title} ({self.host})"


def _checked(address: str) -> str:
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise BadInputError(f"{address!r} is no address; expected one such as https://zenodo.org.") from None
    if "@" in parts.netloc:
        raise BadInputError("The address of the service has a user or password in it. Leave them out.")
    if not known or parts.query or parts.fragment:
        raise BadInputError(f"{address!r} is no address; expected one such as https://zenodo.org.")
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        raise AccessError(
            f"A token would go to {parts.hostname} in clear text, for everybody on the way to read. Use an address "
            "with https."
        )
    return address


def _is_this_machine(host: str) -> bool:
    from ipaddress import ip_address

    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
