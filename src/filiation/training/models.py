"""A model that was trained, recorded with the training set that it was trained on, so that lineage goes through it.

From then on, `impact` of an image reaches the models that learned from it, and what they made: a run that had a model's
weights as an input joins by their bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CatalogueFolder, Json, shown_time
from filiation.crate.training_record import Done, Source
from filiation.digest import DigestCache, TreeDigest, digest_file, digest_tree, read_manifest
from filiation.errors import BadInputError, NotFoundError
from filiation.model import DataEntity, Digest, DigestKind, EntityKind, Parameter, Presence, Software, Value
from filiation.training.checking import check
from filiation.training.leaks import Checked
from filiation.training.recording import SET_TOOL, record

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode
    from filiation.lineage import Ledger

Progress = Callable[[int, int, str], None]
TRAINING: Final = "training"
"""What lineage calls the training, where no tool is named."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that was recorded.

    Parameters
    ----------
    model, folder
        The model, and the set that it was trained on.
    digest
        Of the model.
    sources
        How many things of the catalogue the set is known to be made of; 1 for a set that is known as it is.
    is_known
        Whether the catalogue knows the set, byte by byte.
    checked
        What was found of a set that it does not know; None of one that it knows, or in no layout that is known.
    crate
        The record's folder in the catalogue.
    """

    model: Path
    folder: Path
    digest: Digest
    sources: int
    is_known: bool
    checked: Checked | None
    crate: Path

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "model": str(self.model),
            "set": str(self.folder),
            "digest": str(self.digest),
            "sources": self.sources,
            "set_known": self.is_known,
            "leaks": None if self.checked is None else len(self.checked.leaks),
            "crate": self.crate.name,
        }


def register_model(
    ledger: Ledger,
    model: Path,
    folder: Path,
    *,
    tool: str | None = None,
    parameters: Iterable[tuple[str, Json]] = (),
    at: datetime | None = None,
    progress: Progress = lambda _done, _all, _name: None,
) -> Trained:
    """Record that a model was trained on a set.

    A set that the catalogue does not know byte by byte, since it was made elsewhere or has files more, is tied to what
    the catalogue knows of its files and of what its images show.

    Parameters
    ----------
    ledger
        The opened catalogue.
    model
        The weights: a file, or a folder.
    folder
        The set.
    tool
        With what it was trained: a name, or ``name@version``.
    parameters
        With what settings.
    at
        When the training ended; when the model was written if left out. Runs before that are not taken to use it.
    progress
        Called with how many images of the set are done, of how many.

    Raises
    ------
    NotFoundError
        If there is no model, or no set.
    BadInputError
        If the time is in the future, the model is part of the set, or it is recorded already.
    """
    model, folder = (Path(os.path.realpath(path)) for path in (model, folder))
    if not model.exists():
        raise NotFoundError(f"There is no model at {model}.")
    if not folder.is_dir():
        raise NotFoundError(f"There is no training set at {folder}: it is a folder.")
    if model.is_relative_to(folder):
        raise BadInputError(f"{model} is inside the training set {folder}: move it out, or the set changes with it.")
    now = datetime.now(UTC)
    ended = at or datetime.fromtimestamp(_written(model), UTC)
    if ended > now:
        raise BadInputError(f"The training is said to end at {shown_time(ended)}, which is in the future.")
    catalogue = CatalogueFolder(ledger.folder)
    with DigestCache(catalogue.digests) as cache:
        made = _entity(model, cache)
        tree = digest_tree(folder, cache=cache)
    if made.digest is not None and any(each.thing.generated for each in ledger.origins([made.digest]).values()):
        raise BadInputError(f"{model} is recorded already, as made by something: `filiation trace {model}`.")
    whole = ledger.origins([tree.digest])
    checked = None if whole else _looked_at(ledger, folder, progress)
    known = [each.thing for each in whole.values()] or _known(ledger, tree, checked)
    sources = tuple(_source(thing) for thing in {thing.iri: thing for thing in known}.values())
    program, _, version = (tool or TRAINING).partition("@")
    training = Done(
        id=TRAINING,
        tool=Software(program.strip(), version.strip() or None),
        description=f"{model.name} was trained on {folder.name}",
        sources=tuple(source.iri for source in sources) if whole else (),
        used=() if whole else (str(folder),),
        made=(made.path,),
        parameters=tuple(Parameter(name, used=Value.of(value)) for name, value in parameters),
        started=ended,
        ended=ended,
    )
    things, done = [made], [training]
    if not whole:
        things.append(_set(folder, tree))
        done.insert(0, _gathering(folder, sources, ended))
    crate = record(
        catalogue,
        name=f"Training of {model.name}",
        description=f"The model {model} was trained on the set {folder}",
        folder="/",
        done=tuple(done),
        sources=sources,
        things=tuple(things),
        manifests={} if whole else {tree.digest.hex: tree.manifest},
        started=ended,
        not_captured=("When the training began is not known: its start is its end.",),
    )
    if made.digest is None:  # pragma: no cover - _entity takes one
        raise BadInputError(f"{model} has no digest.")
    return Trained(model, folder, made.digest, len(sources), bool(whole), checked, crate)


def _written(model: Path) -> float:
    files = [path for path in model.rglob("*") if path.is_file()] if model.is_dir() else [model]
    return max((path.stat().st_mtime for path in files), default=model.stat().st_mtime)


def _entity(model: Path, cache: DigestCache) -> DataEntity:
    when = datetime.fromtimestamp(_written(model), UTC)
    if model.is_dir():
        tree = digest_tree(model, cache=cache)
        return DataEntity(
            str(model), EntityKind.DIRECTORY, Presence.PRESENT, tree.digest, size=tree.size, files=tree.files,
            modified=when,
        )  # fmt: skip
    digest, size = digest_file(model, cache=cache), model.stat().st_size
    return DataEntity(str(model), EntityKind.FILE, Presence.PRESENT, digest, size=size, modified=when)


def _set(folder: Path, tree: TreeDigest) -> DataEntity:
    return DataEntity(
        str(folder), EntityKind.DIRECTORY, Presence.PRESENT, tree.digest, size=tree.size, files=tree.files
    )


def _gathering(folder: Path, sources: tuple[Source, ...], when: datetime) -> Done:
    return Done(
        id="set",
        tool=Software(SET_TOOL),
        description=f"What of {folder.name} is known: files by their bytes, images by their pixels or a part of them",
        sources=tuple(source.iri for source in sources),
        made=(str(folder),),
        started=when,
        ended=when,
    )


def _looked_at(ledger: Ledger, folder: Path, progress: Progress) -> Checked | None:
    try:
        return check(ledger, folder, progress=progress)
    except BadInputError:
        return None  # in no layout that is known: only its files tell what it is


def _known(ledger: Ledger, tree: TreeDigest, checked: Checked | None) -> list[EntityNode]:
    """Return what the catalogue knows of a set: its files by their bytes, and images that its images show."""
    files = {Digest(DigestKind.FILE, entry.hex) for entry in read_manifest(tree.manifest) if not entry.symlink}
    by_bytes = [each.thing for each in ledger.origins(sorted(files, key=str)).values()]
    return [*by_bytes, *(checked.known if checked is not None else ())]


def _source(thing: EntityNode) -> Source:
    return Source(thing.iri, thing.name or thing.path, thing.kind, thing.place, thing.digest, thing.pixels)
