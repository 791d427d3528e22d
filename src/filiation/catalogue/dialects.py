"""In what SPARQL 1.1 servers differ: addresses, how the default graph is made the union, how one signs in, limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NONE: Final = "none"
BASIC: Final = "basic"
DIGEST: Final = "digest"
TOKEN: Final = "token"  # noqa: S105 - a way to sign in
AUTHENTICATIONS: Final = (NONE, BASIC, DIGEST, TOKEN)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server.

    Parameters
    ----------
    name
        As ``filiation.toml`` names it.
    query, update, store
        What comes after the server's address for the SPARQL Protocol's two operations and the Graph Store Protocol;
        None if there is no such thing, or nothing is known.
    graph
        Name of the parameter that names a graph in the Graph Store Protocol.
    union
        Parameters of a query that make the default graph the union of all; empty where it is that, or must be set up
        on the server.
    authentication
        How one signs in, where nothing else is set.
    cuts_constructs
        Whether answers to CONSTRUCT and DESCRIBE are cut at the server's limit without a word.
    grant
        What must have been done on the server before graphs can be written.
    """

    name: str
    query: str | None = None
    update: str | None = None
    store: str | None = None
    graph: str = "graph"
    union: tuple[tuple[str, str], ...] = ()
    authentication: str = NONE
    cuts_constructs: bool = False
    grant: str = ""


_ALL: Final = (
    Dialect("oxigraph", "/query", "/update", "/store", union=(("union-default-graph", "true"),)),
    Dialect(
        "virtuoso",
        "/sparql",
        "/sparql-auth",
        "/sparql-graph-crud-auth",
        graph="graph-uri",
        authentication=DIGEST,
        cuts_constructs=True,
        grant="In isql, as dba: grant SPARQL_UPDATE to \"USER\";",
    ),
    # https://graphdb.ontotext.com/documentation/: the RDF4J addresses of one repository, which the address names.
    Dialect("graphdb", "", "/statements", "/rdf-graphs/service", authentication=BASIC,
            grant="The user needs the right to write this repository."),
    # https://jena.apache.org/documentation/fuseki2/: the addresses of one dataset, which the address names.
    Dialect("fuseki", "/query", "/update", "/data", union=(("default-graph-uri", "urn:x-arq:UnionGraph"),),
            authentication=BASIC, grant="The dataset needs the operations update and gsp-rw for this user."),
    # https://docs.qlever.dev/update: one address for everything, writing by an access token.
    Dialect("qlever", "", "", "", authentication=TOKEN,
            grant="The token is the one that the server was started with as --access-token."),
    # https://docs.aws.amazon.com/neptune/latest/userguide/sparql-graph-store-protocol.html; signing is a proxy's.
    Dialect("neptune", "/sparql", "/sparql", "/sparql/gsp/"),
    Dialect("other"),
)  # fmt: skip
DIALECTS: Final = {dialect.name: dialect for dialect in _ALL}
