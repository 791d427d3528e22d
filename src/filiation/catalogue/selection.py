"""A catalogue of which somebody may see a part: the runs whose raw images are of their groups or projects.

The part is an index of its own, of the crates that may be seen and of nothing else, beside the whole one. So every
answer is made as any other, and what may not be seen cannot be found, counted, joined or hinted at: it is not there.
It is a cache that follows the whole index, crate by crate.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from filiation.catalogue.crate_on_disk import open_crate
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.index_file import FORMAT
from filiation.catalogue.index_part import copy_crates
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.join_rules import work_out_joins
from filiation.catalogue.lock import holding
from filiation.catalogue.taking_in import IngestReport, Progress, RebuildReport
from filiation.errors import AccessError

if TYPE_CHECKING:
    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.graph import Rows, Term
    from filiation.catalogue.nodes import EntityNode
    from filiation.catalogue.versions import Version

_MADE: Final = 2
"""Number of the way in which a part is made; one that was made in another is made again."""
_KEPT_ANSWERS: Final = 64
"""Selections of which it is remembered what they come to."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs somebody may see.

    A run may be seen if every raw image that it descends from, through other runs too, is of one of these groups or
    filed in one of these containers, as its server said when it was read.

    Parameters
    ----------
    groups
        Names or IRIs of groups on OMERO servers. A name means the groups of that name on every server.
    containers
        Names or IRIs of projects, datasets, screens or plates.
    unassigned
        Whether also what is of no group or container that is known, and what descends from no such image.
    """

    groups: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    unassigned: bool = False

    def shows(self, image: EntityNode) -> bool:
        """Whether a raw image may be seen."""
        if image.metadata is None:
            return self.unassigned
        group = image.metadata.group
        if group is not None and {group.name, group.iri} & self.groups:
            return True
        waiting = list(image.metadata.containers)
        for container in waiting:  # grows as it goes: what a container stands in itself counts too
            if {container.name, container.iri} & self.containers:
                return True
            waiting += container.containers
        return self.unassigned and group is None and not image.metadata.containers


def crates_shown(index: LineageIndex, selection: Selection) -> frozenset[str]:
    """Return the IRIs of the crates that a selection shows.

    Parameters
    ----------
    index
        Of the whole catalogue, in one state.
    selection
        Which runs may be seen.
    """
    shown: dict[str, bool] = {}
    for image in index.images_elsewhere():
        shown[image.crate] = shown.get(image.crate, True) and selection.shows(image)
    makers: dict[str, set[str]] = defaultdict(set)
    for finder, maker in index.crates_joined():
        makers[finder].add(maker)
    return frozenset(
        crate for crate, _ in index.stamps().values() if _may_be_seen(crate, makers, shown, selection.unassigned)
    )


def _may_be_seen(crate: str, makers: Mapping[str, set[str]], shown: Mapping[str, bool], unassigned: bool) -> bool:
    """Whether all images may be seen that a crate's run and those before it used, and there is one."""
    waiting, found, has_image = [crate], {crate}, False
    while waiting:
        here = waiting.pop()
        if here in shown:
            if not shown[here]:
                return False
            has_image = True
        new = makers.get(here, set()) - found
        found |= new
        waiting += new
    return has_image or unassigned


class SelectedCatalogue(Catalogue):
    """The part of a catalogue that a selection shows, to be asked as any other.

    Parameters
    ----------
    folder
        Where the whole one stands.
    selection
        Which runs may be seen.
    wait
        Seconds to wait for others at most.
    """

    def __init__(self, folder: CatalogueFolder, selection: Selection, *, wait: float = 10.0) -> None:
        super().__init__(folder, wait=wait)
        self.selection = selection

    def catch_up(self) -> RebuildReport:
        """Bring the whole one up to date; what is wrong in it is not told."""
        super().catch_up()
        return RebuildReport((), ())

    @contextmanager
    def reading(self) -> Iterator[LineageIndex]:
        """Open the index of what may be seen."""
        with super().reading() as whole:
            shown = self._shown(whole)
            place = self._place()
            if not place.is_file():
                with holding(place.with_suffix(".lock"), wait=self.wait):
                    if not place.is_file():
                        _make(whole, place, shown, self.folder)
            arrays = place.with_suffix(".arrays")
            with LineageIndex(place, wait=self.wait, arrays=arrays) as part:
                if _held(part) != shown:
                    with holding(place.with_suffix(".lock"), wait=self.wait):
                        _follow(part, whole, shown, self.folder)
                with part.as_it_is():
                    yield part

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Refuse it: the store is of everything."""
        _refuse()

    def quads(self) -> tuple[tuple[str, str, Term, str], ...]:
        """Refuse it: the store is of everything."""
        _refuse()

    def prepare(self) -> None:
        """Refuse it: the store is of everything."""
        _refuse()

    def ingest(self, crate: Path, *, move: bool = False) -> IngestReport:
        """Refuse it."""
        _refuse()

    def forget(self, run: str, *, by: str, by_id: str | None, why: str) -> Version:
        """Refuse it."""
        _refuse()

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Refuse it."""
        _refuse()

    def _shown(self, whole: LineageIndex) -> dict[str, str]:
        crates = _remembering(whole, self.selection)
        return {iri: digest for iri in crates if (digest := whole.metadata_digest(iri)) is not None}

    def _place(self) -> Path:
        chosen = self.selection
        told = f"{FORMAT}.{_MADE}\n{sorted(chosen.groups)}\n{sorted(chosen.containers)}\n{chosen.unassigned}"
        folder = self.folder.caches / "selections"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{sha256(told.encode()).hexdigest()[:32]}.sqlite"


_remembered: Final[dict[tuple[str, int, Selection], frozenset[str]]] = {}
"""What selections came to, by the state of the index: it is asked at every request."""


def _remembering(index: LineageIndex, selection: Selection) -> frozenset[str]:
    made, generation, _ = index.state()
    key = (made, generation, selection)
    found = _remembered.get(key)
    if found is None:
        found = crates_shown(index, selection)
        while len(_remembered) >= _KEPT_ANSWERS:
            _remembered.pop(next(iter(_remembered)), None)
        _remembered[key] = found
    return found


def _held(index: LineageIndex) -> dict[str, str]:
    return {iri: index.metadata_digest(iri) or "" for iri, _ in index.stamps().values()}


def _make(whole: LineageIndex, place: Path, shown: Mapping[str, str], folder: CatalogueFolder) -> None:
    """Make the index of a part, beside its place until it is whole."""
    for left in place.parent.glob(f"{place.stem}.making-*"):  # by a process that was killed: the lock is ours
        left.unlink(missing_ok=True)
    making = place.with_suffix(f".making-{os.getpid()}")
    try:
        if whole.path is not None:
            copy_crates(whole.path, making, shown)
        with LineageIndex(making, create=True) as part:
            for iri in shown.keys() & _held(part).keys():
                part.set_versions(iri, whole.versions(iri))
            work_out_joins(part, folder.crates)
        making.rename(place)
    finally:
        making.unlink(missing_ok=True)


def _follow(part: LineageIndex, whole: LineageIndex, shown: Mapping[str, str], folder: CatalogueFolder) -> None:
    """Bring a part up to date with the whole: crates that may be seen no more go first of all."""
    from filiation.catalogue.payload import derive_from
    from filiation.catalogue.reading import read_triples

    with part.changing():
        held = _held(part)
        for iri in sorted(held.keys() - shown.keys()):
            part.remove(iri)
        for iri in sorted(iri for iri, digest in shown.items() if held.get(iri) != digest):
            name = whole.folder_of(iri) or ""
            crate, _ = open_crate(folder.crates / name)
            if str(crate.metadata_digest) != shown[iri]:
                continue  # it is just being changed; the next who asks looks again
            derived = derive_from(crate, read_triples(crate))
            part.replace(derived, folder=name, stamp="", digest=shown[iri], versions=whole.versions(iri))
        part.forget_unused_words()
        work_out_joins(part, folder.crates)


def _refuse() -> NoReturn:
    raise AccessError(
        "This goes over the whole catalogue, of which you may see a part. Those who may see all of it can ask it."
    )
