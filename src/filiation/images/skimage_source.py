"""Micrographs that ship inside scikit-image's wheel: real images that need no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from filiation.errors import BadInputError, NotFoundError
from filiation.images.image import Image, Pixels
from filiation.images.sources import SourceIdentity, split_query


@dataclass(frozen=True, slots=True)
class Micrograph:
    """A file of scikit-image's wheel: its name there, a title, the channel kept and how it is had."""

    file: str
    title: str
    channel: str
    convert: Callable[[Pixels], Pixels]


def haematoxylin(rgb: Pixels) -> Pixels:
    """Return the haematoxylin of a stained tissue, as uint16, from red, green and blue.

    Stains are told apart by colour deconvolution (Ruifrok and Johnston, Analytical and Quantitative Cytology and
    Histology 23, 2001) as ``skimage.color.rgb2hed`` does it. The haematoxylin channel is optical density in units of
    the stain's vector; it is cut to 0 … 0.15 and mapped linearly to 0 … 65535. The range is fixed, so values compare
    between images.

    Parameters
    ----------
    rgb
        Shape (y, x, 3), uint8.
    """
    from skimage.color import rgb2hed

    density = rgb2hed(rgb)[..., 0]
    scaled: Pixels = np.rint(np.clip(density / 0.15, 0.0, 1.0) * 65535).astype(np.uint16)
    return scaled


def _as_it_is(pixels: Pixels) -> Pixels:
    return pixels


MICROGRAPHS: Mapping[str, Micrograph] = MappingProxyType(
    {
        "immunohistochemistry": Micrograph(
            "ihc.png", "Colonic glands, immunohistochemical staining", "haematoxylin", haematoxylin
        ),
        "cell": Micrograph("cell.png", "A single cell, phase contrast", "intensity", _as_it_is),
    }
)
"""What ``skimage:<name>`` may name."""


@dataclass(frozen=True, slots=True)
class SkimageSource:
    """A micrograph out of scikit-image's wheel, read from the installed package; nothing is ever downloaded.

    Their pixel sizes are not known, so the scale is 1 and the units are empty.
    """

    name: str

    @classmethod
    def from_uri(cls, uri: str) -> SkimageSource:
        """Read ``skimage:<name>``.

        Raises
        ------
        BadInputError
            If the name is not one of ``MICROGRAPHS``.
        """
        name, _ = split_query(uri, known={})
        if name not in MICROGRAPHS:
            raise BadInputError(
                f"{uri!r} names no micrograph inside scikit-image's wheel; known are {', '.join(MICROGRAPHS)}."
            )
        return cls(name)

    def identify(self) -> SourceIdentity:
        """Return the URI, with the digest of the file in the wheel."""
        from filiation.digest import digest_file

        file = self._file()
        return SourceIdentity(
            iri=f"skimage:{self.name}",
            name=MICROGRAPHS[self.name].title,
            digest=digest_file(file),
            size=file.stat().st_size,
            media_type="image/png",
            url=f"https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.{self.name}",
        )

    def fetch(self) -> Image:
        """Return the micrograph's one channel of interest, with axes y and x."""
        from PIL import Image as Picture

        micrograph = MICROGRAPHS[self.name]
        with Picture.open(self._file()) as picture:
            pixels: np.ndarray[Any, Any] = np.asarray(picture)
        return Image(micrograph.convert(pixels), ("y", "x"), channels=(micrograph.channel,), name=self.name)

    def _file(self) -> Path:
        import skimage.data

        file = Path(skimage.data.__file__).parent / MICROGRAPHS[self.name].file
        if not file.is_file():
            raise NotFoundError(
                f"scikit-image has no file {file}; its wheel has shipped it so far. Install scikit-image again."
            )
        return file
