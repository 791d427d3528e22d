"""The metadata of a bundle of evidence: an RO-Crate 1.1 around a page, answers and the crates of runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue.nodes import EntityNode
from filiation.crate.jsonld import Node, isoformat, node, reference, references
from filiation.crate.metadata import METADATA_FILE
from filiation.crate.profiles import RO_CRATE
from filiation.model import encode_path, run_iri
from filiation.publish.evidence_page import CrateShown

if TYPE_CHECKING:
    from filiation.lineage.answers import Lineage

PAGE: Final = "index.html"
_NO_LICENCE: Final = "#no-licence-stated"
_KINDS: Final = {
    ".html": "text/html",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".provn": "text/provenance-notation",
}


def write_metadata(
    folder: Path, lineage: Lineage, files: list[str], crates: tuple[CrateShown, ...], data: str | None
) -> None:
    """Write ``ro-crate-metadata.json`` of a bundle.

    Parameters
    ----------
    folder
        The bundle; what it describes is there.
    lineage
        The answer that it is the evidence for.
    files
        Names of its page and answers.
    crates
        Of runs, in ``crates/``.
    data
        Where in it the thing itself is, if it came along.
    """
    root = lineage.by_iri[lineage.roots[0]]
    digest = root.digest if isinstance(root, EntityNode) else None
    parts = [*(_file(folder, name) for name in files), *(_crate(crate) for crate in crates)]
    if data is not None:
        parts.append(_data(folder, data, None if digest is None else digest.iri))
    graph = [
        node(METADATA_FILE, "CreativeWork", conformsTo=reference(RO_CRATE), about=reference("./")),
        node(
            "./",
            "Dataset",
            name=f"Evidence for {lineage.thing}",
            description=f"What {lineage.thing} comes from, with the records that say so. Begin with {PAGE}.",
            datePublished=isoformat(datetime.now(UTC)),
            license=reference(_NO_LICENCE),
            about=reference(root.iri),
            hasPart=references(str(part["@id"]) for part in parts),
        ),
        node(
            _NO_LICENCE,
            "CreativeWork",
            name="No licence stated",
            description="Made to be checked by whom it was given to; nothing was said of any other use.",
        ),
        node(root.iri, "CreativeWork", name=lineage.thing, identifier=None if digest is None else digest.iri),
        *parts,
    ]
    document = {"@context": f"{RO_CRATE}/context", "@graph": graph}
    (folder / METADATA_FILE).write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


def _file(folder: Path, name: str) -> Node:
    path = folder / name
    return node(
        name,
        "File",
        name="The page to begin with" if name == PAGE else f"The lineage as {path.suffix[1:]}",
        encodingFormat=_KINDS[path.suffix],
        contentSize=str(path.stat().st_size),
    )


def _crate(crate: CrateShown) -> Node:
    return node(
        f"crates/{crate.run}/",
        "Dataset",
        name=crate.name,
        description="The crate of a run that the result rests on, as it is in the catalogue.",
        conformsTo=reference("https://w3id.org/ro/crate"),
        identifier=run_iri(crate.run),
    )


def _data(folder: Path, name: str, identifier: str | None) -> Node:
    place = folder / name
    return node(
        encode_path(name) + ("/" if place.is_dir() else ""),
        "Dataset" if place.is_dir() else "File",
        name=place.name,
        description="The result itself, as it was recorded.",
        identifier=identifier,
        contentSize=None if place.is_dir() else str(place.stat().st_size),
    )
