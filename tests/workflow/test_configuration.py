"""Mistakes in the config and the sample sheet: one clear message that names the field, before any job starts."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
import yaml

from filiation.segmentation import METHODS, channels_of, needed_by, parameters_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]
END = "config/README.md describes every field."
SETTINGS = (
    "channel, each, sigma, window, correction, spacing, minimum_size, membrane, certainty, radius, extent, weights, "
    "diameter, flow_threshold, cellprob_threshold, prob_thresh, nms_thresh, device"
)
ABOUT_IMAGES = "organism, biological_entity, imaging_method, sample_preparation, licence"
KNOWN = f"sample, source, wells, method, {SETTINGS}, meshes, {ABOUT_IMAGES}"


@pytest.fixture
def message(workflow: Path, snakemake: Snakemake) -> Callable[..., str]:
    """Tell what Snakemake says of the mistake, without where in the rules it was noticed."""

    def ask(*arguments: str) -> str:
        done = snakemake(workflow, "--dry-run", *arguments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        lines = (done.stdout + done.stderr).splitlines()  # a dry run speaks on standard output
        start = next(number for number, line in enumerate(lines) if line.startswith("WorkflowError"))
        return "\n".join(line for line in lines[start + 1 :] if not line.startswith("  File"))

    return ask


def _config(**segmentation: object) -> tuple[str, str]:
    return "--config", f"segmentation={json.dumps(segmentation)}"


@pytest.mark.parametrize(
    ("segmentation", "expected"),
    [
        (
            {"sigma": "wide"},
            "config: the field 'segmentation.sigma': 'wide' is not of type 'number'. "
            "It is the standard deviation of the smoothing, in the image's unit of length.",
        ),
        (
            {"spacing": 0},
            "config: the field 'segmentation.spacing': 0.0 is less than or equal to the minimum of 0. "
            "It is the smallest distance between two nuclei's centres, in the image's unit of length.",
        ),
        (
            {"method": "magic"},
            f"config: the field 'segmentation.method': 'magic' is not one of {[*METHODS, 'tool']}. "
            "It is the name of the segmentation method.",
        ),
        (
            {"each": "slice"},
            "config: the field 'segmentation.each': 'slice' is not one of ['volume', 'plane', 'joined planes']. It is "
            "the choice what a method sees at once, a volume (all planes of a time point), a plane, or planes whose "
            "objects are joined where they overlap.",
        ),
        (
            {"sgima": 2},
            f"config: 'segmentation' has unknown field(s) 'sgima'; known are method, {SETTINGS}, tool.",
        ),
        (
            {"method": "instanseg", "weights": "models/none.pt"},
            "config/samples.tsv, sample 'tissue': nothing is at models/none.pt, where the network's weights are to be. "
            "They are never fetched by a name: put the file or folder there.",
        ),
        (
            {"method": "tool", "tool": {"descriptor": "tools/none.json"}},
            "config: the field 'segmentation.tool.descriptor': There is no descriptor at tools/none.json.",
        ),
        (
            {"method": "membrane_watershed"},
            "config: missing: segmentation.membrane, segmentation.extent.",
        ),
    ],
)
def test_a_mistake_in_the_config_names_the_field(
    message: Callable[..., str], segmentation: dict[str, object], expected: str
) -> None:
    assert message(*_config(**segmentation)) == f"{expected}\n{END}"


def test_missing_fields_are_named_together(workflow: Path, message: Callable[..., str]) -> None:
    (workflow / "config" / "config.yaml").write_text(
        "samples: config/samples.tsv\nsegmentation: {method: otsu_watershed}\n"
    )
    assert message() == (
        "config: missing: segmentation.channel, segmentation.sigma, segmentation.window, segmentation.correction, "
        f"segmentation.spacing, segmentation.minimum_size.\n{END}"
    )


SHEETS = {
    "sample\tsorce\na\tb.tif\n": (
        f"sheet.tsv: the column 'source' is missing. Found: sample, sorce (columns are separated by tabs). "
        f"Known are {KNOWN}."
    ),
    "": f"sheet.tsv: the column 'sample' is missing. Found: none (columns are separated by tabs). Known are {KNOWN}.",
    "sample\tsource\n": "sheet.tsv has no sample: give one a line, under the header.",
    "sample\tsource\tsigma\na\tskimage:cell\t2\nb\tskimage:cell\twide\n": (
        "sheet.tsv, line 3: the field 'sigma': 'wide' is not of type 'number'. "
        f"It is the standard deviation of the smoothing, in the image's unit of length.\n{END}"
    ),
    "sample\tsource\tmethod\na\tskimage:cell\thysteresis\n": (f"sheet.tsv, sample 'a': missing: certainty.\n{END}"),
    "sample\tsource\na/b\tskimage:cell\n": (
        "sheet.tsv, line 2: the field 'sample': 'a/b' does not match '^[A-Za-z0-9][A-Za-z0-9_-]*$'. "
        f"It is the sample's name, of letters, digits, _ and -; it names the folder of the results.\n{END}"
    ),
    "sample\tsource\na\t\n": f"sheet.tsv, line 2: missing: source.\n{END}",
    "sample\tsource\na\tskimage:cell\tx\n": (
        f"sheet.tsv, line 2: unknown field(s) '(beyond the last column)'; known are {KNOWN}.\n{END}"
    ),
    "sample\tsource\na\tskimage:cell\na\tskimage:cell\n": (
        "sheet.tsv, line 3: the sample 'a' is there twice; name each once."
    ),
}


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_mistake_in_the_sample_sheet_names_line_and_field(
    workflow: Path, message: Callable[..., str], sheet: str
) -> None:
    (workflow / "sheet.tsv").write_text(sheet)
    assert message("--config", "samples=sheet.tsv") == SHEETS[sheet]


def test_a_sample_sheet_that_is_no_text_is_said(workflow: Path, message: Callable[..., str]) -> None:
    (workflow / "sheet.tsv").write_bytes(b"PK\x03\x04\xff\xfe")
    assert message("--config", "samples=sheet.tsv") == (
        "sheet.tsv is no text in UTF-8 ('utf-8' codec can't decode byte 0xff in position 4: invalid start byte); "
        "save it as a table with tabs, in UTF-8."
    )


def test_a_sample_sheet_that_is_not_there_is_said(message: Callable[..., str]) -> None:
    assert message("--config", "samples=none.tsv") == (
        "The sample sheet none.tsv is not there; the config's field 'samples' names it."
    )


def test_an_image_that_cannot_be_read_fails_its_fetch_with_one_message(workflow: Path, snakemake: Snakemake) -> None:
    whole = workflow / "whole.tif"
    tifffile.imwrite(whole, [[1, 2], [3, 4]], dtype="uint16")
    (workflow / "cut.tif").write_bytes(whole.read_bytes()[:-4])
    (workflow / "sheet.tsv").write_text("sample\tsource\na\tcut.tif\n")
    done = snakemake(workflow, "--cores", "1", "--config", "samples=sheet.tsv")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "fetch: cut.tif is truncated" in done.stderr
    assert "cut.tif is truncated" in (workflow / "results" / "a" / "logs" / "fetch.log").read_text()
    assert not (workflow / "results" / "a" / "raw.ome.zarr").exists()


def test_the_schemas_know_the_methods_of_the_package() -> None:
    config = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    samples = yaml.safe_load((ROOT / "workflow" / "schemas" / "samples.schema.yaml").read_text())
    needs = yaml.safe_load((ROOT / "workflow" / "schemas" / "methods.yaml").read_text())
    segmentation = config["properties"]["segmentation"]["properties"]
    assert segmentation.pop("tool")["required"] == ["descriptor"]
    assert segmentation["method"]["enum"].pop() == "tool"
    assert segmentation["method"]["enum"] == list(METHODS)
    for name, method in METHODS.items():
        others = channels_of(name)[1:]
        needed = needed_by(method)
        assert needs[name]["needs"] == [*others, *needed], name
        assert needs[name].get("may", []) == [each for each in parameters_of(method) if each not in needed], name
    assert {name: samples["properties"][name] for name in segmentation} == segmentation


def test_lint_and_format_are_clean() -> None:
    for command in (
        ["snakemake", "--workflow-profile", "none", "--lint"],
        ["snakefmt", "--check", "Snakefile", "workflow"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
