"""Charts as plain numbers, for templates to draw: no script, no style of their own, and a table beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 220
"""Of a chart of columns, in its own units."""
ROW: Final = 26
"""Height of a bar with its name."""
_NAME: Final = 260
_FIGURE: Final = 110


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, with what it stands for."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Caption:
    """A text at a place."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    captions: tuple[Caption, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: how much, in which style, and what is said of it."""

    amount: float
    style: str
    title: str


def columns(named: Sequence[tuple[str, Sequence[Part]]]) -> Chart:
    """Stack parts in a column for each name, from left to right.

    >>> chart = columns([("a", [Part(1, "good", "one"), Part(3, "bad", "three")])])
    >>> [round(box.height) for box in chart.boxes]
    [45, 135]
    """
    most = max((sum(part.amount for part in parts) for _, parts in named), default=0) or 1
    step = WIDTH / max(len(named), 1)
    tall = HEIGHT - 40
    boxes, captions = [], []
    every = -(-len(named) // 8)  # so many names fit beside each other
    for number, (name, parts) in enumerate(named):
        top = float(HEIGHT - 24)
        for part in parts:
            height = tall * part.amount / most
            top -= height
            if part.amount:
                width = max(min(step * 0.8, 60), 1)
                boxes.append(Box(number * step + (step - width) / 2, top, width, height, part.style, part.title))
        if number % every == 0:
            captions.append(Caption(number * step + step / 2, HEIGHT - 6, name, "middle"))
    captions.append(Caption(0, 12, f"{most:g}"))
    return Chart(WIDTH, HEIGHT, tuple(boxes), tuple(captions))


def bars(named: Sequence[tuple[str, str, Sequence[Part]]]) -> Chart:
    """Put parts of a bar one after another, a bar below the other; each has a name and a figure in words."""
    most = max((sum(part.amount for part in parts) for *_, parts in named), default=0) or 1
    wide = WIDTH - _NAME - _FIGURE
    boxes, captions = [], []
    for number, (name, figure, parts) in enumerate(named):
        left, top = float(_NAME), number * ROW + 4.0
        captions.append(Caption(_NAME - 8, top + 14, _short(name), "end"))
        for part in parts:
            width = wide * part.amount / most
            if part.amount:
                boxes.append(Box(left, top, max(width, 1), ROW - 8, part.style, part.title))
            left += width
        captions.append(Caption(left + 8, top + 14, figure))
    return Chart(WIDTH, len(named) * ROW + 4, tuple(boxes), tuple(captions))


def _short(name: str) -> str:
    return name if len(name) <= 32 else f"{name[:15]}…{name[-16:]}"
