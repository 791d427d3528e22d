"""Faults in OME-Zarr stores that the public validators let pass, besides those that they find.

The official schemas, ome-zarr-models and ngio each find other faults, and none of them finds those that need two
groups, or the pixels, to be looked at together: a label image that is not listed, or whose source, scale or shape does
not fit, rows for labels that no pixel has. Metadata are read as plain JSON here, so that one fault does not hide the
others. Some faults can be mended without touching a pixel (:mod:`filiation.images.conformance.mending`).
"""

from filiation.images.conformance.at_hand import check_place
from filiation.images.conformance.checking import check_store
from filiation.images.conformance.findings import FAULTS, Fault, Finding, Gravity

__all__ = ["FAULTS", "Fault", "Finding", "Gravity", "check_place", "check_store"]
