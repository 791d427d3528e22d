"""A crate in the forms that others take: archives with all of it, and what repositories want to be told of it.

Each form is one function from a crate's folder to a target; ``docs/reference/packages.md`` says which is for whom, what
it loses, and what was used to check it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from filiation.errors import BadInputError
from filiation.publish.packages.package import Package, PackageSettings

__all__ = ["FORMS", "Form", "Package", "PackageSettings", "form_of", "write_package"]


@dataclass(frozen=True, slots=True)
class Form:
    """A form in which a crate leaves the house.

    Parameters
    ----------
    place
        Module and name of its function; it is imported when it is used.
    ending
        What a file of it is called; empty for a folder.
    is_text
        Whether it is one text, which can be printed.
    help
        In a few words.
    """

    place: str
    ending: str
    is_text: bool
    help: str


FORMS: Final[Mapping[str, Form]] = {
    "folder": Form("archives:write_folder", "", False, "the crate as it is"),
    "zip": Form("archives:write_crate_zip", ".zip", False, "the crate, its metadata at the archive's top"),
    "eln": Form("eln:write_eln", ".eln", False, "for electronic laboratory notebooks; may be signed"),
    "bagit": Form("bags:write_bag", "", False, "for libraries and archives (BagIt, SHA-512)"),
    "workflowhub": Form("workflowhub:write_workflow_crate", ".crate.zip", False, "for WorkflowHub"),
    "pagetab": Form("pagetab:write_pagetab", "", False, "for BioStudies and the BioImage Archive"),
    "datacite-json": Form("datacite:write_datacite_json", ".json", True, "DataCite 4.5"),
    "datacite-xml": Form("datacite:write_datacite_xml", ".xml", True, "DataCite 4.5"),
    "citation-cff": Form("citation:write_citation", ".cff", True, "how to cite it"),
    "prov-json": Form("prov:write_prov", ".json", True, "the lineage, W3C PROV"),
    "dmp": Form("dmp:write_dmp", ".json", True, "for a plan of data management (RDA 1.2)"),
    "gide": Form("gide:write_gide", ".json", True, "for the search of image archives (GIDE 0.2)"),
}
"""By name, in the order in which they are told."""


def write_package(crate: Path, form: str, target: Path, settings: PackageSettings | None = None) -> Package:
    """Write a crate in one of the forms.

    Parameters
    ----------
    crate
        The crate's folder.
    form
        A name in :data:`FORMS`.
    target
        A file or folder that is not there yet; it appears whole or not at all.
    settings
        How.

    Raises
    ------
    BadInputError
        If there is no such form, something is at the target, or the crate cannot be had in that form.
    NotFoundError
        If there is no crate.
    InvalidCrateError
        If its metadata cannot be read.
    """
    if form not in FORMS:
        raise BadInputError(f"{form!r} is no form; expected one of {', '.join(FORMS)}.")
    module, _, name = FORMS[form].place.partition(":")
    written = getattr(import_module(f"{__name__}.{module}"), name)(crate, target, settings or PackageSettings())
    if not isinstance(written, Package):
        raise TypeError(f"{FORMS[form].place} writes no package")
    return written


def form_of(target: Path) -> str:
    """Return the form that a target's name asks for: ``.eln``, ``.zip``, ``.crate.zip``, ``.bagit``; else a folder.

    >>> form_of(Path("nuclei.eln")), form_of(Path("nuclei.crate.zip")), form_of(Path("nuclei"))
    ('eln', 'zip', 'folder')
    """
    return {".eln": "eln", ".zip": "zip", ".bagit": "bagit"}.get(target.suffix.lower(), "folder")
