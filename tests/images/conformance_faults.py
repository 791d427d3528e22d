"""Faults to be put into a good store, each alone, by their numbers in the comparison of the public validators."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Block = dict[str, Any]
NUCLEI = "labels/nuclei"


def edit(metadata: Path, change: Callable[[Block], object]) -> None:
    """Change a metadata file, which is then no hard link any more."""
    content = json.loads(metadata.read_text())
    change(content)
    metadata.unlink()
    metadata.write_text(json.dumps(content))


def ome(change: Callable[[Block], object], group: str = NUCLEI) -> Callable[[Path], None]:
    return lambda store: edit(store / group / "zarr.json", lambda content: change(content["attributes"]["ome"]))


def image_label(change: Callable[[Block], object]) -> Callable[[Path], None]:
    return ome(lambda block: change(block["image-label"]))


def array(change: Callable[[Block], object], level: str = f"{NUCLEI}/0") -> Callable[[Path], None]:
    return lambda store: edit(store / level / "zarr.json", change)


def _not_listed(store: Path) -> None:
    shutil.copytree(store / NUCLEI, store / "labels" / "by hand" / "2")
    ome(lambda block: block["image-label"].update(source={"image": "../../../"}), "labels/by hand/2")(store)


def _translation_first(block: Block) -> None:
    block["multiscales"][0]["datasets"][0]["coordinateTransformations"].reverse()


def _channel_last(block: Block) -> None:
    block["multiscales"][0]["axes"][2] = {"name": "c", "type": "channel"}


def _enlarge(block: Block) -> None:
    for dataset in block["multiscales"][0]["datasets"]:
        step = dataset["coordinateTransformations"][0]
        step["scale"] = [9.9 * size for size in step["scale"]]


def _rename(block: Block) -> None:
    for key in ("colors", "properties"):  # readers want the same rows in both
        block[key][-1]["label-value"] = 99


def _as_floats(content: Block) -> None:
    content["data_type"] = "float32"
    content["fill_value"] = 0.0


FAULTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "1 a list of labels without version": (ome(lambda b: b.pop("version"), "labels"), "version-missing", "labels"),
    "2 fewer levels": (ome(lambda b: b["multiscales"][0]["datasets"].pop()), "level-count", NUCLEI),
    "3 labels that are no integers": (array(_as_floats), "not-integer", NUCLEI),
    "4 a listed label image missing": (
        ome(lambda b: b["labels"].append("cells"), "labels"), "listed-missing", "labels/cells"
    ),
    "5 no dimension names": (array(lambda c: c.pop("dimension_names")), "dimension-names", f"{NUCLEI}/0"),
    "6 a colour of 300": (image_label(lambda b: b["colors"][0].update(rgba=[300, 0, 0, 255])), "colour-range", NUCLEI),
    "7 another version": (image_label(lambda b: b.update(version="0.4")), "version-differs", NUCLEI),
    "8 translation before scale": (ome(_translation_first), "transformations", f"{NUCLEI}/0"),
    "9 axes in another order": (ome(_channel_last), "axes-order", NUCLEI),
    "10 a channel without window": (
        ome(lambda b: b["omero"]["channels"][0].pop("window"), "."), "channel-window", "."
    ),
    "11 a label twice in properties": (
        image_label(lambda b: b["properties"].append({"label-value": 7, "phase": "S"})), "properties-twice", NUCLEI
    ),
    "12 a source that leads nowhere": (
        image_label(lambda b: b.update(source={"image": "../elsewhere"})), "source-nowhere", NUCLEI
    ),
    "13 a label image not listed": (_not_listed, "not-listed", "labels/by hand/2"),
    "14 another pixel size": (ome(_enlarge), "scale-differs", NUCLEI),
    "15 another number of channels": (
        ome(lambda b: b["omero"]["channels"].extend(b["omero"]["channels"]), "."), "channel-count", "."
    ),
    "16 another shape": (array(lambda c: c["shape"].__setitem__(2, 300)), "shape-differs", NUCLEI),
    "17 properties without a pixel": (image_label(_rename), "properties-ghost", NUCLEI),
}  # fmt: skip
