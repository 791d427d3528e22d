"""Free SPARQL: read-only, and in a process that is ended when it takes too long.

A query runs in the store's own code, which knows no timeout and would call other servers for ``SERVICE``. So words
that reach beyond the catalogue are refused before anything runs, and what runs can be killed.
"""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
from datetime import datetime
from typing import Final

from filiation.catalogue import CatalogueFolder, Literal, Term
from filiation.errors import (
    AccessError,
    BadInputError,
    CatalogueBusyError,
    FiliationError,
    NotFoundError,
    QueryEndedError,
    ServerError,
)
from filiation.lineage.answers import Answer

LARGEST_MEMORY: Final = 4 * 1024**3
"""Bytes of address space that a query may take."""
LARGEST_ANSWER: Final = 64 * 1024**2
"""Characters of all rows together; what comes after them is left out, and that is said."""

# In the order in which a SPARQL lexer tries them: what a keyword could hide in, and what could hide as a keyword.
_TOKENS: Final = re.compile(
    r"""(?P<string>\"\"\"(?:\"{0,2}(?:[^\"\\]|\\.))*\"\"\"|'''(?:'{0,2}(?:[^'\\]|\\.))*'''
        |\"(?:[^\"\\\n\r]|\\.)*\"|'(?:[^'\\\n\r]|\\.)*')
    |(?P<iri><[^<>\"{}|^`\\\x00-\x20]*>)
    |(?P<comment>\#[^\n\r]*)
    |(?P<variable>[?$]\w+)
    |(?P<named>[\w.-]*:(?:[\w.:-]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%])*)
    |(?P<language>@[A-Za-z][A-Za-z0-9-]*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_REFUSED: Final = {
    "SERVICE": "it would ask another server",
    "FROM": "it would name graphs to load; every graph of the catalogue is there already, and GRAPH picks one",
    "LOAD": "it would fetch something",
    **dict.fromkeys(
        ("INSERT", "DELETE", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD", "WITH"),
        "it would change the catalogue, and crates are the truth here",
    ),
}


def see_that_it_is_text(value: str, what: str) -> None:
    """Refuse what no graph can hold: half a character, as a terminal or a form may give it.

    Raises
    ------
    BadInputError
        If it cannot be written in UTF-8; ``what`` begins the message.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadInputError(
            f"{what} is no text: character {error.start + 1} is half of one (a lone surrogate)."
        ) from error


def refuse_beyond(query: str) -> None:
    """Refuse a query that would change anything or reach beyond the catalogue.

    Raises
    ------
    BadInputError
        If it has a word of that kind outside names, texts and comments.
    """
    see_that_it_is_text(query, "The query")
    if re.search(r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}", query):
        raise BadInputError("Write characters themselves instead of \\u escapes in a query.")
    for token in _TOKENS.finditer(query):
        word = token.group().upper() if token.lastgroup == "word" else ""
        if word in _REFUSED:
            raise BadInputError(f"{word} is refused in a query: {_REFUSED[word]}.")


def answer_query(
    folder: CatalogueFolder,
    query: str,
    *,
    timeout: float,
    limit: int,
    memory: int = LARGEST_MEMORY,
    as_of: datetime | None = None,
) -> Answer:
    """Answer a query in a process of its own, which has no network and gives way to others.

    Raises
    ------
    BadInputError
        If the query is refused or wrong.
    QueryEndedError
        If it takes longer than ``timeout`` seconds, or more than ``memory`` bytes.
    """
    refuse_beyond(query)
    moment = None if as_of is None else as_of.isoformat()
    bounds = {"limit": limit, "memory": memory, "seconds": math.ceil(timeout) + 1, "characters": LARGEST_ANSWER}
    asked = {"folder": str(folder.root), "as_of": moment, "query": query, **bounds}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "filiation.lineage.sparql_process"],
            input=json.dumps(asked),
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _took_too_long(timeout) from error
    if done.returncode == -signal.SIGXCPU:
        raise _took_too_long(timeout)
    if done.returncode in (-signal.SIGABRT, -signal.SIGKILL) or "MemoryError" in done.stderr:
        raise QueryEndedError(
            f"The query took more than {memory / 1024**3:.3g} GB of memory and was ended. Name more of what you look "
            "for, or give it a LIMIT."
        )
    if done.returncode != 0:
        raise BadInputError(f"The query could not be answered: {done.stderr.strip()[-300:] or 'it was ended'}.")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise _error(answer["error"], answer["kinds"])
    rows = tuple(tuple(_term(value) for value in row) for row in answer["rows"])
    return Answer(tuple(answer["columns"]), rows, "SPARQL", truncated=bool(answer["truncated"]))


def _took_too_long(timeout: float) -> QueryEndedError:
    return QueryEndedError(
        f"The query took longer than {timeout:g} s and was ended. Name more of what you look for, give it a "
        "LIMIT, or use `trace` and `impact`, which walk an index instead."
    )


def _error(text: str, names: list[str]) -> FiliationError:
    kinds = {kind.__name__: kind for kind in (AccessError, CatalogueBusyError, NotFoundError, ServerError)}
    kind = next((kinds[name] for name in names if name in kinds), BadInputError)
    return kind(text)


def _term(value: str | list[str] | None) -> Term | None:
    if value is None or isinstance(value, str):
        return value
    return Literal(*value)
