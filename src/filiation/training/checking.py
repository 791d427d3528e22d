"""Whether a training set leaks: what is on both sides of a split, by bytes, by pixels, and by what lineage knows."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile

import numpy as np

from filiation.catalogue import CatalogueFolder
from filiation.digest import DigestCache
from filiation.errors import FiliationError
from filiation.images.overlaps import Overlap, find_overlaps
from filiation.images.pixels import pixel_digest, pixel_digest_of_array
from filiation.images.planes import LOSSY, TURNS, ArrayPlanes, Planes, TurnedPlanes, open_planes
from filiation.images.prints import Prints, take_prints
from filiation.lineage.pairs import IMAGE, identity_of
from filiation.model import Digest, DigestKind
from filiation.training.contents import Contents, read_contents
from filiation.training.leaks import Checked, Leak
from filiation.training.whereabouts import digest_now, place_of

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode
    from filiation.lineage import Ledger
    from filiation.lineage.pairs import Origin

Progress = Callable[[int, int, str], None]
SAME_FILE: Final = "same file"
SAME_PIXELS: Final = "same pixels"
_PRINTS_FORMAT: Final = 1
_MOST_COUNTED: Final = 100_000
"""Further pairs of images that are counted."""
_AXES: Final = (("y", "x"), ("z", "y", "x"), ("c", "y", "x"), ("t", "y", "x"))


def check(
    ledger: Ledger,
    folder: Path,
    *,
    layout: str = "auto",
    by: str = IMAGE,
    turned: bool = False,
    progress: Progress = lambda _done, _all, _name: None,
) -> Checked:
    """Look for what is on both sides of a split.

    Images of the set are compared with each other and with the images that the catalogue knows and that are on disk:
    so two crops of one raw image are found although they share no pixel.

    Parameters
    ----------
    ledger
        The opened catalogue.
    folder
        The set, made here or elsewhere.
    layout
        As for :func:`read_contents`.
    by
        At what level both sides must be separate; see :meth:`filiation.lineage.Ledger.pairs`.
    turned
        Whether to look for images that were turned by quarters or mirrored too, which takes eight times as long.
    progress
        Called with how many images are done, of how many.

    Raises
    ------
    NotFoundError, BadInputError
        If there is no set in the folder.
    """
    folder = Path(os.path.realpath(folder))
    contents = read_contents(folder, layout)
    looked = _Look(ledger, folder, contents, by, turned=turned)
    looked.read(progress)
    found = [*looked.same_files(), *looked.same_pixels(), *looked.same_origins()]
    lossy = sum(Path(image.path).suffix.lower() in LOSSY for image in contents.images)
    remarks = [f"{lossy} image(s) are compressed with loss: their pixels are those of no other file."] if lossy else []
    lacking = looked.without_level
    if lacking:
        remarks.append(f"The {by} of {lacking} image(s) that the catalogue knows is not known, and was not compared.")
    return Checked(
        folder,
        contents,
        tuple(found),
        len(looked.known),
        len(looked.shown.keys() - looked.known.keys()),
        looked.things(),
        tuple(looked.not_read),
        tuple(remarks),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """An image that is compared: of the set, by its number, perhaps turned; or one that the catalogue knows."""

    number: int | None
    place: Path
    thing: EntityNode | None = None
    turn: tuple[int, bool] | None = None

    def open(self) -> Planes:
        planes = open_planes(self.place)
        return planes if self.turn is None else TurnedPlanes(planes, *self.turn)


def _pixels_of(place: Path, planes: Planes, kind: DigestKind) -> list[Digest]:
    """Return what the pixels of an image may be recorded as: of an array without names of axes, by those that fit."""
    if isinstance(planes, ArrayPlanes):
        fitting = (axes for axes in _AXES if len(axes) == planes.data.ndim)
        return [pixel_digest_of_array(np.asarray(planes.data), axes, kind) for axes in fitting]
    return [pixel_digest(place, kind)]


class _Look:
    """One look at a set: what each image is, what it shows, and what it stems from."""

    def __init__(self, ledger: Ledger, folder: Path, contents: Contents, by: str, *, turned: bool) -> None:
        self._ledger, self._folder, self._by = ledger, folder, by
        self._turns = TURNS if turned else ()
        self._images = contents.images
        self._catalogue = CatalogueFolder(ledger.folder)
        self._digests: list[Digest] = []
        self._prints: list[Prints] = []
        self._turned_prints: list[list[Prints]] = []
        self.not_read: list[tuple[str, str]] = []
        self.known: dict[int, Origin] = {}
        """What images of the set stem from, by number, that the catalogue knows by their bytes or pixels."""
        self.shown: dict[int, tuple[Origin, Overlap, EntityNode]] = {}
        """Likewise of those that show a part of what an image of the catalogue shows."""
        self._settled: set[int] = set()
        self._overlaps: list[tuple[_Side, _Side, Overlap]] = []
        self._told: set[tuple[int, int]] = set()
        self.without_level = 0

    def read(self, progress: Progress) -> None:
        """Read every image of the set, and those that the catalogue knows; compare them."""
        with DigestCache(self._catalogue.digests) as cache:
            self._find_known([self._read(number, cache, progress) for number in range(len(self._images))])
            known = list(self._to_compare(cache, progress))
        others = [_Side(None, place, thing) for thing, place, _ in known]
        sides = [*(_Side(number, self._folder / image.path) for number, image in enumerate(self._images)), *others]
        prints = [*self._prints, *(each for _, _, each in known)]
        for number, turned in enumerate(self._turned_prints):
            sides += [_Side(number, self._folder / self._images[number].path, turn=turn) for turn in TURNS]
            prints += turned
        found = find_overlaps(
            prints,
            lambda number: sides[number].open(),
            worth=lambda first, second: self._is_worth_comparing(sides[first], sides[second]),
        )
        self._sort_out([(sides[each.first], sides[each.second], each) for each in found])

    def _is_worth_comparing(self, one: _Side, other: _Side) -> bool:
        if one.turn is not None or (other.number is None and one.number is None):
            return False
        if one.number is not None and other.number is not None:
            is_in_order = one.number < other.number
            return is_in_order and self._images[one.number].part != self._images[other.number].part
        number = one.number if one.number is not None else other.number
        return number not in self._settled

    def _sort_out(self, found: list[tuple[_Side, _Side, Overlap]]) -> None:
        """Keep overlaps within the set, and of each image the one with most prints in an image of the catalogue."""
        best: dict[int, tuple[Overlap, EntityNode]] = {}
        for one, other, each in found:
            thing = one.thing or other.thing
            if thing is None:
                self._overlaps.append((one, other, each))
                continue
            number = one.number if one.number is not None else other.number
            if number is not None and (number not in best or each.prints > best[number][0].prints):
                best[number] = (each, thing)
        digests = {thing.digest for _, thing in best.values() if thing.digest is not None}
        origins = self._origins_of(digests)
        for number, (each, thing) in best.items():
            if thing.digest in origins:
                self.shown[number] = (origins[thing.digest], each, thing)

    def _read(self, number: int, cache: DigestCache, progress: Progress) -> list[Digest]:
        """Take the digest and the prints of an image of the set; return the digests of its pixels."""
        path = self._images[number].path
        progress(number, len(self._images), path)
        place = self._folder / path
        self._digests.append(digest_now(place, cache))
        try:
            planes = open_planes(place)
            self._prints.append(take_prints(planes))
            self._turned_prints.append([take_prints(TurnedPlanes(planes, *turn)) for turn in self._turns])
            return _pixels_of(place, planes, DigestKind.PIXELS)
        except FiliationError as error:
            del self._prints[number:], self._turned_prints[number:]
            self._prints.append(take_prints(_NOTHING))
            self._turned_prints.append([take_prints(_NOTHING) for _ in self._turns])
            self.not_read.append((path, str(error)))
            return []

    def _find_known(self, pixels: list[list[Digest]]) -> None:
        origins = self._origins_of(itertools.chain(self._digests, *pixels))
        for number, digest in enumerate(self._digests):
            names = (digest, *pixels[number])
            found = next((origins[each] for each in names if each in origins), None) or self._known_before(number)
            if found is not None:
                self.known[number] = found
                # Who used an image without saying where it is from tells no origin: its pixels may.
                if [raw.iri for raw in found.raws] != [found.thing.iri]:
                    self._settled.add(number)

    def _known_before(self, number: int) -> Origin | None:
        """Look an image up by its pixels as records of earlier versions name them."""
        place = self._folder / self._images[number].path
        try:
            names = _pixels_of(place, open_planes(place), DigestKind.PIXELS_1)
        except FiliationError:
            return None  # told of already
        return next(iter(self._origins_of(names).values()), None)

    def _origins_of(self, digests: Iterable[Digest]) -> dict[Digest, Origin]:
        return self._ledger.origins(sorted(set(digests), key=str), self._by)

    def _to_compare(self, cache: DigestCache, progress: Progress) -> Iterator[tuple[EntityNode, Path, Prints]]:
        """Yield the images of the catalogue that are on disk, with their prints, kept from one check to the next."""
        if len(self._settled) == len(self._images):
            return  # of each is known what it stems from
        images = self._ledger.images()
        for number, thing in enumerate(images):
            progress(number, len(images), thing.path)
            place = place_of(self._ledger, thing, cache)
            if isinstance(place, Path) and not place.is_relative_to(self._folder) and thing.digest is not None:
                try:
                    yield thing, place, self._kept(thing.digest, place)
                except FiliationError:
                    continue  # no image after all, or damaged: `filiation check` tells of it

    def _kept(self, digest: Digest, place: Path) -> Prints:
        file = self._catalogue.caches / "prints" / f"{digest.hex}-{_PRINTS_FORMAT}.npz"
        try:
            with np.load(file, allow_pickle=False) as kept:
                return Prints(kept["hashes"], kept["planes"], kept["rows"], kept["columns"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            pass  # not there, or torn
        prints = take_prints(open_planes(place))
        file.parent.mkdir(parents=True, exist_ok=True)
        making = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(making, hashes=prints.hashes, planes=prints.planes, rows=prints.rows, columns=prints.columns)
        making.replace(file)
        return prints

    def things(self) -> tuple[EntityNode, ...]:
        """Return what the catalogue knows the set's images as, sorted by IRI."""
        known = [origin.thing for origin in self.known.values()] + [thing for _, _, thing in self.shown.values()]
        by_iri = {thing.iri: thing for thing in known}
        return tuple(by_iri[iri] for iri in sorted(by_iri))

    def same_files(self) -> Iterator[Leak]:
        """Yield files that are in two parts, byte by byte."""
        by_digest: dict[Digest, list[int]] = defaultdict(list)
        for number, digest in enumerate(self._digests):
            by_digest[digest].append(number)
        for digest, numbers in sorted(by_digest.items(), key=lambda item: str(item[0])):
            yield from self._leak(SAME_FILE, numbers, f"both are {str(digest)[:19]}")

    def same_pixels(self) -> Iterator[Leak]:
        """Yield images that show the same pixels in two parts."""
        for one, other, each in self._overlaps:
            if one.number is not None and other.number is not None and not self._is_told(one.number, other.number):
                self._told.add((one.number, other.number))
                turned = f"; the other {_turn_in_words(*other.turn)}" if other.turn is not None else ""
                first, second = self._images[one.number], self._images[other.number]
                yield Leak(SAME_PIXELS, first, second, _in_words(each) + turned)

    def same_origins(self) -> Iterator[Leak]:
        """Yield what stems from one raw image, or belongs to one group, in two parts."""
        groups: dict[str, list[int]] = defaultdict(list)
        names: dict[str, str] = {}
        for number, origin in self._origins().items():
            for raw in origin.raws:
                names[identity_of(raw)] = raw.path
            if not origin.groups:
                self.without_level += 1
            for group in {*origin.groups, *(identity_of(raw) for raw in origin.raws)}:
                groups[group].append(number)
        for group in sorted(groups):
            kind = f"same {IMAGE if group in names else self._by}"
            yield from self._leak(kind, groups[group], f"both are of {names.get(group, group)}")

    def _origins(self) -> Mapping[int, Origin]:
        return {**self.known, **{number: origin for number, (origin, _, _) in self.shown.items()}}

    def _leak(self, kind: str, numbers: Iterable[int], detail: str) -> Iterator[Leak]:
        """Yield one leak for images that must not be in several parts, unless each two of them were told of before."""
        group = sorted(numbers)
        pairs = (
            pair
            for pair in itertools.combinations(group, 2)
            if self._images[pair[0]].part != self._images[pair[1]].part
            and (kind == SAME_FILE or not self._is_told(*pair))
        )
        first = next(pairs, None) if len({self._images[number].part for number in group}) > 1 else None
        if first is not None:
            evidence = (self._evidence(number) for number in first)
            one, other = (self._images[number] for number in first)
            others = sum(1 for _ in itertools.islice(pairs, _MOST_COUNTED))
            yield Leak(kind, one, other, "; ".join([detail, *filter(None, evidence)]), others)

    def _is_told(self, first: int, second: int) -> bool:
        return self._digests[first] == self._digests[second] or (first, second) in self._told

    def _evidence(self, number: int) -> str:
        """Say how an image is known that was known by a part of its pixels alone."""
        if number not in self.shown:
            return ""
        _, overlap, thing = self.shown[number]
        return f"{self._images[number].path} shows a part of {thing.path}: {_in_words(overlap)}"


def _in_words(overlap: Overlap) -> str:
    (height, width), (row, column), (down, right) = overlap.shape, overlap.corner, overlap.offset
    return (
        f"{height} x {width} pixels, at row {row}, column {column} of the one and row {row - down}, column "
        f"{column - right} of the other, {overlap.equal:.0%} equal"
    )


def _turn_in_words(quarters: int, mirrored: bool) -> str:
    turned = [f"turned by {90 * quarters} degrees"] if quarters else []
    return " and ".join([*(["mirrored"] if mirrored else []), *turned])


_NOTHING: Final = ArrayPlanes(np.zeros((0, 0), np.uint8))
