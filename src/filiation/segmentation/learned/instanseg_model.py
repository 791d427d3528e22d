"""InstanSeg."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from filiation.errors import BadInputError
from filiation.segmentation.filters import Labels, Pixels, check, numbered
from filiation.segmentation.learned.devices import torch_device
from filiation.segmentation.learned.weights import Tell, library, say_nothing, weights_file

_LARGEST = 1024  # pixels along a side that are segmented at once


def instanseg(
    pixels: Pixels,
    scale: tuple[float, ...],
    tell: Tell = say_nothing,
    *,
    weights: str | os.PathLike[str],
    minimum_size: float = 0.0,
    device: str = "auto",
) -> Labels:
    """Label cells or nuclei of an image by InstanSeg (Goldsborough et al. 2024).

    The image is brought to the pixel size that the model was trained with; its pixel size is taken to be in
    micrometre. A model that tells nuclei and cells apart gives nuclei.

    Parameters
    ----------
    pixels
        Axes (y, x).
    scale
        Pixel size along each axis.
    tell
        Hears of ``device`` and ``pixel_size_of_model``.
    weights
        A model in TorchScript, as InstanSeg publishes and exports them.
    minimum_size
        Smaller objects are dropped; an area.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises
    ------
    MissingExtraError
        If InstanSeg is not installed.
    NotFoundError
        If there are no weights.
    BadInputError
        If the image has not 2 dimensions, or the file is no such model.
    """
    check(pixels, scale, minimum_size=minimum_size)
    if pixels.ndim != 2:
        raise BadInputError("instanseg takes an image of axes (y, x); a volume is segmented plane by plane.")
    path = weights_file(weights, "instanseg")
    torch = library("torch", "instanseg")
    place, name = torch_device(torch, device)
    model = _model(str(path.absolute()), path.stat().st_mtime_ns, str(place))
    size = float(model.instanseg.pixel_size)
    tell(device=name, pixel_size_of_model=size)
    small = max(pixels.shape) * scale[-1] / size <= _LARGEST
    evaluate = model.eval_small_image if small else model.eval_medium_image
    with torch.inference_mode():
        found = evaluate(
            torch.from_numpy(pixels.astype(np.float32))[None],
            pixel_size=scale[-1],
            return_image_tensor=False,
            target="nuclei",
        )
    labels = np.asarray(found.cpu()).reshape(-1, *pixels.shape)[0]
    return numbered(labels.astype(np.int64), scale, minimum_size)


@lru_cache(maxsize=1)
def _model(weights: str, _changed: int, device: str) -> Any:
    torch = library("torch", "instanseg")
    inference = library("instanseg", "instanseg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is, and is how the models come
            module = torch.jit.load(weights, map_location=device)
        float(module.pixel_size)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise BadInputError(f"{weights} is no InstanSeg model in TorchScript: {str(error).splitlines()[0]}") from error
    return inference.InstanSeg(module, device=device, image_reader="skimage.io", verbosity=0)
