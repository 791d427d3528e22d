"""What stands in the folder of a training set, made here or elsewhere: its images, and the part that each is in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.images.multiscale import open_multiscale
from filiation.images.planes import PICTURES, TIFF
from filiation.training.manifest import read_manifest
from filiation.training.splitting import TEST, TRAIN, VALIDATION

NNUNET: Final = "nnunet"
COCO: Final = "coco"
FOLDERS: Final = "folders"
MANIFEST: Final = "manifest"

_NAMES: Final = {
    TRAIN: ("train", "training", "trainset", "tr"),
    VALIDATION: ("val", "valid", "validation", "dev"),
    TEST: ("test", "testing", "testset", "ts", "holdout"),
}
_MASK_FOLDERS: Final = re.compile(
    r"(?:masks?|labels?(?:tr|ts)?|annotations?|gt|ground[_ -]?truths?|targets?|seg(?:mentations?)?|instances?)",
    re.IGNORECASE,
)
_MASK_NAMES: Final = re.compile(r".*_(?:cp_)?(?:masks?|labels?|seg|gt|flows|outlines)", re.IGNORECASE)
_CHANNEL: Final = re.compile(r"(?P<case>.+)_\d{4}")


@dataclass(frozen=True, slots=True)
class InSet:
    """An image of a set: its path from the set's folder, and the part that it is in."""

    path: str
    part: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a set holds.

    Parameters
    ----------
    layout
        As what it was read.
    images
        Sorted by path.
    remarks
        What a person should know who relies on it.
    """

    layout: str
    images: tuple[InSet, ...]
    remarks: tuple[str, ...] = ()


def read_contents(folder: Path, layout: str = "auto") -> Contents:
    """Find the images of a set and their parts.

    Parameters
    ----------
    folder
        The set.
    layout
        ``nnunet``, ``coco``, or ``folders`` for ``train``, ``val``, ``test`` as Cellpose, StarDist and most others have
        them; ``auto`` to tell by what is there.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    BadInputError
        If no image is found in it, or what describes it cannot be read.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}.")
    found = _READERS[layout](folder) if layout != "auto" else _told(folder)
    if not found.images:
        raise BadInputError(
            f"No image of a training set is found in {folder}, read as {found.layout}. Expected are folders train, val "
            "and test, or those of nnU-Net (imagesTr), or COCO's annotations; --layout says which."
        )
    return found


def _told(folder: Path) -> Contents:
    if read_manifest(folder) is not None:
        return _of_manifest(folder)
    if (folder / "imagesTr").is_dir():
        return _of_nnunet(folder)
    if any(True for _ in _coco_files(folder)):
        return _of_coco(folder)
    return _of_folders(folder)


def _of_manifest(folder: Path) -> Contents:
    """Read a set that was built here: parts as the manifest says, and what else stands in the folder."""
    manifest = read_manifest(folder) or {}
    told = {
        str(file["path"]): str(case["part"])
        for case in manifest["cases"]
        for file in case["images"]
        if not str(file["path"]).endswith(".json")
    }
    there = {path: part for path, part in told.items() if (folder / path).exists()}
    seen = _READERS.get(manifest["settings"]["layout"], _of_folders)(folder)
    more = {image.path: image.part for image in seen.images if image.path not in told}
    remarks = [f"{len(told) - len(there)} image(s) of the manifest are not there."] if len(there) < len(told) else []
    remarks += [f"{len(more)} image(s) are not in the manifest."] if more else []
    images = tuple(InSet(path, part) for path, part in sorted({**more, **there}.items()))
    return Contents(MANIFEST, images, tuple(remarks))


def _of_nnunet(folder: Path) -> Contents:
    folds, remarks = _folds(folder)
    images = [InSet(path, folds.get(_case(path), TRAIN)) for path in _images_below(folder, "imagesTr")]
    images += [InSet(path, TEST) for path in _images_below(folder, "imagesTs")]
    return Contents(NNUNET, tuple(images), remarks)


def _folds(folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return in which part each case is; of a cross-validation, the fold that it validates."""
    place = folder / "splits_final.json"
    if not place.is_file():
        return {}, (
            "There is no splits_final.json: nnU-Net divides training and validation by chance, case by case. What is "
            "found is between training and test alone.",
        )
    splits = _json(place)
    try:
        if len(splits) == 1:
            return dict.fromkeys(map(str, splits[0]["val"]), VALIDATION), ()
        return {str(name): f"fold {number}" for number, fold in enumerate(splits) for name in fold["val"]}, ()
    except (TypeError, KeyError) as error:
        raise BadInputError(f"{place} is no list of folds with train and val, as nnU-Net writes it.") from error


def _case(path: str) -> str:
    stem = PurePosixPath(path).name.partition(".")[0]
    found = _CHANNEL.fullmatch(stem)
    return found["case"] if found else stem


def _of_coco(folder: Path) -> Contents:
    images: dict[str, str] = {}
    remarks = []
    for place in _coco_files(folder):
        part = _part_of(place.stem) or _part_of(place.parent.name) or place.stem
        lacking = 0
        for picture in _json(place)["images"]:
            path = _picture(folder, place, part, str(picture.get("file_name", "")))
            if path is None:
                lacking += 1
            else:
                images[path] = part
        if lacking:
            remarks.append(f"{lacking} picture(s) that {place.name} names are not there.")
    return Contents(COCO, tuple(InSet(path, images[path]) for path in sorted(images)), tuple(remarks))


def _coco_files(folder: Path) -> Iterator[Path]:
    for place in sorted((*folder.glob("*.json"), *folder.glob("*/*.json"))):
        try:
            content = json.loads(place.read_bytes())
        except ValueError:
            continue  # what is no JSON describes no set
        if isinstance(content, dict) and isinstance(content.get("images"), list) and "annotations" in content:
            yield place


def _picture(folder: Path, described: Path, part: str, name: str) -> str | None:
    places = (folder, described.parent, folder / "images", folder / "images" / part, folder / part)
    for place in (*places, *sorted(folder.glob(f"*{part}*"))):
        if name and (place / name).is_file():
            return (place / name).relative_to(folder).as_posix()
    return None


def _of_folders(folder: Path) -> Contents:
    images = []
    for path in _images_below(folder, "."):
        *folders, name = path.split("/")
        part = next((part for each in folders if (part := _part_of(each)) is not None), None)
        is_mask = any(map(_MASK_FOLDERS.fullmatch, folders)) or _MASK_NAMES.fullmatch(name.partition(".")[0])
        if part is not None and not is_mask:
            images.append(InSet(path, part))
    return Contents(FOLDERS, tuple(images))


def _part_of(name: str) -> str | None:
    """Return the part that a folder or file is called after: ``train``, ``images_val``, ``instances_test2017``.

    >>> _part_of("images_val"), _part_of("instances_test2017"), _part_of("Training"), _part_of("trains")
    ('val', 'test', 'train', None)
    """
    words = re.findall(r"[a-z]+", name.lower())
    return next((part for part, names in _NAMES.items() if any(word in names for word in words)), None)


def _images_below(folder: Path, inside: str) -> list[str]:
    """Return the images below a folder, sorted; a store is one, and a label image is none."""
    found: list[str] = []
    waiting = [folder / inside]
    while waiting:
        here = waiting.pop()
        for place in sorted(here.iterdir()) if here.is_dir() else ():
            if place.name.startswith("."):
                continue
            if place.is_dir() and (place.suffix == ".zarr" or (place / "zarr.json").exists()):
                if not _is_label_image(place):
                    found.append(place.relative_to(folder).as_posix())
            elif place.is_dir():
                waiting.append(place)
            elif place.suffix.lower() in TIFF | PICTURES:
                found.append(place.relative_to(folder).as_posix())
    return sorted(found)


def _is_label_image(store: Path) -> bool:
    try:
        return open_multiscale(store).image_label is not None
    except FiliationError:
        return False  # told when it is read


def _json(place: Path) -> Any:
    try:
        return json.loads(place.read_bytes())
    except ValueError as error:
        raise BadInputError(f"{place} is no JSON: {error}.") from error


_READERS: Final = {NNUNET: _of_nnunet, COCO: _of_coco, FOLDERS: _of_folders}
LAYOUTS_READ: Final = ("auto", *_READERS)
"""What can be asked for."""
