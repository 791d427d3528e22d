"""Time series of volumes larger than memory: each time point block by block, one after another."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filiation.segmentation.blockwise.running import Segmented, segment_volume
from filiation.segmentation.blockwise.volume import LabelSink, Volume
from filiation.segmentation.blockwise.work import Task
from filiation.segmentation.blockwise.workers import Progress


@dataclass(frozen=True, slots=True)
class SeriesTask:
    """What is to be done to each time point of a series.

    Parameters
    ----------
    volumes
        What the method looks at, at each time point.
    task
        Returns the work on such a volume, given a scratch folder for it.
    sink
        Returns what takes the labels of a time point, given its number and how many objects came before it: so much is
        to be added to each label.
    scratch
        A folder for what is done already.
    identity
        What tells this series and method from another; what other work left is not gone on with.
    """

    volumes: tuple[Volume, ...]
    task: Callable[[Volume, Path], Task]
    sink: Callable[[int, int], LabelSink]
    scratch: Path
    identity: Mapping[str, object]

    def goes_on(self, kept: bool) -> bool:
        """Tell whether an earlier attempt is gone on with; if not, what it left is cleared away.

        Parameters
        ----------
        kept
            Whether the labels that it had written are still there.
        """
        mark = hashlib.sha256(json.dumps(dict(self.identity), sort_keys=True, default=str).encode()).hexdigest()
        place = self.scratch / "series"
        if kept and place.is_file() and place.read_text("ascii") == mark:
            return True
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        place.write_text(mark, "ascii")
        return False


def segment_series(
    series: SeriesTask,
    *,
    minimum_size: float = 0.0,
    processes: int = 1,
    progress: Progress = lambda stage, done, total: None,
) -> list[Segmented]:
    """Segment the time points of a series, each as :func:`segment_volume`; return what came of each.

    What is taken from the whole volume, such as a threshold, is that of the time point. After a break the work goes on
    with the time point that was being done; the caller removes the scratch folder when nothing needs it any more.

    Raises
    ------
    BadInputError, OutOfMemoryError, Exception
        As :func:`segment_volume`.
    """
    done: list[Segmented] = []
    for time, volume in enumerate(series.volumes):
        note = series.scratch / f"{time}.json"
        known = _read(note)
        if known is None:
            task, before = series.task(volume, series.scratch / str(time)), sum(each.count for each in done)
            known = segment_volume(
                task, series.sink(time, before), minimum_size=minimum_size, processes=processes, progress=progress
            )
            beside = note.with_suffix(".part")
            beside.write_text(json.dumps(asdict(known)), "ascii")
            beside.replace(note)
        done.append(known)
        progress("time point", time + 1, len(series.volumes))
    return done


def _read(note: Path) -> Segmented | None:
    if not note.is_file():
        return None
    told = json.loads(note.read_text("ascii"))
    return Segmented(tuple(told["sizes"]), tuple(told["cut"]), told["found"], told["told"])
