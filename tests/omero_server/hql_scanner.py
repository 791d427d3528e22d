"""Text of HQL cut into words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tests.omero_server.hql_syntax import HqlError

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLdDfF]?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|:(?P<parameter>[A-Za-z_]\w*)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<symbol><>|!=|<=|>=|\|\||[=<>(),.*+/\-])"
    r"|(?P<end>$))"
)

Kind = Literal["name", "number", "text", "parameter", "symbol", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a query and where it begins."""

    kind: Kind
    text: str
    position: int


def scan(text: str) -> list[Token]:
    """Return the words of a query, an ``end`` last."""
    tokens: list[Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        found = TOKEN.match(text, position)
        if found is None:
            raise HqlError(f"unexpected character at {position}: {text[position : position + 20]!r}")
        kind: Kind = found.lastgroup  # type: ignore[assignment]
        tokens.append(Token(kind, found.group(kind), found.start(kind)))
        position = found.end()
    return tokens
