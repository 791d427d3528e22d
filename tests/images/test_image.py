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
    assert str(caught.value) == (
        "Image 'film' has 4 time points; one is expected. Take them one by one with `time_point`, or all with "
        "`filiation.segmentation.segment_frames`."
    )


def test_a_channel_is_taken_by_its_name_or_its_number_and_time_stays() -> None:
    data = np.arange(3 * 2 * 4 * 5).reshape(3, 2, 4, 5)
    film = Image(data, ("t", "c", "y", "x"), (60.0, 1, 0.5, 0.5), ("second", "", "", ""), ("DNA", "488"), "film")
    for which in ("488", 1):
        seen = film.one_channel(which)
        assert (seen.axes, seen.scale, seen.units) == (("t", "y", "x"), (60.0, 0.5, 0.5), ("second", "", ""))
        assert seen.channels == ("488",)
        assert np.array_equal(seen.data, data[:, 1])
    assert film.channel_number("0") == 0
    assert np.array_equal(film.time_point(2).one_channel("DNA").data, data[2, 0])


@pytest.mark.parametrize(
    ("which", "names", "message"),
    [
        ("actin", ("DNA", "membrane"), "Image 'film' has 2 channel(s), counted from 0; channel actin was asked for. "
         "Known are DNA (0), membrane (1)."),
        ("actin", (), "Image 'film' has 2 channel(s), counted from 0; channel actin was asked for. "
         "They have no names."),
        ("DNA", ("DNA", "DNA"), "Image 'film' has 2 channels named 'DNA'; give a number: DNA (0), DNA (1)."),
        (-1, ("DNA", "membrane"), "Image 'film' has 2 channel(s), counted from 0; channel -1 was asked for. "
         "Known are DNA (0), membrane (1)."),
    ],
)  # fmt: skip
def test_a_channel_that_has_another_name_is_told_with_those_there_are(
    which: int | str, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        Image(np.zeros((2, 4, 5)), ("c", "y", "x"), channels=names, name="film").one_channel(which)
    assert str(caught.value) == message


def test_a_time_point_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInputError, match=r"Image 'film' has 4 time point\(s\), counted from 0; time point 4 was"):
        Image(np.zeros((4, 2, 3)), ("t", "y", "x"), name="film").time_point(4)


def test_labels_keep_the_time_axis_of_their_image() -> None:
    film = Image(np.zeros((3, 2, 4, 5)), ("t", "c", "y", "x"), (60.0, 1, 0.5, 0.5), ("second", "", "", ""))
    labels = film.labelled(np.ones((3, 4, 5), np.uint32), name="cells")
    assert (labels.axes, labels.scale, labels.units) == (("t", "y", "x"), (60.0, 0.5, 0.5), ("second", "", ""))
    assert labels.properties == {1: {"pixels": 60}}
    with pytest.raises(BadInputError, match=r"whose t, y, x are \(3, 4, 5\)"):
        film.labelled(np.ones((4, 5), np.uint32))


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
