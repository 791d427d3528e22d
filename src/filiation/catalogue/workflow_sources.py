"""What a workflow was made of, as its crate tells and carries it: code, configuration, environment files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue.crate_on_disk import payload_path, read_metadata
from filiation.model import decode_path, is_uri

LARGEST: Final = 2_000_000
"""Bytes of a source at most that is read to be compared line by line."""

_CODE: Final = frozenset({"SoftwareSourceCode", "ComputationalWorkflow"})
_POINTING: Final = ("sourceFiles", "engineConfiguration", "buildInstructions")


@dataclass(frozen=True, slots=True)
class Source:
    """One source file.

    Parameters
    ----------
    path
        As the workflow named it.
    sha256
        Hexadecimal digest that the crate tells; None if it does not.
    file
        Where the crate carries it; None if it does not.
    """

    path: str
    sha256: str | None
    file: Path | None

    def text(self) -> str | None:
        """Return its text; None if the crate does not carry it, or it is too large, or no text."""
        if self.file is None or not self.file.is_file() or self.file.stat().st_size > LARGEST:
            return None
        try:
            return self.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def workflow_sources(crate: Path) -> dict[str, Source]:
    """Return the sources of the workflow of a crate, by path.

    Parameters
    ----------
    crate
        The crate's folder.

    Raises
    ------
    NotFoundError
        If there is no crate.
    InvalidCrateError
        If its metadata cannot be read.
    """
    document, _ = read_metadata(crate)
    graph = document.get("@graph")
    entities = {
        str(entity["@id"]): entity
        for entity in (graph if isinstance(graph, list) else [])
        if isinstance(entity, dict) and isinstance(entity.get("@id"), str)
    }
    named = {iri for iri, entity in entities.items() if _CODE & set(_listed(entity.get("@type")))}
    for iri, entity in entities.items():
        named |= {found for key in _POINTING for found in _links(entity.get(key))}
        if iri not in ("./", "ro-crate-metadata.json") and "CreateAction" not in _listed(entity.get("@type")):
            named |= set(_links(entity.get("mainEntity")))
    found = (_source(crate, iri, entities.get(iri, {})) for iri in named if not is_uri(iri))
    return {source.path: source for source in sorted(found, key=lambda source: source.path)}


def _source(crate: Path, iri: str, entity: dict[str, object]) -> Source:
    reference = decode_path(iri).removeprefix("./").removeprefix("#").rstrip("/")
    digest = entity.get("sha256")
    return Source(
        path=reference.removeprefix("work/").removeprefix("outside"),
        sha256=digest.strip().lower() if isinstance(digest, str) else None,
        file=None if iri.startswith("#") else payload_path(crate, reference),
    )


def _listed(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _links(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(link["@id"]) for link in values if isinstance(link, dict) and isinstance(link.get("@id"), str)]
