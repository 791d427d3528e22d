"""``filiation tool``: what a descriptor says of a tool, and how the workflow would run it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from filiation.cli.options import example, json_option
from filiation.cli.output import say, say_json


@click.command(epilog=example("filiation tool tools/nuclei/descriptor.json"))
@click.argument("descriptor", type=click.Path(path_type=Path))
@json_option
def tool(descriptor: Path, as_json: bool) -> None:
    """Show a tool's descriptor, and the command that runs it.

    Shown are its container, its parameters and their defaults. DESCRIPTOR is a JSON file as BIAFLOWS, BIOMERO and
    Boutiques have them; what is wrong with it is told, all at once. With `method: tool` the workflow runs the tool.
    """
    from filiation.segmentation.descriptor import FOLDERS, read_descriptor

    read = read_descriptor(descriptor)
    values = {each.name: each.default for each in read.parameters if each.default is not None}
    command = read.command(
        {name: shlex.quote(str(value)) for name, value in values.items()}, {name: name.upper() for name in FOLDERS}
    )
    if as_json:
        say_json(
            {
                "name": read.name,
                "description": read.description,
                "container": read.container,
                "command": command,
                "parameters": [
                    {"name": each.name, "type": each.kind, "default": each.default, "optional": each.optional}
                    for each in read.parameters
                ],
            }
        )
        return
    say(read.name + (f": {read.description}" if read.description else ""))
    say(f"container  {read.container or 'none'}")
    say(f"command    {command}")
    say("parameters" if read.parameters else "no parameters")
    width = max((len(each.name) for each in read.parameters), default=0)
    for each in read.parameters:
        shown = "needed" if each.default is None and not each.optional else f"{each.default}"
        say(f"  {each.name:<{width}}  {each.kind:<8}{shown:<12}{each.title}".rstrip())
