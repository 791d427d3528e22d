"""Small weights made here: TorchScript for InstanSeg, a model trained for seconds for StarDist, a file for Cellpose.

Nothing of it is mocked but Cellpose's network, which in its true size takes minutes to train: the one here has the same
interface, is loaded from a file as the true one is, and computes flows by a Gaussian's derivatives.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Array = Any
SCALE = (0.5, 0.5)


def needs(*libraries: str) -> None:
    """Skip where an extra is not installed."""
    if any(importlib.util.find_spec(each) is None for each in libraries):
        pytest.skip(f"{' and '.join(libraries)}: not installed; `make learned` does it")


def discs(seed: int, shape: tuple[int, int] = (160, 160), radius: float = 9.0) -> tuple[Array, Array]:
    """Return an image of discs that lie apart, under shot noise, and which pixel belongs to which."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth = np.zeros(shape, np.uint32)
    wide = np.zeros(shape, bool)
    for _ in range(400):
        middle = random.uniform(radius, np.array(shape) - radius)
        distance = np.hypot(y - middle[0], x - middle[1])
        if not wide[distance <= radius + 2].any():
            truth[distance <= radius] = truth.max() + 1
            wide |= distance <= radius + 2
    return random.poisson(40 + 160 * (truth > 0)).astype(np.uint16), truth


@pytest.fixture(scope="session")
def instanseg_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("torch", "instanseg")
    from tests.segmentation.learned.tiny_instanseg import save

    path = tmp_path_factory.mktemp("instanseg") / "discs.pt"
    save(path)
    return path


@pytest.fixture(scope="session")
def stardist_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("stardist", "tensorflow")
    import tensorflow
    from stardist.models import Config2D, StarDist2D

    tensorflow.keras.utils.set_random_seed(7)
    folder = tmp_path_factory.mktemp("stardist")
    config = Config2D(
        n_rays=16, grid=(2, 2), n_channel_in=1, unet_n_depth=1, unet_n_filter_base=8, net_conv_after_unet=16,
        train_patch_size=(64, 64), train_batch_size=4, train_epochs=5, train_steps_per_epoch=60,
        train_learning_rate=0.005, train_tensorboard=False, train_sample_cache=False,
    )  # fmt: skip
    model = StarDist2D(config, name="discs", basedir=str(folder))
    pairs = [discs(seed, (128, 128)) for seed in range(8)]
    images = [((image - 30) / 190).astype(np.float32) for image, _ in pairs]
    truths = [truth.astype(np.int32) for _, truth in pairs]
    model.train(images, truths, validation_data=(images[:1], truths[:1]))
    return folder / "discs"
