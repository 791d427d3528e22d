"""Terms of several crates in one context: each keeps its meaning, whatever another crate means by the same word."""

from __future__ import annotations

import re
from typing import Any, Final

from filiation.catalogue.vocabulary import one_spelling
from filiation.crate.contexts import inline
from filiation.crate.profiles import TERMS

_PLAIN: Final = re.compile(r"\w+")
UNDEFINED: Final = TERMS + "undefined/"
"""How the IRI begins that a term gets of which its own crate does not say what it means."""
_SIMPLE: Final = frozenset({"@id", "@type"})


class Terms:
    """What the words of a context stand for.

    Parameters
    ----------
    context
        A crate's ``@context``.
    """

    def __init__(self, context: object) -> None:
        self._definitions: dict[str, Any] = {}
        for part in inline({"@context": context})["@context"]:
            self._definitions |= part
        self.vocabulary = self._definitions.get("@vocab")

    @property
    def is_plain(self) -> bool:
        """Whether every word stands for an IRI and says no more than of what type its values are."""
        return not any(
            key in ("@language", "@direction", "@propagate", "@protected")
            or (isinstance(said, dict) and not (said.keys() <= _SIMPLE and "@id" in said))
            or (isinstance(said, dict) and str(said.get("@type", "@id")) in ("@vocab", "@json"))
            or not isinstance(said, str | dict)
            for key, said in self._definitions.items()
            if key != "@version"
        )

    def __contains__(self, term: object) -> bool:
        return term in self._definitions

    def iri(self, term: str) -> str | None:
        """Return what a word stands for; None if nothing says."""
        return self._expanded(term, 0)

    def coercion(self, term: str) -> str | None:
        """Return of what type a word's values are, where its context says so: ``@id``, or a datatype's IRI."""
        said = self._definitions.get(term)
        told = said.get("@type") if isinstance(said, dict) else None
        return told if told is None or told.startswith("@") else self._expanded(told, 0)

    def by_iri(self) -> dict[str, str]:
        """Return a word for each IRI, in the spelling that the catalogue keeps."""
        found: dict[str, str] = {}
        for term in self._definitions:
            if _PLAIN.fullmatch(term) and self.coercion(term) is None and (iri := self.iri(term)) is not None:
                found.setdefault(one_spelling(iri), term)
        return found

    def _expanded(self, term: str, depth: int) -> str | None:
        said = self._definitions.get(term)
        if isinstance(said, dict):
            said = said.get("@id", term)
        if isinstance(said, str) and said != term and depth < 8:
            return self._expanded(said, depth + 1) or said
        prefix, colon, rest = term.partition(":")
        if colon and not rest.startswith("//") and prefix in self._definitions:
            begun = self._expanded(prefix, depth + 1)
            return None if begun is None else begun + rest
        if colon:
            return term
        return self.vocabulary + term if isinstance(self.vocabulary, str) else None


class OneContext:
    """A context that grows by the words that crates bring along.

    Parameters
    ----------
    context
        What it begins with: addresses of contexts, and words of our own.
    """

    def __init__(self, context: list[object]) -> None:
        self._begun = context
        self._terms = Terms(context)
        self._words = self._terms.by_iri()
        self._added: dict[str, str] = {}
        self.undefined: set[str] = set()
        """Words of which their crates do not say what they mean."""

    @property
    def context(self) -> list[object]:
        """The context as it is now."""
        return [*self._begun, *([dict(sorted(self._added.items()))] if self._added else [])]

    def word(self, term: str, of: Terms, base: str | None = None) -> str:
        """Return the word that means here what another crate's word means there.

        Parameters
        ----------
        term
            The word.
        of
            What it means there.
        base
            Of a type: the crate's IRI, since a type that nothing defines is a name relative to that.
        """
        if term.startswith("@"):
            return term
        iri = of.iri(term)
        if iri is None:
            self.undefined.add(term)
            iri = (base or UNDEFINED) + term
        meant = one_spelling(iri)
        here = self._terms.iri(term) if term not in self._added else self._added[term]
        is_word = term in self._terms or term in self._added or (":" in term and here != term)
        if is_word and here is not None and one_spelling(here) == meant and self._terms.coercion(term) is None:
            return term
        if meant in self._words:
            return self._words[meant]
        return self._new(term, iri)

    def _new(self, term: str, iri: str) -> str:
        base = re.sub(r"\W+", "_", term.rpartition("/")[2].rpartition("#")[2]) or "term"
        word, number = base, 2
        while word in self._terms or word in self._added:
            word, number = f"{base}_{number}", number + 1
        self._added[word] = iri
        self._words[one_spelling(iri)] = word
        return word
