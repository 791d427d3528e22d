"""What an export says of itself: the descriptor, the root, its profiles, licence and people, and what was withheld."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from filiation.crate.image_metadata import CONTEXT as IMAGE_CONTEXT
from filiation.crate.jsonld import Node, ids, isoformat, local, many, node, reference, references
from filiation.crate.metadata import METADATA_FILE
from filiation.crate.profiles import INLINE_CONTEXT, TERMS, WORKFLOW_RUN_CONTEXT, Profile
from filiation.errors import BadInputError
from filiation.publish.description.names import address_of, doi_of
from filiation.publish.export_settings import ExportReport
from filiation.publish.one_crate import CRATES
from filiation.publish.people import organisation_entity, organisation_id, person_entities
from filiation.publish.terms import OneContext
from filiation.publish.vocabularies import CONTEXT as VOCABULARY_CONTEXT
from filiation.publish.web_names import NAME

README: Final = "README.md"
_NO_LICENCE: Final = "#no-licence-stated"
_SPDX: Final = "https://spdx.org/licenses/"
_WITHHELD_TERMS: Final = (
    "withheld", "withheldFrom", "runId", "subsetOf", "leftOut", "chosen", "licenceConflictAllowed", "undefinedTerms",
    NAME,
)  # fmt: skip
_DATA: Final = frozenset({"File", "Dataset", "MediaObject"})
_ACTIONS: Final = frozenset({"CreateAction", "UpdateAction", "ActivateAction", "OrganizeAction", "ControlAction"})


@dataclass(frozen=True, slots=True)
class ProfileSet:
    """Which versions of everything a crate claims.

    Parameters
    ----------
    ro_crate
        Permalink of RO-Crate's version.
    process, workflow, provenance
        The run profiles.
    workflow_ro_crate
        The profile that workflow registries read.
    """

    ro_crate: str
    process: Profile
    workflow: Profile
    provenance: Profile
    workflow_ro_crate: Profile

    def context(self) -> list[object]:
        """Return the context to begin with."""
        prov = {"wasDerivedFrom": "http://www.w3.org/ns/prov#wasDerivedFrom"}
        own = {
            **INLINE_CONTEXT,
            **IMAGE_CONTEXT,
            **VOCABULARY_CONTEXT,
            **prov,
            **{term: TERMS + term for term in _WITHHELD_TERMS},
        }
        return [f"{self.ro_crate}/context", WORKFLOW_RUN_CONTEXT, dict(sorted(own.items()))]


def _profiles(ro_crate: str, run: str, registry: str) -> ProfileSet:
    def run_profile(name: str, title: str) -> Profile:
        return Profile(f"https://w3id.org/ro/wfrun/{name}/{run}", f"{title} Run Crate", run)

    return ProfileSet(
        f"https://w3id.org/ro/crate/{ro_crate}",
        run_profile("process", "Process"),
        run_profile("workflow", "Workflow"),
        run_profile("provenance", "Provenance"),
        Profile(f"https://w3id.org/workflowhub/workflow-ro-crate/{registry}", "Workflow RO-Crate", registry),
    )


PROFILE_SETS: Final = {"0.5": _profiles("1.1", "0.5", "1.0"), "0.6": _profiles("1.3", "0.6", "1.1")}
"""By version of Workflow Run RO-Crate; 0.6 is not compatible with 0.5, nor with RO-Crate 1.1 or 1.2."""


def document(
    entities: Mapping[str, Node],
    context: OneContext,
    profiles: ProfileSet,
    report: ExportReport,
    chosen: Sequence[str],
    *,
    description: str,
    keywords: Sequence[str],
    more: Iterable[Node] = (),
    about: Sequence[str] = (),
    methods: Sequence[str] = (),
    why_allowed: str | None = None,
    readme: int = 0,
) -> Node:
    """Return the metadata of the whole export.

    Parameters
    ----------
    entities
        Of all runs' crates, by their @ids in the whole.
    context
        Its context.
    profiles
        What it claims to conform to.
    report
        What it is.
    chosen
        The @ids of what was chosen.
    description, keywords
        For a reader.
    more, about, methods
        Entities of vocabularies, which of them the whole is about, and which are methods of imaging.
    why_allowed
        Why a conflict of licences may stand.
    readme
        Bytes of the page for a reader in a terminal.
    """
    whole = dict(entities)
    _tell_results(whole)
    main = _main_workflow(whole, report)
    claimed = _claimed(profiles, main, whole)
    licence = _licence(report.licence)
    people = [found for person in report.authors for found in person_entities(person)]
    publisher = [] if report.publisher is None else [organisation_entity(report.publisher)]
    page = node(README, "File", name=README, description="What this crate holds, for a person", about=reference("./"),
                encodingFormat="text/markdown", contentSize=str(readme))  # fmt: skip
    kind: str | list[str] = "CreativeWork" if _is_first(profiles) else ["CreativeWork", "Profile"]
    profile_entities = [node(each.iri, kind, name=each.name, version=each.version) for each in claimed]
    if not _is_first(profiles):
        _tell_versions(whole, main)
    sizes = _sizes(report)
    for added in (licence, *people, *publisher, page, *profile_entities, *sizes, *more):
        _join(whole, added)
    place = report.published_at
    is_doi = doi_of(place or "") is not None
    root = node(
        "./",
        "Dataset",
        name=report.title,
        description=description,
        datePublished=isoformat(datetime.now(UTC)),
        identifier=place if is_doi else None,
        url=None if is_doi else place,
        license=reference(licence["@id"]),
        author=references(person["@id"] for person in people if person["@type"] == "Person"),
        publisher=None if report.publisher is None else reference(organisation_id(report.publisher)),
        keywords=", ".join(keywords) or None,
        about=references(about),
        measurementMethod=references(methods),
        size=references(size["@id"] for size in sizes),
        mainEntity=None if main is None else reference(main),
        conformsTo=references(each.iri for each in claimed),
        hasPart=references([README, *(f"{CRATES}{run.id}/" for run in report.runs), *_data(whole)]),
        mentions=references(at for at, entity in whole.items() if _types(entity) & _ACTIONS),
        chosen=references(chosen),
        withheld=json.dumps(dict(report.withheld)) if report.withheld else None,
        licenceConflictAllowed=why_allowed,
        undefinedTerms=", ".join(report.undefined) or None,
    )
    descriptor = node(
        METADATA_FILE,
        "CreativeWork",
        about=reference("./"),
        conformsTo=references(
            [profiles.ro_crate, *([profiles.workflow_ro_crate.iri] if main is not None and _is_first(profiles) else [])]
        ),
    )
    return {"@context": context.context, "@graph": [descriptor, root, *whole.values()]}


def published_place(text: str) -> str:
    """Return the address under which something is published, by a DOI or by the page's address.

    Raises
    ------
    BadInputError
        If it is neither.
    """
    doi = doi_of(text)
    place = f"https://doi.org/{doi}" if doi is not None else address_of(text)
    if place is None:
        raise BadInputError(f"{text!r} is neither a DOI (10.5281/zenodo.123) nor the address of a page (https://…).")
    return place


def _tell_results(whole: Mapping[str, Node]) -> None:
    """Say of a run none of whose last results go along what of it is a result here: what its jobs here left unused."""
    jobs = [entity for entity in whole.values() if "jobNumber" in entity]
    used = {at for job in jobs for at in ids(job.get("object"))}
    for at, entity in whole.items():
        if at.endswith("/#run") and "CreateAction" in _types(entity) and "result" not in entity:
            run = at.removesuffix("#run")
            made = [made for job in jobs if str(job["@id"]).startswith(run) for made in ids(job.get("result"))]
            if results := references(found for found in made if found not in used):
                entity["result"] = results


def _sizes(report: ExportReport) -> list[Node]:
    """Return how much data is here, as the GIDE profile asks for it."""
    counts = (("bytes", report.size, "UO_0000233"), ("file count", len(report.carried), "UO_0000189"))
    return [
        node(
            local("size", text),
            "QuantitativeValue",
            name=text,
            value=value,
            unitText=text,
            unitCode=f"http://purl.obolibrary.org/obo/{unit}",
        )
        for text, value, unit in counts
        if report.carried
    ]


def _tell_versions(whole: Mapping[str, Node], main: str | None) -> None:
    """Give every program the version and the address that RO-Crate 1.3 requires: a rule has those of its workflow."""
    workflow = whole.get(main or "", {})
    for at, entity in whole.items():
        if _types(entity) & {"SoftwareApplication", "ComputerLanguage"}:
            entity.setdefault("version", entity.get("softwareVersion") or workflow.get("version") or "unknown")
            own = reference(at) if at.startswith(("https://", "http://")) else None
            entity.setdefault("url", own or workflow.get("url") or reference(main or "./"))


def _is_first(profiles: ProfileSet) -> bool:
    """Whether the descriptor names the registry's profile too, as that of 1.0 asks."""
    return profiles.workflow_ro_crate.version == "1.0"


def _types(entity: Node) -> set[str]:
    return set(many(entity.get("@type")))


def _main_workflow(whole: Mapping[str, Node], report: ExportReport) -> str | None:
    """Return the workflow of the run that comes first: that of what was chosen."""
    for run in report.runs:
        main = next(iter(ids(whole.get(f"{CRATES}{run.id}/", {}).get("mainEntity"))), None)
        workflow = whole.get(main or "", {})
        if (
            main is not None
            and "ComputationalWorkflow" in _types(workflow)
            and (main.startswith(CRATES) or NAME in workflow)
        ):
            return main
    return None


def _claimed(profiles: ProfileSet, main: str | None, whole: Mapping[str, Node]) -> list[Profile]:
    if main is None:
        return [profiles.process]
    organised = any("OrganizeAction" in _types(entity) for entity in whole.values())
    provenance = [profiles.provenance] if organised else []
    return [profiles.process, profiles.workflow, *provenance, profiles.workflow_ro_crate]


def _data(whole: Mapping[str, Node]) -> list[str]:
    return [at for at, entity in whole.items() if _types(entity) & _DATA]


def _licence(licence: str | None) -> Node:
    if licence is None:
        return node(_NO_LICENCE, "CreativeWork", name="No licence stated",
                    description="Nobody has stated a licence; ask the authors before reusing anything")  # fmt: skip
    if licence.startswith(("https://", "http://")):
        return node(
            licence, "CreativeWork", name=licence, description="Licence of this crate and its data", url=licence
        )
    from filiation.publish.licences import CODE, DATA

    at = _SPDX + licence if licence in CODE | DATA else local("licence", licence)
    return node(at, "CreativeWork", name=licence, description="Licence of this crate and its data",
                url=at if at.startswith(_SPDX) else None)  # fmt: skip


def _join(whole: dict[str, Node], entity: Node) -> None:
    """Add an entity, or what it says to one that is there: nothing that a crate says is replaced."""
    known = whole.setdefault(entity["@id"], entity)
    if known is not entity:
        for key, value in entity.items():
            known.setdefault(key, value)


def readme(report: ExportReport, sentences: Sequence[str]) -> str:
    """Return the page for a reader in a terminal or a repository.

    Parameters
    ----------
    report
        What the export is.
    sentences
        Where the results come from.
    """
    lines = [
        f"# {_cell(report.title)}",
        "",
        *(f"{_cell(sentence)}\n" for sentence in sentences),
        "This folder is an RO-Crate: `ro-crate-metadata.json` says what was made, from what, by whom, with which",
        "parameters and software. `ro-crate-preview.html` shows it in a browser.",
        "",
        f"- `{CRATES}`: what each run recorded of it, each a crate with files in `work/` as the run saw them",
        "",
        "| thing | digest | bytes | where |",
        "|---|---|---|---|",
        *(
            f"| {_cell(thing.path)} | {thing.digest or 'not known'} | {'' if thing.size is None else thing.size} "
            f"| {_cell(thing.carried or f'not here: {thing.why}')} |"
            for thing in report.things
        ),
        "",
    ]
    if report.withheld:
        lines += ["Withheld: " + ", ".join(f"{count} of {kind}" for kind, count in report.withheld.items()) + ".", ""]
    lines += [
        "Check that nothing changed since it was sealed: `filiation verify .`. Take it into a catalogue and ask where",
        "things come from: `filiation import .`, then `filiation trace DIGEST`.",
        "",
        f"Made by filiation {version('filiation')}.",
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("[", "\\[").replace("`", "'")


def write_document(folder: Path, told: Node) -> None:
    """Write the metadata of the whole."""
    text = json.dumps(told, indent=1, ensure_ascii=True) + "\n"
    (folder / METADATA_FILE).write_text(text, encoding="ascii")
