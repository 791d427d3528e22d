"""Clocks that were set back, or differ between machines: noticed and told, never smoothed over.

The order of events is that of their sequence numbers, whatever the clocks say; a duration is never negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from filiation.capture.journal import Event
from filiation.capture.steps import StepRecord

_TOLERANCE = timedelta(seconds=2)
"""Events come from several threads and clocks are corrected in small steps all the time: less is no finding."""


def clock_findings(events: Sequence[Event], steps: Sequence[StepRecord] = ()) -> tuple[str, ...]:
    """Return a sentence for each time that a clock cannot have told the truth.

    Parameters
    ----------
    events
        A run's events, in order of sequence.
    steps
        Its step records, perhaps from other machines.
    """
    return (*_set_back(events), *_steps_before(events, steps))


def _set_back(events: Sequence[Event]) -> Iterator[str]:
    for before, after in pairwise(events):
        if before.time - after.time > _TOLERANCE:
            yield (
                f"The clock was set back by {_span(before.time - after.time)} between event {before.sequence} "
                f"({before.time:%Y-%m-%d %H:%M:%S} UTC) and event {after.sequence}: times after it are as the clock "
                "told them, the order is that of the events, and durations across it are given as 0."
            )


def _steps_before(events: Sequence[Event], steps: Sequence[StepRecord]) -> Iterator[str]:
    begun = min((event.time for event in events), default=None)
    for step in steps:
        if begun is not None and begun - step.started > _TOLERANCE:
            host = step.machine.host if step.machine else "unknown host"
            yield (
                f"A job of rule {step.rule} on {host} says that it started {_span(begun - step.started)} before the "
                "run did: the clocks of the machines differ."
            )
        if step.ended is not None and step.started - step.ended > _TOLERANCE:
            yield f"The clock was set back by {_span(step.started - step.ended)} while a job of rule {step.rule} ran."


def _span(time: timedelta) -> str:
    return str(timedelta(seconds=round(time.total_seconds())))
