"""What is sent: a copy of the crate with its DOI in it, sealed if asked for, in the form that a service keeps.

The crate itself is never changed. A service that knows no folders gets one archive with the metadata and the page
beside it; one that knows them gets the files, with each image store as one archive.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from filiation.crate import flush_tree, link_or_copy
from filiation.crate.metadata import METADATA_FILE, read_metadata
from filiation.errors import BadInputError, NotFoundError
from filiation.publish.deposits.repository import LocalFile

PREVIEW: Final = "ro-crate-preview.html"
ALGORITHMS: Final = ("md5", "sha256")
"""What is computed of each file when it is packed: what services compare, and what we do."""
STORE: Final = ".zarr"
"""How a folder's name ends that is one thing: an image store of many small files."""
_BLOCK: Final = 1 << 20
_PACKED: Final = frozenset({".zip", ".gz", ".png", ".jpg", ".jpeg", ".parquet", ".tif", ".tiff", ".ozx", ".eln"})
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_KNOWS_CITE_AS: Final = re.compile(r"https://w3id\.org/ro/crate/(1\.[2-9]|[2-9])")
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")

Seal = Callable[[Path], None]
Advance = Callable[[int], None]
Completion = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def crate_folder(crate: Path, scratch: Path) -> Path:
    """Return the folder of a crate; an archive is unpacked into ``scratch``.

    Raises
    ------
    NotFoundError
        If there is none.
    InvalidCrateError
        If it is none.
    """
    if crate.is_dir():
        read_metadata(crate)
        return crate
    if not crate.is_file():
        raise NotFoundError(f"There is no crate at {crate}. Name its folder, or an archive of it.")
    from filiation.incoming.archives import CrateArchive

    shutil.rmtree(scratch, ignore_errors=True)
    with CrateArchive.opened(crate) as archive:
        archive.unpack(scratch)
    return scratch


def plain_name(crate: Path) -> str:
    """Return a crate's name of letters, digits and signs that every service takes.

    >>> plain_name(Path("/data/my labels.crate.zip")), plain_name(Path("/data/nuclei"))
    ('my-labels', 'nuclei')
    """
    name = crate.name
    for ending in (".zip", ".crate", ".eln"):
        name = name.removesuffix(ending)
    return _NOT_IN_A_NAME.sub("-", name).strip("-.") or "crate"


def copy_completed(crate: Path, target: Path, complete: Completion, doi: str | None, seal: Seal | None) -> None:
    """Copy a crate, write its DOI and what a service asks for into the copy, and seal that.

    A crate that is sealed and is not to be sealed anew stays as it is, since its seal would not hold any more.

    Parameters
    ----------
    crate, target
        The crate, and where its copy is made.
    complete
        Returns the metadata with what a service asks for.
    doi
        To be written; None for none.
    seal
        Seals the copy; None to leave that.

    Raises
    ------
    BadInputError
        If it holds links or what has no bytes.
    """
    _refuse_links(crate)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(crate, target, copy_function=link_or_copy)
    before = read_metadata(target)
    document = complete(before if doi is None else with_doi(before, doi))
    if document != before and (seal is not None or not is_sealed(crate)):
        written = target / f".{METADATA_FILE}"
        written.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.replace(target / METADATA_FILE)  # a new file: the copy may share the crate's own
    if seal is not None:
        seal(target)


def is_sealed(crate: Path) -> bool:
    """Whether somebody sealed a crate."""
    from filiation.crate.seals.sealing import seal_folders

    return bool(seal_folders(crate))


def with_doi(document: Mapping[str, Any], doi: str) -> dict[str, Any]:
    """Return a crate's metadata with a DOI for its root's identifier.

    An identifier that is there stays beside it. ``cite-as`` is a term since RO-Crate 1.2; before, it would be lost
    when the metadata is read as RDF, so there it is left out.
    """
    address = f"https://doi.org/{doi}"
    graph = [dict(entity) for entity in document["@graph"]]
    root_id = next(
        (
            about["@id"]
            for entity in graph
            if entity.get("@id") == METADATA_FILE and isinstance(about := entity.get("about"), dict)
        ),
        "./",
    )
    for entity in graph:
        if entity.get("@id") == root_id:
            there = entity.get("identifier")
            kept = there if isinstance(there, list) else [] if there is None else [there]
            others = [each for each in kept if each != address]
            entity["identifier"] = address if not others else [address, *others]
            if _KNOWS_CITE_AS.search(json.dumps(document.get("@context", ""))):
                entity["cite-as"] = address
    return {**document, "@graph": graph}


def flat_files(crate: Path, folder: Path, name: str, advance: Advance) -> tuple[LocalFile, ...]:
    """Return one archive of a crate, its metadata and its page, for a service that knows no folders."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{name}.crate.zip"
    write_archive(crate, archive, advance)
    loose = []
    for beside in (METADATA_FILE, PREVIEW):
        if (crate / beside).is_file():
            shutil.copyfile(crate / beside, folder / beside)
            loose.append(local_file(folder / beside, beside))
    flush_tree(folder)
    return (local_file(archive, archive.name), *loose)


def one_archive(crate: Path, folder: Path, name: str, advance: Advance) -> tuple[LocalFile, ...]:
    """Return the archive of a crate alone."""
    return flat_files(crate, folder, name, advance)[:1]


def files_in_folders(crate: Path, folder: Path, advance: Advance) -> tuple[LocalFile, ...]:
    """Return a crate's files with their folders; a store is one archive of its name with ``.zip``."""
    found: list[LocalFile] = []
    for path in sorted(_walk(crate)):
        name = path.relative_to(crate).as_posix()
        if path.is_dir():
            archive = folder / f"{name}.zip"
            archive.parent.mkdir(parents=True, exist_ok=True)
            write_archive(path, archive, advance)
            found.append(local_file(archive, f"{name}.zip"))
        else:
            found.append(local_file(path, name))
            advance(found[-1].size)
    return tuple(found)


def write_archive(folder: Path, target: Path, advance: Advance = lambda _: None) -> None:
    """Write a folder's files into a ZIP archive, the metadata of a crate first, the same bytes each time."""
    making = target.with_name(f".{target.name}")
    with zipfile.ZipFile(making, "w", allowZip64=True) as archive:
        files = (path for path in folder.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda each: (each.name != METADATA_FILE or each.parent != folder, str(each))):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            info.external_attr = 0o644 << 16
            info.file_size = path.stat().st_size
            within_store = any(part.endswith(STORE) for part in path.parent.parts)
            stored = within_store or path.suffix.lower() in _PACKED
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=info.file_size >= 2 << 30) as sink:
                while block := source.read(_BLOCK):
                    sink.write(block)
                    advance(len(block))
    making.replace(target)


def local_file(path: Path, name: str) -> LocalFile:
    """Return a file with the digests that services compare as a rule."""
    hashes = {algorithm: hashlib.new(algorithm, usedforsecurity=False) for algorithm in ALGORITHMS}
    size = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            size += len(block)
            for each in hashes.values():
                each.update(block)
    return LocalFile(name, path, size, {name: each.hexdigest() for name, each in hashes.items()})


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, and the stores as wholes."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.endswith(STORE):
            yield from _walk(entry)
        else:
            yield entry


def _refuse_links(crate: Path) -> None:
    links = [
        path.relative_to(crate).as_posix()
        for path in crate.rglob("*")
        if path.is_symlink() or not (path.is_file() or path.is_dir())
    ]
    if links:
        shown = ", ".join(links[:5]) + (f" and {len(links) - 5} more" if len(links) > 5 else "")
        raise BadInputError(
            f"{crate} holds links or what has no bytes: {shown}. No service keeps them; put the files themselves "
            "there, or leave them out."
        )
