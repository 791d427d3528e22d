"""``make demo-volume``: a volume larger than the memory that its segmentation is allowed, with lineage at the end.

The volume is generated as it is written. Every process of the workflow runs under a limit on its memory, which the
operating system enforces: what would hold the volume fails.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from filiation.errors import BadInputError, FiliationError
from filiation.images import ChannelVolume, image_facts
from filiation.images.synthetic_volume import Beads3D

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "profiles")
MARKER = ".demonstration-with-a-volume"
SHAPE = (512, 2048, 2048)
LIMIT = 1_500_000_000
CONFIG = """\
samples: config/samples.tsv

# Cut into blocks: only those at work are in memory.
blocks:
  shape: [64, 256, 256]
  largest: 15

segmentation:
  method: otsu_components
  channel: 0
  sigma: 0.5
  window: 0
  correction: 1.0
  spacing: 5
  minimum_size: 10
"""


def main() -> int:
    """Run the demonstration, and say in one message what stops it."""
    parser = argparse.ArgumentParser(prog="make demo-volume", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".demo-volume"))
    parser.add_argument("--shape", type=lambda text: tuple(map(int, text.split(","))), default=SHAPE)
    parser.add_argument("--limit", type=int, default=LIMIT, help="bytes of memory for each process")
    asked = parser.parse_args()
    try:
        demonstrate(asked.folder, Beads3D(7, asked.shape), asked.limit)
    except FiliationError as error:
        sys.stderr.write(f"filiation: {error}\n")
        return error.exit_code
    return 0


def demonstrate(folder: Path, recipe: Beads3D, limit: int) -> None:
    """Do all of it in a folder, anew each time.

    Raises
    ------
    BadInputError
        If there is something else in the folder, a command fails, or the labels are not those of the recipe.
    """
    _lay_out(folder, recipe)
    size = 2 * math.prod(recipe.shape)
    _tell(
        "A volume larger than memory",
        f"{' x '.join(map(str, recipe.shape))} voxels, {size / 1e9:.1f} GB uncompressed, generated as it is written; "
        f"each process may have {limit / 1e9:.1f} GB of memory.",
    )
    _command(folder, limit, "snakemake", "--cores", "2", "--quiet", "all")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    labels = folder / "results/beads/nuclei.ome.zarr"
    rows = pq.read_table(folder / "results/beads/measurements.parquet")
    _tell(
        "What came of it",
        f"{rows.num_rows:,} objects of {recipe.count:,} beads, labels of {image_facts(labels).shape}; the largest "
        f"process had {peak / 1e9:.2f} GB.",
    )
    _compare(labels, recipe)
    _command(folder, limit, "filiation", "trace", "results/beads/nuclei.ome.zarr")
    _command(folder, limit, "filiation", "trace", f"results/beads/nuclei.ome.zarr#label={recipe.count // 2}")


def _compare(labels: Path, recipe: Beads3D) -> None:
    """Compare a part of the labels with the truth, one to one."""
    corner = [(length - min(length, 64)) // 2 for length in recipe.shape]
    region = tuple(slice(start, start + min(length, 64)) for start, length in zip(corner, recipe.shape, strict=True))
    found, truth = ChannelVolume(labels).read(region), recipe.truth(region)
    both = (found > 0) & (truth > 0)
    pairs = np.unique(np.stack([found[both], truth[both]]), axis=1)
    if not pairs.shape[1] == len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == len(np.unique(truth[truth > 0])):
        raise BadInputError(f"The labels in the middle of {labels} are not the beads that were generated there.")
    _tell("Compared with the truth in its middle", f"{pairs.shape[1]} beads, each with one label.")


def _lay_out(folder: Path, recipe: Beads3D) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise BadInputError(f"{folder} is not empty, and not of an earlier demonstration; name another with --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    (folder / "config/config.yaml").write_text(CONFIG, "utf-8")
    (folder / "config/samples.tsv").write_text(f"sample\tsource\nbeads\t{recipe.uri}\n", "utf-8")


def _command(folder: Path, limit: int, *command: str) -> None:
    _tell(f"$ {' '.join(command)}", "")
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        check=False,
        # Every process of it gets the limit: data that it allocates, whichever way, but not files that it maps.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),  # noqa: PLW1509: no threads here
        # Arrow's default pool reserves a gigabyte of addresses for nothing, which such a limit counts.
        env={
            **os.environ,
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        },
    )
    if done.returncode:
        raise BadInputError(f"`{' '.join(command)}` failed in {folder} with exit status {done.returncode}; see above.")


def _tell(title: str, text: str) -> None:
    sys.stdout.write(f"\n## {title}\n{text}\n" if text else f"\n## {title}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
