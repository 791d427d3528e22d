"""What of a walk is shown: what was chosen of it, joined over what was not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from typing import TypeAlias

Node = TypeVar("Node", bound=Hashable)

if TYPE_CHECKING:
    Step: TypeAlias = tuple[Node, Node, int, Node]
    """Where a walk was, where that leads, the role's number, and the crate that says so."""

THROUGH_ROLE = -1
"""In place of a role: something that was not chosen lies between."""


@dataclass(slots=True)
class Joined(Generic[Node]):
    """What was chosen, joined.

    Parameters
    ----------
    steps
        Between what was chosen, as the walk went: as they are where nothing lies between, else :data:`THROUGH_ROLE`,
        one for each crate that tells of the shortest way there.
    ends
        What was chosen beyond which there was more, and nothing of it was chosen.
    """

    steps: set[Step[Node]] = field(default_factory=set)
    ends: set[Node] = field(default_factory=set)


def join(
    chosen: Collection[Node],
    steps: Callable[[Iterable[Node]], Iterable[Step[Node]]],
    names: Callable[[Collection[Node]], Mapping[Node, str]],
) -> Joined[Node]:
    """Join what was chosen of a walk over what was not.

    Parameters
    ----------
    chosen
        The nodes that stay.
    steps
        Tells the steps of the walk from some nodes.
    names
        Tells the IRIs of nodes and crates: of ways that are as short, the one through the first of them is taken.
    """
    joined: Joined[Node] = Joined()
    for node in chosen:
        goes_on, met = False, False
        came: dict[Node, tuple[Node, Node]] = {}
        level: Collection[Node] = (node,)
        while level:
            further: dict[Node, set[tuple[Node, Node]]] = defaultdict(set)
            step: Step[Node]
            for step in steps(level):
                near, far, _, crate = step
                goes_on |= near == node
                if near == node and far in chosen:
                    joined.steps.add(step)
                    met = True
                elif far in chosen and far != node:
                    crates = {crate, *_crates_to(near, node, came)}
                    joined.steps.update((node, far, THROUGH_ROLE, told) for told in crates)
                    met = True
                elif far not in chosen and far not in came:
                    further[far].add((near, crate))
            came.update({far: _first(ways, names) for far, ways in further.items()})
            level = further
        if goes_on and not met:
            joined.ends.add(node)
    return joined


def _crates_to(here: Node, node: Node, came: Mapping[Node, tuple[Node, Node]]) -> Iterator[Node]:
    while here != node:
        here, crate = came[here]
        yield crate


def _first(ways: set[tuple[Node, Node]], names: Callable[[Collection[Node]], Mapping[Node, str]]) -> tuple[Node, Node]:
    if len(ways) == 1:
        return next(iter(ways))
    told = names({one for way in ways for one in way})
    return min(ways, key=lambda way: (told[way[0]], told[way[1]]))
