"""The process that one free query runs in: reads the query from stdin, writes rows to stdout, and may be killed."""

from __future__ import annotations

import json
import resource
import sys
from datetime import datetime
from pathlib import Path

from filiation.catalogue import Catalogue, CatalogueFolder, Term
from filiation.errors import FiliationError


def main() -> None:
    """Answer the query that stands on stdin as JSON."""
    task = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (task["memory"], task["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        catalogue = _catalogue(CatalogueFolder(Path(task["folder"])), task["as_of"])
        rows = catalogue.query(task["query"], limit=task["limit"])
    except FiliationError as error:
        json.dump({"error": str(error), "kinds": [kind.__name__ for kind in type(error).mro()]}, sys.stdout)
        return
    plain = [[_plain(value) for value in row] for row in rows.rows]
    json.dump({"columns": rows.columns, "rows": plain, "truncated": rows.truncated}, sys.stdout)


def _catalogue(folder: CatalogueFolder, as_of: str | None) -> Catalogue:
    if as_of is None:
        return Catalogue(folder)
    from filiation.catalogue.as_of import PastCatalogue

    return PastCatalogue(folder, datetime.fromisoformat(as_of))


def _plain(value: Term | None) -> str | list[str] | None:
    if value is None or isinstance(value, str):
        return value
    return [value.text, value.datatype, value.language]


if __name__ == "__main__":
    main()
