"""What plain entities state, without a JSON-LD processor: texts, numbers and references under terms with an address.

Nearly all of every crate is said so, and is read in a fraction of the time that the processor takes
(``docs/decisions/0022-plain-entities-are-read-by-ourselves.md``). An entity that says anything in another way, or in a
way that may be understood otherwise, is left to the processor whole; so is a crate whose own context does more than to
give terms addresses. Tests compare both readings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from filiation.catalogue.graph import XSD
from filiation.catalogue.vocabulary import RDF_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from filiation.catalogue.graph import Term
    from filiation.catalogue.oxigraph import CrateTerms

    Pairs = list[tuple[str, Term]]

# Of what RFC 3987 allows, what means the same to everybody: no colon but that of a scheme, no part of a path that
# begins with a dot, nothing beyond ASCII.
_LETTERS: Final = r"[A-Za-z0-9\-._~!$&'()*+,;=@/%]"
_TERM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_\-]*")
_ADDRESS: Final = re.compile(rf"(?!.*/\.)https?://{_LETTERS}+(?:#{_LETTERS}*)?")
_WITH_SCHEME: Final = re.compile(
    rf"(?!.*/\.)([A-Za-z][A-Za-z0-9+.\-]+):(//)?(?:{_LETTERS}|[:?])*(?:#(?:{_LETTERS}|[:?])*)?"
)
_RELATIVE: Final = re.compile(rf"(?![^#]*/\.)(?:[A-Za-z0-9%_~\-]{_LETTERS}*)?(?:#{_LETTERS}*)?")
_STRING, _BOOLEAN, _INTEGER, _DOUBLE = (XSD + name for name in ("string", "boolean", "integer", "double"))
_LARGEST: Final = 10**15
"""Whole numbers beyond may be written in another way."""


class PlainEntities:
    """Reads the entities of one crate that are plain.

    Parameters
    ----------
    context
        The crate's ``@context`` as it stands there.
    contexts
        The same with what stands behind addresses.
    base
        What relative references start from.
    terms
        The terms of the crate, each made once.
    reference
        Makes an ``@id`` an IRI reference, or refuses it.
    refer
        Makes a value of a property a reference, where it can only mean that.
    """

    def __init__(
        self,
        context: object,
        contexts: Sequence[Mapping[str, object]],
        base: str,
        terms: CrateTerms,
        reference: Callable[[str], str],
        refer: Callable[[str, object], object],
    ) -> None:
        named = context if isinstance(context, list) else [context]
        own = [each for each in named if isinstance(each, dict)]
        self._is_known = all(_is_plain(each) for each in own)
        self._contexts = tuple(reversed(contexts))
        self._base = base
        self._terms = terms
        self._reference = reference
        self._refer = refer
        self._things: dict[str, str | None] = {}
        self._properties: dict[str, str | None] = {}
        self._type = terms.iri(RDF_TYPE)

    def read(self, entity: object) -> tuple[str, Pairs] | None:
        """Return what an entity states, with its name; None if that is to be left to the processor.

        Raises
        ------
        InvalidCrateError
            If it refers to something outside the crate.
        """
        if not self._is_known or not isinstance(entity, dict) or not isinstance(entity.get("@id"), str):
            return None
        pairs: Pairs = []
        try:
            name = self._thing(entity["@id"])
            for key, value in entity.items():
                if key == "@id":
                    continue
                if key == "@type":
                    pairs += [(self._type, self._class(each)) for each in _each(value)]
                    continue
                predicate = self._property(key)
                for each in _each(self._refer(key, value)):
                    found = self._value(each)
                    if found is not None:
                        pairs.append((predicate, found))
        except _NotPlainError:
            return None
        return name, pairs

    def _value(self, value: object) -> Term | None:
        if isinstance(value, dict):
            if len(value) == 1 and isinstance(identifier := value.get("@id"), str):
                return self._thing(identifier)
        elif isinstance(value, str):
            if value.isascii() or _is_unicode(value):
                return self._terms.literal(value, _STRING, "")
        elif value is None:
            return None
        elif isinstance(value, bool):
            return self._terms.literal("true" if value else "false", _BOOLEAN, "")
        elif isinstance(value, int):
            if -_LARGEST < value < _LARGEST:
                return self._terms.literal(str(value), _INTEGER, "")
        elif isinstance(value, float):
            return self._terms.literal(repr(value), _DOUBLE, "")
        raise _NotPlainError

    def _thing(self, identifier: str) -> str:
        try:
            found = self._things[identifier]
        except KeyError:
            found = self._things[identifier] = self._named(self._reference(identifier))
        if found is None:
            raise _NotPlainError
        return found

    def _named(self, reference: str) -> str | None:
        """Return the IRI of a reference; None where it may be another than base and reference together."""
        if reference == "./":
            return self._terms.iri(self._base)
        if _RELATIVE.fullmatch(reference):
            return self._terms.iri(self._base + reference)
        found = _WITH_SCHEME.fullmatch(reference)
        if found is None:
            return None
        is_prefix = found[2] is None and any(found[1] in context for context in self._contexts)
        return None if is_prefix else self._terms.iri(reference)

    def _property(self, key: str) -> str:
        try:
            found = self._properties[key]
        except KeyError:
            found = self._properties[key] = self._meaning(key)
        if found is None:
            raise _NotPlainError
        return found

    def _class(self, name: object) -> str:
        found = self._property(name) if isinstance(name, str) else None
        if found is None:
            raise _NotPlainError
        return found

    def _meaning(self, word: str) -> str | None:
        for context in self._contexts:
            if word in context:
                definition = context[word]
                if word.startswith("@") or not isinstance(definition, str) or not _ADDRESS.fullmatch(definition):
                    return None
                return self._terms.iri(definition)
        return self._terms.iri(word) if _ADDRESS.fullmatch(word) else None


class _NotPlainError(Exception):
    """Something is said in a way that the processor is to understand."""


def _is_plain(context: Mapping[str, object]) -> bool:
    return all(
        _TERM.fullmatch(term) and isinstance(definition, str) and _ADDRESS.fullmatch(definition)
        for term, definition in context.items()
    )


def _each(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else (value,)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
