import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filiation.errors import BadInputError
from filiation.segmentation import Agreement, agreement

LABELS = hnp.arrays(np.uint8, st.just((4, 6)), elements=st.integers(0, 4))


@given(LABELS)
def test_labels_agree_fully_with_themselves_under_other_names(labels: np.ndarray) -> None:
    renamed = np.where(labels, 100 - labels, 0)
    objects = len(np.unique(labels[labels > 0]))
    assert agreement(labels, renamed) == Agreement(1.0, 1.0, objects, objects, objects)


@given(LABELS, LABELS)
def test_agreement_is_between_none_and_full(truth: np.ndarray, labels: np.ndarray) -> None:
    found = agreement(truth, labels)
    assert 0 <= found.f1 <= 1
    assert 0 <= found.aji <= 1
    assert found.matched <= min(found.true, found.found)


@given(LABELS, LABELS)
def test_f1_follows_its_definition(truth: np.ndarray, labels: np.ndarray) -> None:
    pairs = [
        (np.sum((truth == one) & (labels == other)), np.sum((truth == one) | (labels == other)))
        for one in np.unique(truth[truth > 0])
        for other in np.unique(labels[labels > 0])
    ]
    right = sum(shared / union > 0.5 for shared, union in pairs)
    found = agreement(truth, labels)
    assert found.matched == right


def test_a_split_object_is_missed_and_found_twice_too_small() -> None:
    truth = np.array([[1, 1, 1, 1]])
    found = agreement(truth, np.array([[1, 1, 2, 2]]))
    assert found == Agreement(f1=0.0, aji=2 / 6, true=1, found=2, matched=0)


def test_what_is_found_in_the_background_lowers_the_index() -> None:
    truth = np.array([[1, 1, 0, 0]])
    assert agreement(truth, np.array([[1, 1, 0, 2]])).aji == 2 / 3


def test_nothing_agrees_with_nothing() -> None:
    empty = np.zeros((2, 2), int)
    assert agreement(empty, empty) == Agreement(1.0, 1.0, 0, 0, 0)
    assert agreement(empty, empty + 1) == Agreement(0.0, 0.0, 0, 1, 0)


def test_shapes_and_threshold_are_checked() -> None:
    with pytest.raises(BadInputError) as caught:
        agreement(np.zeros((2, 2), int), np.zeros((2, 3), int))
    assert str(caught.value) == "Labels of shape (2, 3) cannot be compared with a truth of shape (2, 2)."
    with pytest.raises(BadInputError, match=r"is in 0\.5 … 1; found 0\.3"):
        agreement(np.zeros((2, 2), int), np.zeros((2, 2), int), threshold=0.3)
