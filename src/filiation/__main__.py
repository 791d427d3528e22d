"""``python -m filiation`` is ``filiation``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; ``filiation step`` without what the other commands need, as every job of a run waits."""
    if sys.argv[1:2] == ["step"] and sys.argv[2:] and sys.argv[2] not in ("-h", "--help"):
        from filiation.step.command import main as step

        sys.exit(step(sys.argv[2:]))
    from filiation.cli import main as commands

    commands(prog_name="filiation")


if __name__ == "__main__":
    main()
