"""Every name in a query looked up before it is answered: classes, aliases, attributes, functions, parameters."""

from __future__ import annotations

from tests.omero_server.hql_functions import NAMES
from tests.omero_server.hql_syntax import (
    Call,
    Case,
    Constant,
    Exists,
    Expression,
    HqlError,
    IsNull,
    Join,
    Membership,
    Operation,
    Parameter,
    Path,
    Query,
    SubQuery,
)
from tests.omero_server.rows import Attribute, Schema

PACKAGES = ("ome", "omero")


def check(query: Query, schema: Schema, parameters: set[str], outer: dict[str, str] | None = None) -> None:
    """Raise ``HqlError`` at the first name that means nothing."""
    scope = Scope(schema, dict(outer or {}), parameters)
    for source in query.sources:
        if isinstance(source, Join):
            scope.add(source.alias, scope.resolve(source.path).kind)
            if source.condition is not None:
                scope.check(source.condition)
        elif source.path[0] in scope.aliases:
            scope.add(source.alias, scope.resolve(Path(source.path)).kind)
        elif scope.is_class(Path(source.path)):
            scope.add(source.alias, source.path[-1])
        else:
            raise HqlError(f"{'.'.join(source.path)} is not mapped")
    parts = (*query.select, *query.group, *(order.key for order in query.order if not named(order.key, query)))
    for part in (*parts, query.where, query.having):
        if part is not None:
            scope.check(part)


def named(key: Expression, query: Query) -> bool:
    """Tell whether a key of ``order by`` is a name given in ``select``."""
    return isinstance(key, Path) and len(key.steps) == 1 and key.steps[0] in query.names


class Scope:
    """The aliases of a query and the classes behind them."""

    def __init__(
        self, schema: Schema, aliases: dict[str, str] | None = None, parameters: set[str] | None = None
    ) -> None:
        self.schema = schema
        self.aliases = aliases or {}
        self.parameters = parameters or set()

    def add(self, alias: str, kind: str) -> None:
        """Let an alias stand for a class."""
        if alias:
            self.aliases[alias] = kind

    def is_class(self, path: Path) -> bool:
        """Tell whether a path is the name of a class, with or without its package."""
        return self.schema.has(path.steps[-1]) and (len(path.steps) == 1 or path.steps[0] in PACKAGES)

    def resolve(self, path: Path) -> Attribute:
        """Return what a path leads to."""
        first, *rest = path.steps
        if first not in self.aliases:
            return self.resolve_unqualified(path)
        found = Attribute(self.aliases[first])
        for step in rest:
            if found.many:
                raise HqlError(f"illegal attempt to dereference collection in {'.'.join(path.steps)}")
            following = Attribute() if step == "class" else self.schema.attribute(found.kind, step)
            if following is None:
                raise HqlError(f"could not resolve property: {step} of: {found.kind or 'a plain value'}")
            found = following
        return found

    def resolve_unqualified(self, path: Path) -> Attribute:
        """Return what a path without an alias leads to: a class, or an attribute of the only source."""
        if self.is_class(path):
            return Attribute()
        if len(self.aliases) == 1:
            (alias,) = self.aliases
            return self.resolve(Path((alias, *path.steps)))
        raise HqlError(f"{path.steps[0]} is not an alias")

    def check(self, expression: Expression) -> None:
        """Raise at the first name in an expression that means nothing."""
        match expression:
            case Path():
                self.resolve(expression)
            case Parameter(name):
                if name not in self.parameters:
                    raise HqlError(f"not all named parameters have been set: [{name}]")
            case Call(name, arguments):
                if name not in NAMES:
                    raise HqlError(f"no function {name}()")
                for argument in arguments:
                    self.check(argument)
            case Operation(_, operands):
                for operand in operands:
                    self.check(operand)
            case IsNull(operand):
                self.check(operand)
            case Membership(operand, among):
                for each in (operand, *among):
                    self.check(each)
            case Exists(query) | SubQuery(query):
                check(query, self.schema, self.parameters, self.aliases)
            case Case(branches, otherwise):
                for each in (*(part for branch in branches for part in branch), otherwise):
                    self.check(each)
            case Constant():
                pass
