from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pyarrow as pa
import pytest
import zarr

from filiation.digest import digest_tree
from filiation.errors import BadInputError, MissingExtraError
from filiation.images import write_anndata
from filiation.segmentation import measure


@pytest.mark.parametrize(("name", "read"), [("cells.h5ad", anndata.read_h5ad), ("cells.zarr", anndata.read_zarr)])
def test_anndata_reads_the_measurements_with_their_units(
    tmp_path: Path, name: str, read: Callable[[Path], anndata.AnnData]
) -> None:
    labels = np.array([[1, 1, 0], [0, 0, 300]])
    table = measure(labels, labels * 2, ("y", "x"), (0.5, 0.25), ("micrometer", "micrometer"))
    table = table.append_column("phase", pa.array(["G1", None]))
    write_anndata(tmp_path / name, table, "nuclei")

    found = read(tmp_path / name)

    assert found.obs["label"].tolist() == [1, 300]
    assert found.obs["region"].tolist() == ["nuclei", "nuclei"]
    assert found.obs["phase"].iloc[0] == "G1"
    assert found.var_names.tolist() == [name for name in table.column_names if name not in ("label", "phase")]
    for column in found.var_names:
        assert found[:, column].X.ravel().tolist() == table.column(column).to_pylist()
    assert found.var.loc["area", "unit"] == "micrometer^2"
    assert found.obsm["spatial"].tolist() == [[0.125, 0.0], [0.5, 0.5]]
    assert dict(found.uns["spatialdata_attrs"]) == {
        "region": "nuclei", "region_key": "region", "instance_key": "label",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_rows_of_a_time_series_have_names_of_their_own(tmp_path: Path) -> None:
    write_anndata(tmp_path / "tracks.h5ad", pa.table({"label": [1, 1, 2], "t": [0, 1, 1]}), "tracks")
    found = anndata.read_h5ad(tmp_path / "tracks.h5ad")
    assert found.obs_names.tolist() == ["1 t0", "1 t1", "2 t1"]
    assert found.obs["label"].tolist() == [1, 1, 2]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"label": [1, 2], "area": [2.5, 3.5]})
    for name in ("a.h5ad", "b.h5ad", "a.zarr", "b.zarr"):
        write_anndata(tmp_path / name, table, "nuclei")
    assert (tmp_path / "a.h5ad").read_bytes() == (tmp_path / "b.h5ad").read_bytes()
    assert digest_tree(tmp_path / "a.zarr") == digest_tree(tmp_path / "b.zarr")
    assert zarr.open_group(tmp_path / "a.zarr", mode="r").metadata.zarr_format == 3
    with pytest.raises(BadInputError, match=r"a\.zarr is there already"):
        write_anndata(tmp_path / "a.zarr", table, "nuclei")


def test_what_cannot_be_anndata_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"label": [1]})
    with pytest.raises(
        BadInputError, match=r"name the file .*cells\.h5ad or the folder .*cells\.zarr, not .*cells\.csv"
    ):
        write_anndata(tmp_path / "cells.csv", table, "nuclei")
    with pytest.raises(BadInputError, match="with a column 'label'; this one has area"):
        write_anndata(tmp_path / "cells.h5ad", pa.table({"area": [1.0]}), "nuclei")
    monkeypatch.setitem(__import__("sys").modules, "anndata", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'filiation\[anndata\]'"):
        write_anndata(tmp_path / "cells.h5ad", table, "nuclei")
