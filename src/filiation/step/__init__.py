"""The workflow author's door: one plain function, one line, and the step is recorded.

.. code-block:: python

    from filiation.images import Image, LabelImage
    from filiation.step import run


    def segment_nuclei(image: Image, *, sigma: float, minimum_area: int) -> LabelImage:
        \"\"\"Label nuclei by Otsu threshold on the smoothed image.\"\"\"
        ...


    run(segment_nuclei, snakemake)

``run`` hands the rule's inputs and parameters over by name, writes what the function returns to the rule's output and
leaves a step record. While the function runs, :func:`used` declares a further input, :func:`effective` a value that was
really worked with and :func:`unused` a parameter that was not; :func:`progress` tells how far it is.
``docs/how-to/write-a-step.md`` has the whole story.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filiation.step.record import effective, progress, unused, used
    from filiation.step.running import run

__all__ = ["effective", "progress", "run", "unused", "used"]
_PLACES = {"effective": "record", "progress": "record", "run": "running", "unused": "record", "used": "record"}


def __getattr__(name: str) -> object:
    # Lazily: a command that `filiation step` records does not pay for arrays and images.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
