from dataclasses import replace
from pathlib import Path

from filiation.errors import BadInputError
from filiation.images import LabelImage, write_table
from filiation.segmentation import track, track_properties, tracks_table, tracks_text
from filiation.step import effective, run


def track_nuclei(
    labels: LabelImage,
    table: Path,
    challenge: Path,
    *,
    minimum_overlap: float,
    divisions: bool,
    balance: float,
    longest_gap: int,
) -> LabelImage:
    """Follow the nuclei through time; a label of the result is a track."""
    if labels.axes[0] != "t":
        raise BadInputError(
            f"There is nothing to track: the label image has the axes {', '.join(labels.axes)}, and no time. Leave the "
            "config's 'tracking' out."
        )
    found = track(
        labels.data,
        minimum_overlap=minimum_overlap,
        divisions=divisions,
        balance=balance,
        longest_gap=longest_gap,
    )
    effective(tracks=len(found.tracks), daughters=sum(each.parent is not None for each in found.tracks))
    write_table(table, tracks_table(found.tracks))
    challenge.write_text(tracks_text(found.tracks), "utf-8")
    return replace(labels, data=found.labels, name="tracks", properties=track_properties(found.tracks))


run(track_nuclei, snakemake)
