from pathlib import Path

from filiation.images import Table, write_anndata
from filiation.step import run


def write_as_anndata(table: Table, data: Path) -> None:
    """Write the measurements once more, as AnnData."""
    write_anndata(data, table, "nuclei")


run(write_as_anndata, snakemake)
