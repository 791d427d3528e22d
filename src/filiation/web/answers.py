"""Answers that are worked out and shown once, while the catalogue stays as it is: those that everybody asks for.

What they are kept by says all that they rest on: the catalogue's state, what the reader may see, and what was asked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

_MOST: Final = 64
"""Answers that a process keeps; who was asked for the longest ago goes first."""
_WAYS: Final = 8
"""Ways of showing each: languages, roles."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    shown: dict[Hashable, str] = field(default_factory=dict)


class Answers:
    """The answers that one process keeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def kept(self, by: Hashable, work_out: Callable[[], _T]) -> _T:
        """Return the answer that is kept, or work it out and keep it.

        Parameters
        ----------
        by
            Everything that it rests on.
        work_out
            What works it out.
        """
        with self._lock:
            found = self._kept.get(by)
            if found is not None:
                self._kept.move_to_end(by)
                answer: _T = found.answer
                return answer
        made = work_out()
        with self._lock:
            self._kept[by] = _Kept(made)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return made

    def shown(self, answer: object, how: Hashable, show: Callable[[], str]) -> str:
        """Return how an answer was shown in this way before; show it, if it was not, or is none of those kept.

        Parameters
        ----------
        answer
            The answer itself; an equal one is another.
        how
            Everything besides that what is shown rests on.
        show
            What shows it.
        """
        with self._lock:
            kept = next((each for each in self._kept.values() if each.answer is answer), None)
            if kept is not None and how in kept.shown:
                return kept.shown[how]
        text = show()
        if kept is not None and len(kept.shown) < _WAYS:
            kept.shown[how] = text
        return text
