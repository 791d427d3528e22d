"""Programs in a crate: what they are called there, and what of the machine they were installed on is told."""

from __future__ import annotations

import json

from filiation.crate.agents import software_id, without_folders_of_a_machine, write_software
from filiation.model import Software

COMMIT = "1a" * 20
OLD = f"git+file:///home/ada/tool@{COMMIT}"


def test_no_program_is_named_by_a_folder_of_the_machine_that_recorded_it() -> None:
    for origin in (OLD, "file:///home/ada/tool", f"file:///home/ada/tool.whl#sha256={'0' * 64}"):
        written = json.dumps(write_software(Software("tool", "1.0", None, origin, modified=False)))
        assert "home" not in written
        assert "file:" not in written
    assert write_software(Software("tool", "1.0", None, OLD))["installedFrom"] == f"swh:1:rev:{COMMIT}"
    one, other = (Software("tool", "1.0", None, f"swh:1:rev:{digit * 40}") for digit in "ab")
    assert software_id(one) != software_id(other)


def test_an_older_crate_loses_such_folders_where_it_is_written_again() -> None:
    old = f"{OLD}#tool-1.0"
    program = {"@id": old, "@type": "SoftwareApplication", "name": "tool", "softwareVersion": "1.0", "url": old,
               "installedFrom": OLD, "keywords": "kept"}  # fmt: skip
    other = program | {"@id": OLD + "#x", "installedFrom": "https://example.org/x"}
    document = {"@context": [], "@graph": [{"@id": "#job", "instrument": [{"@id": old}]}, program, other]}

    clean = without_folders_of_a_machine(document)

    name = software_id(Software("tool", "1.0", None, OLD))
    assert clean["@graph"][0]["instrument"] == [{"@id": name}]
    assert clean["@graph"][1] == {
        "@id": name, "@type": "SoftwareApplication", "name": "tool", "softwareVersion": "1.0", "keywords": "kept",
        "installedFrom": f"swh:1:rev:{COMMIT}", "url": f"https://archive.softwareheritage.org/swh:1:rev:{COMMIT}",
    }  # fmt: skip
    assert clean["@graph"][2] == other
    assert without_folders_of_a_machine(clean) is clean
