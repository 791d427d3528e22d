"""The seam to a store of graphs: plain terms, one named graph a crate, a Protocol of few methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

XSD: Final = "http://www.w3.org/2001/XMLSchema#"
LANGUAGE_STRING: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
"""Datatype of every literal that has a language (RDF 1.1 Concepts, 3.3)."""


class Literal(NamedTuple):
    """An RDF literal; a tuple, since a crate has thousands, each of which is looked up and compared many times.

    Parameters
    ----------
    text
        Its lexical form.
    datatype
        IRI of its datatype.
    language
        Language tag, or empty.
    """

    text: str
    datatype: str = XSD + "string"
    language: str = ""

    def __str__(self) -> str:
        return self.text


Term: TypeAlias = "str | Literal"
"""An IRI as a plain string, or a literal. There are no blank nodes: they are given IRIs on the way in."""

Triple: TypeAlias = "tuple[str, str, Term]"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query answered.

    Parameters
    ----------
    columns
        Names, in order.
    rows
        One tuple a row, aligned with ``columns``; None where a variable is not bound.
    truncated
        Whether there were more rows than were asked for.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Term | None, ...], ...]
    truncated: bool = False


class GraphWriter(Protocol):
    """The way into a store that holds one named graph a crate."""

    def replace(self, graph: str, triples: Iterable[Triple]) -> None:
        """Put ``triples`` in place of everything in ``graph``.

        A store may show a large graph in part until this returns; who stops it halfway calls it again.
        """

    def remove(self, graph: str) -> None:
        """Remove ``graph``; nothing happens if it is not there."""


class LineageGraph(Protocol):
    """A store that holds one named graph a crate, to be asked."""

    def quads(self, graph: str | None = None) -> Iterator[tuple[str, str, Term, str]]:
        """Yield subject, predicate, object and graph of everything, or of one graph."""

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Answer a SPARQL query over ``graph``, or over the union of all of them.

        Variables named in ``given`` are bound to its terms; the text is never put together from values.
        """
