import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import zarr
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from zarr.codecs import BytesCodec, GzipCodec

from filiation.errors import BadInputError
from filiation.images import Image, pixel_digest, pixel_digest_of_array, write_image
from filiation.model import DigestKind

SPECIFICATION = (Path(__file__).parents[2] / "docs" / "reference" / "pixel-digest.md").read_text("utf-8")
VECTORS = re.findall(
    r"^\| `(.+)` \| `(.+)` \| `(.+)` \| (\d+) \| `([0-9a-f]{64})` \| `([0-9a-f]{64})` \|$", SPECIFICATION, re.M
)


def _code_of_the_specification():
    (code,) = re.findall(r"```python\n(.+?)```", SPECIFICATION, re.S)
    names: dict = {}
    exec(code, names)
    return names["pixel_digest"]


def _ramp(shape: tuple[int, ...], dtype: str, modulus: int) -> np.ndarray:
    return (np.arange(np.prod(shape)) % modulus).astype(dtype).reshape(shape)


def test_the_specification_has_vectors() -> None:
    assert len(VECTORS) == 7


@pytest.mark.parametrize(("axes", "shape", "dtype", "modulus", "second", "first"), VECTORS)
def test_each_vector_of_the_specification_holds(
    axes: str, shape: str, dtype: str, modulus: str, second: str, first: str
) -> None:
    data = _ramp(tuple(map(int, shape.split(","))), dtype, int(modulus))
    names = tuple(axes.split(","))
    for expected in (f"pixels2:{second}", f"pixels1:{first}"):
        version, _, digits = expected.partition(":")
        assert str(pixel_digest_of_array(data, names, DigestKind(version))) == expected
        assert _code_of_the_specification()(data, names, version) == digits
    assert pixel_digest_of_array(data, names).hex == second


def test_the_first_vector_follows_by_hand() -> None:
    for new, header, expected in ((blake3, b"filiation-pixels-2", 4), (hashlib.sha256, b"filiation-pixels-1", 5)):
        block = new(bytes([0, 1, 2, 3, 4, 5])).digest()
        assert new(header + b"\nuint8\ny,x\n2,3\n" + block).hexdigest() == VECTORS[0][expected]


def _write(path: Path, data: np.ndarray, axes: tuple[str, ...], zarr_format: int, **how) -> Path:
    group = zarr.create_group(path, zarr_format=zarr_format)
    names = {"dimension_names": axes} if zarr_format == 3 else {}
    array = group.create_array("level", shape=data.shape, dtype=data.dtype, **names, **how)
    array[...] = data
    multiscale = {
        "axes": [{"name": name} for name in axes],
        "datasets": [{"path": "level", "coordinateTransformations": [{"type": "scale", "scale": [1.0] * len(axes)}]}],
    }
    if zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}
    else:
        group.attrs["multiscales"] = [{"version": "0.4", **multiscale}]
    return path


WAYS = {
    "zarr 2": {"zarr_format": 2, "chunks": (5, 40, 100)},
    "zarr 2 uncompressed": {"zarr_format": 2, "chunks": (40, 600, 600), "compressors": None},
    "zarr 3": {"zarr_format": 3, "chunks": (7, 33, 512)},
    "zarr 3 sharded": {"zarr_format": 3, "chunks": (4, 50, 50), "shards": (8, 100, 200)},
    "zarr 3 gzip": {"zarr_format": 3, "chunks": (40, 600, 600), "compressors": (GzipCodec(level=1),)},
    "zarr 3 big-endian": {"zarr_format": 3, "chunks": (40, 64, 64), "serializer": BytesCodec(endian="big")},
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_the_digest_is_the_same_whatever_the_file(tmp_path: Path, dtype: str) -> None:
    data = np.random.default_rng(3).integers(0, 60000, (34, 20, 520)).astype(dtype)
    data[:20] = 0  # chunks that hold only the fill value are absent on disk
    axes = ("z", "y", "x")
    found = {name: pixel_digest(_write(tmp_path / name, data, axes, **how)) for name, how in WAYS.items()}
    write_image(tmp_path / "ours.ome.zarr", Image(data, axes, (3.0, 1.0, 1.0)))
    found["ours"] = pixel_digest(tmp_path / "ours.ome.zarr", workers=2)
    assert set(found.values()) == {pixel_digest_of_array(data, axes)}
    first = pixel_digest_of_array(data, axes, DigestKind.PIXELS_1)
    assert pixel_digest(tmp_path / "ours.ome.zarr", DigestKind.PIXELS_1) == first != found["ours"]


@pytest.mark.parametrize("fill", [0, 7])
def test_blocks_of_which_no_chunk_is_there_count_as_their_fill_value(tmp_path: Path, fill: int) -> None:
    data = np.full((70, 20, 1030), fill, "uint16")
    data[40, 3, 600] = 9
    axes = ("z", "y", "x")
    place = _write(tmp_path / "sparse.zarr", data, axes, 3, chunks=(32, 20, 256), fill_value=fill)
    assert len([file for file in (place / "level" / "c").rglob("*") if file.is_file()]) == 1
    assert pixel_digest(place) == pixel_digest_of_array(data, axes)


@pytest.mark.slow
@given(
    data=hnp.arrays(
        st.sampled_from(["uint8", "<u2", ">u2", ">f4", "int64", "bool"]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
    )
)
@settings(max_examples=60)
def test_byte_order_and_memory_layout_do_not_count(data: np.ndarray) -> None:
    axes = ("z", "y", "x")
    assert pixel_digest_of_array(np.asfortranarray(data), axes) == pixel_digest_of_array(data, axes)
    assert pixel_digest_of_array(data.astype(data.dtype.newbyteorder(">")), axes).hex == _code_of_the_specification()(
        data, axes
    )


@given(place=st.tuples(st.integers(0, 39), st.integers(0, 2), st.integers(0, 515)), bit=st.integers(0, 15))
@settings(max_examples=60)
def test_any_bit_of_any_pixel_counts(place: tuple[int, int, int], bit: int) -> None:
    data = _ramp((40, 3, 516), "uint16", 65521)
    before = pixel_digest_of_array(data, ("z", "y", "x"))
    data[place] ^= 1 << bit
    assert pixel_digest_of_array(data, ("z", "y", "x")) != before


def test_shape_axes_and_type_count() -> None:
    data = np.zeros((4, 4, 4), "uint8")
    digests = [
        pixel_digest_of_array(data, ("z", "y", "x")),
        pixel_digest_of_array(data, ("t", "y", "x")),
        pixel_digest_of_array(data.reshape(2, 8, 4), ("z", "y", "x")),
        pixel_digest_of_array(data.astype("int8"), ("z", "y", "x")),
        pixel_digest_of_array(data.astype("bool"), ("z", "y", "x")),
    ]
    assert len(set(digests)) == len(digests)


def test_names_and_dimensions_must_match() -> None:
    with pytest.raises(BadInputError) as caught:
        pixel_digest_of_array(np.zeros((2, 2)), ("x",))
    assert str(caught.value) == "A pixel digest needs one axis name for each dimension; found 1 for 2."


def test_text_has_no_pixel_digest() -> None:
    with pytest.raises(BadInputError, match="A pixel digest is over integers, floats or booleans; found <U1"):
        pixel_digest_of_array(np.array([["a"]]), ("y", "x"))
