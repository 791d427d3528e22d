"""Crates in the manner of other engines, with what they leave out or write otherwise, and the ancestors they tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.explaining import explain
from filiation.lineage import Ledger

RUN = "https://w3id.org/ro/terms/workflow-run/context"
WORKFLOW = {"@id": "main.wf", "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "name": "main"}
Entity = dict[str, object]


def refs(*names: str) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def did(name: str, tool: str, used: tuple[str, ...], made: tuple[str, ...], **more: object) -> Entity:
    return {"@id": name, "@type": "CreateAction", "instrument": {"@id": tool}, "object": refs(*used),
            "result": refs(*made), **more}  # fmt: skip


def things(*names: str) -> list[Entity]:
    return [{"@id": name, "@type": "File"} for name in names]


# name: (context, root, entities, thing asked for, its ancestors as the crate names them)
MANNERS: dict[str, tuple[object, Entity, list[Entity], str, set[str]]] = {
    # runcrate: steps with ControlActions and an OrganizeAction, CWL's file names as alternateName, parameters beside.
    "CWL by runcrate": (
        ["https://w3id.org/ro/crate/1.1/context", RUN],
        {"mainEntity": {"@id": "main.wf"}, "name": "run of main.wf"},
        [
            WORKFLOW | {"hasPart": refs("#sort", "#rev"), "step": refs("#s1", "#s2")},
            {"@id": "#sort", "@type": "SoftwareApplication"},
            {"@id": "#rev", "@type": "SoftwareApplication"},
            {"@id": "#s1", "@type": "HowToStep", "workExample": {"@id": "#sort"}, "position": "0"},
            {"@id": "#s2", "@type": "HowToStep", "workExample": {"@id": "#rev"}, "position": "1"},
            did("#whole", "main.wf", ("in.txt", "#flag"), ("out.txt",)),
            did("#a1", "#rev", ("in.txt",), ("mid.txt",), startTime="2018-10-25T15:46:36.96"),
            did("#a2", "#sort", ("mid.txt", "#flag"), ("out.txt",)),
            {"@id": "#c1", "@type": "ControlAction", "instrument": {"@id": "#s2"}, "object": {"@id": "#a1"}},
            {"@id": "#engine", "@type": "OrganizeAction", "object": refs("#c1"), "result": {"@id": "#whole"}},
            {"@id": "#flag", "@type": "PropertyValue", "name": "reverse", "value": "True"},
            *things("in.txt", "mid.txt", "out.txt"),
        ],
        "out.txt",
        {"#a2", "mid.txt", "#a1", "in.txt"},
    ),
    # nf-prov: absolute paths in two forms beside the same inside, tasks by hash, no name of the root, http context.
    "Nextflow by nf-prov": (
        ["http://w3id.org/ro/crate/1.1/context", RUN],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW,
            did("#run", "main.wf", ("/data/reads.fq",), ("results/report.html",)),
            did("#4f2a", "#FASTQC", ("/data/reads.fq",), ("file:///scratch/work/4f/2a/qc.zip",)),
            did("#other", "#FASTQC", ("data/reads.fq",), ("scratch/work/4f/2a/qc.zip",)),
            did("#99be", "#MULTIQC", ("/scratch/work/4f/2a/qc.zip",), ("results/report.html",)),
            {"@id": "#FASTQC", "@type": "SoftwareApplication"},
            {"@id": "#MULTIQC", "@type": "SoftwareApplication"},
        ],
        "results/report.html",
        {"#99be", "outside/scratch/work/4f/2a/qc.zip", "#4f2a", "outside/data/reads.fq"},
    ),
    # Galaxy: the run as a whole, collections of datasets, parameters as objects.
    "Galaxy": (
        "https://w3id.org/ro/crate/1.1/context",
        {"mainEntity": {"@id": "main.wf"}, "mentions": [{"@id": "#invocation"}]},
        [
            WORKFLOW,
            did("#invocation", "main.wf", ("#list", "#threshold"), ("datasets/out.tif",)),
            {"@id": "#list", "@type": "Collection", "hasPart": refs("datasets/a.tif", "datasets/b.tif")},
            {"@id": "#threshold", "@type": "PropertyValue", "name": "threshold", "value": 3},
            *things("datasets/a.tif", "datasets/b.tif", "datasets/out.tif"),
        ],
        "datasets/out.tif",
        {"#invocation", "#list", "datasets/a.tif", "datasets/b.tif"},
    ),
    # COMPSs and Autosubmit: one action, data at addresses, a folder as a whole, a context with a closing slash.
    "COMPSs": (
        ["https://w3id.org/ro/crate/1.1/context/", "https://w3id.org/ro/terms/workflow-run"],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW,
            did("#COMPSs_1", "main.wf", ("file://node7/gpfs/input/", "https://data.example.org/x.nc"), ("dataset/",)),
            {"@id": "dataset/", "@type": "Dataset", "hasPart": refs("dataset/y.nc")},
            {"@id": "dataset/y.nc", "@type": "File"},
        ],
        "dataset/y.nc",
        {"#COMPSs_1", "file://node7/gpfs/input/", "https://data.example.org/x.nc"},
    ),
    # StreamFlow and WfExS: a nested workflow beside its own steps, RO-Crate 1.2, the other spelling of Bioschemas.
    "WfExS": (
        ["https://w3id.org/ro/crate/1.2/context", RUN],
        {"mainEntity": {"@id": "main.wf"}, "name": "staged"},
        [
            WORKFLOW | {"hasPart": {"@id": "#inner"}},
            {"@id": "#inner", "@type": ["SoftwareSourceCode", "https://bioschemas.org/ComputationalWorkflow"],
             "hasPart": {"@id": "#t"}},
            {"@id": "#t", "@type": "SoftwareApplication"},
            did("#outer", "main.wf", ("a", "b"), ("c",)),
            did("#nested", "#inner", ("a", "b"), ("c",)),
            did("#step", "#t", ("a",), ("c",)),
        ],
        "c",
        {"#step", "a"},
    ),
    # RO-Crate 1.0, which no Workflow Run profile is based on; Sapporo's single action, and a result that failed.
    "RO-Crate 1.0": (
        "https://w3id.org/ro/crate/1.0/context",
        {},
        [
            did("#sapporo", "#trimmomatic", ("reads.fq",), ("trimmed.fq",)),
            did("#again", "#trimmomatic", ("other.fq",), ("trimmed.fq",), actionStatus="FailedActionStatus"),
            {"@id": "#trimmomatic", "@type": "SoftwareApplication"},
        ],
        "trimmed.fq",
        {"#sapporo", "reads.fq"},
    ),
}  # fmt: skip


def write(folder: Path, context: object, root: Entity, entities: list[Entity]) -> Path:
    folder.mkdir()
    about = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}}
    graph = [about, {"@id": "./", "@type": "Dataset"} | root, *entities]
    (folder / "ro-crate-metadata.json").write_text(json.dumps({"@context": context, "@graph": graph}))
    return folder


@pytest.mark.parametrize("engine", MANNERS)
def test_an_engines_crate_tells_its_ancestors_and_no_others(engine: str, tmp_path: Path) -> None:
    context, root, entities, thing, expected = MANNERS[engine]
    crate = write(tmp_path / "crate", context, root, entities)
    catalogue = Catalogue(CatalogueFolder.create(tmp_path / ".filiation"))
    report = catalogue.ingest(crate)
    ledger = Ledger(tmp_path)
    detail = ledger.show(report.id)
    (iri,) = (entity.iri for entity in detail.entities if entity.iri.endswith(thing))
    names = {node.iri.removeprefix(report.iri) for node in ledger.trace(iri).nodes}
    assert {name.removeprefix("arcp://uuid," + report.id) for name in names} - {thing} == expected
    assert "It has no run id of ours" in "".join(explain(report.folder))


def test_the_same_absolute_path_in_two_crates_is_two_things(tmp_path: Path) -> None:
    catalogue = Catalogue(CatalogueFolder.create(tmp_path / ".filiation"))
    made = did("#made", "#t", ("in",), ("/scratch/x",))
    used = did("#used", "#t", ("file:///scratch/x",), ("out",))
    crates = [write(tmp_path / str(n), MANNERS["Galaxy"][0], {}, [one]) for n, one in enumerate((made, used))]
    first, second = (catalogue.ingest(crate) for crate in crates)
    traced = Ledger(tmp_path).trace(second.iri + "out")
    assert all(first.iri not in node.iri for node in traced.nodes)


def test_what_was_assumed_is_told(tmp_path: Path) -> None:
    context, root, entities, _, _ = MANNERS["CWL by runcrate"]
    told = explain(write(tmp_path / "cwl", context, root, entities))
    assert told == (
        "It has no run id of ours: it is known by the digest of its metadata, so a changed copy is another run.",
        "1 action stands for a whole run or a nested workflow and connects nothing: its steps are here.",
        "Actions without a status count as finished, as the Process Run Crate profile has it: 2.",
        "Times without a zone are taken as UTC: 1.",
        "Things without a digest join no other run by their content: 3 of 3.",
    )
    context, root, entities, _, _ = MANNERS["RO-Crate 1.0"]
    told = explain(write(tmp_path / "old", context, root, entities))
    assert told[0] == (
        "The @context https://w3id.org/ro/crate/1.0/context is read as https://w3id.org/ro/crate/1.1/context."
    )
    assert "It has no name: it is called by its id." in told
    told = explain(write(tmp_path / "plain", context, {"name": "a data set"}, things("x.csv")))
    assert told[-1] == "It has no action: what it describes is known, and descends from nothing."
