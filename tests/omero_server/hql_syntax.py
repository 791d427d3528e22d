"""What an HQL query is made of: the nodes that ``hql_parser`` builds and ``hql`` answers. Nothing here knows Ice."""

from __future__ import annotations

from dataclasses import dataclass


class HqlError(ValueError):
    """A query that cannot be understood: unknown syntax, class, alias, attribute or parameter."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, truth value or null written in the query."""

    value: object


@dataclass(frozen=True, slots=True)
class Parameter:
    """``:name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """``alias.attribute.attribute``; the alias may be left out, and the alias alone is a path too."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function; ``distinct`` inside the brackets; ``count(*)`` has no arguments."""

    name: str
    arguments: tuple[Expression, ...]
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator on one or two operands: ``and or not = <> < <= > >= like + - * / ||``, and unary ``-``."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """``x is null``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Membership:
    """``x in (a, b)``, ``x in (:list)``, ``x in (select ...)``."""

    operand: Expression
    among: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """``exists (select ...)``."""

    query: Query


@dataclass(frozen=True, slots=True)
class SubQuery:
    """A query in brackets where a value is expected."""

    query: Query


@dataclass(frozen=True, slots=True)
class Case:
    """``case when a then b when c then d else e end``."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


Expression = Constant | Parameter | Path | Call | Operation | IsNull | Membership | Exists | SubQuery | Case


@dataclass(frozen=True, slots=True)
class Source:
    """``from Image i``: every object of a class; of a sub-query also ``from i.rois r``."""

    path: tuple[str, ...]
    alias: str


@dataclass(frozen=True, slots=True)
class Join:
    """``left outer join fetch i.pixels p``."""

    path: Path
    alias: str
    outer: bool
    fetch: bool
    condition: Expression | None = None

    @property
    def name(self) -> str:
        """What its rows are kept under: the alias, or the path of one that has none."""
        return self.alias or ".".join(self.path.steps)


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ``order by``."""

    key: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query; ``select`` is empty for one that begins with ``from``."""

    select: tuple[Expression, ...]
    distinct: bool
    sources: tuple[Source | Join, ...]
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    having: Expression | None = None
    order: tuple[Order, ...] = ()
    names: tuple[str, ...] = ()
    """The names given with ``as``, empty texts where none was given."""
