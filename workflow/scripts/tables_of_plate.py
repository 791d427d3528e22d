from pathlib import Path

from filiation.images import read_table, write_table
from filiation.segmentation import objects_of_plate, wells_of_plate
from filiation.step import run


def tables_of_plate(tables: list[Path], objects: Path, wells: Path) -> None:
    """Put the nuclei of all fields into one table, and say what each well holds."""
    places = [path.parts[-4:-1] for path in tables]
    read = {(row + column, field): read_table(path) for (row, column, field), path in zip(places, tables, strict=True)}
    fields: dict[str, int] = {}
    for well, _ in read:
        fields[well] = fields.get(well, 0) + 1
    every = objects_of_plate(read)
    write_table(objects, every)
    write_table(wells, wells_of_plate(every, fields))


run(tables_of_plate, snakemake)
