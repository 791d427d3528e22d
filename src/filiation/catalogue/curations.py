"""What somebody did to data outside any workflow, recorded: looked at, written as a crate, taken in."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from filiation.capture.environment import agent_facts
from filiation.capture.machine import machine_facts
from filiation.capture.place import read_settings
from filiation.capture.steps import read_machine
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.waiting import packing_place
from filiation.crate.curation import Curation, Deed, write_curation
from filiation.digest import DigestCache, digest_tree
from filiation.errors import BadInputError
from filiation.images import image_facts, pixel_digest
from filiation.images.multiscale import open_multiscale
from filiation.model import Agent, DataEntity, Digest, EntityKind, Machine, Presence, Software


def this_person(catalogue: CatalogueFolder) -> Agent:
    """Return who works here, as they state themselves in the settings."""
    stated = agent_facts(read_settings(catalogue.root))
    stated.pop("license", None)
    return Agent(getpass.getuser(), **stated)


def this_machine() -> Machine | None:
    """Return the machine that this runs on."""
    return read_machine(machine_facts())


def this_software(name: str) -> Software:
    """Return filiation under the name of what it does here, with its version."""
    return Software(name, version("filiation"), f"pkg:pypi/filiation@{version('filiation')}")


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """An OME-Zarr store as it was found.

    Parameters
    ----------
    entity
        Its path, digests and what its metadata say.
    manifest
        The digest of each of its files.
    """

    entity: DataEntity
    manifest: bytes

    @property
    def manifest_file(self) -> dict[str, bytes]:
        """The manifest, by its path in a crate."""
        digest = self.entity.digest
        return {} if digest is None else {f"manifests/{digest.hex}.sha256": self.manifest}


def look_at_store(path: Path, cache: DigestCache, pixels: Digest | None = None) -> StoreSeen:
    """Look at an OME-Zarr store: an image, a label image, or a plate or collection of them.

    Parameters
    ----------
    path
        The store.
    cache
        What was digested before.
    pixels
        Its pixel digest, where it is known already.

    Raises
    ------
    NotFoundError
        If it is not there.
    BadInputError
        If its pixels cannot be read.
    """
    tree = digest_tree(path, cache=cache)
    entity = DataEntity(
        path=str(path.resolve()),
        kind=EntityKind.DIRECTORY,
        presence=Presence.PRESENT,
        digest=tree.digest,
        size=tree.size,
        files=tree.files,
    )
    try:
        store = open_multiscale(path)
    except BadInputError:
        return StoreSeen(entity, tree.manifest)
    found = pixels or cache.get_pixels(tree.digest.hex) or pixel_digest(path)
    cache.put_pixels(tree.digest.hex, found)
    kind = EntityKind.IMAGE if store.image_label is None else EntityKind.LABEL_IMAGE
    facts = image_facts(path)
    return StoreSeen(replace(entity, kind=kind, pixels=found, image=facts), tree.manifest)


def record_curation(
    catalogue: CatalogueFolder,
    name: str,
    description: str,
    deeds: Iterable[Deed],
    files: Mapping[str, bytes] | None = None,
    not_captured: Iterable[str] = (),
    recorded_by: str | None = None,
) -> Path:
    """Write the crate of what was done and take it in; returns its folder in the catalogue.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    made = Curation(
        name=name,
        description=description,
        author=this_person(catalogue),
        deeds=tuple(deeds),
        published=datetime.now(UTC),
        files=files or {},
        not_captured=tuple(not_captured),
        recorded_by=recorded_by,
    )
    with packing_place(catalogue, str(uuid4())) as making:
        write_curation(made, making)
        return Catalogue(catalogue).ingest(making, move=True).folder
