"""The eleven competency questions and our own, on a crate that has everything, and free SPARQL."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.errors import BadInputError, NotFoundError, QueryEndedError
from filiation.lineage import Ledger
from tests.lineage.crates import nuclei_run

RUN = "arcp://uuid,00000001-0000-4000-8000-000000000001/"


WORKFLOW_RUN = "https://w3id.org/ro/terms/workflow-run/context"
OVER_HTTPS = {
    term: f"https://schema.org/{term}"
    for term in (
        "name", "object", "result", "instrument", "mainEntity", "actionStatus", "error", "startTime", "endTime",
        "value", "softwareRequirements", "exampleOfWork", "workExample", "CreateAction", "OrganizeAction",
    )
}  # fmt: skip
GENERATIONS: Mapping[str, tuple[list[object], str]] = {
    "0.1": (["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run"], "0.1"),
    "0.5": (["https://w3id.org/ro/crate/1.1/context", WORKFLOW_RUN], "0.5"),
    "0.5 on RO-Crate 1.2": (["https://w3id.org/ro/crate/1.2/context", WORKFLOW_RUN], "0.5"),
    "0.6": (["https://w3id.org/ro/crate/1.3/context", WORKFLOW_RUN], "0.6"),
    "https": (["https://w3id.org/ro/crate/1.1/context", WORKFLOW_RUN, OVER_HTTPS], "0.4"),
}
"""The contexts that crates of each generation name, and the version of the profiles that they claim."""


def full_crate(crates: Path, generation: str = "0.5", run: str = RUN) -> None:
    """Write a crate that uses everything the questions ask about."""
    action = {
        "@id": "#job-1-attempt-1",
        "@type": "CreateAction",
        "name": "segment (sample=a)",
        "instrument": {"@id": "#tool-segment"},
        "object": [{"@id": "raw.tif"}, {"@id": "#sigma-value"}, {"@id": "tool.yaml"}],
        "result": {"@id": "labels.tif"},
        "startTime": "2026-03-01T10:00:00+01:00",
        "endTime": "2026-03-01T10:01:30+01:00",
        "containerImage": {"@id": "#image"},
        "resourceUsage": {"@id": "#memory"},
        "host": "node1",
        "cpu": "AMD EPYC 9654",
        "cpus": 16,
        "gpus": "2 x NVIDIA H200",
        "gpuDriver": "550.90.07",
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    graph = [
        {"@id": "./", "@type": "Dataset", "name": "run", "mainEntity": {"@id": "Snakefile"}, "runId": run[12:-1],
         "conformsTo": [{"@id": f"https://w3id.org/ro/wfrun/{profile}/{GENERATIONS[generation][1]}"}
                        for profile in ("process", "workflow", "provenance")]},
        {
            "@id": "Snakefile",
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": "demo",
            "version": "abc123",
            "input": [{"@id": "#wf-sigma"}, {"@id": "#wf-raw"}],
            "output": {"@id": "#wf-labels"},
            "hasPart": {"@id": "#tool-segment"},
            "step": {"@id": "#step-segment"},
            "buildInstructions": {"@id": "envs/all.yaml"},
        },
        *({"@id": f"#wf-{name}", "@type": "FormalParameter", "name": name} for name in ("sigma", "raw", "labels")),
        *({"@id": f"#seg-{name}", "@type": "FormalParameter", "name": name} for name in ("sigma", "image")),
        {
            "@id": "#tool-segment",
            "@type": "SoftwareApplication",
            "name": "segment",
            "softwareVersion": "1.2",
            "mainEntity": {"@id": "segment.py"},
            "softwareRequirements": {"@id": "#skimage"},
            "input": [{"@id": "#seg-sigma"}, {"@id": "#seg-image"}],
        },
        {"@id": "#skimage", "@type": "SoftwareApplication", "name": "scikit-image", "version": "0.26.0"},
        {"@id": "segment.py", "@type": ["File", "SoftwareSourceCode"], "sha256": "0" * 64},
        {
            "@id": "#step-segment",
            "@type": "HowToStep",
            "name": "segment",
            "workExample": {"@id": "#tool-segment"},
            "buildInstructions": {"@id": "envs/segment.yaml"},
        },
        {"@id": "#c", "@type": "ParameterConnection", "sourceParameter": {"@id": "#wf-sigma"},
         "targetParameter": {"@id": "#seg-sigma"}},
        {"@id": "raw.tif", "@type": "File", "name": "raw.tif", "encodingFormat": "image/tiff",
         "exampleOfWork": [{"@id": "#wf-raw"}, {"@id": "#seg-image"}]},
        {"@id": "labels.tif", "@type": "File", "name": "labels.tif", "exampleOfWork": {"@id": "#wf-labels"}},
        {"@id": "tool.yaml", "@type": "File", "encodingFormat": "application/yaml"},
        {"@id": "profile.yaml", "@type": "File", "encodingFormat": "application/yaml"},
        *({"@id": f"envs/{name}.yaml", "@type": "File"} for name in ("all", "segment")),
        {"@id": "#sigma-value", "@type": "PropertyValue", "name": "sigma", "value": 1.5,
         "exampleOfWork": [{"@id": "#wf-sigma"}, {"@id": "#seg-sigma"}]},
        {"@id": "#image", "@type": "ContainerImage", "name": "segmenter", "registry": "example.org", "tag": "1.0",
         "sha256": "1" * 64},
        {"@id": "#memory", "@type": "PropertyValue", "name": "peak memory", "value": 12.5, "propertyID": "https://m",
         "unitCode": "http://qudt.org/vocab/unit/MegaBYTE"},
        action,
        {"@id": "#job-2-attempt-1", "@type": "CreateAction", "name": "measure (sample=a)",
         "instrument": {"@id": "#tool-measure"}, "actionStatus": {"@id": "http://schema.org/FailedActionStatus"},
         "error": "no such column"},
        {"@id": "#tool-measure", "@type": "SoftwareApplication", "name": "measure"},
        {"@id": "#run", "@type": "CreateAction", "name": "all", "instrument": {"@id": "Snakefile"},
         "object": [{"@id": "raw.tif"}, {"@id": "#sigma-value"}], "result": {"@id": "labels.tif"},
         "startTime": "2026-03-01T09:00:00Z", "endTime": "2026-03-01T09:02:00Z",
         "actionStatus": {"@id": "http://schema.org/FailedActionStatus"}, "error": "one job failed"},
        {"@id": "#engine", "@type": "OrganizeAction", "name": "Snakemake", "object": {"@id": "profile.yaml"},
         "result": {"@id": "#run"}},
    ]  # fmt: skip
    terms = {
        **{
            term: f"https://w3id.org/ro/terms/filiation#{term}" for term in ("host", "cpu", "cpus", "gpus", "gpuDriver")
        },
        "runId": "https://w3id.org/ro/terms/filiation#runId",
        "buildInstructions": "https://codemeta.github.io/terms/buildInstructions",
    }
    context = [*GENERATIONS[generation][0], terms]
    crate = crates / f"full-{run[12:20]}"
    crate.mkdir(parents=True)
    (crate / "ro-crate-metadata.json").write_text(json.dumps({"@context": context, "@graph": graph}))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Return the ledger of a catalogue with both runs, for tests that only ask."""
    folder = tmp_path_factory.mktemp("project")
    catalogue = CatalogueFolder.create(folder / ".filiation")
    full_crate(catalogue.crates)
    nuclei_run(folder, 2).write(catalogue.crates)
    return Ledger(catalogue.root)


JOB = f"{RUN}#job-1-attempt-1"
EXPECTED: Mapping[str, set[tuple[str, ...]]] = {
    "cq1": {(RUN, JOB, f"{RUN}#image", "segmenter", "example.org", "1.0", "1" * 64, "")},
    "cq2": {
        (RUN, JOB, "segment (sample=a)", "peak memory", "12.5", "http://qudt.org/vocab/unit/MegaBYTE", "https://m", "")
    },
    "cq3": {
        (RUN, f"{RUN}#engine", "Snakemake", f"{RUN}profile.yaml", "application/yaml"),
        (RUN, JOB, "segment (sample=a)", f"{RUN}tool.yaml", "application/yaml"),
    },
    "cq4": {
        (RUN, f"{RUN}Snakefile", "demo", f"{RUN}envs/all.yaml"),
        (RUN, f"{RUN}#step-segment", "segment", f"{RUN}envs/segment.yaml"),
        (RUN, f"{RUN}#step-segment", "segment", f"{RUN}#image"),
    },
    "cq5": {(RUN, "segment", JOB, "segment (sample=a)", "2026-03-01T09:00:00Z", "2026-03-01T09:01:30Z", "PT1M30S")},
    "cq6": {(RUN, "demo", "2026-03-01T09:00:00Z", "2026-03-01T09:02:00Z", "PT2M")},
    "cq7": {(RUN, "false", "FailedActionStatus", "one job failed", "measure (sample=a)", "no such column")},
    "cq8": {
        (RUN, "input", f"{RUN}raw.tif", "raw.tif", "", "raw"),
        (RUN, "input", f"{RUN}raw.tif", "raw.tif", "", "image"),
        (RUN, "input", f"{RUN}#sigma-value", "sigma", "1.5", "sigma"),
        (RUN, "output", f"{RUN}labels.tif", "labels.tif", "", "labels"),
    },
    "cq9": {
        (RUN, "demo", "demo", "abc123", ""),
        (RUN, "segment", "segment", "1.2", ""),
        (RUN, "segment", "scikit-image", "0.26.0", ""),
    },
    "cq10": {(RUN, "segment", f"{RUN}segment.py", "0" * 64)},
    "cq11": {
        (RUN, "sigma", "sigma", JOB, "segment (sample=a)", "1.5"),
        (RUN, "", "image", JOB, "segment (sample=a)", f"{RUN}raw.tif"),
    },
}


@pytest.mark.slow
def test_every_competency_question_is_answered_over_one_crate(ledger: Ledger) -> None:
    for name, expected in EXPECTED.items():
        assert set(ledger.ask(name, run="00000001").as_text()) == expected, name


@pytest.mark.slow
def test_every_competency_question_is_answered_for_crates_of_every_generation(catalogue: Catalogue) -> None:
    runs = {generation: RUN.replace("00000001-", f"0000001{number}-") for number, generation in enumerate(GENERATIONS)}
    for generation, run in runs.items():
        full_crate(catalogue.folder.crates, generation, run)
    ledger = Ledger(catalogue.folder.root)
    assert len(EXPECTED) == 11
    for name, expected in EXPECTED.items():
        answered = ledger.ask(name).as_text()
        for generation, run in runs.items():
            rows = {row for row in answered if row[0] == run}
            assert rows == {tuple(cell.replace(RUN, run) for cell in row) for row in expected}, (name, generation)


@pytest.mark.slow
def test_three_jobs_of_a_rule_give_three_durations(catalogue: Catalogue, folder: Path) -> None:
    run = nuclei_run(folder)
    for number in (2, 3):
        run.job("segment", (), {f"more{number}.txt": "x"})
    run.write(catalogue.folder.crates)
    rows = Ledger(catalogue.folder.root).ask("cq5").as_text()
    assert [row[6] for row in rows if row[1] == "segment"] == ["PT30S"] * 3


@pytest.mark.slow
def test_what_the_run_does_not_have_is_empty_and_not_invented(ledger: Ledger) -> None:
    for name in ("cq1", "cq2", "cq3", "cq4", "cq10"):
        assert ledger.ask(name, run="00000002").rows == ()


def test_sources_are_what_no_known_run_made(ledger: Ledger) -> None:
    assert {row[0] for row in ledger.ask("sources").as_text()} == {
        "skimage:immunohistochemistry",
        f"{RUN}raw.tif",
        f"{RUN}tool.yaml",
    }


def test_a_question_takes_values_as_terms_and_never_as_text(ledger: Ledger) -> None:
    rows = ledger.ask("parameters", given={"component": "segment"}).as_text()
    assert {(row[1], row[4], row[5]) for row in rows} == {
        ("segment", "sigma", "1.5"), ("segment", "sigma", "1"), ("segment", "method", "otsu"),
    }  # fmt: skip
    asked = {(row[4], row[6]) for row in rows}
    assert asked == {("sigma", "2"), ("method", "otsu"), ("sigma", "")}, "as plain as the value beside it"
    for hostile in ('segment" . ?x ?y ?z . #', "segment'}", "\\", "}}"):
        assert ledger.ask("parameters", given={"component": hostile}).rows == ()
    with pytest.raises(BadInputError) as caught:
        ledger.ask("parameters", given={"rule": "segment"})
    assert str(caught.value) == "The question parameters takes component; given was rule."


def test_processors_and_gpus_are_answered_for_each_action(ledger: Ledger) -> None:
    rows = ledger.ask("machines", run="00000001").as_text()
    assert rows == (
        (RUN, JOB, "segment (sample=a)", "node1", "", "AMD EPYC 9654", "16", "2 x NVIDIA H200", "550.90.07", ""),
    )
    action, _ = ledger.show("00000001").actions
    assert ("gpu", "2 x NVIDIA H200, driver 550.90.07") in action.environment


def test_an_unknown_question_lists_those_there_are(ledger: Ledger) -> None:
    with pytest.raises(
        NotFoundError, match=r"No question 'cq12'. There are: cq1, cq2, .*cq11, annotations, copies, failed"
    ):
        ledger.ask("cq12")


def test_every_question_says_what_it_is_and_orders_its_rows(ledger: Ledger) -> None:
    for question in ledger.questions():
        assert question.title.endswith("?")
        assert "ORDER BY" in question.query
        answer = ledger.ask(question.name)
        assert answer.columns == question.columns
        assert answer.title == question.title
    names = [path.name for path in files("filiation.lineage.questions").iterdir() if path.name.endswith(".rq")]
    assert len(names) == len(ledger.questions())


@pytest.mark.slow
def test_free_sparql_answers_over_all_graphs(ledger: Ledger) -> None:
    answer = ledger.sparql("SELECT (COUNT(DISTINCT ?g) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }")
    assert answer.as_text() == (("2",),)
    assert ledger.sparql("ASK { ?s ?p ?o }").as_text() == (("true",),)
    assert ledger.sparql("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 2").columns == (
        "subject",
        "predicate",
        "object",
    )


def test_more_rows_than_the_limit_are_said_to_be(ledger: Ledger) -> None:
    answer = ledger.sparql("SELECT * WHERE { ?s ?p ?o }", limit=3)
    assert (len(answer.rows), answer.truncated) == (3, True)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("SELECT * WHERE { SERVICE <http://localhost:1/> { ?s ?p ?o } }", "SERVICE"),
        ("SELECT * WHERE { sErViCe SILENT <http://localhost:1/> { ?s ?p ?o } }", "SERVICE"),
        ('SELECT * WHERE { ?s ?p "#" . SERVICE <http://localhost:1/> { ?s ?p ?o } }', "SERVICE"),
        ("SELECT * WHERE { ?s ?p '''a'' ' \\''' . SERVICE <x:> { ?s ?p ?o } }", "SERVICE"),
        ("SELECT * WHERE { ?s ?p ex:it\\'s . SERVICE <x:> { ?s ?p 'o' } }", "SERVICE"),
        ("SELECT * FROM <file:///etc/passwd> WHERE { ?s ?p ?o }", "FROM"),
        ("LOAD <http://localhost:1/>", "LOAD"),
        ("DROP ALL", "DROP"),
        ("INSERT DATA { <a:> <b:> <c:> }", "INSERT"),
        ("DELETE WHERE { ?s ?p ?o }", "DELETE"),
    ],
)
def test_what_reaches_beyond_the_catalogue_is_refused(ledger: Ledger, query: str, word: str) -> None:
    with pytest.raises(BadInputError, match=f"^{word} is refused in a query: "):
        ledger.sparql(query)


def test_words_in_names_texts_and_comments_are_no_keywords(ledger: Ledger) -> None:
    query = """PREFIX service: <http://example.org/service#> # FROM here
    SELECT ?from WHERE { ?from service:load "SERVICE", 'DROP' ; <http://example.org/FROM> ?insert }"""
    assert ledger.sparql(query).rows == ()


def children() -> list[str]:
    """Return the command lines of the processes that this one started and that run still."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = status.read_text().rpartition(")")[2].split()[1]
            found += [status.with_name("cmdline").read_text()] if parent == str(os.getpid()) else []
    return found


@pytest.mark.slow
def test_a_query_that_takes_too_long_is_ended(ledger: Ledger) -> None:
    slow = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    with pytest.raises(BadInputError, match=r"The query took longer than 1\.5 s and was ended"):
        ledger.sparql(slow, timeout=1.5)
    assert [process for process in children() if "sparql_process" in process] == [], "nothing goes on with it"
    assert ledger.ask("cq7").rows


@pytest.mark.slow
def test_a_query_that_takes_too_much_memory_is_ended(ledger: Ledger) -> None:
    doubled = " ".join(f"BIND(CONCAT(?x{n}, ?x{n}) AS ?x{n + 1})" for n in range(32))
    with pytest.raises(QueryEndedError, match=r"The query took more than 1 GB of memory and was ended"):
        ledger.sparql(f'SELECT (STRLEN(?x32) AS ?n) WHERE {{ BIND("x" AS ?x0) {doubled} }}', memory=1024**3)


def test_the_process_of_a_query_reaches_no_server_even_if_no_word_was_refused(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        task = {
            "folder": str(ledger.folder),
            "as_of": None,
            "query": f"SELECT * WHERE {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
            **{"limit": 9, "memory": 4 * 1024**3, "seconds": 60, "characters": 1000},
        }
        done = subprocess.run(
            [sys.executable, "-m", "filiation.lineage.sparql_process"],
            input=json.dumps(task), capture_output=True, text=True, check=False,
        )  # fmt: skip
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert "ermission denied" in done.stdout + done.stderr


def test_what_is_no_query_is_said_in_words(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="This is not a SPARQL query: error at 1:"):
        ledger.sparql("SELECT WHERE")
    with pytest.raises(BadInputError, match="Write characters themselves"):
        ledger.sparql('SELECT ("\\u0022" AS ?x) WHERE { }')


# rdflib 7.6 warns of its own use of what it has deprecated.
@pytest.mark.filterwarnings("ignore:Dataset.default_context is deprecated")
def test_the_graphs_are_handed_over_as_rdflib(ledger: Ledger) -> None:
    from rdflib import PROV, Dataset, URIRef

    dataset = ledger.rdf()
    assert isinstance(dataset, Dataset)
    assert {str(graph.identifier) for graph in dataset.graphs() if len(graph)} >= {RUN}
    assert list(dataset.objects(URIRef(f"{RUN}labels.tif"), PROV.wasGeneratedBy)) == [URIRef(JOB)]
