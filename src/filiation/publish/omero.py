"""Results put on an OMERO server, and taken away again: each call with a record of its own in the catalogue.

What is to be there is compared with what is there, and only the difference is written; so a second call changes
nothing, and one after a break does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.registrations import record_registration
from filiation.crate.registration import Known, Writing, mark_of
from filiation.digest import digest_tree
from filiation.errors import AccessError, ChangedError
from filiation.images import annotate_labels, pixel_digest, read_table
from filiation.images.omero.address import Host
from filiation.images.omero.annotations import FOLDER, marked, remove, standing, targets_of, write_file, write_pairs
from filiation.images.omero.connection import Connection, connect
from filiation.images.omero.objects import ObjectId, Target, look_up, object_named, refuse_unless_writable
from filiation.images.omero.rois import Rois, canvas_of, draw_objects, erase_rois, link_rois
from filiation.images.omero.tables import write_table
from filiation.model import EntityKind, entity_iri
from filiation.publish.pending import Pending, pending_of
from filiation.publish.pieces import Piece, compared
from filiation.publish.regions import region_ids, with_regions, with_roi_column
from filiation.publish.registration import RegistrationPlan, databases_of

if TYPE_CHECKING:
    from filiation.catalogue import Json
    from filiation.images.omero.shapes import Drawing
    from filiation.lineage import Ledger

Progress = Callable[[int, int, str], None]


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
    with _Change(ledger, connection, plan.run.id, drawing=drawing) as change:
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
    with _Change(ledger, connection, run) as change:
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
        with _Change(ledger, connection, run, note.id) as change:
            change.drop(loose)
            change.adopt([which for which in left if which not in known and which not in loose])
        note.forget()
    return bool(notes)


class _Change:
    """One call that changes a server: its mark, what it did so far, and its record at the end, however that comes.

    Parameters
    ----------
    ledger
        The opened catalogue.
    connection
        The server.
    run
        The run's id.
    again
        Id of an earlier call that was broken off and is brought to its end; None for a new one.
    drawing
        How regions are drawn.
    """

    def __init__(
        self, ledger: Ledger, connection: Connection, run: str, again: str | None = None, drawing: Drawing | None = None
    ) -> None:
        self.removed: list[ObjectId] = []
        self.gone: tuple[ObjectId, ...] = ()
        self.record: Path | None = None
        self._connection, self._run = connection, run
        self._host = connection.host.name
        self._folder = CatalogueFolder(ledger.folder)
        self._id = again or str(uuid4())
        self._started = datetime.now(UTC)
        self._writings: list[Writing] = []
        self._drawing = drawing
        self._rois: dict[str, Rois] = {}
        self._pending = Pending.of(self._folder, self._id, run, self._host)

    def __enter__(self) -> _Change:
        self._pending.note()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        taken = [self._known(which) for which in (*self.removed, *self.gone)]
        if self._writings or taken or error is not None:
            self.record = record_registration(
                self._folder, self._id, self._run, self._host, self._connection.user, self._started,
                writings=self._writings, removed=taken,
                failure=None if error is None else (str(error) or type(error).__name__),
            )  # fmt: skip
        if error is None:
            self._pending.forget()  # else something may be there whose id nobody was told

    def write(self, pieces: Sequence[Piece], progress: Progress) -> tuple[Piece, ...]:
        """Write what is missing, target by target; return the pieces with what they became."""
        total = sum(piece.to_be_written for piece in pieces)
        by_target: dict[Target, list[Piece]] = {}
        for piece in pieces:
            by_target.setdefault(piece.target, []).append(piece)
        done: list[Piece] = []
        count = 0
        for target, some in by_target.items():
            began = datetime.now(UTC)
            written: list[Piece] = []
            try:
                for piece in some:
                    done.append(self._write(piece, done) if piece.to_be_written else piece)
                    if piece.labels is not None:
                        self._note_regions(done[-1], done)
                    if piece.to_be_written:
                        written.append(done[-1])
                        count += 1
                        progress(count, total, piece.what)
            finally:
                if written:
                    self._writings.append(self._writing(target, written, began))
        return tuple(done)

    def _write(self, piece: Piece, done: Sequence[Piece]) -> Piece:
        standing_now = (*(each.object for each in piece.existing), *region_ids(piece.regions))
        self.remove(dict.fromkeys(standing_now, piece.target.group))
        connection, mark = self._connection, mark_of(self._id)
        place = f"{FOLDER}/{self._run}/{self._id}/{piece.path}"
        if piece.labels is not None and piece.survey is not None:
            canvas, pairs = canvas_of(connection, piece.target), _pairs_on(piece.target, done)
            drawn = draw_objects(connection, canvas, pairs.id, piece.survey, piece.labels.iri, mark, self._drawing)
            return replace(piece, regions=drawn)
        if piece.labels is not None and piece.copy is not None:
            known = self._rois[piece.labels.iri]
            annotate_labels(piece.copy, Path(piece.labels.place or piece.labels.path), known.properties())
            return piece
        if piece.table is not None:
            content = read_table(Path(piece.table.place or piece.table.path))
            regions = [self._rois[iri].ids for iri in piece.used[0].labels if iri in self._rois]
            if len(regions) == 1:
                content = with_roi_column(content, regions[0])
            facts = {"run": self._run, "digest": str(piece.table.digest or ""), "path": piece.table.path}
            which = write_table(connection, piece.target, piece.namespace, place, content, facts, mark)
        elif piece.path:
            which = write_file(
                connection, piece.target, piece.namespace, place, piece.content, "application/json", mark
            )
        else:
            which = write_pairs(connection, piece.target, piece.namespace, piece.pairs, mark)
        return replace(piece, object=which)

    def _note_regions(self, piece: Piece, done: Sequence[Piece]) -> None:
        """Keep the regions of a label image for its tables; link those that stayed to pairs that are new."""
        if piece.labels is None or piece.regions is None or not piece.regions.ids:
            return
        self._rois[piece.labels.iri] = piece.regions
        pairs = next(each for each in done if each.target == piece.target and each.pairs)
        if pairs.to_be_written and not piece.to_be_written and pairs.object is not None:
            link_rois(self._connection, piece.target.group, pairs.object.id, piece.regions.ids.values())

    def _writing(self, target: Target, written: Sequence[Piece], began: datetime) -> Writing:
        used = {descent.made.iri: descent.made for piece in written for descent in piece.used}
        return Writing(
            about=Known(target.object.iri(self._host), target.name, target.object.kind),
            used=tuple(
                Known(
                    made.iri,
                    made.path.rpartition("/")[2],
                    made.kind,
                    tuple(found.iri for found in (made.digest, made.pixels) if found),
                )
                for made in used.values()
            ),
            made=(
                *(self._known(piece.object, piece.what) for piece in written if piece.object is not None),
                *(self._known(which, piece.what) for piece in written for which in region_ids(piece.regions)),
                *(self._local(piece.copy) for piece in written if piece.copy is not None),
            ),
            started=began,
            ended=datetime.now(UTC),
        )

    def _local(self, store: Path) -> Known:
        path, tree, pixels = store.as_posix(), digest_tree(store).digest, pixel_digest(store)
        kind, place = EntityKind.LABEL_IMAGE.value, str(store.resolve())
        return Known(entity_iri(self._id, path), path, kind, (tree.iri, pixels.iri), place, tree, pixels)

    def _known(self, which: ObjectId, what: str = "") -> Known:
        return Known(which.iri(self._host), f"{what} ({which})" if what else str(which), which.kind)

    def remove(self, objects: dict[ObjectId, int]) -> None:
        """Remove what was registered; ``objects`` with the group that each is in."""
        for group in sorted(set(objects.values())):
            some = [which for which, where in objects.items() if where == group]
            erase_rois(self._connection, group, [which.id for which in some if which.kind == "Roi"])
            remove(self._connection, [which for which in some if which.kind != "Roi"], group)
            self.removed += some

    def drop(self, files: dict[ObjectId, int]) -> None:
        """Remove files that nothing holds."""
        for which, group in files.items():
            remove(self._connection, [which], group)

    def adopt(self, objects: Sequence[ObjectId]) -> None:
        """Note as written what an earlier call had written, and could not say."""
        places = self._connection.call(lambda: targets_of(self._connection, objects), "looking up what was written to")
        for place in sorted(set(places.values())):
            made = tuple(self._known(which, "found after a break") for which in objects if places.get(which) == place)
            self._writings.append(Writing(self._known(place), (), made, self._started, datetime.now(UTC)))


def _pairs_on(target: Target, done: Sequence[Piece]) -> ObjectId:
    """Return the annotation of the run on an image: it is written, or found, before what is linked to it."""
    return next(piece.object for piece in done if piece.target == target and piece.pairs and piece.object is not None)
