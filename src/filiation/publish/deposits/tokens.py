"""The token for a service, and where it is looked for: never an argument, never kept with a deposit.

In this order: the environment (``FILIATION_ZENODO_TOKEN``); a file that the environment names
(``FILIATION_ZENODO_TOKEN_FILE``); the keyring, under ``filiation`` and the service's host; the file
``~/.config/filiation/tokens/<host>``. Files must be their owner's alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from filiation.errors import AccessError, BadInputError
from filiation.publish.deposits.services import Service
from filiation.secret_files import read_secret_file

KEYRING: Final = "filiation"
_WHAT: Final = "a token"


@dataclass(frozen=True, slots=True)
class Token:
    """What opens a service, and where it was found.

    Parameters
    ----------
    source
        Where it is from, for messages.
    secret
        Never shown.
    """

    source: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        # A header could otherwise be split, or fail with the token in the message.
        if not self.secret.isascii() or not self.secret.isprintable() or " " in self.secret or not self.secret:
            raise BadInputError(f"{self.source} holds no token: expected letters, digits and signs on one line.")


def find_token(service: Service, environment: Mapping[str, str] | None = None) -> Token:
    """Return the token for a service.

    Raises
    ------
    AccessError
        If there is none, or its file can be reached by others.
    BadInputError
        If it cannot be read, or is none.
    """
    environment = os.environ if environment is None else environment
    kind = service.kind
    if secret := environment.get(kind.token_variable):
        return Token(kind.token_variable, secret.strip())
    if place := environment.get(kind.file_variable):
        return Token(str(place), read_secret_file(Path(place).expanduser(), _WHAT).strip())
    if secret := _in_keyring(service.host):
        return Token("the keyring", secret.strip())
    usual = _usual_place(service, environment)
    if usual.is_file():
        return Token(str(usual), read_secret_file(usual, _WHAT).strip())
    raise AccessError(
        f"There is no token for {service}. Make one on its page, then keep it with `keyring set {KEYRING} "
        f"{service.host}`, or in {usual} (mode 0600), or set {kind.token_variable} or {kind.file_variable}."
    )


def _usual_place(service: Service, environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "filiation" / "tokens" / service.host.replace(":", "_")


def _in_keyring(host: str) -> str | None:
    """Return what the keyring has; one that is not there, or cannot be opened, has nothing."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        return keyring.get_password(KEYRING, host)
    except (KeyringError, RuntimeError, OSError):
        return None
