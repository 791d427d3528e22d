"""Any SPARQL 1.1 server as a store of graphs: SPARQL 1.1 Protocol to ask, Graph Store HTTP Protocol to write.

https://www.w3.org/TR/sparql11-protocol/, https://www.w3.org/TR/sparql11-http-rdf-update/,
https://www.w3.org/TR/sparql11-results-json/. What servers do otherwise stands in ``dialects``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Self

from filiation.catalogue.graph import LANGUAGE_STRING, XSD, Literal, Rows, Term, Triple
from filiation.catalogue.oxigraph import QueryKind, kind_of_query, n_triples, parse_n_triples, written
from filiation.catalogue.sparql_http import RefusedError, Reply, SparqlHttp, UnreachableError
from filiation.catalogue.vocabulary import SEAL
from filiation.errors import BadInputError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from filiation.catalogue.server_settings import ServerSettings

_ROWS: Final = "application/sparql-results+json"
_TRIPLES: Final = "application/n-triples"
_FORM: Final = "application/x-www-form-urlencoded"
# Virtuoso's: the limit that cut the answer, and that the time was over, which also cuts it.
_CUT_AT: Final = "x-sparql-maxrows"
_GIVEN_UP: Final = "x-sql-state"
_AT_A_TIME: Final = 500
"""Graphs that are asked for in one query."""
_OPENING: Final = re.compile(r"<[^<>\"{}|^`\\\s]*>|#[^\n\r]*|\{")
"""The first bracket of a pattern, and what else may have one in a query's head."""
_VIRTUOSO_ASK: Final = "__ASK_RETVAL"


class SparqlServer:
    """A :class:`~filiation.catalogue.graph.LineageGraph` and ``GraphWriter`` over a SPARQL 1.1 server.

    Use it as a context manager. Nothing is asked of the server before the first question or change.

    Parameters
    ----------
    settings
        The server.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self._http = SparqlHttp(settings)
        self._union_is_known = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    # --- writing -----------------------------------------------------------------------------------------------

    def replace(self, graph: str, triples: Iterable[Triple]) -> None:
        """Put ``triples`` in place of everything in ``graph``, and see that they are there.

        Raises
        ------
        AccessError, ServerError
            If that failed; the server may then have the graph as before, as it should be, or in part, and this is to
            be called again.
        """
        wanted = set(triples)
        body = n_triples(sorted(wanted, key=str))
        if self.settings.store is not None:
            parameters = {self.settings.dialect.graph: graph}
            self._http.send("PUT", self.settings.store, parameters=parameters, body=body, kind=_TRIPLES)
        else:
            name = written(graph)
            self._update(f"DROP SILENT GRAPH {name} ; INSERT DATA {{ GRAPH {name} {{\n{body.decode('utf-8')}}} }}")
        self._see_that_all_is_there(graph, wanted)

    def remove(self, graph: str) -> None:
        """Remove ``graph``; nothing happens if it is not there.

        Raises
        ------
        AccessError, ServerError
            If that failed.
        """
        if self.settings.store is not None:
            parameters = {self.settings.dialect.graph: graph}
            self._http.send("DELETE", self.settings.store, parameters=parameters, missing_is_fine=True)
        else:
            self._update(f"DROP SILENT GRAPH {written(graph)}")

    def _update(self, text: str) -> None:
        assert self.settings.update is not None  # noqa: S101 - the settings have one of the two
        body = text.encode("utf-8")
        self._http.send("POST", self.settings.update, body=body, kind="application/sparql-update; charset=utf-8")

    def _see_that_all_is_there(self, graph: str, wanted: set[Triple]) -> None:
        """Count what the server has: some take in half of what they get, and say that all is well.

        Literals of one value count as one, as ``1`` and ``1.0`` do for servers that keep values instead of texts.
        """
        least = len({(s, p, o if isinstance(o, str) else None) for s, p, o in wanted})
        ask = f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH {written(graph)} {{ ?s ?p ?o }} }}"
        ((found,),) = self.query(ask, graph=graph).rows
        if not least <= int(str(found)) <= len(wanted):
            raise RefusedError(
                f"The SPARQL server {self.settings.address} took in the graph {graph} without an error, but has "
                f"{found} of its {len(wanted)} statements. It is sent again with the next crate; see the server's log."
            )

    # --- asking ------------------------------------------------------------------------------------------------

    def quads(self, graph: str | None = None) -> Iterator[tuple[str, str, Term, str]]:
        """Yield subject, predicate, object and graph of every crate's graph, or of one.

        Raises
        ------
        ServerError
            If the server does not give all of it.
        """
        for name in self.graphs() if graph is None else (graph,):
            text = f"SELECT ?s ?p ?o WHERE {{ GRAPH {written(name)} {{ ?s ?p ?o }} }}"
            for subject, predicate, value in self.query(text, graph=name).rows:
                if isinstance(subject, str) and isinstance(predicate, str) and value is not None:
                    yield subject, predicate, value, name

    def graphs(self) -> tuple[str, ...]:
        """Return the graphs that are a crate's, sorted."""
        rows = self.query(f"SELECT DISTINCT ?g WHERE {{ GRAPH ?g {{ ?g <{SEAL}> ?d }} }} ORDER BY ?g").rows
        return tuple(str(graph) for (graph,) in rows)

    def seals(self, graphs: Sequence[str]) -> dict[str, set[str]]:
        """Return which of these graphs are there, each with the name of the metadata that it was made from."""
        found: dict[str, set[str]] = {}
        for start in range(0, len(graphs), _AT_A_TIME):
            names = " ".join(written(graph) for graph in graphs[start : start + _AT_A_TIME])
            text = f"SELECT ?g ?d WHERE {{ VALUES ?g {{ {names} }} GRAPH ?g {{ ?g <{SEAL}> ?d }} }}"
            for graph, digest in self.query(text).rows:
                found.setdefault(str(graph), set()).add(str(digest))
        return found

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Answer a SPARQL query over ``graph``, or over the union of all graphs.

        Raises
        ------
        BadInputError
            If the query is not SPARQL, is an update, or is one that this server would answer in part.
        AccessError
            If the server refuses who asks.
        ServerError
            If it does not answer, or the answer is not whole.
        """
        kind = kind_of_query(text)
        if kind is QueryKind.TRIPLES and self.settings.dialect.cuts_constructs:
            raise BadInputError(
                f"{self.settings.dialect.name} cuts the answers of CONSTRUCT and DESCRIBE at its row limit without "
                "saying so, so they are not asked of it. Ask with SELECT."
            )
        if given:
            text = _with_values(text, given)
        if graph is None:
            self._see_that_union_is_default()
        reply = self._ask(text, graph, _TRIPLES if kind is QueryKind.TRIPLES else _ROWS)
        rows = self._triples(reply) if kind is QueryKind.TRIPLES else self._rows(reply, kind)
        if limit is not None and len(rows.rows) > limit:
            return Rows(rows.columns, rows.rows[:limit], truncated=True)
        return rows

    def _ask(self, text: str, graph: str | None, accept: str) -> Reply:
        form = [("query", text)]
        if graph is None:
            form += self.settings.dialect.union
        else:
            form += [("default-graph-uri", graph), ("named-graph-uri", graph)]
        try:
            reply = self._http.send("POST", self.settings.query, body=form, kind=_FORM, accept=accept)
        except RefusedError as error:
            raise ServerError(f"{error} The query was: {' '.join(text.split())[:200]}") from error
        self._see_that_it_is_whole(reply)
        return reply

    def _see_that_it_is_whole(self, reply: Reply) -> None:
        if _GIVEN_UP in reply.headers:
            raise ServerError(
                f"The SPARQL server {self.settings.address} gave up before its answer was whole "
                f"({reply.headers.get('x-sql-message', reply.headers[_GIVEN_UP])}). Ask for less, or raise its limit."
            )
        if (cut := reply.headers.get(_CUT_AT)) is not None:
            raise self._cut(cut)

    def _see_that_union_is_default(self) -> None:
        """Find out, once, whether a query without GRAPH sees the named graphs: else it would find nothing, silently."""
        if self._union_is_known:
            return
        sees_all, has_any = "ASK { ?s ?p ?o }", "ASK { GRAPH ?g { ?s ?p ?o } }"
        if not self._is(sees_all) and self._is(has_any):
            raise ServerError(
                f"The default graph of the SPARQL server {self.settings.address} is not the union of its named graphs, "
                "so that queries without GRAPH would find nothing. Set the server up so (oxigraph: "
                "--union-default-graph; Fuseki: tdb2:unionDefaultGraph true), or name its dialect in filiation.toml."
            )
        self._union_is_known = True

    def _is(self, question: str) -> bool:
        ((answer,),) = self._rows(self._ask(question, None, _ROWS), QueryKind.YES_OR_NO).rows
        return str(answer) == "true"

    def _rows(self, reply: Reply, kind: QueryKind) -> Rows:
        found = self._document(reply)
        try:
            if kind is QueryKind.YES_OR_NO:
                return Rows(("answer",), ((Literal(_yes_or_no(found), XSD + "boolean"),),))
            columns = tuple(str(name) for name in found["head"].get("vars", ()))  # type: ignore[attr-defined]
            bindings = found["results"]["bindings"]  # type: ignore[index]
            rows = tuple(tuple(_term(binding.get(name)) for name in columns) for binding in bindings)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._no_sparql(reply) from error
        if self.settings.rows is not None and len(rows) >= self.settings.rows:
            raise self._cut(str(self.settings.rows))
        return Rows(columns, rows)

    def _document(self, reply: Reply) -> dict[str, object]:
        try:
            found = json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            if "json" not in reply.kind:
                raise self._no_sparql(reply) from error
            # Servers stream: what goes wrong after the first row comes under the status 200.
            raise ServerError(
                f"The answer of the SPARQL server {self.settings.address} broke off in the middle: it gave up while it "
                "answered, perhaps at its own time limit. Ask for less, or let it take longer; see the server's log."
            ) from error
        if not isinstance(found, dict):
            raise self._no_sparql(reply)
        return found

    def _triples(self, reply: Reply) -> Rows:
        if reply.kind not in (_TRIPLES, "text/plain", "text/turtle"):
            raise self._no_sparql(reply)
        try:
            found = tuple(parse_n_triples(reply.body))
        except BadInputError as error:
            raise ServerError(
                f"The answer of the SPARQL server {self.settings.address} is not whole: {error}"
            ) from error
        if self.settings.rows is not None and len(found) >= self.settings.rows:
            raise self._cut(str(self.settings.rows))
        return Rows(("subject", "predicate", "object"), found)

    def _no_sparql(self, reply: Reply) -> UnreachableError:
        return UnreachableError(
            f"What answers at {self.settings.query} is no SPARQL 1.1 server: it sent {reply.kind or 'something'} where "
            f"{_ROWS} was expected. Check address and dialect in filiation.toml."
        )

    def _cut(self, rows: str) -> ServerError:
        return ServerError(
            f"The SPARQL server {self.settings.address} ends every answer after {rows} rows, and this one did: "
            "it may lack some. Ask for less, give the query a LIMIT below that, or raise the server's limit (Virtuoso: "
            "ResultSetMaxRows in the table [SPARQL] of its virtuoso.ini)."
        )


def _with_values(query: str, given: Mapping[str, Term]) -> str:
    """Bind variables by VALUES at the head of the query's pattern; the terms are written by a serialiser, not by us.

    At the end of the query, where SPARQL has a place for it, Virtuoso 7 fails for a variable that is not selected.
    """
    names, values = " ".join(f"?{name}" for name in given), " ".join(written(term) for term in given.values())
    opening = next((found.end() for found in _OPENING.finditer(query) if found.group() == "{"), None)
    if opening is None:  # pragma: no cover - every query has a pattern
        raise BadInputError("The query has no pattern.")
    return f"{query[:opening]} VALUES ({names}) {{ ({values}) }} {query[opening:]}"


def _yes_or_no(found: dict[str, object]) -> str:
    if "boolean" in found:
        return "true" if found["boolean"] is True else "false"
    # Virtuoso answers ASK with a row.
    results: dict[str, list[dict[str, dict[str, str]]]] = found["results"]  # type: ignore[assignment]
    value = next((row[_VIRTUOSO_ASK]["value"] for row in results["bindings"]), "0")
    return "true" if value in ("1", "true") else "false"


def _term(found: dict[str, str] | None) -> Term | None:
    if found is None:
        return None
    value, kind = str(found["value"]), found["type"]
    if kind == "uri":
        return value
    if kind == "bnode":
        return f"_:{value}"
    if kind not in ("literal", "typed-literal"):
        raise ValueError(kind)
    language = found.get("xml:lang", "")
    datatype = found.get("datatype", XSD + "string") if not language else LANGUAGE_STRING
    if datatype == XSD + "boolean":  # Virtuoso writes 1 and 0
        value = {"1": "true", "0": "false"}.get(value, value)
    return Literal(value, datatype, language)
