"""``python -m filiation`` is ``filiation``."""

from filiation.cli import main

if __name__ == "__main__":
    main(prog_name="filiation")
