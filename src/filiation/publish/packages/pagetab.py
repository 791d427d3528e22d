"""A crate as a submission to BioStudies or the BioImage Archive: PageTab with a file list, and REMBI's sections.

PageTab (https://ebibiostudies.github.io/page-tab-specification) is written as TSV and as JSON; a submission takes one
of them, and a file list of the same kind. REMBI's sections (https://doi.org/10.1038/s41592-021-01166-8) are those that
the BioImage Archive asks for; each is written as far as the crate says something of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.crate import flush_tree
from filiation.crate.jsonld import many
from filiation.model import decode_path
from filiation.publish.description import Creator, Description, describe_crate, metadata_of
from filiation.publish.packages.holdings import Holdings, holdings_of
from filiation.publish.packages.package import Package, PackageSettings, appearing

COLLECTION: Final = "BioImages"
_FORMULA: Final = re.compile(r"[=+@-]")
_ORGANISM: Final = "http://purl.obolibrary.org/obo/NCBITaxon_"
_METHOD: Final = "http://purl.obolibrary.org/obo/FBbi_"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name with a value; ``term`` is the value's address in a vocabulary, ``is_reference`` names a section."""

    name: str
    value: str
    term: str | None = None
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a submission, with an accession number that others may refer to."""

    kind: str
    accession: str
    attributes: tuple[Attribute, ...]


def write_pagetab(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a folder with a submission and its file list, each as TSV and as JSON."""
    described = describe_crate(crate, settings.today)
    found = holdings_of(crate)
    kinds = _kinds(metadata_of(crate))
    texts = {
        "submission.tsv": to_tsv(described),
        "submission.json": json.dumps(to_json(described), indent=2, ensure_ascii=False) + "\n",
        "file-list.tsv": _list_as_tsv(found, kinds),
        "file-list.json": json.dumps(_list_as_json(found, kinds), indent=2, ensure_ascii=False) + "\n",
    }
    with appearing(target) as making:
        making.mkdir()
        for name, text in texts.items():
            (making / name).write_text(text, encoding="utf-8", newline="\n")
        flush_tree(making)
    size = sum(len(text.encode()) for text in texts.values())
    odd = [file.path for file in found.files if "//" in file.path or file.path.startswith("./")]
    remarks = tuple(f"{one.field}: {one.why}" for one in described.missing)
    if licence := _odd_licence(described):
        remarks = (licence, *remarks)
    return Package(target, "pagetab", len(texts), size, (*remarks, *(f"{path!r} cannot be listed" for path in odd)))


def to_tsv(described: Description) -> str:
    """Return the submission as PageTab TSV: blocks of lines with an empty line between them."""
    blocks = [["Submission", *_lines(_of_submission(described))]]
    for section in sections_of(described, "file-list.tsv"):
        blocks.append([f"{section.kind}\t{section.accession}", *_lines(section.attributes)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def to_json(described: Description) -> dict[str, Any]:
    """Return the submission as PageTab JSON."""
    study, *others = sections_of(described, "file-list.json")
    return {
        "attributes": [_as_json(one) for one in _of_submission(described)],
        "section": {**_section(study), "subsections": [_section(one) for one in others]},
    }


def sections_of(described: Description, file_list: str) -> list[Section]:
    """Return the study and REMBI's sections, as far as the crate says something of them."""
    places = dict.fromkeys(place for one in described.creators for place in one.affiliations)
    organisations = {place: f"Organization-{number}" for number, place in enumerate(places, 1)}
    organisms = [one for one in described.subjects if (one.iri or "").startswith(_ORGANISM)]
    methods = [one for one in described.subjects if (one.iri or "").startswith(_METHOD)]
    sections = [Section("Study", "Study-1", tuple(_study(described)))]
    for number, creator in enumerate(described.creators, 1):
        names = [organisations[place] for place in creator.affiliations]
        sections.append(Section("Author", f"Author-{number}", tuple(_author(creator, names))))
    for place, accession in organisations.items():
        told = [Attribute("Name", place.name), *([Attribute("RORID", place.ror)] if place.ror else [])]
        sections.append(Section("Organization", accession, tuple(told)))
    for number, grant in enumerate(described.grants, 1):
        told = [
            *([Attribute("Agency", grant.funder.name)] if grant.funder else []),
            *([Attribute("grant_id", grant.number)] if grant.number else []),
        ]
        sections.append(Section("Funding", f"Funding-{number}", tuple(told)))
    for number, one in enumerate(organisms, 1):
        told = [Attribute("Title", one.term), Attribute("Organism", one.term, one.iri)]
        sections.append(Section("Biosample", f"Biosample-{number}", tuple(told)))
    for number, one in enumerate(methods, 1):
        told = [Attribute("Title", one.term), Attribute("Imaging method", one.term, one.iri)]
        sections.append(Section("Image acquisition", f"Image acquisition-{number}", tuple(told)))
    if described.workflow is not None:
        sections.append(Section("Image analysis", "Image analysis-1", tuple(_analysis(described))))
    sections.append(Section("Study Component", "Study Component-1", tuple(_component(described, sections, file_list))))
    return sections


def _of_submission(described: Description) -> list[Attribute]:
    released = described.published if len(described.published or "") == 10 else None
    return [
        Attribute("Title", described.title or "untitled"),
        Attribute("AttachTo", COLLECTION),
        *([Attribute("ReleaseDate", released)] if released else []),
    ]


def _study(described: Description) -> Iterator[Attribute]:
    yield Attribute("Title", described.title or "untitled")
    if described.description:
        yield Attribute("Description", described.description)
    if described.licence is not None:
        yield Attribute("License", described.licence.spdx or described.licence.name)
    for word in described.keywords:
        yield Attribute("Keywords", word)
    for one in described.related:
        name = {"IsDerivedFrom": "Derived from", "Cites": "Cites"}.get(one.relation, one.relation)
        yield Attribute(name, f"https://doi.org/{one.identifier}" if one.scheme == "DOI" else one.identifier)


def _author(creator: Creator, organisations: list[str]) -> Iterator[Attribute]:
    yield Attribute("Name", creator.name)
    if creator.orcid_digits:
        yield Attribute("ORCID", creator.orcid_digits)
    for accession in organisations:
        yield Attribute("affiliation", accession, is_reference=True)


def _analysis(described: Description) -> Iterator[Attribute]:
    workflow = described.workflow
    if workflow is None:
        return
    yield Attribute("Title", workflow.name or workflow.path)
    words = [f"{described.kind}; workflow {workflow.path}"]
    words += [f"in {workflow.language}"] if workflow.language else []
    words += [f"version {workflow.version}"] if workflow.version else []
    yield Attribute("Image analysis overview", ", ".join(words))
    if workflow.repository:
        yield Attribute("Code repository", workflow.repository)


def _component(described: Description, sections: Iterable[Section], file_list: str) -> Iterator[Attribute]:
    yield Attribute("Name", described.title or "untitled")
    yield Attribute("Description", f"All files of the {described.kind}")
    yield Attribute("File List", file_list)
    for section in sections:
        if section.kind in ("Biosample", "Image acquisition", "Image analysis"):
            yield Attribute(section.kind, section.accession, is_reference=True)


def _kinds(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return by path what the crate says of a file: its kind, and its SHA-256."""
    known: dict[str, tuple[str, str]] = {}
    for entity in document["@graph"]:
        identifier = str(entity.get("@id", "#"))
        if "File" in many(entity.get("@type")) and not identifier.startswith("#"):
            kind = next((str(one) for one in many(entity.get("encodingFormat")) if isinstance(one, str)), "")
            known[decode_path(identifier).removeprefix("./")] = (kind, str(entity.get("sha256") or ""))
    return known


def _list_as_tsv(found: Holdings, kinds: Mapping[str, tuple[str, str]]) -> str:
    lines = ["Files\tType\tSHA-256"]
    lines += ["\t".join((_cell(file.path), *map(_cell, kinds.get(file.path, ("", ""))))) for file in found.files]
    return "\n".join(lines) + "\n"


def _list_as_json(found: Holdings, kinds: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "path": file.path,
            "attributes": [
                {"name": name, "value": value}
                for name, value in zip(("Type", "SHA-256"), kinds.get(file.path, ("", "")), strict=True)
                if value
            ],
        }
        for file in found.files
    ]


def _lines(attributes: Iterable[Attribute]) -> Iterator[str]:
    for one in attributes:
        yield f"{f'<{one.name}>' if one.is_reference else one.name}\t{_cell(one.value)}"
        if one.term is not None:
            yield f"[Term]\t{_cell(one.term)}"


def _as_json(one: Attribute) -> dict[str, Any]:
    told: dict[str, Any] = {"name": one.name, "value": one.value}
    if one.is_reference:
        told["isReference"] = True
    if one.term is not None:
        told["valqual"] = [{"name": "Term", "value": one.term}]
    return told


def _section(section: Section) -> dict[str, Any]:
    return {
        "type": section.kind,
        "accno": section.accession,
        "attributes": [_as_json(one) for one in section.attributes],
    }


def _cell(text: str) -> str:
    """Return a text in one cell of a table, which no spreadsheet takes for a formula."""
    flat = " ".join(text.split())
    return f" {flat}" if _FORMULA.match(flat) else flat


def _odd_licence(described: Description) -> str | None:
    taken = ("CC0-1.0", "CC-BY-4.0")
    if described.licence is None or described.licence.spdx in taken:
        return None
    return f"licence: the BioImage Archive takes {' or '.join(taken)}, not {described.licence.name}"
