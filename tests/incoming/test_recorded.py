"""Real runs of other engines, as they were recorded: what their crates and documents tell of lineage."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from filiation.catalogue import CatalogueFolder, EntityNode
from filiation.catalogue.explaining import explain
from filiation.errors import NotFoundError
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder, write

RECORDED = Path(__file__).parent / "recorded"
CWLTOOL = RECORDED / "cwltool"
# By the names that the workflow gives them; runcrate calls files by their SHA-1.
FILES = {
    "nuclei-a.pgm": "104ffee1fb60bae8b902d35a92a24a2f5ec511d4",
    "nuclei-b.pgm": "adb04aa5c7929f8cad6b545ed6dd2a3762463729",
    "nuclei-a-mask.pgm": "93a3712c62ff73ed3384b15c38d3bbb70d517961",
    "nuclei-b-mask.pgm": "4f9a2a1541a3f4b31c272cb6006673d046290569",
    "areas.txt": "26a319bd607e17f0013816acb0a62052d55689d6",
    "table.txt": "d0b23e8cc3d127861e9a72cb2ef0e47254ae8e75",
}
ANCESTORS = {
    "nuclei-a-mask.pgm": {"nuclei-a.pgm"},
    "nuclei-b-mask.pgm": {"nuclei-b.pgm"},
    "areas.txt": {"nuclei-a.pgm", "nuclei-b.pgm", "nuclei-a-mask.pgm", "nuclei-b-mask.pgm"},
    "table.txt": {"nuclei-a.pgm", "nuclei-b.pgm", "nuclei-a-mask.pgm", "nuclei-b-mask.pgm", "areas.txt"},
}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CatalogueFolder.create(tmp_path / "lab" / ".filiation").root)


@pytest.mark.slow
def test_a_run_of_cwltool_tells_what_its_table_descends_from(ledger: Ledger) -> None:
    report = ledger.ingest(CWLTOOL / "crate")
    names = {report.iri + digest: name for name, digest in FILES.items()}
    for name, before in ANCESTORS.items():
        found = {names[node.iri] for node in ledger.trace(report.iri + FILES[name]).entities}
        assert found == {name, *before}
    actions = {action.rule: action for action in ledger.trace(report.iri + FILES["table.txt"]).actions}
    assert sorted(actions) == ["count.cwl", "sort.cwl", "threshold.cwl"]
    assert [(found.name, found.value.value) for found in actions["threshold.cwl"].parameters] == [("level", "100")]
    assert actions["count.cwl"].parameters == (), "the masks are what it used, and no parameter"
    assert ledger.gaps("cycle", "two producers", "dangling input", "no digest").found == ()
    assert explain(report.folder) == (
        "It has no run id of ours: it is known by the digest of its metadata, so a changed copy is another run.",
        "2 actions stand for a whole run or a nested workflow and connect nothing: their steps are here.",
        "Actions without a status count as finished, as the Process Run Crate profile has it: 4.",
        "Times without a zone are taken as UTC: 8.",
        "Digests of what it carries were made of the bytes, since it tells none: 6 of 6.",
    )
    with pytest.raises(NotFoundError, match=f"Of that name are known: {report.iri}{FILES['table.txt']}\\."):
        ledger.trace("table.txt")
    assert ledger.rebuild().problems == ()
    assert len(ledger.trace(report.iri + FILES["table.txt"]).actions) == 4


def test_runs_of_two_engines_over_the_same_images_join_by_their_bytes(ledger: Ledger, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "masks.crate"), "zip", RECORDED / "streamflow" / "crate")
    streamflow, cwltool = ledger.ingest(Path(archive)), ledger.ingest(CWLTOOL / "crate")
    names = {digest: name for name, digest in FILES.items()}
    for name, before in ANCESTORS.items():
        lineage = ledger.trace(streamflow.iri + FILES[name], from_run=streamflow.id)
        here = {node.iri.removeprefix(streamflow.iri) for node in lineage.entities if node.crate == streamflow.iri}
        assert {names[digest] for digest in here} == {name, *before}
    came = ledger.impact(str(CWLTOOL / "crate" / FILES["nuclei-a.pgm"]))
    assert {node.crate for node in came.actions} == {streamflow.iri, cwltool.iri}
    assert {node.name for node in came.entities} == set(FILES) - {"nuclei-b.pgm", "nuclei-b-mask.pgm"}
    (threshold, _, _) = sorted({node.rule for node in came.actions if node.crate == streamflow.iri}, reverse=True)
    assert threshold == "threshold.cwl"


def test_a_run_of_ours_joins_one_of_cwltool_by_its_bytes(ledger: Ledger, tmp_path: Path) -> None:
    foreign = ledger.ingest(CWLTOOL / "crate")
    run = CrateBuilder(ledger.folder.parent, 1)
    run.minute = 60 * 24 * 365
    mask = (CWLTOOL / "crate" / FILES["nuclei-a-mask.pgm"]).read_text()
    write(run.folder / "mine.pgm", mask)
    run.job("measure", ("mine.pgm",), {"mine.csv": "3"})
    ledger.ingest(run.write(tmp_path / "elsewhere"))
    found = {node.iri for node in ledger.trace(run.iri_of("mine.csv")).entities}
    assert foreign.iri + FILES["nuclei-a.pgm"] in found
    assert foreign.iri + FILES["nuclei-b.pgm"] not in found


def test_what_a_crate_carries_and_does_not_describe_gets_no_digest(ledger: Ledger, tmp_path: Path) -> None:
    crate = tmp_path / "crate"
    shutil.copytree(CWLTOOL / "crate", crate)
    (crate / FILES["table.txt"]).write_text("7\n7\n")  # as long as it was
    (crate / FILES["areas.txt"]).write_text("longer than it was")
    (crate / FILES["nuclei-a.pgm"]).unlink()
    report = ledger.ingest(crate)
    digests = {node.iri.removeprefix(report.iri): node.digest for node in ledger.find("entity").nodes}  # type: ignore[union-attr]
    without = {name for name, digest in FILES.items() if digests[digest] is None}
    assert without == {"table.txt", "areas.txt", "nuclei-a.pgm"}
    seen = digests[FILES["nuclei-b.pgm"]]
    assert seen is not None
    assert seen.hex == hashlib.sha256((crate / FILES["nuclei-b.pgm"]).read_bytes()).hexdigest()


def test_a_run_of_autosubmit_that_ended_and_calls_itself_possible_is_not_lost(ledger: Ledger) -> None:
    """Its archive is made before it reads how its jobs ended, so it says PotentialActionStatus, and starts late."""
    report = ledger.ingest(RECORDED / "autosubmit" / "crate")
    data = report.iri + "proj/local_project/data/"
    made = {node.iri.removeprefix(data): node for node in ledger.find("entity", "made=yes").nodes}
    assert sorted(made) == ["areas.txt", "nuclei-mask.pgm", "nuclei.pgm"]
    lineage = ledger.trace(data + "areas.txt")
    assert [node.iri for node in lineage.entities] == [data + "areas.txt"], "it names no data that went in"
    (action,) = lineage.actions
    assert (action.status, action.agent) == ("unknown", "A Researcher")
    assert [(run.status, run.failed) for run in ledger.runs()] == [("unknown", 0)]
    assert ledger.find("action", "parameter.SEGMENTATION.LEVEL=100").total == 1
    assert ledger.gaps("times out of order").counts == {"times out of order": 1}
    assert explain(report.folder) == (
        "It has no run id of ours: it is known by the digest of its metadata, so a changed copy is another run.",
        "It has no actions of steps: all that came out of the run as a whole descends from all that went in.",
        "Actions that are said to be possible (PotentialActionStatus) ended in an unknown way: 1.",
        "Times without a zone are taken as UTC: 2.",
        "Digests of what it carries were made of the bytes, since it tells none: 3 of 3.",
    )


def test_a_crate_that_sapporo_wrote_is_taken_in_with_its_context(ledger: Ledger) -> None:
    """Its own terms have a context that every crate of it names."""
    report = ledger.ingest(RECORDED / "sapporo" / "crate")
    lineage = ledger.trace(report.iri + "outputs/areas.txt")
    assert [node.iri.removeprefix(report.iri) for node in lineage.entities] == ["exe/nuclei.pgm", "outputs/areas.txt"]
    (action,) = lineage.actions
    assert (action.status, action.exit_code, action.agent) == ("finished", 0, "researcher")
    assert ("container", "snakemake/snakemake:v9.27.1") in action.environment
    assert [(found.name, found.value.value) for found in action.parameters][1] == ("level", 100)
    assert ledger.gaps().found == ()


@pytest.mark.parametrize("notation", ["xml", "json", "provn", "ttl", "jsonld", "nt"])
def test_each_form_of_a_real_document_tells_the_same(notation: str, ledger: Ledger) -> None:
    report = ledger.ingest(CWLTOOL / "prov" / f"primary.cwlprov.{notation}")
    assert (report.actions, report.entities) == (5, 10)
    found = {node.name: node.iri for node in ledger.find("entity", "made=yes").nodes if isinstance(node, EntityNode)}
    for mask, image in (("nuclei-a-mask.pgm", "nuclei-a.pgm"), ("nuclei-b-mask.pgm", "nuclei-b.pgm")):
        lineage = ledger.trace(found[mask])
        assert {node.name for node in lineage.entities if node.name} == {mask, image}
        assert len(lineage.entities) == 3, "and the level, which is an entity there"
        (action,) = lineage.actions
        assert action.name.startswith("Run of workflow/packed.cwl#main/threshold")
        assert action.seconds is not None
