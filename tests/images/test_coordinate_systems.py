"""OME-Zarr 0.6, read: stores as the specification's examples describe them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filiation.errors import BadInputError
from filiation.images import Image, pixel_digest, read_image
from filiation.images.multiscale import open_multiscale

AXES = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"]
NEXT = {"type": "sequence", "transformations": [
    {"type": "scale", "scale": [2.0, 1.0, 1.0]}, {"type": "translation", "translation": [0.0, 0.25, 0.25]},
]}  # fmt: skip


def as_06(store: Path, *steps: dict[str, Any], version: str = "0.6rc0") -> None:
    """Rewrite a store's metadata: coordinate systems, and transformations that say where they lead."""
    content = json.loads((store / "zarr.json").read_text())
    multiscale = content["attributes"]["ome"]["multiscales"][0]
    del multiscale["axes"]
    multiscale["coordinateSystems"] = [
        {"name": "world", "axes": AXES},
        {"name": "intrinsic", "axes": AXES},
    ]
    multiscale["datasets"] = [
        {
            "path": str(number),
            "coordinateTransformations": [{"output": {"name": "intrinsic"}, **step, "input": {"path": str(number)}}],
        }
        for number, step in enumerate(steps)
    ]
    multiscale["coordinateTransformations"] = [
        {"type": "rotation", "rotation": [[1, 0], [0, 1]], "input": {"name": "intrinsic"}, "output": {"name": "world"}}
    ]
    content["attributes"]["ome"]["version"] = version
    (store / "zarr.json").write_text(json.dumps(content))


def test_an_image_of_0_6_has_the_pixels_and_sizes_of_its_own_system(raw: Path, image: Image) -> None:
    before = pixel_digest(raw)
    as_06(raw, {"type": "scale", "scale": [2.0, 0.5, 0.5]}, NEXT)
    back, store = read_image(raw), open_multiscale(raw)
    assert np.array_equal(back.data, image.data)
    assert (back.axes, back.scale, back.units) == (image.axes, image.scale, image.units)
    assert [(level.scale, level.translation) for level in store.levels] == [
        ((2.0, 0.5, 0.5), (0.0, 0.0, 0.0)),
        ((2.0, 1.0, 1.0), (0.0, 0.25, 0.25)),
    ]
    assert (store.version, pixel_digest(raw)) == ("0.6rc0", before)


def test_drafts_named_systems_alone_and_an_identity_is_a_size_of_one(raw: Path) -> None:
    as_06(raw, {"type": "identity", "output": "intrinsic"}, version="0.6.dev4")
    assert read_image(raw).scale == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"type": "affine", "affine": []},
            "has a resolution with a transformation of type 'affine'; an identity, a scale, or a scale and a "
            "translation in sequence can be read.",
        ),
        (
            {"type": "identity", "output": {"name": "elsewhere"}},
            "has resolutions that lead to the coordinate systems elsewhere; expected one of intrinsic, world for all.",
        ),
    ],
)
def test_other_ways_are_told(raw: Path, step: dict[str, Any], message: str) -> None:
    as_06(raw, step)
    with pytest.raises(BadInputError) as caught:
        read_image(raw)
    assert str(caught.value) == f"{raw} {message}"
