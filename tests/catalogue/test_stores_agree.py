"""The same answers from the index, the embedded store, an Oxigraph server and Virtuoso, whatever was run."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.server_settings import read_server
from filiation.catalogue.sparql_server import SparqlServer
from filiation.lineage import Ledger
from filiation.lineage.questions import questions
from tests.lineage.crates import CrateBuilder
from tests.sparql_servers import OxigraphServer, Server

PROV = "http://www.w3.org/ns/prov#"
RAW = ("synthetic:nuclei?seed=1", "synthetic:nuclei?seed=2")
# Virtuoso 7 shows no more than six digits of a number with a point.
NUMBERS = st.integers(-2000, 2000).map(lambda thousandths: thousandths / 1000)
VALUES = st.one_of(st.integers(-5, 5), NUMBERS, st.booleans(), st.text(min_size=1, max_size=6))
JOBS = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["segment", "measure", "überlagern"]),
        "from": st.lists(st.integers(0, 9), min_size=1, max_size=3),
        "contents": st.lists(st.sampled_from(["a", "b", "c", "d e"]), min_size=1, max_size=2),
        "parameters": st.dictionaries(st.sampled_from(["sigma", "model"]), VALUES, max_size=2),
        "status": st.sampled_from(["finished", "finished", "finished", "failed"]),
        "timed": st.booleans(),
    }
)
RUNS = st.lists(st.lists(JOBS, min_size=3, max_size=5), min_size=2, max_size=3)


def build(runs: list[list[dict[str, object]]], place: Path, crates: Path) -> None:
    """Write a crate for each run; they share contents, and so nodes of content."""
    for number, jobs in enumerate(runs, 1):
        run = CrateBuilder(place / f"run{number}", number)
        run.folder.mkdir()
        seen = list(RAW)
        for job, drawn in enumerate(jobs):
            made = {f"out/{job}-{n} ü.txt": text for n, text in enumerate(drawn["contents"])}  # type: ignore[arg-type]
            used = tuple(dict.fromkeys(seen[index % len(seen)] for index in drawn["from"]))  # type: ignore[attr-defined]
            failed = drawn["status"] == "failed"
            run.job(
                str(drawn["rule"]), used, made, parameters=drawn["parameters"], status=str(drawn["status"]),  # type: ignore[arg-type]
                error="it\nfailed" if failed else None, **({} if drawn["timed"] else {"endTime": None}),
            )  # fmt: skip
            seen += [] if failed else made
        run.write(crates)


def catalogues(place: Path, servers: dict[str, Server]) -> dict[str, Catalogue]:
    found = {}
    for name in ("embedded", *servers):
        folder = CatalogueFolder.create(place / name / ".filiation")
        if name in servers:
            (folder.root / "filiation.toml").write_text(servers[name].settings())
            server = read_server(folder.root)
            assert server is not None
            with SparqlServer(server) as emptied:  # of what the example before this one left
                for graph in emptied.graphs():
                    emptied.remove(graph)
        found[name] = Catalogue(folder, wait=60)
    return found


def by_value(rows: tuple[tuple[str, ...], ...]) -> list[tuple[object, ...]]:
    """Return rows without their order, and with numbers as such: Virtuoso keeps no spelling of theirs."""

    def value(text: str) -> str:
        try:
            return f"{float(text):.9g}"
        except ValueError:
            return text

    return sorted(tuple(value(cell) for cell in row) for row in rows)


@pytest.mark.slow
@settings(
    max_examples=4,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(runs=RUNS)
def test_every_question_has_the_same_answer_in_every_store_and_in_the_index(
    request: pytest.FixtureRequest, oxigraph_server: OxigraphServer, runs: list[list[dict[str, object]]]
) -> None:
    servers: dict[str, Server] = {"oxigraph": oxigraph_server}
    if shutil.which("virtuoso-t") is not None:
        servers["virtuoso"] = request.getfixturevalue("virtuoso_server")
    with tempfile.TemporaryDirectory() as name:
        stores = catalogues(Path(name), servers)
        build(runs, Path(name), stores["embedded"].folder.crates)
        for store, catalogue in stores.items():
            if store in servers:
                shutil.copytree(stores["embedded"].folder.crates, catalogue.folder.crates, dirs_exist_ok=True)
            assert catalogue.rebuild().problems == ()
            assert catalogue.waiting() == ()
        one = f"arcp://uuid,00000001-0000-4000-8000-{1:012x}/"
        for question in questions():
            for graph in (None, one):
                said = {
                    store: by_value(question.answer(catalogue, graph, {}).as_text())
                    for store, catalogue in stores.items()
                }
                assert all(rows == said["embedded"] for rows in said.values()), (question.name, graph, said)
        raws = RAW if all(used_in(stores["embedded"], raw) for raw in RAW) else ()
        made = sorted(answered(stores["embedded"], "SELECT DISTINCT ?e WHERE { ?e prov:wasGeneratedBy ?a }"))[-4:]
        for store, catalogue in stores.items():
            agree_with_index(store, catalogue, [*made, *raws])


def answered(catalogue: Catalogue, query: str) -> set[str]:
    """Return the first column of an answer of the catalogue's store."""
    rows = catalogue.query(f"PREFIX prov: <{PROV}> PREFIX f: <https://w3id.org/ro/terms/filiation#> {query}").rows
    return {str(row[0]) for row in rows}


def used_in(catalogue: Catalogue, thing: str) -> bool:
    return bool(answered(catalogue, f"SELECT ?a WHERE {{ ?a prov:used <{thing}> }}"))


def agree_with_index(store: str, catalogue: Catalogue, things: list[str]) -> None:
    """Ask the index, by the ledger, and the store, by SPARQL, for the same."""
    ledger = Ledger(catalogue.folder.root)
    step = "(prov:wasGeneratedBy/prov:used)"
    for thing in things:
        for walk, path in ((ledger.trace, f"<{thing}> {step}+ ?other"), (ledger.impact, f"?other {step}+ <{thing}>")):
            told = {entity.iri for entity in walk(thing).entities} - {thing}
            assert answered(catalogue, f"SELECT DISTINCT ?other WHERE {{ {path} }}") == told, (store, thing, path)
    for origin, result in product(RAW, things):
        jobs = steps_between(catalogue, origin, result)
        if jobs:
            assert ledger.path(origin, result).jobs == jobs, (store, origin, result)
    failed = answered(catalogue, 'SELECT DISTINCT ?a WHERE { ?a f:jobNumber ?n ; f:status "failed" }')
    assert {node.iri for node in ledger.find("action", "status=failed").nodes} == failed
    made = answered(catalogue, "SELECT DISTINCT ?e WHERE { ?e prov:wasGeneratedBy ?a }")
    assert ledger.find("entity", "made=yes").total == len(made)
    endless = "SELECT DISTINCT ?a WHERE { ?a f:jobNumber ?n MINUS { ?a prov:endedAtTime ?t } }"
    gaps = {iri for gap in ledger.gaps("no time").found for iri in gap.iris}
    assert gaps == answered(catalogue, endless), store


def steps_between(catalogue: Catalogue, origin: str, result: str) -> int:
    """Return over how many jobs at least a thing came of another, from the store's single steps; 0 if it did not."""
    query = f"SELECT ?e ?u WHERE {{ ?e <{PROV}wasGeneratedBy> ?a . ?a <{PROV}used> ?u }}"
    above = defaultdict(set)
    for made, used in catalogue.query(query).rows:
        above[str(made)].add(str(used))
    reached, steps = {result}, 0
    while reached and origin not in reached:
        reached, steps = {used for thing in reached for used in above[thing]}, steps + 1
    return steps if reached and origin != result else 0
