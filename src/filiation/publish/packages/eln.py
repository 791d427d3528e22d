"""A crate as an ``.eln`` archive, which electronic laboratory notebooks exchange.

One folder at the top that holds all, an RO-Crate in it, and the SHA-256 of every file in the metadata
(https://github.com/TheELNConsortium/TheELNFileFormat, SPECIFICATION.md). The metadata may be signed with minisign.
"""

from __future__ import annotations

import json
from pathlib import Path

from filiation.crate.metadata import METADATA_FILE, read_metadata
from filiation.crate.seals.contents import MINISIG, named_in, read_contents
from filiation.crate.seals.metadata_signature import differences_from
from filiation.crate.seals.sealing import seal_folders
from filiation.errors import BadInputError, ChangedError
from filiation.publish.digests import with_digests
from filiation.publish.packages.archives import write_zip
from filiation.publish.packages.holdings import holdings_of
from filiation.publish.packages.package import Package, PackageSettings, appearing


def write_eln(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate as an ``.eln``, with its metadata signed if there is a key.

    Where the metadata names every file by a digest, its bytes are taken over as they are. What it does not name is
    added to it (:mod:`filiation.publish.digests`).

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
        document = with_digests(read_metadata(crate), crate, unnamed)
        instead[METADATA_FILE] = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
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
