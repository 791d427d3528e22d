"""A crate's description as a ``CITATION.cff`` 1.2.0 (https://citation-file-format.github.io)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from filiation.errors import BadInputError
from filiation.publish.description import Creator, Description, describe_crate
from filiation.publish.packages.package import Package, PackageSettings, write_text


def write_citation(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write how a crate is to be cited.

    Raises
    ------
    BadInputError
        If the crate has no title or no author: such a thing cannot be cited.
    """
    described = describe_crate(crate, settings.today)
    content = yaml.safe_dump(to_citation(described), allow_unicode=True, sort_keys=False, width=120)
    split = [one.name for one in described.creators if one.is_person and one.family is None]
    guessed = (f"{', '.join(split)}: split into given and family name at the last word.",) if split else ()
    missing = tuple(f"{one.field}: {one.why}" for one in described.missing)
    return write_text(target, "citation-cff", content, (*guessed, *missing))


def to_citation(described: Description) -> dict[str, Any]:
    """Return a description as the content of a CITATION.cff."""
    if not described.title or not described.creators:
        raise BadInputError("A citation needs a title and an author, and the crate states no name or no author.")
    workflow = described.workflow
    document = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them as below.",
        "type": "software" if described.resource_type == "Workflow" else "dataset",
        "title": described.title,
        "abstract": described.description,
        "authors": [_author(creator) for creator in described.creators],
        "version": described.version,
        "doi": described.identifier,
        "date-released": described.published if len(described.published or "") == 10 else None,
        "license": None if described.licence is None else described.licence.spdx,
        "license-url": None if described.licence is None or described.licence.spdx else described.licence.url,
        "keywords": list(dict.fromkeys((*described.keywords, *(subject.term for subject in described.subjects)))),
        "url": described.url,
        "repository-code": None if workflow is None else workflow.repository,
        "identifiers": [
            {"type": "swh", "value": one.identifier}
            for one in described.related
            if re.fullmatch(r"swh:1:(?:snp|rel|rev|dir|cnt):[0-9a-f]{40}", one.identifier)
        ],
    }
    return {name: value for name, value in document.items() if value}


def _author(creator: Creator) -> dict[str, Any]:
    if not creator.is_person:
        return {"name": creator.name}
    given, family = creator.split_name()
    author = {
        "given-names": given,
        "family-names": family,
        "orcid": creator.orcid,
        "affiliation": "; ".join(place.name for place in creator.affiliations),
    }
    return {name: value for name, value in author.items() if value}
