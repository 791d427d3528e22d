"""What a walk came by, with names in place of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, cast, overload

from filiation.catalogue import ROLES, Edge
from filiation.catalogue.closure import listed
from filiation.lineage.answers import THROUGH
from filiation.lineage.cutting import THROUGH_ROLE

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterable, Iterator, ValuesView

    from filiation.catalogue.closure import Column

role_name: Final = {**dict(enumerate(ROLES)), THROUGH_ROLE: THROUGH}.__getitem__
"""The name of a role, by its number."""
_edge: Final = partial(tuple.__new__, Edge)
"""An edge of four texts; a third of what calling it takes, which asks for each by its name."""


@dataclass(slots=True)
class Walked:
    """What a walk came by.

    Parameters
    ----------
    iris
        Every thing and action, the starting ones included.
    edges
        Every edge between them that the walk followed, once.
    cut
        Those beyond which there is more that the depth left out.
    stopped
        Those beyond which there is more that a condition left out.
    numbers
        The numbers of the IRIs in the index, of those that have one.
    """

    iris: AbstractSet[str] = field(default_factory=set)
    edges: Sequence[Edge] = ()
    cut: AbstractSet[str] = field(default_factory=set)
    stopped: AbstractSet[str] = field(default_factory=set)
    numbers: Mapping[str, int] = field(default_factory=dict)


class NumberColumn(Mapping[str, int]):
    """Names and their numbers as columns; looked up by name only when one is asked for, as few answers are.

    Parameters
    ----------
    names, numbers
        Aligned, each once.
    """

    def __init__(self, names: Sequence[str], numbers: Sequence[int]) -> None:
        self._names, self._numbers = names, numbers

    @cached_property
    def _by_name(self) -> dict[str, int]:
        return dict(zip(self._names, self._numbers, strict=True))

    def __getitem__(self, name: str) -> int:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def values(self) -> ValuesView[int]:
        """Return the numbers."""
        return self._by_name.values()

    def items(self) -> ItemsView[str, int]:
        """Return each name with its number."""
        return self._by_name.items()


class EdgeColumns(Sequence[Edge]):
    """Edges as columns of numbers, each an :class:`Edge` of names when it is asked for: an answer may have thousands.

    Parameters
    ----------
    src, dst
        For each edge the places of its ends among the names.
    role, crate
        For each edge the numbers of its role and of its crate.
    names
        What nodes are called.
    crates
        What crates are called, by their numbers.
    """

    def __init__(
        self, src: Column, dst: Column, role: Column, crate: Column, names: Sequence[str], crates: Mapping[int, str]
    ) -> None:
        self._src, self._dst, self._role, self._crate = src, dst, role, crate
        self._names, self._crates = names, crates

    def __len__(self) -> int:
        return len(self._src)

    @overload
    def __getitem__(self, place: int) -> Edge: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Edge]: ...
    def __getitem__(self, place: int | slice) -> Edge | Sequence[Edge]:
        if isinstance(place, slice):
            return list(self)[place]
        at = range(len(self))[place]
        src, dst, role, crate = (int(column[at]) for column in (self._src, self._dst, self._role, self._crate))
        return Edge(self._names[src], self._names[dst], role_name(role), self._crates[crate])

    def __iter__(self) -> Iterator[Edge]:
        return map(_edge, self.rows())

    def rows(self) -> Iterable[tuple[str, str, str, str]]:
        """Return source, end, role and crate of each edge, which takes half of what edges take."""
        crate = self._crates.__getitem__
        ends = _each(self._names, self._src), _each(self._names, self._dst)
        return zip(*ends, map(role_name, listed(self._role)), map(crate, listed(self._crate)), strict=True)


def _each(names: Sequence[str], places: Column) -> Iterable[str]:
    """Return the names at some places; if these are an array, all at once, which takes half the time."""
    if isinstance(places, list):
        return map(names.__getitem__, places)
    import numpy as np

    return cast("list[str]", np.fromiter(names, object, len(names))[places].tolist())
