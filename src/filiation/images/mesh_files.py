"""Meshes of objects as files: PLY, binary glTF, and Neuroglancer's precomputed meshes, each with what it is a mesh of.

All have coordinates x, y, z. What they count from and in differs, as their readers expect:

- PLY (binary, little-endian; Turk 1994): the image's own unit, from the centre of its first voxel, as OME-Zarr does;
- glTF 2.0 (https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html): the same numbers under a node that scales them
  to metres, the only unit that glTF has;
- Neuroglancer (its ``docs``: "Precomputed mesh data format", legacy single-resolution): nanometres, from the corner of
  the first voxel.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.errors import BadInputError
from filiation.images.multiscale import open_multiscale
from filiation.images.ome_zarr import replaced_when_whole
from filiation.images.pixels import pixel_digest

FORMATS: Final = ("ply", "glb", "precomputed")
PRECOMPUTED: Final = "precomputed"
"""The folder of Neuroglancer's meshes, inside that of all meshes."""
_LEGACY: Final = "neuroglancer_legacy_mesh"
_METRES: Final = {
    "angstrom": 1e-10, "picometer": 1e-12, "nanometer": 1e-9, "micrometer": 1e-6, "millimeter": 1e-3,
    "centimeter": 1e-2, "meter": 1.0,
}  # fmt: skip
_MANIFEST: Final = re.compile(r"(\d{1,19}):0")
_HEAD: Final = 2**16
"""Bytes in which a mesh says what it is of."""
_GLTF, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942
_FLOAT32, _UINT32, _ARRAY_BUFFER, _ELEMENT_BUFFER, _TRIANGLES = 5126, 5125, 34962, 34963, 4


class Surface(Protocol):
    """A closed mesh; positions in the image's unit, from the centre of its first voxel."""

    @property
    def vertices(self) -> npt.NDArray[np.float64]:
        """One row (x, y, z) each."""

    @property
    def faces(self) -> npt.NDArray[np.uint32]:
        """Three vertices each, counter-clockwise as seen from outside."""

    @property
    def voxels(self) -> int:
        """Of the object."""

    @property
    def deviation(self) -> float:
        """How far it may be from the surface as it was before it was simplified."""

    @property
    def volume(self) -> float:
        """What it encloses."""


def write_meshes(
    folder: Path, labels: Path, surfaces: Iterable[tuple[int, Surface]], formats: Sequence[str] = ("ply",)
) -> pa.Table:
    """Write a folder with one mesh for each object of a label image, and return a table of them.

    Columns: ``label``; ``vertices`` and ``faces``, counts; ``voxels``; ``voxel_volume``, theirs, and ``mesh_volume``,
    what the mesh encloses, in the cube of the image's unit; ``deviation``, how far at most the mesh is from the exact
    one, in the unit.

    Parameters
    ----------
    folder
        To be made. A mesh is named by its label: ``17.ply``, ``17.glb``, ``precomputed/17:0``. In the head of the first
        two stand the label, and the pixel digest of the label image, by which a mesh found alone can be traced.
    labels
        The OME-Zarr label image, with axes z, y, x.
    surfaces
        Label and mesh of each object.
    formats
        Of ``ply``, ``glb`` and ``precomputed``.

    Raises
    ------
    NotFoundError
        If there is no label image.
    BadInputError
        If a format is unknown, the labels are not 3-D, Neuroglancer's meshes are asked for and the image has no unit of
        length, or there is something at ``folder`` already.
    """
    store = open_multiscale(labels)
    unit = store.units[-1] if len(set(store.units)) == 1 else ""
    _check(formats, store.axes, unit, labels)
    scale = store.full.scale
    shift = np.array(store.full.translation[::-1])
    metres = _METRES.get(unit)
    pixels = str(pixel_digest(labels))
    rows = []
    with replaced_when_whole(folder) as made:
        made.mkdir(exist_ok=True)
        if "precomputed" in formats:
            (made / PRECOMPUTED).mkdir()
            (made / PRECOMPUTED / "info").write_text(json.dumps({"@type": _LEGACY}), "utf-8")
        for label, surface in surfaces:
            placed = surface.vertices + shift
            told = {
                "label": label, "name": f"{store.name} {label}".strip(), "axes": "x y z", "unit": unit or "unknown",
                "origin": "centre of the first voxel", "deviation": float(f"{surface.deviation:.6g}"), "pixels": pixels,
            }  # fmt: skip
            if "ply" in formats:
                (made / f"{label}.ply").write_bytes(ply(placed, surface.faces, told))
            if "glb" in formats:
                (made / f"{label}.glb").write_bytes(glb(placed, surface.faces, told, metres))
            if "precomputed" in formats and metres is not None:
                cornered = (surface.vertices + np.array(scale[::-1]) / 2) * (metres * 1e9)
                _write_precomputed(made / PRECOMPUTED, label, cornered, surface.faces)
            rows.append(_row(label, surface, scale))
    return _table(rows, unit)


def ply(vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.uint32], told: dict[str, Any]) -> bytes:
    """Return a mesh as PLY; what is told of it stands in comments, ``label 17`` among them."""
    comments = "".join(f"comment {key} {value}\n" for key, value in told.items())
    head = (
        f"ply\nformat binary_little_endian 1.0\n{comments}element vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar uint vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), [("count", "u1"), ("corners", "<u4", 3)])
    rows["count"], rows["corners"] = 3, faces
    return head.encode() + vertices.astype("<f4").tobytes() + rows.tobytes()


def glb(
    vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.uint32], told: dict[str, Any], metres: float | None
) -> bytes:
    """Return a mesh as binary glTF 2.0; what is told of it stands in the ``extras`` of its node.

    Parameters
    ----------
    vertices, faces, told
        As in :func:`ply`.
    metres
        Length of the unit in metres; None if it is not known, and the numbers stand unscaled.
    """
    positions = vertices.astype("<f4")
    points, corners = positions.tobytes(), faces.astype("<u4").tobytes()
    node: dict[str, Any] = {"mesh": 0, "name": str(told["name"]), "extras": told}
    if metres is not None:
        node["scale"] = [metres] * 3
    document = {
        "asset": {"version": "2.0", "generator": "filiation"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": _TRIANGLES}]}],
        "accessors": [
            {
                "bufferView": 0, "componentType": _FLOAT32, "count": len(vertices), "type": "VEC3",
                "min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist(),
            },
            {"bufferView": 1, "componentType": _UINT32, "count": 3 * len(faces), "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(points), "target": _ARRAY_BUFFER},
            {"buffer": 0, "byteOffset": len(points), "byteLength": len(corners), "target": _ELEMENT_BUFFER},
        ],
        "buffers": [{"byteLength": len(points) + len(corners)}],
    }  # fmt: skip
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), _JSON) + text
    body += struct.pack("<II", len(points) + len(corners), _BINARY) + points + corners  # both are multiples of 4
    return struct.pack("<III", _GLTF, 2, 12 + len(body)) + body


def label_of_mesh(path: Path) -> int | None:
    """Return the label of the object that a file of ours is a mesh of; None if it says nothing of it."""
    try:
        if manifest := _MANIFEST.fullmatch(path.name):
            kind = json.loads((path.parent / "info").read_text("utf-8"))["@type"]
            return int(manifest[1]) if kind == _LEGACY and path.is_file() else None
        return int(_told_of(path)["label"])
    except (OSError, struct.error, RecursionError, ValueError, KeyError, IndexError, TypeError):
        return None


def pixels_of_mesh(path: Path) -> str | None:
    """Return the pixel digest of the label image that a PLY or glTF file says it was made of; None if it says none."""
    try:
        return str(_told_of(path)["pixels"])
    except (OSError, struct.error, RecursionError, ValueError, KeyError, IndexError, TypeError):
        return None


def _told_of(path: Path) -> dict[str, Any]:
    """Return what a mesh says of itself in its head; raises what a file raises that is none."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"ply\n"):
        lines = head.partition(b"end_header")[0].decode().splitlines()
        words = (line.split(" ", 2) for line in lines if line.startswith("comment "))
        return {key: value for _, key, value in words}
    magic, _, _, length, kind = struct.unpack_from("<5I", head)
    if (magic, kind) != (_GLTF, _JSON):
        raise ValueError("neither PLY nor binary glTF")
    extras: dict[str, Any] = json.loads(head[20 : 20 + length])["nodes"][0]["extras"]
    return extras


def meshes_of_object(folder: Path, label: int) -> tuple[Path, ...]:
    """Return the files in a folder that are meshes of one object."""
    named = (f"{label}.ply", f"{label}.glb", f"{PRECOMPUTED}/{label}:0")
    return tuple(path for name in named if label_of_mesh(path := folder / name) == label)


def _check(formats: Sequence[str], axes: tuple[str, ...], unit: str, labels: Path) -> None:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise BadInputError(
            f"Meshes are written as {', '.join(FORMATS)}, one or more of them; found {', '.join(unknown) or 'none'}."
        )
    if axes != ("z", "y", "x"):
        raise BadInputError(
            f"Meshes are made of label images with the axes z, y, x; {labels} has {', '.join(axes)}. Leave meshes out, "
            "in the workflow by the column `meshes` of the sample sheet."
        )
    if PRECOMPUTED in formats and unit not in _METRES:
        raise BadInputError(
            f"Neuroglancer's meshes are in nanometres, and {labels} has {unit or 'no unit'} as unit of its axes; "
            f"expected one of {', '.join(_METRES)}. Leave the format {PRECOMPUTED!r} out."
        )


def _write_precomputed(
    folder: Path, label: int, vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.uint32]
) -> None:
    """Write the manifest of one object, and its only fragment."""
    (folder / f"{label}:0").write_text(json.dumps({"fragments": [str(label)]}), "utf-8")
    points, corners = vertices.astype("<f4").tobytes(), faces.astype("<u4").tobytes()
    (folder / str(label)).write_bytes(struct.pack("<I", len(vertices)) + points + corners)


def _row(label: int, surface: Surface, scale: tuple[float, ...]) -> tuple[float, ...]:
    voxel = float(np.prod(scale))
    return (
        label, len(surface.vertices), len(surface.faces), surface.voxels, surface.voxels * voxel, surface.volume,
        surface.deviation,
    )  # fmt: skip


def _table(rows: list[tuple[float, ...]], unit: str) -> pa.Table:
    cube = f"{unit}^3" if unit else ""
    whole, real = pa.int64(), pa.float64()
    columns = (
        ("label", whole, ""), ("vertices", whole, ""), ("faces", whole, ""), ("voxels", whole, "pixel"),
        ("voxel_volume", real, cube), ("mesh_volume", real, cube), ("deviation", real, unit),
    )  # fmt: skip
    schema = pa.schema(
        [
            pa.field(name, kind, nullable=False, metadata={"unit": told} if told else None)
            for name, kind, told in columns
        ]
    )
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pa.table([pa.array(column, kind) for column, (_, kind, _) in zip(values, columns, strict=True)], schema)
