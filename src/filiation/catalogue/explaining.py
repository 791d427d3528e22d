"""What was assumed of a crate when it was read: what it does not say, or says in a way that no specification has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filiation.catalogue.crate_on_disk import CrateOnDisk, identify, read_metadata
from filiation.catalogue.derive import Derived
from filiation.catalogue.describe import digest_told
from filiation.catalogue.graph import Literal
from filiation.catalogue.payload import derive_from
from filiation.catalogue.reading import read_triples
from filiation.catalogue.root import root_of
from filiation.catalogue.statements import Statements
from filiation.catalogue.vocabulary import ACTION_TYPES, SCHEMA, F
from filiation.crate.contexts import meant_by

_ZONED: Final = ("Z", "z", "+")


def explain(folder: Path) -> tuple[str, ...]:
    """Return what was assumed of a crate, a sentence each; nothing if it says all that is asked of it.

    Raises
    ------
    NotFoundError, InvalidCrateError
        As for taking it in.
    """
    crate = identify(folder)
    document, _ = read_metadata(folder)
    contexts = document.get("@context")
    named = contexts if isinstance(contexts, list) else [contexts]
    root = root_of(document)
    stated = read_triples(crate)
    about = Statements(stated, crate.iri)
    return (
        *about.texts(about.crate, F + "assumed"),
        *_of_contexts(named),
        *_of_the_root(about, crate, root),
        *_of_actions(about, derive_from(crate, stated)),
    )


def _of_contexts(named: list[object]) -> Iterator[str]:
    for context in named:
        if isinstance(context, str) and (meant := meant_by(context)) not in (None, context):
            yield f"The @context {context} is read as {meant}."
        if isinstance(context, dict) and "@base" in context:
            yield f"The @base {str(context['@base'])[:200]} is not followed: relative names are the crate's own."


def _of_the_root(about: Statements, crate: CrateOnDisk, root: str | None) -> Iterator[str]:
    if root is None:
        yield "Nothing says what its root is: its name and its main workflow are not known."
    elif root not in ("./", ".", ""):
        yield f"Its root is called {root[:200]}, and read as the crate itself."
    if not crate.own:
        yield "It has no run id of ours: it is known by the digest of its metadata, so a changed copy is another run."
    if about.text(about.crate, SCHEMA + "name") is None:
        yield "It has no name: it is called by its id."


def _of_actions(about: Statements, derived: Derived) -> Iterator[str]:
    stated = {iri for iri in about.subjects() if about.types(iri) & ACTION_TYPES}
    steps = {action.iri for action in derived.actions}
    if not stated:
        yield "It has no action: what it describes is known, and descends from nothing."
        return
    if wholes := stated - steps:
        one = len(wholes) == 1
        stands = "1 action stands" if one else f"{len(wholes)} actions stand"
        connects, its = ("connects", "its") if one else ("connect", "their")
        yield f"{stands} for a whole run or a nested workflow and {connects} nothing: {its} steps are here."
    main = about.link(about.crate, SCHEMA + "mainEntity")
    if any(main in about.links(iri, SCHEMA + "instrument") for iri in steps if main is not None):
        yield "It has no actions of steps: all that came out of the run as a whole descends from all that went in."
    silent = sum(about.text(iri, SCHEMA + "actionStatus") is None for iri in steps)
    if silent:
        yield f"Actions without a status count as finished, as the Process Run Crate profile has it: {silent}."
    possible = sum((about.text(iri, SCHEMA + "actionStatus") or "").endswith("PotentialActionStatus") for iri in steps)
    if possible:
        said = "Actions that are said to be possible (PotentialActionStatus) ended in an unknown way"
        yield f"{said}: {possible}."
    texts = sum(
        isinstance(value, Literal)
        for iri in steps
        for name in ("object", "result")
        for value in about.values(iri, SCHEMA + name)
    )
    if texts:
        yield f"Texts where an action should refer to a thing, and that name none, connect nothing: {texts}."
    organised = sum(
        bool(set(about.links(iri, SCHEMA + "result")) - stated)
        for iri in about.subjects()
        if SCHEMA + "OrganizeAction" in about.types(iri)
    )
    if organised:
        yield f"Engines' own actions (OrganizeAction) that name things as their result make none of them: {organised}."
    apart = sum(not (about.links(iri, SCHEMA + "object") or about.links(iri, SCHEMA + "result")) for iri in steps)
    if apart:
        yield f"Actions that name neither what they used nor what they made connect nothing: {apart}."
    times = [about.text(iri, SCHEMA + name) for iri in steps for name in ("startTime", "endTime")]
    bare = sum(
        text is not None and "T" in text and not any(sign in text[10:] for sign in (*_ZONED, "-")) for text in times
    )
    if bare:
        yield f"Times without a zone are taken as UTC: {bare}."
    things = [entity for entity in derived.entities if entity.iri.startswith(about.crate)]
    digested = sum(entity.digest is not None and digest_told(about, entity.iri) is None for entity in things)
    if digested:
        yield f"Digests of what it carries were made of the bytes, since it tells none: {digested} of {len(things)}."
    nameless = sum(entity.digest is None for entity in things)
    if nameless:
        yield f"Things without a digest join no other run by their content: {nameless} of {len(things)}."
    outside = sum(entity.iri.startswith(about.crate + "outside/") for entity in derived.entities)
    if outside:
        yield f"Things named by an absolute path are this crate's alone, whoever else names that path: {outside}."
    undescribed = sum(entity.iri not in about for entity in derived.entities)
    if undescribed:
        yield f"Of things that actions name and nothing describes only the names are known: {undescribed}."
