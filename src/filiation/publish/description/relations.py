"""What a crate was made from, compiled by, is part of and cites: found elsewhere, and named as DataCite names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from filiation.crate.jsonld import ids
from filiation.model import is_uri, object_iri
from filiation.publish.description.entities import Entities, Entity, line, text, types_of
from filiation.publish.description.names import identified
from filiation.publish.description.values import Related

# schema.org's property of the crate -> DataCite's relationType
_OF_THE_ROOT: Final = {
    "isBasedOn": "IsDerivedFrom",
    "citation": "Cites",
    "isPartOf": "IsPartOf",
    "sameAs": "IsIdenticalTo",
    "subjectOf": "IsDocumentedBy",
    "mentions": "References",
    "predecessorOf": "IsPreviousVersionOf",
    "successorOf": "IsNewVersionOf",
}
_KINDS: Final = {
    "ScholarlyArticle": "JournalArticle", "Dataset": "Dataset", "ImageObject": "Image", "Collection": "Collection",
    "SoftwareSourceCode": "Software", "SoftwareApplication": "Software", "ComputationalWorkflow": "Workflow",
    "Book": "Book", "Report": "Report",
}  # fmt: skip
_ARTICLES: Final = {"ScholarlyArticle", "Article", "Book", "Report", "Dataset"}
_ACTIONS: Final = ("CreateAction", "UpdateAction", "ActivateAction")


def related_of(root: Entity, workflow: Entity, entities: Entities) -> tuple[Related, ...]:
    """Return what a crate stands in a relation to, each once.

    Sources are what actions read and none made, and that has an address: images in OMERO, files at a DOI.
    """
    found = [*_stated(root, entities), *_sources(entities), *_compiled_by(workflow)]
    return tuple({(one.relation, one.identifier): one for one in reversed(found)}.values())[::-1]


def _stated(root: Entity, entities: Entities) -> Iterator[Related]:
    for name, relation in _OF_THE_ROOT.items():
        for entity in entities.linked(root, name):
            if relation == "References" and not types_of(entity) & _ARTICLES:
                continue  # a crate mentions its actions
            yield from _related(relation, entity)


def _sources(entities: Entities) -> Iterator[Related]:
    actions = tuple(entities.typed(*_ACTIONS))
    made = {identifier for action in actions for identifier in ids(action.get("result"))}
    read = dict.fromkeys(identifier for action in actions for identifier in ids(action.get("object")))
    for identifier in read:
        if identifier not in made and is_uri(identifier):
            entity = entities.get(identifier)
            if "PropertyValue" not in types_of(entity):
                yield from _related("IsDerivedFrom", {"@id": identifier, **entity})


def _compiled_by(workflow: Entity) -> Iterator[Related]:
    place = text(workflow, "codeRepository") or text(workflow, "url") or ""
    if found := identified(re.sub(r"^git\+", "", place)):
        yield Related("IsCompiledBy", *found, title=_title(workflow), kind="Workflow")


def _related(relation: str, entity: Entity) -> Iterator[Related]:
    candidates = (text(entity, "@id"), text(entity, "identifier"), text(entity, "url"), text(entity, "name"))
    for candidate in candidates:
        if candidate and (found := identified(object_iri(candidate) if candidate.startswith("omero:") else candidate)):
            kind = next((_KINDS[name] for name in sorted(types_of(entity)) if name in _KINDS), None)
            yield Related(relation, *found, title=_title(entity), kind=kind)
            return


def _title(entity: Entity) -> str | None:
    found = text(entity, "name")
    return None if found is None or identified(found) else line(found)
