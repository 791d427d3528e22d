"""A small catalogue, as pages: asked in this process, and served on a free port."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from filiation.lineage import Ledger
from filiation.web.application import create_app
from filiation.web.settings import Limits, WebSettings
from tests.lineage.crates import CrateBuilder, nuclei_run
from tests.waiting import wait_until
from tests.web.browser import Watched, chromium, watching

LABELS = "results/ihc/nuclei.ome.zarr"
DOI = "https://doi.org/10.5281/zenodo.1234567"
PATIENT = Limits(query_seconds=300)
"""For a machine that does much else meanwhile: what a test finds must not depend on that."""
OMERO_IMAGE = "https://omero.example.org/Image/51"


@dataclass(frozen=True)
class Catalogue:
    """A folder with a catalogue of three runs."""

    folder: Path
    nuclei: CrateBuilder
    """Fetched, segmented, measured, overlaid."""
    omero: CrateBuilder
    """Segmented an image of an OMERO server; its first attempt failed."""
    again: CrateBuilder
    """Segmented the first one's image once more, with another sigma, and elsewhere."""


@dataclass(frozen=True)
class Served:
    """A server that listens on loopback.

    Parameters
    ----------
    address
        Such as ``http://127.0.0.1:40123``.
    """

    address: str


@pytest.fixture(scope="session")
def web_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Make the catalogue that all tests of pages read; nobody may change it."""
    return make_catalogue(tmp_path_factory.mktemp("web") / "project")


def make_catalogue(folder: Path) -> Catalogue:
    """Make a catalogue like it, to be changed."""
    crates = folder / ".filiation" / "crates"
    nuclei = nuclei_run(folder)
    nuclei.write(crates)
    omero = omero_run(folder)
    publish(omero.write(crates))
    again = nuclei_run(folder / "again", number=3, sigma=2.0)
    again.write(crates)
    Ledger(folder / ".filiation").runs()  # takes them in
    return Catalogue(folder, nuclei, omero, again)


def publish(crate: Path) -> None:
    """Have a crate say under which DOI and licence it is published."""
    metadata = crate / "ro-crate-metadata.json"
    document = json.loads(metadata.read_text())
    root, workflow = (next(e for e in document["@graph"] if e["@id"] == name) for name in ("./", "work/Snakefile"))
    root["identifier"] = DOI
    workflow["license"] = {"@id": "https://spdx.org/licenses/BSD-3-Clause"}
    document["@graph"].append({"@id": "https://spdx.org/licenses/BSD-3-Clause", "@type": "CreativeWork",
                               "name": "BSD-3-Clause"})  # fmt: skip
    metadata.write_text(json.dumps(document))


def omero_run(folder: Path) -> CrateBuilder:
    """Build a run on an image in OMERO whose first segmentation failed."""
    run = CrateBuilder(folder, 2)
    run.thing(OMERO_IMAGE, url="https://omero.example.org/webclient/?show=image-51")
    kinds = {"results/51/raw.ome.zarr": "image", "results/51/cells.ome.zarr": "label image"}
    run.job("fetch", (OMERO_IMAGE,), {"results/51/raw.ome.zarr": {"zarr.json": "{}", "0": "pixels of 51"}}, kinds=kinds)
    settings: dict[str, object] = {"diameter": {"value": 30, "requestedValue": "30", "usedValue": "30"}}
    run.job(
        "segment", ("results/51/raw.ome.zarr",), {}, parameters=settings, status="failed", number=2, kinds=kinds,
        error="the graphics card has no memory left",
    )  # fmt: skip
    run.job(
        "segment", ("results/51/raw.ome.zarr",),
        {"results/51/cells.ome.zarr": {"zarr.json": "{}", "0": "cells of 51"}},
        parameters=settings, number=2, attempt=2, kinds=kinds,
    )  # fmt: skip
    return run


@pytest.fixture
def pages(web_catalogue: Catalogue) -> Iterator[TestClient]:
    """Ask pages without a socket; whoever asks is let in."""
    with asking(create_app(WebSettings(web_catalogue.folder, limits=PATIENT))) as client:
        yield client


@contextmanager
def asking(app: FastAPI) -> Iterator[TestClient]:
    """Ask an application as a browser on this machine does."""
    with TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def served(web_catalogue: Catalogue) -> Iterator[Served]:
    """Serve the catalogue on a free port; whoever asks is let in."""
    with serving(create_app(WebSettings(web_catalogue.folder, limits=PATIENT))) as found:
        yield found


@contextmanager
def serving(app: FastAPI) -> Iterator[Served]:
    """Serve an application on a free port, in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_until(lambda: server.started, "the server to start")
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once a module; tests open tabs of their own.

    While Playwright is there, its event loop counts as running, and nothing else in the process may run one.
    """
    with chromium() as started:
        yield started


@pytest.fixture
def tab(browser: Browser, served: Served) -> Iterator[Watched]:
    """Open a tab for the served catalogue, which fails the test if a page does what none may do."""
    with watching(browser, served.address) as watched:
        yield watched
