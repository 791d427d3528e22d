import numpy as np
import pytest

from filiation.errors import BadInputError
from filiation.images import open_source
from filiation.images.synthetic_cells import Cells, cells


@pytest.mark.parametrize("shape", [(64, 80), (16, 40, 48)])
def test_each_true_cell_has_a_nucleus_and_a_membrane(shape: tuple[int, ...]) -> None:
    image, truth = cells(Cells(seed=3, shape=shape))
    assert image.shape == (2, *shape)
    assert truth.shape == shape
    assert image.channels == ("DNA", "membrane")
    assert truth.values == tuple(range(1, len(truth.values) + 1))
    space = tuple(range(truth.data.ndim))
    border = np.zeros(shape, bool)
    for axis in space:
        border |= truth.data != np.roll(truth.data, 1, axis)
    border &= truth.data > 0
    assert image.data[1][border].mean() > 1.5 * image.data[1][~border].mean()


def test_the_same_uri_gives_the_same_tissue_and_names_it() -> None:
    uri = "synthetic:cells?seed=3&shape=48,64&cells=6"
    one, two = open_source(uri), open_source(uri)
    assert one.identify() == two.identify()
    assert one.identify().iri == uri
    assert np.array_equal(one.fetch().data, two.fetch().data)
    assert open_source("synthetic:cells?shape=16,32,32").fetch().shape == (2, 16, 32, 32)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("synthetic:cells?shape=8,64", "two or three lengths of at least 16"),
        ("synthetic:cells?shape=64", "expected 2 whole numbers"),
        ("synthetic:cells?cells=0", "Between 1 and 100000 cells can be placed; found 0."),
        ("synthetic:cells?worms=1", "each of seed, shape, cells may be given once"),
    ],
)
def test_tissue_that_cannot_be_made_is_one_clear_error(uri: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        open_source(uri)
