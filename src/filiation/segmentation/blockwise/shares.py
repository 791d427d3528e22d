"""A volume's blocks shared out among jobs, each of which is a process of its own, perhaps on another machine."""

from __future__ import annotations

import re
from dataclasses import dataclass

from filiation.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Share:
    """The blocks of one job: those that follow each other in the grid, so that it reads few chunks twice.

    Parameters
    ----------
    number
        Of the job, from 0.
    of
        How many jobs there are; those beyond the number of blocks have none.
    """

    number: int
    of: int

    @classmethod
    def from_text(cls, text: str) -> Share:
        """Return the share of a job as Snakemake names those that it scatters.

        >>> Share.from_text("3-of-8")
        Share(number=2, of=8)

        Raises
        ------
        BadInputError
            If it is named otherwise.
        """
        found = re.fullmatch(r"(\d+)-of-(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise BadInputError(f"A job's share of the blocks is named such as '3-of-8'; found {text!r}.")
        return cls(int(found[1]) - 1, int(found[2]))

    def blocks(self, count: int) -> range:
        """Return its blocks, of so many in all.

        >>> [list(Share(number, 3).blocks(5)) for number in range(3)]
        [[0], [1, 2], [3, 4]]
        """
        return range(self.number * count // self.of, (self.number + 1) * count // self.of)


def share_of(number: int, count: int, of: int) -> int:
    """Return which of so many shares a block is in.

    >>> [share_of(number, 5, 3) for number in range(5)]
    [0, 1, 1, 2, 2]
    """
    return ((number + 1) * of - 1) // count
