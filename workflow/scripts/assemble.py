from pathlib import Path

from filiation.images import assemble
from filiation.step import run


def assemble_store(image: Path, labels: Path, table: Path, store: Path, boxes: Path | None = None) -> None:
    """Link the image, its label image and its tables into one store for a viewer."""
    boxed = {} if boxes is None else {"nuclei": boxes}
    assemble(store, image, labels={"nuclei": labels}, tables={"nuclei": table}, boxes=boxed)


run(assemble_store, snakemake)
