"""The store changes as a whole or not at all, and its collections are what points to a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)

from tests.omero_server.deletion import Deletion
from tests.omero_server.rows import Row
from tests.omero_server.store import Store

steps = st.lists(
    st.tuples(st.sampled_from(["insert", "rename", "link", "delete"]), st.integers(0, 9), st.integers(0, 9)),
    max_size=12,
)


def change(store: Store, step: str, one: int, other: int) -> None:
    """Do one thing to some of the rows there are."""
    images, datasets = list(store.rows("Image")), list(store.rows("Dataset"))
    if step == "insert" or not images or not datasets:
        store.insert("Image" if one % 2 else "Dataset", {"name": f"new {other}"})
    elif step == "rename":
        store.set(images[one % len(images)], "name", f"renamed {other}")
    elif step == "link":
        pair = {"parent": datasets[one % len(datasets)], "child": images[other % len(images)]}
        store.insert("DatasetImageLink", dict(pair))
    else:
        deletion = Deletion(store)
        deletion.add((images + datasets)[one % len(images + datasets)])
        deletion.carry_out()


def change_and_fail(store: Store, done: list[tuple[str, int, int]]) -> None:
    """Do several things in one transaction that ends in an error."""
    with store.transaction():
        for step in done:
            change(store, *step)
        _ = 1 / 0


def picture(store: Store) -> dict[str, object]:
    """Return all rows with their values, and what points to each."""
    rows = [row for table in store.tables.values() for row in table.values() if row.kind != "Event"]
    return {
        str(row): (
            {name: str(value) for name, value in row.values.items() if name != "details" and value is not None},
            sorted(f"{other}.{name}" for other, name in store.pointing[row]),
        )
        for row in rows
    }


@given(steps, steps)
def test_what_ends_in_an_error_leaves_nothing_behind(
    before: list[tuple[str, int, int]], inside: list[tuple[str, int, int]]
):
    store = Store()
    for step in before:
        change(store, *step)
    seen = picture(store)

    with pytest.raises(ZeroDivisionError):
        change_and_fail(store, inside)

    assert picture(store) == seen


@given(steps)
def test_no_row_points_to_one_that_is_gone(done: list[tuple[str, int, int]]):
    store = Store()
    for step in done:
        change(store, *step)

    rows = {row for table in store.tables.values() for row in table.values()}
    for row in rows:
        targets = [value for value in row.values.values() if isinstance(value, Row) and value.id is not None]
        assert set(targets) <= rows
        assert all(any(other is row for other, _ in store.pointing[target]) for target in targets)


def test_contents_stay_where_something_else_holds_them():
    store = Store()
    first, second = (store.insert("Dataset", {"name": name}) for name in ("first", "second"))
    both, one = (store.insert("Image", {"name": name}) for name in ("both", "one"))
    for parent, child in ((first, both), (second, both), (first, one)):
        store.insert("DatasetImageLink", {"parent": parent, "child": child})

    deletion = Deletion(store)
    deletion.add(first)
    deletion.carry_out()

    assert [row["name"] for row in store.rows("Image")] == ["both"]
    assert [row["name"] for row in store.rows("Dataset")] == ["second"]
