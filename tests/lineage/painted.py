"""A run on a small volume with real pixels: an image of two channels, the label image of it, and a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from filiation.images import Image, LabelImage, write_image, write_labels, write_table
from tests.lineage.crates import CrateBuilder

RAW, LABELS, TABLE = "results/raw.ome.zarr", "results/nuclei.ome.zarr", "results/table.parquet"
SHAPE = (4, 32, 48)
FIRST, SECOND = 7, 300
"""Labels of the two objects: the first is in the sections 0 and 1, the second in 2 alone."""


def paint(folder: Path, number: int = 1) -> CrateBuilder:
    """Write the files of the run, and tell of it."""
    data = np.zeros((2, *SHAPE), np.uint16)
    data[0, :2, 4:12, 6:20] = 4000
    data[1, 2, 20:28, 30:40] = 4000
    labels = np.zeros(SHAPE, np.uint32)
    labels[:2, 4:12, 6:20] = FIRST
    labels[2, 20:28, 30:40] = SECOND
    scale, units = (2.0, 0.5, 0.5), ("micrometer",) * 3
    write_image(
        folder / RAW, Image(data, ("c", "z", "y", "x"), (1.0, *scale), ("", *units), ("nuclei", "membranes"), "raw")
    )
    write_labels(folder / LABELS, LabelImage(labels, ("z", "y", "x"), scale, units, properties={FIRST: {"note": "a"}}))
    write_table(folder / TABLE, pa.table({"label": [FIRST, SECOND], "area": [56.0, 20.0]}))
    kinds = {RAW: "image", LABELS: "label image"}
    run = CrateBuilder(folder, number)
    run.job("fetch", ("skimage:cells3d",), {RAW: None}, kinds=kinds)
    run.job("segment", (RAW,), {LABELS: None}, parameters={"sigma": 2}, kinds=kinds)
    run.job("measure", (RAW, LABELS), {TABLE: None}, kinds=kinds)
    return run
