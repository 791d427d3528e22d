"""A small workflow that labels an image by a step of ours, run once and copied for each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filiation.images import Image, write_image
from tests.conftest import Project

SNAKEFILE = """
rule label:
    input: image="raw.ome.zarr"
    output: labels=directory("nuclei.ome.zarr")
    params: threshold=2000, token="s3cr3t-value-of-mine"
    script: "label.py"
"""
STEP = """
from filiation.images import Image, LabelImage
from filiation.step import effective, run

def label(image: Image, *, threshold: int, token: str) -> LabelImage:
    effective(found=1)
    return image.labelled((image.data > threshold).astype("uint32"), name="nuclei")

run(label, snakemake)
"""
SETTINGS = '[agent]\nname = "Josiah Carberry"\norcid = "0000-0002-1825-0097"\n'


def write_raw(place: Path, seed: int = 1) -> None:
    """Write an image of 64 x 96 pixels with one bright square."""
    data = np.random.default_rng(seed).integers(0, 1000, (64, 96), dtype=np.uint16)
    data[10:30, 20:50] += 3000
    write_image(place, Image(data, ("y", "x"), (0.5, 0.5), ("micrometer",) * 2, name="raw"))


def edit_attributes(store: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the attributes of a store, as anyone can."""
    content = json.loads((store / "zarr.json").read_text())
    change(content["attributes"])
    (store / "zarr.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def labelled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled") / "project"
    folder.mkdir()
    project = Project(folder)
    project.write("Snakefile", SNAKEFILE)
    project.write("label.py", STEP)
    project.write(".filiation/filiation.toml", SETTINGS)
    write_raw(folder / "raw.ome.zarr")
    done = project.snakemake("--logger-filiation-pack", "now")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def labelled(labelled_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a copy of the workflow's folder, with its catalogue."""
    folder = tmp_path / "project"
    shutil.copytree(labelled_once, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FILIATION_CATALOGUE", raising=False)
    return folder
