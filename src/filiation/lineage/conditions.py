"""Conditions on actions and things, as a person writes them: ``rule=segment``, ``parameter.sigma>=2``, ``!agent``.

A condition is a field, an operator and a value in one word; a field alone asks whether it is known, and ``!`` before
it turns the condition round. A value in double quotes is a text and nothing else.

>>> from filiation.catalogue import ActionNode
>>> condition = read_condition("software.cellpose>=3")
>>> condition.field.name, condition.key, condition.op, condition.value
('software.', 'cellpose', '>=', '3')
>>> read_condition("rule=seg*").holds(ActionNode("#1", "arcp://uuid,1/", "segment", rule="segment"))
True
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as having
from difflib import get_close_matches
from functools import cache
from typing import Final

from filiation.catalogue import Node
from filiation.errors import BadInputError
from filiation.lineage.comparing import DIFFERENT, EQUAL, OPERATORS, Test
from filiation.lineage.fields import FIELDS, Field, Surroundings, kind_of
from filiation.model.sentences import OR, Sentence

_FORM: Final = re.compile(
    r"(?P<no>!?)(?P<name>[a-z]+)(?:(?P<dot>\.)(?P<key>\"(?:[^\"\\]|\\.)*\"|[^=!<>~\"]*))?"
    r"(?:(?P<op>!=|<=|>=|=|<|>|~)(?P<value>.*))?",
    re.DOTALL,
)
_PLAIN_KEY: Final = re.compile(r"[^=!<>~\"\s][^=!<>~\"]*(?<!\s)")
_NOTHING: Final = Surroundings()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Parameters
    ----------
    field
        What is asked for.
    key
        The name after the dot, empty where there is none.
    op
        One of ``= != ~ < <= > >=``; None asks only whether it is known.
    value
        What it is compared with, as text.
    quoted
        Whether the value is a text and nothing else.
    negated
        Whether the condition is turned round.
    test
        Whether a single value is as asked for; of ``!=``, whether it is what it shall not be.
    """

    field: Field
    key: str = ""
    op: str | None = None
    value: str = ""
    quoted: bool = False
    negated: bool = False
    test: Test = having(default=bool, compare=False, repr=False)

    def applies_to(self, kind: str) -> bool:
        """Whether actions (``action``) or things (``entity``) can have it at all."""
        return kind in self.field.of

    def holds(self, node: Node, around: Surroundings = _NOTHING) -> bool:
        """Whether a node is as asked for; one that cannot have such a thing is not, even if turned round."""
        if not self.applies_to(kind_of(node)):
            return False
        return self.is_so(list(self.field.found(node, self.key, around)))

    def is_so(self, known: list[object]) -> bool:
        """Whether something of which these values are known is as asked for."""
        return self._is_so(known) != self.negated

    def _is_so(self, known: list[object]) -> bool:
        if self.op is None:
            return any(value != "" for value in known) or (self.field.name == "software." and bool(known))
        if self.op == DIFFERENT:
            return bool(known) and not any(map(self.test, known))
        return any(map(self.test, known))

    def __str__(self) -> str:
        key = self.key if not self.key or _PLAIN_KEY.fullmatch(self.key) else json.dumps(self.key)
        value = json.dumps(self.value) if self.quoted else self.value
        op = "" if self.op is None or self.field.fixed else self.op
        after = "" if self.op is None else f"{op or EQUAL}{value}"
        return f"{'!' if self.negated else ''}{self.field.name}{key}{after}"


def read_condition(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    BadInputError
        If it is none; the message says what was expected.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise BadInputError(
            Sentence(
                "{text!r} is no condition. Write FIELD, an operator ({listed}) and a value in one word, for "
                "example rule=segment or 'size>10MB'; quote it, so that the shell does not take < and > for "
                "itself.",
                text=text,
                listed=" ".join(OPERATORS),
            )
        )
    field = _field(match["name"], dotted=match["dot"] is not None, text=text)
    key = _unquoted(match["key"], text)[0] if match["key"] else ""
    if field.keyed and not key.strip():
        raise BadInputError(
            Sentence("{text!r} lacks a name after {field!r}, as in {field}NAME=VALUE.", text=text, field=field.name)
        )
    op, negated = match["op"], match["no"] == "!"
    if op is None:
        if field.fixed:
            raise BadInputError(
                Sentence(
                    "{text!r} lacks a value: {field}=TIME, {expected}.",
                    text=text,
                    field=field.name,
                    expected=field.comparison.expected,
                )
            )
        return Condition(field, key, negated=negated)
    value, quoted = _unquoted(match["value"], text)
    if field.fixed:
        if op != EQUAL:
            raise BadInputError(
                Sentence(
                    "{text!r}: {field} is written with =, as in {field}={value}.",
                    text=text,
                    field=field.name,
                    value=value,
                )
            )
        op = field.fixed
    if not value and not quoted:
        raise BadInputError(
            Sentence(
                "{text!r} lacks a value; to ask whether it is known, write {field}{key} alone.",
                text=text,
                field=field.name,
                key=key,
            )
        )
    try:
        test = field.comparison.test(EQUAL if op == DIFFERENT else op, value, quoted=quoted)
        if op == DIFFERENT:
            field.comparison.test(DIFFERENT, value, quoted=quoted)
    except ValueError as error:
        raise BadInputError(Sentence("{text!r} cannot be asked: {error}.", text=text, error=error.args[0])) from error
    return Condition(field, key, op, value, quoted, negated, test)


def read_conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Read conditions, each a text of its own."""
    return tuple(map(read_condition, texts))


@cache
def _named() -> dict[str, Field]:
    return {found.name: found for found in FIELDS}


def _field(name: str, *, dotted: bool, text: str) -> Field:
    found = _named().get(name + "." * dotted)
    if found is not None:
        return found
    if (other := _named().get(name + "." * (not dotted))) is not None:
        form = f"{other.name}NAME" if other.keyed else other.name
        raise BadInputError(
            Sentence("{text!r}: the field is written {form}, as in {form}=VALUE.", text=text, form=form)
        )
    alike = get_close_matches(name, [known.rstrip(".") for known in _named()], n=3)
    hint = Sentence(" Did you mean {listed}?", listed=Sentence.joined(alike, OR)) if alike else ""
    fields = ", ".join(f"{known}NAME" if known.endswith(".") else known for known in _named())
    raise BadInputError(
        Sentence(
            "{text!r}: there is no field {name!r}.{hint} There are: {fields}.",
            text=text,
            name=name,
            hint=hint,
            fields=fields,
        )
    )


def _unquoted(text: str, whole: str) -> tuple[str, bool]:
    """Take the quotes off; tell whether there were any."""
    text = text.strip()
    if not (len(text) >= 2 and text[0] == text[-1] == '"'):
        return text, False
    try:
        return str(json.loads(text, strict=False)), True
    except ValueError as error:
        raise BadInputError(
            Sentence("{whole!r} has quotes that do not fit together: {error}.", whole=whole, error=error)
        ) from error
