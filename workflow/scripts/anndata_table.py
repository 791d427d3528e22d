from pathlib import Path

from filiation.images import Table, write_anndata
from filiation.step import run


def write_as_anndata(table: Table, data: Path) -> None:
    """Write the measurements once more, as AnnData."""
    # Snakemake puts a file of its own into a folder that is an output, which readers of AnnData stumble over.
    write_anndata(data if data.suffix else data / "measurements.zarr", table, "nuclei")


run(write_as_anndata, snakemake)
