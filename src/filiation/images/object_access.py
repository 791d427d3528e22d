"""How to reach an object store: endpoint, region and keys, from where AWS's own tools take them.

The environment first (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``,
``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``), then the profile ``AWS_PROFILE`` of ``~/.aws/credentials`` and
``~/.aws/config``. Where there is no key at all, and no role that a cloud machine or cluster gives, requests are not
signed: public data can be read.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filiation.errors import BadInputError
from filiation.images.secrets import note_secret

DEFAULT_REGION = "us-east-1"
_ROLES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """How requests are addressed and signed.

    Parameters
    ----------
    endpoint
        URL of the server; empty for AWS itself.
    region
        Its region.
    key_id, secret, token
        Keys, empty where there are none. None of them is ever shown.
    by_role
        Whether the machine that this runs on has a role to sign with.
    """

    endpoint: str
    region: str
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    by_role: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> ObjectAccess:
        """Find endpoint, region and keys as said above.

        Raises
        ------
        BadInputError
            If a profile is named that is not there, a file cannot be read, or a key lacks its secret.
        """
        given = os.environ if environment is None else environment
        profile = _profile(given)
        key_id, secret = given.get("AWS_ACCESS_KEY_ID", ""), given.get("AWS_SECRET_ACCESS_KEY", "")
        token = given.get("AWS_SESSION_TOKEN", "")
        if not (key_id or secret):
            key_id, secret = profile.get("aws_access_key_id", ""), profile.get("aws_secret_access_key", "")
            token = profile.get("aws_session_token", "")
        if bool(key_id) != bool(secret):
            missing = "AWS_SECRET_ACCESS_KEY" if key_id else "AWS_ACCESS_KEY_ID"
            raise BadInputError(
                f"Half of the keys of an object store is given: {missing} is missing. Give both, or none."
            )
        for value in (secret, token):
            if value:
                note_secret(value)
        return cls(
            endpoint=_first(given, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or profile.get("endpoint_url", ""),
            region=_first(given, "AWS_REGION", "AWS_DEFAULT_REGION") or profile.get("region", "") or DEFAULT_REGION,
            key_id=key_id,
            secret=secret,
            token=token,
            by_role=not key_id and any(given.get(name) for name in _ROLES),
        )


def _first(given: Mapping[str, str], *names: str) -> str:
    return next((given[name] for name in names if given.get(name)), "")


def _profile(given: Mapping[str, str]) -> dict[str, str]:
    """Return what the two files say of the profile in use."""
    name = _first(given, "AWS_PROFILE", "AWS_DEFAULT_PROFILE") or "default"
    home = Path(given.get("HOME", "/")) / ".aws"
    config = Path(given.get("AWS_CONFIG_FILE") or home / "config")
    credentials = Path(given.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials")
    sections = ((config, "default" if name == "default" else f"profile {name}"), (credentials, name))
    found: dict[str, str] = {}
    there = False
    for path, section in sections:
        parser = configparser.RawConfigParser()
        try:
            if path.is_file():
                parser.read_string(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            # The text of a parser's error quotes lines, which may be secrets.
            raise BadInputError(
                f"{path} cannot be read ({type(error).__name__}); it is to be as AWS's tools write it."
            ) from None
        if parser.has_section(section):
            there = True
            found |= dict(parser.items(section))
    if name != "default" and not there:
        raise BadInputError(f"The profile {name!r}, which AWS_PROFILE names, is in neither {config} nor {credentials}.")
    return found
