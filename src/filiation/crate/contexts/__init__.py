"""The JSON-LD contexts of run crates, bundled by exact URL: reading a crate never asks the network.

>>> context_document("https://w3id.org/ro/terms/workflow-run/context")["@context"]["sha256"]
'https://w3id.org/ro/terms/workflow-run#sha256'
>>> crate = {"@context": "https://w3id.org/ro/terms/workflow-run/context", "@graph": []}
>>> inline(crate)["@context"][0]["containerImage"]
'https://w3id.org/ro/terms/workflow-run#containerImage'
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from filiation.errors import InvalidCrateError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTEXT_URLS", "context_document", "inline", "meant_by"]

_FILES = MappingProxyType(
    {
        "https://w3id.org/ro/crate/1.1/context": "ro-crate-1.1.json",
        "https://w3id.org/ro/crate/1.2/context": "ro-crate-1.2.json",
        "https://w3id.org/ro/crate/1.3/context": "ro-crate-1.3.json",
        "https://w3id.org/ro/terms/workflow-run/context": "workflow-run.json",
        "https://w3id.org/ro/terms/workflow-run": "workflow-run.json",  # what some emitters write
        "https://w3id.org/ro/terms/sapporo": "sapporo.json",
    }
)

_IN_THE_WILD = re.compile(
    r"https?://(?:www\.)?(?:w3id\.org/ro|researchobject\.org/ro-crate)/"
    r"(?:(?:crate/)?(?P<version>1\.[0-3])(?:-[Dd](?:RAFT|raft)|\.\d+)?(?:/context)?|terms/workflow-run(?:/context)?)(?:\.jsonld|/)?"
)
CONTEXT_URLS: tuple[str, ...] = tuple(_FILES)
"""Every URL that a crate may name as its context."""


def meant_by(url: str) -> str | None:
    """Return the URL of the context that a URL as crates in the wild have it stands for; None if it is unknown.

    They write ``http``, a closing slash, a file's name, a draft's number. RO-Crate 1.0 is read with the context of 1.1,
    which changed none of the terms that lineage is told in.

    >>> meant_by("http://w3id.org/ro/crate/1.1-DRAFT/context.jsonld")
    'https://w3id.org/ro/crate/1.1/context'
    """
    if url in _FILES:
        return url
    found = _IN_THE_WILD.fullmatch(url)
    if found is None:
        return None
    if found["version"] is None:
        return "https://w3id.org/ro/terms/workflow-run/context"
    version = "1.1" if found["version"] == "1.0" else found["version"]
    return f"https://w3id.org/ro/crate/{version}/context"


def context_document(url: str) -> dict[str, Any]:
    """Return the JSON-LD document behind a context's URL; not to be changed by the caller.

    Raises
    ------
    InvalidCrateError
        If the URL is none of :data:`CONTEXT_URLS`; a crate never makes filiation fetch anything.
    """
    meant = meant_by(url)
    if meant is None:
        known = ", ".join(CONTEXT_URLS)
        raise InvalidCrateError(
            f"The crate's @context names {url!r}, which filiation does not bundle and will not fetch; it knows "
            f"{known}. Write the terms that it defines into the crate's @context instead."
        )
    return _load(_FILES[meant])


def inline(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a crate's metadata with each context URL replaced by what stands behind it.

    Parameters
    ----------
    document
        A JSON-LD document with ``@context`` at its top: a URL, terms, or a list of both. It is not changed.

    Raises
    ------
    InvalidCrateError
        If there is no ``@context``, if one is of another type, names an unknown URL, or imports another.
    """
    if "@context" not in document:
        raise InvalidCrateError("The crate's metadata has no @context; expected the RO-Crate context's URL.")
    context = document["@context"]
    contexts = context if isinstance(context, list) else [context]
    return {**document, "@context": [_terms(one) for one in contexts]}


def _terms(context: object) -> dict[str, Any]:
    if isinstance(context, str):
        terms: dict[str, Any] = context_document(context)["@context"]
        return terms
    if not isinstance(context, dict):
        raise InvalidCrateError(
            f"The crate's @context holds {str(context)[:80]!r}; expected a URL or an object that defines terms."
        )
    if "@import" in context:
        raise InvalidCrateError(
            f"The crate's @context imports {str(context['@import'])[:200]!r}; filiation does not fetch contexts. "
            "Name it in the list of contexts if it is bundled, or write its terms there."
        )
    for term, definition in context.items():
        if isinstance(definition, dict) and "@context" in definition:
            raise InvalidCrateError(
                f"The term {term!r} in the crate's @context has a context of its own; a crate is flat, and filiation "
                "does not follow contexts inside contexts."
            )
    # What a crate calls by a relative name is its own, wherever its maker would have it be.
    return {term: definition for term, definition in context.items() if term != "@base"}


@cache
def _load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))
    return document
