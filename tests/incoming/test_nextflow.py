"""Nextflow's lineage store, in both layouts of its records: runs with tasks and files, traceable both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.explaining import explain
from filiation.errors import InvalidCrateError
from filiation.incoming.nextflow import read_store
from filiation.lineage import Ledger

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def checksum(value: str = "03fd5ed150c7862e", algorithm: str = "nextflow") -> dict[str, str]:
    return {"value": value, "algorithm": algorithm, "mode": "standard"}


def task(name: str, run: str, *inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "TaskRun",
        "sessionId": "s",
        "name": name,
        "script": f"{name.lower()} < in > out",
        "input": list(inputs),
        "container": "docker.example.org/tools:1",
        "globalVars": {},
        "workflowRun": f"lid://{run}",
    }


def file(path: str, run: str, source: str, maker: str | None, told: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "FileOutput",
        "path": path,
        "checksum": told,
        "source": f"lid://{source}",
        "workflowRun": f"lid://{run}",
        "taskRun": f"lid://{maker}" if maker else None,
        "size": 12,
        "modifiedAt": "2025-05-09T13:27:34.5-05:00",
    }


def path_input(name: str, *values: object) -> dict[str, Any]:
    return {"type": "path", "name": name, "value": list(values)}


def run(name: str) -> dict[str, Any]:
    workflow = {"repository": "https://git.example.org/lab/nuclei-nf", "commitId": "86165b8", "scriptFiles": []}
    return {
        "type": "WorkflowRun",
        "workflow": workflow,
        "sessionId": "s",
        "name": name,
        "params": [{"type": "Integer", "name": "sigma", "value": 2}],
        "config": {"secret": "kept in the record"},
    }


# A first run with two tasks and a published table; a second one that took the first task from the cache.
RECORDS: dict[str, dict[str, Any]] = {
    "aaaa": run("calm_turing"),
    "0001": task(
        "SEGMENT (ihc)",
        "aaaa",
        path_input("image", {"path": "/data/ihc.tif", "checksum": checksum(SHA256, "sha256")}),
        {"type": "val", "name": "sigma", "value": 2},
        {"type": "val", "name": "meta", "value": {"id": "ihc", "of": [1, 2]}},
    ),
    "0001/labels.tif": file("/work/00/01/labels.tif", "aaaa", "0001", "0001", checksum()),
    "0001/unused.log": file("/work/00/01/unused.log", "aaaa", "0001", "0001", checksum()),
    "0002": task("LAB:MEASURE", "aaaa", path_input("labels", "lid://0001/labels.tif")),
    "0002/table.csv": file("/work/00/02/table.csv", "aaaa", "0002", "0002", checksum("f" * 64, "sha256")),
    "aaaa/table.csv": file("/results/table.csv", "aaaa", "0002/table.csv", None, checksum()),
    "aaaa/params.json": file("/results/params.json", "aaaa", "aaaa", None, checksum()),
    "aaaa#output": {"type": "WorkflowOutput", "workflowRun": "lid://aaaa", "output": []},
    "bbbb": run("keen_curie"),
    "0003": task("DRAW", "bbbb", path_input("labels", "lid://0001/labels.tif", "https://data.example.org/lut.csv")),
    "0003/plot.png": file("/work/00/03/plot.png", "bbbb", "0003", "0003", checksum()),
}


def store(folder: Path, *, layout: str, records: dict[str, dict[str, Any]] = RECORDS) -> Path:
    for key, fields in records.items():
        spec = {name: value for name, value in fields.items() if name != "type"}
        record = {"version": "lineage/v1beta1"}
        record |= {"kind": fields["type"], "spec": spec} if layout == "spec" else fields
        place = folder / ".lineage" / (".meta" if layout == "meta" else "") / key
        place.mkdir(parents=True)
        (place / ".data.json").write_text(json.dumps(record))
    (folder / ".lineage" / ".history").mkdir()
    return folder


@pytest.mark.parametrize("layout", ["flat", "spec", "meta"])
def test_both_layouts_tell_the_same(layout: str, tmp_path: Path) -> None:
    place = store(tmp_path, layout=layout) / ".lineage"
    first, second = read_store(place / ".meta" if layout == "meta" else place)
    assert (first.id, second.id) == ("lid://aaaa", "lid://bbbb")
    flow = {(deed.id, deed.used, deed.made) for deed in first.history.deeds}
    assert flow == {
        ("lid://aaaa", (), ()),
        ("lid://0001", ("/data/ihc.tif",), ("lid://0001/labels.tif", "lid://0001/unused.log")),
        ("lid://0002", ("lid://0001/labels.tif",), ("lid://0002/table.csv",)),
        ("#publish-lid://aaaa/params.json", (), ("lid://aaaa/params.json",)),
        ("#publish-lid://aaaa/table.csv", ("lid://0002/table.csv",), ("lid://aaaa/table.csv",)),
    }


def test_a_store_gives_runs_that_are_asked_like_any_and_meet_in_what_was_cached(tmp_path: Path) -> None:
    ledger = Ledger(CatalogueFolder.create(tmp_path / "lab" / ".filiation").root)
    place = store(tmp_path / "project", layout="spec")
    first, second = ledger.ingest_runs(place)
    assert [report.outcome for report in ledger.ingest_runs(place / ".lineage")] == ["unchanged", "unchanged"]
    assert {summary.workflow for summary in ledger.runs()} == {"nuclei-nf"}

    lineage = ledger.trace("lid://aaaa/table.csv")
    raw = first.iri + "outside/data/ihc.tif"
    assert {node.iri for node in lineage.entities} == {
        "lid://aaaa/table.csv", "lid://0002/table.csv", "lid://0001/labels.tif", raw,
    }  # fmt: skip
    segment = next(node for node in lineage.actions if node.name == "SEGMENT (ihc)")
    assert (segment.rule, segment.command) == ("SEGMENT", "segment (ihc) < in > out")
    assert {parameter.name: parameter.value.json for parameter in segment.parameters} == {
        "sigma": "2", "meta": '{"id":"ihc","of":[1,2]}',
    }  # fmt: skip
    assert segment.environment == (("container", "docker.example.org/tools:1"),)
    digests = {node.iri: str(node.digest) for node in lineage.entities if node.digest is not None}
    assert digests == {raw: f"sha256:{SHA256}", "lid://0002/table.csv": "sha256:" + "f" * 64}

    downwards = {node.iri for node in ledger.impact(raw).entities}
    assert {"lid://aaaa/table.csv", "lid://0003/plot.png"} <= downwards
    plot = ledger.trace("lid://0003/plot.png")
    assert {"https://data.example.org/lut.csv", "lid://0001/labels.tif", raw} <= {node.iri for node in plot.entities}
    assert "Nextflow's own checksums are no digests of content: nothing is joined by them." in explain(first.folder)
    kept = {path.relative_to(second.folder).as_posix() for path in second.folder.rglob("*.json")}
    assert "account/bbbb/.data.json" in kept
    assert "account/aaaa/.data.json" not in kept


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{", "cannot be read as a lineage record: The metadata is not JSON"),
        ('{"a": 1, "a": 2}', "gives 'a' twice in one object"),
        ('{"version": "lineage/v2", "kind": "WorkflowRun", "spec": {}}', "is of the model 'lineage/v2'"),
        ('{"type": "TaskRun"}', r"but none of a run \(WorkflowRun\)"),
        ("[" * 100_000, "cannot be read as a lineage record"),
        ("7", r"but none of a run \(WorkflowRun\)"),
    ],
)
def test_a_store_that_cannot_be_read_is_refused(record: str, said: str, tmp_path: Path) -> None:
    (tmp_path / ".lineage" / "aaaa").mkdir(parents=True)
    (tmp_path / ".lineage" / "aaaa" / ".data.json").write_text(record)
    ledger = Ledger(CatalogueFolder.create(tmp_path / "lab" / ".filiation").root)
    with pytest.raises(InvalidCrateError, match=said):
        ledger.ingest(tmp_path)
    assert list((ledger.folder / "crates").iterdir()) == []


def test_fields_of_any_type_are_survived(tmp_path: Path) -> None:
    odd = dict.fromkeys(("name", "input", "script", "workflow", "params", "checksum", "path", "size", "source"), 3)
    records = {
        "aaaa": {"type": "WorkflowRun", **odd},
        "0001": {"type": "TaskRun", **odd, "workflowRun": "lid://aaaa", "input": [3, {"value": [[{"path": 3}]]}, {}]},
        "0001/x": {"type": "FileOutput", **odd, "workflowRun": "lid://aaaa", "size": -1, "taskRun": "lid://0001"},
        "0002/../x": {"type": "FileOutput", "workflowRun": "lid://aaaa", "path": "../../etc/passwd", "source": "x"},
    }
    place = store(tmp_path, layout="spec", records=records)
    ledger = Ledger(CatalogueFolder.create(tmp_path / "lab" / ".filiation").root)
    report = ledger.ingest(place)
    assert report.outcome == "new"
    assert "lid://0001" in {node.iri for node in ledger.trace("lid://0001/x").nodes}


def test_secrets_of_a_configuration_are_told_to_nobody(tmp_path: Path) -> None:
    secret, token = "hunter2-hunter2", "eyJ0aWQiOiA3fS5mYWtl"
    told = run("first") | {
        "config": {"aws": {"secretKey": secret, "region": "eu-1"}, "tower": {"accessToken": token}},
        "params": [{"type": "String", "name": "api_token", "value": token}],
    }
    deed = task("ALIGN", "run1") | {"script": f"fetch --key {secret} https://lab:{secret}@example.org/x"}
    place = store(tmp_path / "work", layout="flat", records={"run1": told, "task1": deed})
    ledger = Ledger(CatalogueFolder.create(tmp_path / "lab" / ".filiation").root)
    report = ledger.ingest(place)
    kept = "".join(path.read_text() for path in report.folder.rglob("*") if path.is_file())
    assert "eu-1" in kept, "the rest is kept as it was"
    assert secret not in kept
    assert token not in kept
    assert "Records with something that has a secret's name or form, which is withheld: 2." in explain(report.folder)
    assert ledger.ingest(place).outcome == "unchanged"
