"""Models are part of lineage: what an image taught, what that made, and what became of the truth since."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tifffile

from filiation.errors import BadInputError, NotFoundError
from filiation.images import read_labels, write_labels
from filiation.training.building import Plan, build
from filiation.training.models import Trained, register_model
from filiation.training.splitting import Split
from tests.training.laboratory import Laboratory, noise

HALVES = Split((0.5, 0.0, 0.5))
LONG_AGO = datetime(2026, 3, 1, tzinfo=UTC)


def train(laboratory: Laboratory, on: str, model: str = "model.pt", **more: object) -> Trained:
    """Write something as a model's weights, as if the training had ended before all runs, and register it."""
    path = laboratory.folder / model
    path.write_bytes(f"weights {model}".encode())
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    return register_model(laboratory.ledger, path, laboratory.folder / on, **more)  # type: ignore[arg-type]


def reached(laboratory: Laboratory, thing: str) -> set[str]:
    return {Path(entity.path).name for entity in laboratory.ledger.impact(thing).entities}


def test_an_image_leads_to_the_models_that_learned_from_it_and_to_what_they_made(six: Laboratory):
    build(six.ledger, Plan(split=HALVES), six.folder / "set")
    trained = train(six, "set", tool="cellpose@4.0.6", parameters=[("epochs", 100)])
    six.predicted("s4", "model.pt")
    assert (trained.is_known, trained.sources, trained.checked) == (True, 1, None)
    for number in range(4):
        assert {"set", "model.pt", "predicted.ome.zarr"} <= reached(six, f"raw/s{number}.tif")
    (action,) = (action for action in six.ledger.trace("model.pt", depth=1).actions)
    assert (action.rule, [str(value.value) for value in action.parameters]) == ("cellpose", ["100"])
    sources = {entity.path for entity in six.ledger.trace("results/s4/predicted.ome.zarr").sources}
    assert sources == {f"raw/s{number}.tif" for number in range(5)}


def test_a_set_made_elsewhere_is_tied_to_what_is_known_of_it(six: Laboratory):
    folder = six.folder / "elsewhere"
    for part, number in (("train", 1), ("train", 2), ("test", 3)):
        place = folder / part / f"{number}.tif"
        place.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(place, noise(number, 60, 64)[5:55, 3:60])
    tifffile.imwrite(folder / "train" / "unknown.tif", noise(99, 60, 60))
    trained = train(six, "elsewhere")
    assert trained.checked is not None
    assert (trained.is_known, trained.sources, trained.checked.unknown) == (False, 3, 1)
    assert "model.pt" in reached(six, "raw/s2.tif")
    assert "model.pt" not in reached(six, "raw/s4.tif")


def test_a_set_that_has_files_more_is_known_by_those_that_it_had(six: Laboratory):
    build(six.ledger, Plan(split=HALVES), six.folder / "set")
    (six.folder / "set/train/case_0001_flows.tif").write_bytes(b"what a tool keeps beside")
    trained = train(six, "set")
    assert not trained.is_known
    assert "model.pt" in reached(six, "raw/s1.tif")


def test_a_folder_in_no_layout_is_known_by_its_files(six: Laboratory):
    folder = six.folder / "heap"
    folder.mkdir()
    shutil.copy(six.folder / "raw/s1.tif", folder / "a.tif")
    trained = train(six, "heap")
    assert (trained.checked, trained.sources) == (None, 1)
    assert "model.pt" in reached(six, "raw/s1.tif")


def test_what_became_of_the_truth_since_is_told(six: Laboratory):
    build(six.ledger, Plan(split=HALVES), six.folder / "set")
    train(six, "set")
    ledger = six.ledger
    build(ledger, Plan(split=HALVES, layout="coco"), six.folder / "other")
    assert ledger.stale().found == ()  # another set, made otherwise, is no newer version of the first
    assert ledger.truth_since("model.pt").found == ()
    six.corrected("s1", by="Ada")
    changed = six.folder / "results/s2/nuclei.ome.zarr"
    labels = read_labels(changed)
    shutil.rmtree(changed)
    write_labels(changed, replace(labels, data=labels.data * 2))
    ledger.annotate("raw/s3.tif", "retracted=sample mixed up")
    found = {(each.kind, each.what) for each in ledger.truth_since("model.pt").found}
    assert found == {
        ("corrected", "results/s1/nuclei.ome.zarr"),
        ("changed on disk", "results/s2/nuclei.ome.zarr"),
        ("retracted", "raw/s3.tif"),
    }
    assert {each.kind for each in ledger.truth_since("set", disk=False).found} == {"corrected", "retracted"}
    shutil.rmtree(six.folder / "results/s4")
    six.segmented("s4", noise(4, 60, 64) + 1, raw="s4")
    assert ("made anew", "results/s4/nuclei.ome.zarr") in {
        (each.kind, each.what) for each in ledger.truth_since("set").found
    }


def test_what_cannot_be_registered_is_refused_with_the_reason(six: Laboratory):
    build(six.ledger, Plan(split=HALVES), six.folder / "set")
    ledger, model, folder = six.ledger, six.folder / "model.pt", six.folder / "set"
    with pytest.raises(NotFoundError, match="There is no model"):
        register_model(ledger, model, folder)
    train(six, "set")
    with pytest.raises(BadInputError, match="is recorded already"):
        register_model(ledger, model, folder)
    model.write_bytes(b"others")
    with pytest.raises(NotFoundError, match="There is no training set"):
        register_model(ledger, model, six.folder / "nowhere")
    with pytest.raises(BadInputError, match="in the future"):
        register_model(ledger, model, folder, at=datetime(2200, 1, 1, tzinfo=UTC))
    (folder / "model.pt").write_bytes(b"inside")
    with pytest.raises(BadInputError, match="is inside the training set"):
        register_model(ledger, folder / "model.pt", folder)


def test_a_model_may_be_a_folder(six: Laboratory):
    build(six.ledger, Plan(split=HALVES), six.folder / "set")
    (six.folder / "stardist_model").mkdir()
    (six.folder / "stardist_model/weights_best.h5").write_bytes(b"weights")
    trained = register_model(six.ledger, six.folder / "stardist_model", six.folder / "set")
    assert str(trained.digest).startswith("tree1:")
    assert "stardist_model" in reached(six, "raw/s0.tif")
