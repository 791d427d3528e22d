from pathlib import Path

from filiation.images import box_table, write_polygons, write_table
from filiation.step import run


def outline_nuclei(labels: Path, polygons: Path, boxes: Path) -> None:
    """Draw every nucleus as polygons along its pixels, and the box around it."""
    write_polygons(polygons, labels)
    write_table(boxes, box_table(labels))


run(outline_nuclei, snakemake)
