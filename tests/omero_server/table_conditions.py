"""Conditions on the rows of a table as PyTables takes them, ``(area > 10) & (name == "a")``; never run as Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

import omero

OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.Invert: operator.not_,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
}


def matching(
    condition: str, columns: Mapping[str, Sequence[object]], variables: Mapping[str, object], rows: Sequence[int]
) -> list[int]:
    """Return the numbers of the rows for which a condition holds."""
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
        return [
            row for row in rows if value(tree, {**variables, **{name: values[row] for name, values in columns.items()}})
        ]
    except (SyntaxError, KeyError, TypeError) as error:
        raise omero.ApiUsageException("", type(error).__name__, f"condition {condition!r}: {error}") from error


def value(node: ast.AST, names: Mapping[str, object]) -> object:
    """Return the value of a part of a condition for one row."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names[node.id]
        case ast.UnaryOp():
            return OPERATORS[type(node.op)](value(node.operand, names))
        case ast.BinOp():
            return OPERATORS[type(node.op)](value(node.left, names), value(node.right, names))
        case ast.Compare(ops=[sign], comparators=[other]):
            return OPERATORS[type(sign)](value(node.left, names), value(other, names))
    raise TypeError(f"{type(node).__name__} is not understood")
