"""The texts that must not stand anywhere: found in any spelling that a crate uses, and replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from filiation.model import encode_path

WITHHELD: Final = "withheld"
"""What stands in place of what is private."""

_SHORTEST_PIECE: Final = 5
_WILD: Final = re.compile(r"\[[^\]]*\]|[*?]")
_END_OF_PATH: Final = frozenset(" \t\r\n\"'\\,;()[]{}<>|`=")


class PrivateTexts:
    """Texts to be found and replaced.

    Parameters
    ----------
    literals
        Wherever they stand.
    words
        Where neither a letter, a digit nor an underscore is next to them: names, addresses.
    paths
        Shell patterns of paths; the longest part of each without wildcards is looked for, and a path that has it is
        replaced from end to end.
    """

    def __init__(self, literals: Iterable[str] = (), words: Iterable[str] = (), paths: Iterable[str] = ()) -> None:
        self.literals, self.words, self.paths = frozenset(literals), frozenset(words), tuple(paths)
        pieces = {piece for pattern in self.paths if (piece := _piece(pattern)) is not None}
        self._pieces = _alternatives(pieces)
        literal, word = _alternatives(self.literals), _alternatives(self.words)
        found = [literal] if literal else []
        found += [rf"(?<!\w)(?:{word})(?!\w)"] if word else []
        self._texts = re.compile("|".join(found)) if found else None
        self._in_paths = re.compile(self._pieces) if self._pieces else None

    def __or__(self, other: PrivateTexts) -> PrivateTexts:
        return PrivateTexts(
            self.literals | other.literals, self.words | other.words, dict.fromkeys((*self.paths, *other.paths))
        )

    def __bool__(self) -> bool:
        return self._texts is not None or self._in_paths is not None

    def occur_in(self, text: str) -> bool:
        """Whether one of them stands in a text."""
        return any(pattern is not None and pattern.search(text) for pattern in (self._texts, self._in_paths))

    def replaced_in(self, text: str) -> str:
        """Return a text with another word in their place."""
        if self._in_paths is not None:
            text = "".join(self._without_paths(text))
        return text if self._texts is None else self._texts.sub(WITHHELD, text)

    def _without_paths(self, text: str) -> Iterator[str]:
        assert self._in_paths is not None  # noqa: S101 - only called with some
        done = 0
        while (found := self._in_paths.search(text, done)) is not None:
            start, end = found.span()
            while start > done and text[start - 1] not in _END_OF_PATH:
                start -= 1
            while end < len(text) and text[end] not in _END_OF_PATH:
                end += 1
            yield text[done:start]
            yield WITHHELD
            done = end
        yield text[done:]


def _piece(pattern: str) -> str | None:
    """Return the longest part of a shell pattern without wildcards, if it is long enough to tell anything."""
    longest = max(_WILD.split(pattern), key=len)
    return longest if len(longest) >= _SHORTEST_PIECE else None


def _alternatives(texts: Iterable[str]) -> str:
    spelled = {spelling for text in texts for spelling in _spellings(text)}
    return "|".join(re.escape(text) for text in sorted(spelled, key=lambda text: (-len(text), text)))


def _spellings(text: str) -> set[str]:
    """Return a text as it stands in a path's IRI, in JSON, and in JSON inside JSON."""
    try:
        escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        escaped |= {json.dumps(once)[1:-1] for once in escaped}
        return {text, encode_path(text), quote(text, safe="/:@"), *escaped}
    except UnicodeEncodeError:  # bytes that are no text
        return {text, encode_path(text)}
