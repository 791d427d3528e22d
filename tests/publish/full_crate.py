"""A crate as an author would publish it: people with ORCID and ROR, a grant, an image of OMERO, an article, terms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.crate.minimal import FILES, entity, minimal_metadata, ref

ADA = "https://orcid.org/0000-0002-1825-0097"
GRACE = "https://orcid.org/0000-0001-5109-3700"
CALTECH = "https://ror.org/05dxps055"
FUNDER = "https://ror.org/04qw24q55"
IMAGE = "https://omero.example.org/Image/51"
ARTICLE = "https://doi.org/10.1000/nuclei"
REPOSITORY = "https://code.example.org/nuclei"
CONFOCAL = "http://purl.obolibrary.org/obo/FBbi_00000251"
HUMAN = "http://purl.obolibrary.org/obo/NCBITaxon_9606"
MORE_FILES = {
    **FILES,
    "work/results/nuclei of day 1/é ü.txt": "the nuclei of day 1\n",
    "work/results/nuclei.ome.zarr/zarr.json": '{"zarr_format": 3, "node_type": "group"}\n',
    "work/results/nuclei.ome.zarr/0/c/0/0": "chunk\n",
}


def described() -> dict[str, Any]:
    """Return the metadata of a crate that says all that repositories ask for; each call makes a new document."""
    document = minimal_metadata()
    root = entity(document, "./")
    root |= {
        "name": "Nuclei of day 1",
        "description": "Label images of nuclei, <b>segmented</b> & measured.",
        "datePublished": "2026-01-02T03:04:05+00:00",
        "dateCreated": "2025-12-24",
        "temporalCoverage": "2025-12-01/2025-12-24",
        "license": ref("https://creativecommons.org/licenses/by/4.0/"),
        "author": [ref(ADA), ref("#grace")],
        "contributor": ref("#role"),
        "publisher": ref(CALTECH),
        "keywords": ["nuclei", "segmentation"],
        "about": [ref(CONFOCAL), ref(HUMAN)],
        "version": "1.2.0",
        "funding": ref("#grant"),
        "funder": ref(FUNDER),
        "citation": ref(ARTICLE),
        "inLanguage": "en",
    }
    root["hasPart"] = [ref(name) for name in _parts()]
    workflow = entity(document, "work/Snakefile")
    workflow |= {"codeRepository": REPOSITORY, "url": REPOSITORY, "version": "3.1"}
    for action in ("#run", "#job-1"):
        entity(document, action)["object"] = [ref("work/data/raw.txt"), ref(IMAGE)]
    person = entity(document, ADA)
    person |= {"name": "Josiah Carberry", "affiliation": ref(CALTECH)}
    document["@graph"] = [
        found for found in document["@graph"] if found["@id"] not in (*FILES, "#publisher") or "work/" in found["@id"]
    ]
    document["@graph"] += [
        _file("README.md", encodingFormat="text/markdown", about=ref("./")),
        _file("work/results/nuclei%20of%20day%201/%C3%A9%20%C3%BC.txt", path="work/results/nuclei of day 1/é ü.txt"),
        {
            "@id": "work/results/nuclei.ome.zarr/",
            "@type": "Dataset",
            "name": "nuclei.ome.zarr",
            "description": "Label image",
            "encodingFormat": "application/vnd.zarr; version=3",
        },
        {
            "@id": "#grace",
            "@type": "Person",
            "givenName": "Grace",
            "familyName": "Hopper",
            "identifier": GRACE,
            "affiliation": ref(CALTECH),
        },
        {"@id": "#role", "@type": "Role", "roleName": "Data Curator", "contributor": ref("#curators")},
        {"@id": "#curators", "@type": "Organization", "name": "The curators"},
        {"@id": CALTECH, "@type": "Organization", "name": "An institute", "url": "https://institute.example.org/"},
        {"@id": FUNDER, "@type": "Organization", "name": "A funder"},
        {
            "@id": "#grant",
            "@type": "Grant",
            "name": "Nuclei for all",
            "identifier": "N-42",
            "url": "https://funder.example.org/N-42",
            "funder": ref(FUNDER),
        },
        {"@id": ARTICLE, "@type": "ScholarlyArticle", "name": "On nuclei"},
        {"@id": IMAGE, "@type": ["CreativeWork", "ImageObject"], "name": "cells", "description": "Raw image"},
        {"@id": CONFOCAL, "@type": "DefinedTerm", "name": "confocal microscopy", "termCode": "FBbi_00000251"},
        {"@id": HUMAN, "@type": "DefinedTerm", "name": "Homo sapiens", "termCode": "NCBITaxon_9606"},
        {
            "@id": "https://creativecommons.org/licenses/by/4.0/",
            "@type": "CreativeWork",
            "name": "CC BY 4.0",
            "description": "Creative Commons Attribution 4.0 International",
        },
    ]
    for found in document["@graph"]:
        if "File" in found["@type"] and found["@id"] in MORE_FILES:
            found["sha256"] = hashlib.sha256(MORE_FILES[found["@id"]].encode()).hexdigest()
    return document


def published_crate(folder: Path, document: dict[str, Any] | None = None) -> Path:
    """Write the crate with its payload, and return its folder."""
    for name, content in MORE_FILES.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
    text = json.dumps(described() if document is None else document, indent=1, ensure_ascii=False)
    (folder / "ro-crate-metadata.json").write_text(text, encoding="utf-8")
    return folder


def _parts() -> list[str]:
    return [
        *FILES,
        "work/results/nuclei%20of%20day%201/%C3%A9%20%C3%BC.txt",
        "work/results/nuclei.ome.zarr/",
    ]


def _file(identifier: str, path: str = "", **more: Any) -> dict[str, Any]:
    content = MORE_FILES[path or identifier].encode()
    return {
        "@id": identifier,
        "@type": "File",
        "name": (path or identifier).rpartition("/")[2],
        "description": "A file",
        "contentSize": str(len(content)),
        "encodingFormat": "text/plain",
        "sha256": hashlib.sha256(content).hexdigest(),
        **more,
    }
