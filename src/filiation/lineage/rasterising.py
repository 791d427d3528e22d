"""A drawn lineage as pixels, for what takes no SVG: slides, word processors, e-mail."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from filiation.errors import BadInputError, MissingExtraError
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from types import ModuleType

SHARPNESS: Final = 2.0
"""Pixels for each unit of the drawing, along each side; that many look sharp on paper and on dense screens."""
LONGEST: Final = 16_000
"""No side gets more pixels than this: a drawing that is larger is made coarser. Other programs open no larger ones."""
LARGEST: Final = 60_000_000
"""Nor has the whole more: while it is drawn, a pixel takes four bytes."""

_LETTER: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    '<text x="2" y="16" font-size="16" font-family="sans-serif">{letter}</text></svg>'
)


_SIZE: Final = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')


def to_png(svg: str) -> bytes:
    """Return a drawing as PNG.

    Parameters
    ----------
    svg
        The drawing, without outside resources, of a width and height in its own units.

    Raises
    ------
    MissingExtraError
        If what draws is not installed.
    BadInputError
        If this machine has no font to write with, or the drawing does not say how large it is.
    """
    resvg = _resvg()
    if not _can_write(resvg):
        raise BadInputError(
            Sentence(
                "This machine has no font, so the picture's texts cannot be drawn as pixels. Install one (on "
                "Debian and Ubuntu: apt-get install fonts-dejavu-core), or take the picture as SVG, which "
                "the reader's fonts write."
            )
        )
    found = _SIZE.search(svg)
    if found is None:
        raise BadInputError(
            Sentence("A drawing to make pixels of begins with its width and height; found {svg!r}.", svg=svg[:60])
        )
    width, height = (max(float(side), 1.0) for side in found.groups())
    zoom = min(SHARPNESS, LONGEST / max(width, height), (LARGEST / (width * height)) ** 0.5)
    return bytes(resvg.svg_to_bytes(svg_string=svg, zoom=zoom, sans_serif_family="DejaVu Sans"))


def _resvg() -> ModuleType:
    try:
        import resvg_py
    except ImportError as error:
        raise MissingExtraError(
            Sentence(
                "A picture as PNG is drawn by resvg, which is not installed: pip install 'filiation[png]'. "
                "SVG needs nothing."
            )
        ) from error
    return resvg_py


@cache
def _can_write(resvg: ModuleType) -> bool:
    """Whether a letter leaves anything behind: without any font it does not, and nothing else tells."""
    drawn, empty = (bytes(resvg.svg_to_bytes(svg_string=_LETTER.format(letter=letter))) for letter in ("a", ""))
    return drawn != empty
