"""Metadata beside the pixels of a store: as OME-XML, as facts in JSON, and in the ``omero`` block.

The OME-XML lies where bioformats2raw puts it (``OME/METADATA.ome.xml``; OME-Zarr 0.5, section "bioformats2raw"); the
facts are an attribute of the group around it, so that whoever has the store has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from filiation.images.rendering import ChannelLook
from filiation.model import (
    FACTS_ATTRIBUTE,
    Channel,
    ImageMetadata,
    Quantity,
    kind_of_object,
    members,
    to_plain,
)

XML_FILE = "METADATA.ome.xml"
_SHOWN_ANYWAY = frozenset({"iri", "index", "name", "color", "excitation_wavelength", "emission_wavelength"})


def write_beside(store: Path, metadata: ImageMetadata, xml: str) -> None:
    """Write OME-XML and facts into a store.

    Parameters
    ----------
    store
        The store, writable.
    metadata
        What the server tells of the image.
    xml
        The same as OME-XML.
    """
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    group.create_group("OME", overwrite=True, attributes={FACTS_ATTRIBUTE: to_plain(metadata)})
    (store / "OME" / XML_FILE).write_text(xml, "utf-8")


def with_settings(look: ChannelLook, channel: Channel) -> ChannelLook:
    """Add the settings that a channel was taken with to how it is shown, under OME's names: ``exposureTime``."""
    found: dict[str, Any] = {}
    for member in members(Channel):
        value = getattr(channel, member.name)
        if value is None or member.name in _SHOWN_ANYWAY:
            continue
        first, *rest = member.name.split("_")
        name = first + "".join(part.capitalize() for part in rest)
        if isinstance(value, Quantity):
            found |= {name: value.value, f"{name}Unit": value.unit}
        elif isinstance(value, str | int | float):
            found[name] = value
    return ChannelLook(look.label, look.colour, {**look.more, **found})


def image_block(metadata: ImageMetadata) -> Mapping[str, Any]:
    """Return what the ``omero`` block says of the image besides its id: ``meta``, in the names of OMERO's viewer."""
    found: dict[str, Any] = {
        "imageId": _number(metadata.iri),
        "imageName": metadata.name,
        "imageDescription": metadata.description,
        "imageTimestamp": metadata.acquired.timestamp() if metadata.acquired else None,
    }
    for container in metadata.containers:
        kind = kind_of_object(container.iri).lower()
        found |= {f"{kind}Id": _number(container.iri), f"{kind}Name": container.name}
        for above in container.containers:
            kind = kind_of_object(above.iri).lower()
            found |= {f"{kind}Id": _number(above.iri), f"{kind}Name": above.name}
    return {"meta": {name: value for name, value in found.items() if value is not None}}


def _number(iri: str) -> int:
    return int(iri.rpartition("/")[2])
