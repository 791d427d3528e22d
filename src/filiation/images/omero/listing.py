"""Which images a dataset, project, plate, well, screen or tag holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from filiation.errors import NotFoundError
from filiation.images.omero.address import Address, Kind, image_address
from filiation.images.omero.connection import Connection, connect

_INSIDE: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.IMAGE: "where i.id = :id",
        Kind.DATASET: "join i.datasetLinks d where d.parent.id = :id",
        Kind.PROJECT: "join i.datasetLinks d join d.parent s join s.projectLinks p where p.parent.id = :id",
        Kind.WELL: "join i.wellSamples s where s.well.id = :id",
        Kind.PLATE: "join i.wellSamples s join s.well w where w.plate.id = :id",
        Kind.SCREEN: "join i.wellSamples s join s.well w join w.plate p join p.screenLinks l where l.parent.id = :id",
        Kind.IMAGES: "",
    }
)
"""How HQL finds the images of each kind of container."""


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image that was found: its address and its name."""

    address: Address
    name: str

    @property
    def sample(self) -> str:
        """A name for a sample sheet: letters, digits, ``_`` and ``-``, and the id, so that no two are alike."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", self.name.partition(".")[0]).strip("-_")
        return f"{plain}-{self.address.id}" if plain else f"image-{self.address.id}"


def images_of(uri: str) -> list[str]:
    """Return the ``omero://`` URIs of the images that a URI names, by id: what a storage query expands to.

    In a Snakefile: ``[storage.omero(uri) for uri in images_of("omero://server/dataset/12?tag=control")]``.

    Raises
    ------
    BadInputError
        If the URI has another form.
    NotFoundError
        If there is no such dataset, project, plate, well or screen, or it cannot be seen.
    AccessError, ServerError, MissingExtraError
        If the server cannot be asked.
    """
    return [str(image.address) for image in list_images(Address.from_uri(uri))]


def list_images(address: Address) -> list[ListedImage]:
    """Return the images that an address names, by id; raises as :func:`images_of`."""
    connection = connect(address.host)
    return connection.call(lambda: _listed(connection, address), f"listing the images of {address}")


def _listed(connection: Connection, address: Address) -> list[ListedImage]:
    if address.kind is not Kind.IMAGES:
        _must_exist(connection, address)
    found = ask(connection, f"select i.id, i.name from Image i {_INSIDE[address.kind]} order by i.id", address.id)  # noqa: S608 - from the table
    names = {int(number): str(name) for number, name in found}  # an image may be in a container twice
    kept = set(names)
    for tag in address.tags:
        kept &= _tagged(connection, tag)
    return [ListedImage(image_address(address.host, number), names[number]) for number in sorted(kept)]


def _must_exist(connection: Connection, address: Address) -> None:
    kind = address.kind.value.capitalize()
    if not ask(connection, f"select o.id from {kind} o where o.id = :id", address.id):  # noqa: S608 - a kind of ours
        raise NotFoundError(
            f"The OMERO server {address.host} has no {address.kind.value} {address.id}, or the user "
            f"{connection.user!r} may not see it. Check the id, and in which group it is."
        )


def _tagged(connection: Connection, text: str) -> set[int]:
    tags = ask(connection, "select a.id from TagAnnotation a where a.textValue = :text", text=text)
    if not tags:
        return set()
    ids = [int(number) for (number,) in tags]
    links = ask(connection, "select l.parent.id from ImageAnnotationLink l where l.child.id in (:ids)", ids=ids)
    return {int(number) for (number,) in links}


def ask(
    connection: Connection, query: str, number: int | None = None, *, text: str = "", ids: Sequence[int] = ()
) -> list[list[Any]]:
    """Return the rows that a query in HQL gives; ``number``, ``text`` and ``ids`` are its parameters of these names."""
    from omero.rtypes import unwrap
    from omero.sys import ParametersI

    values = ParametersI()
    if number is not None and ":id" in query:
        values.addId(number)
    if text:
        values.addString("text", text)
    if ids:
        values.addIds(list(ids))
    rows = connection.gateway.getQueryService().projection(query, values, connection.gateway.SERVICE_OPTS)
    answer: list[list[Any]] = [unwrap(row) for row in rows]
    return answer
