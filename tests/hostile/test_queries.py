"""Queries made to harm: of free SPARQL, and through what a question or a command is given."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.catalogue import CatalogueFolder
from filiation.errors import BadInputError, FiliationError
from filiation.lineage import Ledger
from filiation.lineage.sparql import refuse_beyond
from tests.examples import examples
from tests.lineage.crates import nuclei_run
from tests.lineage.test_questions import children

QUOTES = (
    '"', "'", "\\", "}", "{", ">", "<", "#", "\n", "\r", "?", "$", ".", ";", " ", "UNION", "SERVICE", "DROP ALL",
    "'''", '"""', "\\u0022", "\x00", "\ud800",
)  # fmt: skip
hostile = st.lists(st.sampled_from(QUOTES) | st.text(max_size=4), max_size=8).map("".join)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    folder = tmp_path_factory.mktemp("project")
    catalogue = CatalogueFolder.create(folder / ".filiation")
    nuclei_run(folder, 1).write(catalogue.crates)
    made = Ledger(catalogue.root)
    assert made.ask("cq5").rows
    return made


def crates_of(ledger: Ledger) -> dict[str, str]:
    files = sorted(path for path in (ledger.folder / "crates").rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def count(ledger: Ledger) -> str:
    return ledger.sparql("SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }").as_text()[0][0]


@pytest.mark.slow
@given(value=hostile)
@settings(max_examples=examples(60))
def test_no_value_becomes_part_of_a_question(ledger: Ledger, value: str) -> None:
    try:
        rows = ledger.ask("parameters", given={"component": value}).rows
    except FiliationError:
        return
    assert rows == ()


@given(value=hostile)
@settings(max_examples=examples(60))
def test_no_name_that_is_asked_for_becomes_part_of_a_question(ledger: Ledger, value: str) -> None:
    try:
        found = ledger.trace(value)
    except FiliationError:
        return
    assert found.thing


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        yield server


def test_updates_and_other_servers_are_refused_and_nothing_is_called_or_changed(
    ledger: Ledger, listener: socket.socket
) -> None:
    address = f"<http://127.0.0.1:{listener.getsockname()[1]}/>"
    everything = "{ ?s ?p ?o }"
    before, told = crates_of(ledger), count(ledger)
    for query in (
        f"SELECT * WHERE {{ SERVICE {address} {everything} }}",
        f"SELECT * WHERE {{ {{ SELECT * {{ SERVICE SILENT {address} {everything} }} }} }}",
        f"SELECT*{{SERVICE{address}{everything}}}",
        f"SELECT * WHERE {{ BIND({address} AS ?x) SERVICE ?x {everything} }}",
        f"SELECT * FROM {address} WHERE {everything}",
        f"SELECT * FROM NAMED {address} WHERE {everything}",
        f"ASK FROM <file:///etc/passwd> {everything}",
        f"DESCRIBE * FROM {address} WHERE {everything}",
        f"LOAD {address}",
        f"LOAD SILENT {address} INTO GRAPH <urn:x>",
        "CREATE GRAPH <urn:x>",
        "DROP ALL",
        "CLEAR DEFAULT",
        "COPY DEFAULT TO <urn:x>",
        "MOVE <urn:x> TO <urn:y>",
        "ADD <urn:x> TO <urn:y>",
        "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
        f"INSERT {everything} WHERE {everything}",
        f"WITH <urn:x> DELETE {everything} WHERE {everything}",
        f"DELETE WHERE {everything}",
        f"SELECT * WHERE {everything} ; DROP ALL",
        f"# SELECT\nDROP ALL # {everything}",
        "PREFIX a: <urn:a#> DROP ALL",
        "\ufeffDROP ALL",
        "DR\\u004FP ALL",
    ):
        with pytest.raises(BadInputError):
            ledger.sparql(query)
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert crates_of(ledger) == before
    assert count(ledger) == told


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }",
        "CONSTRUCT { ?a ?b ?l } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l "
        'FILTER(CONCAT(STR(?a), STR(?d), STR(?g), STR(?j)) = "x") }',
        "SELECT (COUNT(*) AS ?n) WHERE { ?a (!<urn:x>|^!<urn:x>)+ ?b . ?c (!<urn:x>|^!<urn:x>)+ ?d . "
        "?e (!<urn:x>|^!<urn:x>)+ ?f }",
    ],
    ids=["cross product", "construct", "paths"],
)
def test_a_query_that_would_not_end_is_ended_and_others_are_answered(ledger: Ledger, query: str) -> None:
    with pytest.raises(BadInputError, match=r"took longer than 2 s and was ended|could not be answered"):
        ledger.sparql(query, timeout=2)
    assert [process for process in children() if "sparql_process" in process] == [], "nothing goes on with it"
    assert ledger.ask("cq5").rows


def test_a_regular_expression_cannot_run_away(ledger: Ledger) -> None:
    evil = f'SELECT (COUNT(*) AS ?n) WHERE {{ BIND("{"a" * 5000}!" AS ?x) ?s ?p ?o FILTER(REGEX(?x, "^(a+)+$")) }}'
    assert ledger.sparql(evil).as_text() == (("0",),)


def test_many_values_and_rows_are_cut_and_it_is_said(ledger: Ledger) -> None:
    values = " ".join(f"<urn:{number}>" for number in range(20_000))
    answer = ledger.sparql(f"SELECT * WHERE {{ VALUES ?x {{ {values} }} VALUES ?y {{ {values} }} }}", limit=100)
    assert (len(answer.rows), answer.truncated) == (100, True)
    constructed = ledger.sparql(
        f"CONSTRUCT {{ ?x <urn:p> ?y }} WHERE {{ VALUES ?x {{ {values} }} VALUES ?y {{ {values} }} }}", limit=100
    )
    assert (len(constructed.rows), constructed.truncated) == (100, True)


@given(st.text())
def test_whatever_is_asked_is_read_word_by_word_to_its_end(query: str) -> None:
    try:
        refuse_beyond(query)
    except BadInputError:
        return


@pytest.mark.parametrize("depth", [2000])
def test_a_query_nested_as_deep_as_nobody_would_is_one_message(ledger: Ledger, depth: int) -> None:
    with pytest.raises(BadInputError):
        ledger.sparql("SELECT * WHERE " + "{" * depth + " ?s ?p ?o " + "}" * (depth - 1))
    assert Path(ledger.folder).is_dir()
