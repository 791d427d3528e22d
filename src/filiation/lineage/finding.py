"""Actions and things of all runs that are as conditions say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from filiation.catalogue import ActionNode, EntityNode, Json, LineageIndex, Node, RunSummary, shown_time
from filiation.errors import BadInputError
from filiation.lineage import words
from filiation.lineage.conditions import Condition
from filiation.lineage.fields import ACTION, KINDS, Surroundings

_SHOWN_ANYWAY: Final = frozenset(
    {"rule", "tool", "status", "started", "after", "before", "seconds", "agent", "run", "name", "kind", "type", "path",
     "size", "digest", "text"}
)  # fmt: skip
"""Fields that stand in the table whether they are asked for or not."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Parameters
    ----------
    kind
        ``action`` or ``entity``.
    conditions
        What was asked for, as written.
    nodes
        The newest run's first; actions by their start, things by their path.
    columns
        Names of the columns of the table: what is always told, then what was asked for.
    rows
        One a node, aligned with ``columns``.
    truncated
        Whether there are more than the limit.
    """

    kind: str
    conditions: tuple[str, ...]
    nodes: tuple[Node, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    truncated: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What ``filiation trace`` takes for each, without a doubt."""
        return tuple(node.iri for node in self.nodes)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "kind": self.kind,
            "conditions": list(self.conditions),
            "nodes": [{"type": self.kind, **node.to_json()} for node in self.nodes],
            "truncated": self.truncated,
        }


def find(
    index: LineageIndex, around: Surroundings, kind: str, conditions: tuple[Condition, ...], limit: int | None
) -> Found:
    """Find the actions or things that are as every condition says.

    Raises
    ------
    BadInputError
        If a condition cannot be asked of them.
    """
    if kind not in KINDS:
        raise BadInputError(f"{kind!r} cannot be found: ask for {' or '.join(KINDS)}.")
    for condition in conditions:
        if not condition.applies_to(kind):
            other = " and ".join(condition.field.of)
            raise BadInputError(f"'{condition}' can be asked of an {other}, not of an {kind}.")
    matching = (
        node
        for run in _runs(index, conditions)
        for node in _nodes(index, kind, run)
        if all(condition.holds(node, around) for condition in conditions)
    )
    nodes = list(matching if limit is None else islice(matching, limit + 1))
    over = limit is not None and len(nodes) > limit
    nodes = nodes[:limit] if over else nodes
    columns, cells = _columns(kind, conditions, around)
    return Found(
        kind=kind,
        conditions=tuple(map(str, conditions)),
        nodes=tuple(nodes),
        columns=columns,
        rows=tuple(tuple(cell(node) for cell in cells) for node in nodes),
        truncated=over,
    )


def _runs(index: LineageIndex, conditions: tuple[Condition, ...]) -> list[RunSummary]:
    """Return the runs that can have what is asked for, the newest first: the others' nodes need not be read."""
    asked = [condition for condition in conditions if condition.field.name in ("run", "workflow")]
    runs = index.runs()
    around = Surroundings({run.iri: run for run in runs})
    stand_ins = ((run, ActionNode(run.iri, run.iri, "")) for run in runs)
    kept = [run for run, node in stand_ins if all(condition.holds(node, around) for condition in asked)]
    return sorted(kept, key=lambda run: (_age(run.started), run.iri))


def _nodes(index: LineageIndex, kind: str, run: RunSummary) -> Iterable[Node]:
    if kind == ACTION:
        return sorted(index.actions(crate=run.iri), key=lambda action: (_age(action.started), action.iri))
    return sorted(index.entities(crate=run.iri), key=lambda entity: (entity.path, entity.iri))


def _age(when: datetime | None) -> float:
    return float("inf") if when is None else -when.timestamp()


def _columns(
    kind: str, conditions: tuple[Condition, ...], around: Surroundings
) -> tuple[tuple[str, ...], tuple[Callable[[Node], str], ...]]:
    told = _ACTION_CELLS if kind == ACTION else _THING_CELLS
    asked: dict[str, Callable[[Node], str]] = {}
    for condition in conditions:
        if condition.field.name not in _SHOWN_ANYWAY:
            asked[f"{condition.field.name}{condition.key}"] = _cell(condition, around)
    return (*told, *asked), (*told.values(), *asked.values())


def _cell(condition: Condition, around: Surroundings) -> Callable[[Node], str]:
    def cell(node: Node) -> str:
        known = condition.field.found(node, condition.key, around)
        return ", ".join(shown_time(value) if isinstance(value, datetime) else str(value) for value in known)

    return cell


def _action(write: Callable[[ActionNode], str]) -> Callable[[Node], str]:
    return lambda node: write(node) if isinstance(node, ActionNode) else ""


def _thing(write: Callable[[EntityNode], str]) -> Callable[[Node], str]:
    return lambda node: write(node) if isinstance(node, EntityNode) else ""


_ACTION_CELLS: Final[dict[str, Callable[[Node], str]]] = {
    "action": _action(lambda action: action.name),
    "status": _action(lambda action: action.status),
    "started": _action(lambda action: words.moment(action.started) if action.started else ""),
    "took": _action(lambda action: words.duration(action.seconds) if action.seconds is not None else ""),
    "by": _action(lambda action: action.agent or ""),
    "run": _action(lambda action: words.run_name(action.crate)),
}
_THING_CELLS: Final[dict[str, Callable[[Node], str]]] = {
    "entity": _thing(lambda thing: thing.path),
    "kind": _thing(lambda thing: thing.kind),
    "size": _thing(lambda thing: words.size(thing.size) if thing.size is not None else ""),
    "digest": _thing(lambda thing: words.short(thing.digest) if thing.digest is not None else ""),
    "made": _thing(lambda thing: "yes" if thing.generated else "no"),
    "run": _thing(lambda thing: words.run_name(thing.crate)),
}


def fields_in_words() -> Iterator[tuple[str, str, str]]:
    """Yield each field that can be asked for: how it is written, of what, and what it is."""
    from filiation.lineage.fields import FIELDS

    for field in FIELDS:
        yield f"{field.name}NAME" if field.keyed else field.name, " or ".join(field.of), field.meaning
