from pathlib import Path

from filiation.step import run


def halve(number: Path, half: Path, *, divisor: int, digits: int = 3) -> None:
    """Write a number divided."""
    half.write_text(str(round(int(number.read_text()) / divisor, digits)))


run(halve, snakemake)  # noqa: F821
