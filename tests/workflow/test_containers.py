"""Other tools in containers that Apptainer really runs: one from an image file, one pulled from a registry."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
from scipy import ndimage

from filiation.crate.validation import validate
from filiation.images import read_labels
from filiation.lineage import Ledger
from filiation.model import ContainerImage, Digest, DigestKind
from tests.apptainer.registry import ImageInRegistry, serving
from tests.conftest import Project

APPTAINER = Path("/tmp/filiation-apptainer")

WRAPPER = """\
import argparse, os
from pathlib import Path
import numpy, tifffile

parser = argparse.ArgumentParser()
parser.add_argument("--infolder", type=Path)
parser.add_argument("--outfolder", type=Path)
parser.add_argument("--threshold", type=float)
given, _ = parser.parse_known_args()
for path in given.infolder.glob("*.tif"):
    bright = tifffile.imread(path) > given.threshold
    labels, before = numpy.arange(1, bright.size + 1, dtype=numpy.uint32).reshape(bright.shape) * bright, None
    while not numpy.array_equal(labels, before):  # the largest number spreads over its piece
        before = labels.copy()
        for axis in range(labels.ndim):
            there, back = (numpy.moveaxis(labels, axis, 0)[part] for part in (slice(1, None), slice(None, -1)))
            largest = numpy.maximum(there, back) * ((there > 0) & (back > 0))
            numpy.maximum(there, largest, out=there)
            numpy.maximum(back, largest, out=back)
    tifffile.imwrite(given.outfolder / path.name, labels)
    print("ran in", os.environ["APPTAINER_NAME"], "with numpy", numpy.__version__)
"""
DEFINITION = """\
Bootstrap: localimage
From: {root}

%files
    {wrapper} /app/wrapper.py
"""
DESCRIPTOR = {
    "name": "Bright",
    "schema-version": "cytomine-0.1",
    "container-image": {"image": "tools/bright.sif", "type": "singularity"},
    "command-line": "python wrapper.py CYTOMINE_HOST THRESHOLD",
    "inputs": [
        {"id": "cytomine_host", "type": "String", "value-key": "@ID", "command-line-flag": "--@id",
         "set-by-server": True},
        {"id": "threshold", "type": "Number", "value-key": "@ID", "command-line-flag": "--@id", "minimum": 0},
    ],
}  # fmt: skip
CONFIG = """\
samples: config/samples.tsv
segmentation:
  method: tool
  channel: 0
  tool:
    descriptor: tools/bright.json
    program: python3 /app/wrapper.py
    parameters:
      threshold: 2500
"""
TALLY = """
rule tally:
    input:
        tiff="results/{{sample}}/tool/out/image.tif",
    output:
        "results/{{sample}}/bytes.txt",
    container:
        "{address}"
    shell:
        "wc -c < {{input.tiff}} > {{output}} && readlink /bin/wc >> {{output}}"
"""


@pytest.fixture
def with_apptainer(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Put Apptainer on the PATH, with an empty cache, allowed to speak plain HTTP; return the root of an image."""
    if not (APPTAINER / "works").exists():
        pytest.skip(f"no Apptainer: `tests/apptainer/install.sh {APPTAINER}` fetches it")
    monkeypatch.setenv("PATH", f"{APPTAINER / 'bin'}:/usr/sbin", prepend=":")
    monkeypatch.setenv("APPTAINER_NOHTTPS", "1")
    return APPTAINER / "root"


@pytest.mark.slow(25)
def test_tools_run_in_their_containers_and_are_told_by_the_bytes_of_these(
    workflow: Path, with_apptainer: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    image = build_image(with_apptainer, workflow / "tools")
    (workflow / "tools/bright.json").write_text(json.dumps(DESCRIPTOR))
    (workflow / "config/config.yaml").write_text(CONFIG)
    source = "synthetic:nuclei3d?seed=7&shape=16,64,64&nuclei=4"
    (workflow / "config/samples.tsv").write_text(f"sample\tsource\nnuclei\t{source}\n")
    busybox = next(with_apptainer.rglob("bin/busybox")).read_bytes()
    programs = {"bin/busybox": busybox, "bin/bash": b'#!/bin/sh\nexec sh "$@"\n'}  # which Snakemake asks for
    links = {f"bin/{name}": "busybox" for name in ("sh", "wc", "readlink")}
    tally = ImageInRegistry("lab/tally", "1.2", programs, links)
    wanted = ("results/nuclei/nuclei.ome.zarr", "results/nuclei/bytes.txt")
    with serving(tally) as registry:
        address = f"docker://{registry}/lab/tally@{tally.digest}"
        with (workflow / "Snakefile").open("a") as snakefile:
            snakefile.write(TALLY.format(address=address))
        words = ("--cores", "1", "--logger", "filiation", "--software-deployment-method", "apptainer", "--", *wanted)
        done = snakemake(workflow, *words)
    assert done.returncode == 0, done.stderr

    # They ran in their containers, which this machine's programs cannot have done in their place.
    assert "ran in bright.sif with numpy" in (workflow / "results/nuclei/logs/run_tool.log").read_text()
    size = (workflow / "results/nuclei/tool/out/image.tif").stat().st_size
    assert (workflow / wanted[1]).read_text().split() == [str(size), "busybox"]
    bright_pixels = tifffile.imread(workflow / "results/nuclei/tool/in/image.tif") > 2500
    assert len(read_labels(workflow / wanted[0]).values) == ndimage.label(bright_pixels)[1] > 4

    made = Project(workflow)
    run = made.packed()
    (file,) = (workflow / ".snakemake/singularity").glob("*.simg")
    pulled = str(file.relative_to(workflow))
    assert {action.rule: action.container for action in run.actions if action.container} == {
        "run_tool": ContainerImage("tools/bright.sif", "tools/bright.sif", sha256(image)),
        "tally": ContainerImage(address, pulled, sha256(file)),
    }
    crate = made.catalogue / "crates" / run.id
    assert validate(crate).valid
    told = {
        entity["name"]: entity
        for entity in json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
        if entity["@type"] == "ContainerImage"
    }
    assert told["bright.sif"]["additionalType"]["@id"].endswith("SIFImage")
    assert told["bright.sif"]["sha256"] == sha256(image).hex
    assert (told["lab/tally"]["registry"], told["lab/tally"]["registryDigest"]) == (registry, tally.digest)

    ledger = Ledger(made.catalogue)
    assert {row[3:] for row in ledger.ask("cq1").as_text()} == {
        ("bright.sif", "", "", sha256(image).hex, ""),
        ("lab/tally", registry, "", sha256(file).hex, tally.digest),
    }
    told_of = {action.rule: dict(action.environment) for path in wanted for action in ledger.trace(path).actions}
    assert told_of["run_tool"] == {"container": f"bright.sif, image {sha256(image)}"}
    assert told_of["tally"] == {"container": f"lab/tally, image {sha256(file)}"}


def build_image(root: Path, folder: Path) -> Path:
    """Have Apptainer build the tool's image; quickly rather than small."""
    folder.mkdir()
    (folder / "wrapper.py").write_text(WRAPPER)
    (folder / "bright.def").write_text(DEFINITION.format(root=root, wrapper=folder / "wrapper.py"))
    quickly = ("--mksquashfs-args", "-comp gzip -Xcompression-level 1")
    command = ["apptainer", "build", *quickly, "bright.sif", "bright.def"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    (folder / "wrapper.py").unlink()
    return folder / "bright.sif"


def sha256(path: Path) -> Digest:
    return Digest(DigestKind.FILE, hashlib.sha256(path.read_bytes()).hexdigest())
