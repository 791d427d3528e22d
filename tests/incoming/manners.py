"""Crates in the manner of each engine, written from the profiles' text, with what they leave out or write otherwise.

Each comes with what its things descend from, as a person would tell who reads the crate and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

RUN = "https://w3id.org/ro/terms/workflow-run/context"
CRATE_1_1 = "https://w3id.org/ro/crate/1.1/context"
WORKFLOW = {"@id": "main.wf", "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "name": "main"}
Entity = dict[str, object]


@dataclass(frozen=True)
class Manner:
    """A crate as an engine writes it.

    Parameters
    ----------
    context, root, entities
        Of the metadata; the root without its id and type.
    ancestors
        What some of its things descend from, actions among them, all by their ``@id`` as the catalogue has them.
    says
        Part of what is told to have been assumed.
    root_id, descriptor
        How the crate calls itself, and its descriptor.
    """

    context: object
    root: Entity
    entities: list[Entity]
    ancestors: dict[str, set[str]]
    says: str = ""
    root_id: str = "./"
    descriptor: Entity = field(default_factory=dict)

    def document(self) -> Entity:
        about = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": self.root_id}}
        root = {"@id": self.root_id, "@type": "Dataset"} | self.root
        return {"@context": self.context, "@graph": [about | self.descriptor, root, *self.entities]}

    def write(self, folder: Path) -> Path:
        folder.mkdir()
        (folder / "ro-crate-metadata.json").write_text(json.dumps(self.document()))
        return folder


def refs(*names: str) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def did(name: str, tool: str, used: tuple[str, ...], made: tuple[str, ...], **more: object) -> Entity:
    return {"@id": name, "@type": "CreateAction", "instrument": {"@id": tool}, "object": refs(*used),
            "result": refs(*made), **more}  # fmt: skip


def things(*names: str, **more: object) -> list[Entity]:
    return [{"@id": name, "@type": "File", **more} for name in names]


def tools(*names: str) -> list[Entity]:
    return [{"@id": name, "@type": "SoftwareApplication"} for name in names]


COMPLETED = {"@id": "http://schema.org/CompletedActionStatus"}
FAILED = {"@id": "http://schema.org/FailedActionStatus"}

MANNERS: dict[str, Manner] = {
    # Steps with ControlActions and an OrganizeAction, CWL's file names as alternateName, parameters beside.
    "runcrate: CWL": Manner(
        [CRATE_1_1, RUN],
        {"mainEntity": {"@id": "main.wf"}, "name": "run of main.wf"},
        [
            WORKFLOW | {"hasPart": refs("#sort", "#rev"), "step": refs("#s1", "#s2")},
            *tools("#sort", "#rev"),
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
        {"out.txt": {"#a2", "mid.txt", "#a1", "in.txt"}, "mid.txt": {"#a1", "in.txt"}},
        "Times without a zone are taken as UTC: 1.",
    ),
    # Files with secondary files are Collections with a main entity; an array is a parameter with files as value.
    "runcrate: secondary files and arrays": Manner(
        [CRATE_1_1, RUN],
        {"mainEntity": {"@id": "packed.cwl"}, "conformsTo": {"@id": "https://w3id.org/ro/wfrun/provenance/0.1"}},
        [
            WORKFLOW | {"@id": "packed.cwl", "hasPart": refs("packed.cwl#align.cwl")},
            {"@id": "packed.cwl#align.cwl", "@type": "SoftwareApplication"},
            did("#whole", "packed.cwl", ("#reads",), ("a.bam",)),
            did("#align", "packed.cwl#align.cwl", ("#reads", "#array"), ("#bam",)),
            {"@id": "#reads", "@type": "Collection", "hasPart": refs("r.fq", "r.fq.fai"),
             "mainEntity": refs("r.fq")},
            {"@id": "#array", "@type": "PropertyValue", "name": "panels", "value": refs("p1.bed", "p2.bed")},
            {"@id": "#bam", "@type": "Collection", "hasPart": refs("a.bam", "a.bam.bai"),
             "mainEntity": refs("a.bam")},
            *things("r.fq", "r.fq.fai", "p1.bed", "p2.bed", "a.bam", "a.bam.bai"),
        ],
        {"a.bam.bai": {"#align", "#reads", "r.fq", "r.fq.fai", "p1.bed", "p2.bed"}},
    ),
    # A nested workflow has an action of its own beside those of its steps, and is no file of its own.
    "runcrate: nested workflows": Manner(
        [CRATE_1_1, RUN],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW | {"hasPart": refs("main.wf#sub", "#count")},
            {"@id": "main.wf#sub", "@type": ["SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
             "hasPart": refs("#crop", "#blur")},
            *tools("#crop", "#blur", "#count"),
            did("#whole", "main.wf", ("raw.tif", "unused.tif"), ("n.csv",)),
            did("#nested", "main.wf#sub", ("raw.tif", "unused.tif"), ("smooth.tif",)),
            did("#do-crop", "#crop", ("raw.tif",), ("crop.tif",)),
            did("#do-blur", "#blur", ("crop.tif",), ("smooth.tif",)),
            did("#do-count", "#count", ("smooth.tif",), ("n.csv",)),
            *things("raw.tif", "unused.tif", "crop.tif", "smooth.tif", "n.csv"),
        ],
        {"n.csv": {"#do-count", "smooth.tif", "#do-blur", "crop.tif", "#do-crop", "raw.tif"}},
        "2 actions stand for a whole run or a nested workflow and connect nothing: their steps are here.",
    ),
    # A nested workflow whose steps nobody recorded connects what went into it with what came out.
    "runcrate: a nested workflow without its steps": Manner(
        [CRATE_1_1, RUN],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW | {"hasPart": refs("#sub", "#count")},
            {"@id": "#sub", "@type": ["SoftwareSourceCode", "ComputationalWorkflow"], "hasPart": refs("#crop")},
            *tools("#crop", "#count"),
            did("#whole", "main.wf", ("raw.tif",), ("n.csv",)),
            did("#nested", "#sub", ("raw.tif",), ("smooth.tif",)),
            did("#do-count", "#count", ("smooth.tif",), ("n.csv",)),
        ],
        {"n.csv": {"#do-count", "smooth.tif", "#nested", "raw.tif"}},
    ),
    # Absolute paths in two forms beside the same inside, tasks by hash, no name of the root, http context.
    "nf-prov: Nextflow": Manner(
        ["http://w3id.org/ro/crate/1.1/context", RUN],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW,
            did("#run", "main.wf", ("/data/reads.fq",), ("results/report.html",)),
            did("#4f2a", "#FASTQC", ("/data/reads.fq",), ("file:///scratch/work/4f/2a/qc.zip",)),
            did("#other", "#FASTQC", ("data/reads.fq",), ("scratch/work/4f/2a/qc.zip",)),
            did("#99be", "#MULTIQC", ("/scratch/work/4f/2a/qc.zip",), ("results/report.html",)),
            *tools("#FASTQC", "#MULTIQC"),
        ],
        {"results/report.html": {"#99be", "outside/scratch/work/4f/2a/qc.zip", "#4f2a", "outside/data/reads.fq"}},
        "Things named by an absolute path are this crate's alone, whoever else names that path: 2.",
    ),
    # Intermediate files that are deleted are CreativeWorks at their place in the work folder.
    "nf-prov: deleted intermediates": Manner(
        [CRATE_1_1, RUN],
        {"mainEntity": {"@id": "main.wf"}, "name": "x"},
        [
            WORKFLOW | {"hasPart": refs("#A", "#B")},
            *tools("#A", "#B"),
            {"@id": "#task/aa/11/mid.txt", "@type": "CreativeWork", "name": "mid.txt"},
            did("#task/aa", "#A", ("https://zenodo.example.org/in.txt",), ("#task/aa/11/mid.txt",)),
            did("#task/bb", "#B", ("#task/aa/11/mid.txt",), ("out.txt",), endTime="yesterday"),
        ],
        {"out.txt": {"#task/bb", "#task/aa/11/mid.txt", "#task/aa",
                     "https://zenodo.example.org/in.txt"}},
    ),
    # The run as a whole, collections of datasets, parameters as objects; the datasets are not in the crate.
    "Galaxy": Manner(
        CRATE_1_1,
        {"mainEntity": {"@id": "main.wf"}, "mentions": [{"@id": "#invocation"}]},
        [
            WORKFLOW,
            did("#invocation", "main.wf", ("#list", "#threshold"), ("datasets/out.tif",)),
            {"@id": "#list", "@type": "Collection", "hasPart": refs("datasets/a.tif", "datasets/b.tif")},
            {"@id": "#threshold", "@type": "PropertyValue", "name": "threshold", "value": 3},
            *things("datasets/a.tif", "datasets/b.tif", "datasets/out.tif"),
        ],
        {"datasets/out.tif": {"#invocation", "#list", "datasets/a.tif", "datasets/b.tif"}},
        "It has no actions of steps: all that came out of the run as a whole descends from all that went in.",
    ),
    # A list of lists; an invocation that is still going on has no end, and made nothing yet.
    "Galaxy: nested lists, not done": Manner(
        CRATE_1_1,
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW,
            did("#one", "main.wf", ("#outer",), ("#result",)),
            {"@id": "#outer", "@type": "Collection", "hasPart": refs("#inner", "#outer")},
            {"@id": "#inner", "@type": "Collection", "hasPart": refs("a.tif")},
            {"@id": "#result", "@type": "Collection", "hasPart": refs("b.tif")},
            did("#two", "main.wf", ("b.tif",), ("c.tif",), actionStatus={"@id": "http://schema.org/ActiveActionStatus"}),
            *things("a.tif", "b.tif", "c.tif"),
        ],
        {"b.tif": {"#one", "#outer", "#inner", "a.tif"}, "c.tif": set()},
    ),
    # One action, data at addresses, a folder as a whole, a context with a closing slash.
    "COMPSs": Manner(
        ["https://w3id.org/ro/crate/1.1/context/", "https://w3id.org/ro/terms/workflow-run"],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW,
            did("#COMPSs_1", "main.wf", ("file://node7/gpfs/input/", "https://data.example.org/x.nc"), ("dataset/",)),
            {"@id": "dataset/", "@type": "Dataset", "hasPart": refs("dataset/y.nc")},
            {"@id": "dataset/y.nc", "@type": "File"},
        ],
        {"dataset/y.nc": {"#COMPSs_1", "file://node7/gpfs/input/", "https://data.example.org/x.nc"}},
        "The @context https://w3id.org/ro/crate/1.1/context/ is read as https://w3id.org/ro/crate/1.1/context.",
    ),
    # A nested workflow beside its own steps, RO-Crate 1.2, the other spelling of Bioschemas, hashes as addresses.
    "WfExS": Manner(
        ["https://w3id.org/ro/crate/1.2/context", RUN],
        {"mainEntity": {"@id": "main.wf"}, "name": "staged"},
        [
            WORKFLOW | {"hasPart": {"@id": "#inner"}},
            {"@id": "#inner", "@type": ["SoftwareSourceCode", "https://bioschemas.org/ComputationalWorkflow"],
             "hasPart": {"@id": "#t"}},
            *tools("#t"),
            did("#outer", "main.wf", ("nih:sha-256;aa", "b"), ("c",)),
            did("#nested", "#inner", ("nih:sha-256;aa", "b"), ("c",)),
            did("#step", "#t", ("nih:sha-256;aa",), ("c",), containerImage={"@id": "#image"}),
            {"@id": "#image", "@type": "ContainerImage", "name": "t", "tag": "1"},
        ],
        {"c": {"#step", "nih:sha-256;aa"}},
    ),
    # A step that was tried twice; a record whose fields are parameters with a file as value; files by their checksum.
    "StreamFlow": Manner(
        [CRATE_1_1, RUN, {"ParameterConnection": "https://w3id.org/ro/terms/workflow-run#ParameterConnection"}],
        {"mainEntity": {"@id": "main.wf"}, "conformsTo": refs("https://w3id.org/ro/wfrun/provenance/0.4")},
        [
            WORKFLOW | {"hasPart": refs("main.wf#extract"), "step": refs("main.wf#1")},
            {"@id": "main.wf#1", "@type": "HowToStep", "workExample": refs("main.wf#extract")},
            *tools("main.wf#extract"),
            did("#try-1", "main.wf#extract", ("7c0b",), ("9a31",), actionStatus=FAILED, error="out of memory"),
            did("#try-2", "main.wf#extract", ("7c0b", "#record"), ("9a31",), actionStatus=COMPLETED),
            {"@id": "#record", "@type": "PropertyValue", "name": "extra", "value": refs("#field", "#n")},
            {"@id": "#field", "@type": "PropertyValue", "name": "mask", "value": {"@id": "41d2"}},
            {"@id": "#n", "@type": "PropertyValue", "name": "n", "value": 4},
            {"@id": "#control", "@type": "ControlAction", "instrument": refs("main.wf#1"),
             "object": refs("#try-1", "#try-2")},
            *things("7c0b", "9a31", "41d2", alternateName="image.tif"),
        ],
        {"9a31": {"#try-2", "7c0b", "41d2"}},
    ),
    # Texts where references belong, no end, no licence, the experiment's files named from the folder that it ran in.
    "Autosubmit": Manner(
        [CRATE_1_1, RUN, {"@base": "https://example.org/experiments/a000/"}],
        {"mainEntity": "main.wf", "hasPart": ["main.wf", "conf/jobs.yml", "proj/out.nc"]},
        [
            WORKFLOW,
            {"@id": "#create-action", "@type": "CreateAction", "instrument": "main.wf", "startTime": "2023-05-04 10:11",
             "object": ["conf/jobs.yml", "a sentence about inputs"], "result": "proj/out.nc",
             "actionStatus": "http://schema.org/CompletedActionStatus"},
            *things("conf/jobs.yml", "proj/out.nc"),
        ],
        {"proj/out.nc": {"#create-action", "conf/jobs.yml"}},
        "Texts where an action should refer to a thing, and that name none, connect nothing: 1.",
    ),
    # Terms of its own in the context, several checksums, an exit code; inputs by their name in the request.
    "Sapporo": Manner(
        [CRATE_1_1, {"exitCode": "https://w3id.org/ro/terms/sapporo#exitCode",
                     "sha512": "https://w3id.org/ro/terms/workflow-run#sha512"}],
        {"mainEntity": {"@id": "https://example.org/trimming.cwl"}, "mentions": refs("#run-1")},
        [
            WORKFLOW | {"@id": "https://example.org/trimming.cwl"},
            did("#run-1", "https://example.org/trimming.cwl", ("exe/r1.fq", "exe/workflow_params.json"),
                ("outputs/r1.trimmed.fq",), exitCode=0, sha512="f" * 128, startTime="2024-01-01T00:00:00Z"),
            *things("exe/r1.fq", "exe/workflow_params.json", "outputs/r1.trimmed.fq", sha512="0" * 128),
        ],
        {"outputs/r1.trimmed.fq": {"#run-1", "exe/r1.fq", "exe/workflow_params.json"}},
        "Things without a digest join no other run by their content: 3 of 3.",
    ),
    # The engine's own action names files as its result, where the profile asks for the run's action.
    "results on the OrganizeAction": Manner(
        [CRATE_1_1, RUN],
        {"mainEntity": {"@id": "main.wf"}},
        [
            WORKFLOW | {"hasPart": refs("#t")},
            *tools("#t", "#engine"),
            did("#job", "#t", ("in",), ("out",)),
            {"@id": "#organise", "@type": "OrganizeAction", "instrument": refs("#engine"),
             "object": refs("in", "other"), "result": refs("out", "log")},
        ],
        {"out": {"#job", "in"}},
        "Engines' own actions (OrganizeAction) that name things as their result make none of them: 1.",
    ),
    # Without a type of its own for a tool, by a person: a process run crate, with a change in place.
    "a process run crate": Manner(
        CRATE_1_1,
        {"conformsTo": refs("https://w3id.org/ro/wfrun/process/0.3")},
        [
            did("#convert", "https://imagemagick.example.org/", ("pics/a.jpg",), ("pics/a.bw.jpg",)),
            {"@id": "#look", "@type": "ActivateAction", "instrument": refs("#viewer"), "object": refs("pics/a.bw.jpg")},
            {"@id": "#retouch", "@type": "UpdateAction", "object": refs("pics/b.jpg"), "result": refs("pics/c.jpg")},
        ],
        {"pics/a.bw.jpg": {"#convert", "pics/a.jpg"}, "pics/c.jpg": {"#retouch", "pics/b.jpg"}},
    ),
    # The newest: RO-Crate 1.3, Bioschemas' terms under a third spelling, a draft's number in the context.
    "0.6 on RO-Crate 1.3": Manner(
        ["https://w3id.org/ro/crate/1.3-DRAFT/context", RUN],
        {"mainEntity": {"@id": "main.wf"}, "conformsTo": refs("https://w3id.org/ro/wfrun/provenance/0.6")},
        [
            WORKFLOW | {"hasPart": refs("#sub")},
            {"@id": "#sub", "@type": ["SoftwareSourceCode", "https://bioschemas.org/terms/ComputationalWorkflow"],
             "hasPart": refs("#t")},
            *tools("#t"),
            did("#whole", "main.wf", ("a", "b"), ("c",)),
            did("#nested", "#sub", ("a", "b"), ("c",)),
            did("#job", "#t", ("b",), ("c",)),
        ],
        {"c": {"#job", "b"}},
        "is read as https://w3id.org/ro/crate/1.3/context",
    ),
    # RO-Crate 1.0, which no profile of runs is based on: another name of the descriptor, and of the workflow's type.
    "RO-Crate 1.0": Manner(
        "https://w3id.org/ro/crate/1.0/context",
        {},
        [
            did("#one", "#trimmomatic", ("reads.fq",), ("trimmed.fq",)),
            did("#again", "#trimmomatic", ("other.fq",), ("trimmed.fq",), actionStatus="FailedActionStatus"),
            *tools("#trimmomatic"),
        ],
        {"trimmed.fq": {"#one", "reads.fq"}},
        "It has no name: it is called by its id.",
        descriptor={"@id": "ro-crate-metadata.jsonld"},
    ),
    # A crate at an address (RO-Crate 1.2): its root, descriptor and things are named by it.
    "a crate at an address": Manner(
        "https://w3id.org/ro/crate/1.2/context",
        {"mainEntity": refs("https://example.org/c/main.wf")},
        [
            WORKFLOW | {"@id": "https://example.org/c/main.wf", "hasPart": refs("#t")},
            did("#whole", "https://example.org/c/main.wf", ("https://example.org/c/a", "https://example.org/c/x"),
                ("https://example.org/c/b",)),
            did("#job", "#t", ("https://example.org/c/a",), ("https://example.org/c/b",)),
        ],
        {"https://example.org/c/b": {"#job", "https://example.org/c/a"}},
        "Its root is called https://example.org/c/, and read as the crate itself.",
        root_id="https://example.org/c/",
        descriptor={"@id": "https://example.org/c/ro-crate-metadata.json"},
    ),
    # Its descriptor has no name that is known, and says what it is by the specification that it conforms to.
    "a root that is found by its specification": Manner(
        CRATE_1_1,
        {"mainEntity": refs("main.wf"), "name": "inside"},
        [WORKFLOW | {"hasPart": refs("#t")}, did("#w", "main.wf", ("a", "x"), ("b",)), did("#j", "#t", ("a",), ("b",))],
        {"b": {"#j", "a"}},
        "Its root is called data/, and read as the crate itself.",
        root_id="data/",
        descriptor={"@id": "about.json", "conformsTo": refs("https://w3id.org/ro/crate/1.1")},
    ),
    # No profile, no action: a data set.
    "a plain data set": Manner(
        CRATE_1_1,
        {"name": "a data set", "hasPart": refs("x.csv", "y.csv")},
        [*things("x.csv", "y.csv"), {"@id": "#me", "@type": "Person", "name": "me"}],
        {"x.csv": set(), "y.csv": set()},
        "It has no action: what it describes is known, and descends from nothing.",
    ),
}  # fmt: skip
