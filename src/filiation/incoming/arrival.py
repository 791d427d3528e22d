"""Whatever it is, into the catalogue: each form is made a crate's folder, which the catalogue takes in."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from filiation.catalogue import Catalogue, IngestReport
from filiation.catalogue.crate_on_disk import METADATA, crate_of
from filiation.catalogue.reading import read_triples
from filiation.crate import flush_tree
from filiation.crate.metadata import MOST_BYTES, parse_json, parse_metadata
from filiation.errors import InvalidCrateError
from filiation.incoming.archives import METADATA_NAMES, CrateArchive
from filiation.incoming.crate_around import write_crate_around
from filiation.incoming.history import History
from filiation.incoming.nextflow import Run, read_store
from filiation.incoming.prov_documents import is_prov, read_prov
from filiation.incoming.recognition import Form, form_of, lineage_store
from filiation.incoming.within import crates_within, is_export, take_in_part
from filiation.model import Digest, DigestKind

_MEDIA_TYPES: Final = {
    Form.JSON: "application/json",
    Form.PROV_N: "text/provenance-notation",
    Form.PROV_XML: "application/provenance+xml",
    Form.TURTLE: "application/trig",
}


def take_in(catalogue: Catalogue, place: Path) -> tuple[IngestReport, ...]:
    """Take into the catalogue what stands at a place: of a lineage store or an export each run, else one crate.

    Parameters
    ----------
    catalogue
        The catalogue.
    place
        A crate's folder, its metadata file, a ZIP archive of it, a PROV document (PROV-JSON, PROV-JSONLD, PROV-N,
        PROV-XML, PROV-O in RDF), or Nextflow's lineage store.

    Raises
    ------
    NotFoundError
        If there is nothing, or nothing of these.
    InvalidCrateError
        If it cannot be read; the catalogue is then as before.
    CatalogueBusyError
        If others use the catalogue for longer than the wait.
    """
    form = form_of(place)
    if form is Form.FOLDER:
        if is_export(place):
            return tuple(take_in_part(catalogue, crate) for crate in crates_within(place))
        return (catalogue.ingest(place),)
    with _as_crates(catalogue, place, form) as crates:
        if len(crates) == 1 and is_export(crates[0]):
            return tuple(take_in_part(catalogue, crate) for crate in crates_within(crates[0]))
        return tuple(catalogue.ingest(crate, move=True) for crate in crates)


@contextmanager
def _as_crates(catalogue: Catalogue, place: Path, form: Form) -> Iterator[list[Path]]:
    """Give the crates' folders of what is none yet, in a folder that is removed afterwards."""
    with ExitStack() as opened:
        write = _look_through(place, form, opened)
        scratch = opened.enter_context(catalogue.folder.scratch())
        crates = write(scratch)
        for crate in crates:
            flush_tree(crate)
        yield crates


def _look_through(place: Path, form: Form, opened: ExitStack) -> Callable[[Path], list[Path]]:
    """Read all that decides whether it can be taken in; return how to write it as crates into a folder."""
    if form is Form.ARCHIVE:
        archive = opened.enter_context(CrateArchive.opened(place))
        _see_that_it_can_be_read(place, archive.read_metadata(MOST_BYTES))
        return partial(_unpacked, archive)
    if form is Form.OLD_FOLDER:
        _see_that_it_can_be_read(place, _content(place / METADATA_NAMES[1]))
        return partial(_renamed, place)
    if form is Form.NEXTFLOW:
        return partial(_around_runs, read_store(lineage_store(place) or place))
    if form is Form.JSON and not is_prov(parse_json(_text(place, content := _content(place)))):
        _see_that_it_can_be_read(place, content)
        return partial(_around_metadata, content)
    return partial(_around_account, read_prov(place, form), place, _MEDIA_TYPES[form])


def _unpacked(archive: CrateArchive, scratch: Path) -> list[Path]:
    archive.unpack(scratch / "crate")
    return [scratch / "crate"]


def _renamed(place: Path, scratch: Path) -> list[Path]:
    shutil.copytree(place, scratch / "crate", symlinks=True)
    (scratch / "crate" / METADATA_NAMES[1]).rename(scratch / "crate" / METADATA)
    return [scratch / "crate"]


def _around_metadata(content: bytes, scratch: Path) -> list[Path]:
    (scratch / "crate").mkdir()
    (scratch / "crate" / METADATA).write_bytes(content)
    return [scratch / "crate"]


def _around_account(history: History, account: Path, media_type: str, scratch: Path) -> list[Path]:
    write_crate_around(history, scratch / "crate", {f"account{account.suffix.lower()}": account}, media_type)
    return [scratch / "crate"]


def _around_runs(runs: tuple[Run, ...], scratch: Path) -> list[Path]:
    crates = [scratch / f"run-{number}" for number in range(len(runs))]
    for run, crate in zip(runs, crates, strict=True):
        write_crate_around(run.history, crate, run.records, "application/json")
    return crates


def _content(path: Path) -> bytes:
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InvalidCrateError(f"{path} has {size} bytes; of metadata at most {MOST_BYTES} are read.")
    return path.read_bytes()


def _text(place: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidCrateError(f"{place} is not UTF-8 text: byte {error.start} is wrong.") from error


def _see_that_it_can_be_read(place: Path, content: bytes) -> None:
    """Read a crate's metadata as the catalogue will, before anything is written."""
    try:
        document = parse_metadata(_text(place, content))
        crate = crate_of(place, document, Digest(DigestKind.FILE, hashlib.sha256(content).hexdigest()))
        read_triples(crate, document)
    except InvalidCrateError as error:
        raise InvalidCrateError(f"{place}: {error}") from error
