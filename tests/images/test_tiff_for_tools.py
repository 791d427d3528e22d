"""Images and labels that tools exchange as TIFF."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from filiation.errors import BadInputError, NotFoundError
from filiation.images import Image, open_source, read_tiff_labels, write_tiff


def test_an_image_written_as_tiff_is_the_same_image(tmp_path: Path) -> None:
    data = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    write_tiff(tmp_path / "a.tif", Image(data, ("z", "y", "x"), (2.0, 0.5, 0.5), ("micrometer",) * 3))
    read = open_source(str(tmp_path / "a.tif")).fetch()
    assert np.array_equal(read.data, data)
    assert (read.axes, read.scale, read.units) == (("z", "y", "x"), (2.0, 0.5, 0.5), ("micrometer",) * 3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32", "float32"])
def test_labels_of_any_type_that_holds_whole_numbers_are_read(tmp_path: Path, dtype: str) -> None:
    labels = np.arange(12).reshape(1, 3, 4).astype(dtype)
    tifffile.imwrite(tmp_path / "labels.tif", labels, photometric="minisblack")
    found = read_tiff_labels(tmp_path / "labels.tif")
    assert found.dtype.kind == "u"
    assert np.array_equal(found, labels[0])


def test_what_is_no_label_image_is_refused(tmp_path: Path) -> None:
    for number, data in enumerate((np.array([[0.5, 1]], "f4"), np.array([[-1, 1]], "i2"))):
        tifffile.imwrite(tmp_path / f"{number}.tif", data)
        with pytest.raises(BadInputError, match="expected whole numbers of 0 or more"):
            read_tiff_labels(tmp_path / f"{number}.tif")
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(BadInputError, match="cannot be read as a TIFF file"):
        read_tiff_labels(tmp_path / "text.tif")
    with pytest.raises(NotFoundError):
        read_tiff_labels(tmp_path / "none.tif")
