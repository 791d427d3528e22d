"""A minimal valid Provenance Run Crate 0.5 on RO-Crate 1.1, written by hand from the profiles' text."""

import json
from pathlib import Path
from typing import Any

CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
FILES = {
    "README.md": "# One step\n",
    "work/Snakefile": "rule segment:\n    shell: 'segment {input} {output}'\n",
    "work/data/raw.txt": "raw\n",
    "work/results/labels.txt": "labels\n",
}


def ref(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def file(identifier: str, name: str, description: str, **more: Any) -> dict[str, Any]:
    return {
        "@id": identifier,
        "@type": "File",
        "name": name,
        "description": description,
        "contentSize": str(len(FILES[identifier])),
        "encodingFormat": "text/plain",
        **more,
    }


def minimal_metadata() -> dict[str, Any]:
    """Return the metadata document; each call makes a new one, to be broken by a test."""
    entities = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": ref("./"),
            "conformsTo": [
                ref("https://w3id.org/ro/crate/1.1"),
                ref("https://w3id.org/workflowhub/workflow-ro-crate/1.0"),
            ],
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": "One segmentation",
            "description": "A workflow with one step, run once.",
            "datePublished": "2026-01-02T03:04:05+00:00",
            "license": ref(LICENCE),
            "author": ref("https://orcid.org/0000-0002-1825-0097"),
            "publisher": ref("#publisher"),
            "conformsTo": [ref(identifier) for identifier in PROFILES],
            "hasPart": [ref(identifier) for identifier in FILES],
            "mainEntity": ref("work/Snakefile"),
            "mentions": [ref("#run"), ref("#job-1"), ref("#engine-run"), ref("#control-segment")],
        },
        {
            "@id": LICENCE,
            "@type": "CreativeWork",
            "name": "CC0 1.0",
            "description": "Creative Commons Zero 1.0 Universal",
        },
        {
            "@id": "https://orcid.org/0000-0002-1825-0097",
            "@type": "Person",
            "name": "Josiah Carberry",
            "affiliation": ref("#publisher"),
        },
        {"@id": "#publisher", "@type": "Organization", "name": "A laboratory", "url": "https://example.org/"},
        *(
            {"@id": identifier, "@type": "CreativeWork", "name": name, "version": identifier.rpartition("/")[2]}
            for identifier, name in PROFILES.items()
        ),
        {
            "@id": LANGUAGE,
            "@type": "ComputerLanguage",
            "name": "Snakemake",
            "alternateName": "Snakemake",
            "identifier": ref("https://doi.org/10.1093/bioinformatics/bts480"),
            "url": ref("https://snakemake.readthedocs.io"),
            "version": "9.22.0",
        },
        file("README.md", "README.md", "What this crate is", about=ref("./"), encodingFormat="text/markdown"),
        file(
            "work/Snakefile",
            "Snakefile",
            "The workflow",
            **{
                "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
                "conformsTo": ref("https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"),
                "programmingLanguage": ref(LANGUAGE),
                "hasPart": ref("#tool-segment"),
                "step": ref("#step-segment"),
                "input": ref("#param-raw"),
                "output": ref("#param-labels"),
            },
        ),
        {"@id": "#tool-segment", "@type": "SoftwareApplication", "name": "segment", "version": "1.0"},
        {
            "@id": "#step-segment",
            "@type": "HowToStep",
            "name": "segment",
            "position": "1",
            "workExample": ref("#tool-segment"),
        },
        {
            "@id": "#param-raw",
            "@type": "FormalParameter",
            "additionalType": "File",
            "name": "raw",
            "conformsTo": ref("https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"),
            "workExample": ref("work/data/raw.txt"),
        },
        {
            "@id": "#param-labels",
            "@type": "FormalParameter",
            "additionalType": "File",
            "name": "labels",
            "conformsTo": ref("https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"),
            "workExample": ref("work/results/labels.txt"),
        },
        file("work/data/raw.txt", "raw.txt", "The raw image", exampleOfWork=ref("#param-raw")),
        file("work/results/labels.txt", "labels.txt", "The labels", exampleOfWork=ref("#param-labels")),
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": "Run of Snakefile",
            "description": "snakemake",
            "instrument": ref("work/Snakefile"),
            "object": ref("work/data/raw.txt"),
            "result": ref("work/results/labels.txt"),
            "agent": ref("https://orcid.org/0000-0002-1825-0097"),
            "startTime": "2026-01-02T03:04:00+00:00",
            "endTime": "2026-01-02T03:04:05+00:00",
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
        {
            "@id": "#job-1",
            "@type": "CreateAction",
            "name": "segment",
            "description": "segment work/data/raw.txt work/results/labels.txt",
            "instrument": ref("#tool-segment"),
            "object": ref("work/data/raw.txt"),
            "result": ref("work/results/labels.txt"),
            "agent": ref("https://orcid.org/0000-0002-1825-0097"),
            "startTime": "2026-01-02T03:04:01+00:00",
            "endTime": "2026-01-02T03:04:04+00:00",
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
        {
            "@id": "#control-segment",
            "@type": "ControlAction",
            "name": "Orchestration of segment",
            "instrument": ref("#step-segment"),
            "object": ref("#job-1"),
        },
        {"@id": "#engine", "@type": "SoftwareApplication", "name": "Snakemake", "version": "9.22.0"},
        {
            "@id": "#engine-run",
            "@type": "OrganizeAction",
            "name": "Run of Snakemake",
            "instrument": ref("#engine"),
            "object": ref("#control-segment"),
            "result": ref("#run"),
            "agent": ref("https://orcid.org/0000-0002-1825-0097"),
        },
    ]
    return {"@context": list(CONTEXT), "@graph": entities}


def entity(document: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Return an entity of the document, to be changed."""
    found: dict[str, Any] = next(one for one in document["@graph"] if one["@id"] == identifier)
    return found


def write_crate(folder: Path, document: dict[str, Any] | None = None) -> Path:
    """Write the crate with its payload."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    text = json.dumps(minimal_metadata() if document is None else document, indent=2)
    (folder / "ro-crate-metadata.json").write_text(text, encoding="utf-8")
    return folder
