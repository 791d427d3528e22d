"""A difference in words, for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from filiation.lineage import words
from filiation.lineage.differences import Change, CodeChange, Difference, Timing

LONGEST_DIFF: Final = 60
"""So many changed lines of a file are shown; JSON has them all."""
_NAMED: Final = 3


def tell(found: Difference) -> str:
    """Tell what differs, section by section."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Difference) -> Iterator[str]:
    yield f"{words.plain(found.first)} compared with {words.plain(found.second)}"
    for title, runs in zip(("before", "after"), found.runs, strict=True):
        told = (f"{run.id[:8]} ({words.moment(run.started)})" if run.started else run.id[:8] for run in runs)
        yield f"  {title:<8}run {', '.join(told)}"
    if found.is_same:
        yield ""
        yield "The same: steps, parameters, code, software, inputs and outputs."
    replaced = {change.before for change in found.replaced} | {change.after for change in found.replaced}
    sections: tuple[tuple[str, list[str]], ...] = (
        ("Steps", [
            *(f"{words.plain(pair.before)} → {words.plain(pair.after)}   replaced" for pair in found.replaced),
            *(line for change in found.steps if change.what not in replaced for line in _change(change)),
        ]),
        ("Parameters", [line for change in found.parameters for line in _change(change)]),
        ("Code", [line for change in found.code for line in _code(change)]),
        ("Software", [line for change in found.software for line in _change(change)]),
        ("Inputs", [*_things(found.inputs), *_alike(found.alike[0])]),
        ("Outputs", [*_things(found.outputs), *_alike(found.alike[1])]),
        ("Run", [line for change in found.facts for line in _change(change)]),
        ("Times", [_time(timing) for timing in found.times]),
    )  # fmt: skip
    for title, lines in sections:
        if lines:
            yield ""
            yield title
            yield from (f"  {line}" for line in lines)


def _change(change: Change) -> Iterator[str]:
    what = words.plain(change.what)
    if change.kind == "changed":
        text = f"{what}: {words.plain(str(change.before))} → {words.plain(str(change.after))}"
    else:
        text = f"{what}: {words.plain(str(change.after or change.before))}, {change.kind}"
    if change.where:
        more = f" and {len(change.where) - _NAMED} more" if len(change.where) > _NAMED else ""
        text += f"   in {', '.join(map(words.plain, change.where[:_NAMED]))}{more}"
    yield text


def _things(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        note = f"   {change.note}" if change.note else ""
        path = words.plain(change.what)
        if change.kind == "changed":
            yield f"{path}: {_short(change.before)} → {_short(change.after)}{note}"
        else:
            yield f"{path}: {change.kind} ({_short(change.after or change.before)}){note}"


def _alike(count: int) -> Iterator[str]:
    if count:
        yield f"{count} byte for byte the same"


def _short(content: str | None) -> str:
    kind, colon, digits = (content or "").partition(":")
    return f"{kind}:{digits[:12]}" if colon else kind


def _code(change: CodeChange) -> Iterator[str]:
    yield f"{words.plain(change.path)}   {change.kind}"
    if change.kind != "changed":
        return
    if change.lines is None:
        yield "    the crates do not carry the texts of both"
        return
    shown = change.lines[:LONGEST_DIFF]
    yield from (f"    {words.plain(line)}" for line in shown)
    if len(change.lines) > len(shown):
        yield f"    … {len(change.lines) - len(shown)} more lines"


def _time(timing: Timing) -> str:
    told = []
    for jobs, seconds in zip(timing.jobs, timing.seconds, strict=True):
        took = "?" if seconds is None else words.duration(seconds)
        told.append(took if timing.jobs == (1, 1) else f"{took} ({words.counted(jobs, 'job')})")
    return f"{words.plain(timing.rule)}: {told[0]} → {told[1]}"
