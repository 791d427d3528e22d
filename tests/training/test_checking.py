"""Leaks of training sets are found, whoever made the set and however they are hidden; clean sets pass."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from click.testing import CliRunner
from PIL import Image as Picture

from filiation.cli.application import main
from filiation.crate.things import write_pixels
from filiation.errors import BadInputError, FindingsError, NotFoundError
from filiation.images import Image, pixel_digest_of_array, write_image
from filiation.model import DigestKind
from filiation.training.building import Plan, build
from filiation.training.checking import check
from filiation.training.contents import InSet, read_contents
from filiation.training.leaks import Checked
from filiation.training.splitting import Split
from tests.training.laboratory import Array, Laboratory, noise

SHIPPED = Path(skimage.__file__).parent / "data"


def real(name: str) -> Array:
    """Return a micrograph that ships with scikit-image, colours first."""
    pixels = np.asarray(Picture.open(SHIPPED / name))
    return np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels


def tiff(path: Path, pixels: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.ascontiguousarray(pixels), photometric="minisblack")


def kinds(checked: Checked) -> list[str]:
    return [leak.kind for leak in checked.leaks]


@pytest.fixture
def elsewhere(laboratory: Laboratory) -> Path:
    """Return a set that others made of real micrographs; it is clean, and the catalogue knows nothing of it."""
    folder = laboratory.folder / "elsewhere"
    tissue, cell = real("ihc.png"), real("cell.png")
    for number in range(3):
        tiff(folder / f"train/images/{number}.tif", tissue[:, 128 * number : 128 * number + 120, :200])
        tiff(folder / f"train/masks/{number}.tif", np.zeros((120, 200), np.uint16))
    tiff(folder / "test/images/0.tif", cell[:200, :300])
    tiff(folder / "test/masks/0.tif", np.zeros((120, 200), np.uint16))
    return folder


def test_a_clean_split_passes(laboratory: Laboratory, elsewhere: Path):
    checked = check(laboratory.ledger, elsewhere)
    assert (checked.leaks, checked.counts, checked.unknown) == ((), {"test": 1, "train": 3}, 4)


def test_a_leak_is_found_though_it_was_renamed(laboratory: Laboratory, elsewhere: Path):
    shutil.copy(elsewhere / "train/images/1.tif", elsewhere / "test/images/unsuspicious.tif")
    (leak,) = check(laboratory.ledger, elsewhere).leaks
    assert (leak.kind, leak.first, leak.second) == (
        "same file",
        InSet("test/images/unsuspicious.tif", "test"),
        InSet("train/images/1.tif", "train"),
    )


@pytest.mark.parametrize("how", ["other chunks", "other format", "cropped", "one channel of it"])
def test_a_leak_is_found_though_it_is_other_bytes(how: str, laboratory: Laboratory, elsewhere: Path):
    pixels = real("ihc.png")[:, 128:248, :200]
    if how == "other chunks":
        write_image(elsewhere / "test/images/new.ome.zarr", Image(pixels, ("c", "y", "x")))
    elif how == "other format":
        Picture.fromarray(np.moveaxis(pixels, 0, -1)).save(elsewhere / "test/images/new.png")
    elif how == "cropped":
        tiff(elsewhere / "test/images/new.tif", pixels[:, 33:97, 51:120])
    else:
        tiff(elsewhere / "test/images/new.tif", pixels[1])
    (leak,) = check(laboratory.ledger, elsewhere).leaks
    assert leak.kind == "same pixels"
    assert {leak.first.path.partition(".")[0], leak.second.path} == {"test/images/new", "train/images/1.tif"}
    assert "100% equal" in leak.detail


def test_turned_and_mirrored_copies_are_found_if_asked_for(laboratory: Laboratory, elsewhere: Path):
    crop = real("ihc.png")[:, 130:210, 20:90]
    tiff(elsewhere / "test/images/turned.tif", np.rot90(crop[:, :, ::-1], 3, axes=(1, 2)))
    assert check(laboratory.ledger, elsewhere).leaks == ()
    (leak,) = check(laboratory.ledger, elsewhere, turned=True).leaks
    assert (leak.kind, leak.first.path) == ("same pixels", "test/images/turned.tif")
    assert leak.second.path == "train/images/1.tif"
    assert leak.detail.endswith("100% equal; the other mirrored and turned by 270 degrees")


def test_a_run_that_used_an_image_hides_not_where_it_is_from(laboratory: Laboratory):
    laboratory.segmented("slide", real("cell.png").astype(np.uint16))
    folder = laboratory.folder / "set"
    for part, rows in (("train", slice(0, 200)), ("test", slice(300, 500))):
        tiff(folder / part / "a.tif", real("cell.png")[rows, :300])
    run = laboratory.run()
    run.job("train", ("set/train/a.tif", "set/test/a.tif"), {"model.pt": "weights"})
    laboratory.take_in(run)
    checked = check(laboratory.ledger, folder)
    assert (kinds(checked), checked.by_digest) == (["same image"], 2)


def test_an_image_is_known_by_pixels_that_were_recorded_by_either_version(laboratory: Laboratory):
    run, folder = laboratory.run(), laboratory.folder / "set"
    for part, number, kind in (("train", 1, DigestKind.PIXELS), ("test", 2, DigestKind.PIXELS_1)):
        image = f"https://omero.example.org/Image/{number}"
        pixels = noise(number, 64, 64)
        tiff(folder / part / "a.tif", pixels)
        run.thing(image, pixelDigest=write_pixels(pixel_digest_of_array(pixels, ("y", "x"), kind)))
        run.job("look", (image,), {f"seen-{number}.txt": "x"})
    laboratory.take_in(run)
    checked = check(laboratory.ledger, folder)
    assert (checked.leaks, checked.by_digest) == ((), 2)


def test_crops_of_one_raw_image_are_found_though_they_share_no_pixel(laboratory: Laboratory, elsewhere: Path):
    laboratory.segmented("slide", real("cell.png").astype(np.uint16))
    tiff(elsewhere / "train/images/4.tif", real("cell.png")[400:550, 200:400])
    checked = check(laboratory.ledger, elsewhere)
    (leak,) = checked.leaks
    assert leak.kind == "same image"
    assert {leak.first.path, leak.second.path} == {"test/images/0.tif", "train/images/4.tif"}
    assert "both are of raw/slide.tif" in leak.detail
    assert "train/images/4.tif shows a part of" in leak.detail
    assert (checked.by_digest, checked.by_content, checked.unknown) == (0, 2, 3)


def test_what_belongs_to_one_group_is_found_by_what_was_noted(laboratory: Laboratory, elsewhere: Path):
    for name in ("one", "two"):
        laboratory.segmented(name, noise(len(name) + ord(name[0]), 80, 80))
    for part, name in (("train", "one"), ("test", "two")):
        tiff(elsewhere / part / "images" / f"{name}.tif", tifffile.imread(laboratory.folder / f"raw/{name}.tif")[3:70])
    ledger = laboratory.ledger
    assert check(ledger, elsewhere).leaks == ()
    for name in ("one", "two"):
        ledger.annotate(f"raw/{name}.tif", "mouse=17")
    (leak,) = check(ledger, elsewhere, by="mouse").leaks
    assert (leak.kind, "mouse=17" in leak.detail) == ("same mouse", True)


@pytest.mark.parametrize("layout", ["cellpose", "stardist", "nnunet", "coco"])
def test_sets_built_here_pass_and_a_case_moved_by_hand_is_found(layout: str, six: Laboratory):
    split = Split((0.4, 0.3, 0.3))
    built = build(six.ledger, Plan(layout=layout, split=split, crop={"y": 40, "x": 40}), six.folder / "set")
    folder = six.folder / "set"
    checked = check(six.ledger, folder)
    assert (checked.leaks, checked.unknown) == ((), 0)
    assert len(checked.contents.images) == len(built.cases)
    test = next(case for case in built.cases if case.part == "test")
    place = (folder / test.images[0][0]).with_name("added_0000.tif")
    if layout != "coco":  # whose annotations name the pictures
        train = next(case for case in built.cases if case.part == "train")
        shutil.copy(folder / train.images[0][0], place)
        added = check(six.ledger, folder)
        assert kinds(added)[0] == "same file"
        assert added.contents.remarks == ("1 image(s) are not in the manifest.",)
        place.unlink()
    (folder / "training-set.json").unlink()
    assert check(six.ledger, folder).leaks == ()
    test, train = (next(case for case in built.cases if case.part == part) for part in ("test", "train"))
    shutil.copy(folder / train.images[0][0], folder / test.images[0][0])
    found = check(six.ledger, folder)
    assert "same file" in kinds(found)
    assert "same image" in kinds(found)


def test_empty_backgrounds_and_scale_bars_are_no_leak(laboratory: Laboratory):
    bar = noise(9, 20, 60)
    for number, part in enumerate(("train", "test")):
        image = np.full((200, 200), 100, np.uint16)
        image[20:80, 20:80] = noise(number, 60, 60)
        image[170:190, 130:190] = bar
        tiff(laboratory.folder / "set" / part / "a.tif", image)
    assert check(laboratory.ledger, laboratory.folder / "set").leaks == ()


def test_what_cannot_be_read_is_told_and_compared_by_its_bytes(laboratory: Laboratory, elsewhere: Path):
    for part in ("train", "test"):
        (elsewhere / part / "images/torn.tif").write_bytes(b"II*\0 torn")
    Picture.fromarray(real("cell.png")[:90, :90]).save(elsewhere / "train/images/lossy.jpg")
    checked = check(laboratory.ledger, elsewhere)
    assert kinds(checked) == ["same file"]
    assert [path for path, _ in checked.not_read] == ["test/images/torn.tif", "train/images/torn.tif"]
    assert checked.remarks == ("1 image(s) are compressed with loss: their pixels are those of no other file.",)


def test_folds_of_nnunet_are_parts_and_chance_is_told(laboratory: Laboratory):
    folder = laboratory.folder / "Dataset001_Cells"
    for number in range(4):
        tiff(folder / f"imagesTr/cell_{number}_0000.tif", noise(number, 60, 60))
    tiff(folder / "imagesTs/cell_9_0000.tif", noise(9, 60, 60))
    assert "divides training and validation by chance" in check(laboratory.ledger, folder).contents.remarks[0]
    folds = [{"train": [], "val": ["cell_0", "cell_1"]}, {"train": [], "val": ["cell_2", "cell_3"]}]
    (folder / "splits_final.json").write_text(json.dumps(folds))
    tiff(folder / "imagesTr/cell_3_0000.tif", noise(0, 60, 60)[5:])
    checked = check(laboratory.ledger, folder)
    assert checked.counts == {"fold 0": 2, "fold 1": 2, "test": 1}
    assert [(leak.first.part, leak.second.part) for leak in checked.leaks] == [("fold 0", "fold 1")]


def test_pictures_of_coco_are_found_where_others_keep_them(laboratory: Laboratory):
    folder = laboratory.folder / "coco"
    for part in ("train2017", "val2017"):
        tiff(folder / part / "a.tif", noise(len(part), 60, 60))
        names = [{"id": 1, "file_name": "a.tif"}, {"id": 2, "file_name": "gone.tif"}]
        described = folder / "annotations" / f"instances_{part}.json"
        described.parent.mkdir(exist_ok=True)
        described.write_text(json.dumps({"images": names, "annotations": []}))
    contents = read_contents(folder)
    assert [(image.path, image.part) for image in contents.images] == [
        ("train2017/a.tif", "train"),
        ("val2017/a.tif", "val"),
    ]
    assert contents.remarks[0] == "1 picture(s) that instances_train2017.json names are not there."


def test_what_is_no_set_is_refused(laboratory: Laboratory):
    with pytest.raises(NotFoundError, match="There is no folder"):
        check(laboratory.ledger, laboratory.folder / "nowhere")
    (laboratory.folder / "empty").mkdir()
    with pytest.raises(BadInputError, match="Expected are folders train, val and test"):
        check(laboratory.ledger, laboratory.folder / "empty")
    (laboratory.folder / "empty/training-set.json").write_text('{"version": 7}')
    with pytest.raises(BadInputError, match="no manifest of version 1"):
        check(laboratory.ledger, laboratory.folder / "empty")


def test_prints_of_the_catalogues_images_are_kept_from_one_check_to_the_next(
    laboratory: Laboratory, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
):
    from filiation.training import checking

    laboratory.segmented("slide", real("cell.png").astype(np.uint16))
    before = check(laboratory.ledger, elsewhere)
    taken = []
    monkeypatch.setattr(checking, "take_prints", lambda image: taken.append(image) or _take(image))
    assert check(laboratory.ledger, elsewhere) == before
    assert len(taken) == len(before.contents.images)


def _take(image: object) -> object:
    from filiation.images.prints import take_prints

    return take_prints(image)  # type: ignore[arg-type]


def test_where_there_is_no_catalogue_a_set_is_compared_with_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    pixels = noise(1, 90, 90)
    tiff(tmp_path / "set/train/a.tif", pixels[:70])
    tiff(tmp_path / "set/test/b.tif", pixels[10:])
    result = CliRunner().invoke(main, ["dataset", "check", "set"])
    assert result.exit_code == FindingsError.exit_code
    assert "There is no catalogue here: the set is compared with itself alone." in result.stderr
    assert (
        "60 x 90 pixels, at row 0, column 0 of the one and row 10, column 0 of the other, 100% equal" in result.stdout
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]
    elsewhere = CliRunner().invoke(main, ["dataset", "check", "set", "--catalogue", "nowhere"])
    assert elsewhere.exit_code == NotFoundError.exit_code
    assert "nowhere" in elsewhere.stderr
