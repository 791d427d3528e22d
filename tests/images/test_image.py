import numpy as np
import pytest

from filiation.errors import BadInputError
from filiation.images import Image, LabelImage


def test_what_is_not_known_of_a_pixel_size_is_1_without_a_unit() -> None:
    image = Image(np.zeros((2, 3)), ("y", "x"))
    assert image.scale == (1.0, 1.0)
    assert image.units == ("", "")


def test_a_channel_has_the_axes_of_space_alone() -> None:
    data = np.arange(2 * 3 * 4 * 5).reshape(1, 2, 3, 4, 5)
    image = Image(data, ("t", "c", "z", "y", "x"), (1, 1, 2.0, 0.5, 0.5), channels=("DNA", "actin"))
    actin = image.channel(1)
    assert actin.axes == ("z", "y", "x")
    assert actin.scale == (2.0, 0.5, 0.5)
    assert actin.channels == ("actin",)
    assert np.array_equal(actin.data, data[0, 1])


def test_a_channel_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInputError) as caught:
        Image(np.zeros((2, 3)), ("y", "x"), name="plain").channel(1)
    assert str(caught.value) == "Image 'plain' has 1 channel(s), counted from 0; channel 1 was asked for."


def test_a_time_series_is_not_taken_for_one_image() -> None:
    with pytest.raises(BadInputError) as caught:
        Image(np.zeros((4, 2, 3)), ("t", "y", "x"), name="film").channel(0)
    assert str(caught.value) == ("Image 'film' has 4 time points; one is expected. Split the series into images.")


@pytest.mark.parametrize("axes", [("x", "y"), ("q", "y", "x"), ("y", "y", "x"), ("z", "c", "y", "x"), ("y",), ()])
def test_axes_in_another_order_or_of_another_name_are_refused(axes: tuple[str, ...]) -> None:
    with pytest.raises(BadInputError, match=r"expected some of t, c, z, y, x, each at most once"):
        Image(np.zeros((2,) * len(axes)), axes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((2, 3, 4)), "Data of 3 dimension(s) do not go with 2 axes (y, x), 2 pixel sizes and 2 units: "
         "there must be one of each for each dimension."),
        (np.zeros((2, 0)), "There are no pixels: y, x are (2, 0)."),
        (np.zeros((2, 3), complex), "An image holds integers, floats or booleans; found complex128."),
    ],
)  # fmt: skip
def test_data_that_are_no_image_are_refused(data: np.ndarray, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        Image(data, ("y", "x"))
    assert str(caught.value) == message


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pixel_size_that_is_none_is_refused(size: float) -> None:
    with pytest.raises(BadInputError, match=f"The pixel size along x must be positive; found {size}"):
        Image(np.zeros((2, 3)), ("y", "x"), (1.0, size))


def test_labels_are_whole_numbers_of_0_or_more() -> None:
    with pytest.raises(BadInputError, match="A label image holds integers; found float64"):
        LabelImage(np.zeros((2, 3)), ("y", "x"))
    with pytest.raises(BadInputError, match="Labels are 0 or larger; found -3"):
        LabelImage(np.array([[0, -3]]), ("y", "x"))


def test_labels_of_another_shape_do_not_fit_an_image(image: Image) -> None:
    with pytest.raises(BadInputError) as caught:
        image.labelled(np.zeros((6, 150, 300), int))
    assert str(caught.value) == (
        "Labels of shape (6, 150, 300) do not fit image 'cells', whose z, y, x are (6, 150, 301)."
    )
