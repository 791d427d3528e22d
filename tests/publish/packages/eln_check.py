"""What an .eln archive is, written down from the specification's text, with nothing of our own code.

The ELN file format of The ELN Consortium, SPECIFICATION.md: a ZIP archive with exactly one folder at its top, named
like the archive; in it an RO-Crate 1.1 or later; every File with ``sha256`` and, where told, ``contentSize`` in bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote


def faults_of(place: Path) -> list[str]:
    """Return what of an archive is not as the specification says."""
    faults = []
    if place.suffix != ".eln":
        faults.append("the name does not end with .eln")
    with zipfile.ZipFile(place) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    tops = {name.partition("/")[0] for name in contents}
    if len(tops) != 1 or any("/" not in name for name in contents):
        return [*faults, f"not exactly one folder at the top: {sorted(tops)}"]
    (top,) = tops
    if top not in (place.stem, place.name):
        faults.append(f"the folder is called {top!r}")
    files = {name.removeprefix(f"{top}/"): content for name, content in contents.items()}
    if "ro-crate-metadata.json" not in files:
        return [*faults, "no ro-crate-metadata.json in the folder"]
    document = json.loads(files["ro-crate-metadata.json"])
    if set(document) != {"@context", "@graph"}:
        faults.append("not a context and a graph")
    graph = {entity["@id"]: entity for entity in document["@graph"]}
    descriptor = graph.get("ro-crate-metadata.json", {})
    profiles = descriptor.get("conformsTo", [])
    named = [one["@id"] for one in (profiles if isinstance(profiles, list) else [profiles])]
    if descriptor.get("about") != {"@id": "./"} or not any(
        re.match(r"https://w3id.org/ro/crate/1\.[1-9]", one) for one in named
    ):
        faults.append("the metadata file does not describe ./ by RO-Crate 1.1 or later")
    if graph.get("./", {}).get("@type") not in ("Dataset", ["Dataset"]):
        faults.append("./ is no Dataset")
    for identifier, entity in graph.items():
        types = entity["@type"] if isinstance(entity["@type"], list) else [entity["@type"]]
        if "File" not in types or re.match(r"#|[a-z][a-z0-9+.-]+:", identifier):
            continue
        content = files.get(unquote(identifier).removeprefix("./"))
        if content is None:
            faults.append(f"{identifier} is not in the archive")
        elif entity.get("sha256") != hashlib.sha256(content).hexdigest():
            faults.append(f"{identifier} has sha256 {entity.get('sha256')}")
        elif entity.get("contentSize", str(len(content))) != str(len(content)):
            faults.append(f"{identifier} has contentSize {entity['contentSize']!r}")
    return faults
