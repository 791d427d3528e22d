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
    """

    name: str | None = None
    orcid: str | None = None
    affiliation: str | None = None
    affiliation_ror: str | None = None
    license: str | None = None


_FIELDS = {
    "agent": ("name", "orcid", "affiliation", "affiliation_ror"),
    "crate": ("license",),
}


def read_settings(catalogue: Path) -> Settings:
    """Read ``filiation.toml`` of the user, then of the catalogue; the catalogue's values win.

    Raises
    ------
    BadInputError
        If a file is not TOML, or a field is unknown or not a text.
    """
    values: dict[str, str] = {}
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in (config_home / "filiation" / "filiation.toml", catalogue / "filiation.toml"):
        values |= _read_fields(path)
    return Settings(**values)


def _read_fields(path: Path) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInputError(f"The settings in {path} cannot be read: {error}.") from error
    values: dict[str, str] = {}
    for table, fields in document.items():
        if table not in _FIELDS or not isinstance(fields, dict):
            raise BadInputError(f"{path}: unknown table [{table}]; expected {', '.join(f'[{t}]' for t in _FIELDS)}.")
        for field, value in fields.items():
            if field not in _FIELDS[table] or not isinstance(value, str):
                raise BadInputError(
                    f"{path}: {table}.{field} is {value!r}; expected a text for one of {', '.join(_FIELDS[table])}."
                )
            values[field] = value
    orcid = values.get("orcid")
    if orcid and not orcid.startswith("https://orcid.org/"):
        values["orcid"] = "https://orcid.org/" + orcid.removeprefix("orcid.org/")
    return values
