"""What a store tells of its own making, as lineage: for a store that was found alone, or whose catalogue is lost."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filiation.catalogue import GENERATED, USED, ActionNode, Edge, EntityNode
from filiation.images import image_facts, pixel_digest
from filiation.images.claims import ClaimedInput, StoreClaim, read_claim
from filiation.lineage.answers import ANCESTORS, Lineage
from filiation.model import Digest, DigestKind, EntityKind, Presence, Status, encode_path

_NOWHERE: Final = "urn:filiation:claim:"
"""Before the names of things that no crate tells of."""


def claimed_lineage(store: Path) -> Lineage | None:
    """Return what a store says it descends from, with what speaks against it; None if it says nothing.

    Its pixels are read, since whether they are those that it tells of is all that can be found out from it alone.

    Raises
    ------
    BadInputError
        If what it says, or its pixels, cannot be read.
    """
    claim = read_claim(store)
    if claim is None:
        return None
    crate = f"arcp://uuid,{claim.run}/" if claim.run is not None else f"{_NOWHERE}unknown/"
    found = pixel_digest(store, claim.pixels.kind)
    root = EntityNode(
        iri=crate + encode_path(str(store.resolve()).lstrip("/")),
        crate=crate,
        path=str(store),
        kind=EntityKind.LABEL_IMAGE,
        pixels=found,
        place=str(store.resolve()),
        image=image_facts(store),
        generated=True,
    )
    action = ActionNode(
        iri=f"{crate}#{claim.record or claim.rule}",
        crate=crate,
        name=claim.rule,
        rule=claim.rule,
        status=Status.UNKNOWN,
        started=claim.started,
        ended=claim.written,
        agent=claim.person,
        agent_id=claim.orcid,
        command=claim.function,
        parameters=claim.parameters,
        software=claim.software,
    )
    inputs = tuple(_inputs(claim, crate, store))
    edges = (
        Edge(action.iri, root.iri, GENERATED, crate),
        *(Edge(each.iri, action.iri, USED, crate) for each in inputs),
    )
    return Lineage(
        thing=str(store),
        direction=ANCESTORS,
        roots=(root.iri,),
        nodes=(root, action, *inputs),
        edges=tuple(sorted(edges)),
        note=_note(claim, found),
    )


def _note(claim: StoreClaim, found: Digest) -> str:
    holds = found == claim.pixels
    run = f"run {claim.run[:8]}" if claim.run is not None else "a run that it does not name"
    return (
        f"This is what the store itself says, of {run}; no crate of it is known here. "
        + (
            "Its pixels are those that it tells of."
            if holds
            else f"Its pixels are not those that it tells of ({claim.pixels}): they were changed since, and what it "
            "says is of what they were before."
        )
        + " `filiation rebuild --from-stores` records what stores say."
    )


def _inputs(claim: StoreClaim, crate: str, store: Path) -> Iterator[EntityNode]:
    for each in claim.inputs:
        place = None if each.path is None else posixpath.normpath(posixpath.join(str(store.resolve()), each.path))
        yield EntityNode(
            iri=each.iri or crate + encode_path((place or each.name).lstrip("/")),
            crate=crate,
            path=each.iri or each.path or each.name,
            kind=kind_of(each),
            digest=each.digest,
            pixels=each.pixels,
            place=place or each.iri,
            presence=Presence.REMOTE if each.iri is not None else None,
        )


def kind_of(found: ClaimedInput) -> EntityKind:
    """Say what an input is, from what the store tells of it."""
    if found.iri is not None:
        return EntityKind.RAW_IMAGE
    if found.pixels is not None:
        return EntityKind.IMAGE
    is_tree = found.digest is not None and found.digest.kind is DigestKind.TREE
    return EntityKind.DIRECTORY if is_tree else EntityKind.FILE
