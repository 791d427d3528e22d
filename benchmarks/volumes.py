"""Volumes block by block against whole in memory, against peers, and as they grow; and how fast objects are measured.

``python benchmarks/volumes.py`` prints the tables; name some (``whole``, ``peers``, ``memory``, ``measure``) for those
only. Everything runs in child processes, with a limit on their memory and time; nothing else may run meanwhile. The
peers are in ``.peers/volumes``, which ``make bench-volumes`` makes. ``--small`` tries it all on a small volume.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import volumes_ours

from filiation.images.synthetic_volume import Beads3D

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".peers" / "volumes" / "bin" / "python"
ROUNDS = 3
PROCESSES = 2
BLOCK, STREAMED = "64,512,512", "64,256,256"
SIGMA, LEAST = 1.0, 500.0
"""Pixels, and a grey value between the beads and what is around them."""
LIMIT = 12 * 2**30
"""Bytes that all processes of one run may have together."""
LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost.

    Parameters
    ----------
    wall, cpu
        Seconds; ``cpu`` of all its processes.
    peak
        Bytes that its processes had at most together, pages that they share counted once for each.
    said
        Its last line; why it was ended, if it was.
    ended
        Whether it was.
    """

    wall: float
    cpu: float
    peak: int
    said: str
    ended: bool = False

    @property
    def objects(self) -> str:
        """How many it found."""
        return "" if self.ended else f"{int(self.said.split()[0]):,}"


def run(command: list[str], folder: Path) -> Run:
    """Run something in its own session, and end it when it takes more than it may."""
    begun, peak, why = time.perf_counter(), 0, ""
    log = folder / "said.txt"
    with log.open("w") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder,
            env={**os.environ, "HOME": str(folder), "ARROW_DEFAULT_MEMORY_POOL": "system", "PYTHONPATH": str(HERE)},
        )  # fmt: skip
    while True:
        found, _, usage = os.wait4(child.pid, os.WNOHANG)
        if found:
            break
        peak = max(peak, _memory(child.pid))
        if peak > LIMIT or time.perf_counter() - begun > LONGEST:
            why = why or ("out of memory" if peak > LIMIT else f"not done after {LONGEST:g} s")
            os.killpg(child.pid, signal.SIGKILL)
        time.sleep(0.02)
    wall = time.perf_counter() - begun
    child.returncode = 0
    lines = log.read_text().strip().splitlines() or ["it said nothing"]
    if not why and not lines[-1].split()[0].isdigit():
        why = f"failed: {lines[-1]}"
    return Run(wall, usage.ru_utime + usage.ru_stime, peak, why or lines[-1], bool(why))


def _memory(pid: int) -> int:
    total = 0
    try:
        for process in [top := psutil.Process(pid), *top.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.Error:
        pass  # one that has just ended
    return total


def ours(function: str, folder: Path, *arguments: object) -> list[str]:
    """Return how a function of ``volumes_ours`` is called."""
    given = ", ".join(repr(each) for each in arguments)
    call = f"volumes_ours.{function}(Path({str(folder)!r}){', ' + given if given else ''})"
    return [sys.executable, "-c", f"from pathlib import Path; import volumes_ours; print({call})"]


def clear(folder: Path, *kept: str) -> None:
    """Remove what earlier runs made."""
    for path in folder.iterdir():
        if path.name not in kept:
            subprocess.run(["rm", "-rf", str(path)], check=True)


def against_whole(folder: Path, method: str) -> Iterator[str]:
    """Compare a method on the whole volume in memory with the same block by block."""
    found: dict[str, list[Run]] = {"whole": [], "blocks": []}
    for _ in range(ROUNDS):
        for way in found:
            clear(folder, "raw.ome.zarr")
            command = (
                ours("whole", folder, method) if way == "whole" else ours("blocks", folder, method, BLOCK, PROCESSES)
            )
            found[way].append(run(command, folder))
    yield f"### {method}: blocks of {BLOCK} by {PROCESSES} processes, against whole (medians of {ROUNDS})"
    yield from _table(found, volumes_ours.voxels(folder), "whole")


def against_peers(folder: Path) -> Iterator[str]:
    """Compare smoothing, threshold and labelling."""
    raw, last = folder / "raw.ome.zarr", [str(SIGMA), str(LEAST), BLOCK, str(PROCESSES)]
    peer = str(HERE / "peers" / "volume_peer.py")
    commands = {"filiation": ours("threshold", folder, SIGMA, LEAST, BLOCK, PROCESSES)}
    for name in ("cellpose", "dask-image"):
        commands[name] = [str(PEERS), peer, name, str(raw / "0"), str(folder / f"{name}.zarr"), *last]
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            if not (found[name] and found[name][-1].ended):
                clear(folder, "raw.ome.zarr")
                found[name].append(run(command, folder))
    yield f"### Smooth, threshold, label, write: blocks of {BLOCK}, {PROCESSES} workers (medians of {ROUNDS})"
    yield from _table(found, volumes_ours.voxels(folder), "filiation")
    for name, runs in found.items():
        yield f"- {name}: {runs[-1].said}"


def memory(folder: Path, sizes: list[float]) -> Iterator[str]:
    """Show memory against volume; the pixels are made as they are read."""
    tile = Beads3D(7, (64, 512, 512))
    yield f"### Memory against volume (16 bits a voxel, made when read; {PROCESSES} processes, blocks of {STREAMED})"
    yield ""
    yield "| GB | objects | largest sum of all processes' memory, MB | CPU s | Mvoxel per CPU s |"
    yield "|---|---|---|---|---|"
    for size in sizes:
        clear(folder)
        np.save(folder / "tile.npy", tile.pixels(tuple(slice(0, length) for length in tile.shape)))
        done = run(ours("streamed", folder, size, STREAMED, PROCESSES), folder)
        speed = size * 2**29 / 1e6 / done.cpu
        told = done.said if done.ended else done.objects
        yield f"| {size:g} | {told} | {done.peak / 1e6:,.0f} | {done.cpu:.0f} | {speed:.1f} |"


def measurements(folder: Path) -> Iterator[str]:
    """Compare measuring every object."""
    clear(folder, "raw.ome.zarr")
    run(ours("whole", folder, "otsu_components"), folder)
    found: dict[str, list[Run]] = {"streamed": [], "regionprops_table": []}
    for _ in range(ROUNDS):
        for name, function in zip(found, ("measured", "region_properties"), strict=True):
            found[name].append(run(ours(function, folder), folder))
    yield f"### Measuring every object: size, place, box, four figures of intensity (medians of {ROUNDS}, with reading)"
    yield from _table(found, volumes_ours.voxels(folder), "regionprops_table")


def _table(found: dict[str, list[Run]], voxels: int, base: str) -> Iterator[str]:
    yield ""
    yield "| | objects | wall s | CPU s | Mvoxel per CPU s | peak MB | wall, CPU, memory in parts |"
    yield "|---|---|---|---|---|---|---|"
    of = found[base]
    for name, runs in found.items():
        if runs[-1].ended:
            last = runs[-1]
            yield f"| {name} | {last.said} | {last.wall:.1f} | {last.cpu:.1f} | | {last.peak / 1e6:,.0f} | |"
            continue
        wall, cpu, peak = (_median(runs, what) for what in ("wall", "cpu", "peak"))
        parts = [now / _median(of, what) for now, what in ((wall, "wall"), (cpu, "cpu"), (peak, "peak"))]
        share = ", ".join(f"{part:.2f}" for part in parts)
        yield (
            f"| {name} | {runs[-1].objects} | {wall:.1f} | {cpu:.1f} | {voxels / 1e6 / cpu:.1f} | {peak / 1e6:,.0f} | "
            f"{share} of {base} |"
        )
    yield ""


def _median(runs: list[Run], what: str) -> float:
    return statistics.median(getattr(each, what) for each in runs)


def main() -> None:
    """Print the tables that are asked for."""
    global LONGEST, ROUNDS, BLOCK  # a script's own constants
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=["whole", "peers", "measure", "memory"])
    parser.add_argument("--shape", default="512,1024,1024")
    parser.add_argument("--method", default="otsu_components")
    parser.add_argument("--sizes", default="1,4,16", help="gigabytes, for memory")
    parser.add_argument("--small", action="store_true", help="a small volume, once")
    parser.add_argument("--longest", type=float, default=LONGEST, help="seconds after which a child is ended")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is run, in turn")
    asked = parser.parse_args()
    shape, sizes = asked.shape, [float(size) for size in asked.sizes.split(",")]
    LONGEST, ROUNDS = asked.longest, asked.rounds
    if asked.small:
        shape, sizes, ROUNDS, BLOCK = "64,512,512", [0.5, 1.0], 1, "32,256,256"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tables = {
            "whole": lambda: against_whole(folder, asked.method),
            "peers": lambda: against_peers(folder),
            "measure": lambda: measurements(folder),
            "memory": lambda: memory(folder, sizes),
        }
        for name in asked.tables:
            clear(folder)
            if name != "memory":
                # Cellpose's distributed pattern reads Zarr 2 only.
                volumes_ours.generate(folder, shape, "0.4" if name == "peers" else "0.5")
            for line in tables[name]():
                print(line, flush=True)


if __name__ == "__main__":
    main()
