"""Writing a crate folder: the metadata document and the small files; large things are referred to, never copied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filiation.crate.composition import JOURNAL, MANIFESTS, METADATA_RECORDS, README, document
from filiation.crate.deployed import ENVIRONMENTS
from filiation.crate.flushing import flush_tree
from filiation.model import WorkflowRun, decode_path

METADATA = "ro-crate-metadata.json"


@dataclass(frozen=True, slots=True)
class Payload:
    """What travels inside a crate.

    Parameters
    ----------
    files
        Bytes of small files by their place in the crate (``work/Snakefile``), redacted by the caller.
    trees
        Places in the crate that the caller fills with larger things, trees with a final ``/``.
    redacted
        Places of files whose copy lacks secrets, and so has another digest than the original.
    journal
        The journal's bytes.
    steps
        Bytes of step records by place (``steps/….json``).
    manifests
        Manifests of trees by hexadecimal digest.
    environments
        Lists of the packages of deployed conda environments, by their SHA-256 in hexadecimal.
    metadata
        Snakemake's metadata records, in the place of a journal, of a run that was recorded afterwards.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    trees: frozenset[str] = frozenset()
    redacted: frozenset[str] = frozenset()
    journal: bytes = b""
    steps: Mapping[str, bytes] = field(default_factory=dict)
    manifests: Mapping[str, bytes] = field(default_factory=dict)
    metadata: bytes = b""
    environments: Mapping[str, bytes] = field(default_factory=dict)


def write_crate(run: WorkflowRun, folder: Path, payload: Payload) -> None:
    """Write a run's crate into a folder that is not visible under its final name yet.

    Every file and folder is forced to disk, so that the caller's rename makes a whole crate visible or none.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    readme = _readme(run).encode("utf-8", "backslashreplace")
    source = {METADATA_RECORDS: payload.metadata} if payload.metadata else {JOURNAL: payload.journal}
    locks = {f"{ENVIRONMENTS}{digest}.txt": content for digest, content in payload.environments.items()}
    own = {README: readme, **source, **payload.steps, **locks}
    manifests = {f"{MANIFESTS}{digest}.sha256": content for digest, content in payload.manifests.items()}
    sizes = {place: len(content) for place, content in own.items()}
    if manifests:
        sizes[MANIFESTS] = 0
    metadata = document(run, {*payload.files, *payload.trees}, sizes, payload.redacted)
    text = _as_json(metadata)
    if "\\udc" in text:
        metadata = _as_text(metadata)
        text = _as_json(metadata)
    # A crate that carries its data goes to other people, who may have nothing but a browser.
    page = _page(metadata) if payload.trees else {}
    for place, content in {**payload.files, **own, **manifests, **page, METADATA: text.encode("ascii")}.items():
        _write(folder / decode_path(place), content)
    flush_tree(folder)


def _page(metadata: Mapping[str, Any]) -> dict[str, bytes]:
    from filiation.crate.preview import PREVIEW_FILE, render_preview

    return {PREVIEW_FILE: render_preview(metadata).encode("utf-8")}


def _as_json(metadata: Mapping[str, Any]) -> str:
    """Return the document with a line for each property.

    ``json.dumps`` with ``indent`` is written in Python and takes ten times as long, which counts for 20,000 jobs.
    """
    context, *entities = (
        json.dumps(part, separators=(",\n   ", ": ")) for part in (metadata["@context"], *metadata["@graph"])
    )
    graph = ",\n  ".join(entities)
    return f'{{\n "@context": {context},\n "@graph": [\n  {graph}\n ]\n}}\n'


def _as_text(value: Any) -> Any:
    """Return JSON in which undecodable bytes of a name are written out as escapes: a lone surrogate is no text.

    Paths keep their bytes, percent-encoded, in the identifiers.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    return value


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _readme(run: WorkflowRun) -> str:
    name = run.workflow.name or run.workflow.main
    lines = [
        f"# Run of {name}, {run.started:%Y-%m-%d %H:%M} UTC",
        "",
        f"Run `{run.id}` of a Snakemake workflow by {run.agent.name or run.agent.user} on {run.machine.host}: "
        f"{run.status.value}.",
        "",
        f"    {run.command}",
        "",
        "This folder is a Workflow Run RO-Crate (Provenance Run Crate 0.5 on RO-Crate 1.1). `ro-crate-metadata.json`",
        "says what was run, with which parameters and software, by whom and when, what it used and what it made.",
        "",
        "- `work/`: the workflow's own files, as they were (secrets withheld); large things are not copied but named",
        "  in the metadata by place, size and digest",
        "- `journal.jsonl`: every event of the run, each line chained to the one before by its hash"
        if run.recorded_by == "journal"
        else f"- `{METADATA_RECORDS}`: Snakemake's metadata; this record was made from it, of low confidence",
        "- `steps/`: what jobs recorded of themselves",
        "- `manifests/`: for each directory or OME-Zarr store the SHA-256 of every file in it",
        "- `environments/`: for each conda environment that was deployed the list of its packages",
        "",
        "| action | status | start (UTC) | end (UTC) |",
        "|---|---|---|---|",
    ]
    for action in run.actions:
        wildcards = " ".join(f"{key}={value}" for key, value in action.wildcards)
        times = [f"{moment:%H:%M:%S}" if moment else "not known" for moment in (action.started, action.ended)]
        lines.append(f"| {_cell(action.rule)} {_cell(wildcards)} | {action.status.value} | {times[0]} | {times[1]} |")
    if run.not_captured:
        lines += ["", "Not captured:", "", *(f"- {_cell(sentence)}" for sentence in run.not_captured)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
