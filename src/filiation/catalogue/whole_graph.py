"""All edges of the index at once, as arrays: for questions that no walk from a thing answers.

They are read of what each crate's flow is kept as, so they are never behind.
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from filiation.catalogue.crate_gaps import circles
from filiation.catalogue.nodes import CODE, GENERATED, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from filiation.catalogue.index import LineageIndex

_CODE: Final = ROLES.index(CODE)
_GENERATED: Final = ROLES.index(GENERATED)


class WholeGraph:
    """The edges of an index, by number, without those from scripts.

    Parameters
    ----------
    index
        The index, not to be written to meanwhile.
    """

    def __init__(self, index: LineageIndex) -> None:
        self._index = index
        tables, numbers, counts = [], [], []
        for crate, block in index.all_edges():
            table = np.frombuffer(block, np.int32).reshape(3, -1)
            tables.append(table)
            numbers.append(crate)
            counts.append(table.shape[1])
        joins = np.fromiter(chain.from_iterable(index.joins()), np.int32).reshape(-1, 4).T
        edges = np.concatenate([*tables, joins[:3]], axis=1)
        crate_of = np.concatenate([np.repeat(np.array(numbers, np.int32), counts), joins[3]])
        data = edges[2] != _CODE
        if not data.all():
            edges, crate_of = edges[:, data], crate_of[data]
        self.src, self.dst, self.role = edges
        self.crate = crate_of
        self._nodes = index.last_number() + 1

    @cached_property
    def _made(self) -> NDArray[np.bool_]:
        made: NDArray[np.bool_] = self.role == _GENERATED
        return made

    @cached_property
    def _maker(self) -> NDArray[np.int32]:
        """By the number of a thing, one of the crates that say that they made it; 0 for none."""
        maker = np.zeros(self._nodes, np.int32)
        maker[self.dst[self._made]] = self.crate[self._made]
        return maker

    def circles_across(self) -> Iterator[tuple[str, ...]]:
        """Yield the nodes of each circle that goes through several crates, sorted.

        Such a circle goes from a crate's run to one that did not begin later, so most catalogues need no more than
        to compare those times. If there is one, only crates that stand in a circle themselves are looked into.
        """
        maker = self._maker[self.src]
        between = (maker != 0) & (maker != self.crate)
        began = np.full(self._nodes, np.nan)
        for crate, when in self._index.beginnings():
            began[crate] = np.nan if when is None else when
        if not np.any(~(began[maker[between]] < began[self.crate[between]])):
            return
        pairs = np.unique(np.stack((maker[between], self.crate[between])), axis=1).T
        crates = [set(circle) for circle in circles((int(src), int(dst)) for src, dst in pairs)]
        for concerned in crates:
            inside = np.isin(self.crate, list(concerned))
            edges = zip(self.src[inside].tolist(), self.dst[inside].tolist(), strict=True)
            told_by = dict(zip(self.dst[inside].tolist(), self.crate[inside].tolist(), strict=True))
            for circle in circles(edges):
                if len({told_by[node] for node in circle}) > 1:
                    yield self._named(circle)

    def made_in_several_crates(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each thing that actions of several crates made under one name, with those actions."""
        things, crates = self.dst[self._made], self.crate[self._made]
        for thing in np.unique(things[self._maker[things] != crates]).tolist():
            makers = np.unique(self.src[self._made & (self.dst == thing)]).tolist()
            yield self._named((thing,))[0], self._named(makers)

    def unused(self) -> NDArray[np.int32]:
        """Return what was made beside something that was used, and was used by nothing itself: its numbers.

        What the last jobs of a run made is not meant: that is what the run was for.
        """
        used = np.zeros(self._nodes, np.bool_)
        used[self.src] = True
        made = self._made
        goes_on = np.zeros(self._nodes, np.bool_)
        goes_on[self.src[made & used[self.dst]]] = True
        unused = np.zeros(self._nodes, np.bool_)
        unused[self.dst[made & ~used[self.dst] & goes_on[self.src]]] = True
        return np.flatnonzero(unused).astype(np.int32)

    def _named(self, numbers: tuple[int, ...] | list[int]) -> tuple[str, ...]:
        return tuple(sorted(self._index.iris_of(numbers).values()))
