"""The page of a bundle of evidence: it answers first, then shows the picture, the records, and how to check them.

It needs no network and runs no script; every value is text, whoever wrote it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from filiation.catalogue.nodes import EntityNode
from filiation.lineage import words
from filiation.lineage.formats import in_order

if TYPE_CHECKING:
    from filiation.lineage.answers import Lineage


@dataclass(frozen=True, slots=True)
class CrateShown:
    """A crate of a run in the bundle.

    Parameters
    ----------
    run
        Its id, and the name of its folder in ``crates/``.
    name
        For a person.
    metadata
        Digest of its ``ro-crate-metadata.json``.
    seals
        How many seals it has.
    """

    run: str
    name: str
    metadata: str
    seals: int


def render_page(
    lineage: Lineage,
    sentences: tuple[str, ...],
    crates: tuple[CrateShown, ...],
    gaps: tuple[str, ...],
    data: str | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    lineage
        The answer.
    sentences
        The answer in words.
    crates
        What is in ``crates/``.
    gaps
        What the records leave open.
    data
        Where in the bundle the thing itself is, if it came along.
    """
    style = files("filiation.crate").joinpath("preview.css").read_text(encoding="utf-8")
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(files("filiation.publish").joinpath("evidence.html.jinja").read_text(encoding="utf-8"))
    root = lineage.by_iri[lineage.roots[0]]
    return template.render(
        thing=words.plain(lineage.thing),
        sentences=sentences,
        picture=base64.b64encode(lineage.to_svg().encode()).decode("ascii"),
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        made=words.moment(datetime.now(UTC)),
        software=f"filiation {version('filiation')}",
        digest=str(root.digest) if isinstance(root, EntityNode) and root.digest is not None else None,
        is_tree=isinstance(root, EntityNode) and root.files is not None,
        rows=[_row(lineage, iri) for iri in (node.iri for node in in_order(lineage.collapsed))],
        crates=crates,
        gaps=gaps,
        data=data,
    )


def _row(lineage: Lineage, iri: str) -> dict[str, object]:
    node = lineage.collapsed.by_iri[iri]
    count = lineage.collapsed.counted.get(iri, 1)
    if isinstance(node, EntityNode):
        name, facts = words.entity_name(node.path, count), words.entity_facts(node)
    else:
        name, facts = words.action_name(node, count), words.action_facts(node)
    return {
        "name": name,
        "what": node.kind if isinstance(node, EntityNode) else "step",
        "facts": facts,
        "parameters": [] if isinstance(node, EntityNode) else [words.parameter(found) for found in node.parameters],
        "run": words.run_name(node.crate),
        "folder": node.crate.removeprefix("arcp://uuid,").rstrip("/"),
    }
