"""Chunks of a label image in a folder of their own, as the job that made them leaves them, until the image is made.

So jobs on several machines never write to one store, and what a job that broke off has left is taken for nothing.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import zarr

from filiation.errors import BadInputError
from filiation.images.label_writing import LabelStore, check_whole_units
from filiation.images.multiscale import ZarrArray
from filiation.images.ome_zarr import write_region
from filiation.images.regions import Region

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_ARRAY = "0"
_METADATA = frozenset({"zarr.json", ".zarray", ".zattrs", ".zgroup"})


@dataclass(frozen=True, slots=True)
class LabelPart:
    """Some chunks of a label image at full resolution; another process that is handed it writes to the same folder.

    Parameters
    ----------
    folder
        Where they are: a Zarr array of the whole image's shape.
    """

    folder: Path

    @classmethod
    def begun(cls, folder: Path, store: LabelStore) -> LabelPart:
        """Make the folder, without a chunk in it, for a store that need not be begun."""
        store.begin_part(folder)
        return cls(folder)

    def write(self, region: Region, labels: npt.NDArray[np.uint32]) -> None:
        """Write the labels of a region.

        Raises
        ------
        BadInputError
            If the region does not consist of whole chunks, or shards where there are some.
        """
        array = zarr.open_array(self.folder / _ARRAY, mode="r+")
        check_whole_units(array, region, self.folder)
        if labels.any():
            write_region(array, region, labels)

    def hand_over(self, array: ZarrArray, place: Path) -> None:
        """Put the chunks into an array, whose folder is ``place``: hard links where they can be, else copies.

        Raises
        ------
        BadInputError
            If the array has another shape or other chunks, or another part has left the same chunk.
        """
        here = zarr.open_array(self.folder / _ARRAY, mode="r")
        if here.metadata != array.metadata:
            raise BadInputError(
                f"The chunks in {self.folder} are of an array of shape {here.shape} in chunks of {here.chunks}, and do "
                f"not go into {place}, of shape {array.shape} in chunks of {array.chunks}. Remove the folder; it is "
                "then made again."
            )
        top = self.folder / _ARRAY
        for folder, _, names in os.walk(top):
            inside = place / Path(folder).relative_to(top)
            inside.mkdir(parents=True, exist_ok=True)
            for name in names:
                if name not in _METADATA:
                    _link(Path(folder) / name, inside / name)


def _link(chunk: Path, place: Path) -> None:
    try:
        place.hardlink_to(chunk)
    except FileExistsError as error:
        raise BadInputError(f"{chunk} is there a second time, as {place}: two jobs have labelled one block.") from error
    except OSError:
        shutil.copyfile(chunk, place)
