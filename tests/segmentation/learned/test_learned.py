"""Learned methods with small weights of our own, on a machine that reaches no other."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filiation.errors import BadInputError, MissingExtraError, NotFoundError
from filiation.segmentation import LEARNED, agreement
from filiation.segmentation.blockwise import Grid, InMemory, Task, recipe_named, segment_volume
from filiation.segmentation.learned import cellpose, instanseg, stardist
from tests.segmentation.learned.conftest import SCALE, discs, needs

pytestmark = [pytest.mark.slow(10), pytest.mark.filterwarnings("ignore")]  # the libraries' own


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"A connection to {address} was tried.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **named: refuse(None, host))  # type: ignore[arg-type]


class Told(dict[str, Any]):
    """What a method told."""

    def __call__(self, **values: object) -> None:
        self.update(values)


def test_instanseg_finds_what_its_weights_were_made_for(instanseg_weights: Path) -> None:
    image, truth = discs(1)
    told = Told()
    found = agreement(truth, instanseg(image, SCALE, told, weights=instanseg_weights, minimum_size=20, device="cpu"))
    assert found.f1 >= 0.95
    assert found.aji >= 0.85
    assert told == {"device": "cpu", "pixel_size_of_model": 0.5}
    enlarged = np.repeat(np.repeat(image, 2, 0), 2, 1)
    again = instanseg(enlarged, (0.25, 0.25), weights=instanseg_weights, minimum_size=20)
    assert agreement(np.repeat(np.repeat(truth, 2, 0), 2, 1), again).f1 >= 0.95


def test_a_large_image_is_segmented_by_instanseg_tile_by_tile(instanseg_weights: Path) -> None:
    image, truth = discs(2, (120, 1100))
    found = agreement(truth, instanseg(image, SCALE, weights=instanseg_weights, minimum_size=20))
    assert found.f1 >= 0.9


def test_stardist_finds_what_its_model_was_trained_for(stardist_model: Path) -> None:
    image, truth = discs(20)
    told = Told()
    found = agreement(truth, stardist(image, SCALE, told, weights=stardist_model, device="cpu"))
    assert found.f1 >= 0.8
    assert found.aji >= 0.6
    assert told["device"] == "cpu"
    assert set(told) == {"device", "prob_thresh", "nms_thresh"}
    none = stardist(image, SCALE, weights=stardist_model, prob_thresh=0.9999)
    assert none.max() < found.found
    with pytest.raises(BadInputError, match="is for images of 2 dimensions; this one has 3"):
        stardist(np.zeros((9, 9, 9)), (1.0,) * 3, weights=stardist_model)


def test_cellpose_follows_the_flows_of_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("torch", "cellpose")
    from cellpose import models

    from tests.segmentation.learned import tiny_cellpose

    for name in ("CPnet", "CPSAM"):
        monkeypatch.setattr(models, name, tiny_cellpose.Flows, raising=False)
    tiny_cellpose.save(tmp_path / "flows")
    image, truth = discs(3)
    told = Told()
    settings: dict[str, Any] = {"weights": tmp_path / "flows", "diameter": 9.0, "flow_threshold": 0.0, "device": "cpu"}
    found = agreement(truth, cellpose(image, SCALE, told, **settings, minimum_size=20))
    assert found.f1 >= 0.9
    assert found.aji >= 0.7
    assert told == {"device": "cpu", "diameter_in_pixels": 18.0, "flow_threshold": 0.0, "cellprob_threshold": 0.0}
    volume = np.stack([image[:48, :64]] * 12)
    assert cellpose(volume, (1.0, 0.5, 0.5), **settings).shape == volume.shape


def test_cellpose_loads_a_network_of_its_own_making(tmp_path: Path) -> None:
    needs("torch", "cellpose")
    from cellpose import resnet_torch

    network = resnet_torch.CPnet([2, 32, 64, 128, 256], 3, sz=3, mkldnn=False, max_pool=True, diam_mean=30.0)
    network.save_model(tmp_path / "random")
    image, _ = discs(3, (48, 48))
    labels = cellpose(image, SCALE, weights=tmp_path / "random", diameter=9.0)
    assert labels.shape == image.shape
    assert labels.dtype == np.uint32
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(BadInputError, match=r"text holds no weights that Cellpose .* can load"):
        cellpose(image, SCALE, weights=tmp_path / "text")


def test_what_is_no_model_is_refused(instanseg_weights: Path, tmp_path: Path) -> None:
    image, _ = discs(3, (48, 48))
    (tmp_path / "text.pt").write_text("no model")
    with pytest.raises(BadInputError, match=r"text\.pt is no InstanSeg model in TorchScript"):
        instanseg(image, SCALE, weights=tmp_path / "text.pt")
    with pytest.raises(
        BadInputError, match=r"There is no device 'cuda:7' to run a network on; there are .*cpu, and auto"
    ):
        instanseg(image, SCALE, weights=instanseg_weights, device="cuda:7")
    with pytest.raises(BadInputError, match="a volume is segmented plane by plane"):
        instanseg(np.zeros((4, 9, 9)), (1.0,) * 3, weights=instanseg_weights)


@pytest.mark.parametrize("method", LEARNED)
def test_weights_that_are_not_there_are_never_fetched(method: str) -> None:
    # "cyto3" and "2D_versatile_fluo" are names under which the libraries would fetch weights.
    for name in ("cyto3", "2D_versatile_fluo", "fluorescence_nuclei_and_cells"):
        with pytest.raises(NotFoundError) as caught:
            LEARNED[method](np.zeros((9, 9)), (1.0, 1.0), weights=name)
        assert str(caught.value) == (
            f"The weights for {method} are to be at {name}, and nothing is there. Weights are never fetched by their "
            "name: put the file or folder on this machine, and give its path."
        )


@pytest.mark.parametrize(
    ("method", "library"), [("cellpose", "torch"), ("stardist", "tensorflow"), ("instanseg", "torch")]
)
def test_a_missing_extra_is_told_with_what_to_install(
    method: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    (tmp_path / "config.json").write_text('{"n_dim": 2}')
    (tmp_path / "weights.h5").touch()
    monkeypatch.setitem(sys.modules, library, None)
    weights = tmp_path if method == "stardist" else tmp_path / "weights.h5"
    with pytest.raises(MissingExtraError) as caught:
        LEARNED[method](np.zeros((9, 9)), (1.0, 1.0), weights=weights)
    assert str(caught.value) == (
        f"The method {method} needs the library {library}, which cannot be imported (import of {library} halted; "
        f"None in sys.modules). Install the extra: `pip install 'filiation[{method}]'`. In a clone, `make learned` "
        "installs it."
    )
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"has no config\.json and no \*\.h5"):
        stardist(np.zeros((9, 9)), (1.0, 1.0), weights=tmp_path)
    with pytest.raises(BadInputError, match="cellpose takes the weights from one file"):
        cellpose(np.zeros((9, 9)), (1.0, 1.0), weights=tmp_path)


def test_a_network_works_block_by_block(instanseg_weights: Path, tmp_path: Path) -> None:
    image, truth = discs(4, (150, 200))
    labels = InMemory.empty(image.shape)
    parameters: Any = {"weights": str(instanseg_weights), "minimum_size": 5.0}
    grid = Grid(image.shape, lengths=(80, 100), halo=(40, 40))
    task = Task(InMemory(image), SCALE, recipe_named("instanseg"), parameters, grid, tmp_path / "scratch")
    said = segment_volume(task, labels, minimum_size=5.0)
    assert said.count == truth.max()
    assert agreement(truth, labels.array).f1 >= 0.95
