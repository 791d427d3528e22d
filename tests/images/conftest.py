"""A small image with its labels, in memory and on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filiation.images import Image, LabelImage, write_image, write_labels

MICROMETRES = ("micrometer",) * 3


@pytest.fixture
def image() -> Image:
    random = np.random.default_rng(1)
    data = random.integers(0, 4000, (6, 150, 301), dtype=np.uint16)
    return Image(data, ("z", "y", "x"), (2.0, 0.5, 0.5), MICROMETRES, channels=("DNA",), name="cells")


@pytest.fixture
def labels(image: Image) -> LabelImage:
    data = np.zeros(image.shape, np.uint32)
    data[1:4, 10:40, 20:50] = 1
    data[2:6, 60:100, 200:301] = 7
    return replace(image.labelled(data, name="nuclei"), source="../raw.ome.zarr", properties={7: {"phase": "G1"}})


@pytest.fixture
def raw(tmp_path: Path, image: Image) -> Path:
    write_image(tmp_path / "raw.ome.zarr", image)
    return tmp_path / "raw.ome.zarr"


@pytest.fixture
def nuclei(tmp_path: Path, raw: Path, labels: LabelImage) -> Path:
    write_labels(tmp_path / "nuclei.ome.zarr", labels)
    return tmp_path / "nuclei.ome.zarr"
