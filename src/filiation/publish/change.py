"""One call that changes an OMERO server: what it writes and removes, kept until its record stands in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.registrations import record_registration
from filiation.crate.registration import Known, Writing, mark_of
from filiation.digest import digest_tree
from filiation.images import annotate_labels, pixel_digest, read_table
from filiation.images.omero.annotations import FOLDER, remove, targets_of, write_file, write_pairs
from filiation.images.omero.connection import Connection
from filiation.images.omero.objects import ObjectId, Target
from filiation.images.omero.rois import Rois, canvas_of, draw_objects, erase_rois, link_rois
from filiation.images.omero.tables import write_table
from filiation.model import EntityKind, entity_iri
from filiation.publish.pending import Pending
from filiation.publish.pieces import Piece
from filiation.publish.regions import region_ids, with_roi_column

if TYPE_CHECKING:
    from filiation.images.omero.shapes import Drawing
    from filiation.lineage import Ledger

Progress = Callable[[int, int, str], None]


class Change:
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

    def __enter__(self) -> Change:
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
