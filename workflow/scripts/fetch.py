from pathlib import Path

from filiation.images import StoreFormat, fetch_into, open_source
from filiation.step import run, used


def fetch_image(image: Path, source_file: Path | None = None, *, source: str, **asked: dict) -> None:
    """Fetch an image from a path or URI; a URI, or what lies in a ZIP file, is no file that Snakemake sees.

    So the step says what it used.
    """
    fetched = fetch_into(open_source(source), image, StoreFormat.from_settings(asked.get("ome_zarr")))
    if source_file is None or source_file != Path(source):
        used(fetched)


run(fetch_image, snakemake)
