"""The embedded RDF store, to be read, and RDF on the way in and out.

The only module that speaks to pyoxigraph, besides the process that writes the store.
"""

from __future__ import annotations

import re
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Final, Self, TypeAlias, TypeVar
from urllib.parse import quote

import pyoxigraph as ox

from filiation.catalogue.graph import LANGUAGE_STRING, XSD, Literal, Rows, Term, Triple
from filiation.errors import BadInputError, CatalogueBusyError, InvalidCrateError
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

_T = TypeVar("_T")
# As the serialiser writes terms (https://www.w3.org/TR/n-triples/#grammar-productions-for-terminals).
_WRITTEN_IRI: Final = re.compile(r"<([^<>\"{}|^`\\\x00-\x20]*)>")
_WRITTEN_LITERAL: Final = re.compile(
    r"\"([^\"\\]*(?:\\.[^\"\\]*)*)\"(?:\^\^<([^<>\"{}|^`\\\x00-\x20]+)>|@([A-Za-z0-9-]+))?"
)
_ESCAPED: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES: Final = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
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
        is_made = (folder / "CURRENT").is_file()
        self._store: ox.Store | None = ox.Store.read_only(str(folder)) if is_made else ox.Store()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._store = None

    @classmethod
    def of_triples(cls, graph: str, body: bytes) -> Self:
        """Return a graph in memory, from N-Triples."""
        made = cls.__new__(cls)
        made._store = ox.Store()
        made._store.load(body, format=ox.RdfFormat.N_TRIPLES, to_graph=ox.NamedNode(graph))
        return made

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
            raise BadInputError(Sentence("This is not a SPARQL query: {error}.", error=str(error))) from error
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
        raise BadInputError(Sentence("This is not a SPARQL query: {error}.", error=str(error))) from error
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


def n_triples(triples: Iterable[Triple], graph: str | None = None) -> bytes:
    """Return triples as N-Triples, or as N-Quads of one graph."""
    written = _Written()
    end = " .\n" if graph is None else f" <{graph}> .\n"
    return "".join([f"{written[s]} {written[p]} {written[o]}{end}" for s, p, o in triples]).encode()


def n_quads(graph: str, n_triples: bytes) -> bytes:
    """Return N-Triples as N-Quads of one graph."""
    return n_triples.replace(b" .\n", f" <{graph}> .\n".encode())  # within a literal no line ends


def as_kept(graphs: Iterable[str], scratch: Path) -> list[str]:
    """Return graphs in the order in which a store on disk keeps them, tried out in an empty folder.

    What cannot be the name of a graph is left out.
    """
    store = ox.Store(str(scratch))
    some = ox.NamedNode(f"{XSD}string")
    store.bulk_extend(ox.Quad(some, some, some, ox.NamedNode(graph)) for graph in graphs if _is_valid(graph))
    return [graph.value for graph in store.named_graphs()]


class _Written(dict[Term, str]):
    """Terms as N-Triples write them, each made once."""

    def __missing__(self, term: Term) -> str:
        found = self[term] = str(_to_ox(term))
        return found


def parse_json_ld(documents: Iterable[bytes], terms: CrateTerms) -> Iterator[Triple]:
    """Read JSON-LD, in parts that each have the context with them; nothing is ever fetched.

    Parameters
    ----------
    documents
        The parts.
    terms
        Makes the terms.

    Raises
    ------
    InvalidCrateError
        If it is not JSON-LD, or names a context by its address.
    """
    try:
        for document in documents:
            yield from terms.read_part(document)
    except InvalidCrateError:
        raise  # said already, of a name in it
    except (SyntaxError, ValueError) as error:
        raise InvalidCrateError(f"The crate's metadata is not JSON-LD that can be read: {error}.") from error


def parse_turtle(path: Path, text: str, base: str) -> list[Triple]:
    """Read a document of Turtle or TriG, its graphs together; blank nodes are named as by :func:`parse_json_ld`.

    Raises
    ------
    InvalidCrateError
        If it is neither.
    """
    try:
        quads = ox.parse(text.encode("utf-8"), format=ox.RdfFormat.TRIG, base_iri=base)
        return list(CrateTerms(base).triples_of(quads))
    except (SyntaxError, ValueError, UnicodeEncodeError) as error:
        raise InvalidCrateError(f"{path} is no Turtle or TriG that can be read: {error}.") from error


class CrateTerms:
    """The terms of one crate, each made once, since a crate says the same few things of each of its many files.

    Blank nodes become IRIs under ``base``, numbered as they appear, so that reading twice gives the same.

    Parameters
    ----------
    base
        What relative references start from.
    name
        Gives IRIs other names.
    """

    def __init__(self, base: str, name: Callable[[str], str] = lambda iri: iri) -> None:
        self._base = base
        self._rename = name
        self._named: dict[str, str] = {}
        self._iris: dict[str, str] = {}
        self._blank: dict[str, str] = {}
        self._literals: dict[tuple[str, str, str], Literal] = {}
        self._written: dict[str, Term | None] = {}

    def read_part(self, document: bytes) -> Iterator[Triple]:
        """Read a part as text: to make a Python object of each term of each statement takes longer."""
        quads = ox.parse(document, format=ox.RdfFormat.JSON_LD, base_iri=self._base, lenient=True)
        lines = (ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"").decode("utf-8").split("\n")
        lines.pop()
        split = [line[:-2].split(" ", 2) for line in lines]
        known = self._written
        for texts in split:
            for text in texts:
                if text not in known:
                    known[text] = self._term_of(text)
        triples = [(known[s], known[p], known[o]) for s, p, o in split]
        if None in known.values():  # an IRI with what no IRI may have in it, so that no line can be relied on
            self._written = {text: term for text, term in known.items() if term is not None}
            return self.triples_of(ox.parse(document, format=ox.RdfFormat.JSON_LD, base_iri=self._base, lenient=True))
        return iter(triples)  # type: ignore[arg-type]  # none of them is None, and of names none is a literal

    def triples_of(self, quads: Iterable[ox.Quad]) -> Iterator[Triple]:
        """Read statements term by term."""
        for quad in quads:
            yield self._name(quad.subject), self._name(quad.predicate), self._term(quad.object)

    def _term_of(self, text: str) -> Term | None:
        """Return the term that N-Triples write so; None if it cannot be told."""
        if found := _WRITTEN_IRI.fullmatch(text):
            return self.iri(found[1])
        if text.startswith("_:") and " " not in text:
            return self._blank_node(text)
        if found := _WRITTEN_LITERAL.fullmatch(text):
            content, datatype, language = found.groups(default="")
            if "\\" in content:
                content = _ESCAPED.sub(_unescaped, content)
            return self.literal(content, datatype or (LANGUAGE_STRING if language else XSD + "string"), language)
        return None

    def _term(self, term: OxTerm) -> Term:
        if not isinstance(term, ox.Literal):
            return self._name(term)
        return self.literal(term.value, term.datatype.value, term.language or "")

    def _name(self, term: OxTerm) -> str:
        """Return the IRI of what is no literal."""
        return self.iri(term.value) if isinstance(term, ox.NamedNode) else self._blank_node(str(term))

    def iri(self, iri: str) -> str:
        """Return an IRI as the crate's graph has it."""
        known = self._iris.get(iri)
        if known is None:
            named = self._rename(_valid(iri, self._base))
            known = self._iris[iri] = self._named.setdefault(named, named)
        return known

    def _blank_node(self, text: str) -> str:
        return self._blank.setdefault(text, f"{self._base}.well-known/genid/{len(self._blank) + 1}")

    def literal(self, text: str, datatype: str, language: str) -> Literal:
        """Return a literal."""
        key = text, datatype, language
        known = self._literals.get(key)
        if known is None:
            known = self._literals[key] = Literal(text, self._named.setdefault(datatype, datatype), language)
        return known


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return _ESCAPES[code] if code in _ESCAPES else chr(int(code[1:], 16))


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
