"""Packing with data: a crate that carries along what it tells of, as far as that is unchanged."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from filiation.catalogue.crates import CatalogueFolder, identify
from filiation.catalogue.packing import PackReport, Progress, pack
from filiation.catalogue.waiting import is_running, unpacked_runs
from filiation.crate import METADATA_RECORDS, Payload, flush, link_or_copy, read_crate, write_crate
from filiation.crate.zipping import zip_folder
from filiation.digest import digest_file, digest_tree
from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.model import DataEntity, crate_path


def pack_with_payload(
    folder: CatalogueFolder, run_id: str, target: Path, progress: Progress | None = None
) -> PackReport:
    """Make a self-contained copy of a run's crate: every file and store that is still as recorded comes along.

    Files are hard-linked where the file system allows, else copied. What is gone or has changed since stays a
    reference, and is reported.

    Raises
    ------
    NotFoundError
        If the run has no crate.
    BadInputError
        If ``target`` exists.
    """
    crate = folder.crates / run_id
    run = read_crate(crate)
    if target.exists():
        raise BadInputError(f"{target} exists already; name another place, so that nothing is overwritten.")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    _clear_beside(target)
    making = target.with_name(f".{target.name}-{os.getpid()}")
    taken: dict[str, DataEntity] = {}
    left_out: list[str] = []
    data = [entity for entity in run.entities if not entity.is_remote and entity.digest is not None]
    try:
        for number, entity in enumerate(data, start=1):
            place = crate_path(entity.path) + ("/" if entity.is_tree else "")
            if _bring_along(Path(run.folder) / entity.path, making / place, entity, crate / place):
                taken[place] = entity
            else:
                left_out.append(entity.path)
            if progress is not None:
                progress(number, len(data))
        write_crate(run, making, _whole_payload(crate, taken))
        _put_in_place(making, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return PackReport(run, target, tuple(left_out))


def export_last_run(folder: Path, target: Path, catalogue: Path | str | None = None) -> PackReport:
    """Write the last recorded run of a folder as a self-contained crate.

    Raises
    ------
    NotFoundError
        If no run of that folder is recorded.
    BadInputError
        If ``target`` exists.
    """
    home = CatalogueFolder.find(catalogue)
    for waiting in unpacked_runs(home):
        pack(home, waiting)
    runs = [read_crate(crate) for crate in home.list_crates() if identify(crate).own]
    here = [run for run in runs if Path(run.folder) == folder.absolute()]
    if not here:
        raise NotFoundError(
            f"No run of {folder.absolute()} is recorded in {home.root}. "
            "Run the workflow with `--logger filiation` first."
        )
    return pack_with_payload(home, max(here, key=lambda run: (run.started, run.id)).id, target)


def _clear_beside(target: Path) -> None:
    """Remove what a killed copying to the same place left behind."""
    for left in target.absolute().parent.glob(f".{glob.escape(target.name)}-*"):
        number = left.name.rpartition("-")[2].removesuffix(".zip")
        if number.isdigit() and not is_running(int(number)):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _put_in_place(making: Path, target: Path) -> None:
    """Make the crate visible under its final name, at once: a folder, or a zip file by the name's ending."""
    if target.suffix != ".zip":
        making.rename(target)
    else:
        archive = making.with_name(f"{making.name}.zip")
        try:
            zip_folder(making, archive)
            flush(archive)
            archive.rename(target)
        finally:
            archive.unlink(missing_ok=True)
    flush(target.absolute().parent)


def _bring_along(source: Path, target: Path, entity: DataEntity, embedded: Path) -> bool:
    """Link or copy a thing whose bytes are still those recorded; True if it came along.

    Raises
    ------
    OSError
        If there is no room for it: that is not the same as being gone.
    """
    if embedded.is_file():
        # The copy in the crate, never the original: secrets may have been withheld from it.
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(embedded, target)
        return True
    try:
        now = digest_tree(source).digest if entity.is_tree else digest_file(source)
    except (OSError, FiliationError):
        return False
    if now != entity.digest:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if entity.is_tree:
        ignore = shutil.ignore_patterns(".snakemake_timestamp")
        shutil.copytree(source, target, symlinks=True, copy_function=link_or_copy, ignore=ignore)
    else:
        link_or_copy(str(source), str(target))
    return True


def _is_redacted(embedded: Path, entity: DataEntity) -> bool:
    return embedded.is_file() and digest_file(embedded) != entity.digest


def _whole_payload(crate: Path, taken: Mapping[str, DataEntity]) -> Payload:
    def contents(name: str) -> dict[str, bytes]:
        place = crate / name
        return {f"{name}/{path.name}": path.read_bytes() for path in sorted(place.glob("*"))} if place.is_dir() else {}

    journal, records = crate / "journal.jsonl", crate / METADATA_RECORDS
    return Payload(
        trees=frozenset(taken),
        redacted=frozenset(place for place, entity in taken.items() if _is_redacted(crate / place, entity)),
        journal=journal.read_bytes() if journal.is_file() else b"",
        metadata=records.read_bytes() if records.is_file() else b"",
        steps=contents("steps"),
        manifests={Path(name).stem: content for name, content in contents("manifests").items()},
        environments={Path(name).stem: content for name, content in contents("environments").items()},
    )
