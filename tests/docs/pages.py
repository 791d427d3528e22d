"""The documentation's pages, read as a test needs them: what they show, and where they point.

Comments in a page say how its examples are to be tried; a reader does not see them:

``<!-- folder: demo -->``
    In which folder the page begins: that of a finished demonstration, ``workflow NAME`` of ``tests/workflows``, or an
    ``empty`` one, which is the default.
``<!-- file: path -->``
    The block that follows is the content of that file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n+)?```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_FOLDER = re.compile(r"^<!-- folder: (.+?) -->$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, the line it starts on, and the file it is the content of."""

    language: str
    text: str
    line: int
    file: str | None = None


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def folder(self) -> str:
        found = _FOLDER.search(self.text)
        return found[1] if found else "empty"

    @property
    def blocks(self) -> list[Block]:
        text = self.text
        return [
            Block(found["language"], found["text"], text.count("\n", 0, found.start("text")) + 1, found["file"])
            for found in _FENCE.finditer(text)
        ]

    @property
    def examples(self) -> list[Block]:
        """What can be tried: commands, Python, and the files that they need."""
        return [block for block in self.blocks if block.file or block.language in ("console", "python", "pycon")]

    @property
    def prose(self) -> str:
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Where the page points to, inside this repository."""
        return [link for link in _LINK.findall(self.prose) if "://" not in link and not link.startswith("mailto:")]

    @property
    def anchors(self) -> set[str]:
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}


def _anchor(heading: str) -> str:
    """Return the anchor that forges give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@cache
def pages() -> tuple[Page, ...]:
    """Every page that a reader of the repository meets."""
    named = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "config/README.md")]
    return tuple(Page(path) for path in (*named, *sorted(DOCS.rglob("*.md"))))
