"""One piece of work on stores, by filiation or another, timed from inside: seconds on the clock and of processors.

Run in a folder that ``benchmarks/stores.py`` prepares: ``raw.npy`` and ``labels.npy`` (z, y, x), and the stores
``raw.ome.zarr`` and ``labels.ome.zarr`` made of them. What is imported and opened beforehand is not counted.
"""

from __future__ import annotations

import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

THREADS = 2
CHUNKS = (16, 256, 256)
NEW = Path("new.zarr")
Work = Callable[[], object]


def read_by_zarr(name: str, pipeline: str = "") -> Work:
    import zarr

    settings = {"threading.max_workers": THREADS, "async.concurrency": 8}
    zarr.config.set({**settings, **({"codec_pipeline.path": pipeline} if pipeline else {})})
    array = zarr.open_array(f"{name}.ome.zarr/0", mode="r")
    return lambda: array[...]


def read_by_zarrs(name: str) -> Work:
    import zarr

    zarr.config.set({"codec_pipeline.chunk_concurrent_maximum": THREADS})
    return read_by_zarr(name, "zarrs.ZarrsCodecPipeline")


def read_by_tensorstore(name: str) -> Work:
    import tensorstore as ts

    store = ts.open(_spec(f"{name}.ome.zarr/0"), context=_context()).result()
    return lambda: store.read().result()


def digest_pixels(name: str) -> Work:
    from filiation.images import pixel_digest

    return lambda: pixel_digest(Path(f"{name}.ome.zarr"), workers=THREADS)


def write_by_filiation(name: str) -> Work:
    from filiation.images.ome_zarr import write_region
    from filiation.images.store_format import Content, StoreFormat

    data = np.load(f"{name}.npy")
    form, content = StoreFormat(), Content.IMAGE if name == "raw" else Content.LABELS

    def work() -> None:
        group = form.create_root(NEW)
        array = form.create_level(group, 0, ("z", "y", "x"), data.shape, data.dtype, content)
        write_region(array, tuple(slice(0, length) for length in data.shape), data)

    return work


def write_by_zarrs(name: str) -> Work:
    import zarr

    data = np.load(f"{name}.npy")
    zarr.config.set({
        "codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.chunk_concurrent_maximum": THREADS,
    })  # fmt: skip

    def work() -> None:
        array = zarr.create_array(
            f"{NEW}/0", shape=data.shape, dtype=data.dtype, chunks=CHUNKS, compressors=_codecs_of_zarr(name)
        )
        array[...] = data

    return work


def write_by_tensorstore(name: str) -> Work:
    import tensorstore as ts

    data = np.load(f"{name}.npy")
    metadata = {
        "shape": list(data.shape),
        "data_type": data.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(CHUNKS)}},
        "codecs": _codecs_of_tensorstore(name),
    }
    spec = {**_spec(f"{NEW}/0"), "metadata": metadata, "create": True}
    return lambda: ts.open(spec, context=_context()).result().write(data).result()


def write_image_by_filiation(_name: str) -> Work:
    from filiation.images import Image, write_image

    image = Image(np.load("raw.npy"), ("z", "y", "x"), (1.0,) * 3)
    return lambda: write_image(NEW, image)


def write_and_digest_image(name: str) -> Work:
    from filiation.digest import WrittenFiles, digest_tree

    write = write_image_by_filiation(name)

    def work() -> None:
        with WrittenFiles() as written:
            write()
            digest_tree(NEW, written=written)

    return work


def write_image_by_ngio(_name: str) -> Work:
    from ngio import create_ome_zarr_from_array

    data = np.load("raw.npy")
    return lambda: create_ome_zarr_from_array(
        NEW, data, pixelsize=1.0, axes_names=["z", "y", "x"], ngff_version="0.5", levels=5, chunks=CHUNKS,
        scaling_factors=[2.0, 2.0, 2.0], compressors=_codecs_of_zarr("raw"),
    )  # fmt: skip


def pyramid_by_filiation(pyramid: str = "nearest") -> Work:
    from filiation.images import LabelStore, Pyramid

    data = np.load("labels.npy")
    store = LabelStore(NEW, ("z", "y", "x"), data.shape, (1.0,) * 3, ("",) * 3, pyramid=Pyramid.named(pyramid))

    def work() -> None:
        store.begin()
        for start in range(0, len(data), CHUNKS[0]):
            region = (slice(start, start + CHUNKS[0]), slice(0, data.shape[1]), slice(0, data.shape[2]))
            store.write(region, data[region])
        store.finish(())

    return work


def pyramid_by_ngio(_name: str) -> Work:
    from ngio import create_empty_ome_zarr

    data = np.load("labels.npy")
    image = create_empty_ome_zarr(
        NEW, shape=data.shape, pixelsize=1.0, axes_names=["z", "y", "x"], ngff_version="0.5", levels=5, chunks=CHUNKS,
        scaling_factors=[2.0, 2.0, 2.0], dtype="uint16",
    )  # fmt: skip

    def work() -> None:
        label = image.derive_label("nuclei", dtype="uint32", chunks=CHUNKS, compressors=_codecs_of_zarr("labels"))
        label.set_array(data)
        label.consolidate()

    return work


def pyramid_by_tensorstore(method: str) -> Work:
    import tensorstore as ts

    data = np.load("labels.npy")

    def create(number: int, shape: tuple[int, ...]):
        metadata = {
            "shape": list(shape),
            "data_type": data.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(CHUNKS)}},
            "codecs": _codecs_of_tensorstore("labels"),
        }
        return ts.open({**_spec(f"{NEW}/{number}"), "metadata": metadata, "create": True}, context=_context()).result()

    def work() -> None:
        finer = create(0, data.shape)
        finer.write(data).result()
        for number in range(1, 5):
            smaller = ts.downsample(finer, [2, 2, 2], method)
            coarser = create(number, smaller.shape)
            coarser.write(smaller).result()
            finer = coarser

    return work


class _Reader:
    """Hands over regions of what is in memory."""

    def __init__(self, data: np.ndarray) -> None:
        self._data = data

    def read(self, region: tuple[slice, ...]) -> np.ndarray:
        return self._data[region]

    def close(self) -> None:
        pass


def stream(digesting: str) -> Work:
    from filiation.images import streaming
    from filiation.images.rendering import ChannelLook

    if digesting == "no":
        streaming.block_hash = lambda _block: bytes(32)
    data = np.load("raw.npy")
    outline = streaming.Outline(
        ("z", "y", "x"), data.shape, data.dtype, (1.0,) * 3, ("",) * 3, (ChannelLook("", "FFFFFF"),), {}
    )
    return lambda: streaming.stream_image(NEW, outline, lambda: _Reader(data), workers=THREADS)


def _codecs_of_zarr(name: str):
    from zarr.codecs import BloscCodec, BloscShuffle, Crc32cCodec, ZstdCodec

    if name == "raw":
        return (BloscCodec(cname="zstd", clevel=1, shuffle=BloscShuffle.shuffle, typesize=2), Crc32cCodec())
    return (ZstdCodec(level=1), Crc32cCodec())


def _codecs_of_tensorstore(name: str) -> list[dict[str, object]]:
    blosc = {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}
    first = {"name": "blosc", "configuration": blosc}
    plain = {"name": "zstd", "configuration": {"level": 1}}
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    return [little, first if name == "raw" else plain, {"name": "crc32c"}]


def _spec(path: str) -> dict[str, object]:
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(Path(path).absolute())}}


def _context():
    import tensorstore as ts

    return ts.Context({"data_copy_concurrency": {"limit": THREADS}, "file_io_concurrency": {"limit": 8}})


WORK: dict[str, Callable[[str], Work]] = {
    function.__name__: function
    for function in (
        read_by_zarr, read_by_zarrs, read_by_tensorstore, digest_pixels, write_by_filiation, write_by_zarrs,
        write_by_tensorstore, write_image_by_filiation, write_and_digest_image, write_image_by_ngio,
        pyramid_by_filiation, pyramid_by_ngio,
        pyramid_by_tensorstore, stream,
    )
}  # fmt: skip


def main(name: str, argument: str) -> None:
    """Do one piece of work and print what it cost."""
    warnings.simplefilter("ignore")
    shutil.rmtree(NEW, ignore_errors=True)
    work = WORK[name](argument)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print(time.perf_counter() - wall, time.process_time() - cpu)
    shutil.rmtree(NEW, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
