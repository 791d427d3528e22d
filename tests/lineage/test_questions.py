"""The eleven competency questions and our own, on a crate that has everything, and free SPARQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger
from tests.lineage.crates import nuclei_run

RUN = "arcp://uuid,00000001-0000-4000-8000-000000000001/"


def full_crate(folder: Path, crates: Path, version: str) -> None:
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
        {"@id": "./", "@type": "Dataset", "name": "run", "mainEntity": {"@id": "Snakefile"}, "runId": RUN[12:-1]},
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
    context = [f"https://w3id.org/ro/crate/{version}/context", "https://w3id.org/ro/terms/workflow-run/context", terms]
    crate = crates / "full"
    crate.mkdir(parents=True)
    (crate / "ro-crate-metadata.json").write_text(json.dumps({"@context": context, "@graph": graph}))


@pytest.fixture(scope="module", params=["1.1", "1.3"])
def ledger(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ledger:
    """Return the ledger of a catalogue with both runs, for tests that only ask."""
    folder = tmp_path_factory.mktemp("project")
    catalogue = CatalogueFolder.create(folder / ".filiation")
    full_crate(folder, catalogue.crates, request.param)
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
    "cq7": {(RUN, "false", "FailedActionStatus", "one job failed")},
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


@pytest.mark.parametrize("name", EXPECTED)
def test_a_competency_question_is_answered_over_one_crate_and_over_all(ledger: Ledger, name: str) -> None:
    assert set(ledger.ask(name, run="00000001").as_text()) == EXPECTED[name]
    everything = set(ledger.ask(name).as_text())
    assert everything >= EXPECTED[name]
    assert {row for row in everything if row[0] == RUN} == EXPECTED[name]


def test_three_jobs_of_a_rule_give_three_durations(catalogue: Catalogue, folder: Path) -> None:
    run = nuclei_run(folder)
    for number in (2, 3):
        run.job("segment", (), {f"more{number}.txt": "x"})
    run.write(catalogue.folder.crates)
    rows = Ledger(catalogue.folder.root).ask("cq5").as_text()
    assert [row[6] for row in rows if row[1] == "segment"] == ["PT30S"] * 3


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
    (action,) = ledger.show("00000001").actions
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


def test_a_query_that_takes_too_long_is_ended(ledger: Ledger) -> None:
    slow = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    with pytest.raises(BadInputError, match=r"The query took longer than 1\.5 s and was ended"):
        ledger.sparql(slow, timeout=1.5)
    assert ledger.ask("cq7").rows


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
