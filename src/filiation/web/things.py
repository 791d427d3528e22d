"""A thing's page: where it comes from in sentences, then one step each way, then the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from filiation.catalogue import ActionNode, EntityNode, Json
from filiation.lineage import Lineage
from filiation.lineage.story import tell
from filiation.web.questions import Asked
from filiation.web.twins import twins

router = APIRouter(tags=["things"])

Named = Annotated[
    str,
    Query(
        max_length=4000,
        description="A path as a run saw it, a digest, an IRI, an OMERO image, a run, or the start of a digest or run.",
        examples=["results/ihc/nuclei.ome.zarr"],
    ),
]
"""What names a thing, as a parameter."""


@dataclass(frozen=True, slots=True)
class ThingPage:
    """What is known of a thing.

    Parameters
    ----------
    asked
        How it was named.
    lineage
        What it descends from.
    following
        What came of it, one step.
    sentences
        Where it comes from, in words.
    """

    asked: str
    lineage: Lineage
    following: Lineage
    sentences: tuple[str, ...]

    @property
    def thing(self) -> EntityNode | ActionNode:
        """What was named, or the first of it."""
        return self.lineage.by_iri[self.lineage.roots[0]]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "asked": self.asked,
            "thing": self.thing.to_json(),
            "sentences": list(self.sentences),
            "lineage": self.lineage.to_json(),
            "following": self.following.to_json(),
        }


@twins(router, "/thing", "thing.html.jinja", summary="Where a thing comes from, and what came of it")
def thing(catalogue: Asked, thing: Named) -> ThingPage:
    """Tell what a thing descends from, what came of it, and on what evidence."""
    with catalogue.asking() as ledger:
        lineage = ledger.trace(thing)
        return ThingPage(thing, lineage, ledger.impact(thing, depth=1), tell(lineage))
