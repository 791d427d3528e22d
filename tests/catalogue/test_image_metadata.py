"""What a server tells of an image, in the graph: the same as was written, in OME's types, related both ways."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from filiation.catalogue import Catalogue
from filiation.catalogue.crate_on_disk import open_crate
from filiation.catalogue.derive import derive
from filiation.catalogue.nodes import entity_from_text, node_to_text
from filiation.catalogue.reading import read_triples
from filiation.crate import METADATA, Payload, write_crate
from filiation.model import (
    Action,
    Agent,
    Container,
    DataEntity,
    EntityKind,
    ImageMetadata,
    Machine,
    Presence,
    Rule,
    RuleKind,
    Slot,
    Software,
    Status,
    Tag,
    Workflow,
    WorkflowRun,
)
from tests.model.described import IRI, image_metadata

HOST = "https://omero.example.org"
LABEL = Action(1, 1, "label", Status.FINISHED, inputs=(Slot("image", IRI),), outputs=(Slot("labels", "l.zarr"),))
RUN = WorkflowRun(
    id="00000001-0000-4000-8000-000000000001",
    status=Status.FINISHED,
    workflow=Workflow("Snakefile", ("Snakefile",)),
    engine=Software("snakemake", "9.27.1", "pkg:pypi/snakemake@9.27.1"),
    agent=Agent("ada"),
    machine=Machine("node1"),
    command="snakemake",
    folder="/work",
    started=datetime(2026, 3, 1, tzinfo=UTC),
    rules=(Rule("label", RuleKind.SCRIPT),),
    actions=(
        Action(1, 1, "label", Status.FINISHED, inputs=(Slot("image", IRI),), outputs=(Slot("labels", "l.zarr"),)),
    ),
)


def crate_with(metadata: ImageMetadata, folder: Path, number: int = 1) -> Path:
    """Write the crate of a run that made a label image of an image of a server."""
    image = DataEntity(IRI, EntityKind.RAW_IMAGE, Presence.REMOTE, metadata=metadata)
    labels = DataEntity("l.zarr", EntityKind.LABEL_IMAGE, Presence.PRESENT)
    main = DataEntity("Snakefile", EntityKind.FILE, Presence.PRESENT)
    run = replace(RUN, id=f"{number:08x}-0000-4000-8000-000000000001", entities=(main, image, labels))
    folder.mkdir(parents=True, exist_ok=True)
    write_crate(run, folder, Payload())
    return folder


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(metadata=image_metadata())
def test_the_graph_and_the_index_tell_what_the_crate_was_given(metadata: ImageMetadata):
    with tempfile.TemporaryDirectory() as folder:
        crate, document = open_crate(crate_with(metadata, Path(folder)))
        derived = derive(read_triples(crate, document), crate.iri)

    (found,) = (entity for entity in derived.entities if entity.iri == IRI)
    assert found.metadata == metadata
    assert entity_from_text(node_to_text(found)).metadata == metadata


DAY = Container(f"{HOST}/Dataset/3", "day 1", (Container(f"{HOST}/Project/2", "study"),))
TOLD = ImageMetadata(IRI, "cells", tags=(Tag(f"{HOST}/TagAnnotation/7", "control"),), containers=(DAY,))


def test_what_holds_what_can_be_asked_in_omes_types_and_both_ways(catalogue: Catalogue, tmp_path: Path):
    catalogue.ingest(crate_with(TOLD, tmp_path / "crate"))
    prefixes = (
        "PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX schema: <http://schema.org/> "
        "PREFIX ome: <http://www.openmicroscopy.org/Schemas/OME/2016-06#> "
    )

    def ask(where: str) -> list[tuple[str, ...]]:
        rows = catalogue.query(f"{prefixes} SELECT ?a ?b WHERE {{ {where} }} ORDER BY ?a ?b").rows
        return [tuple(str(value) for value in row if value is not None) for row in rows]

    assert ask("?a a ome:Image ; schema:name ?b") == [(IRI, "cells")]
    assert ask("?a dcterms:hasPart ?b . ?b a ome:Image") == [(DAY.iri, IRI)]
    assert ask(f"<{IRI}> dcterms:isPartOf+ ?a . ?a schema:name ?b") == [
        (DAY.iri, "day 1"), (DAY.containers[0].iri, "study"),
    ]  # fmt: skip
    assert ask(f"<{IRI}> dcterms:hasPart ?a . ?a a ome:TagAnnotation ; schema:name ?b") == [
        (TOLD.tags[0].iri, "control")
    ]


@pytest.mark.parametrize(
    "damage",
    [
        {"@id": DAY.iri, "dcterms:isPartOf": {"@id": DAY.iri}},
        {"@id": TOLD.tags[0].iri, "name": None},
        {"@id": IRI, "dateCreated": "some day"},
    ],
)
def test_a_crate_that_says_it_otherwise_is_taken_in_all_the_same(
    damage: dict[str, object], catalogue: Catalogue, tmp_path: Path
):
    place = crate_with(TOLD, tmp_path / "crate") / METADATA
    document = json.loads(place.read_text())
    (entity,) = (each for each in document["@graph"] if each["@id"] == damage["@id"])
    entity.update(damage)
    place.write_text(json.dumps({**document, "@graph": document["@graph"]}))

    report = catalogue.ingest(place.parent)

    assert (report.outcome, report.entities) == ("new", 2)
