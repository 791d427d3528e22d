"""Descriptors of other tools: read, checked, and made a command line."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filiation.errors import BadInputError, NotFoundError
from filiation.segmentation.descriptor import FOLDERS, read_descriptor

PLACES = {name: name for name in FOLDERS}
LOCAL = "--infolder infolder --outfolder outfolder --gtfolder gtfolder -nmc --local"


def biaflows(**more: Any) -> dict[str, Any]:
    """Return a descriptor of the shape that BIAFLOWS' workflows have."""
    flag = {"value-key": "@ID", "command-line-flag": "--@id"}
    return {
        "name": "Nuclei",
        "schema-version": "cytomine-0.1",
        "container-image": {"image": "example/w_nuclei", "type": "singularity"},
        "command-line": "python wrapper.py CYTOMINE_HOST DIAMETER RANGE USE_GPU",
        "inputs": [
            {"id": "cytomine_host", "type": "String", "set-by-server": True, "optional": False, **flag},
            {"id": "diameter", "type": "Number", "default-value": 30, "minimum": 1, "maximum": 500, **flag},
            {"id": "range", "type": "String", "default": "15,40", "optional": True, **flag},
            {"id": "use_gpu", "type": "Boolean", "default-value": False, "optional": True, **flag},
            {"id": "min_size", "type": "Number", "optional": True, **flag},
        ],
        **more,
    }


BOUTIQUES = {
    "name": "seg",
    "schema-version": "0.5",
    "container-image": {"image": "docker://example/seg:3", "type": "docker"},
    "command-line": "seg --verbose [MODE] [STRICT] -o [OUT] [IN]",
    "inputs": [
        {"id": "mode", "type": "String", "value-key": "[MODE]", "value-choices": ["fast", "exact"]},
        {"id": "strict", "type": "Flag", "value-key": "[STRICT]", "command-line-flag": "--strict"},
        {"id": "infolder", "type": "File", "value-key": "[IN]"},
        {"id": "outfolder", "type": "String", "value-key": "[OUT]"},
        {"id": "rounds", "type": "Number", "integer": True, "optional": True, "command-line-flag": "--rounds"},
    ],
}


def written(folder: Path, descriptor: object) -> Path:
    path = folder / "descriptor.json"
    path.write_text(descriptor if isinstance(descriptor, str) else json.dumps(descriptor))
    return path


def said(values: dict[str, Any]) -> dict[str, str]:
    return {name: shlex.quote(str(value)) for name, value in values.items()}


def test_a_tool_of_biaflows_is_run_by_itself(tmp_path: Path) -> None:
    tool = read_descriptor(written(tmp_path, biaflows()))
    assert tool.container == "docker://example/w_nuclei"
    assert [each.name for each in tool.parameters] == ["diameter", "range", "use_gpu", "min_size"]
    values = tool.values({"diameter": 20.0, "min_size": 12})
    assert values == {"diameter": 20, "range": "15,40", "use_gpu": False, "min_size": 12}
    assert tool.command(said(values), PLACES) == (
        f"python wrapper.py --diameter 20 --range 15,40 --use_gpu False --min_size 12 {LOCAL}"
    )
    assert tool.command({}, PLACES, program="python /app/wrapper.py") == f"python /app/wrapper.py {LOCAL}"


def test_a_descriptor_that_names_its_folders_says_where_they_go(tmp_path: Path) -> None:
    tool = read_descriptor(written(tmp_path, BOUTIQUES))
    assert tool.command(said(tool.values({"mode": "fast", "strict": True})), PLACES) == (
        "seg --verbose fast --strict -o outfolder infolder"
    )
    assert tool.command(said(tool.values({"mode": "exact", "strict": False, "rounds": 3})), PLACES) == (
        "seg --verbose exact -o outfolder infolder --rounds 3"
    )


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"diametre": 3}, "diametre is none of its parameters"),
        ({"diameter": "wide"}, "diameter is a number; found 'wide'"),
        ({"diameter": True}, "diameter is a number; found True"),
        ({"diameter": 501}, "diameter is 1.0 to 500.0; found 501"),
        ({"use_gpu": 1}, "use_gpu is a boolean; found 1"),
    ],
)
def test_a_value_that_the_tool_does_not_take_is_told(tmp_path: Path, given: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_descriptor(written(tmp_path, biaflows())).values(given)
    assert str(caught.value) == (
        f"The tool Nuclei cannot be run with these parameters: {fault}. It takes diameter, range, use_gpu, min_size."
    )


def test_what_has_no_default_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="mode has no default and must be given"):
        read_descriptor(written(tmp_path, BOUTIQUES)).values({})
    with pytest.raises(BadInputError, match="mode is one of fast, exact; found 'slow'"):
        read_descriptor(written(tmp_path, BOUTIQUES)).values({"mode": "slow"})


@pytest.mark.parametrize(
    ("descriptor", "fault"),
    [
        ({}, "it has no command-line; it has no list of inputs"),
        ({"command-line": "a 'b", "inputs": []}, "its command-line is no line for a shell (No closing quotation)"),
        ({"command-line": "a [X]", "inputs": []}, "the command line has [X], which is the value-key of no input"),
        ({"command-line": "a", "inputs": [{"id": "é-"}]}, "inputs[0] has no id of letters, digits and _"),
        (
            {"command-line": "a", "inputs": [{"id": "x", "type": "Matrix"}]},
            "the input x has the type 'Matrix'; known are number, float, integer, string, boolean, flag",
        ),
        (
            {"command-line": "a", "inputs": [{"id": "x", "type": "Number"}] * 2},
            "the input x is there twice",
        ),
        (
            {"command-line": "a", "inputs": [{"id": "x", "type": "Number", "default-value": "2"}]},
            "the default of the input x is a number; found '2'",
        ),
        ({"command-line": "a", "inputs": [], "container-image": {}}, "its container-image has no image"),
    ],
)
def test_all_that_is_wrong_with_a_descriptor_is_told(tmp_path: Path, descriptor: object, fault: str) -> None:
    path = written(tmp_path, descriptor)
    with pytest.raises(BadInputError) as caught:
        read_descriptor(path)
    assert str(caught.value) == f"{path} is no descriptor of a tool that can be run: {fault}."


def test_what_is_no_descriptor_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no descriptor at"):
        read_descriptor(tmp_path / "none.json")
    for text in ("{", "[]", '"tool"'):
        with pytest.raises(BadInputError):
            read_descriptor(written(tmp_path, text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "type", "value-key", "command-line-flag", "default-value", "optional", "set-by-server", "value-choices")


@given(
    inputs=JSON
    | st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["Number", "x"])), max_size=3),
    line=JSON,
    image=JSON,
)
@example(inputs=[{"id": "n", "type": "Number", "value-choices": 1}], line=None, image=None)
def test_whatever_a_descriptor_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, inputs: object, line: object, image: object
) -> None:
    path = written(tmp_path_factory.mktemp("any"), {"command-line": line, "inputs": inputs, "container-image": image})
    try:
        tool = read_descriptor(path)
    except BadInputError:
        return
    assert tool.command({}, PLACES)
