"""Secrets out: by the name of a field, by known values, by form. What was withheld is said to be."""

from __future__ import annotations

import json
import netrc
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

WITHHELD = "[withheld]"

_WORDS = r"passwords?|passwd|passphrase|secrets?|tokens?|api[_-]?keys?|private[_-]?keys?|access[_-]?keys?|credentials?"
_SECRET_NAME = re.compile(
    rf"(?i:(?:^|[_\-.\s])(?:{_WORDS}|session[_-]?(?:key|id|uuid)|auth)(?:$|[_\-.\s\d]))"
    r"|(?i:passw(?:or)?d|passphrase|secret|apikey)"
    r"|(?<=[a-z])(?:Tokens?|Credentials?|SessionKey|SessionId)(?:$|[A-Z])"
)
# Variables of OMERO's clients whose names do not tell: a session's key is as good as a password while it lives.
_SECRET_VARIABLES = ("OMERO_SESSION", "OMERO_PASS")
# A number under such a name is rarely a secret (max_tokens, session 3), but a password may be all digits.
_SECRET_NUMBER = re.compile(r"(?i)passw(?:or)?d|passphrase|secret")
_URL_USER = re.compile(r"(?<=://)(?:[^/\s:@'\"]*:[^/\s@'\"]+|[^/\s:@'\"]{16,})(?=@)")
_ASSIGNMENT = re.compile(
    rf"(?im)^(?P<key>[ \t]*(?:export[ \t]+)?[\"']?[\w.\-]*?(?:{_WORDS})[\w.\-]*[\"']?[ \t]*[:=][ \t]*)"
    r"(?P<value>[^\s#][^\r\n]*)$"
)
# Bounded repetition: a long text without secrets must not cost time by its square.
_NAME = rf"[\w.\-]{{0,40}}?(?:{_WORDS})[\w.\-]{{0,40}}"
_LITERAL = re.compile(
    rf"(?i)(?P<key>\b(?:{_NAME}|[\w.\-]{{0,40}}session[_-]?(?:key|id|uuid))\\?[\"']?\]?\s{{0,4}}[:=]\s{{0,4}})"
    r"(?P<value>\\\"[^\"\\\n]+\\\"|[rbf]?\"[^\"\n]+\"|[rbf]?'[^'\n]+')"
)
# Inside a longer text in code. A name in the value's place has no digits, or few letters.
_LONG_VALUE = re.compile(rf"(?i)(?P<key>\b{_NAME}=)(?P<value>(?=[^\s\"'()\[\]{{}},.$]*\d)[^\s\"'()\[\]{{}},.$]{{12,}})")
# In a command inside code: ``--token …`` and ``LAB_TOKEN=…``, but no placeholder and no variable.
_LONG_OPTION = re.compile(rf"(?i)(?P<key>--{_NAME}[= ])(?P<value>[^\s'\"{{}}$()]+)")
_VARIABLE = re.compile(
    r"(?P<key>\b[A-Z0-9_]{0,40}(?:PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)"
    r"[A-Z0-9_]{0,40}=)(?P<value>[^\s\"'{}$();]+)"
)
_OPTION = re.compile(rf"(?i)(?P<key>(?:--?{_NAME}[= ]|\b{_NAME}=))" r"(?P<value>(?:\"[^\"]*\"|'[^']*'|[^\s'\"]+))")
_SUSPICIOUS = re.compile(
    rf"(?i){_WORDS}|passw|auth|session[_-]?(?:key|id|uuid)|://[^/\"\s]*@|-u[ =]|--user\b|sshpass|pass:|bearer"
    r"|PRIVATE KEY|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|eyJ|[?&][\w\-]*(?:sig|signature|code)="
)
# One of these is in every text that the pattern above finds, and to look for them costs a tenth.
_SIGNS = (
    "passw", "passphrase", "secret", "token", "key", "credential", "auth", "session", "@", "-u", "pass:", "bearer",
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "akia", "eyj", "sig=", "ature=", "code=",
)  # fmt: skip
# A header, a mapping inside one line, an object of JSON: {"token": "…"}. A number is a count rather than a secret.
_MEMBER = re.compile(
    rf"(?i)(?P<key>[\"']?\b{_NAME}[\"']?[ \t]*:[ \t]*)"
    r"(?P<value>\"[^\"\n]+\"|'[^'\n]+'|(?!-?[\d.]+(?:[\s,;})\]]|$))[^\s,;}\)\]\"'|>]{4,})"
)
_AUTHORIZATION = re.compile(
    r"(?i)(?P<key>\bauthorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:\w+[ ])?)(?P<value>[^\s\"']{4,})"
)
_USER_OPTION = re.compile(
    r"(?P<key>(?:^|\s)(?:-u|--user)[ =]?[\"']?[^\s:\"'/=]+:)(?P<value>(?!\d+(?:\s|$))[^\s\"']+)"
    r"|(?P<key2>\bsshpass\s+-p\s*|\bpass:)(?P<value2>[^\s\"']+)"
)
_SIGNED = re.compile(r"(?i)(?P<key>[?&](?:x-amz-|x-goog-)?(?:sig|signature|security-token|code)=)(?P<value>[^&\s\"']+)")
# What looks like nothing else: tokens of well-known services, JSON Web Tokens, bearers, private keys.
_FORMS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w\-]{12,}|xox[abprs]-[\w\-]{8,}|AKIA[0-9A-Z]{12,}"
    r"|eyJ[\w\-]{6,}\.eyJ[\w\-]{4,}\.[\w\-]+|(?:[Bb]earer|BEARER) (?=\S*\d)[\w.~+/=\-]{8,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
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
            if (is_secret_name(name) or name in _SECRET_VARIABLES) and not value.startswith("/"):
                self._learn(value)
        for value in _passwords_for_hosts(os.environ if environment is None else environment):
            self._learn(value)

    @property
    def knows_values(self) -> bool:
        """Whether there are values to be withheld wherever they appear."""
        return self._pattern is not None

    @property
    def withheld(self) -> tuple[str, ...]:
        """Names of fields whose values were withheld, sorted."""
        return tuple(sorted(self._withheld))

    def learn(self, value: object, name: str = "") -> None:
        """Remember the secrets inside a nested value, so that they are withheld from other texts too."""
        if isinstance(value, Mapping):
            for key, item in _members(value):
                # What stands under a secret's name is one, however deep: tokens: {github: …}
                self.learn(item, name if is_secret_name(name) else key)
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item, name)
        elif _is_secret(name, value):
            self._learn(str(value))
        elif isinstance(value, str):
            for found in _URL_USER.findall(value):
                self._learn(found.rpartition(":")[2])

    def learn_values(self, values: Iterable[str]) -> None:
        """Remember values that are known to be secrets."""
        for value in values:
            self._learn(value)

    def knows(self, text: str) -> bool:
        """Tell whether a text holds a value known to be secret."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def suspects(self, text: str) -> bool:
        """Tell whether a text of JSON may hold a secret at all: a quick look that errs on the side of caution."""
        if any(value in text for value in self._encoded_values):
            return True
        folded = text.lower()
        return any(sign in folded for sign in _SIGNS) and _SUSPICIOUS.search(text) is not None

    def plain(self, value: object, name: str = "") -> object:
        """Return a nested plain value with every secret replaced by ``[withheld]``."""
        if _is_secret(name, value):
            self._withheld.add(name)
            return WITHHELD
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return [self.plain(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def members(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return a mapping with every secret in it replaced by ``[withheld]``."""
        return {name: self.plain(value, name) for name, value in values.items()}

    def _mapping(self, value: Mapping[Any, object]) -> dict[Any, object]:
        plain = {
            self.text(key) if isinstance(key, str) else key: self.plain(item, name)
            for (key, item), (name, _) in zip(value.items(), _members(value), strict=True)
        }
        pairs = value.get("params")
        if isinstance(pairs, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            plain["params"] = [[name, self.plain(item, str(name))] for name, item in pairs]
        return plain

    def text(self, text: str) -> str:
        """Return a text without known secrets, and without what its form shows to be one.

        Forms are passwords in URLs, what follows an option such as ``--token`` or a name such as ``token:``, and the
        tokens of well-known services.
        """
        return self._without(text, (_AUTHORIZATION, _OPTION, _MEMBER, _USER_OPTION, _SIGNED))

    def _without(self, text: str, patterns: Iterable[re.Pattern[str]]) -> str:
        if self._pattern is not None and self._pattern.search(text):
            text = self._pattern.sub(WITHHELD, text)
            self._withheld.add("a value known to be secret")
        if "://" in text and _URL_USER.search(text):
            text = _URL_USER.sub(WITHHELD, text)
            self._withheld.add("password in a URL")
        if _FORMS.search(text):
            text = _FORMS.sub(WITHHELD, text)
            self._withheld.add("a text of the form of a secret")
        for pattern in patterns:
            text = self._named(pattern, text)
        return text

    def document(self, text: str, *, code: bool = False) -> str:
        """Return the text of a file also without values assigned to a secret's name.

        Parameters
        ----------
        text
            The file's text.
        code
            Whether it is program code: there only quoted texts are values, the rest are expressions.
        """
        if code:
            return self._without(
                text, (_AUTHORIZATION, _LITERAL, _LONG_VALUE, _LONG_OPTION, _VARIABLE, _USER_OPTION, _SIGNED)
            )
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
            groups = match.groupdict()
            key, found = groups["key"] or groups.get("key2") or "", groups["value"] or groups.get("value2") or ""
            value = found.strip("\"' ,")
            number = value.replace(".", "", 1).isdigit() and _SECRET_NUMBER.search(key) is None
            if WITHHELD in value or number or value.lower() in ("true", "false", "null", "none", "~", ""):
                return match[0]
            self._withheld.add(key.strip().strip("-:=?& \"'"))
            return key + WITHHELD

        return pattern.sub(withhold, text)

    def _learn(self, value: str) -> None:
        if len(value) >= _SHORTEST_SECRET and value not in self._values:
            # As it stands in a URL, in JSON, in a shell's command.
            forms = {value, quote(value, safe=""), json.dumps(value)[1:-1], shlex.quote(value).strip("'")}
            self._values |= {form for form in forms if len(form) >= _SHORTEST_SECRET}
            self._encoded_values |= {json.dumps(form)[1:-1] for form in self._values}
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(item) for item in longest_first))


def _members(value: Mapping[Any, object]) -> list[tuple[str, object]]:
    """Return a mapping's items under the names that say what they are.

    Of ``{"name": "password", "used": "…"}`` the value is named by its neighbour; of ``{"params": [["password", "…"]]}``
    by the first of the pair.
    """
    named = value.get("name")
    if isinstance(named, str) and is_secret_name(named):
        return [(named if key in _VALUE_FIELDS else str(key), item) for key, item in value.items()]
    members = [(str(key), item) for key, item in value.items()]
    pairs = value.get("params")
    if isinstance(pairs, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        members = [
            (key, {str(name): item for name, item in pairs} if key == "params" else item) for key, item in members
        ]
    return members


_VALUE_FIELDS = ("value", "requested", "used", "default")


def _passwords_for_hosts(environment: Mapping[str, str]) -> list[str]:
    """Return the passwords of ``.netrc``, so that they are known when a tool prints one."""
    home = environment.get("HOME")
    place = environment.get("NETRC") or (os.path.join(home, ".netrc") if home else None)
    if place is None or not os.path.isfile(place):
        return []
    try:
        return [password for _, _, password in netrc.netrc(place).hosts.values() if password]
    except (OSError, ValueError, netrc.NetrcParseError):
        return []


def _is_secret(name: str, value: object) -> bool:
    if value in (None, "", [], {}) or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return _SECRET_NUMBER.search(name) is not None
    return is_secret_name(name)


@lru_cache(4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name usually holds a secret.

    >>> [name for name in ("omero_password", "tokenizer", "author", "api_key", "sigma") if is_secret_name(name)]
    ['omero_password', 'api_key']
    """
    return _SECRET_NAME.search(name) is not None
