"""Snakemake's own metadata of outputs: what is left of jobs that nobody recorded.

One JSON file an output in ``.snakemake/metadata``, named by the URL-safe Base64 of the path (in parts under folders
that begin with ``@`` where it is long), or rows of ``.snakemake/metadata.db``. A failed job leaves the same record as
one that finished; names of parameters are lost, values are kept as Python writes them; times are those of files.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filiation.errors import BadInputError

FOLDER: Final = ".snakemake"
NOTHING_DEPLOYED: Final = "d41d8cd98f00b204e9800998ecf8427e"
"""Snakemake's digest of an empty software stack: an environment may be declared, and was not used."""


@dataclass(frozen=True, slots=True)
class OutputMetadata:
    """What Snakemake keeps of one output.

    Parameters
    ----------
    output
        Its path.
    rule
        Rule that declares it.
    inputs, logs
        Paths.
    params
        Values, as far as they can be read back; their names are lost, and their order is not the rule's.
    command
        Shell command; None for a script, a notebook, a wrapper or Python code.
    container
        Container image URL, if one was declared and really used.
    conda
        Whether a conda environment was declared.
    started, ended
        As Snakemake tells: on clusters wrong, locally up to a file's time of modification.
    checksums
        SHA-256 of small input files when the job ran, hexadecimal digits by path.
    job
        What groups the outputs of one job.
    record
        The record itself.
    """

    output: str
    rule: str
    inputs: tuple[str, ...]
    logs: tuple[str, ...]
    params: tuple[object, ...]
    command: str | None
    container: str | None
    conda: bool
    started: datetime | None
    ended: datetime | None
    checksums: Mapping[str, str]
    job: tuple[object, ...]
    record: Mapping[str, Any]


def read_metadata(folder: Path) -> tuple[tuple[OutputMetadata, ...], tuple[str, ...]]:
    """Read the metadata of a workflow's folder.

    Returns
    -------
    tuple
        What is known of each output, in order of path, and a sentence for each record that cannot be used.

    Raises
    ------
    BadInputError
        If there is a database that cannot be read.
    """
    found: dict[str, OutputMetadata] = {}
    problems: list[str] = []
    home = folder / FOLDER
    for output, text in [*_files(home / "metadata"), *_rows(home / "metadata.db")]:
        try:
            record = json.loads(text)
            found[output] = _output(output, record)
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError) as error:
            problems.append(f"Snakemake's metadata of {output} cannot be read ({type(error).__name__}: {error}).")
    return tuple(found[output] for output in sorted(found, key=os.fsencode)), tuple(problems)


def _files(home: Path) -> Iterator[tuple[str, str]]:
    for place, _, names in os.walk(home):
        for name in sorted(names):
            path = Path(place) / name
            encoded = "".join(part.removeprefix("@") for part in path.relative_to(home).parts)
            try:
                output = base64.urlsafe_b64decode(encoded).decode("utf-8")
                yield output, path.read_text("utf-8")
            except (ValueError, OSError):
                yield str(path), "unreadable"


def _rows(database: Path) -> Iterator[tuple[str, str]]:
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute("SELECT * FROM snakemake_metadata")]
    except sqlite3.Error as error:
        raise BadInputError(f"Snakemake's metadata in {database} cannot be read: {error}.") from error
    for row in rows:
        # One database may serve several folders; the namespace is the folder's .snakemake.
        if row.pop("namespace") == str(database.parent.absolute()):
            output = row.pop("target")
            for column in ("input", "log", "params", "input_checksums"):
                row[column] = json.loads(row[column]) if isinstance(row[column], str) else row[column]
            yield output, json.dumps(row)


def _output(output: str, record: Mapping[str, Any]) -> OutputMetadata:
    used = record.get("software_stack_hash") not in (None, NOTHING_DEPLOYED)
    inputs = tuple(str(path) for path in record.get("input") or ())
    checksums = record.get("input_checksums") or {}
    return OutputMetadata(
        output=output,
        rule=str(record["rule"]),
        inputs=inputs,
        logs=tuple(str(path) for path in record.get("log") or ()),
        params=tuple(_value(text) for text in record.get("params") or ()),
        command=record.get("shellcmd"),
        container=record.get("container_img_url") if used else None,
        conda=bool(record.get("conda_env")),
        started=_moment(record.get("starttime")),
        ended=_moment(record.get("endtime")),
        checksums={
            path: str(text).removeprefix("sha256:")
            for path, text in checksums.items()
            if str(text).startswith("sha256:")
        },
        # Start times differ between the outputs of one job; the hash is of the job in one call of Snakemake.
        job=(record.get("job_hash"), record["rule"], inputs, record.get("shellcmd")),
        record={"output": output, **record},
    )


def _value(text: object) -> object:
    """Read a value back that Python wrote; what cannot be stays the text."""
    try:
        value = ast.literal_eval(str(text))
        json.dumps(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return str(text)
    return value


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(round(seconds, 3), UTC) if isinstance(seconds, int | float) else None
