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
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CatalogueFolder, Literal, Term
from filiation.catalogue.graph import Rows
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
from filiation.model.sentences import Sentence, read_written

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "SERVICE": Sentence("it would ask another server"),
    "FROM": Sentence(
        "it would name graphs to load; every graph of the catalogue is there already, and GRAPH picks one"
    ),
    "LOAD": Sentence("it would fetch something"),
    **dict.fromkeys(
        ("INSERT", "DELETE", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD", "WITH"),
        Sentence("it would change the catalogue, and crates are the truth here"),
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
            Sentence(
                "{what} is no text: character {start} is half of one (a lone surrogate).",
                what=what,
                start=error.start + 1,
            )
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
        raise BadInputError(Sentence("Write characters themselves instead of \\u escapes in a query."))
    for token in _TOKENS.finditer(query):
        word = token.group().upper() if token.lastgroup == "word" else ""
        if word in _REFUSED:
            raise BadInputError(Sentence("{word} is refused in a query: {refused}.", word=word, refused=_REFUSED[word]))


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What a query may take.

    Parameters
    ----------
    seconds
        From its start to its end.
    rows
        Of its answer; the answer says whether there were more.
    memory
        Bytes.
    """

    seconds: float = 30.0
    rows: int = 100_000
    memory: int = LARGEST_MEMORY


@dataclass(frozen=True, slots=True)
class Confined:
    """A catalogue that answers each query in a process of its own, which has no network and gives way to others.

    Parameters
    ----------
    folder
        Of the catalogue; its store has what it should have (:meth:`Catalogue.prepare`).
    limits
        What each query may take.
    as_of
        Ask the catalogue as it was known at this time.
    """

    folder: CatalogueFolder
    limits: QueryLimits
    as_of: datetime | None = None

    def query(self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None) -> Rows:
        """Answer a query over one crate's graph or all; as :meth:`Catalogue.query`.

        Raises
        ------
        BadInputError
            If it is no query.
        QueryEndedError
            If it takes more than it may.
        """
        terms = {name: _plain(term) for name, term in (given or {}).items()}
        return self._answered({"query": text, "graph": graph, "given": terms})[0]

    def free(self, query: str, *, lint: bool = False) -> Answer:
        """Answer a query that somebody wrote.

        Parameters
        ----------
        query
            SPARQL.
        lint
            Whether to say what of it costs more than it has to.

        Raises
        ------
        BadInputError
            If it is refused, or is no query.
        QueryEndedError
            If it takes more than it may.
        """
        refuse_beyond(query)
        rows, warnings = self._answered({"query": query, "lint": lint})
        return Answer(rows.columns, rows.rows, "SPARQL", truncated=rows.truncated, warnings=warnings)

    def _answered(self, asked: dict[str, object]) -> tuple[Rows, tuple[str, ...]]:
        done = self._run(asked)
        told, _, answered = done.stdout.partition("\n")
        warnings = _warnings(told)
        if done.returncode == -signal.SIGXCPU:
            raise _took_too_long(self.limits.seconds, warnings)
        if done.returncode in (-signal.SIGABRT, -signal.SIGKILL) or "MemoryError" in done.stderr:
            raise QueryEndedError(
                Sentence(
                    "The query took more than {memory:.3g} GB of memory and was ended. Name more of what you "
                    "look for, or give it a LIMIT.",
                    memory=self.limits.memory / 1024**3,
                )
            )
        if done.returncode != 0:
            why = done.stderr.strip()[-300:] or Sentence("it was ended")
            raise BadInputError(Sentence("The query could not be answered: {why}.", why=why))
        answer = json.loads(answered)
        if "error" in answer:
            raise _error(answer["error"], answer["kinds"])
        rows = tuple(tuple(_term(value) for value in row) for row in answer["rows"])
        return Rows(tuple(answer["columns"]), rows, truncated=bool(answer["truncated"])), warnings

    def _run(self, asked: dict[str, object]) -> subprocess.CompletedProcess[str]:
        limits = self.limits
        bounds = {"limit": limits.rows, "memory": limits.memory, "seconds": math.ceil(limits.seconds) + 1}
        as_of = None if self.as_of is None else self.as_of.isoformat()
        task = {"folder": str(self.folder.root), "as_of": as_of, "characters": LARGEST_ANSWER, **bounds, **asked}
        try:
            return subprocess.run(
                [sys.executable, "-m", "filiation.lineage.sparql_process"],
                input=json.dumps(task),
                capture_output=True,
                encoding="utf-8",
                timeout=limits.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = bytes(error.stdout or b"").decode("utf-8", "replace")  # bytes, whatever the encoding
            told = said.partition("\n")[0] if "\n" in said else ""
            raise _took_too_long(limits.seconds, _warnings(told)) from error


def _took_too_long(seconds: float, warnings: tuple[str, ...]) -> QueryEndedError:
    ended = Sentence(
        "The query took longer than {seconds:g} s and was ended. Name more of what you look for, give it a LIMIT, or "
        "use `trace` and `impact`, which walk an index instead.",
        seconds=seconds,
    )
    return QueryEndedError(Sentence.joined((ended, *warnings)))


def _warnings(told: str) -> tuple[str, ...]:
    return tuple(map(read_written, json.loads(told)["warnings"])) if told else ()


def _error(text: object, names: list[str]) -> FiliationError:
    kinds = {kind.__name__: kind for kind in (AccessError, CatalogueBusyError, NotFoundError, ServerError)}
    kind = next((kinds[name] for name in names if name in kinds), BadInputError)
    return kind(read_written(text))


def _term(value: str | list[str] | None) -> Term | None:
    if value is None or isinstance(value, str):
        return value
    return Literal(*value)


def _plain(term: Term) -> str | list[str]:
    return term if isinstance(term, str) else [term.text, term.datatype, term.language]
