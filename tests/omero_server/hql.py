"""HQL answered: a query, the rows it may see and its parameters give rows or values, and what was fetched with them.

Three-valued logic as in SQL. ``join fetch`` decides what comes back loaded. Anything not understood is an
``HqlError``, raised before the first row is looked at: a wrong query never looks like an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.omero_server.hql_functions import AGGREGATES, aggregate, arithmetic, compare, equal, like, plain_function
from tests.omero_server.hql_parser import parse
from tests.omero_server.hql_scope import Scope, check
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
    Source,
    SubQuery,
)
from tests.omero_server.rows import Row, Rows, Value

Frame = dict[str, Row | None]
"""One way of filling the aliases with rows."""


@dataclass(slots=True)
class Loaded:
    """Which attributes of which rows were fetched, with what was found there."""

    found: dict[tuple[Row, str], list[Row]] = field(default_factory=dict)

    def add(self, row: Row, name: str, target: Row | None) -> None:
        """Note that a row's attribute was fetched, and one thing that is in it."""
        targets = self.found.setdefault((row, name), [])
        if target is not None and target not in targets:
            targets.append(target)

    def get(self, row: Row, name: str) -> list[Row] | None:
        """Return what was fetched, or None if that attribute was not."""
        return self.found.get((row, name))


@dataclass(frozen=True, slots=True)
class Answer:
    """The selected tuples in order, and what was fetched beside them."""

    tuples: list[tuple[Value, ...]]
    loaded: Loaded


def ask(text: str, rows: Rows, parameters: Mapping[str, Value] | None = None) -> Answer:
    """Return the answer to a query."""
    query = parse(text)
    check(query, rows.schema, set(parameters or {}))
    return Evaluation(rows, parameters or {}).answer(query, {})


class Evaluation:
    """One query being answered, or one of its sub-queries for one frame of the outer one."""

    def __init__(self, rows: Rows, parameters: Mapping[str, Value]) -> None:
        self.rows = rows
        self.parameters = parameters
        self.scope = Scope(rows.schema)

    def answer(self, query: Query, outer: Frame) -> Answer:
        self.joins = {source.name: source for source in query.sources if isinstance(source, Join)}
        frames = [
            frame
            for frame in self.frames(query, outer)
            if query.where is None or self.value(query.where, frame) is True
        ]
        loaded = Loaded()
        for frame in frames:
            self.note_fetched(query, frame, loaded)
        select = query.select or tuple(Path((source.alias,)) for source in query.sources if isinstance(source, Source))
        groups = self.groups(query, select, frames)
        if query.having is not None:
            groups = [group for group in groups if self.grouped(query.having, group) is True]
        for order in reversed(query.order):
            key = self.named(order.key, query, select)
            groups.sort(key=lambda group, key=key: sort_key(self.grouped(key, group)), reverse=order.descending)
        tuples = [tuple(self.grouped(item, group) for item in select) for group in groups]
        return Answer(unique(tuples) if query.distinct else tuples, loaded)

    # -- frames

    def frames(self, query: Query, outer: Frame) -> list[Frame]:
        """Return every way of filling the aliases, before ``where``."""
        frames: list[Frame] = [dict(outer)]
        for source in query.sources:
            if isinstance(source, Join):
                frames = [wider for frame in frames for wider in self.joined(source, frame)]
            elif source.path[0] in outer:
                frames = [
                    {**frame, source.alias: row} for frame in frames for row in self.targets(Path(source.path), frame)
                ]
            else:
                candidates = self.candidates(source, query.where)
                frames = [{**frame, source.alias: row} for frame in frames for row in candidates]
        return frames

    def candidates(self, source: Source, where: Expression | None) -> list[Row]:
        """Return the rows of a class, only those with the ids that ``where`` asks for if it plainly does."""
        rows = self.rows.of(source.path[-1])
        ids = self.wanted_ids(source.alias, where)
        return rows if ids is None else [row for row in rows if row.id in ids]

    def wanted_ids(self, alias: str, where: Expression | None) -> set[Value] | None:
        """Return the ids in ``alias.id = ...`` or ``alias.id in (...)`` if the whole condition depends on it."""
        if isinstance(where, Operation) and where.operator == "and":
            found = [ids for part in where.operands if (ids := self.wanted_ids(alias, part)) is not None]
            return set.intersection(*found) if found else None
        if isinstance(where, Operation) and where.operator == "=" and where.operands[0] == Path((alias, "id")):
            other = where.operands[1]
            return {self.value(other, {})} if isinstance(other, Constant | Parameter) else None
        known = isinstance(where, Membership) and all(isinstance(item, Constant | Parameter) for item in where.among)
        if isinstance(where, Membership) and known and where.operand == Path((alias, "id")):
            return set(self.among(where, {}))
        return None

    def joined(self, join: Join, frame: Frame) -> list[Frame]:
        wider: list[Frame] = [{**frame, join.name: row} for row in self.targets(join.path, frame)]
        if join.condition is not None:
            wider = [each for each in wider if self.value(join.condition, each) is True]
        return wider or ([{**frame, join.name: None}] if join.outer else [])

    def targets(self, path: Path, frame: Frame) -> list[Row]:
        """Return the rows at the end of a path: one, or those of a collection."""
        found = self.value(path, frame)
        if isinstance(found, list):
            return [row for row in found if isinstance(row, Row)]
        return [found] if isinstance(found, Row) else []

    def note_fetched(self, query: Query, frame: Frame, loaded: Loaded) -> None:
        for join in query.sources:
            if isinstance(join, Join) and join.fetch:
                holder = self.value(Path(join.path.steps[:-1]), frame)
                if isinstance(holder, Row):
                    loaded.add(holder, join.path.steps[-1], frame[join.name])

    # -- groups: a frame each, or many where aggregates or `group by` ask for it

    def groups(self, query: Query, select: tuple[Expression, ...], frames: list[Frame]) -> list[list[Frame]]:
        if query.group:
            by_key: dict[Value, list[Frame]] = {}
            for frame in frames:
                by_key.setdefault(tuple(hashed(self.value(key, frame)) for key in query.group), []).append(frame)
            return list(by_key.values())
        if any(has_aggregate(item) for item in select):
            return [frames]
        return [[frame] for frame in frames]

    def grouped(self, expression: Expression, group: list[Frame]) -> Value:
        """Return the value of an expression for a group: aggregates over all its frames, the rest of the first."""
        if isinstance(expression, Call) and expression.name in AGGREGATES:
            return self.aggregated(expression, group)
        if isinstance(expression, Operation) and has_aggregate(expression):
            return self.operation(expression, lambda operand: self.grouped(operand, group))
        return self.value(expression, group[0]) if group else None

    def aggregated(self, call: Call, group: list[Frame]) -> Value:
        if not call.arguments:
            return len(group)
        argument = call.arguments[0]
        if call.name in ("minindex", "maxindex"):
            argument = Call("index", (argument,))
        return aggregate(call.name, [self.value(argument, frame) for frame in group], call.distinct)

    def named(self, key: Expression, query: Query, select: tuple[Expression, ...]) -> Expression:
        """Return what a name given with ``as`` stands for."""
        if isinstance(key, Path) and len(key.steps) == 1 and key.steps[0] in query.names:
            return select[query.names.index(key.steps[0])]
        return key

    # -- values

    def value(self, expression: Expression, frame: Frame) -> Value:
        match expression:
            case Constant():
                return expression.value
            case Parameter():
                return self.parameters[expression.name]
            case Path():
                return self.path(expression, frame)
            case Operation():
                return self.operation(expression, lambda operand: self.value(operand, frame))
            case IsNull():
                return self.value(expression.operand, frame) is None
            case Membership():
                return self.membership(expression, frame)
            case Exists():
                return bool(self.sub_query(expression.query, frame))
            case SubQuery():
                found = self.sub_query(expression.query, frame)
                return found[0] if found else None
            case Call():
                return self.call(expression, frame)
            case Case():
                true = (value for condition, value in expression.branches if self.value(condition, frame) is True)
                return self.value(next(true, expression.otherwise), frame)
        raise HqlError(f"not understood: {expression}")

    def path(self, path: Path, frame: Frame) -> Value:
        first, *rest = path.steps
        if first not in frame:
            return self.unqualified(path, frame)
        found: Value = frame[first]
        for step in rest:
            if not isinstance(found, Row):
                return None
            found = found.kind if step == "class" else self.rows.value(found, step)
        return found

    def unqualified(self, path: Path, frame: Frame) -> Value:
        """Return the value of a path without an alias: a class, or an attribute of the only source."""
        if self.scope.is_class(path):
            return path.steps[-1]
        alias = next(iter(frame))
        return self.path(Path((alias, *path.steps)), frame)

    def operation(self, operation: Operation, value: Callable[[Expression], Value]) -> Value:
        if operation.operator in ("and", "or"):
            decisive = operation.operator == "or"
            found = [value(operand) for operand in operation.operands]
            return decisive if decisive in found else (None if None in found else not decisive)
        operands = [value(operand) for operand in operation.operands]
        if any(operand is None for operand in operands):
            return None
        match operation.operator:
            case "not":
                return not operands[0]
            case "like":
                return like(operands[0], operands[1])
            case "=" | "<>" | "<" | "<=" | ">" | ">=":
                return compare(operation.operator, operands[0], operands[1])
        return arithmetic(operation.operator, operands)

    def membership(self, membership: Membership, frame: Frame) -> Value:
        operand = self.value(membership.operand, frame)
        if operand is None:
            return None
        among = self.among(membership, frame)
        if any(equal(operand, each) for each in among if each is not None):
            return True
        return None if None in among else False

    def among(self, membership: Membership, frame: Frame) -> list[Value]:
        found: list[Value] = []
        for item in membership.among:
            values = self.sub_query(item.query, frame) if isinstance(item, SubQuery) else self.value(item, frame)
            found += values if isinstance(values, list | tuple | set) else [values]
        return found

    def sub_query(self, query: Query, frame: Frame) -> list[Value]:
        """Return the first selected value of every tuple."""
        return [found[0] for found in Evaluation(self.rows, self.parameters).answer(query, frame).tuples]

    def call(self, call: Call, frame: Frame) -> Value:
        if call.name == "index":
            return self.index(call, frame)
        return plain_function(call.name, [self.value(argument, frame) for argument in call.arguments])

    def index(self, call: Call, frame: Frame) -> Value:
        """Return the place, from 0, of a joined row in the collection it was joined from."""
        (argument,) = call.arguments
        if not isinstance(argument, Path) or argument.steps[-1] not in self.joins:
            raise HqlError("index() takes the alias of a joined collection")
        row = frame[argument.steps[-1]]
        targets = self.targets(self.joins[argument.steps[-1]].path, frame)
        return targets.index(row) if row in targets else None


def has_aggregate(expression: Expression) -> bool:
    """Tell whether an aggregate stands anywhere in an expression."""
    if isinstance(expression, Call):
        return expression.name in AGGREGATES or any(map(has_aggregate, expression.arguments))
    return isinstance(expression, Operation) and any(map(has_aggregate, expression.operands))


def hashed(value: Value) -> Value:
    """Return what stands for a value when two are to be the same."""
    return (value.kind, value.id) if isinstance(value, Row) and value.id is not None else value


def unique(tuples: list[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
    """Return the tuples without repetitions."""
    return list({tuple(map(hashed, each)): each for each in reversed(tuples)}.values())[::-1]


def sort_key(value: Value) -> tuple[bool, Value]:
    """Return a key that sorts nothing after everything, as PostgreSQL does."""
    return (value is None, "" if value is None else value.id if isinstance(value, Row) else value)
