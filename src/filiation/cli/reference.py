"""The reference of the command line, made from the help texts: ``python -m filiation.cli.reference`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from filiation.cli.application import COMMANDS, SECTIONS, main

_START = """# The command line

Made from the commands' own help by `python -m filiation.cli.reference`; a test checks that it is current. The exit
codes are in [exit-codes.md](exit-codes.md).

"""


def reference() -> str:
    """Return the reference as Markdown."""
    context = click.Context(main, info_name="filiation", terminal_width=100, **main.context_settings)
    parts = [_START, _block(main.get_help(context))]
    for title, entries in SECTIONS.items():
        parts.append(f"## {title}\n\n")
        parts += [_command(context, name) for name in entries]
    return "".join(parts).rstrip("\n") + "\n"


def _command(parent: click.Context, name: str) -> str:
    command = main.get_command(parent, name)
    if command is None:
        raise LookupError(
            f"{name} is in the table of commands, but there is no such command; {len(COMMANDS)} are known"
        )
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    text = f"### filiation {name}\n\n{_block(command.get_help(context))}"
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            inner = click.Context(each, info_name=below, parent=context, **each.context_settings)
            text += f"### filiation {name} {below}\n\n{_block(each.get_help(inner))}"
    return text


def _block(text: str) -> str:
    lines = (line.rstrip() for line in text.strip().splitlines())
    return "```text\n" + "\n".join(lines) + "\n```\n\n"


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference/cli.md")
    place.write_text(reference(), encoding="utf-8")
