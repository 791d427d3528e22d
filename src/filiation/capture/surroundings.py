"""What a workflow came with: the identifier of its source folder and its licence, found when a run is packed.

A file that changed since the run began is not what ran, so nothing is said of a folder that holds one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from filiation.capture.journal import Event
from filiation.capture.licence import Licence, find_licence
from filiation.capture.swhid import directory_swhid, read_entry, read_folder
from filiation.errors import FiliationError
from filiation.model import DataEntity, Presence, is_uri

NO_SOURCE = frozenset({
    ".git", ".snakemake", ".filiation", "__pycache__", ".ipynb_checkpoints", ".DS_Store", ".mypy_cache",
    ".pytest_cache",
})  # fmt: skip
"""Names that do not count in a workflow folder that git does not keep: tools make them beside the source."""

State = list[int] | tuple[()] | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a workflow besides its journal.

    Parameters
    ----------
    swhid
        SWHID of its source folder, where the journal has none.
    licence
        What its files say of its licence.
    problems
        Sentences on what could not be captured.
    """

    swhid: str | None = None
    licence: Licence = field(default_factory=Licence)
    problems: tuple[str, ...] = ()


def source_states(events: Iterable[Event]) -> dict[str, State]:
    """Return the state, when it was read last, of each file that the workflow is made of, by its path in the journal.

    The empty state is nobody's: jobs ran with different states of that file, so none is that of the run.
    """
    states: dict[str, State] = {}
    for event in events:
        if event.kind == "run_started":
            states |= dict(event.data.get("states", ()))
        elif event.kind == "job_started":
            for what in ("script", "conda"):
                path, state = event.data.get(what), event.data.get(f"{what}_state")
                if path and state:
                    states[path] = state if states.get(path) in (None, state) else ()
    return states


def licence_folders(main: Path, repository: Mapping[str, str]) -> list[Path]:
    """Return where a workflow's licence may lie: beside the main Snakefile, above ``workflow/``, in its repository."""
    home = main.parent
    above = [home.parent] if home.name == "workflow" else []
    levels = len(Path(repository["folder"]).parts) if "folder" in repository else 0
    root = [home.parents[levels - 1]] if levels else []
    return list(dict.fromkeys([home, *above, *root]))


def look_around(
    main: Path, repository: Mapping[str, str], sources: Iterable[DataEntity], folder: Path, started: datetime
) -> Surroundings:
    """Find what can be said of a workflow when its run is packed.

    Parameters
    ----------
    main
        Its main Snakefile.
    repository
        What the journal says of its repository; empty if git does not keep it.
    sources
        The files that it is made of, as they were seen.
    folder
        The run's folder.
    started
        When the run began.
    """
    licence = find_licence(licence_folders(main, repository))
    if "swhid" in repository:
        return Surroundings(licence=licence)
    try:
        missing = repository.get("swhid_missing")
        swhid = None if missing else _source_swhid(main, list(sources), folder, started)
    except (OSError, FiliationError) as error:
        missing = str(error).rstrip(".")
        swhid = None
    problems = (f"The SWHID of the workflow's folder was not computed: {missing}.",) if missing else ()
    return Surroundings(swhid, licence, problems)


def _source_swhid(main: Path, sources: list[DataEntity], folder: Path, started: datetime) -> str:
    """Return the SWHID of a ``workflow`` folder, which holds nothing but source; else of the files that ran alone.

    Raises
    ------
    FiliationError
        If something in there changed since the run began.
    """
    changed = sorted(entity.path for entity in sources if entity.presence is not Presence.PRESENT)
    if changed:
        raise FiliationError(f"{changed[0]} is no more as it was when the run began")
    if main.parent.name == "workflow":
        entries = read_folder(main.parent, leave_out=NO_SOURCE)
        later = sorted(path for path in entries if _modified(main.parent / path) > started)
        if later:
            raise FiliationError(f"{main.parent / later[0]} was written after the run began")
        return directory_swhid(entries)
    paths = (folder / entity.path for entity in sources if not is_uri(entity.path))
    own = {os.path.relpath(path, main.parent): path for path in paths}
    return directory_swhid({name: read_entry(path) for name, path in own.items() if not name.startswith("..")})


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
