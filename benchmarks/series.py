"""Memory against the number of time points: a series segmented, followed, measured and drawn by the workflow's scripts.

``python benchmarks/series.py`` prints the table; each script runs in a process of its own, of which the largest
resident memory is taken (``getrusage``). ``--times 4,16`` names other numbers, ``--plane 512`` other images.
"""

from __future__ import annotations

import argparse
import resource
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from filiation.images.regions import Region
from filiation.images.rendering import ChannelLook
from filiation.images.streaming import Outline, stream_image

SCRIPTS = Path(__file__).resolve().parent.parent / "workflow" / "scripts"
SETTINGS = {"method": "otsu_watershed", "channel": 0, "each": "volume", "sigma": 1, "window": 0, "correction": 1.0,
            "spacing": 4, "minimum_size": 20}  # fmt: skip
TRACKING = {"minimum_overlap": 0.3, "divisions": True, "balance": 0.3, "longest_gap": 0}
STEPS = ("segment", "track", "measure", "overlay")
_PERIOD, _RADIUS = 64, 16


@dataclass
class Discs:
    """A film of discs, made as it is read: they move by a pixel from time point to time point."""

    def read(self, region: Region) -> np.ndarray:
        """Draw a region."""
        times, rows, columns = (np.arange(side.start, side.stop) for side in region)
        y, x = np.ix_(rows % _PERIOD - _PERIOD // 2, columns % _PERIOD - _PERIOD // 2)
        shift = times[:, None, None] % 4
        inside = (y[None] - shift) ** 2 + x[None] ** 2 < _RADIUS**2
        return np.where(inside, 3000, 200).astype(np.uint16)

    def close(self) -> None:
        """Nothing is held."""


def write_film(path: Path, times: int, plane: int) -> None:
    """Write a film as OME-Zarr."""
    outline = Outline(
        axes=("t", "y", "x"), shape=(times, plane, plane), dtype=np.dtype(np.uint16), scale=(60.0, 0.5, 0.5),
        units=("second", "micrometer", "micrometer"), looks=(ChannelLook(label="nuclei", colour="FFFFFF"),),
        identity={"film": f"{times} {plane}"}, name="film",
    )  # fmt: skip
    stream_image(path, outline, Discs, memory=2**27)


@dataclass
class Named:
    """What a script gets as input, output, params or log."""

    items: dict[str, Any] = field(default_factory=dict)

    def _allitems(self) -> Iterator[tuple[str, Any]]:
        return iter(self.items.items())


def run_step(step: str, folder: Path) -> None:
    """Run one script of the workflow on what is in a folder, as Snakemake does; tell the largest memory in MB."""
    image, nuclei, tracks = (str(folder / f"{name}.ome.zarr") for name in ("raw", "nuclei", "tracks"))
    table = str(folder / "tracks.parquet")
    inputs, outputs, params = {
        "segment": ({"image": image}, {"labels": nuclei}, SETTINGS),
        "track": ({"labels": nuclei}, {"tracks": tracks, "table": table, "challenge": f"{table}.txt"}, TRACKING),
        "measure": ({"image": image, "labels": tracks}, {"table": f"{table}.measured.parquet"}, {"channel": 0}),
        "overlay": ({"image": image, "labels": tracks}, {"picture": str(folder / "overlay.png")}, {"channel": 0}),
    }[step]
    job = SimpleNamespace(
        input=Named(inputs), output=Named(outputs), params=Named(params), log=Named(), wildcards=None, threads=1,
        rule=step, config={},
    )  # fmt: skip
    runpy.run_path(str(SCRIPTS / f"{step}.py"), init_globals={"snakemake": job})
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}\n")


def table_of(times: list[int], plane: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"| time points of {plane} x {plane} | pixels and labels, MB | {' | '.join(STEPS)}, MB each at most |"
    yield "|---|---|" + "---|" * len(STEPS)
    for count in times:
        with tempfile.TemporaryDirectory(prefix="filiation-series-") as name:
            asked = ["--folder", name, "--times", str(count), "--plane", str(plane)]
            peaks = []
            for step in ("film", *STEPS):  # this process stays small: a child's largest memory begins with its parent's
                command = [sys.executable, __file__, "--step", step, *asked]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                peaks += [done.stdout.split()[-1]] if step in STEPS else []
            yield f"| {count} | {count * plane**2 * 6 / 1e6:.0f} | {' | '.join(peaks)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", default="4,16,64")
    parser.add_argument("--plane", type=int, default=1024)
    parser.add_argument("--step")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.step == "film":
        write_film(asked.folder / "raw.ome.zarr", int(asked.times), asked.plane)
    elif asked.step:
        run_step(asked.step, asked.folder)
    else:
        for line in table_of([int(each) for each in asked.times.split(",")], asked.plane):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
