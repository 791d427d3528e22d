"""Which device a network runs on, as PyTorch and TensorFlow tell it; stand-ins for their parts that know of GPUs."""

from types import SimpleNamespace
from typing import Any

import pytest

from filiation.errors import BadInputError
from filiation.segmentation.learned.devices import tensorflow_device, torch_device


def torch_with(*gpus: str, mps: bool = False) -> Any:
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: bool(gpus),
            device_count=lambda: len(gpus),
            get_device_name=lambda name: gpus[int(name.removeprefix("cuda:"))],
        ),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        device=lambda name: f"device {name}",
    )


def tensorflow_with(*gpus: str) -> Any:
    experimental = SimpleNamespace(get_device_details=lambda gpu: {"device_name": gpu})
    return SimpleNamespace(
        config=SimpleNamespace(list_physical_devices=lambda kind: list(gpus), experimental=experimental)
    )


@pytest.mark.parametrize(
    ("gpus", "mps", "wanted", "device", "name"),
    [
        ((), False, "auto", "cpu", "cpu"),
        ((), True, "auto", "mps", "mps"),
        (("H200", "A100"), False, "auto", "cuda:0", "cuda:0 (H200)"),
        (("H200", "A100"), False, "cuda", "cuda:0", "cuda:0 (H200)"),
        (("H200", "A100"), False, "cuda:1", "cuda:1", "cuda:1 (A100)"),
        (("H200",), False, "cpu", "cpu", "cpu"),
    ],
)
def test_pytorch_runs_on_what_was_asked_for_and_names_the_gpu(
    gpus: tuple[str, ...], mps: bool, wanted: str, device: str, name: str
) -> None:
    assert torch_device(torch_with(*gpus, mps=mps), wanted) == (f"device {device}", name)


@pytest.mark.parametrize(
    ("gpus", "wanted", "device", "name"),
    [
        ((), "auto", "/CPU:0", "cpu"),
        (("H200", "A100"), "auto", "/GPU:0", "cuda:0 (H200)"),
        (("H200", "A100"), "cuda:1", "/GPU:1", "cuda:1 (A100)"),
        (("H200",), "cpu", "/CPU:0", "cpu"),
    ],
)
def test_tensorflow_runs_on_what_was_asked_for_and_names_the_gpu(
    gpus: tuple[str, ...], wanted: str, device: str, name: str
) -> None:
    assert tensorflow_device(tensorflow_with(*gpus), wanted) == (device, name)


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInputError, match=r"no device 'cuda:1' to run a network on; there are cuda:0, cpu, and auto"):
        torch_device(torch_with("H200"), "cuda:1")
    with pytest.raises(BadInputError, match=r"no device 'cuda' to run a network on; there are cpu, and auto"):
        tensorflow_device(tensorflow_with(), "cuda")
