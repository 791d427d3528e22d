"""How training sets are laid out on disk, so that the tools that train take them as they are.

- Cellpose (https://cellpose.readthedocs.io/en/latest/train.html): ``train/`` and ``test/``, image and ``_masks``.
- StarDist (https://github.com/stardist/stardist, example notebooks): ``train/images`` and ``train/masks``, one name.
- nnU-Net v2 (documentation/dataset_format.md): ``imagesTr``, ``labelsTr``, ``imagesTs``, a file for each channel,
  ``dataset.json``; which cases validate stands in ``splits_final.json``, since nnU-Net would else divide by chance.
- COCO (https://cocodataset.org/#format-data): ``images/train``, ``annotations/instances_train.json``, objects as RLE.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from filiation.errors import BadInputError
from filiation.images.image import Pixels
from filiation.training.cases import Case
from filiation.training.splitting import PARTS, TEST, TRAIN, VALIDATION


class Layout(ABC):
    """Writes cases, one at a time, into a folder.

    Parameters
    ----------
    folder
        Where the training set will be.
    objects
        What a labelled object is called, for layouts that name classes.
    """

    name: str
    takes_volumes = True
    """Whether a case may have an axis z; else each plane is a case of its own."""

    def __init__(self, folder: Path, objects: str) -> None:
        self.folder, self.objects = folder, objects

    @abstractmethod
    def write(self, case: Case, part: str) -> tuple[list[str], list[str]]:
        """Write a case; return the files of its image and of its labels, relative to the folder."""

    def finish(self) -> list[str]:
        """Write what tells of all cases; return those files, relative to the folder."""
        return []

    def _image(self, place: str, pixels: Pixels, axes: str) -> str:
        _write_tiff(self.folder / place, pixels, axes)
        return place


class Cellpose(Layout):
    """Image and masks beside each other, in a folder for each part; planes, since Cellpose trains on planes."""

    name = "cellpose"
    takes_volumes = False

    def write(self, case: Case, part: str) -> tuple[list[str], list[str]]:
        """Write ``train/case_0001.tif`` and ``train/case_0001_masks.tif``."""
        image = self._image(f"{part}/{case.name}.tif", case.image, _letters(case.axes))
        labels = self._image(f"{part}/{case.name}_masks.tif", _small(case.labels), "YX")
        return [image], [labels]


class StarDist(Layout):
    """Images and masks of the same name, in two folders for each part."""

    name = "stardist"

    def write(self, case: Case, part: str) -> tuple[list[str], list[str]]:
        """Write ``train/images/case_0001.tif`` and ``train/masks/case_0001.tif``, channels last as StarDist has it."""
        pixels, axes = case.image, case.axes
        if "c" in axes:
            pixels, axes = np.moveaxis(pixels, 0, -1), (*axes[1:], "c")
        image = self._image(f"{part}/images/{case.name}.tif", pixels, _letters(axes))
        space = tuple(axis for axis in case.axes if axis != "c")
        labels = self._image(f"{part}/masks/{case.name}.tif", _small(case.labels), _letters(space))
        return [image], [labels]


class NnUNet(Layout):
    """One file for each channel, labels as classes: every object is of class 1, since nnU-Net tells no objects apart.

    Training and validation stand together; ``splits_final.json`` tells them apart: nnU-Net 2.8 takes it into the folder
    of the preprocessed set by itself. Volumes have their pixel size in a JSON file beside them.
    """

    name = "nnunet"

    def __init__(self, folder: Path, objects: str) -> None:
        super().__init__(folder, objects)
        self._names: dict[str, list[str]] = defaultdict(list)
        self._channels: tuple[str, ...] = ()
        self._volumes: set[bool] = set()

    def write(self, case: Case, part: str) -> tuple[list[str], list[str]]:
        """Write ``imagesTr/case_0001_0000.tif`` and ``labelsTr/case_0001.tif``."""
        self._refuse_mixed(case)
        self._names[part].append(case.name)
        side = "Ts" if part == TEST else "Tr"
        channels = case.image if "c" in case.axes else case.image[np.newaxis]
        axes = "ZYX" if case.is_volume else "YX"
        images = [
            self._image(f"images{side}/{case.name}_{number:04d}.tif", pixels, axes)
            for number, pixels in enumerate(channels)
        ]
        classes = (case.labels > 0).astype(np.uint8)
        labels = [self._image(f"labels{side}/{case.name}.tif", classes, axes)]
        if case.is_volume:
            spacing = {"spacing": [float(size) for size in case.scale]}
            images.append(self._json(f"images{side}/{case.name}.json", spacing))
            labels.append(self._json(f"labels{side}/{case.name}.json", spacing))
        return images, labels

    def finish(self) -> list[str]:
        """Write ``dataset.json`` and, where cases validate, ``splits_final.json``."""
        trained = len(self._names[TRAIN]) + len(self._names[VALIDATION])
        reader = "Tiff3DIO" if True in self._volumes else "NaturalImage2DIO"
        written = [
            self._json(
                "dataset.json",
                {
                    "channel_names": {str(number): name or str(number) for number, name in enumerate(self._channels)},
                    "labels": {"background": 0, self.objects: 1},
                    "numTraining": trained,
                    "file_ending": ".tif",
                    "overwrite_image_reader_writer": reader,
                },
            )
        ]
        if self._names[VALIDATION]:
            fold = {"train": self._names[TRAIN], "val": self._names[VALIDATION]}
            written.append(self._json("splits_final.json", [fold]))
        return written

    def _refuse_mixed(self, case: Case) -> None:
        self._volumes.add(case.is_volume)
        self._channels = self._channels or case.channels
        if len(self._volumes) > 1 or len(case.channels) != len(self._channels):
            raise BadInputError(
                f"{case.name} has {len(case.channels)} channel(s) and {3 if case.is_volume else 2} axes of space, "
                f"others have {len(self._channels)} channel(s) or another number of axes: a set for nnU-Net is of one "
                "kind. Choose one kind of image with --where, one channel with --channel."
            )

    def _json(self, place: str, content: object) -> str:
        return _write_json(self.folder / place, content, place)


class Coco(Layout):
    """Pictures, and one JSON file for each part that holds every object as run lengths; planes only."""

    name = "coco"
    takes_volumes = False

    def __init__(self, folder: Path, objects: str) -> None:
        super().__init__(folder, objects)
        self._images: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._annotations: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def write(self, case: Case, part: str) -> tuple[list[str], list[str]]:
        """Write ``images/train/case_0001.png`` (TIFF where PNG cannot hold it), and remember the objects."""
        height, width = case.labels.shape
        place = self._picture(f"images/{part}/{case.name}", case)
        number = len(self._images[part]) + 1
        name = place.rpartition("/")[2]
        self._images[part].append({"id": number, "file_name": name, "height": height, "width": width})
        known = self._annotations[part]
        for value, box, mask in _objects(case.labels):
            known.append(
                {
                    "id": len(known) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": {"size": [height, width], "counts": run_lengths(mask, box, (height, width))},
                    "area": int(np.count_nonzero(mask)),
                    "bbox": [box[1].start, box[0].start, *reversed(mask.shape)],
                    "iscrowd": 0,
                    "label": value,
                }
            )
        return [place], []

    def finish(self) -> list[str]:
        """Write ``annotations/instances_train.json`` and those of the other parts."""
        written = []
        for part in PARTS:
            if self._images[part]:
                place = f"annotations/instances_{part}.json"
                content = {
                    "info": {"description": f"{self.objects}: instances, part {part}"},
                    "categories": [{"id": 1, "name": self.objects, "supercategory": ""}],
                    "images": self._images[part],
                    "annotations": self._annotations[part],
                }
                written.append(_write_json(self.folder / place, content, place))
        return written

    def _picture(self, stem: str, case: Case) -> str:
        pixels = np.moveaxis(case.image, 0, -1) if "c" in case.axes else case.image
        colours = pixels.shape[-1] if pixels.ndim == 3 else 0
        if (pixels.dtype == np.uint8 and colours in (0, 3)) or (pixels.dtype == np.uint16 and not colours):
            from PIL import Image as Picture

            place = f"{stem}.png"
            (self.folder / place).parent.mkdir(parents=True, exist_ok=True)
            Picture.fromarray(np.ascontiguousarray(pixels)).save(self.folder / place)
            return place
        return self._image(f"{stem}.tif", case.image, _letters(case.axes))


LAYOUTS: Final[Mapping[str, type[Layout]]] = MappingProxyType(
    {layout.name: layout for layout in (Cellpose, StarDist, NnUNet, Coco)}
)
"""Name -> how it is written."""


def run_lengths(mask: Pixels, box: tuple[slice, slice], shape: tuple[int, int]) -> list[int]:
    """Return an object as COCO's uncompressed run lengths: column by column, background first.

    Parameters
    ----------
    mask
        The object inside its box.
    box
        Rows and columns of the picture that the box covers.
    shape
        Height and width of the picture.

    Examples
    --------
    >>> run_lengths(np.ones((2, 1), bool), (slice(1, 3), slice(1, 2)), (4, 3))
    [5, 2, 5]
    """
    whole = np.zeros((shape[0], mask.shape[1]), np.bool_)
    whole[box[0]] = mask
    flat = np.concatenate([[False], whole.ravel(order="F"), [False]])
    (edges,) = np.nonzero(flat[1:] != flat[:-1])
    before, total = box[1].start * shape[0], shape[0] * shape[1]
    ends = np.concatenate([[0], edges + before, [total]])
    counts = [int(count) for count in np.diff(ends)]
    return counts if counts[-1] else counts[:-1]


def _objects(labels: Pixels) -> list[tuple[int, tuple[slice, slice], Pixels]]:
    """Return each object: its value, its box, and where in the box it is."""
    from scipy import ndimage

    values = np.unique(labels)
    values = values[values > 0]
    compact = np.searchsorted(values, labels).astype(np.int32) + 1
    compact[labels == 0] = 0
    found = []
    for number, box in enumerate(ndimage.find_objects(compact), start=1):
        if box is not None:
            found.append((int(values[number - 1]), (box[0], box[1]), compact[box] == number))
    return found


def _letters(axes: tuple[str, ...]) -> str:
    return "".join(axes).upper()


def _small(labels: Pixels) -> Pixels:
    """Return labels as uint16 where they fit: what readers of masks expect."""
    return labels.astype(np.uint16 if labels.size == 0 or labels.max() < 1 << 16 else np.uint32)


def _write_tiff(path: Path, pixels: Pixels, axes: str) -> None:
    import tifffile

    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path, np.ascontiguousarray(pixels), photometric="minisblack", compression="zlib", metadata={"axes": axes}
    )


def _write_json(path: Path, content: object, place: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "ascii")
    return place
