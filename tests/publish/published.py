"""A small run as filiation records it, with its files: valid by its profiles, so that what is made of it can be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from filiation.crate import Payload, write_crate
from filiation.digest import digest_file, digest_tree
from filiation.model import (
    Action,
    Agent,
    DataEntity,
    EntityKind,
    Machine,
    Parameter,
    Presence,
    Rule,
    RuleKind,
    Slot,
    Software,
    Status,
    Value,
    Workflow,
    WorkflowRun,
)
from tests.lineage.crates import run_id, write

IMAGE, LABELS, TABLE = "results/image.ome.zarr", "results/nuclei.ome.zarr", "results/nuclei.csv"
SOURCE = "https://omero.example.org/Image/51"
SNAKEMAKE = Software("snakemake", "9.27.1", "pkg:pypi/snakemake@9.27.1")
SKIMAGE = Software("scikit-image", "0.26.0", "pkg:pypi/scikit-image@0.26.0")


def record_run(folder: Path, crates: Path, number: int = 1) -> Path:
    """Write a run's files into a folder, and its crate below another; return the crate."""
    files: dict[str, str | dict[str, str]] = {
        "Snakefile": "rule all:\n    input: 'results/nuclei.csv'\n",
        "config/samples.tsv": "sample\tsource\torganism\timaging_method\tfixation\n"
        f"s1\t{SOURCE}\thuman\tconfocal\tPFA 4 %\n",
        IMAGE: {"zarr.json": "{}", "0/c/0/0": "pixels"},
        LABELS: {"zarr.json": "{}", "0/c/0/0": "labels", "0/c/0/1": "more"},
        TABLE: "label,area\n1,12.5\n",
    }
    for path, content in files.items():
        write(folder / path, content)
    rules = (
        Rule("fetch", RuleKind.SCRIPT, "Snakefile", 3),
        Rule("segment", RuleKind.SCRIPT, "Snakefile", 9),
        Rule("measure", RuleKind.SCRIPT, "Snakefile", 15),
    )  # fmt: skip
    jobs = (
        ("fetch", (Slot("used[image]", SOURCE),), (Slot("image", IMAGE),), ()),
        ("segment", (Slot("image", IMAGE),), (Slot("labels", LABELS),),
         (_given("method", "otsu_watershed"), _given("sigma", 1.5), _given("channel", 0), _given("both", False))),
        ("measure", (Slot("image", IMAGE), Slot("labels", LABELS)), (Slot("table", TABLE),), ()),
    )  # fmt: skip
    run = WorkflowRun(
        id=run_id(number),
        status=Status.FINISHED,
        workflow=Workflow("Snakefile", ("Snakefile",), name="nuclei", swhid=f"swh:1:dir:{'5' * 40}"),
        engine=SNAKEMAKE,
        agent=Agent("jc", "Josiah Carberry", "https://orcid.org/0000-0002-1825-0097", "EMBL",
                    "https://ror.org/03mstc592"),
        machine=Machine("node7", "Linux-x86_64", 8),
        command="snakemake --cores 8",
        folder=str(folder),
        started=_at(0),
        ended=_at(30),
        config_files=("config/samples.tsv",),
        rules=rules,
        actions=tuple(
            Action(
                job=number + 1, attempt=1, rule=rule, status=Status.FINISHED, inputs=inputs, outputs=outputs,
                parameters=parameters, software=(SKIMAGE,), started=_at(number), ended=_at(number + 1),
                machine=Machine("node7"), time_source="step",
            )
            for number, (rule, inputs, outputs, parameters) in enumerate(jobs)
        ),
        connections=(("fetch", "segment"), ("segment", "measure")),
        entities=(
            DataEntity(SOURCE, EntityKind.RAW_IMAGE, Presence.REMOTE, url="https://omero.example.org/webclient"),
            _thing(folder, IMAGE, EntityKind.IMAGE), _thing(folder, LABELS, EntityKind.LABEL_IMAGE),
            _thing(folder, TABLE, media_type="text/csv"), _thing(folder, "Snakefile", media_type="text/plain"),
            _thing(folder, "config/samples.tsv", media_type="text/tab-separated-values"),
        ),
        license="CC-BY-4.0",
    )  # fmt: skip
    crate = crates / run.id
    payload = Payload(
        files={f"work/{path}": (folder / path).read_bytes() for path in ("Snakefile", "config/samples.tsv")},
        journal=b"{}\n",
        manifests={
            found.digest.hex: found.manifest for found in (digest_tree(folder / IMAGE), digest_tree(folder / LABELS))
        },
    )
    crate.mkdir(parents=True)
    write_crate(run, crate, payload)
    return crate


def _given(name: str, value: object) -> Parameter:
    return Parameter(name, Value.of(value), Value.of(value))


def _at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 10, minute, tzinfo=UTC)


def _thing(folder: Path, path: str, kind: EntityKind = EntityKind.FILE, media_type: str | None = None) -> DataEntity:
    place = folder / path
    if place.is_dir():
        tree = digest_tree(place)
        return DataEntity(path, kind, Presence.PRESENT, tree.digest, size=tree.size, files=tree.files)
    return DataEntity(
        path, kind, Presence.PRESENT, digest_file(place), size=place.stat().st_size, media_type=media_type
    )
