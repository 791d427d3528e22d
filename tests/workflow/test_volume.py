"""The workflow on a volume that is cut into blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from filiation.errors import BadInputError
from filiation.images import check_store, read_labels
from filiation.images.synthetic_volume import Beads3D
from tests.volume_demonstration import LIMIT, demonstrate

pytestmark = pytest.mark.slow


def test_a_volume_is_segmented_and_measured_under_a_limit_on_memory(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = Beads3D(7, (32, 270, 300))
    folder = tmp_path / "volume"
    demonstrate(folder, recipe, LIMIT)
    told = capfd.readouterr().out
    assert f"{recipe.count} objects of {recipe.count} beads" in told
    assert "blocks = [64,256,256]" in told
    assert f"object {recipe.count // 2} of results/beads/nuclei.ome.zarr" in told
    assert "spacing" not in told, "a parameter that the method does not take"
    found = read_labels(folder / "results/beads/nuclei.ome.zarr")
    truth = recipe.truth(tuple(slice(0, length) for length in recipe.shape))
    sizes = np.bincount(found.data.ravel())
    assert found.properties == {label: {"pixels": sizes[label]} for label in range(1, recipe.count + 1)}
    log = (folder / "results/beads/logs/segment.log").read_text()
    assert "segment: segment, 4 of 4" in log
    assert np.array_equal(np.unique(found.data), np.arange(recipe.count + 1))
    assert (found.data > 0).sum() == pytest.approx((truth > 0).sum(), rel=0.05)
    assert pq.read_table(folder / "results/beads/measurements.parquet").num_rows == recipe.count
    assert not check_store(folder / "results/beads/beads.ome.zarr")
    assert not list((folder / "results/beads").glob(".*"))
    demonstrate_again_over = tmp_path / "other"
    demonstrate_again_over.mkdir()
    (demonstrate_again_over / "mine.txt").write_text("mine")
    with pytest.raises(BadInputError, match="not of an earlier demonstration"):
        demonstrate(demonstrate_again_over, recipe, LIMIT)
