"""Pairs of images and label images: chosen by any fact of their lineage, and what they belong to at each level."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.crate import Payload, write_crate
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from filiation.model import (
    Action,
    Agent,
    Container,
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    ImageFacts,
    ImageMetadata,
    Instrument,
    KeyValues,
    Machine,
    OriginalFile,
    Pair,
    Presence,
    Rule,
    RuleKind,
    ServerFacts,
    Slot,
    Software,
    Status,
    Tag,
    Workflow,
    WorkflowRun,
)

HOST = "https://omero.example.org"
DATABASE = "0f4b6c2e-5a53-4c0e-9f0b-6a3c7d1e2f30"


def digest(text: str) -> Digest:
    return Digest(DigestKind.TREE, (text.encode().hex() + "0" * 64)[:64])


def raw(number: int) -> DataEntity:
    """Return an image on a server: wells 1 and 2 of plate 1, well 3 of plate 2; all but the last of one file."""
    iri, well, plate = f"{HOST}/Image/{number}", min(number, 3), 1 if number < 3 else 2
    metadata = ImageMetadata(
        iri,
        instrument=Instrument(f"{HOST}/Instrument/{plate}", manufacturer="Zeiss" if plate == 1 else "Nikon"),
        tags=(Tag(f"{HOST}/TagAnnotation/7", "control"),) if number == 1 else (),
        key_values=(KeyValues(f"{HOST}/MapAnnotation/{number}", (Pair("Mouse", f"m{number % 2}"),)),),
        containers=(Container(f"{HOST}/Well/{well}", f"A{well}", (Container(f"{HOST}/Plate/{plate}", "P"),)),),
    )
    file = OriginalFile(f"{HOST}/OriginalFile/{1 if number < 4 else 2}", "series.nd2", 10, "00", "SHA1-160")
    server = ServerFacts(DATABASE, (file,), 1)
    return DataEntity(iri, EntityKind.RAW_IMAGE, Presence.REMOTE, server=server, metadata=metadata)


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, tmp_path: Path) -> Ledger:
    """Return a catalogue of a run that fetched and segmented four images of a server."""
    entities, actions = [DataEntity("Snakefile", EntityKind.FILE, Presence.PRESENT)], []
    for number in range(1, 5):
        image, labels = f"{number}/raw.ome.zarr", f"{number}/nuclei.ome.zarr"
        grid = ImageFacts(("y", "x"), (64, 64), "uint16", source="../raw.ome.zarr")
        entities += [
            raw(number),
            DataEntity(image, EntityKind.IMAGE, Presence.PRESENT, digest(f"i{number}"), image=grid),
            DataEntity(labels, EntityKind.LABEL_IMAGE, Presence.PRESENT, digest(f"l{number}"), image=grid),
        ]
        fetched, found = (Slot("image", f"{HOST}/Image/{number}"),), (Slot("image", image),)
        actions += [
            Action(2 * number, 1, "fetch", Status.FINISHED, inputs=fetched, outputs=found),
            Action(2 * number + 1, 1, "segment", Status.FINISHED, inputs=found, outputs=(Slot("labels", labels),)),
        ]
    started = datetime(2026, 3, 1, tzinfo=UTC)
    run = WorkflowRun(
        id="00000001-0000-4000-8000-000000000001",
        status=Status.FINISHED,
        workflow=Workflow("Snakefile", ("Snakefile",)),
        engine=Software("snakemake", "9.27.1", "pkg:pypi/snakemake@9.27.1"),
        agent=Agent("ada"),
        machine=Machine("node1"),
        command="snakemake",
        folder=str(folder),
        started=started,
        ended=started + timedelta(minutes=1),
        rules=(Rule("fetch", RuleKind.SCRIPT), Rule("segment", RuleKind.SCRIPT)),
        actions=tuple(actions),
        entities=tuple(sorted(entities, key=lambda entity: entity.path)),
    )
    crate = tmp_path / "crate"
    crate.mkdir()
    write_crate(run, crate, Payload())
    catalogue.ingest(crate)
    return Ledger(catalogue.folder.root)


def samples(ledger: Ledger, *where: str) -> list[str]:
    return [pair.labels.path[0] for pair in ledger.pairs(*where).pairs]


def test_pairs_are_chosen_by_what_servers_and_runs_tell(ledger: Ledger):
    expected = {
        ("tag=control",): ["1"],
        ("!tag=control",): ["2", "3", "4"],
        ("instrument~nikon",): ["3", "4"],
        ("rule=segment", "instrument~zeiss"): ["1", "2"],
        ("annotation.Mouse=m1",): ["1", "3"],
        ("annotation.Mouse!=m1",): ["2", "4"],
        ("rule=segment and job=5",): ["2"],
        ("rule=fetch and job=5",): [],
        ("agent=ada",): ["1", "2", "3", "4"],
    }
    assert {where: samples(ledger, *where) for where in expected} == expected


def test_what_a_pair_belongs_to_is_read_from_its_raw_image(ledger: Ledger):
    expected = {
        "image": [f"{HOST}/Image/{number}" for number in (1, 2, 3, 4)],
        "well": [f"{HOST}/Well/{number}" for number in (1, 2, 3, 3)],
        "plate": [f"{HOST}/Plate/{number}" for number in (1, 1, 2, 2)],
        "series": [f"{HOST}/OriginalFile/{number}" for number in (1, 1, 1, 2)],
        "mouse": ["mouse=m1", "mouse=m0", "mouse=m1", "mouse=m0"],
    }
    found = {level: [pair.groups for pair in ledger.pairs(by=level).pairs] for level in expected}
    assert found == {level: [(group,) for group in groups] for level, groups in expected.items()}


def test_what_is_not_known_of_a_level_is_nothing(ledger: Ledger):
    assert {pair.groups for pair in ledger.pairs(by="specimen").pairs} == {()}
    ledger.annotate(f"{HOST}/Image/2", "specimen=biopsy 4")
    assert [pair.groups for pair in ledger.pairs(by="specimen").pairs][1] == ("specimen=biopsy 4",)


def test_a_field_of_an_ome_zarr_plate_belongs_to_its_well():
    from filiation.catalogue import EntityNode
    from filiation.lineage.fields import Surroundings
    from filiation.lineage.pairs import _at_level

    field = EntityNode("arcp://uuid,1/x", "arcp://uuid,1/", "x", place="/data/screen.ome.zarr/B/03/0")
    assert [*_at_level("well", field, Surroundings())] == ["/data/screen.ome.zarr/B/03"]
    assert [*_at_level("plate", field, Surroundings())] == ["/data/screen.ome.zarr"]


def test_what_is_no_condition_is_refused(ledger: Ledger):
    with pytest.raises(BadInputError, match="there is no field 'colour'"):
        ledger.pairs("colour=red")


def test_the_same_labels_made_twice_are_one_pair(ledger: Ledger, catalogue: Catalogue, folder: Path, tmp_path: Path):
    from tests.lineage.crates import CrateBuilder

    for number, name in ((2, "once"), (3, "again")):
        run = CrateBuilder(folder, number)
        kinds = {"raw.ome.zarr": "image", f"{name}.ome.zarr": "label image"}
        store = {"zarr.json": f"labels, and a word on run {number}"}
        run.job("fetch", (), {"raw.ome.zarr": {"zarr.json": "pixels"}}, kinds=kinds)
        run.job("segment", ("raw.ome.zarr",), {f"{name}.ome.zarr": store}, kinds=kinds)
        run.graph[f"#work/{name}.ome.zarr/"]["pixelDigest"] = "a" * 64
        catalogue.ingest(run.write(tmp_path / "crates"))
    assert [pair.labels.path for pair in ledger.pairs().pairs if pair.image.path == "raw.ome.zarr"] == [
        "again.ome.zarr"
    ]
