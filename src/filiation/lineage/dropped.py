"""What the catalogue knows of bytes that somebody else digested: the same, others of that name, or nothing."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from filiation.catalogue import EntityNode, Joining, Json, LineageIndex, shown_time
from filiation.catalogue.manifests import Manifests
from filiation.catalogue.nodes import NO_BYTES
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage.conditions import read_condition
from filiation.lineage.fields import THING, Surroundings
from filiation.lineage.finding import find
from filiation.model import Digest
from filiation.model.sentences import Sentence

KNOWN: Final = "known"
CHANGED: Final = "changed"
UNKNOWN: Final = "unknown"
EMPTY: Final = "empty"
MOST: Final = 20
"""Records of the same bytes, and of others of the same name, that are told."""
_LOOKED_AT: Final = 500
"""Things whose paths have the name somewhere, of the newest runs, among which those of just this name are sought."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Bytes as one run recorded them.

    Parameters
    ----------
    iri, path, kind
        Of the thing.
    run
        Id of the run.
    when, by
        When the run began, and who ran it, if it tells.
    made
        Whether the run made it; else it found it.
    digest
        As recorded.
    manifest
        Whether it is kept which files it has: whoever has the tree can be told which of them differ.
    """

    iri: str
    path: str
    kind: str
    run: str
    when: datetime | None
    by: str | None
    made: bool
    digest: Digest
    manifest: bool

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "iri": self.iri,
            "path": self.path,
            "kind": self.kind,
            "run": self.run,
            "when": None if self.when is None else shown_time(self.when),
            "by": self.by,
            "made": self.made,
            "digest": str(self.digest),
            "manifest": self.manifest,
        }


@dataclass(frozen=True, slots=True)
class Dropped:
    """What is known of bytes, by their digest and the name that somebody has them under.

    Parameters
    ----------
    name
        Of the file or folder, without the folders around it.
    digest
        Of its bytes.
    verdict
        ``known``; ``changed``: these bytes are not, but others of that name are; ``unknown``; ``empty``: no
        bytes, which tell nothing of where they come from.
    seen
        Where these bytes were recorded, the newest first, what was made before what was found.
    was
        Where others of the name were recorded, the newest first.
    """

    name: str
    digest: Digest
    verdict: str
    seen: tuple[Sighting, ...] = ()
    was: tuple[Sighting, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "digest": str(self.digest),
            "verdict": self.verdict,
            "seen": [each.to_json() for each in self.seen],
            "was": [each.to_json() for each in self.was],
        }


def recognise(index: LineageIndex, joining: Joining, crates: Path, name: str, digest: Digest) -> Dropped:
    """Tell what is known of bytes.

    Parameters
    ----------
    index, joining
        The catalogue.
    crates
        The folder of crates.
    name
        Under which somebody has them; of a path its end counts.
    digest
        Of a file or a tree.

    Raises
    ------
    BadInputError
        If it is a digest of pixels.
    """
    if digest.kind.is_of_pixels:
        raise BadInputError(
            Sentence(
                "{digest} is of pixels; of a file or a folder that somebody has, the bytes' is asked for.",
                digest=digest,
            )
        )
    name = posixpath.basename(name.replace("\\", "/").rstrip("/"))
    manifests = Manifests(crates, index.folder_of)
    if digest.hex == NO_BYTES:
        return Dropped(name, digest, EMPTY)
    same = index.entities(digest=str(digest))
    if same:
        return Dropped(name, digest, KNOWN, seen=_told(same, joining, manifests))
    others = [node for node in _named(index, name) if node.digest is not None and node.digest.kind is digest.kind]
    return Dropped(name, digest, CHANGED if others else UNKNOWN, was=_told(others, joining, manifests))


def recorded_manifest(index: LineageIndex, crates: Path, iri: str) -> bytes:
    """Return which files a tree had that the catalogue knows by this IRI, each with its SHA-256.

    What it returns has the tree's digest as its own SHA-256 (``docs/reference/tree-digest.md``).

    Raises
    ------
    NotFoundError
        If no crate keeps it, or only one that is not of the tree.
    """
    manifests = Manifests(crates, index.folder_of)
    for node in index.entities(iri=iri):
        if (content := manifests.content(node)) is not None:
            return content
    raise NotFoundError(
        Sentence("No crate keeps which files {iri} had, so it cannot be said which of them differ.", iri=iri)
    )


def _named(index: LineageIndex, name: str) -> list[EntityNode]:
    """Return the things whose path ends with a name, the newest of each place."""
    if not name:
        return []
    condition = read_condition(f"path~{json.dumps(name)}")
    found = find(index, Surroundings(), THING, (condition,), _LOOKED_AT).nodes
    newest: dict[tuple[str | None, str], EntityNode] = {}
    for node in found:
        if isinstance(node, EntityNode) and posixpath.basename(node.path.rstrip("/")) == name:
            newest.setdefault((node.place, str(node.digest)), node)
    return list(newest.values())


def _told(nodes: Iterable[EntityNode], joining: Joining, manifests: Manifests) -> tuple[Sighting, ...]:
    ordered = sorted(nodes, key=lambda node: (not node.generated, -joining.began(node).timestamp(), node.iri))
    told = []
    for node in ordered[:MOST]:
        run = joining.run_of(node)
        if node.digest is not None and run is not None:
            kept = manifests.path_of(node) is not None
            told.append(
                Sighting(
                    node.iri, node.path, node.kind, run.id, run.started, run.agent, node.generated, node.digest, kept
                )
            )
    return tuple(told)
