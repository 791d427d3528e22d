from pathlib import Path

from filiation.images import Image, write_tiff
from filiation.step import run


def write_for_tool(image: Image, tiff: Path, *, channel: int | str) -> None:
    """Write one channel as a TIFF file, which tools read that know no OME-Zarr."""
    write_tiff(tiff, image.channel(channel))


run(write_for_tool, snakemake)
