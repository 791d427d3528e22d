"""The files that an image was imported from, with the checksums that the server made of them."""

from __future__ import annotations

import re
from typing import Any, Final

from filiation.images.omero.address import Address
from filiation.model import MOST_FILES, OriginalFile

_CHECKSUM: Final = re.compile(r"[0-9a-fA-F]{2,128}")
"""What a checksum looks like; a server that has not made it yet says ``Pending...``."""
_FILES: Final = (
    "select o.id, o.name, o.size, o.hash, h.value from Image i join i.fileset s join s.usedFiles u "
    "join u.originalFile o left outer join o.hasher h where i.id = :id order by o.id"
)
_COUNT: Final = (
    "select count(o.id) from Image i join i.fileset s join s.usedFiles u join u.originalFile o where i.id = :id"
)


def original_files(gateway: Any, address: Address) -> tuple[tuple[OriginalFile, ...], int]:
    """Return the original files of an image's fileset, by id, and how many there are.

    None for an image that was made on the server or imported without its files. At most
    :data:`filiation.model.MOST_FILES` are named.
    """
    from omero.rtypes import unwrap
    from omero.sys import ParametersI

    query = gateway.getQueryService()
    ((count,),) = query.projection(_COUNT, ParametersI().addId(address.id), gateway.SERVICE_OPTS)
    if not unwrap(count):
        return (), 0
    page = ParametersI().addId(address.id).page(0, MOST_FILES)
    rows = query.projection(_FILES, page, gateway.SERVICE_OPTS)
    return tuple(_file(address, *(unwrap(value) for value in row)) for row in rows), int(unwrap(count))


def _file(
    address: Address, number: int, name: str | None, size: int | None, checksum: str | None, algorithm: str | None
) -> OriginalFile:
    known = bool(checksum) and _CHECKSUM.fullmatch(str(checksum)) is not None
    return OriginalFile(
        iri=f"https://{address.host.name}/OriginalFile/{number}",
        name=str(name or number),
        size=size,
        checksum=str(checksum).lower() if known else None,
        algorithm=algorithm if known else None,
    )
