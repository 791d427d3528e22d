"""Dividing groups among the parts of a training set: whole groups, as near to the wanted shares as they allow."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from filiation.errors import BadInputError

TRAIN: Final = "train"
VALIDATION: Final = "val"
TEST: Final = "test"
PARTS: Final = (TRAIN, VALIDATION, TEST)

_T = TypeVar("_T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Split:
    """How a training set is divided.

    Parameters
    ----------
    shares
        Of training, validation and test, each from 0 to 1, together 1.
    seed
        Which of the equally good divisions; the same seed gives the same one.
    """

    shares: tuple[float, float, float]
    seed: int = 0

    @classmethod
    def read(cls, text: str, seed: int = 0) -> Split:
        """Read ``0.8/0.1/0.1``, or ``0.8/0.2`` for training and test without validation.

        Raises
        ------
        BadInputError
            If it is no such division.
        """
        try:
            numbers = [float(part) for part in text.split("/")]
        except ValueError:
            numbers = []
        if len(numbers) == 2:
            numbers.insert(1, 0.0)
        fits = len(numbers) == 3 and all(math.isfinite(share) and share >= 0 for share in numbers)
        if not fits or not math.isclose(sum(numbers), 1.0, abs_tol=1e-6) or not numbers[0]:
            raise BadInputError(
                f"{text!r} is no division: write the shares of training, validation and test, which make 1 together, "
                "such as 0.8/0.1/0.1, or 0.8/0.2 without validation."
            )
        return cls((numbers[0], numbers[1], numbers[2]), seed)

    @property
    def wanted(self) -> dict[str, float]:
        """The parts that are to have something, with their shares."""
        return {part: share for part, share in zip(PARTS, self.shares, strict=True) if share}

    def __str__(self) -> str:
        return "/".join(f"{share:g}" for share in self.shares)


def assign(sizes: Mapping[str, int], split: Split) -> dict[str, str]:
    """Return the part of each group.

    The largest group comes first, and goes to the part that lacks most; groups of one size are in an order that the
    seed and their own names give. Every part that is wanted gets a group.

    Parameters
    ----------
    sizes
        Number of cases of each group, by its name, which should tell what it is and not where it stands.
    split
        How it is to be divided.

    Raises
    ------
    BadInputError
        If there are fewer groups than parts.
    """
    wanted = split.wanted
    if len(sizes) < len(wanted):
        raise BadInputError(
            f"There are {len(sizes)} group(s) that may be separated, and {len(wanted)} parts ({', '.join(wanted)}) are "
            "wanted: a group is never divided. Choose more images, fewer parts, or a lower level with --by."
        )
    total = sum(sizes.values())
    lacks = {part: share * total for part, share in wanted.items()}
    waiting = sorted(sizes, key=lambda name: (-sizes[name], _shuffled(name, split.seed)))
    empty = set(wanted)
    parts: dict[str, str] = {}
    for number, name in enumerate(waiting):
        left = len(waiting) - number
        open_to = [part for part in wanted if part in empty] if left <= len(empty) else list(wanted)
        part = max(open_to, key=lambda part: (lacks[part], -PARTS.index(part)))
        parts[name] = part
        lacks[part] -= sizes[name]
        empty.discard(part)
    return parts


def _shuffled(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogateescape")).hexdigest()


class Joined(Generic[_T]):
    """Things that belong together, however they came to be joined (a union-find with path halving)."""

    def __init__(self) -> None:
        self._parents: dict[_T, _T] = {}

    def join(self, things: Iterable[_T]) -> None:
        """Say that some things belong together."""
        first, *others = things
        root = self.root(first)
        for other in others:
            self._parents[self.root(other)] = root

    def root(self, thing: _T) -> _T:
        """Return the one that stands for all that belong together with a thing."""
        parents = self._parents
        parents.setdefault(thing, thing)
        while parents[thing] != thing:
            parents[thing] = parents[parents[thing]]
            thing = parents[thing]
        return thing
