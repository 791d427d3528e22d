"""Cellpose."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from pickle import UnpicklingError  # what torch.load raises for what is no weights; nothing is unpickled here
from typing import Any

import numpy as np

from filiation.errors import BadInputError
from filiation.segmentation.filters import Labels, Pixels, check, numbered
from filiation.segmentation.learned.devices import torch_device
from filiation.segmentation.learned.weights import Tell, library, say_nothing, weights_file

_MODEL_DIAMETER = 30.0  # pixels, to which Cellpose enlarges or shrinks objects


def cellpose(
    pixels: Pixels,
    scale: tuple[float, ...],
    tell: Tell = say_nothing,
    *,
    weights: str | os.PathLike[str],
    diameter: float = 0.0,
    flow_threshold: float = 0.4,
    cellprob_threshold: float = 0.0,
    minimum_size: float = 0.0,
    device: str = "auto",
) -> Labels:
    """Label cells or nuclei by Cellpose (Stringer et al., Nature Methods 18, 2021; Pachitariu et al. 2025).

    Works with Cellpose 3, whose networks are small, and 4 (Cellpose-SAM). Brightness is made comparable by the
    image's own percentiles.

    Parameters
    ----------
    pixels
        Axes (y, x) or (z, y, x); a volume is segmented from the flows along all three planes.
    scale
        Pixel size along each axis.
    tell
        Hears of ``device``, ``diameter_in_pixels``, ``flow_threshold`` and ``cellprob_threshold``.
    weights
        A file that Cellpose saved.
    diameter
        Of a typical object, as a length; with 0 the image is taken as it is, for objects of 30 pixels.
    flow_threshold
        Objects whose flows differ more from those that their shape would have are dropped; 0 drops none. 2-D only.
    cellprob_threshold
        Of the network's score (a logit, so between -6 and 6) above which a pixel is of an object.
    minimum_size
        Smaller objects are dropped; an area (2-D) or a volume (3-D).
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises
    ------
    MissingExtraError
        If Cellpose is not installed.
    NotFoundError
        If there are no weights.
    BadInputError
        If the image has neither 2 nor 3 dimensions, a parameter is out of range, or the file holds other weights.
    """
    check(pixels, scale, diameter=diameter, flow_threshold=flow_threshold, minimum_size=minimum_size)
    path = weights_file(weights, "cellpose")
    torch = library("torch", "cellpose")
    place, name = torch_device(torch, device)
    model = _model(str(path.absolute()), path.stat().st_mtime_ns, place)
    across = diameter / scale[-1] if diameter else _MODEL_DIAMETER
    tell(device=name, diameter_in_pixels=across, flow_threshold=flow_threshold, cellprob_threshold=cellprob_threshold)
    in_3d = {"do_3D": True, "anisotropy": scale[0] / scale[-1], "z_axis": 0} if pixels.ndim == 3 else {}
    masks = model.eval(
        pixels.astype(np.float32),
        **in_3d,
        **_channels(),
        diameter=across,
        flow_threshold=flow_threshold,
        cellprob_threshold=cellprob_threshold,
        min_size=max(1, math.floor(minimum_size / float(np.prod(scale)))),
    )[0]
    return numbered(masks.astype(np.int64).reshape(pixels.shape), scale, minimum_size)


@lru_cache(maxsize=1)
def _model(weights: str, _changed: int, device: Any) -> Any:
    models = library("cellpose.models", "cellpose")
    try:
        return models.CellposeModel(gpu=device.type != "cpu", pretrained_model=weights, device=device)
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
        raise BadInputError(
            f"{weights} holds no weights that Cellpose {_version()} can load: {str(error).splitlines()[0]} "
            "Cellpose 3 and 4 each load their own."
        ) from error


def _channels() -> dict[str, object]:
    # Cellpose 4 takes images as they are; earlier ones are told that there is one channel, of grey.
    return {} if int(_version().partition(".")[0]) >= 4 else {"channels": [0, 0]}


def _version() -> str:
    from importlib.metadata import version

    return version("cellpose")
