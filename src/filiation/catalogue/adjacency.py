"""The edges of a node, whichever place has them: the arrays, or the index where something changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue.arrays import ACTION, THING, most_by_hand, open_arrays
from filiation.catalogue.closure import Closure, close, close_by_hand
from filiation.catalogue.nodes import CODE, ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from filiation.catalogue.index import LineageIndex

    Numbers: TypeAlias = NDArray[np.int32]
    Step: TypeAlias = tuple[int, int, int, int]
    """An edge as a walk comes by it: where it was, where that leads, the role's number and the crate's."""

FEWEST: Final = 20_000
"""Nodes of an index from which on arrays are worth making, and changed ones that they are left as they are for."""
_SHARE: Final = 50
"""Arrays are made again when more than one node in so many has changed."""
_CODE: Final = ROLES.index(CODE)


class Adjacency:
    """The edges of an index, for walks.

    Parameters
    ----------
    index
        The index, not to be written to meanwhile.
    fewest
        Nodes from which on arrays are made.
    """

    def __init__(self, index: LineageIndex, *, fewest: int = FEWEST) -> None:
        self._index = index
        self.generation = index.state()[1]
        self.last = index.last_number()
        self._apart: NDArray[np.bool_] | None = None
        self.arrays = open_arrays(index)
        self.touched = self._changed()
        """Nodes whose edges are to be looked up in the index."""
        behind = len(self.touched) + self._new > max(fewest, self.last // _SHARE)
        if self.last >= fewest and behind:
            from filiation.catalogue.array_writer import write_arrays  # once in thousands of runs

            if write_arrays(index):
                self.arrays = open_arrays(index)
                self.touched = self._changed()

    @property
    def _new(self) -> int:
        return self.last if self.arrays is None else self.last - self.arrays.last

    @property
    def _by_hand(self) -> int:
        """Nodes of an answer up to which it is walked node by node."""
        return self.last if self.arrays is None else most_by_hand()

    def _changed(self) -> set[int]:
        return set() if self.arrays is None else self._index.changed_since(self.arrays.generation)

    def steps(self, nodes: Iterable[int], *, up: bool) -> list[Step]:
        """Return the edges into nodes, or out of them; a script that an action ran is no ancestor of what it made."""
        found: list[Step] = []
        last, touched = -1 if self.arrays is None else self.arrays.last, self.touched
        if self.arrays is not None:
            start, other, crate, role = self.arrays.up if up else self.arrays.down
        for node in nodes:
            if node > last or node in touched:
                found += ((node, *step) for step in self._index.steps(node, up=up))
            else:
                for here in range(start[node], start[node + 1]):
                    found.append((node, other[here], role[here], crate[here]))
        return [step for step in found if step[2] != _CODE] if up else found

    def names(self, numbers: Collection[int]) -> dict[int, str]:
        """Return the IRIs of nodes and crates."""
        numbers = list(numbers)
        return dict(zip(numbers, self.names_of(numbers), strict=True))

    def names_of(self, numbers: Sequence[int]) -> list[str]:
        """Return the IRI of each of some nodes and crates."""
        last = -1 if self.arrays is None else self.arrays.last
        new = [number for number in numbers if number > last] if last < self.last else []
        if not new and self.arrays is not None:
            return self.arrays.names.of(numbers)
        named = self._index.iris_of(new)
        if self.arrays is not None:
            old = [number for number in numbers if number <= last]
            named.update(zip(old, self.arrays.names.of(old), strict=True))
        return [named[number] for number in numbers]

    def closure(self, roots: Iterable[int], *, up: bool) -> Closure:
        """Return everything that the roots descend from (``up``), or that descends from them, with every edge."""
        return close(self, roots, self._by_hand, up=up)

    def reach(self, roots: Iterable[int], *, up: bool) -> Reached:
        """Return everything that the roots descend from (``up``), or that descends from them, themselves included."""
        found, followed = close_by_hand(self, roots, self._by_hand, up=up)
        if followed < len(found.nodes):
            return self._reach_many(found.nodes, found.nodes[followed:], found.crate, up=up)
        return Reached(self, sorted(found.nodes), len(set(found.crate)))

    def kinds(self, numbers: Numbers) -> NDArray[np.int8]:
        """Return the bits of ``arrays.THING`` and ``arrays.ACTION`` for each node."""
        import numpy as np

        kinds = np.zeros(numbers.size, np.int8)
        apart = self.apart()[numbers]
        if self.arrays is not None:
            kinds[~apart] = np.frombuffer(self.arrays.kind, np.int8)[numbers[~apart]]
        kinds[apart] = self._index.kinds_of(numbers[apart].tolist())
        return kinds

    def in_order(self, numbers: Numbers) -> tuple[Numbers, list[int]]:
        """Return the nodes that were there when the arrays were made, by their IRIs, and those that were not."""
        import numpy as np

        if self.arrays is None:
            return numbers[:0], numbers.tolist()
        old = numbers[numbers <= self.arrays.last]
        in_order = old[np.argsort(np.frombuffer(self.arrays.rank, np.int32)[old])]
        return in_order, numbers[numbers > self.arrays.last].tolist()

    def apart(self) -> NDArray[np.bool_]:
        """Return for each node whether it is to be looked up in the index."""
        import numpy as np

        if self._apart is None:
            self._apart = np.zeros(self.last + 1, np.bool_)
            self._apart[0 if self.arrays is None else self.arrays.last + 1 :] = True
            self._apart[numbers_in(self.touched)] = True
        return self._apart

    def _reach_many(self, seen: Iterable[int], waiting: Iterable[int], crates: Iterable[int], *, up: bool) -> Reached:
        """Go on, level by level, over whole arrays at once."""
        import numpy as np

        assert self.arrays is not None  # noqa: S101 - who calls has seen to it
        start, other, crate, role = (self.arrays.up if up else self.arrays.down).as_numpy()
        is_seen, of_crate = (np.zeros(self.last + 1, np.bool_) for _ in range(2))
        apart = self.apart()
        is_seen[numbers_in(seen)] = True
        of_crate[numbers_in(crates)] = True
        place = np.zeros(self.last + 1, np.int32)
        level = numbers_in(waiting)
        while level.size:
            plain = level[~apart[level]]
            edges = ranges(start[plain], start[plain + 1])
            if up:
                edges = edges[role[edges] != _CODE]
            of_crate[crate[edges]] = True
            found = [other[edges]]
            steps = self.steps(level[apart[level]].tolist(), up=up)
            found.append(numbers_in(step[1] for step in steps))
            of_crate[numbers_in(step[3] for step in steps)] = True
            ends = np.concatenate(found)
            ends = ends[~is_seen[ends]]
            # Each once, without sorting: of those alike, the one whose place was written last.
            place[ends] = np.arange(ends.size, dtype=np.int32)
            level = ends[place[ends] == np.arange(ends.size, dtype=np.int32)]
            is_seen[level] = True
        return Reached(self, np.flatnonzero(is_seen).astype(np.int32), int(of_crate.sum()))


class Reached:
    """What a walk came by: counted first, listed by page.

    Parameters
    ----------
    adjacency
        Where it walked.
    numbers
        The nodes.
    crates
        How many crates its edges come from.
    """

    def __init__(self, adjacency: Adjacency, numbers: list[int] | Numbers, crates: int) -> None:
        self._adjacency = adjacency
        self._numbers = numbers
        self.crates = crates

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def numbers(self) -> list[int] | Numbers:
        """The nodes, by their numbers, sorted."""
        return self._numbers

    def count(self) -> tuple[int, int]:
        """Return the number of things and of actions."""
        import numpy as np

        numbers = np.asarray(self._numbers, np.int32)
        kinds = self._adjacency.kinds(numbers)
        return int(np.count_nonzero(kinds & THING)), int(np.count_nonzero(kinds & ACTION))

    def page(self, start: int, size: int, *, kind: int = THING | ACTION) -> tuple[str, ...]:
        """Return the IRIs of ``size`` nodes from the one at ``start``, in the order of all their IRIs.

        Those that came since the arrays were made stand last.
        """
        import numpy as np

        numbers = np.asarray(self._numbers, np.int32)
        numbers = numbers[(self._adjacency.kinds(numbers) & kind) != 0]
        old, new = self._adjacency.in_order(numbers)
        chosen = old[start : start + size].tolist()
        names = self._adjacency.names(chosen)
        listed = [names[number] for number in chosen]
        if len(listed) < size and new:
            begin = max(start - old.size, 0)
            listed += sorted(self._adjacency.names(new).values())[begin : begin + size - len(listed)]
        return tuple(listed)


def numbers_in(values: Iterable[int]) -> Numbers:
    """Return numbers of nodes as an array."""
    import numpy as np

    return np.fromiter(values, np.int32)


def ranges(start: Numbers, end: Numbers) -> NDArray[np.int64]:
    """Return the numbers of all ranges, one after another."""
    import numpy as np

    length = end - start
    after = np.cumsum(length)
    total = int(after[-1]) if after.size else 0
    return np.repeat(start - after + length, length) + np.arange(total)
