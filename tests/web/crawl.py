"""Goes through pages in two languages at once, and finds what of ours both say in the same words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi.testclient import TestClient

_SHOWN = ("aria-label", "placeholder", "title", "alt", "content")
_SILENT = {"script", "style"}
_DATA = {"code", "pre", "textarea", "svg"}
"""What stands in these is a record's or a query's; a chart's words stand in its table too."""
_NO_WORDS = {
    f"data-{name}"
    for name in ("thing", "back", "on", "depth", "do", "state", "files", "image", "type", "iri", "editor", "drawn")
}
_WORD = re.compile(r"[A-Za-z’']{2,}")
_BETWEEN = re.compile(r"(?<=[.;:!?»”)])\s+|=|, | · |\n")


@dataclass
class Said(HTMLParser):
    """What a page says, piece by piece, and where it leads."""

    pieces: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    _around: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @property
    def sentences(self) -> list[str]:
        """What it says, in parts that are said alike or not."""
        return [part.strip() for piece in self.pieces for part in _BETWEEN.split(piece) if part.strip()]

    @classmethod
    def by(cls, page: str) -> Said:
        """Read a page."""
        said = cls()
        said.feed(page)
        return said

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of words in attributes, and of links."""
        told = dict(attrs)
        for name, value in told.items():
            is_shown = name in _SHOWN or (name.startswith("data-") and name not in _NO_WORDS)
            if value and is_shown and tag not in {"meta", "link", "article"}:
                self.pieces.append(_without_names(value) if name == "data-words" else value)
        if tag == "a" and told.get("href"):
            self.links.append(str(told["href"]))
        if tag not in {"meta", "link", "input", "br", "img", "hr"}:
            self._around.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        while self._around and self._around.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take note of a text."""
        if not (_SILENT | _DATA) & set(self._around) and data.strip():
            self.pieces.append(" ".join(data.split()))


def same_words(english: Said, french: Said, data: re.Pattern[str]) -> set[str]:
    """Return the sentences, and the words by themselves, that both pages say alike, but for what is data.

    Parameters
    ----------
    english, french
        A page in both languages.
    data
        What records hold, or what others say, such as a parser.
    """
    other = set(french.sentences)
    return {said for said in english.sentences if said in other and _WORD.search(said) and not data.fullmatch(said)}


def both(client: TestClient, start: tuple[str, ...], most: int) -> Iterator[tuple[str, Said, Said]]:
    """Yield each page that can be reached by links, in English and in French.

    Of pages that differ only in which thing, run or object they are about, ``most`` are visited.
    """
    waiting, seen, kinds = list(start), set(start), dict[tuple[str, ...], int]()
    while waiting:
        address = waiting.pop(0)
        english, french = (Said.by(_get(client, address, language)) for language in ("en", "fr"))
        yield address, english, french
        for link in english.links:
            target = urlsplit(link)
            is_page = target.path.startswith("/") and not target.path.startswith(("/api", "/crate", "/static"))
            if (
                target.scheme
                or not is_page
                or target.path.endswith((".svg", ".png", ".pdf", ".json", ".graphml"))
                or "lang=" in link
            ):
                continue
            asked = parse_qs(target.query)
            kind = (target.path, *sorted(asked), *asked.get("about", []), *asked.get("by", []))
            address = f"{target.path}?{target.query}" if target.query else target.path
            if address not in seen and kinds.get(kind, 0) < most:
                kinds[kind] = kinds.get(kind, 0) + 1
                seen.add(address)
                waiting.append(address)


def _get(client: TestClient, address: str, language: str) -> str:
    mark = "&" if "?" in address else "?"
    return client.get(address + mark + urlencode({"lang": language})).text


def _without_names(words: str) -> str:
    return "\n".join(json.loads(words).values())
