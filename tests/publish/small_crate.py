"""A small crate with everything that a repository asks for, written by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

RUN = "0000beef-0000-4000-8000-00000000beef"


def small_crate(folder: Path, *, more: tuple[dict[str, Any], ...] = (), **root: object) -> Path:
    """Write a crate with a workflow, a table, and an image store of two files."""
    files = {
        "workflow/Snakefile": "rule all:\n    input: 'results/table.csv'\n",
        "results/table.csv": "label,area\n1,10\n2,20\n",
        "results/nuclei.ome.zarr/zarr.json": '{"zarr_format": 3, "node_type": "group"}',
        "results/nuclei.ome.zarr/0/c/0/0": "chunk",
        "ro-crate-preview.html": "<!DOCTYPE html><title>Nuclei</title>",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    described = [
        {
            "@id": path,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"] if "Snakefile" in path else "File",
            "name": Path(path).name,
            "encodingFormat": "text/csv" if path.endswith("csv") else "text/plain",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        for path, text in files.items()
        if ".zarr" not in path and "preview" not in path
    ]
    graph: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": "Nuclei <of> kidneys",
            "description": "Label images.\n\nMade with <b>care</b>.",
            "datePublished": "2026-03-01",
            "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"},
            "author": [{"@id": "https://orcid.org/0000-0002-1825-0097"}],
            "contributor": {"@id": "#ada"},
            "funder": {"@id": "https://ror.org/05dxps055"},
            "keywords": ["nuclei", "segmentation"],
            "version": "1.0",
            "isBasedOn": {"@id": "https://omero.example.org/webclient/?show=image-51"},
            "mainEntity": {"@id": "workflow/Snakefile"},
            "hasPart": [{"@id": each["@id"]} for each in described] + [{"@id": "results/nuclei.ome.zarr/"}],
            **root,
        },
        {
            "@id": "https://orcid.org/0000-0002-1825-0097",
            "@type": "Person",
            "name": "Josiah Carberry",
            "affiliation": {"@id": "https://ror.org/05dxps055"},
        },
        {"@id": "#ada", "@type": "Person", "name": "Ada Lovelace"},
        {"@id": "https://ror.org/05dxps055", "@type": "Organization", "name": "An institute"},
        {"@id": "results/nuclei.ome.zarr/", "@type": "Dataset", "name": "nuclei.ome.zarr"},
        *described,
        *more,
    ]
    document = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    (folder / "ro-crate-metadata.json").write_text(json.dumps(document, indent=1))
    return folder
