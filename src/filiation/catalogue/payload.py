"""Digests of what a crate of another engine carries: many tell none, or one that is no SHA-256, and bring the bytes.

By them runs of different engines join. What does not have the size or the SHA-1 that the crate tells is not what the
crate describes, and gets none.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from filiation.catalogue.crate_on_disk import payload_path
from filiation.catalogue.derive import Derived, derive
from filiation.catalogue.sites import at_its_site
from filiation.catalogue.statements import Statements
from filiation.catalogue.vocabulary import DATASET, FILE, PROV, SCHEMA
from filiation.digest import digest_file, digest_tree
from filiation.errors import FiliationError
from filiation.model import decode_path

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crate_on_disk import CrateOnDisk
    from filiation.catalogue.graph import Triple
    from filiation.catalogue.nodes import EntityNode

_OTHER_SHA1 = ("https://w3id.org/ro/terms/workflow-run#sha1", SCHEMA + "sha1")


def derive_from(crate: CrateOnDisk, stated: tuple[Triple, ...], home: Path | None = None) -> Derived:
    """Derive the lineage that a crate on disk tells: by its statements, by the bytes that it carries, at its site.

    Parameters
    ----------
    crate, stated
        The crate, and what it states.
    home
        Where the run's crate stands in the catalogue, if this one stands elsewhere.
    """
    derived = derive(stated, crate.iri)
    if not crate.own:
        derived = _with_digests(derived, Statements(stated, crate.iri), crate.folder)
    return at_its_site(derived, home or crate.folder)


def _with_digests(derived: Derived, about: Statements, folder: Path) -> Derived:
    entities = tuple(_digested(entity, about, folder) for entity in derived.entities)
    new = {
        (entity.iri, PROV + "specializationOf", entity.digest.iri)
        for entity, before in zip(entities, derived.entities, strict=True)
        if entity.digest is not None and before.digest is None and not entity.is_empty
    }
    return replace(derived, entities=entities, triples=(*derived.triples, *sorted(new)))


def _digested(entity: EntityNode, about: Statements, folder: Path) -> EntityNode:
    if entity.digest is not None or not entity.iri.startswith(about.crate):
        return entity
    reference = decode_path(entity.iri.removeprefix(about.crate)).rstrip("/")
    carried = None if "#" in entity.iri else payload_path(folder, reference)
    if carried is None:
        return entity
    types = about.types(entity.iri)
    try:
        if FILE in types and carried.is_file() and _is_described(carried, entity, about):
            return replace(entity, digest=digest_file(carried), size=carried.stat().st_size)
        if DATASET in types and carried.is_dir():
            tree = digest_tree(carried)
            return replace(entity, digest=tree.digest, size=tree.size, files=tree.files)
    except (OSError, FiliationError):
        return entity  # what cannot be read has no digest; the rest of the crate tells what it tells
    return entity


def _is_described(carried: Path, entity: EntityNode, about: Statements) -> bool:
    if entity.size is not None and entity.size != carried.stat().st_size:
        return False
    told = about.text(entity.iri, *_OTHER_SHA1)
    if told is None:
        return True
    with carried.open("rb") as file:
        return (
            hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest() == told.strip().lower()
        )
