from pathlib import Path

from filiation.images import assemble
from filiation.step import run


def assemble_store(image: Path, labels: Path, table: Path, store: Path, boxes: Path | None = None) -> None:
    """Link the image, its label image and its tables into one store for a viewer."""
    name = labels.name.removesuffix(".ome.zarr")
    boxed = {} if boxes is None else {name: boxes}
    assemble(store, image, labels={name: labels}, tables={name: table}, boxes=boxed)


run(assemble_store, snakemake)
