"""StarDist."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from filiation.errors import BadInputError
from filiation.segmentation.filters import Labels, Pixels, check, numbered
from filiation.segmentation.learned.devices import tensorflow_device
from filiation.segmentation.learned.weights import Tell, library, model_folder, say_nothing

_DARKEST, _BRIGHTEST = 1.0, 99.8  # percentiles that become 0 and 1, as StarDist's models are trained


def stardist(
    pixels: Pixels,
    scale: tuple[float, ...],
    tell: Tell = say_nothing,
    *,
    weights: str | os.PathLike[str],
    prob_thresh: float | None = None,
    nms_thresh: float | None = None,
    minimum_size: float = 0.0,
    device: str = "auto",
) -> Labels:
    """Label star-convex objects such as nuclei by StarDist (Schmidt et al., MICCAI 2018; Weigert et al., WACV 2020).

    Parameters
    ----------
    pixels
        Axes (y, x) or (z, y, x), as the model was trained for. Brightness is scaled between percentiles 1 and 99.8.
    scale
        Pixel size along each axis. The model takes pixels as they are: it fits images sampled as its training set was.
    tell
        Hears of ``device``, ``prob_thresh`` and ``nms_thresh``.
    weights
        Folder of a StarDist model, with ``config.json`` and its weights.
    prob_thresh
        Of the score above which an object is one; the model's own if left out.
    nms_thresh
        Of the overlap above which the lesser of two objects is dropped; the model's own if left out.
    minimum_size
        Smaller objects are dropped; an area (2-D) or a volume (3-D).
    device
        ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

    Raises
    ------
    MissingExtraError
        If StarDist is not installed.
    NotFoundError
        If there is no model.
    BadInputError
        If a parameter is out of range, or the model is for images of other axes.
    """
    check(pixels, scale, minimum_size=minimum_size)
    path = model_folder(weights, "stardist", ("config.json", "*.h5"))
    trained_for = json.loads((path / "config.json").read_text("utf-8")).get("n_dim")
    if trained_for != pixels.ndim:
        raise BadInputError(f"The model {path} is for images of {trained_for} dimensions; this one has {pixels.ndim}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tensorflow = library("tensorflow", "stardist")
    place, name = tensorflow_device(tensorflow, device)
    with tensorflow.device(place):
        model = _model(str(path), max(each.stat().st_mtime_ns for each in path.iterdir()), pixels.ndim)
        thresholds = {
            "prob_thresh": float(model.thresholds.prob if prob_thresh is None else prob_thresh),
            "nms_thresh": float(model.thresholds.nms if nms_thresh is None else nms_thresh),
        }
        tell(device=name, **thresholds)
        labels, _ = model.predict_instances(_between_percentiles(pixels), **thresholds, show_tile_progress=False)
    return numbered(labels.astype(np.int64), scale, minimum_size)


@lru_cache(maxsize=1)
def _model(folder: str, _changed: int, dimensions: int) -> Any:
    models, path = library("stardist.models", "stardist"), Path(folder)
    kind = models.StarDist2D if dimensions == 2 else models.StarDist3D
    try:
        return kind(None, name=path.name, basedir=str(path.parent))
    except (ValueError, KeyError, OSError) as error:
        raise BadInputError(f"{folder} holds no model that StarDist can load: {error}") from error


def _between_percentiles(pixels: Pixels) -> Pixels:
    low, high = np.percentile(pixels, (_DARKEST, _BRIGHTEST))
    scaled: Pixels = ((pixels - low) / max(high - low, 1e-20)).astype(np.float32)
    return scaled
