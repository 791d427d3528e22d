"""``filiation tool``: a descriptor shown, or what is wrong with it."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

DESCRIPTOR = {
    "name": "Seg",
    "command-line": "seg [SIGMA]",
    "inputs": [
        {"id": "sigma", "type": "Number", "value-key": "[SIGMA]", "command-line-flag": "-s", "default-value": 2}
    ],
}


def test_a_descriptor_is_shown_with_the_command_that_it_makes(here: Path, call: Callable[..., Result]) -> None:
    (here / "tool.json").write_text(json.dumps(DESCRIPTOR))
    done = call("tool", "tool.json", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "name": "Seg",
        "description": "",
        "container": "",
        "command": "seg -s 2 --infolder INFOLDER --outfolder OUTFOLDER --gtfolder GTFOLDER -nmc --local",
        "parameters": [{"name": "sigma", "type": "number", "default": 2, "optional": False}],
    }


def test_what_is_wrong_with_a_descriptor_is_one_message(here: Path, call: Callable[..., Result]) -> None:
    (here / "tool.json").write_text(json.dumps({**DESCRIPTOR, "command-line": ""}))
    done = call("tool", "tool.json")
    assert done.exit_code == 2
    assert "tool.json is no descriptor of a tool that can be run: it has no command-line." in done.stderr
    assert call("tool", "none.json").exit_code == 3
