"""What was published, noted on the images in OMERO that it was made from; on request, as others see it there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filiation.errors import NotFoundError
from filiation.images.omero.annotations import annotations_on, write_pairs
from filiation.images.omero.connection import connect
from filiation.images.omero.namespaces import PUBLICATION
from filiation.images.omero.objects import ObjectId, look_up, object_named, refuse_unless_writable
from filiation.publish.deposits import journal as step
from filiation.publish.deposits.depositing import service_of
from filiation.publish.deposits.journal import Journal
from filiation.publish.deposits.package import crate_folder
from filiation.publish.description import describe_crate

if TYPE_CHECKING:
    from filiation.images.omero.address import Host


def note_in_omero(journal: Journal, host: Host) -> tuple[ObjectId, ...]:
    """Note a published deposit on the images of a server that its crate was made from; return the images.

    Each gets key-value pairs with the DOI, in a namespace of our own and with the deposit's mark; a second call writes
    nothing. Which annotations were written stands in the deposit's journal.

    Parameters
    ----------
    journal
        The deposit.
    host
        The server.

    Raises
    ------
    NotFoundError
        If it is not published yet, or the crate names no image of that server that is there.
    AccessError
        If an image may not be annotated; nothing is written then.
    ServerError
        If the server is lost; the next call does the rest.
    """
    state = journal.state
    if state.published is None:
        raise NotFoundError(f"{state.crate} is not published yet; there is nothing to note in OMERO. Publish it first.")
    crate = crate_folder(Path(state.crate), journal.unpacked)
    images = images_of(crate, host.name)
    connection = connect(host)
    about = f"looking up what {Path(state.crate).name} was made from"
    found = connection.call(lambda: look_up(connection, list(images)), about)
    if not found:
        raise NotFoundError(
            f"The crate {state.crate} names {len(images) or 'no'} image{'' if len(images) == 1 else 's'} of {host}, "
            f"and {connection.user!r} sees none of them there. Its sources are told by `filiation trace`."
        )
    mark = f"urn:uuid:{state.id}"
    there = connection.call(lambda: annotations_on(connection, list(found)), about)
    noted = {each.target for each in there if each.namespace == PUBLICATION and each.mark == mark}
    wanted = [target for which, target in sorted(found.items()) if which not in noted]
    refuse_unless_writable(connection, wanted)
    pairs = [
        ("DOI" if state.doi else "Address", f"https://doi.org/{state.doi}" if state.doi else state.page),
        ("Title", describe_crate(crate).title[:500]),
        ("Published", f"{state.published:%Y-%m-%d}"),
        ("Where", str(service_of(state))),
    ]
    for target in wanted:
        made = write_pairs(connection, target, PUBLICATION, [pair for pair in pairs if pair[1]], mark)
        journal.write(
            step.ANNOTATED, server=str(host), image=str(target.object), annotation=str(made), by=connection.user
        )  # fmt: skip
    return tuple(target.object for target in wanted)


def images_of(crate: Path, host: str) -> tuple[ObjectId, ...]:
    """Return the images of a server that a crate was made from, as its metadata say."""
    named = (object_named(each.identifier) for each in describe_crate(crate).related if each.scheme == "URL")
    found = {place[1] for place in named if place is not None and place[0] == host and place[1].kind == "Image"}
    return tuple(sorted(found))
