"""The embedded RDF store, to be read, and RDF on the way in and out.

The only module that speaks to pyoxigraph, besides the process that writes the store.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar
from urllib.parse import quote

import pyoxigraph as ox

from filiation.catalogue.graph import XSD, Literal, Rows, Term, Triple
from filiation.errors import BadInputError, CatalogueBusyError, InvalidCrateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

_T = TypeVar("_T")
OxTerm: TypeAlias = "ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple"


class OxigraphGraph:
    """A :class:`~filiation.catalogue.graph.LineageGraph` in a folder, to read; ``store_writer`` writes it.

    Use it as a context manager: it keeps the state of the store as it was when it was opened.

    Parameters
    ----------
    folder
        Where the store is; if there is none yet, there is nothing to read.
    """

    def __init__(self, folder: Path) -> None:
        self._store: ox.Store | None = ox.Store.read_only(str(folder)) if folder.is_dir() else ox.Store()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._store = None

    @property
    def _opened(self) -> ox.Store:
        if self._store is None:
            raise CatalogueBusyError("The store is closed; open the catalogue again.")
        return self._store

    def quads(self, graph: str | None = None) -> Iterator[tuple[str, str, Term, str]]:
        """Yield subject, predicate, object and graph of everything, or of one graph."""
        name = ox.NamedNode(graph) if graph is not None else None
        for quad in self._opened.quads_for_pattern(None, None, None, name):
            subject, obj = _from_ox(quad.subject), _from_ox(quad.object)
            if isinstance(quad.graph_name, ox.NamedNode):
                yield str(subject), quad.predicate.value, obj, quad.graph_name.value

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Answer a SPARQL query over ``graph``, or over the union of all graphs.

        Raises
        ------
        BadInputError
            If the query is not SPARQL, or is an update.
        """
        one: list[ox.NamedNode | ox.BlankNode | ox.DefaultGraph] | None = None
        named: list[ox.NamedNode | ox.BlankNode] | None = None
        if graph is not None:
            one, named = [ox.NamedNode(graph)], [ox.NamedNode(graph)]
        bound: dict[ox.Variable, ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple] = {
            ox.Variable(name): _to_ox(term) for name, term in (given or {}).items()
        }
        try:
            answer = self._opened.query(
                text,
                use_default_graph_as_union=graph is None,
                default_graph=one,
                named_graphs=named,
                substitutions=bound or None,
            )
        except SyntaxError as error:
            raise BadInputError(f"This is not a SPARQL query: {error}.") from error
        return _rows(answer, limit)


class QueryKind(Enum):
    """What a query is answered with."""

    ROWS = "rows"
    TRIPLES = "triples"
    YES_OR_NO = "yes or no"


def kind_of_query(text: str) -> QueryKind:
    """Return what a query is answered with; nothing is asked but an empty store.

    Raises
    ------
    BadInputError
        If it is not SPARQL 1.1, or is an update.
    """
    try:
        answer = ox.Store().query(text)
    except SyntaxError as error:
        raise BadInputError(f"This is not a SPARQL query: {error}.") from error
    if isinstance(answer, ox.QueryBoolean):
        return QueryKind.YES_OR_NO
    return QueryKind.TRIPLES if isinstance(answer, ox.QueryTriples) else QueryKind.ROWS


def written(term: Term) -> str:
    """Return a term as SPARQL and N-Triples write it."""
    return str(_to_ox(term))


def parse_n_triples(body: bytes) -> Iterator[tuple[Term, Term, Term]]:
    """Read N-Triples as a server writes them.

    Raises
    ------
    BadInputError
        If they are not whole.
    """
    try:
        for quad in ox.parse(body, format=ox.RdfFormat.TURTLE):  # N-Triples is a part of Turtle
            yield _from_ox(quad.subject), quad.predicate.value, _from_ox(quad.object)
    except (SyntaxError, ValueError) as error:
        raise BadInputError(f"These are no N-Triples: {error}.") from error


def n_triples(triples: Iterable[Triple]) -> bytes:
    """Return triples as N-Triples."""
    node = cache(ox.NamedNode)
    made = (ox.Triple(node(s), node(p), _to_ox(o, node)) for s, p, o in triples)
    return ox.serialize(made, format=ox.RdfFormat.N_TRIPLES) or b""


def parse_json_ld(documents: Iterable[bytes], base: str) -> Iterator[Triple]:
    """Read JSON-LD, in parts that each have the context with them; nothing is ever fetched.

    Blank nodes become IRIs under ``base``, numbered as they appear, so that reading twice gives the same. Terms that
    are alike are one object, since a crate says the same few things of each of its many files.

    Raises
    ------
    InvalidCrateError
        If it is not JSON-LD, or names a context by its address.
    """
    terms = _Terms(base)
    try:
        for document in documents:
            for quad in ox.parse(document, format=ox.RdfFormat.JSON_LD, base_iri=base, lenient=True):
                yield terms.name(quad.subject), terms.name(quad.predicate), terms.read(quad.object)
    except (SyntaxError, ValueError) as error:
        raise InvalidCrateError(f"The crate's metadata is not JSON-LD that can be read: {error}.") from error


def parse_turtle(path: Path, text: str, base: str) -> list[Triple]:
    """Read a document of Turtle or TriG, its graphs together; blank nodes are named as by :func:`parse_json_ld`.

    Raises
    ------
    InvalidCrateError
        If it is neither.
    """
    terms = _Terms(base)
    try:
        quads = ox.parse(text.encode("utf-8"), format=ox.RdfFormat.TRIG, base_iri=base)
        return [(terms.name(quad.subject), terms.name(quad.predicate), terms.read(quad.object)) for quad in quads]
    except (SyntaxError, ValueError, UnicodeEncodeError) as error:
        raise InvalidCrateError(f"{path} is no Turtle or TriG that can be read: {error}.") from error


class _Terms:
    """The terms of one crate, each made once."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._iris: dict[str, str] = {}
        self._blank: dict[str, str] = {}
        self._literals: dict[tuple[str, str, str], Literal] = {}

    def read(self, term: OxTerm) -> Term:
        if not isinstance(term, ox.Literal):
            return self.name(term)
        key = term.value, term.datatype.value, term.language or ""
        known = self._literals.get(key)
        if known is None:
            known = self._literals[key] = Literal(key[0], self._iris.setdefault(key[1], key[1]), key[2])
        return known

    def name(self, term: OxTerm) -> str:
        """Return the IRI of what is no literal."""
        if isinstance(term, ox.NamedNode):
            iri = term.value
            known = self._iris.get(iri)
            if known is None:
                known = self._iris[iri] = _valid(iri, self._base)
            return known
        return self._blank.setdefault(str(term), f"{self._base}.well-known/genid/{len(self._blank) + 1}")


def _valid(iri: str, base: str) -> str:
    """Return an IRI that the store takes; what a lenient reading let through is percent-encoded where it must be."""
    if _is_valid(iri):
        return iri
    encoded = _encoded(iri)
    return encoded if _is_valid(encoded) else f"{base}#invalid-{quote(iri, safe='')}"


def _is_valid(iri: str) -> bool:
    try:
        ox.NamedNode(iri)
    except ValueError:
        return False
    return True


def _encoded(iri: str) -> str:
    before, mark, fragment = iri.partition("#")
    safe = "/:?@!$&'()*+,;=-._~%"
    return quote(before, safe=safe) + mark + quote(fragment, safe=safe)


def _rows(answer: object, limit: int | None) -> Rows:
    if isinstance(answer, ox.QueryBoolean):
        return Rows(("answer",), ((Literal("true" if bool(answer) else "false", XSD + "boolean"),),))
    if isinstance(answer, ox.QueryTriples):
        found = [(_from_ox(t.subject), t.predicate.value, _from_ox(t.object)) for t in _first(answer, limit)]
        columns: tuple[str, ...] = ("subject", "predicate", "object")
        rows: list[tuple[Term | None, ...]] = [tuple(row) for row in found]
    elif isinstance(answer, ox.QuerySolutions):
        columns = tuple(variable.value for variable in answer.variables)
        rows = [tuple(_optional(row[name]) for name in columns) for row in _first(answer, limit)]
    else:  # pragma: no cover - pyoxigraph has no fourth kind of answer
        raise BadInputError(f"Unexpected answer: {answer!r}.")
    over = limit is not None and len(rows) > limit
    return Rows(columns, tuple(rows[:limit] if over else rows), truncated=over)


def _first(found: Iterator[_T], limit: int | None) -> Iterator[_T]:
    return found if limit is None else islice(found, limit + 1)


def _optional(term: OxTerm | None) -> Term | None:
    return None if term is None else _from_ox(term)


def _to_ox(term: Term, node: Callable[[str], ox.NamedNode] = ox.NamedNode) -> ox.NamedNode | ox.Literal:
    if isinstance(term, str):
        return node(term)
    if term.language:
        return ox.Literal(term.text, language=term.language)
    return ox.Literal(term.text, datatype=node(term.datatype))


def _from_ox(term: OxTerm) -> Term:
    match term:
        case ox.NamedNode():
            return term.value
        case ox.Literal():
            return Literal(term.value, term.datatype.value, term.language or "")
        case ox.BlankNode():
            return f"_:{term.value}"
    raise BadInputError(f"Unexpected RDF term: {term}.")
