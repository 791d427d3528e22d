"""Training sets: what is chosen, how it is divided, how it is written, and what the catalogue knows of it."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pycocotools.coco import COCO

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.digest import digest_file
from filiation.errors import BadInputError, NotFoundError
from filiation.images import Image, LabelImage, read_labels, write_image, write_labels
from filiation.lineage import Ledger
from filiation.training.building import Built, Plan, build
from filiation.training.manifest import Written
from filiation.training.splitting import Split
from tests.training.laboratory import Laboratory, noise, truth

HALVES = Split((0.5, 0.0, 0.5))
THIRDS = Split((0.4, 0.3, 0.3))


def built(laboratory: Laboratory, to: str = "set", **plan: object) -> Built:
    given = {"split": THIRDS} | plan
    return build(laboratory.ledger, Plan(**given), laboratory.folder / to)  # type: ignore[arg-type]


def parts_of(result: Built) -> dict[str, str]:
    """Return the part of each sample."""
    return {Path(case.pair.labels.path).parent.name: case.part for case in result.cases}


def sample_of(case: Written) -> int:
    return int(case.pair.labels.path.split("/")[1][1:])


def test_images_of_one_raw_image_are_in_one_part_and_lineage_goes_through_the_set(six: Laboratory):
    result = built(six)
    parts = parts_of(result)
    assert parts["s0"] == parts["s5"]
    assert {part: groups for part, (_, groups) in result.counts.items()} == {"train": 1, "val": 2, "test": 2}
    ledger = six.ledger
    sources = {thing.path for thing in ledger.trace("set").sources}
    assert sources == {f"raw/s{number}.tif" for number in range(5)}
    assert str(result.digest) in {str(thing.digest) for thing in ledger.impact("raw/s0.tif").entities}
    case = next(case for case in result.cases if case.pair.labels.path == "results/s3/nuclei.ome.zarr")
    alone = ledger.trace(f"set/{case.images[0][0]}")
    assert {thing.path for thing in alone.sources} == {"raw/s3.tif"}
    assert [action.rule for action in alone.actions].count("training set") == 1


@pytest.mark.slow
def test_a_set_is_the_same_each_time_and_another_with_another_seed(six: Laboratory):
    first, again = built(six), built(six, "again")
    assert parts_of(first) == parts_of(again)
    files = [[case.images + case.labels for case in result.cases] for result in (first, again)]
    assert files[0] == files[1]
    others = {
        tuple(parts_of(built(six, f"other{seed}", split=Split(THIRDS.shares, seed))).items()) for seed in (1, 2, 3)
    }
    assert len(others) > 1


def test_for_cellpose_image_and_masks_stand_beside_each_other(six: Laboratory):
    result = built(six)
    for case in result.cases:
        number = sample_of(case)
        image, masks = (tifffile.imread(six.folder / "set" / files[0][0]) for files in (case.images, case.labels))
        assert case.labels[0][0] == f"{case.part}/{case.name}_masks.tif"
        np.testing.assert_array_equal(image, noise(number, 60, 64))
        np.testing.assert_array_equal(masks, truth(noise(number, 60, 64)))
        assert case.images[0][1] == digest_file(six.folder / "set" / case.images[0][0]).hex


def test_for_stardist_volumes_stay_volumes_and_crops_cover_them(laboratory: Laboratory):
    for number in range(2):
        laboratory.segmented(f"v{number}", noise(number, 6, 60, 64))
    result = built(laboratory, layout="stardist", split=HALVES, crop={"z": 4, "y": 40, "x": 64})
    assert len(result.cases) == 2 * 2 * 2
    for case in result.cases:
        image = tifffile.imread(laboratory.folder / "set" / case.images[0][0])
        masks = tifffile.imread(laboratory.folder / "set" / case.labels[0][0])
        assert image.shape == masks.shape == (4, 40, 64)
        where = tuple(slice(*case.region[axis]) for axis in "zyx")
        number = sample_of(case)
        np.testing.assert_array_equal(image, noise(number, 6, 60, 64)[where])
        np.testing.assert_array_equal(masks, truth(noise(number, 6, 60, 64))[where])
    assert {tuple(case.region["z"]) for case in result.cases} == {(0, 4), (2, 6)}


def test_for_nnunet_volumes_have_their_pixel_size_and_the_division_is_written(laboratory: Laboratory):
    for number in range(3):
        laboratory.segmented(f"v{number}", noise(number, 6, 60, 64))
    result = built(laboratory, layout="nnunet", objects="nucleus")
    folder = laboratory.folder / "set"
    described = json.loads((folder / "dataset.json").read_text())
    assert described == {
        "channel_names": {"0": "0"},
        "labels": {"background": 0, "nucleus": 1},
        "numTraining": 2,
        "file_ending": ".tif",
        "overwrite_image_reader_writer": "Tiff3DIO",
    }
    by_part = {case.part: case.name for case in result.cases}
    assert json.loads((folder / "splits_final.json").read_text()) == [
        {"train": [by_part["train"]], "val": [by_part["val"]]}
    ]
    name = by_part["test"]
    assert json.loads((folder / "imagesTs" / f"{name}.json").read_text()) == {"spacing": [2.0, 0.5, 0.5]}
    assert tifffile.imread(folder / "imagesTs" / f"{name}_0000.tif").shape == (6, 60, 64)
    np.testing.assert_array_equal(tifffile.imread(folder / "labelsTs" / f"{name}.tif"), truth(noise(0, 6, 60, 64)) > 0)
    assert sorted(path.name for path in (folder / "labelsTr").glob("*.tif")) == sorted(
        f"{by_part[part]}.tif" for part in ("train", "val")
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
def test_for_coco_the_reference_reader_gets_every_object_back(six: Laboratory, capsys: pytest.CaptureFixture[str]):
    result = built(six, layout="coco", objects="nucleus")
    samples = {case.images[0][0].rpartition("/")[2]: sample_of(case) for case in result.cases}
    seen = 0
    for part in ("train", "val", "test"):
        coco = COCO(six.folder / f"set/annotations/instances_{part}.json")
        for number, picture in coco.imgs.items():
            assert (six.folder / "set/images" / part / picture["file_name"]).is_file()
            whole = np.zeros((picture["height"], picture["width"]), np.uint32)
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[number])):
                mask = coco.annToMask(annotation).astype(bool)
                assert mask.sum() == annotation["area"]
                rows, columns = np.nonzero(mask)
                box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
                assert annotation["bbox"] == [int(length) for length in box]
                whole[mask] = annotation["label"]
            number = samples[picture["file_name"]]
            np.testing.assert_array_equal(whole, truth(noise(number, 60, 64)))
            seen += 1
    assert seen == len(result.cases) == 6
    capsys.readouterr()


def test_pairs_are_chosen_by_lineage_and_of_corrected_labels_the_newest(six: Laboratory):
    six.corrected("s1", by="Ada")
    six.corrected("s2", by="Josiah")
    six.corrected("s3", by="Josiah")
    by_josiah = built(six, "josiah", corrected_by="Josiah", split=HALVES)
    assert sorted(parts_of(by_josiah)) == ["s2", "s3"]
    assert len(six.ledger.pairs("rule~correction and agent=Josiah").pairs) == 2
    assert len(six.ledger.pairs(corrected_by="0000-0001-5109-3700").pairs) == 1
    assert len(six.ledger.pairs(corrected_by="*").pairs) == 3
    assert not six.ledger.pairs(corrected_by="Josiah Carberry").pairs  # who ran the workflow corrected nothing
    assert {pair.labels.path for pair in six.ledger.pairs("!rule~correction").pairs} >= {"results/s1/nuclei.ome.zarr"}
    everything = six.ledger.pairs()
    assert len(everything.pairs) == 6
    corrected = f"corrected since: {six.folder}/results/s1/corrected.ome.zarr was made from it"
    assert ("results/s1/nuclei.ome.zarr", corrected) in everything.left_out
    (mifa,) = (case["mifa"] for case in by_josiah.manifest["cases"] if "results/s2" in case["annotation"]["path"])
    assert mifa["annotator"] == ["Josiah (https://orcid.org/0000-0002-1825-0097)"]
    assert mifa["annotation_source"] == "software, corrected by a person"
    assert mifa["annotation_method"].startswith("segment (method = otsu); then corrected by hand by Josiah")


def test_the_manifest_says_what_mifa_asks_and_what_is_not_known(six: Laboratory):
    result = built(six, licence="CC BY 4.0")
    manifest = json.loads((six.folder / "set/training-set.json").read_text())
    assert manifest == result.manifest
    assert manifest["licence"] == "CC-BY-4.0"
    assert manifest["unknown"] == ["annotation_criteria", "annotation_coverage", "annotation_confidence_level"]
    for case in manifest["cases"]:
        mifa = case["mifa"]
        assert mifa["annotation_type"] == "segmentation_mask"
        assert mifa["source_image_id"] == case["raw_images"][0]
        assert mifa["annotator"] == ["segment, run by Josiah Carberry (https://orcid.org/0000-0002-1825-0097)"]
        assert mifa["annotation_source"] == "software"
    crate = json.loads((result.crate / "ro-crate-metadata.json").read_text())
    root = next(entity for entity in crate["@graph"] if entity["@id"] == "./")
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}


def test_conflicts_of_licences_and_unknown_ones_are_told(six: Laboratory):
    ledger = six.ledger
    ledger.annotate("raw/s0.tif", "license=CC-BY-NC-4.0")
    ledger.annotate("raw/s1.tif", "Licence=https://creativecommons.org/licenses/by-sa/4.0/")
    result = built(six, licence="CC-BY-4.0")
    assert result.warnings == (
        "CC-BY-NC-4.0 allows no commercial use; CC-BY-4.0 would allow it.",
        "CC-BY-SA-4.0 asks that what is made of it has the same licence; CC-BY-4.0 is another.",
        "The licence of 3 raw image(s) is not known: raw/s2.tif, raw/s3.tif, raw/s4.tif.",
    )


def test_a_licence_that_all_images_have_is_that_of_the_set(six: Laboratory):
    for number in range(5):
        six.ledger.annotate(f"raw/s{number}.tif", "license=CC BY 4.0")
    assert (built(six).licence, built(six, "other", licence="CC0").warnings) == (
        "CC-BY-4.0",
        ("CC-BY-4.0 asks that its authors are named; CC0-1.0 would not.",),
    )


def test_groups_at_a_level_that_was_noted_are_not_divided(six: Laboratory):
    for number in range(5):
        six.ledger.annotate(f"raw/s{number}.tif", f"mouse={'abbcc'[number]}")
    parts = parts_of(built(six, by="mouse"))
    assert parts["s1"] == parts["s2"]
    assert parts["s3"] == parts["s4"]
    assert parts["s0"] == parts["s5"]
    assert len({parts["s0"], parts["s1"], parts["s3"]}) == 3


def test_what_was_noted_is_told_where_a_field_of_that_name_finds_nothing(six: Laboratory):
    for number in (1, 2):
        six.ledger.annotate(f"raw/s{number}.tif", "tag=control")
    with pytest.raises(NotFoundError, match=r"a field of its own: annotation\.tag=control is true of something\.$"):
        built(six, where=("tag=control",))
    with pytest.raises(NotFoundError, match=r"is as tag=treated and can be read\.$"):
        built(six, where=("tag=treated",))
    assert sorted(parts_of(built(six, where=("annotation.tag=control",), split=HALVES))) == ["s1", "s2"]


def test_a_level_that_is_not_known_of_an_image_is_never_guessed(six: Laboratory):
    six.ledger.annotate("raw/s0.tif", "mouse=a")
    with pytest.raises(
        BadInputError, match=r"The mouse of 4 image\(s\) is not known: raw/s1.tif.*annotate IMAGE mouse="
    ):
        built(six, by="mouse")
    assert not (six.folder / "set").exists()


def test_images_that_overlap_are_one_group_though_lineage_does_not_know(laboratory: Laboratory):
    whole = noise(7, 100, 64)
    laboratory.segmented("upper", whole[:60])
    laboratory.segmented("lower", whole[10:70])
    laboratory.segmented("other", noise(8, 60, 64))
    result = built(laboratory, split=HALVES)
    parts = parts_of(result)
    assert parts["upper"] == parts["lower"] != parts["other"]
    assert len(result.joined) == 1
    assert result.warnings[-1].startswith("One group by their pixels, though lineage does not tell: results/")


def test_what_is_changed_or_gone_is_left_out_with_the_reason(six: Laboratory):
    import shutil

    shutil.rmtree(six.folder / "results/s1/raw.ome.zarr")
    (six.folder / "results/s2/nuclei.ome.zarr/note.txt").write_text("changed")
    result = built(six)
    assert result.left_out == (
        ("results/s1/nuclei.ome.zarr", "results/s1/raw.ome.zarr is not on disk"),
        ("results/s2/nuclei.ome.zarr", "results/s2/nuclei.ome.zarr is other on disk than what was recorded"),
    )
    assert sorted(parts_of(result)) == ["s0", "s3", "s4", "s5"]


def test_nothing_is_written_over_and_nothing_is_left_of_what_failed(six: Laboratory):
    (six.folder / "set").mkdir()
    (six.folder / "set" / "mine.txt").write_text("mine")
    with pytest.raises(BadInputError, match="name a folder that is new or empty"):
        built(six)
    with pytest.raises(NotFoundError, match=r"No pair .* is as rule=paint"):
        built(six, "other", where=("rule=paint",))
    six.segmented("volume", noise(20, 3, 60, 64))
    with pytest.raises(BadInputError, match="a set for nnU-Net is of one kind"):
        built(six, "other", layout="nnunet")
    assert sorted(path.name for path in six.folder.iterdir() if path.name.startswith(("other", "set"))) == ["set"]


def test_the_image_of_labels_that_do_not_name_it_is_the_nearest_that_fits(laboratory: Laboratory):
    laboratory.segmented("s0", noise(0, 60, 64))
    store = laboratory.folder / "results/s0/nuclei.ome.zarr"
    assert read_labels(store).source == "../raw.ome.zarr"
    (pair,) = laboratory.ledger.pairs().pairs
    assert (pair.image.path, [raw.path for raw in pair.raws]) == ("results/s0/raw.ome.zarr", ["raw/s0.tif"])
    assert [step.rule for step in pair.steps] == ["segment"]
    assert Path(pair.image.place or "").is_dir()


def test_channels_and_time_points_are_written_as_each_layout_has_them(laboratory: Laboratory):
    pixels = noise(1, 2, 3, 60, 64)  # t, c, y, x
    folder = laboratory.folder / "results/s0"
    write_image(folder / "raw.ome.zarr", Image(pixels, ("t", "c", "y", "x"), channels=("DAPI", "actin", "tubulin")))
    labels = np.stack([truth(frame[0]) for frame in pixels])
    write_labels(folder / "nuclei.ome.zarr", LabelImage(labels, ("t", "y", "x"), source="../raw.ome.zarr"))
    run = laboratory.run()
    kinds = {"results/s0/raw.ome.zarr": "image", "results/s0/nuclei.ome.zarr": "label image"}
    run.job("segment", ("results/s0/raw.ome.zarr",), {"results/s0/nuclei.ome.zarr": None}, kinds=kinds)
    laboratory.take_in(run)
    whole = Split((1.0, 0.0, 0.0))
    stardist = built(laboratory, "stardist", layout="stardist", split=whole)
    assert [case.name for case in stardist.cases] == ["case_0001_t0", "case_0001_t1"]
    image = tifffile.imread(laboratory.folder / "stardist" / stardist.cases[1].images[0][0])
    np.testing.assert_array_equal(image, np.moveaxis(pixels[1], 0, -1))
    masks = tifffile.imread(laboratory.folder / "stardist" / stardist.cases[1].labels[0][0])
    np.testing.assert_array_equal(masks, labels[1])
    nnunet = built(laboratory, "nnunet", layout="nnunet", split=whole)
    described = json.loads((laboratory.folder / "nnunet/dataset.json").read_text())
    assert described["channel_names"] == {"0": "DAPI", "1": "actin", "2": "tubulin"}
    assert described["overwrite_image_reader_writer"] == "NaturalImage2DIO"
    third = nnunet.cases[0].images[2][0]
    assert third == "imagesTr/case_0001_t0_0002.tif"
    np.testing.assert_array_equal(tifffile.imread(laboratory.folder / "nnunet" / third), pixels[0, 2])
    one = built(laboratory, "one", channel="actin", split=whole)
    np.testing.assert_array_equal(tifffile.imread(laboratory.folder / "one" / one.cases[0].images[0][0]), pixels[0, 1])
    with pytest.raises(BadInputError, match="There is no channel 'GFP'; there are 3, counted from 0: DAPI, actin"):
        built(laboratory, "other", channel="GFP", split=whole)


@pytest.mark.slow
def test_the_record_of_a_set_is_valid_by_its_profile(laboratory: Laboratory):
    from filiation.crate.validation import validate

    for number in range(2):
        laboratory.segmented(f"s{number}", noise(number, 60, 64))
    result = built(laboratory, split=HALVES, licence="CC-BY-4.0")
    for crate in (result.crate, result.folder):
        assert validate(crate, profile="process-run-crate").issues == ()


def test_a_set_is_a_crate_that_tells_nothing_of_the_machine(six: Laboratory, tmp_path: Path):
    result = built(six)
    text = (result.folder / "ro-crate-metadata.json").read_text() + (result.folder / "training-set.json").read_text()
    assert str(six.folder) not in text
    assert platform.node() not in text
    other = CatalogueFolder.create(tmp_path / "others" / ".filiation")
    Catalogue(other).ingest(result.folder)
    ledger = Ledger(other.root)
    case = result.cases[0]
    sources = {thing.iri for thing in ledger.trace(f"sha256:{case.images[0][1]}").sources}
    assert sources == {case.pair.image.iri, case.pair.labels.iri}
