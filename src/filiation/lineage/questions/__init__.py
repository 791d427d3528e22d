"""Questions with a name: the eleven competency questions of Leo et al. (2024) over one crate or all, and our own.

Each is a file of SPARQL beside this one, with a title, its columns and what it takes in comments at its head. Values
are bound as typed terms, never written into the text. A line that ends with ``#? tag`` counts only if a tag is given.

>>> question("cq6").title
'How long did the whole workflow take?'
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Protocol

from filiation.catalogue import Literal
from filiation.catalogue.graph import XSD
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage.answers import Answer
from filiation.lineage.sparql import see_that_it_is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filiation.catalogue import Term
    from filiation.catalogue.graph import Rows

__all__ = ["Question", "question", "questions"]

_DATATYPES: Final = {bool: XSD + "boolean", int: XSD + "integer", float: XSD + "double"}
_ONLY_IF_GIVEN: Final = re.compile(r"#\? (?P<names>\w+(?: \w+)*)$")
_HEAD: Final = re.compile(r"# (title|source|columns|takes|json|boolean|duration): (.+)")


class Queried(Protocol):
    """Whatever answers SPARQL: a catalogue, or one that answers in a process of its own."""

    def query(self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None) -> Rows:
        """Answer a query over one crate's graph or all."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a name.

    Parameters
    ----------
    name
        For example ``cq5``.
    title
        The question in words.
    columns
        Names of the answer's columns.
    takes
        Names of what it can be narrowed to, each with what is expected.
    source
        Where the question is from; empty for our own.
    query
        SPARQL.
    json_columns
        Columns whose values stand in the graph as JSON text, and in the answer as what that says.
    boolean_columns
        Columns of truth values, which some stores work out as numbers.
    duration_columns
        Columns of the time from ``started`` to ``ended``, which some stores work out as whole seconds.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    takes: tuple[tuple[str, str], ...]
    source: str
    query: str
    json_columns: frozenset[str] = frozenset()
    boolean_columns: frozenset[str] = frozenset()
    duration_columns: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """Return its SPARQL with nothing narrowed, to start a query of one's own from."""
        lines = (line for line in _narrowed(self.query, {}).splitlines() if _HEAD.fullmatch(line) is None)
        return "\n".join(lines).strip() + "\n"

    def answer(self, catalogue: Queried, graph: str | None, given: Mapping[str, str]) -> Answer:
        """Answer it.

        Parameters
        ----------
        catalogue
            Where to ask.
        graph
            IRI of one crate; None for all.
        given
            Values for what it takes, by name.

        Raises
        ------
        BadInputError
            If something is given that it does not take.
        """
        takes = dict(self.takes)
        if unknown := sorted(set(given) - set(takes)):
            raise BadInputError(
                f"The question {self.name} takes {', '.join(takes) or 'nothing'}; given was {', '.join(unknown)}."
            )
        for name, value in given.items():
            see_that_it_is_text(value, f"The value given for {name}")
        terms = {name: Literal(value) for name, value in given.items()}
        rows = catalogue.query(_narrowed(self.query, terms), graph=graph, given=terms)
        # A variable that is bound from outside is no longer among the answer's.
        places = [rows.columns.index(name) if name in rows.columns else None for name in self.columns]
        fixed = [terms.get(name) for name in self.columns]
        aligned = (
            tuple(value if place is None else row[place] for place, value in zip(places, fixed, strict=True))
            for row in rows.rows
        )
        read = (tuple(self._read(name, row) for name in self.columns) for row in aligned)
        return Answer(self.columns, tuple(read), self.title, truncated=rows.truncated)

    def _read(self, name: str, row: tuple[Term | None, ...]) -> Term | None:
        value = row[self.columns.index(name)]
        if name in self.json_columns:
            return _said(value)
        if name in self.boolean_columns and isinstance(value, Literal):
            return Literal("true" if value.text in ("true", "1") else "false", XSD + "boolean")
        if name in self.duration_columns:
            return _elapsed(value, row[self.columns.index("started")], row[self.columns.index("ended")])
        return value


@cache
def questions() -> tuple[Question, ...]:
    """Return every question: the competency questions in their order, then our own by name."""
    found = [
        _read(path.name, path.read_text("utf-8")) for path in files(__name__).iterdir() if path.name.endswith(".rq")
    ]
    return tuple(sorted(found, key=_order))


def question(name: str) -> Question:
    """Return a question by its name.

    Raises
    ------
    NotFoundError
        If there is none; the message lists them.
    """
    for found in questions():
        if found.name == name.lower():
            return found
    raise NotFoundError(f"No question {name!r}. There are: {', '.join(found.name for found in questions())}.")


def _read(file: str, text: str) -> Question:
    head: dict[str, str] = {}
    takes = []
    for key, value in _HEAD.findall(text):
        if key == "takes":
            name, _, meaning = value.partition(" ")
            takes.append((name, meaning))
        head[key] = value
    columns = tuple(head["columns"].split())
    kinds = [frozenset(head.get(kind, "").split()) for kind in ("json", "boolean", "duration")]
    return Question(
        file.removesuffix(".rq"), head["title"], columns, tuple(takes), head.get("source", ""), text, *kinds
    )


def _elapsed(value: Term | None, started: Term | None, ended: Term | None) -> Term | None:
    """Return the time between two as xsd:dayTimeDuration, where the store gave a number of seconds."""
    if not isinstance(value, Literal) or value.datatype == XSD + "dayTimeDuration":
        return value
    seconds = (datetime.fromisoformat(str(ended)) - datetime.fromisoformat(str(started))).total_seconds()
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    clock = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if number)
    clock += f"{left:.6f}".rstrip("0").rstrip(".") + "S" if left or not (days or clock) else ""
    text = f"{sign}P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"
    return Literal(text, XSD + "dayTimeDuration")


def _narrowed(query: str, given: Mapping[str, object]) -> str:
    """Return a query without the lines that need a value which is not given."""
    return "\n".join(
        line
        for line in query.splitlines()
        if (found := _ONLY_IF_GIVEN.search(line)) is None or any(name in given for name in found["names"].split())
    )


def _said(value: Term | None) -> Term | None:
    """Return what a literal of JSON text says: a text without its quotes, a number or a truth value as such."""
    if not isinstance(value, Literal):
        return value
    try:
        said = json.loads(value.text)
    except (ValueError, RecursionError):
        return value
    if isinstance(said, str):
        return Literal(said)
    datatype = _DATATYPES.get(type(said))
    return Literal(value.text, datatype) if datatype else value


def _order(question: Question) -> tuple[bool, int, str]:
    number = question.name.removeprefix("cq")
    return (not number.isdigit(), int(number) if number.isdigit() else 0, question.name)
