"""The way in and the log of views that settings ask for."""

from __future__ import annotations

import logging
from pathlib import Path

from filiation.catalogue.views import ViewLog
from filiation.errors import AccessError
from filiation.web.access.settings import AccessSettings
from filiation.web.access.ways import OpenWay, ProxyWay, TokenWay, Way
from filiation.web.shared import Shared

_log = logging.getLogger("filiation.web")


def way_into(settings: AccessSettings, token: str | None, shared: Shared) -> Way:
    """Return how people come in.

    Parameters
    ----------
    settings
        Who may come in, and how.
    token
        Where it is by a token: that token. None lets everybody in.
    shared
        Where the server's processes keep who came in.
    """
    if settings.proxy is not None:
        return ProxyWay(settings.proxy, settings.rules)
    if settings.oidc is not None:
        from filiation.web.access.oidc import OidcWay  # most look at their own catalogue

        return OidcWay(settings.oidc, settings.rules, settings.hours, shared)
    return OpenWay() if token is None else TokenWay(token, settings.hours, shared)


def views_of(settings: AccessSettings, catalogue: Path, shared: Shared) -> ViewLog | None:
    """Return where views are logged; None if nothing can be written there and nothing has to.

    Raises
    ------
    AccessError
        If every view is to be logged, and nothing can be written there.
    """
    try:
        return ViewLog(catalogue, settings.keep_months, shared.sharing.beside("views.lock"))
    except OSError as error:
        if settings.must_log:
            raise AccessError(
                f"Every view is to be logged, and the log {error.filename or catalogue} cannot be written to: "
                f"{error.strerror}. Let this server's account write there, or set access.must_log to false."
            ) from error
        _log.warning("Nothing can be written to %s, so nobody can see later who looked.", error.filename or catalogue)
        return None
