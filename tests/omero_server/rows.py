"""Rows: what the test server remembers of an object. No Ice here, and no permissions: those are the store's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

Value = object
"""A number, text, truth value, bytes, None, another ``Row``, or a list of rows or plain values."""


@dataclass(eq=False, slots=True)
class Row:
    """One object: its class, its id (None for a value inside another, such as a length), and its attributes."""

    kind: str
    id: int | None
    values: dict[str, Value] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id is not None else f"{self.kind}{self.values}"

    def __getitem__(self, name: str) -> Value:
        return self.values.get(name)


@dataclass(frozen=True, slots=True)
class Attribute:
    """What an attribute leads to: a class (empty for plain values), one of it or many."""

    kind: str = ""
    many: bool = False
    inverse: str = ""
    """For many: the attribute of the other class that points back; empty where rows hold the list themselves."""


class Schema(Protocol):
    """The classes that queries may name."""

    def has(self, kind: str) -> bool:
        """Tell whether there is a class of that name."""
        ...

    def attribute(self, kind: str, name: str) -> Attribute | None:
        """Return what an attribute of a class, or of a class derived from it, leads to; None if there is none."""
        ...


class Rows(Protocol):
    """The rows that a query may see."""

    schema: Schema

    def of(self, kind: str) -> list[Row]:
        """Return the visible rows of a class and of those derived from it, by id."""
        ...

    def value(self, row: Row, name: str) -> Value:
        """Return an attribute; a collection as a list of the visible rows in it."""
        ...
