"""The namespaces of what filiation writes to a server; people do not edit in them, and nothing else is ever removed."""

from __future__ import annotations

from typing import Final

RUN: Final = "filiation/run"
"""The pairs of a run on an image, and beside them a file with the values that are too long for pairs."""
RO_CRATE: Final = "filiation/ro-crate"
"""The metadata of a run's crate, a file on a dataset."""
MEASUREMENTS: Final = "filiation/measurements"
"""A run's table of objects, an OMERO.table on an image."""
PUBLICATION: Final = "filiation/publication"
"""Pairs on an image: what was published that was made from it."""

OURS: Final = (RUN, RO_CRATE, MEASUREMENTS, PUBLICATION)
LONGEST_VALUE: Final = 2000
"""Bytes of a key or value in pairs. PostgreSQL's index refuses about 2,700, and the whole annotation with it."""
