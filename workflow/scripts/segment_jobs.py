import json
from functools import partial
from pathlib import Path

from filiation.images import ChannelVolume, LabelPart, LabelStore, Pyramid, noted_sizes
from filiation.segmentation import channels_of
from filiation.segmentation.blockwise import (
    Plan,
    Share,
    Stacked,
    Volume,
    join_shares,
    number_share,
    read_found,
    read_joined,
    read_told,
    segment_share,
    settle_survey,
    survey_share,
)
from filiation.step import effective, progress, run


def plan_blocks(
    image: Path,
    plan: Path,
    weights: Path | None = None,
    *,
    method: str,
    channel: int | str,
    blocks: list[int],
    largest: float,
    **settings: float | str,
) -> None:
    """Say how a volume is segmented, and in which blocks."""
    chosen = settings | ({"weights": str(weights)} if weights else {})
    planned = plan_of(image, method, channel, blocks, largest, chosen)
    planned.write(plan)
    effective(halo=list(planned.halo))


def plan_of(
    image: Path, method: str, channel: int | str, blocks: list[int], largest: float, settings: dict[str, float | str]
) -> Plan:
    """Return the plan of what is asked for."""
    chosen = {"channel": channel} | settings
    channels = tuple(chosen.pop(name) for name in channels_of(method))
    volume = ChannelVolume(image, channels[0])
    return Plan.of(
        method,
        chosen,
        channels,
        axes=volume.axes,
        scale=volume.scale,
        shape=volume.shape,
        lengths=tuple(blocks),
        largest=largest,
        minimum_size=chosen.get("minimum_size", 0.0),
    )


def volume_of(image: Path, plan: Plan) -> Volume:
    """Return what the method looks at."""
    channels = tuple(ChannelVolume(image, channel) for channel in plan.channels)
    return Stacked(channels) if len(channels) > 1 else channels[0]


def store_of(image: Path, labels: Path, plan: Plan, pyramid: str = "nearest") -> LabelStore:
    """Return the label image as it will be."""
    volume = ChannelVolume(image)
    return LabelStore(
        labels, volume.axes, volume.shape, volume.scale, volume.units, "nuclei", f"../{image.name}",
        pyramid=Pyramid.named(pyramid), written_in=plan.lengths,
    )  # fmt: skip


def survey_blocks(
    image: Path, plan: Path, seen: Path, before: Path | None = None, *, survey: str, scatteritem: str, threads: int
) -> None:
    """Look over some blocks for what must be known of the whole volume."""
    planned, share = Plan.read(plan), Share.from_text(scatteritem)
    survey_share(
        planned, volume_of(image, planned), share, int(survey) - 1, read_found(before), seen, threads, progress
    )


def settle(plan: Path, seen: list[Path], found: Path, before: Path | None = None, *, survey: str) -> None:
    """Say what is known of the whole volume, now that all blocks have been looked over."""
    known = settle_survey(Plan.read(plan), int(survey) - 1, read_found(before), seen)
    found.write_text(json.dumps(known), "ascii")
    effective(**known)


def segment_blocks(
    image: Path, plan: Path, found: Path, parts: Path, weights: Path | None = None, *, scatteritem: str, threads: int
) -> None:
    """Segment some blocks of a volume; weights are named by the plan, and an input here."""
    planned, share = Plan.read(plan), Share.from_text(scatteritem)
    volume, known = volume_of(image, planned), read_found(found)
    effective(**segment_share(planned, volume, share, known, parts, threads, progress, apart=True))


def join_blocks(plan: Path, parts: list[Path], joined: Path, *, threads: int) -> None:
    """Find out which labels of blocks are one object, and give the objects numbers."""
    join_shares(Plan.read(plan), parts, joined, threads, progress)


def number_blocks(
    image: Path, plan: Path, parts: Path, joined: Path, numbered: Path, *, scatteritem: str, threads: int
) -> None:
    """Give the labels of some blocks their final numbers."""
    planned, share = Plan.read(plan), Share.from_text(scatteritem)
    chunks = LabelPart.begun(numbered, store_of(image, image.with_name("nuclei.ome.zarr"), planned))
    number_share(planned, share, parts, joined, chunks, threads, progress)


def put_together(
    image: Path,
    plan: Path,
    found: Path,
    joined: Path,
    numbered: list[Path],
    labels: Path,
    weights: Path | None = None,
    *,
    method: str,
    channel: int | str,
    blocks: list[int],
    largest: float,
    pyramid: str = "nearest",
    **settings: float | str,
) -> None:
    """Make the label image of what the jobs have left, with its lower resolutions."""
    chosen = settings | ({"weights": str(weights)} if weights else {})
    planned = plan_of(image, method, channel, blocks, largest, chosen)
    numbers = read_joined(planned, joined)  # which refuses what was made with other parameters
    store = store_of(image, labels, planned, pyramid)
    store.begin()
    store.take(LabelPart(part) for part in numbered)
    sizes = numbers.sizes.tolist()
    store.finish(range(1, len(sizes) + 1), noted_sizes(sizes), progress=partial(progress, "shrink"))
    effective(halo=list(planned.halo), cut=len(numbers.cut), **read_found(found), **read_told(joined))


STEPS = {
    "plan_blocks": plan_blocks,
    "survey_blocks": survey_blocks,
    "settle_survey": settle,
    "segment_blocks": segment_blocks,
    "join_blocks": join_blocks,
    "number_blocks": number_blocks,
    "segment": put_together,
}

run(STEPS[snakemake.rule], snakemake)
