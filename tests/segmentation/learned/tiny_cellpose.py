"""A network of Cellpose's interface, whose flows are a Gaussian's derivatives."""

import math
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import conv2d

_WIDTH, _REACH = 7.0, 20  # pixels, of objects that are 30 pixels wide


class Flows(torch.nn.Module):
    """From patches to flows along y and x and the score of each pixel."""

    nout, mkldnn, dtype = 3, False, torch.float32

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()
        self.kernels = torch.nn.Parameter(torch.zeros(3, 1, 2 * _REACH + 1, 2 * _REACH + 1), requires_grad=False)
        self.diam_mean = torch.nn.Parameter(torch.tensor([30.0]), requires_grad=False)
        self.diam_labels = torch.nn.Parameter(torch.tensor([30.0]), requires_grad=False)

    @property
    def device(self) -> torch.device:
        return self.kernels.device

    def load_model(self, filename: str, device: torch.device | None = None) -> None:
        self.load_state_dict(torch.load(filename, map_location=device or "cpu"))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = conv2d(x[:, :1], self.kernels, padding=_REACH)
        along, score = seen[:, :2], seen[:, 2:]
        length = along.norm(dim=1, keepdim=True) + 1e-6
        return torch.cat([5 * along / length, 12 * (score - 0.5)], 1), torch.zeros(len(x), 256)


def save(path: Path) -> None:
    """Write the weights that make it work."""
    place = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32)
    bell = torch.exp(-0.5 * (place / _WIDTH) ** 2)
    bell /= bell.sum()
    slope = place / _WIDTH**2 * bell
    narrow = torch.exp(-0.5 * (place / 2.0) ** 2)
    narrow /= narrow.sum()
    network = Flows()
    network.kernels.data = torch.stack(
        [torch.outer(slope, bell), torch.outer(bell, slope), torch.outer(narrow, narrow)]
    )[:, None]
    assert math.isclose(float(network.kernels[2].sum()), 1, rel_tol=1e-3)
    torch.save(network.state_dict(), path)
