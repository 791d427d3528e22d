"""A crate that holds crates of runs, such as an export or a bundle of evidence: each run comes in under its own name.

What is taken in is what stands in ``crates/``; the crate around it is for readers. A part of a run's crate never takes
the place of the whole; with another part of the same it becomes a larger one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.catalogue import Catalogue, IngestReport
from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk, crate_of, read_metadata
from filiation.crate import flush_tree
from filiation.crate.jsonld import Node, ids, join_entity, many, renamed
from filiation.crate.metadata import read_metadata as read_document
from filiation.digest import digest_file
from filiation.errors import InvalidCrateError, NotFoundError

CRATES: Final = "crates"
NEW: Final = "new"
SAME: Final = "unchanged"
WHOLE: Final = "whole here"
JOINED: Final = "joined"
DIFFERS: Final = "differs"


@dataclass(frozen=True, slots=True)
class Standing:
    """A run's crate that is to come in, and what of it is here already.

    Parameters
    ----------
    crate
        The crate.
    outcome
        ``new``; ``unchanged``; ``whole here`` if the whole is here that it is a part of, or a larger part; ``joined``
        if another part of the same is here; or ``differs`` if another record of the run is.
    """

    crate: CrateOnDisk
    outcome: str


def crates_within(folder: Path) -> tuple[Path, ...]:
    """Return the folders of the crates that a crate holds, by name; links are none."""
    home = folder / CRATES
    if home.is_symlink() or not home.is_dir():
        return ()
    found = (place.parent for place in home.glob(f"*/{METADATA}"))
    return tuple(sorted(place for place in found if not place.is_symlink() and (place / METADATA).is_file()))


def standing_of(catalogue: Catalogue, folder: Path) -> Standing:
    """Tell what of a crate is in a catalogue already.

    Raises
    ------
    InvalidCrateError
        If it cannot be read, or stands under another name than its own.
    """
    document, digest = read_metadata(folder)
    coming = crate_of(folder, document, digest)
    if coming.id != folder.name:
        raise InvalidCrateError(f"{folder} holds the crate of run {coming.id}; it should be called so.")
    here = catalogue.folder.crates / coming.id
    try:
        known = digest_file(here / METADATA)
    except (NotFoundError, OSError):
        return Standing(coming, NEW)
    if known == digest:
        return Standing(coming, SAME)
    mine = read_document(here)
    part_of = _part_of(document)
    if part_of is not None and part_of == known.iri:
        return Standing(coming, WHOLE)
    same_source = part_of is not None and part_of == _part_of(mine)
    if same_source and _names(document) <= _names(mine):
        return Standing(coming, WHOLE)
    if _part_of(mine) == digest.iri or (same_source and _names(mine) <= _names(document)):
        return Standing(coming, NEW)
    return Standing(coming, JOINED if same_source else DIFFERS)


def _part_of(document: Mapping[str, Any]) -> str | None:
    root: Mapping[str, Any] = next((node for node in document["@graph"] if node.get("@id") == "./"), {})
    return next(iter(ids(root.get("subsetOf"))), None)


def _names(document: Mapping[str, Any]) -> frozenset[str]:
    """Return what a part of a crate tells of, each with its links: those of a larger part are more."""
    found = set()
    for node in document["@graph"]:
        at = str(node.get("@id")).removeprefix("#").removeprefix("./")
        if at in ("", METADATA):
            continue
        found.add(at)
        for key, value in node.items():
            found.update(f"{at} {key} {target.removeprefix('#')}" for target in ids(value))
    return frozenset(found)


def is_export(folder: Path) -> bool:
    """Whether a crate is one that `filiation export` wrote around those of runs."""
    return "chosen" in told_before(folder) and bool(crates_within(folder))


def take_in_part(catalogue: Catalogue, folder: Path) -> IngestReport:
    """Take in a run's crate that stands in another crate.

    Raises
    ------
    InvalidCrateError
        If another record of the run is here, which a part of one never replaces.
    """
    standing = standing_of(catalogue, folder)
    if standing.outcome == DIFFERS:
        raise InvalidCrateError(
            f"Another record of run {standing.crate.id} is here and stays: {folder} is a part of one. To let it "
            "hold, forget the other first: filiation forget"
        )
    return settle(catalogue, standing)


def settle(catalogue: Catalogue, standing: Standing) -> IngestReport:
    """Take in what :func:`standing_of` looked at; another record of the same run stays."""
    here = catalogue.folder.crates / standing.crate.id
    if standing.outcome in (WHOLE, DIFFERS):
        return catalogue.ingest(here)
    if standing.outcome != JOINED:
        return catalogue.ingest(standing.crate.folder)
    with catalogue.folder.scratch() as scratch:
        _join(here, standing.crate.folder, scratch / "crate")
        return catalogue.ingest(scratch / "crate", move=True)


def _join(here: Path, coming: Path, target: Path) -> None:
    """Write two parts of one crate as one: what either carries is carried, what either says is said."""
    shutil.copytree(here, target, symlinks=True, ignore=shutil.ignore_patterns("seal"))
    shutil.copytree(coming, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("seal"))
    documents = [read_document(folder) for folder in (here, coming)]
    carried = {
        "#" + name: name
        for document in documents
        for node in document["@graph"]
        if (name := str(node.get("@id", ""))).startswith(("work/", "outside/"))
    }
    entities: dict[str, Node] = {}
    for document in documents:
        for node in renamed(document["@graph"], carried):
            join_entity(entities, {key: value for key, value in node.items() if key != "leftOut"})
    contexts = [context for document in documents for context in many(document["@context"])]
    once = [context for number, context in enumerate(contexts) if context not in contexts[:number]]
    text = json.dumps({"@context": once, "@graph": list(entities.values())}, indent=1, ensure_ascii=True)
    (target / METADATA).write_text(text + "\n", encoding="ascii")
    flush_tree(target)


def told_before(folder: Path) -> dict[str, Any]:
    """Return what the crate around others says of itself; empty if it cannot be read."""
    try:
        document = read_document(folder)
    except InvalidCrateError:
        return {}
    root: dict[str, Any] = next((node for node in document["@graph"] if node.get("@id") == "./"), {})
    return root


def withheld_in(root: Mapping[str, Any]) -> dict[str, int]:
    """Return how many of what a crate says was withheld from it."""
    try:
        told = json.loads(str(root.get("withheld", "{}")))
    except ValueError:
        return {}
    return (
        {str(kind): count for kind, count in told.items() if isinstance(count, int)} if isinstance(told, dict) else {}
    )
