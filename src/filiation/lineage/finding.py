"""Actions and things of all runs that are as conditions say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final, TypeAlias

from filiation.catalogue import ActionNode, EntityNode, Json, LineageIndex, Node, shown_time
from filiation.catalogue.index_facts import Hits
from filiation.catalogue.versions import Version
from filiation.errors import BadInputError
from filiation.lineage import words
from filiation.lineage.conditions import Condition
from filiation.lineage.fields import ACTION, KINDS, SUPERSEDED, Surroundings
from filiation.lineage.searching import Search, count
from filiation.model.sentences import OR, Sentence

_SHOWN_ANYWAY: Final = frozenset(
    {"rule", "tool", "status", "started", "after", "before", "seconds", "agent", "run", "name", "kind", "type", "path",
     "size", "digest", "text", "duration", "made"}
)  # fmt: skip
"""Fields that stand in the table whether they are asked for or not."""


Source: TypeAlias = tuple[LineageIndex, Surroundings]
"""An index, and what is known besides."""


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
    total
        How many there are; ``nodes`` may be fewer, by the limit.
    remarks
        What a person should know who wonders at the answer: that nothing has a name that was asked for.
    versions
        Aligned with ``nodes`` where what is superseded was asked for: the crate that told of each and does not hold any
        more, None for one that holds. Else empty.
    """

    kind: str
    conditions: tuple[str, ...]
    nodes: tuple[Node, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int = 0
    remarks: tuple[str, ...] = ()
    versions: tuple[Version | None, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether there are more than the limit."""
        return self.total > len(self.nodes)

    @property
    def names(self) -> tuple[str, ...]:
        """What ``filiation trace`` takes for each, without a doubt."""
        return tuple(node.iri for node in self.nodes)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "kind": self.kind,
            "conditions": list(self.conditions),
            "nodes": [
                {"type": self.kind, **node.to_json(), **({} if version is None else {"superseded": version.to_json()})}
                for node, version in zip_longest(self.nodes, self.versions)
            ],
            "total": self.total,
            "truncated": self.truncated,
        }


def find(
    index: LineageIndex,
    around: Surroundings,
    kind: str,
    conditions: tuple[Condition, ...],
    limit: int | None,
    former: Sequence[Source] = (),
) -> Found:
    """Find the actions or things that are as every condition says.

    Parameters
    ----------
    index, around
        What holds.
    kind
        ``action`` or ``entity``.
    conditions
        What is asked for.
    limit
        So many at most.
    former
        What does not hold any more, and is asked for too; it is told last.

    Raises
    ------
    BadInputError
        If a condition cannot be asked of them, or asks for a name that nothing has, much like one that there is.
    """
    sources = ((index, around), *former)
    found, remarks = _hits(sources, kind, conditions)
    nodes: list[Node] = []
    rows: list[tuple[str, ...]] = []
    versions: list[Version | None] = []
    for (of, besides), hits in zip(sources, found, strict=True):
        columns, cells = _columns(kind, conditions, besides)
        for crate in of.facts.newest_first(hits) if hits else ():
            if limit is not None and len(nodes) >= limit:
                break
            here = _in_order(of.facts.nodes(kind, crate, hits[crate]))[: None if limit is None else limit - len(nodes)]
            nodes += here
            rows += (tuple(cell(node) for cell in cells) for node in here)
            versions += (besides.former.get(node.crate) for node in here)
    return Found(
        kind=kind,
        conditions=tuple(map(str, conditions)),
        nodes=tuple(nodes),
        columns=columns,
        rows=tuple(rows),
        total=sum(map(count, found)),
        remarks=remarks,
        versions=tuple(versions) if former else (),
    )


def how_many(
    index: LineageIndex,
    around: Surroundings,
    kind: str,
    conditions: tuple[Condition, ...],
    former: Sequence[Source] = (),
) -> int:
    """Count the actions or things that are as every condition says; see :func:`find`."""
    return sum(map(count, _hits(((index, around), *former), kind, conditions)[0]))


def asks_for_former(conditions: Iterable[Condition]) -> bool:
    """Whether what does not hold any more may be as conditions say: only if one of them says so."""
    asked = [condition for condition in conditions if condition.field.name == SUPERSEDED]
    return bool(asked) and all(condition.is_so([True]) for condition in asked)


def _hits(
    sources: Sequence[Source], kind: str, conditions: tuple[Condition, ...]
) -> tuple[list[Hits], tuple[str, ...]]:
    if kind not in KINDS:
        raise BadInputError(
            Sentence("{kind!r} cannot be found: ask for {listed}.", kind=kind, listed=Sentence.joined(KINDS, OR))
        )
    for condition in conditions:
        if not condition.applies_to(kind):
            other = " and ".join(condition.field.of)
            raise BadInputError(
                Sentence(
                    "'{condition}' can be asked of an {other}, not of an {kind}.",
                    condition=condition,
                    other=other,
                    kind=kind,
                )
            )
    searches = [Search(index.facts, around) for index, around in sources]
    remarks = []
    for condition in conditions:
        unheard, *rest = (search.unheard_of(kind, condition) for search in searches)
        if unheard is not None and None not in rest:
            text, is_slip = unheard
            if is_slip and not condition.negated:
                raise BadInputError(Sentence("'{condition}': {text}", condition=condition, text=text))
            remarks.append(text)
    return [search.hits(kind, conditions) for search in searches], tuple(remarks)


def _in_order(nodes: list[ActionNode | EntityNode]) -> list[ActionNode | EntityNode]:
    """Sort the nodes of a run: actions by their start, the newest first, things by their path."""
    return sorted(nodes, key=lambda node: (_age(node.started), "", node.iri) if isinstance(node, ActionNode)
                  else (0.0, node.path, node.iri))  # fmt: skip


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
    if condition.field.name == SUPERSEDED:
        return lambda node: _ending(around.former.get(node.crate))

    def cell(node: Node) -> str:
        known = condition.field.found(node, condition.key, around)
        return ", ".join(shown_time(value) if isinstance(value, datetime) else str(value) for value in known)

    return cell


def _ending(version: Version | None) -> str:
    if version is None or version.until is None:
        return "no"
    return f"{version.ended} {words.moment(datetime.fromisoformat(version.until))}"


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
