"""What others make of an export: the profiles' own checks, a reader of RDF, a browser."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rdflib import Graph, URIRef

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.reading import iri_of
from filiation.catalogue.vocabulary import one_spelling
from filiation.crate.contexts import inline
from filiation.crate.seals import Signer, seal_crate, verify_crate
from filiation.crate.validation import Severity, bundled_web_only, validate
from filiation.digest import digest_tree
from filiation.errors import InvalidCrateError
from filiation.lineage import Ledger
from filiation.model import run_iri
from filiation.publish.export import ExportReport, ExportSettings, export
from filiation.publish.importing import import_crate
from filiation.publish.one_crate import Names, Part, merge_parts
from filiation.publish.terms import OneContext
from filiation.publish.web_names import names_told, tell_copy, web_names
from tests.lineage.crates import CrateBuilder, run_id
from tests.publish.published import LABELS, SOURCE, record_run
from tests.publish.test_export import without_places
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
def test_the_profiles_find_nothing_but_the_path_of_a_workflow_that_is_carried(
    exported: tuple[Path, ExportReport],
) -> None:
    home, _ = exported
    verdict = validate(home / "out", profile="provenance-run-crate", severity=Severity.RECOMMENDED)
    # A tool should have an address of the web, and a workflow that a crate carries has to have a path: of those two
    # recommendations no crate meets both, the minimal one in tests/crate as little as the profiles' own examples.
    assert [(issue.check, issue.entity) for issue in verdict.issues] == [(TOOLS, f"crates/{run_id(1)}/work/Snakefile")]
    assert verdict.valid
    registry = validate(home / "out", profile="workflow-ro-crate", severity=Severity.RECOMMENDED)
    assert registry.issues == ()
    tool = next(node for at, node in nodes_of(home / "out").items() if at.endswith("/tool-segment"))
    assert tool["@id"] == f"https://archive.softwareheritage.org/swh:1:dir:{'5' * 40}#{run_id(1)}/tool-segment"
    assert tool["nameInRun"] == f"{run_iri(run_id(1))}#tool-segment"


@pytest.mark.slow(20)
def test_a_workflow_that_is_published_gives_a_crate_in_which_the_profiles_find_nothing(tmp_path: Path) -> None:
    Catalogue(CatalogueFolder.create(tmp_path / ".filiation")).ingest(record_run(tmp_path, tmp_path / "crates"))
    ledger = Ledger(tmp_path)
    with serving(tmp_path) as (address, asked):
        place = f"{address}/Snakefile"
        export(ledger, [str(tmp_path / LABELS)], tmp_path / "out", ExportSettings(workflow_at=place))
        # Whoever has a network asks the address; whoever has none sees that the crate holds what is there.
        assert found_with_a_network(tmp_path / "out", tmp_path / "cache") == []
        assert set(asked) == {"HEAD /Snakefile"}
        asked.clear()
        verdict = validate(tmp_path / "out", profile="provenance-run-crate", severity=Severity.RECOMMENDED)
        assert (verdict.issues, asked) == ((), [])
    nodes = nodes_of(tmp_path / "out")
    assert nodes["./"]["mainEntity"] == {"@id": place}
    assert nodes[place]["nameInRun"] == f"{run_iri(run_id(1))}work/Snakefile"
    copy = nodes[f"crates/{run_id(1)}/work/Snakefile"]
    assert (copy["sameAs"], copy["sha256"]) == ({"@id": place}, nodes[place]["sha256"])
    elsewhere = CatalogueFolder.create(tmp_path / "elsewhere")
    assert {outcome for _, outcome in import_crate(Catalogue(elsewhere), tmp_path / "out").runs} == {"new"}
    digest = str(digest_tree(tmp_path / LABELS).digest)
    there, here = (Ledger(at).trace(digest).to_json() for at in (elsewhere.root, tmp_path))
    assert without_places(there) == without_places(here)
    # A copy that is another file says nothing about what is at the address.
    (tmp_path / "out" / "crates" / run_id(1) / "work" / "Snakefile").write_text("else")
    assert not validate(tmp_path / "out", profile="workflow-ro-crate").valid


def test_a_workflow_that_two_runs_share_is_one_and_each_run_has_tools_of_its_own(
    exported: tuple[Path, ExportReport],
) -> None:
    home, _ = exported
    document = json.loads((home / "out" / "crates" / run_id(1) / "ro-crate-metadata.json").read_text())
    place = "https://example.org/Snakefile"
    names = {run: web_names(document, run, place) for run in (run_id(1), run_id(2))}
    carried = frozenset({"work/Snakefile"})
    parts = [Part(run, document, carried, addresses=names[run]) for run in names]
    whole = merge_parts(parts, OneContext(document["@context"]))
    assert whole[place]["nameInRun"] == [f"{run_iri(run)}work/Snakefile" for run in names]
    assert len(whole[place]["hasPart"]) == 4
    for part in parts:
        tell_copy(whole, place, part.folder, part.carried, part.addresses)
        assert whole[f"{part.folder}work/Snakefile"]["sameAs"] == {"@id": place}
        assert names_told(whole.values(), part.run, document) == part.addresses


def test_a_program_that_an_export_calls_by_two_names_is_refused(
    exported: tuple[Path, ExportReport], tmp_path: Path
) -> None:
    home, _ = exported
    shutil.copytree(home / "out", tmp_path / "out")
    metadata = tmp_path / "out" / "ro-crate-metadata.json"
    told = json.loads(metadata.read_text())
    (first, second) = (node for node in told["@graph"] if "/tool-" in node["@id"])
    first["nameInRun"] = [first["nameInRun"], second["nameInRun"]]
    metadata.write_text(json.dumps(told))
    elsewhere = Catalogue(CatalogueFolder.create(tmp_path / "elsewhere"))
    with pytest.raises(InvalidCrateError, match="stands for several programs of run 00000001"):
        import_crate(elsewhere, tmp_path / "out")
    (first["nameInRun"], second["nameInRun"]) = (first["nameInRun"][0], "else")
    metadata.write_text(json.dumps(told))
    with pytest.raises(InvalidCrateError, match="what the metadata of the whole does not say"):
        import_crate(elsewhere, tmp_path / "out")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on this machine; yield its address, and what was asked."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library names it
            asked.append(f"{self.command} {self.path}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def found_with_a_network(crate: Path, cache: Path) -> list[str]:
    """Return what roc-validator finds, required or recommended, when it may ask the web; contexts are the bundled."""
    from rocrate_validator import models, services

    cache.mkdir()
    with bundled_web_only(cache / "web") as web:
        result = services.validate(
            {
                "rocrate_uri": str(crate),
                "profile_identifier": "provenance-run-crate",  # the profiles that it builds on are checked too
                "requirement_severity": models.Severity.RECOMMENDED,
                "offline": False,
                "cache_path": web,
            }
        )
    return [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]


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
    names = Names(Part(run_id(1), document, frozenset(carried), addresses=web_names(document, run_id(1))))
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
