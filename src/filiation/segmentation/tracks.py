"""Tracks, and how they are told: as a table, in the Cell Tracking Challenge's lines, and by a label image itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Track:
    """One object through time.

    Parameters
    ----------
    label
        Its number, which is its label at every time point.
    first, last
        Time points at which it is seen first and last, counted from 0.
    parent
        The track that it came of by division; None if it came of none.
    missing
        Time points between the first and the last at which it is not seen.
    """

    label: int
    first: int
    last: int
    parent: int | None = None
    missing: tuple[int, ...] = ()


def daughters_of(tracks: Iterable[Track]) -> dict[int, tuple[int, ...]]:
    """Return mothers' numbers with those of their daughters."""
    found: dict[int, tuple[int, ...]] = {}
    for each in tracks:
        if each.parent is not None:
            found[each.parent] = (*found.get(each.parent, ()), each.label)
    return found


def tracks_table(tracks: Iterable[Track]) -> pa.Table:
    """Return tracks as a table: ``label``, ``first``, ``last``, ``parent`` (null for none), ``missing`` (a list)."""
    rows = [
        {"label": each.label, "first": each.first, "last": each.last, "parent": each.parent,
         "missing": list(each.missing)}
        for each in tracks
    ]  # fmt: skip
    whole = pa.int64()
    schema = pa.schema(
        [pa.field(name, whole, nullable=False) for name in ("label", "first", "last")]
        + [pa.field("parent", whole), pa.field("missing", pa.list_(whole), nullable=False)]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def tracks_text(tracks: Iterable[Track]) -> str:
    r"""Return tracks as the Cell Tracking Challenge writes them (``res_track.txt``): a line ``L B E P`` for each.

    L is the label, B and E the first and last time point counted from 0, P the parent's label or 0
    (https://celltrackingchallenge.net, Ulman et al., Nature Methods 14, 2017).

    >>> tracks_text([Track(1, 0, 4), Track(2, 5, 9, parent=1)])
    '1 0 4 0\n2 5 9 1\n'
    """
    return "".join(f"{each.label} {each.first} {each.last} {each.parent or 0}\n" for each in tracks)


def track_properties(tracks: Iterable[Track]) -> dict[int, dict[str, int | list[int]]]:
    """Return what a label image says of its tracks: label -> ``first``, ``last``, and of relations those there are."""
    known = tuple(tracks)
    daughters = daughters_of(known)
    found: dict[int, dict[str, int | list[int]]] = {}
    for each in known:
        found[each.label] = {"first": each.first, "last": each.last}
        if each.parent is not None:
            found[each.label]["parent"] = each.parent
        if each.label in daughters:
            found[each.label]["daughters"] = list(daughters[each.label])
        if each.missing:
            found[each.label]["missing"] = list(each.missing)
    return found
