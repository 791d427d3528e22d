"""The edges of a node, whichever place has them: the arrays, or the index where something changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue.arrays import ACTION, THING, open_arrays, write_arrays
from filiation.catalogue.nodes import CODE, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from filiation.catalogue.index import LineageIndex

    Numbers: TypeAlias = NDArray[np.int32]

FEWEST: Final = 20_000
"""Nodes of an index from which on arrays are worth making, and changed ones that they are left as they are for."""
_SHARE: Final = 50
"""Arrays are made again when more than one node in so many has changed."""
_BY_HAND: Final = 5_000
"""Nodes of an answer up to which a plain walk is quicker than one over whole arrays."""
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
        self.arrays = open_arrays(index)
        self._touched = self._changed()
        behind = len(self._touched) + self._new > max(fewest, self.last // _SHARE)
        if self.last >= fewest and behind and write_arrays(index):
            self.arrays = open_arrays(index)
            self._touched = self._changed()

    @property
    def _new(self) -> int:
        return self.last if self.arrays is None else self.last - self.arrays.last

    def _changed(self) -> set[int]:
        return set() if self.arrays is None else self._index.changed_since(self.arrays.generation)

    def steps(self, node: int, *, up: bool) -> Iterable[tuple[int, int, int]]:
        """Return the edges into a node, or out of it: the other end, the role's number and the crate's."""
        if self.arrays is None or node > self.arrays.last or node in self._touched:
            return self._index.steps(node, up=up)
        start, other, crate, role = self.arrays.up if up else self.arrays.down
        here = slice(start[node], start[node + 1])
        return zip(other[here], role[here], crate[here], strict=True)

    def reach(self, roots: Iterable[int], *, up: bool) -> Reached:
        """Return everything that the roots descend from (``up``), or that descends from them, themselves included."""
        seen = set(roots)
        waiting = list(seen)
        crates: set[int] = set()
        while waiting:
            if self.arrays is not None and len(seen) > _BY_HAND:
                return self._reach_many(seen, waiting, crates, up=up)
            for other, role, crate in self.steps(waiting.pop(), up=up):
                if up and role == _CODE:
                    continue
                crates.add(crate)
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return Reached(self._index, self, sorted(seen), len(crates))

    def _reach_many(self, seen: set[int], waiting: list[int], crates: set[int], *, up: bool) -> Reached:
        """Go on, level by level, over whole arrays at once."""
        import numpy as np

        assert self.arrays is not None  # noqa: S101 - who calls has seen to it
        start, other, crate, role = (self.arrays.up if up else self.arrays.down).as_numpy()
        is_seen, of_crate, apart = (np.zeros(self.last + 1, np.bool_) for _ in range(3))
        is_seen[_numbers(seen)] = True
        of_crate[_numbers(crates)] = True
        apart[_numbers(number for number in self._touched if number <= self.last)] = True
        apart[self.arrays.last + 1 :] = True
        place = np.zeros(self.last + 1, np.int32)
        level = _numbers(waiting)
        while level.size:
            plain = level[~apart[level]]
            edges = _ranges(start[plain], start[plain + 1])
            if up:
                edges = edges[role[edges] != _CODE]
            of_crate[crate[edges]] = True
            found = [other[edges]]
            for node in level[apart[level]].tolist():
                steps = [step for step in self._index.steps(node, up=up) if not (up and step[1] == _CODE)]
                found.append(_numbers(end for end, _, _ in steps))
                of_crate[_numbers(number for _, _, number in steps)] = True
            ends = np.concatenate(found)
            ends = ends[~is_seen[ends]]
            # Each once, without sorting: of those alike, the one whose place was written last.
            place[ends] = np.arange(ends.size, dtype=np.int32)
            level = ends[place[ends] == np.arange(ends.size, dtype=np.int32)]
            is_seen[level] = True
        return Reached(self._index, self, np.flatnonzero(is_seen).astype(np.int32), int(of_crate.sum()))


class Reached:
    """What a walk came by: counted first, listed by page.

    Parameters
    ----------
    index, adjacency
        Where it walked.
    numbers
        The nodes.
    crates
        How many crates its edges come from.
    """

    def __init__(self, index: LineageIndex, adjacency: Adjacency, numbers: list[int] | Numbers, crates: int) -> None:
        self._index = index
        self._arrays = adjacency.arrays
        self._numbers = numbers
        self.crates = crates

    def __len__(self) -> int:
        return len(self._numbers)

    def count(self) -> tuple[int, int]:
        """Return the number of things and of actions."""
        if self._arrays is None:
            kinds = self._index.kinds_of(list(self._numbers))
            return sum(bool(kind & THING) for kind in kinds), sum(bool(kind & ACTION) for kind in kinds)
        import numpy as np

        numbers = np.asarray(self._numbers, np.int32)
        kind = np.frombuffer(self._arrays.kind, np.int8)[numbers[numbers <= self._arrays.last]]
        new = self._index.kinds_of(numbers[numbers > self._arrays.last].tolist())
        return tuple(
            int(np.count_nonzero(kind & bit)) + sum(bool(found & bit) for found in new) for bit in (THING, ACTION)
        )  # type: ignore[return-value]

    def page(self, start: int, size: int, *, kind: int = THING | ACTION) -> tuple[str, ...]:
        """Return the IRIs of ``size`` nodes from the one at ``start``, in the order of all their IRIs.

        Those that came since the arrays were made stand last.
        """
        if self._arrays is None:
            wanted = [
                n
                for n, found in zip(self._numbers, self._index.kinds_of(list(self._numbers)), strict=True)
                if found & kind
            ]
            return tuple(sorted(self._index.iris_of(wanted).values())[start : start + size])
        import numpy as np

        numbers = np.asarray(self._numbers, np.int32)
        old, new = numbers[numbers <= self._arrays.last], numbers[numbers > self._arrays.last].tolist()
        old = old[(np.frombuffer(self._arrays.kind, np.int8)[old] & kind) != 0]
        in_order = old[np.argsort(np.frombuffer(self._arrays.rank, np.int32)[old])]
        chosen = in_order[start : start + size].tolist()
        names = self._index.iris_of(chosen)
        listed = [names[number] for number in chosen]
        if len(listed) < size and new:
            wanted = [n for n, found in zip(new, self._index.kinds_of(new), strict=True) if found & kind]
            begin = max(start - old.size, 0)
            listed += sorted(self._index.iris_of(wanted).values())[begin : begin + size - len(listed)]
        return tuple(listed)


def _numbers(values: Iterable[int]) -> Numbers:
    import numpy as np

    return np.fromiter(values, np.int32)


def _ranges(start: Numbers, end: Numbers) -> NDArray[np.int64]:
    """Return the numbers of all ranges, one after another."""
    import numpy as np

    length = end - start
    total = int(length.sum())
    first = np.repeat(start - np.concatenate(([0], np.cumsum(length)[:-1])), length) if total else np.zeros(0, np.int64)
    return first + np.arange(total)
