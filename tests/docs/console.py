"""What a page shows of a terminal, and what a terminal shows: run, and compared.

What is different each time may differ: times, durations, sizes, versions, people and hosts. Ids and digests differ too,
but the same one in the page must be the same one in truth, all through the page; a command that names one is run with
the true one. ``…`` stands for anything in a line, and alone on a line for any lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import python

HOME = "/home/ada/demo"
"""How pages call the folder that they are tried in."""

_EXIT = re.compile(r"#\s*exits with (\d+)\s*$")
_ID = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<digest>\b(?:sha256|tree1|pixels[12]):[0-9a-f]{6,64})"
    r"|(?P<short>\b[0-9a-f]{8}\b)"
)
_SHAPES = {
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "short": r"[0-9a-f]{8}",
}
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)?"
_DIFFERENT_EACH_TIME = (
    (re.compile(rf"\d{{4}}-\d\d-\d\d[ T]{_CLOCK}(?: to (?:\d{{4}}-\d\d-\d\d )?{_CLOCK})?"), "<time>"),
    (re.compile(r"\bPT[\d.]+[SMH](?:[\d.]+S)?"), "<duration>"),
    (re.compile(r"\(\d+(?:\.\d+)? (?:s|min)\)|\(\d+ min \d+ s\)"), "(<duration>)"),
    (re.compile(r"\d+(?:\.\d+)? (?:B|kB|MB|GB|bytes)\b"), "<size>"),
    (re.compile(r"\bby \S+ on \S+"), "by <person> on <host>"),
    (re.compile(r"\b(CPython|filiation|numpy|scikit-image|scipy|snakemake|zarr) \d[\w.]*"), r"\1 <version>"),
    (re.compile(r"[ \t]+"), " "),
)
_ANY_LINES = re.compile(r"[\s│├└─]*(?:…|\.\.\.)\s*")


@dataclass(frozen=True)
class Command:
    """A line that a person types, with what they are shown."""

    text: str
    shown: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        found = _EXIT.search(self.text)
        return int(found[1]) if found else 0


def commands(block: str) -> list[Command]:
    """Take a console block apart."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            text, shown = found[-1]
            found[-1] = (f"{text}\n{line[2:]}", shown)
        elif found:
            found[-1][1].append(line)
        else:
            raise AssertionError(f"A console block begins with a line that is no command: {line}")
    return [Command(text, tuple(shown)) for text, shown in found]


@dataclass
class Terminal:
    """A shell in a folder, which remembers where it is and which variables were exported."""

    folder: Path
    scratch: Path
    known: dict[str, str] = field(default_factory=dict)
    """Ids and digests in the page -> the true ones."""

    def __post_init__(self) -> None:
        programs = dict.fromkeys(str(Path(program).parent) for program in (python(), sys.executable))
        path = os.pathsep.join([*programs, os.environ["PATH"]])
        self._state.write_text(f"export PATH={shlex.quote(path)}\ncd {shlex.quote(str(self.folder))}\n")

    @property
    def _state(self) -> Path:
        return self.scratch / "state.sh"

    def run(self, command: Command) -> tuple[int, str]:
        """Run a command as a person would, and return its exit code and all it printed."""
        text = _ID.sub(lambda found: self.known.get(found[0], found[0]), command.text).replace(HOME, str(self.folder))
        state = shlex.quote(str(self._state))
        script = f"source {state}\n{text}\ncode=$?\n{{ export -p; echo cd \"'$PWD'\"; }} > {state}\nexit $code\n"
        done = subprocess.run(
            ["bash", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout

    def compare(self, shown: tuple[str, ...], printed: str) -> None:
        """Fail unless what was printed is what the page shows."""
        if not any(line.strip() for line in shown):
            return
        really = _settled(printed.replace(str(self.folder), HOME))
        pattern, new = self._pattern(shown)
        match = re.fullmatch(pattern, really)
        assert match, "The page shows:\n" + "\n".join(shown) + "\n\nand this was printed:\n" + printed
        self.known |= {token: match[group] for token, group in new.items()}

    def _pattern(self, shown: tuple[str, ...]) -> tuple[str, dict[str, str]]:
        new: dict[str, str] = {}
        lines = []
        for line in _settled("\n".join(shown)).splitlines():
            lines.append(r"(?:.*\n)*?" if _ANY_LINES.fullmatch(line) else self._line(line, new) + r"\n")
        return "".join(lines), new

    def _line(self, line: str, new: dict[str, str]) -> str:
        parts, end = [], 0
        for found in _ID.finditer(line):
            parts += [_escaped(line[end : found.start()]), self._id(found, new)]
            end = found.end()
        return "".join([*parts, _escaped(line[end:])])

    def _id(self, found: re.Match[str], new: dict[str, str]) -> str:
        token = found[0]
        if token in self.known:
            return re.escape(self.known[token])
        if token in new:
            return f"(?P={new[token]})"
        new[token] = f"id{len(new)}"
        kind, _, digits = token.rpartition(":")
        shape = f"{kind}:[0-9a-f]{{{len(digits)}}}" if found["digest"] else _SHAPES[str(found.lastgroup)]
        return f"(?P<{new[token]}>{shape})"


def _settled(text: str) -> str:
    """Return a text without what is different each time, and without blanks that only align."""
    for pattern, replacement in _DIFFERENT_EACH_TIME:
        text = pattern.sub(replacement, text)
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return ".*".join(re.escape(part) for part in re.split(r"…|\.\.\.", text))
