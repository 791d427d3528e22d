"""A crate as an ``.eln`` archive, which electronic laboratory notebooks exchange.

One folder at the top that holds all, an RO-Crate in it, and the SHA-256 of every file in the metadata
(https://github.com/TheELNConsortium/TheELNFileFormat, SPECIFICATION.md). The metadata may be signed with minisign.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filiation.crate.jsonld import many, node, reference
from filiation.crate.metadata import METADATA_FILE, read_metadata
from filiation.crate.profiles import TERMS
from filiation.crate.seals.contents import MINISIG, Contents, named_in, read_contents
from filiation.crate.seals.metadata_signature import differences_from
from filiation.crate.seals.sealing import seal_folders
from filiation.errors import BadInputError, ChangedError
from filiation.model import decode_path, encode_path
from filiation.publish.packages.archives import write_zip
from filiation.publish.packages.holdings import holdings_of
from filiation.publish.packages.package import Package, PackageSettings, appearing

PREVIEW = "ro-crate-preview.html"


def write_eln(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate as an ``.eln``, with its metadata signed if there is a key.

    Where the metadata names every file by a digest, its bytes are taken over as they are. What it does not name is
    added to it: SHA-256 of files, the tree digest of folders.

    Raises
    ------
    BadInputError
        If something would have to be added, and the crate is sealed: its seal would not hold any more.
    ChangedError
        If a file is not what the metadata says.
    """
    found = holdings_of(crate)
    contents = read_contents(crate, settings.progress)
    differences = differences_from(named_in(crate)[0], contents)
    if wrong := [one.path for one in differences if one.what != "unexpected"]:
        raise ChangedError(f"{crate}: {', '.join(wrong[:5])} differ from what its own metadata records.")
    unnamed = [one.path for one in differences]
    remarks = found.remarks()
    instead: dict[str, bytes] = {}
    if unnamed:
        if seal_folders(crate):
            raise BadInputError(
                f"{crate} is sealed, and its metadata gives no digest of {', '.join(unnamed[:5])}, which an .eln asks "
                "for. Export it again and seal it then; or take another form, such as zip."
            )
        instead[METADATA_FILE] = with_digests(read_metadata(crate), unnamed, contents)
        remarks += (f"{len(unnamed)} files without a digest got one; the metadata is not that of {crate.name}.",)
    if settings.sign is not None:
        instead[MINISIG] = settings.sign(instead.get(METADATA_FILE) or (crate / METADATA_FILE).read_bytes())
    elif instead:
        # A signature of other metadata is none of these.
        found = type(found)(tuple(file for file in found.files if file.path != MINISIG), found.empty)
    with appearing(target) as making:
        write_zip(making, found, root=f"{target.stem}/", instead=instead)
    files = len({file.path for file in found.files} | instead.keys())
    return Package(target, "eln", files, found.size, remarks)


def with_digests(document: Mapping[str, Any], unnamed: list[str], contents: Contents) -> bytes:
    """Return the metadata with digests of what it does not name by one.

    A file that it names gets its SHA-256. One that it does not name, but in a folder that it names, gets that folder a
    tree digest; any other becomes a part of the crate.
    """
    changed = copy.deepcopy(dict(document))
    graph: list[dict[str, Any]] = changed["@graph"]
    by_path = {_path(entity): entity for entity in graph if "@id" in entity}
    folders = sorted(
        (path for path, entity in by_path.items() if "Dataset" in many(entity.get("@type")) and path), key=len
    )
    trees: set[str] = set()
    for path in unnamed:
        if path in by_path:
            by_path[path]["sha256"] = contents.hashes[path.encode()]
        elif folder := next((name for name in folders if path.startswith(name + "/")), None):
            trees.add(folder)
        else:
            is_page = path == PREVIEW
            entity = node(encode_path(path), "CreativeWork" if is_page else "File", name=path.rpartition("/")[2])
            entity["sha256"] = contents.hashes[path.encode()]
            if is_page:
                entity["about"] = reference("./")
            else:
                by_path[""]["hasPart"] = [*many(by_path[""].get("hasPart")), reference(str(entity["@id"]))]
            graph.append(entity)
    for name in trees:
        by_path[name]["treeDigest"] = contents.tree(name).hex
    if trees:
        _define(changed, {"treeDigest": f"{TERMS}treeDigest"})
    if "https://w3id.org/ro/terms/workflow-run/context" not in many(changed["@context"]):
        _define(changed, {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"})
    return (json.dumps(changed, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _define(document: dict[str, Any], terms: dict[str, str]) -> None:
    contexts = many(document["@context"])
    if not any(isinstance(one, Mapping) and terms.keys() <= one.keys() for one in contexts):
        document["@context"] = [*contexts, terms]


def _path(entity: Mapping[str, Any]) -> str | None:
    identifier = str(entity["@id"])
    if identifier.startswith("#") or ":" in identifier.partition("/")[0]:
        return None
    return decode_path(identifier).removeprefix("./").rstrip("/") if identifier not in ("./", ".") else ""
