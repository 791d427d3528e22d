"""Where records go: the catalogue's folder, and the settings kept in it or in the user's home."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from filiation.errors import BadInputError

FOLDER = ".filiation"
VARIABLE = "FILIATION_CATALOGUE"
STEP_FOLDER_VARIABLE = "FILIATION_STEP_FOLDER"
"""Set for the jobs of a run by the main process: where they leave their step records."""


def find_catalogue(start: Path, explicit: str | Path | None = None) -> Path:
    """Return the catalogue's folder, which need not exist yet.

    In this order: the one named; the one that ``FILIATION_CATALOGUE`` names; the nearest ``.filiation`` in ``start``
    or a folder above it; ``.filiation`` in ``start``.
    """
    named = explicit or os.environ.get(VARIABLE)
    if named:
        return (start / Path(named).expanduser()).absolute()
    return nearest_catalogue(start) or start.absolute() / FOLDER


def nearest_catalogue(start: Path) -> Path | None:
    """Return the ``.filiation`` in ``start`` or in the nearest folder above it that has one."""
    start = start.absolute()
    return next((folder / FOLDER for folder in (start, *start.parents) if (folder / FOLDER).is_dir()), None)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person states once about themselves and their runs, in ``filiation.toml``.

    Parameters
    ----------
    name, orcid, affiliation, affiliation_ror
        Of the person, from the table ``[agent]``.
    license
        Licence of the crates (an SPDX address or a name), from the table ``[crate]``.
    provenance
        What label images say of their own making, from the table ``[stores]``: one of :data:`STORES_SAY`.
    """

    name: str | None = None
    orcid: str | None = None
    affiliation: str | None = None
    affiliation_ror: str | None = None
    license: str | None = None
    provenance: str = "full"


STORES_WITHOUT_PERSON, STORES_NONE = "without person", "none"
STORES_SAY = ("full", STORES_WITHOUT_PERSON, STORES_NONE)
SERVER_TABLE = "sparql"
_FIELDS = {
    "agent": ("name", "orcid", "affiliation", "affiliation_ror"),
    "crate": ("license",),
    "stores": ("provenance",),
    SERVER_TABLE: (
        "dialect",
        "address",
        "query",
        "update",
        "store",
        "authentication",
        "user",
        "password_file",
        "token_file",
        "timeout",
        "rows",
    ),
}


def read_settings(catalogue: Path) -> Settings:
    """Read ``filiation.toml`` of the user, then of the catalogue; the catalogue's values win.

    Raises
    ------
    BadInputError
        If a file is not TOML, or a field is unknown or not a text.
    """
    values: dict[str, str] = {}
    for path in _settings_files(catalogue):
        tables = _read_tables(path)
        values |= tables.get("agent", {}) | tables.get("crate", {})
        if "stores" in tables:
            values["provenance"] = tables["stores"].get("provenance", STORES_SAY[0])
    orcid = values.get("orcid")
    if orcid and not orcid.startswith("https://orcid.org/"):
        values["orcid"] = "https://orcid.org/" + orcid.removeprefix("orcid.org/")
    return Settings(**values)


def read_server_table(catalogue: Path) -> tuple[dict[str, str], Path] | None:
    """Read the table ``[sparql]`` and the file that it is from: the catalogue's if it has one, else the user's.

    Never of both: a catalogue from elsewhere could name a server, and a password of the user's would go there.

    Raises
    ------
    BadInputError
        If a file is not TOML, or a field is unknown or not a text.
    """
    found = None
    for path in _settings_files(catalogue):
        table = _read_tables(path).get(SERVER_TABLE)
        if table is not None:
            found = table, path
    return found


def _settings_files(catalogue: Path) -> tuple[Path, Path]:
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return config_home / "filiation" / "filiation.toml", catalogue / "filiation.toml"


def _read_tables(path: Path) -> dict[str, dict[str, str]]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInputError(f"The settings in {path} cannot be read: {error}.") from error
    tables: dict[str, dict[str, str]] = {}
    for table, fields in document.items():
        if table not in _FIELDS or not isinstance(fields, dict):
            raise BadInputError(f"{path}: unknown table [{table}]; expected {', '.join(f'[{t}]' for t in _FIELDS)}.")
        for field, value in fields.items():
            if field not in _FIELDS[table] or not isinstance(value, str):
                # A password may stand there by mistake: its value is not repeated.
                found = "not a field that is known" if table == SERVER_TABLE else repr(value)
                raise BadInputError(
                    f"{path}: {table}.{field} is {found}; expected a text for one of {', '.join(_FIELDS[table])}."
                )
        tables[table] = dict(fields)
    said = tables.get("stores", {}).get("provenance", "full")
    if said not in STORES_SAY:
        raise BadInputError(f"{path}: stores.provenance is {said!r}; expected {', '.join(map(repr, STORES_SAY))}.")
    return tables
