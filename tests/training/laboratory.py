"""A laboratory in small: raw images, what a workflow made of them, and a catalogue that tells of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.correcting import correct
from filiation.images import Image, LabelImage, read_labels, write_image, write_labels
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder

PEOPLE = {"Josiah": "0000-0002-1825-0097", "Ada": "0000-0001-5109-3700"}
Array = NDArray[np.generic]


def noise(seed: int, *shape: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).poisson(200, shape).astype(np.uint16)


def truth(data: Array) -> NDArray[np.uint32]:
    """Return labels of three objects, one of them in two parts; of which value one is depends on the image."""
    labels = np.zeros(data.shape, np.uint32)
    labels[..., 50, 50] = int(np.asarray(data).flat[0]) + 1
    labels[..., 5:20, 5:25] = 3
    labels[..., 30:40, 10:12] = 3
    labels[..., 25:45, 30:50] = 70_000
    return labels


@dataclass
class Laboratory:
    """Images with label images, in one folder, told of by runs."""

    folder: Path
    runs: int = 0

    @property
    def catalogue(self) -> CatalogueFolder:
        return CatalogueFolder.create(self.folder / ".filiation")

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.catalogue.root)

    def segmented(
        self, name: str, data: Array, *, raw: str | None = None, run: CrateBuilder | None = None, **settings: object
    ) -> None:
        """Let a run fetch an image from a raw file, and segment it; a run that is given is not taken in yet."""
        raw = f"raw/{raw or name}.tif"
        if not (self.folder / raw).exists():
            (self.folder / "raw").mkdir(exist_ok=True)
            tifffile.imwrite(self.folder / raw, np.asarray(data), photometric="minisblack")
        axes = ("z", "y", "x")[-data.ndim :]
        scale = (2.0, 0.5, 0.5)[-data.ndim :]
        image, labels = f"results/{name}/raw.ome.zarr", f"results/{name}/nuclei.ome.zarr"
        units = ("micrometer",) * data.ndim
        write_image(self.folder / image, Image(data, axes, scale, units, name=name))
        write_labels(self.folder / labels, LabelImage(truth(data), axes, scale, units, source="../raw.ome.zarr"))
        told = run or self.run()
        kinds = {image: "image", labels: "label image"}
        told.job("fetch", (raw,), {image: None}, kinds=kinds)
        parameters = {"method": "otsu", **settings}
        told.job("segment", (image,), {labels: None}, kinds=kinds, parameters=parameters)
        if run is None:
            self.take_in(told)

    def corrected(self, name: str, by: str = "Ada") -> None:
        """Let a person correct the label image of a sample."""
        old, new = f"results/{name}/nuclei.ome.zarr", f"results/{name}/corrected.ome.zarr"
        before = read_labels(self.folder / old)
        labels = before.data.copy()
        labels[..., :3, :3] = 9
        write_labels(self.folder / new, replace(before, data=labels))
        record = correct(
            self.catalogue, self.folder / old, self.folder / new, by=PEOPLE[by], name=by, why="a nucleus was missing"
        )
        assert record.differences.voxels

    def predicted(self, name: str, weights: str) -> None:
        """Let a run label an image by a model's weights."""
        image, labels = f"results/{name}/raw.ome.zarr", f"results/{name}/predicted.ome.zarr"
        before = read_labels(self.folder / f"results/{name}/nuclei.ome.zarr")
        write_labels(self.folder / labels, replace(before, data=before.data + 1))
        run = self.run()
        run.job("predict", (image, weights), {labels: None}, kinds={image: "image", labels: "label image"})
        self.take_in(run)

    def run(self) -> CrateBuilder:
        self.runs += 1
        return CrateBuilder(self.folder, self.runs)

    def take_in(self, run: CrateBuilder) -> None:
        Catalogue(self.catalogue).ingest(run.write(self.folder / "crates"))
