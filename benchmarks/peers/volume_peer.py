"""What peers do in the benchmarks of volumes, in an environment of their own: smooth, threshold, label, write.

``python volume_peer.py PEER INPUT OUTPUT SIGMA LEAST Z,Y,X PROCESSES`` prints how many objects there are.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import zarr

SIGMA, LEAST, DIAMETER = "VOLUME_PEER_SIGMA", "VOLUME_PEER_LEAST", 2
CONNECTED = np.ones((3, 3, 3), bool)


class ThresholdModel:
    """Stands in Cellpose's place of its network; its pattern around it is its own."""

    def __init__(self, **_: object) -> None:
        """Take what a network would be told."""

    def eval(self, pixels: np.ndarray, **_: object) -> tuple[np.ndarray]:
        """Return labels of what is brighter than the threshold."""
        from scipy import ndimage

        smooth = ndimage.gaussian_filter(pixels.astype(np.float32), float(os.environ[SIGMA]), truncate=3.0)
        return (ndimage.label(smooth > float(os.environ[LEAST]), CONNECTED)[0].astype(np.uint32),)


def dask_setup(_worker: object) -> None:
    """Take the network's place in a worker of Cellpose's cluster, which loads this file first."""
    import cellpose.models

    cellpose.models.Cellpose = cellpose.models.CellposeModel = ThresholdModel


def with_dask_image(source: Path, made: Path, lengths: tuple[int, ...], processes: int) -> int:
    """Label by dask-image; the mask is stored first, as its smoothing would be repeated for each use of it."""
    import dask
    import dask.array as da
    from dask_image import ndfilters, ndmeasure

    with (
        dask.config.set(scheduler="threads", num_workers=processes),
        tempfile.TemporaryDirectory(dir=made.parent) as kept,
    ):
        pixels = da.from_zarr(str(source)).rechunk(lengths).astype(np.float32)
        smooth = ndfilters.gaussian_filter(pixels, float(os.environ[SIGMA]), truncate=3.0)
        da.to_zarr(smooth > float(os.environ[LEAST]), f"{kept}/mask.zarr")
        labels, count = ndmeasure.label(da.from_zarr(f"{kept}/mask.zarr"), CONNECTED)
        # At once, as what both need would be worked out twice.
        written = da.to_zarr(labels.astype(np.uint32), str(made), compute=False)
        return int(dask.compute(count, written)[0])


def with_cellpose(source: Path, made: Path, lengths: tuple[int, ...], processes: int) -> int:
    """Label by Cellpose's distributed pattern, with a threshold in place of its network."""
    from cellpose.contrib.distributed_segmentation import distributed_eval

    os.chdir(made.parent)
    _, boxes = distributed_eval(
        input_zarr=zarr.open(str(source), mode="r"),
        blocksize=lengths,
        write_path=str(made),
        eval_kwargs={"diameter": DIAMETER},  # its overlap is twice this: 4 pixels, as the filter needs
        cluster_kwargs={
            "n_workers": processes,
            "ncpus": 1,
            "memory_limit": "4GB",
            "threads_per_worker": 1,
            "config": {"distributed.worker.preload": [__file__]},
        },
        temporary_directory=str(made.parent),
    )
    return len(boxes)


def main() -> None:
    """Do what is asked for."""
    peer, source, made, sigma, least, lengths, processes = sys.argv[1:]
    os.environ |= {SIGMA: sigma, LEAST: least}
    work = {"dask-image": with_dask_image, "cellpose": with_cellpose}[peer]
    count = work(Path(source), Path(made), tuple(map(int, lengths.split(","))), int(processes))
    print(f"{count} {peer} {version(peer)}, dask {version('dask')}, zarr {version('zarr')}")


if __name__ == "__main__":
    main()
