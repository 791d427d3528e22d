"""A catalogue whose graphs are on a SPARQL 1.1 server: real ones, and stand-ins for what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.graph import LANGUAGE_STRING, XSD, Literal
from filiation.catalogue.server_settings import read_server
from filiation.catalogue.sparql_server import SparqlServer
from filiation.errors import AccessError, BadInputError, ServerError
from filiation.lineage import Ledger
from filiation.lineage.doctor import examine
from tests.lineage.crates import nuclei_run
from tests.sparql_servers import VIRTUOSO_ROWS, OxigraphServer, VirtuosoServer

G = "arcp://uuid,00000009-0000-4000-8000-000000000009/"
NAME = "http://schema.org/name"
EDGE = "http://www.w3.org/ns/prov#used"
TRIPLES = [
    (G, "https://w3id.org/ro/terms/filiation#metadata", "ni:///sha-256;x"),
    (G + "a%20b", NAME, Literal('ö "q" \\ \n \x7f')),
    (G + "a%20b", NAME, Literal("x", LANGUAGE_STRING, "en")),
    (G + "a%20b", EDGE, G + "#c"),
    (G + "#c", "http://schema.org/value", Literal("6", XSD + "integer")),
    (G + "#c", "http://schema.org/ok", Literal("true", XSD + "boolean")),
    (G + "#c", "http://schema.org/when", Literal("2026-03-01T10:00:00+01:00", XSD + "dateTime")),
]


def settings(place: Path, text: str) -> CatalogueFolder:
    folder = CatalogueFolder.create(place / ".filiation")
    (folder.root / "filiation.toml").write_text(text)
    return folder


def opened(place: Path, text: str) -> SparqlServer:
    found = read_server(settings(place, text).root)
    assert found is not None
    return SparqlServer(found)


def quads(server: SparqlServer, graph: str | None = None) -> set[tuple[object, ...]]:
    return {quad[:3] for quad in server.quads(graph)}


def check_that_graphs_are_kept(server: SparqlServer) -> None:
    with server:
        server.replace(G, TRIPLES)
        assert quads(server, G) == set(TRIPLES)
        assert G in server.graphs()
        assert server.seals([G, G + "not"]) == {G: {"ni:///sha-256;x"}}
        server.replace(G, TRIPLES[:3])
        assert quads(server, G) == set(TRIPLES[:3]), "what was there before is gone"
        asked = server.query(f"ASK {{ <{G}> ?p ?o }}")
        assert asked.rows == ((Literal("true", XSD + "boolean"),),)
        given = server.query("SELECT ?s WHERE { ?s ?p ?name }", given={"name": TRIPLES[1][2]})
        assert given.rows == ((G + "a%20b",),), "a value is bound as it is, whatever stands in it"
        assert server.query(f"SELECT ?o WHERE {{ <{G}a%20b> ?p ?o }}", limit=1).truncated
        with pytest.raises(BadInputError, match="not a SPARQL query"):
            server.query("INSERT DATA { <a:b> <a:b> <a:b> }")
        server.remove(G)
        server.remove(G)
        assert quads(server, G) == set()


def test_graphs_are_kept_replaced_and_removed_on_oxigraph(tmp_path: Path, oxigraph_server: OxigraphServer) -> None:
    check_that_graphs_are_kept(opened(tmp_path, oxigraph_server.settings()))
    # The same by SPARQL updates, for servers that have no Graph Store Protocol.
    found = read_server(tmp_path / ".filiation")
    assert found is not None
    check_that_graphs_are_kept(SparqlServer(replace(found, store=None)))
    with opened(tmp_path, oxigraph_server.settings()) as server:
        server.replace(G, TRIPLES)
        built = server.query(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{G}> {{ ?s ?p ?o }} }}")
        assert set(built.rows) == set(TRIPLES)


def test_a_default_graph_that_is_not_the_union_is_told(tmp_path: Path, oxigraph_server: OxigraphServer) -> None:
    address = oxigraph_server.address
    text = f'[sparql]\nquery = "{address}/query"\nstore = "{address}/store"\n'
    with opened(tmp_path, text) as server:
        server.replace(G, TRIPLES)
        with pytest.raises(ServerError, match="is not the union of its named graphs"):
            server.query("SELECT ?s WHERE { ?s ?p ?o }")


@pytest.mark.slow
def test_virtuoso_keeps_graphs_and_never_cuts_an_answer_silently(
    tmp_path: Path, virtuoso_server: VirtuosoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = virtuoso_server.settings()
    check_that_graphs_are_kept(opened(tmp_path, text))
    with opened(tmp_path, text) as server:
        server.replace(G, [(G + f"#{number}", EDGE, G) for number in range(VIRTUOSO_ROWS + 1)])
        with pytest.raises(ServerError, match=f"ends every answer after {VIRTUOSO_ROWS} rows"):
            server.query("SELECT ?s WHERE { ?s ?p ?o }")
        with pytest.raises(BadInputError, match="without saying so"):
            server.query("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }")
        server.remove(G)
    monkeypatch.setenv("FILIATION_SPARQL_PASSWORD", "not the password")
    with (
        opened(tmp_path, text) as server,
        pytest.raises(AccessError, match="with the user 'dba' and what FILIATION_SPARQL_PASSWORD says") as refused,
    ):
        server.replace(G, TRIPLES)
    assert "not the password" not in str(refused.value)
    assert "grant SPARQL_UPDATE" in str(refused.value)


# --- a catalogue over a server --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_that_is_down_keeps_nothing_waiting_but_its_graphs(
    folder: Path, tmp_path: Path, oxigraph_server: OxigraphServer
) -> None:
    place = settings(folder, oxigraph_server.settings())
    catalogue = Catalogue(place, wait=30)
    runs = [nuclei_run(folder, number, sigma=number) for number in (1, 2, 3)]
    crates = [run.write(tmp_path / "elsewhere") for run in runs]
    catalogue.ingest(crates[0])
    assert not place.store.exists()
    oxigraph_server.kill()
    assert [catalogue.ingest(crate).outcome for crate in crates[1:]] == ["new", "new"]
    waiting = catalogue.waiting()
    assert [one.graph for one in waiting] == [run.iri for run in runs[1:]], "in the order in which they came"
    assert "Connection refused" in waiting[0].problem
    traced = Ledger(folder).trace(runs[2].iri_of("results/ihc/nuclei.parquet"))
    assert "skimage:immunohistochemistry" in {node.iri for node in traced.nodes}, "the index answers without the server"
    with pytest.raises(ServerError, match="cannot be reached"):
        Ledger(folder).ask("failed")
    diagnosis = examine(place, wait=30)
    assert [finding.kind for finding in diagnosis.findings] == ["server-silent", "graph-waits", "graph-waits"]
    assert (diagnosis.crates, diagnosis.is_sound) == (3, False)
    assert "Connection refused" in diagnosis.text()
    told = subprocess.run(
        [sys.executable, "-m", "filiation", "sparql", "SELECT ?s WHERE { ?s ?p ?o }"],
        cwd=folder, env=os.environ | {"PYTHONWARNINGS": "error"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == ServerError.exit_code
    assert "Connection refused" in told.stderr
    assert "2 crates wait to be sent to the SPARQL server" in told.stderr
    assert "Traceback" not in told.stderr

    oxigraph_server.start()
    runs[0].job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    assert catalogue.ingest(runs[0].write(tmp_path / "elsewhere")).outcome == "replaced"
    assert catalogue.waiting() == ()
    embedded = Catalogue(CatalogueFolder.create(tmp_path / "beside" / ".filiation"))
    for run in runs:
        run.write(embedded.folder.crates)
    embedded.rebuild()
    history = ("#taken-in-", "prov#generatedAtTime")
    known = {quad for quad in catalogue.quads() if not any(word in " ".join(map(str, quad[:3])) for word in history)}
    assert known == set(embedded.quads()), "nothing is lost, nothing is doubled; but the one knows what came before"

    # A crate that is gone leaves the server too; a server that lost everything gets it again before it is asked.
    (place.crates / runs[2].id).rename(tmp_path / "gone")
    catalogue.rebuild()
    assert {quad[3] for quad in catalogue.quads()} == {run.iri for run in runs[:2]}
    with opened(folder, oxigraph_server.settings()) as server:
        server.remove(runs[0].iri)
    assert {quad[3] for quad in catalogue.quads()} == {run.iri for run in runs[:2]}


KILLED_WHILE_SENDING = """
import os, sys
from pathlib import Path
from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.sparql_server import SparqlServer
put = SparqlServer.replace
def die(self, graph, triples):
    if sys.argv[3] == "after":
        put(self, graph, triples)
    os.kill(os.getpid(), 9)
SparqlServer.replace = die
Catalogue(CatalogueFolder(Path(sys.argv[1]))).ingest(Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_ingest_that_is_killed_while_it_sends_is_finished_by_the_next(
    folder: Path, tmp_path: Path, oxigraph_server: OxigraphServer, when: str
) -> None:
    place = settings(folder, oxigraph_server.settings())
    run = nuclei_run(folder)
    crate = run.write(tmp_path / "elsewhere")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_SENDING, str(place.root), str(crate), when], check=False, timeout=120
    )
    assert ended.returncode == -9
    catalogue = Catalogue(place, wait=30)
    assert [one.graph for one in catalogue.waiting()] == [run.iri]
    catalogue.catch_up()
    assert catalogue.waiting() == ()
    once = catalogue.quads()
    assert once
    catalogue.rebuild()
    assert sorted(map(str, catalogue.quads())) == sorted(map(str, once))


# --- what servers do wrong ------------------------------------------------------------------------------------------


@contextmanager
def stand_in(answer: Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """Serve one answer to whatever is asked."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


JSON = {"Content-Type": "application/sparql-results+json"}
ONE_ROW = json.dumps({"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "uri", "value": "a:b"}}]}})


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "message"),
    [
        (200, JSON, b'{"head":{"vars":["s"]},"results":{"bindings":[{"s', ServerError, "broke off in the middle"),
        (200, {"Content-Type": "text/html"}, b"<html>", ServerError, "is no SPARQL 1.1 server: it sent text/html"),
        (200, JSON, b"[]", ServerError, "is no SPARQL 1.1 server"),
        (200, JSON, b'{"head":{}}', ServerError, "is no SPARQL 1.1 server"),
        (200, JSON | {"X-SPARQL-MaxRows": "1"}, ONE_ROW.encode(), ServerError, "ends every answer after 1 rows"),
        (200, JSON | {"X-SQL-State": "S1TAT"}, ONE_ROW.encode(), ServerError, "gave up before its answer was whole"),
        (404, {}, b"", ServerError, "There is no SPARQL 1.1 server that does this"),
        (401, {}, b"", AccessError, "it was asked without a password or token"),
        (302, {"Location": "http://elsewhere.example/"}, b"", ServerError, "which is not followed"),
        (500, {}, b"out of memory", ServerError, "answered 500, 'out of memory'"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(
    tmp_path: Path, status: int, headers: dict[str, str], body: bytes, error: type[Exception], message: str
) -> None:
    with stand_in(lambda _: (status, headers, body)) as address:
        text = f'[sparql]\nquery = "{address}/q"\nstore = "{address}/s"\n'
        with opened(tmp_path, text) as server, pytest.raises(error, match=message):
            server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G)


def test_a_limit_that_is_stated_is_minded(tmp_path: Path) -> None:
    with stand_in(lambda _: (200, JSON, ONE_ROW.encode())) as address:
        text = f'[sparql]\nquery = "{address}/q"\nstore = "{address}/s"\n'
        with opened(tmp_path, text) as server:
            assert server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G).rows == (("a:b",),)
        with opened(tmp_path, text + 'rows = "1"\n') as server, pytest.raises(ServerError, match="after 1 rows"):
            server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G)


@pytest.mark.slow
def test_a_server_that_is_starting_is_asked_again(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.command)
        return (503, {}, b"") if len(seen) < 3 else (200, JSON, ONE_ROW.encode())

    with stand_in(answer) as address:
        text = f'[sparql]\nquery = "{address}/q"\nstore = "{address}/s"\n'
        with opened(tmp_path, text) as server:
            assert server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G).rows == (("a:b",),)
            seen.clear()
            assert len(server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G).rows) == 1
    assert len(seen) == 3


def test_a_graph_that_is_taken_in_by_half_is_told(tmp_path: Path) -> None:
    count = {"head": {"vars": ["n"]}, "results": {"bindings": [{"n": {"type": "literal", "value": "1"}}]}}
    with stand_in(lambda _: (200, JSON, json.dumps(count).encode())) as address:
        text = f'[sparql]\nquery = "{address}/q"\nstore = "{address}/s"\n'
        with opened(tmp_path, text) as server, pytest.raises(ServerError, match=f"has 1 of its {len(TRIPLES)} statem"):
            server.replace(G, TRIPLES)


def test_a_token_is_sent_and_no_password_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.headers["Authorization"])
        return 200, JSON, ONE_ROW.encode()

    home = Path(os.environ["HOME"])
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (home / ".netrc").chmod(0o600)
    with stand_in(answer) as address:
        text = f'[sparql]\ndialect = "qlever"\naddress = "{address}"\n'
        with opened(tmp_path, text) as server:
            server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G)
        monkeypatch.setenv("FILIATION_SPARQL_TOKEN", "t-o-k-e-n")
        with opened(tmp_path, text) as server:
            server.query("SELECT ?s WHERE { ?s ?p ?o }", graph=G)
    assert seen == [None, "Bearer t-o-k-e-n"]


# --- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('dialect = "mysql"\naddress = "http://a"', BadInputError, "dialect is 'mysql'; expected one of oxigraph"),
        ('dialect = "oxigraph"', BadInputError, "does not say where the server is"),
        ('query = "http://a/q"', BadInputError, "does not say where the server is"),
        ('dialect = "oxigraph"\naddress = "a:7878"', BadInputError, "'a:7878' is no address"),
        ('dialect = "oxigraph"\naddress = "http://me:hunter2@a"', BadInputError, "has a user or password in it"),
        ('dialect = "oxigraph"\naddress = "http://a"\npassword = "hunter2"', BadInputError, "not a field that is kn"),
        ('dialect = "oxigraph"\naddress = "http://a"\ntimeout = "soon"', BadInputError, "timeout is 'soon'"),
        ('dialect = "oxigraph"\naddress = "http://a"\nauthentication = "smile"', BadInputError, "authentication is"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_told_without_secrets(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    folder = settings(tmp_path, f"[sparql]\n{text}\n")
    with pytest.raises(error, match=message) as told:
        read_server(folder.root)
    assert "hunter2" not in str(told.value)


def test_a_password_is_read_from_a_file_of_its_owner_alone_and_sent_to_nobody_in_clear(tmp_path: Path) -> None:
    secret = tmp_path / ".filiation" / "password"
    text = '[sparql]\ndialect = "graphdb"\naddress = "{}/repositories/lab"\nuser = "me"\npassword_file = "password"\n'
    folder = settings(tmp_path, text.format("http://localhost:7200"))
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    with pytest.raises(AccessError, match="has the mode 0644; others can reach it"):
        read_server(folder.root)
    secret.chmod(0o600)
    found = read_server(folder.root)
    assert found is not None
    assert (found.secret, found.user, found.query) == ("hunter2", "me", "http://localhost:7200/repositories/lab")
    assert "hunter2" not in repr(found)
    settings(tmp_path, text.format("http://graphs.example.org"))
    with pytest.raises(AccessError, match=r"would go to graphs\.example\.org in clear text"):
        read_server(folder.root)


def test_a_catalogue_from_elsewhere_gets_no_password_of_the_user(tmp_path: Path) -> None:
    own = Path(os.environ["XDG_CONFIG_HOME"]) / "filiation" / "filiation.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[sparql]\ndialect = "virtuoso"\naddress = "https://ours.example"\nuser = "me"\n')
    folder = CatalogueFolder.create(tmp_path / ".filiation")
    found = read_server(folder.root)
    assert found is not None
    assert (found.address, found.user) == ("https://ours.example", "me")
    found = read_server(settings(tmp_path, '[sparql]\ndialect = "virtuoso"\naddress = "https://theirs.example"\n').root)
    assert found is not None
    assert (found.address, found.user) == ("https://theirs.example", "")
