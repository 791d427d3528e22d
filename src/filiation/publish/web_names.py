"""Web addresses for the programs of an export, and for its workflow, which a run knows by names of its own.

The run profiles recommend that the ``@id`` of every program begins with ``http`` (check ``process-run-crate-0.5_5.1``
of roc-validator). A rule is a part of its workflow, and the folder of that has an address that is true for ever: the
SWHID of its content, where Software Heritage resolves such names (ISO/IEC 18670; whether or not that archive holds it).
A workflow that is carried has to have its path as ``@id``, unless somebody says where the same file is published: then
the workflow is what is at that address, and what is carried a copy of it.

What an entity is called in its run stands beside it (``nameInRun``), so that whoever takes the run in finds that both
say the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from filiation.catalogue.reading import iri_of
from filiation.catalogue.root import root_of
from filiation.crate.jsonld import Node, ids, isoformat, many, node, reference
from filiation.errors import BadInputError, InvalidCrateError
from filiation.model import run_iri
from filiation.publish.description.names import address_of

NAME: Final = "nameInRun"
"""The property that tells what an entity is called in the crate of its run."""
ARCHIVE: Final = "https://archive.softwareheritage.org/"
_PROGRAMS: Final = frozenset({"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"})
_FILES: Final = frozenset({"File", "MediaObject"})
_WEB: Final = ("https://", "http://")
_OF_A_COPY: Final = ("name", "description", "contentSize", "encodingFormat", "dateModified", "sha256")


def checked_address(text: str) -> str:
    """Return the address where a workflow is published, as it is stated.

    Raises
    ------
    BadInputError
        If it is no address of the web, or holds a user's name.
    """
    if address_of(text) != text or "#" in text:
        raise BadInputError(
            f"{text!r} is not where a workflow is published: expected the address of the main Snakefile itself, such "
            "as https://github.com/lab/workflow/raw/<commit>/workflow/Snakefile"
        )
    return text


def web_names(document: Mapping[str, Any], run: str, workflow_at: str | None = None) -> dict[str, str]:
    """Return addresses for a crate's workflow and its programs that have none, by their IRIs in the crate.

    Parameters
    ----------
    document
        The crate's metadata.
    run
        The run's id.
    workflow_at
        Where its main workflow is published; None if nobody said.
    """
    base = run_iri(run)
    workflow = main_workflow(document)
    swhid = workflow.get("swhid")
    home = f"{ARCHIVE}{swhid}" if isinstance(swhid, str) and swhid.startswith("swh:1:dir:") else workflow_at
    names: dict[str, str] = {}
    for entity in document["@graph"]:
        at = entity.get("@id")
        if not isinstance(at, str) or not set(many(entity.get("@type"))) & _PROGRAMS or at.startswith(_WEB):
            continue
        if entity is workflow and workflow_at is not None:
            names[iri_of(at, base)] = workflow_at
        elif home is not None and not set(many(entity.get("@type"))) & _FILES:
            names[iri_of(at, base)] = f"{home}#{run}/{_local(at, entity)}"
    return names


def main_workflow(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entity of a crate's main workflow; an empty one if there is none."""
    by_id = {entity.get("@id"): entity for entity in document["@graph"]}
    root = by_id.get(root_of(document) or "./", {})
    found: Mapping[str, Any] = by_id.get(next(iter(ids(root.get("mainEntity"))), None), {})
    return found if "ComputationalWorkflow" in many(found.get("@type")) else {}


def _local(at: str, entity: Mapping[str, Any]) -> str:
    if at.startswith("#"):
        return at.removeprefix("#")
    # Where something was installed from may be a folder of one machine, which names nothing elsewhere.
    words = (entity.get("name"), entity.get("softwareVersion"), hashlib.sha256(at.encode()).hexdigest()[:16])
    return quote("-".join(str(word) for word in words if word), safe="")


def tell_names(whole: Mapping[str, Node], names: Mapping[str, str]) -> None:
    """Say beside each entity that has an address what it is called in its run."""
    for name, address in names.items():
        if (entity := whole.get(address)) is not None:
            known = many(entity.get(NAME))
            entity[NAME] = name if not known else [*known, *([] if name in known else [name])]


def tell_copy(
    whole: dict[str, Node], workflow_at: str, folder: str, carried: Collection[str], names: Mapping[str, str]
) -> None:
    """Describe the file that is carried of a run's workflow that is elsewhere, and when that was said to be there.

    Parameters
    ----------
    whole
        The entities of the export, added to.
    workflow_at
        The workflow's address.
    folder
        Where the run's crate stands in the export.
    carried
        What it carries, by its ``@id`` there.
    names
        The addresses of the run's programs, by their IRIs.
    """
    workflow = whole.get(workflow_at, {})
    here = {name for name, address in names.items() if address == workflow_at}
    for path in carried:
        if any(name.endswith(f"/{path}") for name in here):
            workflow.setdefault("sdDatePublished", isoformat(datetime.now(UTC)))
            told = {key: workflow[key] for key in _OF_A_COPY if key in workflow}
            whole[folder + path] = node(folder + path, "File", **told, sameAs=reference(workflow_at))


def names_told(whole: Iterable[Mapping[str, object]], run: str, document: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that an export gives to programs of a run, by their IRIs in the run's crate.

    Parameters
    ----------
    whole
        The export's entities.
    run
        The run's id.
    document
        The metadata of the run's crate.

    Raises
    ------
    InvalidCrateError
        If one address stands for several entities of the run, so that nobody could tell them apart.
    """
    base = run_iri(run)
    programs = {
        iri_of(str(entity["@id"]), base)
        for entity in document["@graph"]
        if isinstance(entity.get("@id"), str) and set(many(entity.get("@type"))) & _PROGRAMS
    }
    found: dict[str, str] = {}
    for name, address in _told(whole):
        if name not in programs:
            continue
        if address in found.values() or name in found:
            raise InvalidCrateError(
                f"{address} stands for several programs of run {run}, or one of them has two names."
            )
        found[name] = address
    return found


def _told(whole: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    for entity in whole:
        at = entity.get("@id")
        if isinstance(at, str) and at.startswith(_WEB):
            yield from ((name, at) for name in many(entity.get(NAME)) if isinstance(name, str))
