"""What people note: with who, when and why, asked for by find, and never lost by a rebuild."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue import Catalogue
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger
from filiation.lineage.annotating import read_pair
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id

LABELS = "results/ihc/nuclei.ome.zarr"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    (catalogue.folder.root / "filiation.toml").write_text(
        '[agent]\nname = "Josiah Carberry"\norcid = "0000-0002-1825-0097"\n'
    )
    return Ledger()


@pytest.mark.slow
def test_what_was_noted_says_who_when_and_why_and_can_be_asked_for(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    made = ledger.annotate(LABELS, "quality=good", "score=7", why="looked at it")
    assert [(each.key, each.value, each.by, each.why) for each in made] == [
        ("quality", "good", "Josiah Carberry", "looked at it"), ("score", 7, "Josiah Carberry", "looked at it"),
    ]  # fmt: skip
    assert made[0].by_id == "https://orcid.org/0000-0002-1825-0097"
    assert before <= made[0].when <= datetime.now(UTC)
    assert ledger.annotations(LABELS) == made == ledger.annotations()
    assert ledger.annotations("results/ihc/overlay.png") == ()
    assert [row[0] for row in ledger.find("entity", "annotation.score>=7").rows] == [LABELS]
    assert ledger.find("entity", "annotation.quality=good", "text~GOOD").columns[-1] == "annotation.quality"
    assert not ledger.find("entity", "annotation.score>7").nodes
    stopped = ledger.trace("results/ihc/nuclei.parquet", until=["annotation.quality"])
    assert [Path(iri).name for iri in stopped.stopped] == ["nuclei.ome.zarr"]


@pytest.mark.slow
def test_a_rebuild_loses_nothing_and_the_same_bytes_elsewhere_are_annotated_too(ledger: Ledger, folder: Path) -> None:
    made = ledger.annotate(LABELS, "quality=good")
    nuclei_run(folder, 2).write(ledger.folder / "crates")  # the same bytes once more
    ledger.rebuild()
    assert ledger.annotations(LABELS) == made
    found = ledger.find("entity", "annotation.quality=good", "made=yes")
    assert {node.crate[12:20] for node in found.nodes} == {"00000001", "00000002"}


@pytest.mark.slow
def test_a_later_value_holds_and_can_be_taken_back_and_all_stays_on_record(ledger: Ledger) -> None:
    ledger.annotate(LABELS, "quality=good")
    ledger.annotate(LABELS, "quality=poor", why="channel 2 was empty")
    assert not ledger.find("entity", "annotation.quality=good").nodes
    assert ledger.find("entity", "annotation.quality=poor").nodes
    ledger.annotate(LABELS, "quality=")
    assert not ledger.find("entity", "annotation.quality").nodes
    assert [each.value for each in ledger.annotations(LABELS)] == ["good", "poor", None]


@pytest.mark.slow
def test_a_job_is_annotated_by_its_name(ledger: Ledger) -> None:
    ledger.annotate("00000001:#job-2-attempt-1", "reviewed=true")
    (segment,) = ledger.find("action", "annotation.reviewed=true").nodes
    assert segment.iri == f"arcp://uuid,{run_id(1)}/#job-2-attempt-1"


@pytest.mark.slow
def test_a_record_that_cannot_be_read_is_told_and_the_others_count(ledger: Ledger) -> None:
    ledger.annotate(LABELS, "quality=good")
    folder = ledger.folder / "annotations"
    (folder / "broken.json").write_text("{")
    (folder / "other.json").write_text('{"format": 9}')
    (folder / ".arriving.json").write_text("{")
    assert len(ledger.find("entity", "annotation.quality=good").nodes) >= 1
    assert len(ledger.problems) == 2
    assert ledger.problems[1].endswith("it has format 9, and this version reads 1.")


@pytest.mark.slow
def test_what_cannot_be_noted_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    for pairs, message in ((("good",), "'good' cannot be noted: write KEY=VALUE"), ((), "Nothing to note.")):
        with pytest.raises(BadInputError, match=message):
            ledger.annotate(LABELS, *pairs)
    with pytest.raises(NotFoundError):
        ledger.annotate("nothing", "quality=good")
    with pytest.raises(BadInputError, match="has 10001 characters"):
        ledger.annotate(LABELS, "quality=" + "x" * 10_001)
    assert not (ledger.folder / "annotations").exists()


@given(st.text(max_size=30))
def test_any_text_is_a_pair_or_refused_and_survives_json(text: str) -> None:
    try:
        key, value = read_pair(text)
    except BadInputError:
        return
    assert json.loads(json.dumps({key: value}, allow_nan=False)) == {key: value}


def test_what_a_server_tells_of_an_image_is_asked_for_like_anything_else() -> None:
    from dataclasses import replace

    from filiation.catalogue import EntityNode
    from filiation.lineage.conditions import read_condition
    from filiation.model import ImageMetadata
    from filiation.model.image_metadata import Channel, Container, Instrument, KeyValues, Objective, Owner, Pair, Tag

    host = "https://omero.example.org"
    metadata = ImageMetadata(
        f"{host}/Image/51",
        acquired=datetime(2026, 2, 3, tzinfo=UTC),
        instrument=Instrument(f"{host}/Instrument/1", "Zeiss", "LSM 980"),
        objective=Objective(f"{host}/Objective/1", nominal_magnification=63.0),
        channels=(Channel(f"{host}/Channel/1", 0, "DAPI"),),
        tags=(Tag(f"{host}/TagAnnotation/1", "training"),),
        key_values=(KeyValues(f"{host}/MapAnnotation/1", (Pair("stain", "DAPI"), Pair("dilution", "200"))),),
        containers=(Container(f"{host}/Dataset/2", "plate 7", (Container(f"{host}/Project/3", "screen"),)),),
        owner=Owner(f"{host}/Experimenter/4", "ada"),
    )
    crate = f"arcp://uuid,{run_id(1)}/"
    image = EntityNode(f"{host}/Image/51", crate, "omero://omero.example.org/image/51", "raw image", metadata=metadata)
    for text in (
        *("tag=training", "annotation.stain=DAPI", "annotation.dilution>=100", "instrument~lsm", "magnification>=60"),
        *("channel=DAPI", "container=plate 7", "container=screen", "owner=ada", "acquired=2026-02"),
    ):
        assert read_condition(text).holds(image), text
        assert not read_condition(text).holds(replace(image, metadata=None)), text


@pytest.mark.slow
def test_an_image_of_a_run_without_a_server_has_no_such_fields(catalogue: Catalogue, folder: Path) -> None:
    run = CrateBuilder(folder, 1)
    run.job("fetch", ("skimage:ihc",), {"raw.tif": "raw"})
    run.write(catalogue.folder.crates)
    assert not Ledger(folder).find("entity", "tag").nodes
