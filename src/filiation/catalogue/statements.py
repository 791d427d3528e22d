"""A crate's statements, looked up by subject and property, whatever is missing or given twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeVar, cast

from filiation.catalogue.graph import XSD, Literal, Term, Triple
from filiation.catalogue.vocabulary import RDF_TYPE, SCHEMA
from filiation.model import Value, decode_path, is_uri, path_in_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_T = TypeVar("_T")

_INTEGERS: Final = frozenset(XSD + name for name in ("integer", "int", "long", "short", "nonNegativeInteger"))
_FLOATS: Final = frozenset(XSD + name for name in ("double", "float", "decimal"))


class Statements:
    """What a crate states.

    Parameters
    ----------
    triples
        Its statements, in a fixed order; answers keep it.
    crate
        The crate's IRI.
    """

    def __init__(self, triples: Iterable[Triple], crate: str) -> None:
        self.crate = crate
        self._by_subject: dict[str, dict[str, list[Term]]] = {}
        self._told: dict[tuple[Callable[..., object], str], object] = {}
        self._types: dict[str, frozenset[str]] = {}
        of_subject: dict[str, list[Term]] = {}
        last = None
        for subject, predicate, value in triples:
            if subject is not last:
                of_subject, last = self._by_subject.setdefault(subject, {}), subject
            if predicate in of_subject:
                of_subject[predicate].append(value)
            else:
                of_subject[predicate] = [value]

    def __contains__(self, subject: object) -> bool:
        return subject in self._by_subject

    def subjects(self) -> Iterator[str]:
        """Yield everything that is described."""
        yield from self._by_subject

    def once(self, tell: Callable[[Statements, str], _T], subject: str) -> _T:
        """Return what ``tell`` says of a subject, which many others may name, and ask it once."""
        key = tell, subject
        try:
            found = self._told[key]
        except KeyError:
            found = self._told[key] = tell(self, subject)
        return cast("_T", found)

    def says(self, subject: str, *predicates: str) -> bool:
        """Whether a subject has a value for one of some properties."""
        of_subject = self._by_subject.get(subject)
        return of_subject is not None and not of_subject.keys().isdisjoint(predicates)

    def values(self, subject: str, predicate: str) -> Sequence[Term]:
        """Return every value."""
        found = self._by_subject.get(subject)
        return found.get(predicate, ()) if found is not None else ()

    def types(self, subject: str) -> frozenset[str]:
        """Return the IRIs of a subject's types."""
        known = self._types.get(subject)
        if known is None:
            known = self._types[subject] = frozenset(self.links(subject, RDF_TYPE))
        return known

    def links(self, subject: str, predicate: str) -> tuple[str, ...]:
        """Return the values that are IRIs."""
        of_subject = self._by_subject.get(subject)
        if of_subject is None or predicate not in of_subject:
            return ()
        return tuple([value for value in of_subject[predicate] if isinstance(value, str)])

    def link(self, subject: str, predicate: str) -> str | None:
        """Return the first value that is an IRI."""
        return next(iter(self.links(subject, predicate)), None)

    def text(self, subject: str, *predicates: str) -> str | None:
        """Return the first value of the first property that has one, as text."""
        of_subject = self._by_subject.get(subject)
        if of_subject is not None:
            for predicate in predicates:
                for value in of_subject.get(predicate, ()):
                    if text := value if isinstance(value, str) else value.text:
                        return text
        return None

    def texts(self, subject: str, predicate: str) -> tuple[str, ...]:
        """Return every value as text."""
        return tuple([value if isinstance(value, str) else value.text for value in self.values(subject, predicate)])

    def plain_values(self, subject: str, predicate: str) -> tuple[str | int | float, ...]:
        """Return every text and number."""
        found = (_python(value) for value in self.values(subject, predicate) if isinstance(value, Literal))
        return tuple(value for value in found if isinstance(value, str | int | float))

    def number(self, subject: str, predicate: str) -> int | None:
        """Return the first value that is a whole number; some engines write ``"123 B"`` or ``"1.0"``.

        One that is larger than any file or count can be (2^63) is none.
        """
        if not self.says(subject, predicate):  # as most of most
            return None
        for text in self.texts(subject, predicate):
            head = text.strip().split(" ")[0]
            try:
                number = int(head)
            except ValueError:
                try:
                    number = int(float(head))
                except (ValueError, OverflowError):
                    continue
            if abs(number) < 1 << 63:
                return number
        return None

    def is_true(self, subject: str, predicate: str) -> bool:
        """Whether the value is true."""
        if not self.says(subject, predicate):
            return False
        return any(text.lower() in ("true", "1") for text in self.texts(subject, predicate))

    def value(self, subject: str, predicate: str) -> Value | None:
        """Return a typed value; several are one list."""
        found = [_python(value) for value in self.values(subject, predicate)]
        if not found:
            return None
        return Value.of(found[0] if len(found) == 1 else found)

    def name(self, subject: str) -> str:
        """Return a name for a person: the one given, else what the IRI ends with."""
        return self.text(subject, SCHEMA + "name") or self.path(subject)

    def path(self, iri: str) -> str:
        """Return where a thing stood, as the workflow named it."""
        if not iri.startswith(self.crate):
            return iri
        reference = iri[len(self.crate) :]
        path = path_in_run(reference)
        if path == reference and not is_uri(reference):
            path = decode_path(reference)
        return path.rstrip("/") or "./"


def _python(term: Term) -> object:
    if not isinstance(term, Literal):
        return term
    try:
        if term.datatype in _INTEGERS:
            return int(term.text)
        if term.datatype in _FLOATS:
            return float(term.text)
    except ValueError:
        return term.text
    if term.datatype == XSD + "boolean":
        return term.text in ("true", "1")
    if term.datatype.endswith("#JSON"):
        try:
            return json.loads(term.text)
        except (json.JSONDecodeError, RecursionError):
            return term.text
    return term.text
