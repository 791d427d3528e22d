"""How the pages are served: where from, to whom, in which languages, and how much of an answer at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from filiation.web.access.settings import AccessSettings
from filiation.web.shared import Sharing

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names by which a machine calls itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is told at a time.

    Parameters
    ----------
    rows
        Rows of a page of a list.
    hits
        What a search lists of each kind.
    steps
        The deepest lineage that a thing's page shows, in jobs each way.
    checked_bytes
        So much is read again at most when a reader asks whether bytes are still as recorded.
    query_seconds, query_rows, query_memory
        What one query may take: seconds, rows of its answer, bytes.
    query_rows_shown
        Rows of a query's answer that a page shows; all of them can be kept.
    queries_each, queries
        Queries that are answered at once: of one reader, and of all, by all processes together.
    """

    rows: int = 100
    hits: int = 20
    steps: int = 6
    checked_bytes: int = 2_000_000_000
    query_seconds: float = 10.0
    query_rows: int = 100_000
    query_memory: int = 2 * 1024**3
    query_rows_shown: int = 1_000
    queries_each: int = 2
    queries: int = 4


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What :func:`filiation.web.application.create_app` is to serve.

    Parameters
    ----------
    catalogue
        The catalogue's folder, or one that holds it; None for the nearest one, as the command line finds it.
    host
        The address to listen at.
    port
        0 for any that is free.
    hosts
        Names that a browser may call this server by, besides those of this machine itself.
    token
        What the first visitor must show to enter; None lets everybody in, as tests do.
    languages
        Languages that the pages speak, the first where a reader asks for none of them.
    limits
        How much is told at a time.
    access
        Who may come in, and how, and what they may see.
    sharing
        Where the processes of one server meet; None for one that is alone.
    """

    catalogue: Path | str | None = None
    host: str = "127.0.0.1"
    port: int = 8642
    hosts: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    languages: tuple[str, ...] = ("en", "fr")
    limits: Limits = Limits()
    access: AccessSettings = field(default_factory=AccessSettings)
    sharing: Sharing | None = None

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Names, without a port, that a request may be addressed to."""
        return frozenset(name.lower() for name in (*LOOPBACK, *self.hosts, *self.access.hosts))
