"""Results put on an OMERO server, and taken away again: each call with a record of its own in the catalogue.

What is to be there is compared with what is there, and only the difference is written; so a second call changes
nothing, and one after a break does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.catalogue import CatalogueFolder
from filiation.crate.registration import mark_of
from filiation.errors import AccessError, ChangedError
from filiation.images.omero.address import Host
from filiation.images.omero.annotations import marked, standing
from filiation.images.omero.connection import Connection, connect
from filiation.images.omero.objects import ObjectId, look_up, object_named, refuse_unless_writable
from filiation.publish.change import Change, Progress
from filiation.publish.pending import pending_of
from filiation.publish.pieces import Piece, compared
from filiation.publish.regions import with_regions
from filiation.publish.registration import RegistrationPlan, databases_of

if TYPE_CHECKING:
    from filiation.catalogue import Json
    from filiation.images.omero.shapes import Drawing
    from filiation.lineage import Ledger


@dataclass(frozen=True, slots=True)
class RegistrationReport:
    """What was done of a plan, or would be.

    Parameters
    ----------
    run, host
        The run's id, and the server.
    pieces
        In order of what they are on.
    removed
        What was removed from the server.
    gone
        What was to be removed, and was not there any more.
    record
        The crate that tells of it; None if nothing was changed.
    """

    run: str
    host: str
    pieces: tuple[Piece, ...] = ()
    removed: tuple[ObjectId, ...] = ()
    gone: tuple[ObjectId, ...] = ()
    record: Path | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "run": self.run,
            "server": self.host,
            "pieces": [piece.to_json(self.host) for piece in self.pieces],
            "removed": [which.iri(self.host) for which in self.removed],
            "gone": [which.iri(self.host) for which in self.gone],
            "record": None if self.record is None else str(self.record),
        }


def register(
    ledger: Ledger,
    plan: RegistrationPlan,
    host: Host,
    *,
    dry_run: bool = False,
    renew: bool = False,
    tables: bool = True,
    crate: bool = True,
    drawing: Drawing | None = None,
    copies: Path | None = None,
    progress: Progress = lambda done, total, name: None,
) -> RegistrationReport:
    """Put what a plan says on the server, as far as it is not there; record what was written.

    Parameters
    ----------
    ledger, plan
        The opened catalogue, and what belongs where.
    host
        The server, by the name that the plan has.
    dry_run
        Only tell what would be written.
    renew
        Remove what is there, and write it anew.
    tables, crate
        Whether tables are written, and the crate's metadata.
    drawing
        How the objects of label images are drawn as regions of interest; None to draw none.
    copies
        Folder for copies of the label images with the ids of their regions; None for none.
    progress
        Told how many of how many pieces are written.

    Raises
    ------
    ChangedError
        If another server answers under this name than the one that the images were read from.
    NotFoundError
        If an image is not there, or not to be seen.
    AccessError
        If something may not be annotated; nothing is written then.
    ServerError
        If the server is lost; what was written is recorded, and the next call does the rest.
    """
    connection = connect(host)
    _refuse_another_server(connection, plan.run.id, plan.databases)

    def look() -> tuple[Piece, ...]:
        found = connection.call(
            lambda: compared(connection, plan, tables=tables, crate=crate, renew=renew),
            f"looking up what {plan.run.id[:8]} made",
        )
        told = tuple(with_regions(connection, found, drawing, renew=renew, copies=copies))
        refuse_unless_writable(connection, list(dict.fromkeys(each.target for each in told if each.to_be_written)))
        return told

    pieces = look()
    if dry_run:
        return RegistrationReport(plan.run.id, plan.host, pieces)
    if _clear_up(ledger, connection, plan.run.id):
        pieces = look()
    if not any(piece.to_be_written for piece in pieces):
        return RegistrationReport(plan.run.id, plan.host, pieces)
    with Change(ledger, connection, plan.run.id, drawing=drawing) as change:
        done = change.write(pieces, progress)
    return RegistrationReport(plan.run.id, plan.host, done, tuple(change.removed), record=change.record)


def undo(ledger: Ledger, run: str, host: Host) -> RegistrationReport:
    """Remove exactly what was registered of a run on a server; record that.

    Parameters
    ----------
    ledger
        The opened catalogue, which knows the ids.
    run
        The run's id.
    host
        The server.

    Raises
    ------
    ChangedError
        If another server answers under this name than the one that the images were read from.
    AccessError
        If something may not be removed, or this user cannot see whether it is there.
    ServerError
        If the server is lost; the next call does the rest.
    """
    connection = connect(host)
    _refuse_another_server(connection, run, databases_of(ledger.descents(run), host.name))
    _clear_up(ledger, connection, run)
    ours = tuple(_registered(ledger, run, host.name))
    there = connection.call(lambda: standing(connection, ours), f"looking up what {run[:8]} had there")
    gone = tuple(which for which in ours if which not in there)
    if not ours:
        return RegistrationReport(run, host.name)
    _refuse_unless_seen(ledger, connection, run, gone)
    with Change(ledger, connection, run) as change:
        change.remove(there)
        change.gone = gone
    return RegistrationReport(run, host.name, (), tuple(change.removed), gone, change.record)


def _refuse_another_server(connection: Connection, run: str, recorded: frozenset[str]) -> None:
    """Check that a server is the one whose images a run read: its name may have come to mean another."""
    if not recorded:
        return
    database = connection.call(
        lambda: str(connection.gateway.getConfigService().getDatabaseUuid()), "asking which server it is"
    )
    if others := recorded - {database}:
        raise ChangedError(
            f"Another OMERO server answers under the name {connection.host.name} than the one whose images run "
            f"{run[:8]} read: its database is {database}, recorded is {', '.join(sorted(others))}. Nothing was written "
            "or removed, as the same number means another image there. Find out which server is meant: "
            "`filiation omero audit`."
        )


def _refuse_unless_seen(ledger: Ledger, connection: Connection, run: str, gone: Iterable[ObjectId]) -> None:
    """Check that what looks gone is not merely hidden from this user, as all is that others have in a private group."""
    iris = {which.iri(connection.host.name) for which in gone}
    by_others = {
        ObjectId(*each.target): each.user
        for each in ledger.show(run).registrations
        if each.user != connection.user and any(thing.iri in iris for thing in each.there)
    }
    seen = connection.call(lambda: look_up(connection, list(by_others)), f"looking up what {run[:8]} was written to")
    hidden = [(place, user) for place, user in sorted(by_others.items()) if place not in seen]
    if hidden:
        place, user = hidden[0]
        raise AccessError(
            f"What {user!r} wrote to {place} of run {run[:8]} cannot be seen by {connection.user!r} on "
            f"{connection.host}, nor can {place}; whether it is there is not known, and nothing was removed. Sign in "
            f"as {user!r} and repeat the command."
        )


def _registered(ledger: Ledger, run: str, host: str) -> Iterable[ObjectId]:
    """Yield what the catalogue says is on a server, of a run."""
    for registration in ledger.show(run).registrations:
        for thing in registration.there:
            place = object_named(thing.iri)
            if place is not None and place[0] == host:
                yield place[1]


def _clear_up(ledger: Ledger, connection: Connection, run: str) -> bool:
    """Find what calls that were broken off have left: record what nobody was told of, remove files that nothing holds.

    Returns whether there was anything to look for.
    """
    notes = pending_of(CatalogueFolder(ledger.folder), run, connection.host.name)
    for note in notes:
        known = set(_registered(ledger, run, connection.host.name))
        mark = mark_of(note.id)
        left = connection.call(partial(marked, connection, mark), "looking for what was left unfinished")
        loose = {which: group for which, group in left.items() if which.kind == "OriginalFile"}
        with Change(ledger, connection, run, note.id) as change:
            change.drop(loose)
            change.adopt([which for which in left if which not in known and which not in loose])
        note.forget()
    return bool(notes)
