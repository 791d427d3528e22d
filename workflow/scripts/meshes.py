from pathlib import Path

from filiation.images import ChannelVolume, Table, boxes_of, write_meshes
from filiation.segmentation import mesh_objects
from filiation.step import run


def mesh_nuclei(labels: Path, meshes: Path, *, deviation: float, formats: list[str]) -> Table:
    """Make the surface of every nucleus, simplified within a distance."""
    volume = ChannelVolume(labels)
    return write_meshes(
        meshes, labels, mesh_objects(volume, boxes_of(labels), volume.scale, deviation=deviation), formats
    )


run(mesh_nuclei, snakemake)
