"""``filiation correct``: who changed which objects, why; and the way back from an object to what it came of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from click.testing import Result

from filiation.digest import digest_tree
from filiation.images import LabelImage, read_table, write_labels
from filiation.lineage import Ledger

Call = Callable[..., Result]
ORCID = "0000-0002-1825-0097"


def _write(place: Path, data: np.ndarray) -> None:
    write_labels(place, LabelImage(data, ("y", "x"), (0.5, 0.5), ("micrometer",) * 2, name="nuclei"))


@pytest.fixture
def versions(here: Path) -> tuple[Path, Path]:
    """Write a label image, and one in which 1 was split, 2 grew, 3 is gone, 5 is as it was."""
    data = np.zeros((40, 60), np.uint32)
    data[2:12, 2:12], data[2:12, 20:30], data[20:30, 2:12], data[20:30, 40:50] = 1, 2, 3, 5
    _write(here / "nuclei.ome.zarr", data)
    data[2:12, 7:12] = 17
    data[12, 20:30] = 2
    data[data == 3] = 0
    _write(here / "nuclei-2.ome.zarr", data)
    return here / "nuclei.ome.zarr", here / "nuclei-2.ome.zarr"


def _correct(call: Call, old: Path, new: Path, *more: str, why: str = "two nuclei were one") -> Result:
    return call("correct", old, new, "--by", ORCID, "--why", why, "--tool", "napari@0.6.1", *more)


@pytest.mark.slow
def test_a_correction_tells_what_became_of_each_object_and_writes_to_neither_store(
    versions: tuple[Path, Path], call: Call
) -> None:
    digests = [digest_tree(each).digest for each in versions]
    done = _correct(call, *versions)
    assert done.exit_code == 0, done.output
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["change", "before", "after", "voxels", "before", "voxels", "after", "gained", "lost"],
        ["border", "moved", "2", "2", "100", "110", "10", "0"],
        ["removed", "3", "-", "100", "0", "0", "100"],
        ["split", "1", "1,", "17", "100", "100", "0", "0"],
        ["1", "objects", "are", "as", "they", "were;", "160", "voxels", "have", "another", "label."],
    ]
    assert [digest_tree(each).digest for each in versions] == digests
    (crate,) = (versions[0].parent / ".filiation" / "crates").iterdir()
    assert read_table(crate / "differences.parquet").num_rows == 3
    assert call("validate", crate, "--profile", "process-run-crate").exit_code == 0
    assert call("check").exit_code == 0


def test_the_lineage_of_the_new_one_shows_the_old_one_and_the_person(versions: tuple[Path, Path], call: Call) -> None:
    assert _correct(call, *versions, "--name", "Josiah Carberry").exit_code == 0
    lineage = Ledger().trace(str(versions[1]))
    (action,) = lineage.actions
    assert (action.rule, action.code, action.agent) == ("napari", "0.6.1", "Josiah Carberry")
    assert action.agent_id == f"https://orcid.org/{ORCID}"
    told = {each.name: each.value.value for each in action.parameters}
    assert told == {
        "why": "two nuclei were one", "objects border moved": 1, "objects removed": 1, "objects split": 1,
        "objects unchanged": 1, "voxels changed": 160,
    }  # fmt: skip
    assert {each.digest for each in lineage.entities} == {digest_tree(each).digest for each in versions}
    assert [each.place for each in Ledger().impact(str(versions[0])).entities if each.generated] == [str(versions[1])]
    found = Ledger().find("action", "agent=Josiah Carberry")
    assert len(found.names) == 1


def test_an_object_leads_to_those_that_it_came_of_through_several_corrections(
    versions: tuple[Path, Path], call: Call
) -> None:
    assert _correct(call, *versions).exit_code == 0
    third = versions[1].with_name("nuclei-3.ome.zarr")
    shutil.copytree(versions[1], third)
    labels = zarr.open_array(third / "0", mode="r+")
    labels[0, 59] = 30
    data = np.asarray(labels[...])
    data[data == 2] = 21
    labels[...] = data
    assert _correct(call, versions[1], third, why="second look").exit_code == 0

    def came_of(label: int) -> list[tuple[str, list[int]]]:
        told = json.loads(call("trace", f"{third}#label={label}", "--json").stdout)
        return [(each["change"], each["before"]) for each in told["came_of"]]

    assert came_of(17) == [("unchanged", [17]), ("split", [1])]
    assert came_of(21) == [("label changed", [2]), ("border moved", [2])]
    assert came_of(30) == [("added", [])]
    assert came_of(5) == [("unchanged", [5]), ("unchanged", [5])]

    def became(image: Path, label: int) -> list[tuple[str, list[int]]]:
        told = json.loads(call("trace", f"{image}#label={label}", "--json").stdout)
        assert all(Path(each["place"]) != image and each["by"].endswith(ORCID) for each in told["became"])
        return [(each["change"], each["after"]) for each in told["became"]]

    assert became(versions[0], 1) == [("split", [1, 17])]
    assert became(versions[0], 2) == [("border moved", [2])]
    assert became(versions[0], 3) == [("removed", [])]
    assert became(versions[0], 5) == [("unchanged", [5])]
    assert became(versions[1], 2) == [("label changed", [21])]
    assert became(third, 21) == []
    gone = call("trace", f"{versions[1]}#label=3")
    assert gone.exit_code == 3
    assert f"Object 3 of {versions[0]} was removed when https://orcid.org/{ORCID} corrected it" in gone.stderr
    assert "Object 2 of" in (renamed := call("trace", f"{third}#label=2").stderr)
    assert "became object 21" in renamed
    assert "became      no object of" in call("trace", f"{versions[0]}#label=3").stdout
    refused = call("impact", f"{versions[0]}#label=3")
    assert (refused.exit_code, "is one object" in refused.stderr) == (2, True)
    text = call("trace", f"{third}#label=17").stdout
    assert "was         object 17 of" in text
    assert f"by https://orcid.org/{ORCID}: two nuclei were one" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "0000-0002-1825-0098", "--why", "x"], "is no ORCID"),
        (["--by", "Ada", "--why", "x"], "is no ORCID"),
        (["--by", ORCID, "--why", " "], "needs a reason"),
    ],
)
def test_who_and_why_have_to_be_said(
    versions: tuple[Path, Path], call: Call, arguments: list[str], message: str
) -> None:
    refused = call("correct", *versions, *arguments)
    assert (refused.exit_code, message in refused.stderr) == (2, True)


def test_nothing_is_recorded_twice_or_without_a_difference(versions: tuple[Path, Path], call: Call) -> None:
    shutil.copytree(versions[0], versions[0].with_name("same.ome.zarr"))
    same = _correct(call, versions[0], versions[0].with_name("same.ome.zarr"))
    assert (same.exit_code, "nothing was corrected" in same.stderr) == (2, True)
    assert _correct(call, *versions).exit_code == 0
    again = _correct(call, *versions)
    assert (again.exit_code, "recorded already" in again.stderr) == (2, True)
    assert _correct(call, versions[0], Path("nowhere.zarr")).exit_code == 3
