"""What crates of other engines descend from: each manner, each version of the profiles, each way of arriving."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from filiation.catalogue import CODE, Catalogue, CatalogueFolder, identify
from filiation.catalogue.derive import derive
from filiation.catalogue.explaining import explain
from filiation.catalogue.reading import read_triples
from filiation.lineage import Ledger
from tests.incoming.manners import CRATE_1_1, MANNERS, RUN, WORKFLOW, Manner, did, refs, tools


def ancestors(crate: Path, thing: str) -> set[str]:
    """Walk the derived edges backwards, with nothing but them."""
    found = identify(crate)
    before = defaultdict(set)
    for edge in derive(read_triples(found), found.iri).edges:
        if edge.role != CODE:
            before[edge.dst].add(edge.src)
    start = thing if ":" in thing else found.iri + thing
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for one in before[waiting.pop()] - reached:
            reached.add(one)
            waiting.append(one)
    return {one.removeprefix(found.iri) for one in reached - {start}}


@pytest.mark.parametrize("engine", MANNERS)
def test_an_engines_crate_tells_its_ancestors_and_no_others(engine: str, tmp_path: Path) -> None:
    manner = MANNERS[engine]
    crate = manner.write(tmp_path / "crate")
    assert {thing: ancestors(crate, thing) for thing in manner.ancestors} == manner.ancestors
    told = "\n".join(explain(crate))
    assert "It has no run id of ours" in told
    assert manner.says in told


def test_an_exit_code_is_told_whoever_named_the_term(tmp_path: Path) -> None:
    found = identify(MANNERS["Sapporo"].write(tmp_path / "crate"))
    (action,) = derive(read_triples(found), found.iri).actions
    assert action.exit_code == 0
    assert action.to_json()["exit_code"] == 0


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"])
@pytest.mark.parametrize("crate_version", ["1.0", "1.1", "1.2", "1.3", "1.3-DRAFT", "1.2-draft"])
def test_every_version_of_the_profiles_tells_the_same(version: str, crate_version: str, tmp_path: Path) -> None:
    profiles = refs(*(f"https://w3id.org/ro/wfrun/{name}/{version}" for name in ("process", "workflow", "provenance")))
    manner = Manner(
        [f"https://w3id.org/ro/crate/{crate_version}/context", RUN],
        {"conformsTo": profiles, "mainEntity": refs("main.wf")},
        [
            WORKFLOW | {"hasPart": refs("#t")},
            *tools("#t"),
            did("#whole", "main.wf", ("a", "b"), ("c",)),
            did("#job", "#t", ("a",), ("c",)),
        ],
        {},
    )
    assert ancestors(manner.write(tmp_path / "crate"), "c") == {"#job", "a"}


def test_the_whole_way_into_the_catalogue_and_back(tmp_path: Path) -> None:
    ledger = Ledger(CatalogueFolder.create(tmp_path / ".filiation").root)
    manner = MANNERS["nf-prov: Nextflow"]
    report = ledger.ingest(manner.write(tmp_path / "crate"))
    (thing,) = manner.ancestors
    upwards = {node.iri.removeprefix(report.iri) for node in ledger.trace(report.iri + thing).nodes}
    assert upwards - {thing} == manner.ancestors[thing]
    for ancestor in manner.ancestors[thing]:
        if not ancestor.startswith("#"):
            assert report.iri + thing in {node.iri for node in ledger.impact(report.iri + ancestor).nodes}
    assert ledger.ingest(tmp_path / "crate" / "ro-crate-metadata.json").outcome == "unchanged"


def test_the_same_absolute_path_in_two_crates_is_two_things(tmp_path: Path) -> None:
    catalogue = Catalogue(CatalogueFolder.create(tmp_path / ".filiation"))
    made = Manner(CRATE_1_1, {}, [did("#made", "#t", ("in",), ("/scratch/x",))], {})
    used = Manner(CRATE_1_1, {}, [did("#used", "#t", ("file:///scratch/x",), ("out",))], {})
    first, second = (catalogue.ingest(one.write(tmp_path / str(n))) for n, one in enumerate((made, used)))
    traced = Ledger(tmp_path).trace(second.iri + "out")
    assert all(first.iri not in node.iri for node in traced.nodes)


def test_what_was_assumed_is_told_in_this_order(tmp_path: Path) -> None:
    assert explain(MANNERS["runcrate: CWL"].write(tmp_path / "cwl")) == (
        "It has no run id of ours: it is known by the digest of its metadata, so a changed copy is another run.",
        "1 action stands for a whole run or a nested workflow and connects nothing: its steps are here.",
        "Actions without a status count as finished, as the Process Run Crate profile has it: 2.",
        "Times without a zone are taken as UTC: 1.",
        "Things without a digest join no other run by their content: 3 of 3.",
    )


@pytest.mark.parametrize(
    "identifier",
    [
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "%252e%252e/x",
        "//host/x",
        "C:/x",
        "a\\b",
        "file:///a/../b",
        "/a/../b",
        "a\x1b[2J",
    ],
)
def test_a_name_that_leads_out_of_the_crate_is_refused(identifier: str, tmp_path: Path) -> None:
    from filiation.errors import InvalidCrateError

    manner = Manner(CRATE_1_1, {}, [did("#do", "#t", (identifier,), ("x",))], {})
    catalogue = Catalogue(CatalogueFolder.create(tmp_path / ".filiation"))
    with pytest.raises(InvalidCrateError, match="No crate that can be trusted does"):
        catalogue.ingest(manner.write(tmp_path / "crate"))
    assert catalogue.folder.list_crates() == ()


@pytest.mark.parametrize("number", [10**300, -(2**63), 1e308, "9" * 400])
def test_numbers_without_measure_are_only_numbers(number: object, tmp_path: Path) -> None:
    odd = {"startTime": "0001-01-01T00:00:00+14:00", "endTime": "9999-12-31T23:59:59-12:00"}
    thing = {"@id": "out", "@type": "File", "contentSize": number, "dateModified": "0001-01-01T00:00:00+14:00"}
    manner = Manner(CRATE_1_1, {}, [did("#do", "#t", ("in",), ("out",), **odd), thing], {})
    ledger = Ledger(CatalogueFolder.create(tmp_path / ".filiation").root)
    report = ledger.ingest(manner.write(tmp_path / "crate"))
    lineage = ledger.trace(report.iri + "out")
    assert "in" in lineage.tree()
    json.dumps(lineage.to_json())
