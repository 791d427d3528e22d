"""``make demo-omero`` shows the way from an image in OMERO to a region and its row, and back."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.omero_demonstration import HEADER, MARKER, ROOT
from tests.omero_server.fixtures import WHY_SKIPPED

pytestmark = pytest.mark.slow


def demonstrated(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.omero_demonstration", "--folder", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def test_from_the_image_to_a_region_and_its_row_and_back(tmp_path: Path) -> None:
    pytest.importorskip("omero.gateway", reason=WHY_SKIPPED, exc_type=ImportError)

    done = demonstrated(tmp_path / "demo")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    parts = {part.partition("\n")[0]: part for part in done.stdout.split(f"\n{HEADER}")}
    written = parts["The results, to where the image is"]
    (objects,) = re.findall(r"regions results/tissue-1/nuclei.ome.zarr: written \((\d+) objects\)", written)
    assert "Nothing to do." in parts["A second time changes nothing"]
    seen = parts["What another client finds there (ezomero), of object 17"]
    (roi,) = re.findall(r"Roi:(\d+) is named 17", seen)
    assert f"regions  {objects}; " in seen
    assert f"one has label = 17, roi = {roi}, area = " in seen
    assert "/work/results/tissue-1/nuclei.ome.zarr#label=17\n" in seen
    forth, back = parts["What was made of this image?"], parts["And from the region back to the image"]
    assert f" and {int(objects) - 1} like it" in forth
    for expected in (f"https://127.0.0.1/Roi/{roi}", "made by segment (sample=tissue-1)", "sigma = 1.5",
                     "https://127.0.0.1/Image/1"):  # fmt: skip
        assert expected in back
    asked = parts["Which label images come from images that were taken with 40x and are tagged?"]
    assert "results/tissue-1/nuclei.ome.zarr" in asked
    assert "1 of 1 things are as they were recorded" in parts["Are the bytes still those recorded?"]


def test_without_omero_py_it_says_what_to_do(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['Ice'] = None; sys.argv[1:] = ['--folder', {!r}]; "
    run = "from tests.omero_demonstration import main; sys.exit(main())"
    command = [sys.executable, "-c", hide.format(str(tmp_path / "demo")) + run]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 7
    assert done.stderr.startswith("filiation: The demonstration with OMERO needs omero-py")
    assert "Run `make omero`" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_what_is_in_the_folder_already_is_not_touched(tmp_path: Path) -> None:
    pytest.importorskip("omero.gateway", reason=WHY_SKIPPED, exc_type=ImportError)
    (tmp_path / "thesis.tex").write_text("mine")

    done = demonstrated(tmp_path)

    assert done.returncode == 2
    assert "holds something that is not of this demonstration" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert not (tmp_path / MARKER).exists()
