"""The command line: parse, call, print.

>>> from click.testing import CliRunner
>>> print(CliRunner().invoke(main, ["--version"]).output.split()[0])
filiation,

``application`` holds the table of commands, each in a module that is imported only when it is used, and what happens
when one fails; ``output`` is how things are written; the other modules hold one group of commands each.
"""

from filiation.cli.application import main

__all__ = ["main"]
