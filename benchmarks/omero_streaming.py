"""An image streamed from OMERO into a store, against a bare loop of ``RawPixelsStore`` reads of the same image.

The server is the tests' own, in a process of its own, which makes the planes as they are read. Each side runs in a
process of its own too, one after the other. ``python benchmarks/omero_streaming.py 4`` takes an image of 4 GiB.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def bare_loop(uri: str) -> None:
    """Read every plane and throw it away, as the server's own client does it."""
    from filiation.images.omero.address import Address
    from filiation.images.omero.connection import connect
    from filiation.images.omero.source import OmeroSource

    address = Address.from_uri(uri)
    gateway = connect(address.host).gateway
    grid = OmeroSource(address).describe().grid
    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(grid.id, True)
    t_length, c_length, z_length = grid.lengths[:3]
    for t in range(t_length):
        for c in range(c_length):
            for z in range(z_length):
                store.getPlane(z, c, t)
    store.close()


def streamed(uri: str) -> None:
    """Write the image as an OME-Zarr store."""
    from filiation.images import fetch_into, open_source

    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_FOLDER")) as folder:
        fetch_into(open_source(uri), Path(folder) / "image.ome.zarr")


def measured(side: str, uri: str, environment: dict[str, str]) -> dict[str, float]:
    """Run one side in a process of its own; return seconds and peak memory in megabytes."""
    command = [sys.executable, __file__, side, uri]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(gibibytes: float = 4.0) -> str:
    """Return the table."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.omero_server", "--huge", str(gibibytes)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    told: dict[str, Any] = json.loads(server.stdout.readline())
    uri = f"omero://{told['host']}:{told['port']}/image/{told['huge']}"
    environment = {**os.environ, "OMERO_USER": told["user"], "OMERO_PASSWORD": told["password"]}
    environment.pop("OMERO_SESSION", None)
    try:
        sides = {side: measured(side, uri, environment) for side in ("bare", "streamed")}
    finally:
        server.communicate("")
    speeds = {side: gibibytes * 1024 / found["seconds"] for side, found in sides.items()}
    rows = [
        f"| {name} | {sides[side]['seconds']:.1f} | {speeds[side]:.0f} | {sides[side]['peak']:.0f} |"
        for side, name in (("bare", "bare loop of getPlane"), ("streamed", "streamed into OME-Zarr"))
    ]
    share = f"Streaming has {speeds['streamed'] / speeds['bare']:.0%} of the bare loop's speed."
    head = f"| {gibibytes:g} GiB from OMERO | s | MiB/s | peak memory, MB |\n|---|---|---|---|"
    return "\n".join([head, *rows, "", share])


def main(arguments: list[str]) -> None:
    """Print the table, or run one side."""
    sides = {"bare": bare_loop, "streamed": streamed}
    if arguments and arguments[0] in sides:
        started = time.monotonic()
        sides[arguments[0]](arguments[1])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(json.dumps({"seconds": time.monotonic() - started, "peak": peak}))
        return
    print(measure(float(arguments[0]) if arguments else 4.0))


if __name__ == "__main__":
    main(sys.argv[1:])
