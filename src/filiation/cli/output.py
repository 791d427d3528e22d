"""How commands write: text that steers no terminal, tables, JSON, complaints, progress."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def safe(text: str) -> str:
    """Make control characters visible, line by line, so that no name in a crate can steer the terminal."""
    from filiation.lineage.words import plain

    whole = text.replace("\n", " ")
    return text if plain(whole) == whole else "\n".join(plain(line) for line in text.split("\n"))


def from_here(path: Path) -> str:
    """Write a path as one would type it from the folder that one is in."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(text: str) -> None:
    """Print the answer."""
    click.echo(safe(text))


def remark(text: str) -> None:
    """Tell a person something that is not part of the answer."""
    click.echo(safe(text), err=True)


def complain(text: str) -> None:
    """Tell what went wrong."""
    click.echo(f"filiation: {safe(text)}", err=True)


def say_json(value: object) -> None:
    """Print JSON in ASCII: safe on any terminal, and names that are no text survive."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their columns, as wide as they need."""
    from filiation.lineage.words import plain

    table = [tuple(columns), *(tuple(plain(cell) for cell in row) for row in rows)]
    widths = [max(len(row[number]) for row in table) for number in range(len(columns))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def say_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows as CSV (RFC 4180); a cell that a spreadsheet would take for a formula is made a text."""
    import csv
    import io

    from filiation.lineage.words import cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    click.echo(text.getvalue(), nl=False)


def write_text(path: str, text: str) -> None:
    """Write a file that the user named; ``-`` is the standard output.

    Raises
    ------
    BadInputError
        If it cannot be written.
    """
    if path == "-":
        click.echo(text)
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{path!r} cannot be written: {error.strerror or error}.") from error
    remark(f"Wrote {path}")


def write_bytes(path: str, content: bytes) -> None:
    """Write a file of other than text that the user named; ``-`` is the standard output, if that is no terminal.

    Raises
    ------
    BadInputError
        If it cannot be written, or a terminal would show it.
    """
    if path == "-":
        if sys.stdout.isatty():
            raise BadInputError("This is no text for a terminal. Name a file by -o FILE, or send it on to a program.")
        sys.stdout.buffer.write(content)
        return
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise BadInputError(f"{path!r} cannot be written: {error.strerror or error}.") from error
    remark(f"Wrote {path}")


@contextmanager
def bytes_bar(label: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many bytes have been read; the whole is not known beforehand."""
    from filiation.lineage.words import size

    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        bar.update(1)

    with click.progressbar(
        iter(()), label=label, file=sys.stderr, item_show_func=lambda _: size(done), show_eta=False, width=12
    ) as bar:
        yield advance


@contextmanager
def steps_bar(label: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show on a terminal how many of how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _name: None
        return

    def advance(done: int, total: int, _name: str) -> None:
        bar.length = max(total, 1)
        bar.update(done - bar.pos)

    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:
        yield advance
