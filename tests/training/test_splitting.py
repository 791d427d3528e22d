"""Groups are never divided, every part that is wanted gets something, and the same question has the same answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.errors import BadInputError
from filiation.training import Split, assign

sizes = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 20), min_size=3, max_size=30)


@given(sizes, st.integers(0, 5), st.randoms())
def test_the_order_in_which_groups_are_told_does_not_matter(sizes: dict[str, int], seed: int, random: object):
    split = Split((0.6, 0.2, 0.2), seed)
    names = list(sizes)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert assign({name: sizes[name] for name in names}, split) == assign(sizes, split)


@given(sizes)
def test_every_part_gets_a_group_and_every_group_a_part(sizes: dict[str, int]):
    parts = assign(sizes, Split((0.8, 0.1, 0.1)))
    assert parts.keys() == sizes.keys()
    assert set(parts.values()) == {"train", "val", "test"}


@given(st.integers(1, 6), st.integers(0, 50))
def test_equal_groups_are_divided_as_the_shares_say(times: int, seed: int):
    parts = assign({f"g{number}": 7 for number in range(10 * times)}, Split((0.7, 0.2, 0.1), seed))
    counts = [list(parts.values()).count(part) for part in ("train", "val", "test")]
    assert counts == [7 * times, 2 * times, times]


def test_another_seed_gives_another_division():
    groups = {f"g{number}": 1 for number in range(30)}
    assert len({tuple(assign(groups, Split((0.5, 0.0, 0.5), seed)).items()) for seed in range(5)}) == 5


def test_too_few_groups_are_refused_with_what_to_do():
    with pytest.raises(BadInputError, match=r"There are 2 group\(s\).*3 parts \(train, val, test\).*lower level"):
        assign({"a": 5, "b": 1}, Split.read("0.8/0.1/0.1"))


@pytest.mark.parametrize(
    "text", ["", "0.8", "a/b/c", "0.8/0.3", "1/-1/1", "nan/0.5/0.5", "0/0.5/0.5", "0.2/0.2/0.2/0.4"]
)
def test_what_is_no_division_is_refused(text: str):
    with pytest.raises(BadInputError, match="is no division"):
        Split.read(text)


def test_two_shares_leave_out_validation():
    assert Split.read("0.75/0.25").wanted == {"train": 0.75, "test": 0.25}
