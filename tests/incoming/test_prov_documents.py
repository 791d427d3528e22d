"""PROV documents in every notation: what they tell of lineage, the same in each, and what is refused."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import ProvDocument

from filiation.catalogue import Catalogue, CatalogueFolder, identify
from filiation.catalogue.explaining import explain
from filiation.errors import FiliationError, InvalidCrateError
from filiation.incoming import take_in
from filiation.incoming.history import History
from filiation.incoming.prov_documents import read_prov
from filiation.incoming.recognition import Form, form_of
from filiation.lineage import Ledger
from filiation.lineage.prov_document import to_prov_json

EX = "http://example.org/"
DOCUMENT = """
// what happened on Monday
document
  prefix ex <http://example.org/>
  entity(ex:raw, [prov:label="raw image", ex:sha256="3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b"])
  activity(ex:segment, 2026-03-01T10:00:00Z, 2026-03-01T10:05:00Z, [prov:label="segment"])
  agent(ex:ada, [prov:type='prov:Person', prov:label="Ada"])
  wasAssociatedWith(ex:segment, ex:ada, ex:method)
  used(ex:segment, ex:raw, -)
  used(ex:segment, -, -)
  wasGeneratedBy(ex:labels, ex:segment, -)
  wasDerivedFrom(ex:labels, ex:raw)
  wasDerivedFrom(ex:table, ex:labels)
  wasDerivedFrom(ex:figure, ex:table, ex:draw, -, -)
  hadMember(ex:paper, ex:figure)
  wasInformedBy(ex:review, ex:write)
  wasGeneratedBy(ex:verdict, ex:review, -)
  used(ex:write, ex:paper, -)
  specializationOf(ex:labels-v2, ex:labels)
  wasAttributedTo(ex:stray, ex:ada)
  wasInvalidatedBy(ex:raw, ex:clean, -)
endDocument
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CatalogueFolder.create(tmp_path / "lab" / ".filiation").root)


def notations(folder: Path, document: ProvDocument) -> dict[str, Path]:
    places = {
        notation: folder / f"account-{notation}"
        for notation in ("json", "jsonld", "provn", "xml", "turtle", "trig", "json-ld")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for notation in ("json", "jsonld", "xml"):
            places[notation].write_text(document.serialize(format=notation))
        places["provn"].write_text(document.get_provn())
        for notation in ("turtle", "trig", "json-ld"):
            places[notation].write_text(document.serialize(format="rdf", rdf_format=notation))
    return places


def edges(history: History) -> set[tuple[str, str]]:
    """Return the flow of a history, its own actions between two things left out of it."""
    used = {(one, deed.id) for deed in history.deeds for one in deed.used}
    made = {(deed.id, one) for deed in history.deeds for one in deed.made}
    return {(a.removeprefix(EX), b.removeprefix(EX)) for a, b in used | made}


def test_each_notation_tells_the_same_and_no_more_than_it_says(tmp_path: Path) -> None:
    document = ProvDocument.deserialize(content=DOCUMENT, format="provn")
    places = notations(tmp_path, document)
    told = {notation: edges(read_prov(place, form_of(place))) for notation, place in places.items()}
    assert told["provn"] == {
        ("raw", "segment"), ("segment", "labels"),
        ("labels", "#derivation-1"), ("#derivation-1", "table"),
        ("table", "draw"), ("draw", "figure"),
        ("figure", "#gathering-1"), ("#gathering-1", "paper"),
        ("paper", "write"), ("write", "#message-1"), ("#message-1", "review"), ("review", "verdict"),
    }  # fmt: skip
    assert all(found == told["provn"] for found in told.values())


@pytest.mark.slow
def test_a_document_becomes_a_crate_that_holds_it_and_is_asked_like_any(tmp_path: Path, ledger: Ledger) -> None:
    place = tmp_path / "monday.provn"
    place.write_text(DOCUMENT)
    report = ledger.ingest(place)
    assert (report.outcome, ledger.ingest(place).outcome) == ("new", "unchanged")
    assert (report.folder / "account.provn").read_text() == DOCUMENT
    lineage = ledger.trace(EX + "verdict")
    assert {node.iri.removeprefix(EX) for node in lineage.entities if "#" not in node.iri} == {
        "verdict", "paper", "figure", "table", "labels", "raw",
    }  # fmt: skip
    action = next(node for node in lineage.actions if node.name == "segment")
    assert (action.agent, action.agent_id, action.seconds) == ("Ada", EX + "ada", 300)
    raw = next(node for node in lineage.entities if node.iri == EX + "raw")
    assert str(raw.digest).startswith("sha256:3a7bd3e2")
    assert EX + "verdict" in {node.iri for node in ledger.impact(EX + "raw").nodes}
    assert explain(report.folder)[:4] == (
        "Activities informed by others used something of theirs that has no name: 1.",
        "An account in PROV-N: things and activities are known by the IRIs that it gives them.",
        "Collections descend from their members, whatever made the collection: 1.",
        "Derivations that name no activity stand as actions of their own: 1.",
    )
    assert ledger.rebuild().problems == ()


def test_what_filiation_writes_as_prov_is_what_it_reads(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "monday.provn").write_text(DOCUMENT)
    ledger.ingest(tmp_path / "monday.provn")
    lineage = ledger.trace(EX + "figure")
    (tmp_path / "answer.json").write_text(to_prov_json(lineage))
    other = Ledger(CatalogueFolder.create(tmp_path / "other" / ".filiation").root)
    other.ingest(tmp_path / "answer.json")
    again = other.trace(EX + "figure")
    assert {node.iri for node in again.entities} == {node.iri for node in lineage.entities}


def test_the_words_of_prov_o_that_say_the_same_are_read_as_the_same(tmp_path: Path) -> None:
    turtle = """
    PREFIX prov: <http://www.w3.org/ns/prov#>
    PREFIX ex: <http://example.org/>
    ex:b prov:wasDerivedFrom ex:a ; prov:qualifiedDerivation [ prov:entity ex:a ; prov:hadActivity ex:act ] .
    ex:act prov:generated ex:c ; prov:qualifiedUsage [ a prov:Usage ; prov:entity ex:d ] .
    ex:e prov:wasRevisionOf ex:c ; prov:qualifiedGeneration [ prov:activity ex:late ] .
    <relative> prov:wasGeneratedBy [ prov:used ex:e ] .
    """
    place = tmp_path / "a.ttl"
    place.write_text(turtle)
    found = edges(read_prov(place, form_of(place)))
    named = {pair for pair in found if "#named" not in "".join(pair)}
    assert named == {
        ("a", "act"), ("act", "b"), ("act", "c"), ("d", "act"), ("late", "e"),
        ("c", "#derivation-1"), ("#derivation-1", "e"),
    }  # fmt: skip
    (blank,) = {b for a, b in found - named if a == "e"}
    assert (blank, "#named-relative") in found


def test_an_activity_that_is_a_whole_workflow_connects_nothing_beside_its_steps(tmp_path: Path, ledger: Ledger) -> None:
    place = tmp_path / "a.ttl"
    place.write_text("""
    @prefix prov: <http://www.w3.org/ns/prov#> . @prefix ex: <http://example.org/> .
    ex:run a prov:Activity, <http://purl.org/wf4ever/wfprov#WorkflowRun> ; prov:used ex:a, ex:b .
    ex:step a prov:Activity ; prov:used ex:a .
    ex:c prov:wasGeneratedBy ex:run, ex:step .
    """)
    ledger.ingest(place)
    assert {node.iri for node in ledger.trace(EX + "c").entities} == {EX + "c", EX + "a"}


NAMES = st.sampled_from(["a", "b", "c", "d-1", "e.f", "x1"])
RELATIONS = st.lists(
    st.tuples(
        st.sampled_from(["used", "wasGeneratedBy", "wasDerivedFrom", "hadMember", "wasInformedBy"]), NAMES, NAMES
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, database=None)
@given(relations=RELATIONS, label=st.text(max_size=20))
def test_any_document_that_prov_writes_is_read_the_same_from_each_notation(
    relations: list[tuple[str, str, str]], label: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = ProvDocument()
    document.add_namespace("ex", EX)
    for kind, one, other in relations:
        if kind == "used":
            document.used(f"ex:act-{one}", f"ex:{other}")
        elif kind == "wasGeneratedBy":
            document.wasGeneratedBy(f"ex:{one}", f"ex:act-{other}")
        elif kind == "wasDerivedFrom":
            document.wasDerivedFrom(f"ex:{one}", f"ex:{other}")
        elif kind == "hadMember":
            document.hadMember(f"ex:{one}", f"ex:{other}")
        else:
            document.wasInformedBy(f"ex:act-{one}", f"ex:act-{other}")
    folder = tmp_path_factory.mktemp("prov")
    told = {}
    for notation, place in notations(folder, document).items():
        told[notation] = edges(read_prov(place, form_of(place)))
    direct = {(b, f"act-{a}") for kind, a, b in relations if kind == "used"}
    direct |= {(f"act-{b}", a) for kind, a, b in relations if kind == "wasGeneratedBy"}
    for notation, found in told.items():
        assert {pair for pair in found if not any(name.startswith("#") for name in pair)} == direct, notation
        assert found == told["json"], notation


PROV_XML = """%s<!-- one --><!-- two -->
<prov:document xmlns:prov="http://www.w3.org/ns/prov#" xmlns:ex="http://example.org/">
<prov:entity prov:id="ex:a"><prov:label>%s</prov:label></prov:entity></prov:document>"""
_TYPE = "declares a document type or entities"
REFUSED = {
    "xml": ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', _TYPE),
    "xml that hides it": (PROV_XML % ("", "]]><!DOCTYPE x []>"), _TYPE),
    "rdf in xml": (
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        "is XML, and no PROV document",
    ),
    "xml that names a file": (PROV_XML % ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "&a;"), _TYPE),
    "xml that grows": (
        PROV_XML % ('<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>', "&c;"),
        _TYPE,
    ),
    "xml in hiding": (
        "<?xml version='1.0' encoding='UTF-7'?>" + PROV_XML % ("", "+ADw-"),
        "says that it is written in 'UTF-7'",
    ),
    "xml cut off": ((PROV_XML % ("", "a"))[:-20], "cannot be read as PROV"),
    "xml with something else": ((PROV_XML % ("", "a")).replace("prov:entity", "other"), "cannot be read as PROV"),
    "an empty xml": ('<document xmlns="http://www.w3.org/ns/prov#" />', "tells of no entity and no activity"),
    "prov-jsonld that is none": (
        '{"@context": ["https://openprovenance.org/prov-jsonld/context.jsonld"], "@graph": [{"@type": 7}]}',
        "cannot be read as PROV",
    ),
    "json-ld with a context elsewhere": (
        '[{"@context": "http://127.0.0.1:9/c", "http://www.w3.org/ns/prov#used": {"@id": "ex:a"}}]',
        "is not JSON-LD that can be read",
    ),
    "cut off": ("document\n prefix ex <http://example.org/>\n entity(ex:", "cannot be read as PROV"),
    "an unknown prefix": ("document\n entity(nowhere:x)\nendDocument", "cannot be read as PROV"),
    "no prov": ("@prefix ex: <http://example.org/> . ex:a ex:b ex:c .", "tells of no entity and no activity"),
    "wrong turtle": ("@prefix ex: <http://example.org/> . ex:a ex:b", "is no Turtle or TriG that can be read"),
    "json of another kind": ('{"entity": {}, "other": {}}', "The metadata is no RO-Crate"),
    "an empty one": ('{"prefix": {}}', "tells of no entity and no activity"),
    "a name twice": ('{"entity": {"a": {}, "a": {}}}', "gives 'a' twice in one object"),
    "wrong types": ('{"entity": 7}', "cannot be read as PROV"),
    "too deep": ('{"entity": ' + "[" * 100 + "]" * 100 + "}", "levels deep"),
    "deeper": ('{"entity": ' + "[" * 100_000, "levels deep|not JSON"),
    "nothing that is known": ("hello", "is a file, but no ro-crate-metadata.json"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_account_of_provenance_is_refused(kind: str, tmp_path: Path) -> None:
    text, said = REFUSED[kind]
    catalogue = Catalogue(CatalogueFolder.create(tmp_path / ".filiation"))
    place = tmp_path / "document"
    place.write_text(text)
    with pytest.raises(FiliationError, match=said):
        take_in(catalogue, place)
    assert list(catalogue.folder.crates.iterdir()) == []


def test_names_in_a_document_can_do_nothing(tmp_path: Path) -> None:
    document = {
        "prefix": {"ex": EX, "up": "../", "root": "./", "file": "file:///etc/"},
        "entity": {"ex:\u202ea": {"prov:label": "\u001b[2J<script>"}, "up:secret": {}, "root:": {}, "file:passwd": {}},
        "activity": {"ex:do": {}},
        "used": {"_:1": {"prov:activity": "ex:do", "prov:entity": "up:secret"}},
        "wasGeneratedBy": {"_:2": {"prov:activity": "ex:do", "prov:entity": "root:"}},
    }
    place = tmp_path / "a.json"
    place.write_text(json.dumps(document))
    catalogue = Catalogue(CatalogueFolder.create(tmp_path / ".filiation"))
    (report,) = take_in(catalogue, place)
    assert identify(report.folder).id == report.id
    assert sorted(path.name for path in report.folder.iterdir()) == ["account.json", "ro-crate-metadata.json"]
    with catalogue.reading() as index:
        ends = {end.removeprefix(report.iri) for edge in index.edges_of(report.iri) for end in (edge.src, edge.dst)}
    assert ends == {EX + "do", "#named-../secret", "#named-./"}


def test_a_document_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filiation.incoming.prov_documents.MOST_BYTES", 10)
    place = tmp_path / "a.provn"
    place.write_text(DOCUMENT)
    with pytest.raises(InvalidCrateError, match="of PROV documents at most 10 are read"):
        read_prov(place, Form.PROV_N)
