"""What a walk came by, with names in place of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, overload

from filiation.catalogue import ROLES, Edge
from filiation.lineage.answers import THROUGH
from filiation.lineage.cutting import THROUGH_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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

    iris: set[str] = field(default_factory=set)
    edges: Sequence[Edge] = ()
    cut: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)


class EdgeColumns(Sequence[Edge]):
    """Edges as columns of numbers, each an :class:`Edge` of names when it is asked for: an answer may have thousands.

    Parameters
    ----------
    src, dst, role, crate
        For each edge the numbers of its ends, of its role and of its crate.
    names
        What nodes and crates are called, by their numbers.
    """

    def __init__(
        self,
        src: Sequence[int],
        dst: Sequence[int],
        role: Sequence[int],
        crate: Sequence[int],
        names: Mapping[int, str],
    ) -> None:
        self._src, self._dst, self._role, self._crate, self._names = src, dst, role, crate, names

    def __len__(self) -> int:
        return len(self._src)

    @overload
    def __getitem__(self, place: int) -> Edge: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Edge]: ...
    def __getitem__(self, place: int | slice) -> Edge | Sequence[Edge]:
        if isinstance(place, slice):
            return list(self)[place]
        name, at = self._names, range(len(self))[place]
        return Edge(name[self._src[at]], name[self._dst[at]], role_name(self._role[at]), name[self._crate[at]])

    def __iter__(self) -> Iterator[Edge]:
        return map(_edge, self.rows())

    def rows(self) -> Iterable[tuple[str, str, str, str]]:
        """Return source, end, role and crate of each edge, which takes half of what edges take."""
        name = self._names.__getitem__
        return zip(
            map(name, self._src), map(name, self._dst), map(role_name, self._role), map(name, self._crate), strict=True
        )
