"""``make demo-audit``: the demonstration's catalogue as pages, and an auditor's way through them in a real browser.

A headless Chromium goes from the search box to the label image, its graph and its pixels, back to the raw image, and
drops the label image and a copy of it in which one byte was changed. What the pages said is printed, and pictures of
them are kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from filiation.errors import BadInputError, FiliationError, MissingExtraError
from tests.web.auditor import Way, spoil, walk
from tests.web.browser import BUNDLE, CHROMIUM, chromium, watching

LABELS = "results/tissue/nuclei.ome.zarr"
SOURCE = "skimage:immunohistochemistry"
VIEW = {"width": 1000, "height": 720}
_COLOURS, _SIDES = (96, 48), (1.0, 0.8, 0.6)
_LARGEST = 150_000
"""Bytes of a picture, which stand in the documentation: of a few colours, and a micrograph a little smaller."""


def main() -> int:
    """Run the demonstration, and say in one message what stops it."""
    parser = argparse.ArgumentParser(prog="make demo-audit", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="the demonstration's; made if it is not there"
    )
    parser.add_argument("--pictures", type=Path, help="where pictures go; audit/ in the folder if left out")
    asked = parser.parse_args()
    try:
        demonstrate(asked.folder.absolute(), (asked.pictures or asked.folder / "audit").absolute())
    except FiliationError as error:
        sys.stderr.write(f"filiation: {error}\n")
        return error.exit_code
    except AssertionError as error:
        sys.stderr.write(f"filiation: The pages did not show what they have to: {error}\n")
        return 1
    return 0


def demonstrate(folder: Path, pictures: Path) -> None:
    """Go the auditor's way.

    Raises
    ------
    MissingExtraError
        If there is no browser.
    BadInputError
        If the demonstration or the server cannot be run.
    """
    if CHROMIUM is None:
        raise MissingExtraError(
            "There is no Chromium to look at the pages with. On Debian and Ubuntu: apt-get install chromium, or run "
            "tests/web/install_chromium.sh. `filiation serve` shows the same pages to any browser."
        )
    if not (BUNDLE / "SHA256SUMS").is_file():
        raise MissingExtraError("The scripts that draw graphs are not there: `make web` bundles them, once.")
    if not (folder / LABELS).is_dir():
        _run("demo", "--folder", str(folder))
    copy = folder / "changed" / Path(LABELS).name
    shutil.rmtree(copy.parent, ignore_errors=True)
    shutil.copytree(folder / LABELS, copy)
    way = Way(LABELS, SOURCE, folder / LABELS, copy, spoil(folder / LABELS, copy))
    pictures.mkdir(parents=True, exist_ok=True)
    with _serving(folder) as address, chromium() as browser:
        place = urlsplit(address)
        with watching(browser, f"{place.scheme}://{place.netloc}", viewport=VIEW) as tab:
            tab.go(f"{place.path}?{place.query}")
            for seen in walk(tab, way):
                shown = pictures / f"audit-{seen.name}.png"
                tab.page.screenshot(path=shown, animations="disabled", full_page=seen.name != "3-graph")
                _shrink(shown)
                said = " ".join(seen.said.split())
                sys.stdout.write(f"\n{seen.name[0]}. {seen.step}\n   {said}\n   {shown}\n")
    sys.stdout.write("\nNothing was asked of another host, no dialog was shown and no policy was violated.\n")


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Start ``filiation serve`` for the folder, and give the address that lets one browser in."""
    command = [sys.executable, "-m", "filiation", "serve", "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen([*command, "--catalogue", str(folder)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = ""
        for line in server.stdout:
            told += line
            if line.startswith("}") or (line.startswith("{") and line.rstrip().endswith("}")):
                break
        try:
            if not told.strip():
                raise BadInputError("`filiation serve` did not start; see above.")
            yield str(json.loads(told)["address"])
        finally:
            server.terminate()


def _run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", "filiation", *command], check=False)
    if done.returncode:
        raise BadInputError(f"`filiation {' '.join(command)}` ended with exit status {done.returncode}; see above.")


def _shrink(picture: Path) -> None:
    with Image.open(picture) as image:
        whole = image.convert("RGB")
    for side, colours in itertools.product(_SIDES, _COLOURS):
        size = round(whole.width * side), round(whole.height * side)
        # The method that keeps rare colours: outlines are few among grey pixels.
        fewer = whole.resize(size, Image.Resampling.LANCZOS).quantize(colours, Image.Quantize.MAXCOVERAGE)
        fewer.save(picture, optimize=True)
        if picture.stat().st_size <= _LARGEST:
            return


if __name__ == "__main__":
    sys.exit(main())
