"""``make demo-omero``: from an image in OMERO to regions and a table on it, and back, with the commands a person types.

The server is the tests' own (``docs/reference/omero-test-server.md``), on loopback, with a password made up for this
one time; everything else is as with a server of a laboratory.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filiation
from filiation.errors import BadInputError, FiliationError, MissingExtraError
from filiation.images import open_source
from filiation.images.omero.connection import close_all

if TYPE_CHECKING:
    from tests.omero_server.planting import Planting
    from tests.omero_server.rows import Row

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "profiles")
MARKER = ".demonstration-with-omero"
USER, OBJECT = "ada", 17
HEADER = "## "


def main() -> int:
    """Run the demonstration, and say in one message what stops it."""
    parser = argparse.ArgumentParser(prog="make demo-omero", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".demo-omero"))
    folder = parser.parse_args().folder
    try:
        demonstrate(folder)
    except FiliationError as error:
        sys.stderr.write(f"filiation: {error}\n")
        return error.exit_code
    return 0


def demonstrate(folder: Path) -> None:
    """Do all of it in a folder, anew each time.

    Raises
    ------
    MissingExtraError
        If omero-py is not installed.
    BadInputError
        If there is something else in the folder, or a command fails.
    """
    try:
        from tests.omero_server.server import OmeroServer
    except ImportError as error:
        raise MissingExtraError(
            f"The demonstration with OMERO needs omero-py and what the test server needs ({error}). Run `make omero`, "
            "which builds and installs them, and then `make demo-omero` again."
        ) from error
    _lay_out(folder)
    with OmeroServer() as server:
        password = secrets.token_urlsafe(16)
        server.add_user(USER, password)
        dataset = plant_tissue(server.plant(USER))
        _tell(
            "An OMERO server, with an image in a dataset",
            f"On {server.host}, port {server.port}, for this one time. The user {USER} has the dataset {dataset.id} "
            "with an image tagged 'control', and is signed in by the environment.",
        )
        signed_in = {
            "OMERO_HOST": server.host,
            "OMERO_PORT": str(server.port),
            "OMERO_USER": USER,
            "OMERO_PASSWORD": password,
        }
        Demonstration(folder, {**os.environ, **signed_in}, server.host).show(dataset.id or 0)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Commands in a folder, by somebody who is signed in by the environment."""

    folder: Path
    environment: Mapping[str, str]
    host: str

    def show(self, dataset: int) -> None:
        """Go from the image to the regions and the table, and back."""
        self.step(
            "The images of the dataset that are tagged, as a sample sheet",
            ["filiation", "omero", "samples", "--dataset", str(dataset), "--tag", "control"],
            into="config/samples.tsv",
        )
        self.step("The workflow, which reads them from the server", ["snakemake", "--cores", "2", "--quiet", "all"])
        run = filiation.open(self.folder).runs()[0].id[:8]
        register = ["filiation", "omero", "register", run, "--rois", "masks"]
        self.step("The results, to where the image is", register)
        self.step("A second time changes nothing", register)
        gateway = self._gateway()
        try:
            seen = Seen.on(gateway, self.image)
        finally:
            gateway.close()
        _tell(f"What another client finds there (ezomero), of object {OBJECT}", seen.text)
        roi = f"https://{self.host}/Roi/{seen.roi}"
        self.step("What was made of this image?", ["filiation", "impact", f"omero://{self.host}/image/{self.image}",
                                                   "--depth", "3"])  # fmt: skip
        self.step("And from the region back to the image", ["filiation", "trace", roi])
        question = ["filiation", "ask", "labels", "--given", "magnification=40", "--given", "tag=control"]
        self.step("Which label images come from images that were taken with 40x and are tagged?", question)
        labels = f"results/{self.sample}/nuclei.ome.zarr"
        self.step("Are the bytes still those recorded?", ["filiation", "check", labels])

    @property
    def sample(self) -> str:
        """Name of the only sample."""
        return (self.folder / "config/samples.tsv").read_text("utf-8").splitlines()[1].split("\t")[0]

    @property
    def image(self) -> int:
        """Id of its image."""
        return int(self.sample.rpartition("-")[2])

    def step(self, heading: str, command: list[str], into: str = "") -> None:
        """Show a command and its answer."""
        _tell(heading, f"$ {' '.join(command)}{f' > {into}' if into else ''}")
        # The modules of this interpreter, so that an installation that is not on the PATH works too.
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE if into else None, text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise BadInputError(
                f"`{' '.join(command)}` in {self.folder} ended with exit status {result.returncode}; see above."
            )
        if into:
            (self.folder / into).write_text(result.stdout, "utf-8")
            sys.stdout.write(result.stdout)
        sys.stdout.flush()

    def _gateway(self) -> Any:
        from omero.gateway import BlitzGateway

        told = self.environment
        gateway = BlitzGateway(USER, told["OMERO_PASSWORD"], host=self.host, port=int(told["OMERO_PORT"]), secure=True)
        gateway.connect()
        return gateway


@dataclass(frozen=True, slots=True)
class Seen:
    """What ezomero reads of one object: its region, and its row of the table."""

    roi: int
    text: str

    @classmethod
    def on(cls, gateway: Any, image: int) -> Seen:
        """Look at the annotations, the regions and the table of an image."""
        import ezomero

        (run,) = ezomero.get_map_annotation_ids(gateway, "Image", image, ns="filiation/run")
        pairs = ezomero.get_map_annotation(gateway, run)
        rois = ezomero.get_roi_ids(gateway, image)
        region = next(roi for roi in gateway.getObjects("Roi", rois) if roi.getName() == str(OBJECT))
        (table,) = ezomero.get_file_annotation_ids(gateway, "Image", image, ns="filiation/measurements")
        rows = table_rows(gateway, table)
        row = next(row for row in rows if row["label"] == OBJECT)
        _, address = region.getDescription().split()
        lines = [
            f"pairs    run = {pairs['run']}, segment: sigma = {pairs['segment: sigma']}, … ({len(pairs)} of them)",
            f"regions  {len(rois)}; Roi:{region.getId()} is named {region.getName()} and is",
            f"         {address}",
            f"table    {len(rows)} rows; one has label = {row['label']}, roi = {row['roi']}, area = {row['area']:g}",
        ]
        if row["roi"] != region.getId():
            raise BadInputError(f"The row of label {OBJECT} names Roi:{row['roi']}, not Roi:{region.getId()}.")
        return cls(int(region.getId()), "\n".join(lines))


def table_rows(gateway: Any, annotation: int) -> list[dict[str, Any]]:
    """Return a table's rows; ezomero gives a data frame where pandas is installed."""
    import ezomero

    found = ezomero.get_table(gateway, annotation)
    if not isinstance(found, list):
        return list(found.to_dict("records"))
    columns, *rows = found
    return [dict(zip(columns, row, strict=True)) for row in rows]


def plant_tissue(planting: Planting) -> Row:
    """Put in a stained tissue as a microscope would have left it: instrument, tag, pairs; return its dataset."""
    tissue = open_source("skimage:immunohistochemistry").fetch()
    put, value = planting.put, planting.value
    instrument = put("Instrument", microscope=put("Microscope", model="BX53", type=value("MicroscopeType", "Upright")))
    objective = put(
        "Objective", instrument=instrument, model="UPlanSApo 40x/0.95", nominalMagnification=40.0, lensNA=0.95,
        immersion=value("Immersion", "Air"), correction=value("Correction", "PlanApo"),
    )  # fmt: skip
    from tests.omero_server.planting import ChannelDescription

    image = planting.image(
        tissue.data, "tissue.tif", acquired=1_700_000_000_000, instrument=instrument,
        objectiveSettings=put("ObjectiveSettings", objective=objective),
        channels=[ChannelDescription("haematoxylin", (255, 255, 255, 255))],
    )  # fmt: skip
    planting.tag(image, "control")
    planting.pairs(image, {"organ": "colon", "stain": "haematoxylin and DAB"})
    return planting.dataset("glands", [image], planting.project("Demonstration"))


def _lay_out(folder: Path) -> None:
    """Copy the workflow into an empty folder; what an earlier demonstration left is taken away."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise BadInputError(f"{folder} holds something that is not of this demonstration; name another --folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".snakemake"))
        else:
            shutil.copy2(ROOT / part, folder / part)


def _tell(heading: str, text: str) -> None:
    sys.stdout.write(f"\n{HEADER}{heading}\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        close_all()
