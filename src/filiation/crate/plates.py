"""Fields of view as parts of their plate, as JSON-LD: field, well and plate, each ``dcterms:isPartOf`` the next.

The folders around a field are its well and its plate, as OME-Zarr has them (``plate.ome.zarr/A/1/0``), so that a crate
need not say more of a field than that it is one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType

from filiation.crate.image_metadata import DCTERMS, OME
from filiation.crate.jsonld import Node, node, reference
from filiation.crate.things import PART_OF, thing_id
from filiation.model import DataEntity

CONTEXT: Mapping[str, str] = MappingProxyType({"ome-xml": OME, "dcterms": DCTERMS})
"""What a crate's context needs besides for these terms."""


def write_plates(entities: Iterable[DataEntity], embedded: Container[str]) -> list[Node]:
    """Return the wells and plates that fields of view are in, those that no entity of the run stands for itself.

    Parameters
    ----------
    entities
        All things of the run.
    embedded
        Paths whose bytes travel with the crate.
    """
    known = tuple(entities)
    told = {entity.path for entity in known}
    found: dict[str, Node] = {}
    for entity in known:
        if entity.is_field:
            well = posixpath.dirname(entity.path)
            plate = posixpath.dirname(posixpath.dirname(well))
            row, column = well.split("/")[-2:]
            found[well] = node(
                thing_id(well, True, embedded),
                ["Collection", "ome-xml:Well"],
                **{"name": row + column, PART_OF: reference(thing_id(plate, True, embedded))},
            )
            found[plate] = node(
                thing_id(plate, True, embedded), ["Collection", "ome-xml:Plate"], name=posixpath.basename(plate)
            )
    return [each for path, each in found.items() if path not in told]
