from pathlib import Path

from filiation.images import Image, open_source
from filiation.step import run, used


def fetch_image(source_file: Path | None = None, *, source: str) -> Image:
    """Fetch an image from a path or URI; a URI is no file that Snakemake sees, so the step says what it used."""
    origin = open_source(source)
    if source_file is None:
        used(origin.identify())
    return origin.fetch()


run(fetch_image, snakemake)
