"""Whatever stands in a store's metadata: what is wrong is told, and nothing else is raised."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.errors import FiliationError
from filiation.images import Image, LabelImage, assemble, check_store, write_image, write_labels
from filiation.images.claims import StoreClaim, read_claim, write_claim
from filiation.images.conformance.mending import plan_mending
from filiation.images.pixels import pixel_digest
from tests.images.test_claims import WHEN

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31),
    st.floats(allow_nan=False),
    st.sampled_from(["", "\0", "../../..", "/", "a" * 5000, "\ud800", "0.4", "zarr.json"]),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just([[1]]),
    st.just({"label-value": "x"}),
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzzed")
    data = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)
    image = Image(data, ("y", "x"), (0.5, 0.5), ("micrometer",) * 2, name="raw")
    write_image(folder / "raw.zarr", image)
    bright = (data > 300).astype(np.uint32)
    labels = LabelImage(bright, ("y", "x"), (0.5, 0.5), source="../raw.zarr", properties={1: {"a": 1}})
    write_labels(folder / "nuclei.zarr", labels)
    write_claim(folder / "nuclei.zarr", StoreClaim(pixel_digest(folder / "nuclei.zarr"), "segment", "segment", WHEN))
    assemble(folder / "cells.zarr", folder / "raw.zarr", {"nuclei": folder / "nuclei.zarr"})
    return folder / "cells.zarr"


def _places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in inner:
        yield from _places(member, (*here, key))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_metadata_are_so_odd_that_anything_else_is_raised(good: Path, tmp_path: Path, data: st.DataObject) -> None:
    store = tmp_path / "odd.zarr"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(good, store)
    files = sorted(store.rglob("zarr.json"))
    file = data.draw(st.sampled_from(files))
    content = json.loads(file.read_text())
    where = data.draw(st.sampled_from(list(_places(content))))
    odd = data.draw(ODD)
    if where:
        holder = content
        for key in where[:-1]:
            holder = holder[key]
        holder[where[-1]] = odd
    else:
        content = odd
    file.unlink()
    file.write_text(json.dumps(content))
    with suppress(FiliationError):
        findings = check_store(store)
        plan_mending(store, findings)
        assert all(finding.message for finding in findings)
    with suppress(FiliationError):
        read_claim(store / "labels" / "nuclei")


def test_chunks_of_no_size_are_told(good: Path, tmp_path: Path) -> None:
    store = tmp_path / "odd.zarr"
    shutil.copytree(good, store)
    file = store / "labels" / "nuclei" / "0" / "zarr.json"
    content = json.loads(file.read_text())
    content["chunk_grid"]["configuration"]["chunk_shape"][0] = False
    file.unlink()
    file.write_text(json.dumps(content))
    assert "unreadable" in {finding.fault for finding in check_store(store)}
