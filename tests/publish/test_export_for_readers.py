"""What others make of an export: the profiles' own checks, a reader of RDF, a browser."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, URIRef

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.reading import iri_of
from filiation.catalogue.vocabulary import one_spelling
from filiation.crate.contexts import inline
from filiation.crate.seals import Signer, seal_crate, verify_crate
from filiation.crate.validation import Severity, validate
from filiation.lineage import Ledger
from filiation.model import run_iri
from filiation.publish.export import ExportReport, ExportSettings, export
from filiation.publish.one_crate import Names, Part
from tests.lineage.crates import CrateBuilder, run_id
from tests.publish.published import LABELS, SOURCE, record_run
from tests.web.browser import chromium, watching

TOOLS = "process-run-crate-0.5_5.1"
OBO = "http://purl.obolibrary.org/obo/"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportReport]:
    """Record a run, and export its labels."""
    home = tmp_path_factory.mktemp("lab")
    Catalogue(CatalogueFolder.create(home / ".filiation")).ingest(record_run(home, home / "crates"))
    ledger = Ledger(home)
    ledger.annotate(SOURCE, "licence=CC0-1.0")
    settings = ExportSettings(keywords=("nuclei", "segmentation"))
    return home, export(ledger, [str(home / LABELS)], home / "out", settings)


def nodes_of(folder: Path) -> dict[str, dict[str, Any]]:
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    return {node["@id"]: node for node in graph}


@pytest.mark.slow(12)
def test_the_profiles_find_nothing_that_could_be_otherwise(exported: tuple[Path, ExportReport]) -> None:
    home, _ = exported
    verdict = validate(home / "out", profile="provenance-run-crate", severity=Severity.RECOMMENDED)
    # A tool should have an address of the web, and a workflow that a crate carries has to have a path: of those two
    # recommendations no crate meets both.
    assert {issue.check for issue in verdict.issues} == {TOOLS}
    assert verdict.valid
    registry = validate(home / "out", profile="workflow-ro-crate", severity=Severity.RECOMMENDED)
    assert registry.issues == ()


@pytest.mark.slow(6)
def test_profile_0_6_is_on_ro_crate_1_3_with_its_own_iris(exported: tuple[Path, ExportReport], tmp_path: Path) -> None:
    home, _ = exported
    export(Ledger(home), [str(home / LABELS)], tmp_path / "out", ExportSettings(profile="0.6"))
    nodes = nodes_of(tmp_path / "out")
    assert nodes["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.3"}
    assert {"@id": "https://w3id.org/ro/wfrun/provenance/0.6"} in nodes["./"]["conformsTo"]
    assert validate(tmp_path / "out", profile="ro-crate-1.3", severity=Severity.REQUIRED).issues == ()
    kinds = {str(value) for _, _, value in statements(tmp_path / "out") if "bioschemas" in str(value)}
    assert {
        "https://bioschemas.org/terms/ComputationalWorkflow",
        "https://bioschemas.org/terms/FormalParameter",
    } <= kinds
    elsewhere = CatalogueFolder.create(tmp_path / "elsewhere")
    Ledger(elsewhere.root).ingest(tmp_path / "out")
    assert len(Ledger(elsewhere.root).trace(str(home / LABELS)).actions) == 2


def statements(folder: Path) -> set[tuple[Any, Any, Any]]:
    """Read a crate's metadata with rdflib and the bundled contexts."""
    document = json.loads((folder / "ro-crate-metadata.json").read_text())
    read = Graph()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of rdflib about itself
        read.parse(data=json.dumps(inline(document)), format="json-ld", publicID=run_iri(run_id(9)))
    return set(read)


@pytest.mark.slow(4)
def test_another_reader_finds_every_statement_of_the_runs_part(exported: tuple[Path, ExportReport]) -> None:
    home, _ = exported
    part = home / "out" / "crates" / run_id(1)
    document = json.loads((part / "ro-crate-metadata.json").read_text())
    carried = {path.relative_to(part).as_posix() for path in part.rglob("*")}
    carried |= {f"{path}/" for path in carried if (part / path).is_dir()}
    names = Names(Part(run_id(1), document, frozenset(carried)))
    base = run_iri(run_id(9))

    def told(term: Any, *, here: bool) -> str:
        if not isinstance(term, URIRef):
            return term.n3()  # type: ignore[no-any-return]
        iri = one_spelling(str(term))
        # Both were read from one base, so that a name of the part is a name of the whole until it is told apart.
        return iri if here else iri_of(names.of(iri.removeprefix(base) or "./"), base)

    whole = {tuple(told(term, here=True) for term in triple) for triple in statements(home / "out")}
    source = [tuple(told(term, here=False) for term in triple) for triple in statements(part)]
    assert len(source) > 250
    assert [triple for triple in source if triple not in whole] == []


def test_what_people_wrote_of_an_image_is_said_in_terms_or_kept_as_text(exported: tuple[Path, ExportReport]) -> None:
    home, report = exported
    told = {(each.field, each.text): (each.iri, each.told_by) for each in report.described}
    assert told == {
        ("organism", "human"): (f"{OBO}NCBITaxon_9606", "sample sheet"),
        ("imaging_method", "confocal"): (f"{OBO}FBbi_00000251", "sample sheet"),
        ("sample_preparation", "PFA 4 %"): (None, "sample sheet"),
        ("licence", "CC0-1.0"): (None, "annotation"),
    }
    nodes = nodes_of(home / "out")
    assert {"@id": f"{OBO}NCBITaxon_9606"} in nodes["./"]["about"]
    assert nodes["./"]["measurementMethod"] == {"@id": f"{OBO}FBbi_00000251"}
    assert nodes[f"{OBO}NCBITaxon_9606"]["scientificName"] == "Homo sapiens"
    (text,) = (node for node in nodes.values() if node.get("propertyID") == "REMBI Specimen: sample preparation")
    assert (text["value"], nodes[SOURCE]["additionalProperty"]) == ("PFA 4 %", {"@id": text["@id"]})
    tool = next(node for node in nodes.values() if node.get("name") == "segment" and "featureList" in node)
    assert tool["featureList"] == {"@id": "http://edamontology.org/operation_Image_segmentation"}
    assert report.licence == "CC-BY-4.0"
    assert [finding.kind for finding in report.licences] == ["unknown"]  # of the workflow's code


def test_an_export_is_sealed_and_verified_like_any_crate(exported: tuple[Path, ExportReport]) -> None:
    home, _ = exported
    seal_crate(home / "out", Signer("Ada", None, None), meaning="published")
    assert verify_crate(home / "out").reason.startswith("Nobody signed seal 1. The bytes are as it lists them")


@pytest.mark.slow(4)
def test_the_page_of_an_export_runs_nothing_and_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>&{{7*7}}'
    run = CrateBuilder(tmp_path)
    run.job(f"cut{hostile}", ("https://omero.example.org/Image/51",), {"results/a.tif": "x"},
            parameters={hostile: hostile}, description=hostile)  # fmt: skip
    Catalogue(CatalogueFolder.create(tmp_path / ".filiation")).ingest(run.write(tmp_path / "crates"))
    settings = ExportSettings(title=f"Title {hostile}", description="javascript:alert(3)", keywords=(hostile,))
    export(Ledger(tmp_path), ["results/a.tif"], tmp_path / "out", settings)
    (tmp_path / "around.html").write_text("<iframe sandbox src='out/ro-crate-preview.html' title='crate'></iframe>")
    with chromium() as browser, watching(browser, "file://") as tab:
        tab.page.goto((tmp_path / "out" / "ro-crate-preview.html").as_uri())
        assert tab.page.inner_text("h1") == f"Title {hostile}"
        assert hostile in tab.page.inner_text("body")
        assert tab.page.evaluate("document.images[0].naturalWidth") > 0
        assert tab.page.evaluate("document.scripts.length + document.images.length") == 1
        tab.page.goto((tmp_path / "around.html").as_uri())
        assert tab.page.frames[1].inner_text("h1") == f"Title {hostile}"
        assert {address.partition(":")[0] for address in tab.asked} <= {"file", "data"}
