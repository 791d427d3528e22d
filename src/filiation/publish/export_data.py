"""Whose bytes come along in an export: seen to be those recorded, looked through for secrets, and told before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.capture.redaction import Redactor
from filiation.catalogue.nodes import EntityNode
from filiation.catalogue.private_texts import WITHHELD, PrivateTexts
from filiation.catalogue.sites import is_elsewhere
from filiation.catalogue.withheld import LARGEST_FILE
from filiation.digest import LEFT_OUT, digest_file, digest_tree
from filiation.errors import BadInputError, ChangedError, FiliationError
from filiation.model import DigestKind, EntityKind, decode_path, is_uri
from filiation.publish.export_runs import ExportedCrate
from filiation.publish.export_settings import DATA_ALL, DATA_NONE, ExportedThing
from filiation.publish.one_crate import CRATES

if TYPE_CHECKING:
    from filiation.lineage.answers import Lineage

_LEFT_OUT: Final = LEFT_OUT.decode("ascii")
_LOOKED_THROUGH: Final = 64 << 20
"""Bytes of all texts of a tree together that are looked through."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A thing's bytes on their way into an export.

    Parameters
    ----------
    thing
        As the lineage tells of it.
    crate
        The crate in which they are to stand.
    identifier
        The thing's @id in it.
    source
        Where they are.
    size
        How many, as recorded.
    """

    thing: EntityNode
    crate: ExportedCrate
    identifier: str
    source: Path
    size: int

    @property
    def path(self) -> str:
        """Where in the crate they will be."""
        return decode_path(self.identifier.removeprefix("#")).rstrip("/")

    @property
    def carried(self) -> str:
        """Where in the export they will be."""
        return f"{CRATES}{self.crate.id}/{self.path}"


class DataPlan:
    """Decides of each thing of a lineage whether its bytes come along.

    Parameters
    ----------
    lineage
        What the chosen things descend from.
    crates
        The crates of the export, by their IRI in the catalogue.
    data
        ``none``, ``results`` or ``all``.
    redactor, texts
        What must not stand anywhere.
    """

    def __init__(
        self,
        lineage: Lineage,
        crates: Mapping[str, ExportedCrate],
        data: str,
        redactor: Redactor,
        texts: PrivateTexts,
    ) -> None:
        self._crates, self._data, self._redactor, self._texts = crates, data, redactor, texts
        self._chosen = frozenset(lineage.roots)
        self.bytes: list[Bytes] = []
        self.things: tuple[ExportedThing, ...] = tuple(self._decide(lineage.entities))

    @property
    def size(self) -> int:
        """Bytes that come along."""
        return sum(each.size for each in self.bytes)

    def _decide(self, things: Iterable[EntityNode]) -> Iterator[ExportedThing]:
        found: dict[str, Bytes] = {}
        # What a run made before what another only found: the same bytes come along once.
        for thing in sorted(things, key=lambda each: (not each.generated, each.iri)):
            digest = None if thing.digest is None else str(thing.digest)
            told = self._named(thing, digest)
            if digest in found:
                yield replace(told, carried=found[digest].carried)
                continue
            why, coming = self._look_at(thing)
            if coming is None:
                yield replace(told, why=why)
                continue
            if digest is not None:
                found[digest] = coming
            self.bytes.append(coming)
            yield replace(told, size=coming.size, carried=coming.carried)

    def _named(self, thing: EntityNode, digest: str | None) -> ExportedThing:
        crate = self._crates.get(thing.crate)
        if crate is None or crate.iri_in_export(thing.iri) is None:
            return ExportedThing(WITHHELD, None, None)
        return ExportedThing(self._texts.replaced_in(self._redactor.text(thing.path)), digest, thing.size)

    def _look_at(self, thing: EntityNode) -> tuple[str, Bytes | None]:
        crate = self._crates.get(thing.crate)
        identifier = None if crate is None else crate.identifier_of(thing.iri)
        if crate is None or identifier is None:
            return WITHHELD, None
        inside = _inside(crate, identifier)
        if self._data == DATA_NONE or (self._data != DATA_ALL and thing.iri not in self._chosen):
            small = inside is not None and inside.is_file() and inside.stat().st_size <= LARGEST_FILE
            if small and decode_path(identifier) in crate.files:
                return "", Bytes(thing, crate, identifier, inside or Path(), thing.size or 0)
            crate.leave(identifier)
            return "not asked for", None
        why, place = self._place(thing, identifier, inside)
        if place is None:
            crate.leave(identifier)
            return why, None
        if crate.verbatim and identifier.startswith("#"):
            return "the crate of another engine goes as it is", None
        return "", Bytes(thing, crate, identifier, place, thing.size or _size(place))

    def _place(self, thing: EntityNode, identifier: str, inside: Path | None) -> tuple[str, Path | None]:
        if thing.kind == EntityKind.RAW_IMAGE or is_uri(identifier):
            return "it is at an address", None
        place = inside or (Path(thing.place) if thing.place and not is_uri(thing.place) else None)
        if place is None or is_elsewhere(str(place)):
            return "it is at another site", None
        if thing.digest is None or thing.digest.kind.is_of_pixels:
            return "no digest was recorded of it", None
        if not place.exists():
            return "it is not there any more", None
        if place.is_dir() != (thing.digest.kind is DigestKind.TREE):
            return "it is not what was recorded", None
        if self._tells_a_secret(place):
            return "withheld: a secret or something private stands in it", None
        return "", place

    def _tells_a_secret(self, place: Path) -> bool:
        """Whether a secret, or a text that is private, stands in a file that is text."""
        read = 0
        for path in _files(place):
            size = path.stat().st_size
            if size > LARGEST_FILE or read + size > _LOOKED_THROUGH:
                continue
            content = path.read_bytes()
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError:
                continue
            read += size
            if self._texts and (
                self._texts.occur_in(text) or self._texts.occur_in(str(path.relative_to(place.parent)))
            ):
                return True
            if self._redactor.suspects(text) and self._redactor.document(text) != text:
                return True
        return False


def _inside(crate: ExportedCrate, identifier: str) -> Path | None:
    """Return where in its crate in the catalogue a thing is, if that carries it."""
    if identifier.startswith("#") or is_uri(identifier):
        return None
    place = crate.source.folder / decode_path(identifier).rstrip("/")
    is_there = place.exists() and place.resolve().is_relative_to(crate.source.folder.resolve())
    return place if is_there else None


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for path in sorted(place.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name != _LEFT_OUT:
            yield path


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in _files(place))


def check_size(plan: DataPlan, most: int | None) -> None:
    """Refuse more bytes than are allowed, before any is copied.

    Raises
    ------
    BadInputError
        If there are more.
    """
    if most is None or plan.size <= most:
        return
    largest = sorted(plan.bytes, key=lambda each: -each.size)[:3]
    shown = ", ".join(f"{each.thing.path} ({each.size})" for each in largest)
    raise BadInputError(
        f"{plan.size} bytes of data would come along, and at most {most} may. The largest: {shown}. Leave them out "
        "with --data none, choose fewer things, or allow more with --max-size."
    )


def copy_bytes(coming: Sequence[Bytes], export: Path, progress: Callable[[int], None] | None = None) -> None:
    """Copy things into their crates, and see that what arrived is what was recorded.

    Raises
    ------
    ChangedError
        If one is not as it was recorded: nobody should publish that.
    """
    # What stands in another thing comes with it.
    for each in sorted(coming, key=lambda one: one.carried):
        if each.path in each.crate.files:
            continue  # a file of the crate, which may lack secrets
        target = export / each.carried
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if target.exists():
                arrived = digest_tree(target).digest if target.is_dir() else digest_file(target)
            elif each.source.is_dir():
                shutil.copytree(each.source, target, symlinks=True, ignore=shutil.ignore_patterns(_LEFT_OUT))
                arrived = digest_tree(target).digest
            else:
                shutil.copyfile(each.source, target)
                arrived = digest_file(target)
        except FiliationError as error:
            raise ChangedError(f"{each.source} cannot come along: {error}") from error
        if arrived != each.thing.digest:
            raise ChangedError(
                f"{each.source} is not what was recorded: its digest is {arrived}, expected {each.thing.digest}. See "
                f"what changed with: filiation check {each.thing.path}. Or leave its bytes out: --data none"
            )
        if progress is not None:
            progress(each.size)
