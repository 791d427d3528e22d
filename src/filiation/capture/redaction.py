"""Secrets out: by the name of a field, by known values, by form. What was withheld is said to be."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping

WITHHELD = "[withheld]"

_WORDS = r"passwords?|passwd|passphrase|secrets?|tokens?|api[_-]?keys?|private[_-]?keys?|access[_-]?keys?|credentials?"
_SECRET_NAME = re.compile(
    rf"(?i:(?:^|[_\-.\s])(?:{_WORDS}|session[_-]?(?:key|id|uuid)|auth)(?:$|[_\-.\s\d]))"
    r"|(?i:passw(?:or)?d|passphrase|secret|apikey)"
    r"|(?<=[a-z])(?:Tokens?|Credentials?|SessionKey|SessionId)(?:$|[A-Z])"
)
# A number under such a name is rarely a secret (max_tokens, session 3), but a password may be all digits.
_SECRET_NUMBER = re.compile(r"(?i)passw(?:or)?d|passphrase|secret")
_URL_USER = re.compile(r"(?<=://)[^/\s:@'\"]*:[^/\s@'\"]+(?=@)")
_ASSIGNMENT = re.compile(
    rf"(?im)^(?P<key>[ \t]*(?:export[ \t]+)?[\"']?[\w.\-]*?(?:{_WORDS})[\w.\-]*[\"']?[ \t]*[:=][ \t]*)"
    r"(?P<value>[^\s#][^\r\n]*)$"
)
# Bounded repetition: a long text without secrets must not cost time by its square.
_NAME = rf"[\w.\-]{{0,40}}?(?:{_WORDS})[\w.\-]{{0,40}}"
_OPTION = re.compile(rf"(?i)(?P<key>(?:--?{_NAME}[= ]|\b{_NAME}=))" r"(?P<value>(?:\"[^\"]*\"|'[^']*'|[^\s'\"]+))")
_SUSPICIOUS = re.compile(rf"(?i){_WORDS}|passw|auth|session[_-]?(?:key|id|uuid)|://[^/\"\s]*@")
# Shorter values would be found by chance inside ordinary text.
_SHORTEST_SECRET = 6


class Redactor:
    """Withholds secrets from plain values and texts.

    Parameters
    ----------
    environment
        Environment variables: the values of those with a secret's name are withheld wherever they appear.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._values: set[str] = set()
        self._encoded_values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._withheld: set[str] = set()
        for name, value in (os.environ if environment is None else environment).items():
            # SSH_AUTH_SOCK and its like name a place, not a secret.
            if is_secret_name(name) and not value.startswith("/"):
                self._learn(value)

    @property
    def withheld(self) -> tuple[str, ...]:
        """Names of fields whose values were withheld, sorted."""
        return tuple(sorted(self._withheld))

    def learn(self, value: object, name: str = "") -> None:
        """Remember the secrets inside a nested value, so that they are withheld from other texts too."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                self.learn(item, str(key))
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item, name)
        elif _is_secret(name, value):
            self._learn(str(value))
        elif isinstance(value, str):
            for found in _URL_USER.findall(value):
                self._learn(found.partition(":")[2])

    def suspects(self, text: str) -> bool:
        """Tell whether a text of JSON may hold a secret at all: a quick look that errs on the side of caution."""
        return _SUSPICIOUS.search(text) is not None or any(value in text for value in self._encoded_values)

    def plain(self, value: object, name: str = "") -> object:
        """Return a nested plain value with every secret replaced by ``[withheld]``."""
        if _is_secret(name, value):
            self._withheld.add(name)
            return WITHHELD
        if isinstance(value, Mapping):
            return {key: self.plain(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Return a text without known secrets, without passwords in URLs and after options such as ``--token``."""
        if self._pattern is not None and self._pattern.search(text):
            text = self._pattern.sub(WITHHELD, text)
            self._withheld.add("a value known to be secret")
        if "://" in text and _URL_USER.search(text):
            text = _URL_USER.sub(WITHHELD, text)
            self._withheld.add("password in a URL")
        return self._named(_OPTION, text)

    def document(self, text: str) -> str:
        """Return the text of a file, such as a config file, also without values assigned to a secret's name."""
        return self.text(self._named(_ASSIGNMENT, text))

    def arguments(self, arguments: Iterable[str]) -> list[str]:
        """Return a command line's arguments without secrets; ``name=value`` and ``--name value`` are both seen."""
        kept: list[str] = []
        previous = ""
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if equals and is_secret_name(name.lstrip("-")):
                self._learn(value)
                self._withheld.add(name.lstrip("-"))
                kept.append(f"{name}={WITHHELD}")
            elif previous.startswith("--") and is_secret_name(previous.lstrip("-")) and not argument.startswith("-"):
                self._learn(argument)
                self._withheld.add(previous.lstrip("-"))
                kept.append(WITHHELD)
            else:
                kept.append(self.text(argument))
            previous = argument
        return kept

    def _named(self, pattern: re.Pattern[str], text: str) -> str:
        def withhold(match: re.Match[str]) -> str:
            if WITHHELD in match["value"]:
                return match[0]
            self._withheld.add(match["key"].strip().strip("-:= \"'"))
            return match["key"] + WITHHELD

        return pattern.sub(withhold, text)

    def _learn(self, value: str) -> None:
        if len(value) >= _SHORTEST_SECRET and value not in self._values:
            self._values.add(value)
            self._encoded_values.add(json.dumps(value)[1:-1])
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(item) for item in longest_first))


def _is_secret(name: str, value: object) -> bool:
    if value in (None, "", [], {}) or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return _SECRET_NUMBER.search(name) is not None
    return is_secret_name(name)


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name usually holds a secret.

    >>> [name for name in ("omero_password", "tokenizer", "author", "api_key", "sigma") if is_secret_name(name)]
    ['omero_password', 'api_key']
    """
    return _SECRET_NAME.search(name) is not None
