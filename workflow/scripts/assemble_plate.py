from pathlib import Path

from filiation.images import FieldStores, assemble_plate, plate_from
from filiation.step import run


def assemble_whole_plate(
    images: list[Path], labels: list[Path], tables: list[Path], store: Path, *, layout: dict
) -> None:
    """Link the fields of a plate with their label images and tables into one plate."""
    stores = {}
    for image, label, table in zip(images, labels, tables, strict=True):
        name = label.name.removesuffix(".ome.zarr")
        stores["/".join(image.parts[-4:-1])] = FieldStores(image, {name: label}, {name: table})
    assemble_plate(store, plate_from(layout, stores), stores)


run(assemble_whole_plate, snakemake)
