from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image as Picture

from filiation.errors import BadInputError, NotFoundError
from filiation.images import read_table, write_picture, write_table


def test_a_table_comes_back_with_its_units(tmp_path: Path) -> None:
    area = pa.field("area", pa.float64(), metadata={"unit": "micrometer^2"})
    table = pa.table([pa.array([1, 2]), pa.array([3.0, 4.5])], schema=pa.schema([pa.field("label", pa.int64()), area]))
    write_table(tmp_path / "cells.parquet", table)
    back = read_table(tmp_path / "cells.parquet")
    assert back.equals(table)
    assert back.schema.field("area").metadata == {b"unit": b"micrometer^2"}


def test_a_table_that_is_not_there_or_torn_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        read_table(tmp_path / "none.parquet")
    assert str(caught.value) == f"There is no table at {tmp_path / 'none.parquet'}: the path leads nowhere."
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(BadInputError, match=r"torn\.parquet cannot be read as Parquet: .*damaged or of another kind"):
        read_table(tmp_path / "torn.parquet")


def test_a_table_is_named_as_parquet(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        write_table(tmp_path / "cells.csv", pa.table({"label": [1]}))
    assert str(caught.value) == (
        f"A table is written as Parquet; name it {tmp_path / 'cells.parquet'}, not {tmp_path / 'cells.csv'}."
    )


def test_a_picture_comes_back(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (4, 5, 3), dtype=np.uint8)
    write_picture(tmp_path / "seen" / "x.png", rgb)
    with Picture.open(tmp_path / "seen" / "x.png") as picture:
        assert np.array_equal(np.asarray(picture), rgb)


def test_a_picture_has_three_colours_of_a_byte(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        write_picture(tmp_path / "x.png", np.zeros((4, 5), np.uint16))
    assert str(caught.value) == "A picture has the shape (y, x, 3) and type uint8; found (4, 5) and uint16."
