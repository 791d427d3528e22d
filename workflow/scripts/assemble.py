from pathlib import Path

from filiation.images import assemble
from filiation.step import run


def assemble_store(image: Path, labels: Path, table: Path, store: Path) -> None:
    """Link the image, its label image and its table into one store for a viewer."""
    assemble(store, image, labels={"nuclei": labels}, tables={"nuclei": table})


run(assemble_store, snakemake)
