from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from filiation.errors import BadInputError
from filiation.images import ChannelSeries, LabelFrame, LabelStore, slabs_of, write_table
from filiation.segmentation import Tracker, track_properties, tracks_table, tracks_text
from filiation.step import effective, progress, run


def track_nuclei(
    labels: Path,
    tracks: Path,
    table: Path,
    challenge: Path,
    *,
    minimum_overlap: float,
    divisions: bool,
    balance: float,
    longest_gap: int,
) -> None:
    """Follow the nuclei through time, slab by slab of each time point; a label of the result is a track."""
    seen = ChannelSeries(labels)
    if seen.axes[0] != "t":
        raise BadInputError(
            f"There is nothing to track: the label image has the axes {', '.join(seen.axes)}, and no time. Leave the "
            "config's 'tracking' out."
        )
    tracker = Tracker(minimum_overlap, divisions, balance, longest_gap)
    store = LabelStore(tracks, seen.axes, seen.shape, seen.scale, seen.units, "tracks", seen.source)
    store.begin()
    slabs = list(slabs_of(store))
    for time in range(len(seen)):
        naming = tracker.name(parts(seen, store, time, tracker.looked_back, slabs))
        for slab in slabs:
            here = (slice(time, time + 1), *slab)
            LabelFrame(store, time).write(slab, naming.of(seen.read(here)[0]))
        progress("track", time + 1, len(seen))
    found = tracker.tracks
    effective(tracks=len(found), daughters=sum(each.parent is not None for each in found))
    write_table(table, tracks_table(found))
    challenge.write_text(tracks_text(found), "utf-8")
    store.finish([each.label for each in found], track_properties(found), progress=partial(progress, "shrink"))


def parts(
    seen: ChannelSeries, store: LabelStore, time: int, back: int, slabs: list[tuple[slice, ...]]
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Yield the slabs of a time point with the same slabs of those before it, as they were written."""
    for slab in slabs:
        before = [store.read((slice(time - age, time - age + 1), *slab))[0] for age in range(1, back + 1)]
        yield seen.read((slice(time, time + 1), *slab))[0], before


run(track_nuclei, snakemake)
