"""What the work on one block leaves on disk, until the labels of all are joined: so that nobody holds them all.

A block's file holds the labels of its core and, for each axis, of the two slabs in which neighbours have seen the same
voxels. It takes its name when whole, so what is there can be relied on after a break.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.grid import Block, Box, grown, lengths_of, shared, within
from filiation.segmentation.filters import Labels

_ZSTD = pa.Codec("zstd", compression_level=1)
_POOL = pa.system_memory_pool()  # the default one reserves a gigabyte of addresses, which a limit may count


@dataclass(frozen=True, slots=True)
class BlockLabels:
    """Labels of one block, 1 to n, before they are joined with others'.

    Parameters
    ----------
    count
        n.
    sizes
        For each label from 0 to n, its voxels in the core.
    certain
        For each label from 0 to n, whether the method is sure of an object there.
    cut
        Labels of the core whose objects, or clusters of them, come too near to the outer border of the halo: the block
        did not see all that decides on them.
    told
        What the method told that it worked with, by name: plain values.
    """

    count: int
    sizes: npt.NDArray[np.int64]
    certain: npt.NDArray[np.bool_]
    cut: npt.NDArray[np.uint32]
    told: Mapping[str, object]


def slabs_of(core: Box, seen: Box, halo: tuple[int, ...], shape: tuple[int, ...]) -> dict[str, Box]:
    """Return by name the parts of what a block has seen that its neighbours have seen too."""
    slabs = {}
    for axis, side in enumerate(core):
        for name, start in (("first", side.start), ("last", side.stop)):
            if 0 < start < shape[axis]:
                at = (*seen[:axis], slice(start, start), *seen[axis + 1 :])
                reach = tuple(halo[axis] if each == axis else 0 for each in range(len(core)))
                slabs[f"{name}-{axis}"] = shared(grown(at, reach, shape), seen)
    return slabs


def write_block(path: Path, labels: Labels, core: Box, slabs: dict[str, Box], seen: Box, facts: BlockLabels) -> None:
    """Write the labels of a block, which has the shape of ``seen``."""
    told = np.array(json.dumps(dict(facts.told)))
    arrays: dict[str, npt.NDArray[Any]] = {
        "sizes": facts.sizes, "certain": facts.certain, "cut": facts.cut, "told": told,
    }  # fmt: skip
    for name, box in {"core": core, **slabs}.items():
        part = np.ascontiguousarray(labels[within(box, seen)], np.uint32)
        arrays[name] = np.frombuffer(_ZSTD.compress(part, memory_pool=_POOL), np.uint8)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_facts(path: Path) -> BlockLabels:
    """Read all but the labels."""
    with np.load(path, allow_pickle=False) as file:
        sizes = file["sizes"]
        return BlockLabels(len(sizes) - 1, sizes, file["certain"], file["cut"], json.loads(str(file["told"])))


def read_part(path: Path, name: str, box: Box) -> Labels:
    """Read the labels of the core, or of a slab, whose place is ``box``.

    Raises
    ------
    BadInputError
        If they are not there, or do not have the shape of ``box``.
    """
    shape = lengths_of(box)
    size = int(np.prod(shape)) * 4
    try:
        with np.load(path, allow_pickle=False) as file:
            data = _ZSTD.decompress(file[name].tobytes(), size, memory_pool=_POOL)
        return np.frombuffer(data, np.uint32).reshape(shape)
    except (OSError, KeyError, ValueError) as error:
        raise BadInputError(
            f"{path} does not hold the labels of block part {name!r}, {shape}: {error}. Remove the file; the block is "
            "then worked on again."
        ) from error


def common_slab(one: Block, other: Block) -> tuple[str, str]:
    """Return the names of the slab of ``one`` and that of ``other`` that hold everything both have seen."""
    axis = next(axis for axis, (a, b) in enumerate(zip(one.place, other.place, strict=True)) if a != b)
    ahead = other.place[axis] > one.place[axis]
    return (f"last-{axis}", f"first-{axis}") if ahead else (f"first-{axis}", f"last-{axis}")
