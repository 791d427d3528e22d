"""HQL's comparisons, arithmetic and functions on single values and on groups of them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from tests.omero_server.hql_syntax import HqlError
from tests.omero_server.rows import Row, Value

AGGREGATES = {"count", "max", "min", "sum", "avg", "minindex", "maxindex"}

ORDERED: dict[str, Callable[[object, object], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "length": len,
    "str": str,
    "abs": abs,
    "concat": lambda *texts: "".join(map(str, texts)),
    "distinct": lambda value: value,
    "type": lambda thing: thing.kind if isinstance(thing, Row) else thing,
}
ON_COLLECTIONS: dict[str, Callable[[list[Value]], Value]] = {"size": len, "elements": lambda rows: rows}
NAMES = AGGREGATES | set(FUNCTIONS) | set(ON_COLLECTIONS) | {"coalesce", "index"}


def plain_function(name: str, arguments: list[Value]) -> Value:
    """Return the value of a function of single values; null in, null out."""
    if name == "coalesce":
        return next((argument for argument in arguments if argument is not None), None)
    if name in ON_COLLECTIONS:
        return ON_COLLECTIONS[name](arguments[0] if isinstance(arguments[0], list) else [])
    if any(argument is None for argument in arguments):
        return None
    try:
        return FUNCTIONS[name](*arguments)
    except (AttributeError, TypeError) as error:
        raise HqlError(f"{name}() cannot be used on {arguments}: {error}") from error


def aggregate(name: str, values: list[Value], distinct: bool) -> Value:
    """Return the value of an aggregate; nulls do not count."""
    found = [value.id if isinstance(value, Row) else value for value in values if value is not None]
    if distinct:
        found = list(dict.fromkeys(found))
    match name:
        case "count":
            return len(found)
        case "sum":
            return sum(found) if found else None  # type: ignore[arg-type]
        case "avg":
            return sum(found) / len(found) if found else None  # type: ignore[arg-type]
        case "max" | "maxindex":
            return max(found, default=None)  # type: ignore[type-var]
    return min(found, default=None)  # type: ignore[type-var]


def equal(one: Value, other: Value) -> bool:
    """Tell whether two values are the same; an object and a number are if the number is its id."""
    if isinstance(one, Row) and isinstance(other, Row):
        return one is other or (one.id is not None and one.id == other.id and one.kind == other.kind)
    if isinstance(one, Row) or isinstance(other, Row):
        row, value = (one, other) if isinstance(one, Row) else (other, one)
        return isinstance(row, Row) and row.id is not None and row.id == value
    return one == other


def compare(sign: str, one: Value, other: Value) -> bool:
    """Return the outcome of a comparison between two values, neither of them null."""
    if sign in ("=", "<>"):
        return equal(one, other) is (sign == "=")
    try:
        return ORDERED[sign](one, other)
    except TypeError as error:
        raise HqlError(f"{one!r} and {other!r} cannot be compared with {sign}") from error


def like(text: Value, pattern: Value) -> bool:
    """Tell whether a text is like a pattern with ``%`` and ``_``."""
    parts = {"%": ".*", "_": "."}
    expression = "".join(parts.get(character, re.escape(character)) for character in str(pattern))
    return re.fullmatch(expression, str(text), re.DOTALL) is not None


def arithmetic(sign: str, operands: list[Value]) -> Value:
    """Return the outcome of an operator on numbers, or of ``||`` on texts."""
    try:
        match sign, operands:
            case "negative", [one]:
                return -one  # type: ignore[operator]
            case "||", [one, other]:
                return f"{one}{other}"
            case "+", [one, other]:
                return one + other  # type: ignore[operator]
            case "-", [one, other]:
                return one - other  # type: ignore[operator]
            case "*", [one, other]:
                return one * other  # type: ignore[operator]
            case "/", [one, other]:
                return one / other  # type: ignore[operator]
    except (TypeError, ZeroDivisionError) as error:
        raise HqlError(f"{sign} cannot be used on {operands}: {error}") from error
    raise HqlError(f"unknown operator {sign}")
