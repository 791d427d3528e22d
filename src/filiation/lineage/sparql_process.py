"""The process that one free query runs in: reads the query from stdin, writes rows to stdout, and may be killed."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from filiation.catalogue import Catalogue, CatalogueFolder, Literal, Term
from filiation.catalogue.server_settings import read_server
from filiation.errors import FiliationError
from filiation.lineage.confinement import give_up_the_network
from filiation.model.sentences import written

Plain: TypeAlias = "str | list[str] | None"

_LESS_URGENT: Final = 10
"""By how much a query gives way to pages and to whoever works on the machine."""


def main() -> None:
    """Answer the query that stands on stdin as JSON."""
    task = json.load(sys.stdin)
    folder = CatalogueFolder(Path(task["folder"]))
    os.nice(_LESS_URGENT)
    _limit(resource.RLIMIT_AS, task["memory"])
    _limit(resource.RLIMIT_CPU, task["seconds"])
    _limit(resource.RLIMIT_CORE, 0)
    sys.stdout.write(json.dumps({"warnings": _warnings(task)}) + "\n")
    sys.stdout.flush()  # also of a query that is ended
    try:
        if read_server(folder.root) is None:
            give_up_the_network()
        given = {name: _term(value) for name, value in task.get("given", {}).items()}
        catalogue = _catalogue(folder, task["as_of"])
        rows = catalogue.query(task["query"], graph=task.get("graph"), given=given, limit=task["limit"])
    except FiliationError as error:
        json.dump({"error": written(error.message), "kinds": [kind.__name__ for kind in type(error).mro()]}, sys.stdout)
        return
    plain = _as_many_as_fit(rows.rows, task["characters"])
    truncated = rows.truncated or len(plain) < len(rows.rows)
    json.dump({"columns": rows.columns, "rows": plain, "truncated": truncated}, sys.stdout)


def _warnings(task: Mapping[str, Any]) -> list[object]:
    if not task.get("lint"):
        return []
    from filiation.lineage.sparql_lint import lint

    return [written(warning.told) for warning in lint(task["query"])]


def _term(value: str | list[str]) -> Term:
    return value if isinstance(value, str) else Literal(*value)


def _limit(of: int, most: int) -> None:
    """Limit what this process may take; less than that stays as it is."""
    _, hard = resource.getrlimit(of)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(of, (least, least))


def _as_many_as_fit(rows: Iterable[tuple[Term | None, ...]], characters: int) -> list[list[Plain]]:
    found: list[list[Plain]] = []
    for row in rows:
        characters -= sum(len(str(value)) for value in row)
        if characters < 0:
            break
        found.append([_plain(value) for value in row])
    return found


def _catalogue(folder: CatalogueFolder, as_of: str | None) -> Catalogue:
    if as_of is None:
        return Catalogue(folder)
    from filiation.catalogue.as_of import PastCatalogue

    return PastCatalogue(folder, datetime.fromisoformat(as_of))


def _plain(value: Term | None) -> Plain:
    if value is None or isinstance(value, str):
        return value
    return [value.text, value.datatype, value.language]


if __name__ == "__main__":
    main()
