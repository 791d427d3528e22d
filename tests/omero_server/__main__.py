"""``python -m tests.omero_server``: a server in a process of its own, until it is told to stop or its input ends.

Prints one line of JSON: host, port, user, password, and the ids of what was planted. ``--huge GIBIBYTES`` plants an
image whose planes are made as they are read.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from typing import Any

from tests.omero_server.made_up import huge_image, small_image
from tests.omero_server.server import OmeroServer


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(prog="python -m tests.omero_server", description=__doc__)
    parser.add_argument("--user", default="ada")
    parser.add_argument("--password", default="ada-password")
    parser.add_argument("--huge", type=float, default=0.0, metavar="GIBIBYTES")
    parser.add_argument("--idle-limit", type=float, default=600.0, metavar="SECONDS")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with OmeroServer(options.idle_limit) as server:
        server.add_user(options.user, options.password)
        planting = server.plant(options.user)
        image = planting.image(small_image(), "cells", pixel_size=(0.5, 0.5, 1.0))
        dataset = planting.dataset("experiment", [image])
        told: dict[str, Any] = {"host": server.host, "port": server.port, "image": image.id, "dataset": dataset.id}
        told |= {"user": options.user, "password": options.password}
        if options.huge:
            told["huge"] = planting.image(huge_image(options.huge), "huge").id
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
