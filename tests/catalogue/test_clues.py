"""By which digest, pixels and path the index finds things: whatever level their clues stand in, and those alone."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.catalogue import EntityNode, LineageIndex, RunSummary
from filiation.catalogue.clues import SLICES
from filiation.catalogue.derive import Derived
from filiation.catalogue.index_part import copy_crates
from filiation.catalogue.join_rules import work_out_joins
from filiation.model import Digest, DigestKind, run_iri

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _iri(number: int) -> str:
    return run_iri(f"00000000-0000-4000-8000-{number:012d}")


def _digest(text: str, kind: DigestKind = DigestKind.FILE) -> Digest:
    return Digest(kind, sha256(text.encode()).hexdigest())


def _run(number: int, things: Iterable[tuple[str, Digest | None, bool]], pixels: Digest | None = None) -> Derived:
    """Return a run of things, each given by its path, its digest and whether the run made it."""
    crate = _iri(number)
    entities = tuple(
        EntityNode(
            f"{crate}work/{path}", crate, path, digest=digest, pixels=pixels, generated=made, place=f"/{number}/{path}"
        )
        for path, digest, made in things
    )
    begins = _BEGIN + timedelta(hours=number)
    run = RunSummary(crate.split(",")[1].rstrip("/"), crate, "finished", begins, begins + timedelta(minutes=1))
    return Derived(run, entities, (), (), ())


def _put(index: LineageIndex, run: Derived) -> None:
    index.replace(run, folder=run.run.id, stamp="", digest=run.run.id)


def _levels(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        return [
            connection.execute(f"SELECT count(*) FROM clue_{level}").fetchone()[0] for level in range(len(SLICES) + 1)
        ]


def test_things_are_found_by_digest_and_path_while_their_clues_move_on_from_level_to_level(tmp_path: Path) -> None:
    place = tmp_path / "index.sqlite"
    crates = 3 * SLICES[0]
    with LineageIndex(place, create=True) as index:
        for number in range(crates):
            made = [(f"results/{name}.tif", _digest(f"{number} {name}"), True) for name in range(10)]
            _put(index, _run(number, [*made, ("model.pt", _digest("model"), False)]))
            for name in range(10):
                (found,) = index.entities(digest=str(_digest(f"{number} {name}")))
                assert (found.crate, found.path) == (_iri(number), f"results/{name}.tif")
            assert index.how_many_at("results/0.tif") == number + 1
        assert len(index.entities(digest=str(_digest("model")), generated=False)) == crates
        assert index.entities(digest=str(_digest("model")), generated=True) == ()
        assert [node.crate for node in index.newest_at("model.pt", 3)] == [_iri(crates - each) for each in (1, 2, 3)]
        assert index.digests_made_again() == ()
        assert all(index.finds_all_of(_iri(number)) for number in range(crates))
    new, next_, *_ = _levels(place)
    assert 0 < new < 11 * 2 * SLICES[0]  # what came earlier has moved on
    assert next_ > 0


def test_what_shares_the_bits_of_a_clue_is_told_apart(tmp_path: Path) -> None:
    one, other = (Digest(DigestKind.FILE, "abcdef01" + digit * 56) for digit in "12")
    alike = "results/038df0ea", "results/f286407f"
    assert len({crc32(path.encode()) >> 3 for path in alike}) == 1
    with LineageIndex(tmp_path / "index.sqlite", create=True) as index:
        _put(index, _run(1, [(alike[0], one, True)]))
        _put(index, _run(2, [(alike[1], other, True), ("found", one, False)]))
        assert [node.path for node in index.entities(digest=str(one))] == [alike[0], "found"]
        assert [node.path for node in index.entities(digest=str(other))] == [alike[1]]
        assert [node.crate for node in index.entities(path=alike[0])] == [_iri(1)]
        assert index.how_many_at(alike[1]) == 1
        assert index.digests_made_again() == ()
        assert index.digests_like("abcdef01") == (str(one), str(other))
        assert index.digests_like("abcdef012") == (str(other),)
        assert index.digests_like("xyz") == ()
        assert index.entities(digest="no digest") == ()


def test_digests_and_pixels_that_runs_made_again_are_listed_once(tmp_path: Path) -> None:
    pixels = _digest("pixels", DigestKind.PIXELS)
    address = "https://example.org/1.tif"
    with LineageIndex(tmp_path / "index.sqlite", create=True) as index:
        _put(index, _run(1, [("a", _digest("a"), True), ("b", _digest("b"), True)], pixels))
        _put(index, _run(2, [("c", _digest("a"), True), ("b", _digest("b"), False)]))
        for number in (3, 4):  # which tell of one thing, at its own address
            run = _run(number, [])
            thing = EntityNode(address, run.run.iri, address, digest=_digest("there"), generated=True)
            _put(index, Derived(run.run, (thing,), (), (), ()))
        assert index.digests_made_again() == tuple(sorted((str(_digest("a")), str(_digest("there")))))
        assert index.pixels_made_again() == (str(pixels),)


def test_a_crate_that_leaves_or_changes_is_not_found_any_more_and_a_part_has_no_clues_of_others(tmp_path: Path) -> None:
    place, part = tmp_path / "index.sqlite", tmp_path / "part.sqlite"
    with LineageIndex(place, create=True) as index:
        _put(index, _run(1, [("a", _digest("a"), True)]))
        _put(index, _run(2, [("b", _digest("b"), True)]))
        _put(index, _run(1, [("c", _digest("c"), True)]))
        index.remove(_iri(2))
        _put(index, _run(3, [("d", _digest("d"), True)]))
        assert [index.entities(digest=str(_digest(name))) for name in "ab"] == [(), ()]
        assert [index.entities(path=name) for name in "ab"] == [(), ()]
        assert [node.path for node in index.entities(digest=str(_digest("c")))] == ["c"]
    copy_crates(place, part, [_iri(3)])
    assert sum(_levels(part)) == 2  # its digest and its path
    with LineageIndex(part) as index:
        assert [node.path for node in index.entities(digest=str(_digest("d")), path="d")] == ["d"]


def test_a_clue_that_is_lost_is_seen(tmp_path: Path) -> None:
    place = tmp_path / "index.sqlite"
    with LineageIndex(place, create=True) as index:
        _put(index, _run(1, [("a", _digest("a"), True)]))
        assert index.finds_all_of(_iri(1))
    with sqlite3.connect(place) as connection:
        for level in range(len(SLICES) + 1):
            connection.execute(f"DELETE FROM clue_{level} WHERE entry = (SELECT min(entry) FROM clue_{level})")
    with LineageIndex(place) as index:
        assert not index.finds_all_of(_iri(1))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.lists(
                st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.booleans()), unique_by=lambda t: t[0]
            ),
        ),
        max_size=30,
    )
)
@settings(max_examples=15, deadline=None)
def test_an_index_that_grew_finds_what_one_made_at_once_finds(
    came: list[tuple[int, list[tuple[str, str, bool]]]],
) -> None:
    last = {}
    with LineageIndex(None, create=True) as grown, LineageIndex(None, create=True) as filled:
        for number, things in came:
            last[number] = _run(number, [(path, _digest(text), made) for path, text, made in things])
            _put(grown, last[number])
        filled.begin_bulk()
        for run in last.values():
            filled.add(run, folder=run.run.id, stamp="", digest=run.run.id)
        filled.end_bulk()
        for text in "xyz":
            for made in (True, False, None):
                digest = str(_digest(text))
                assert grown.entities(digest=digest, generated=made) == filled.entities(digest=digest, generated=made)
        for path in "abc":
            assert grown.entities(path=path) == filled.entities(path=path)
        assert grown.digests_made_again() == filled.digests_made_again()
        counts = (
            sum(bits.bit_count() for bits in index.facts.having_value("entity", "kind", "file").values())
            for index in (grown, filled)
        )
        assert len(set(counts)) == 1


def test_runs_whose_joins_a_new_crate_may_change_are_those_that_found_what_it_made(tmp_path: Path) -> None:
    empty = Digest(DigestKind.FILE, sha256().hexdigest())
    with LineageIndex(tmp_path / "index.sqlite", create=True) as index:
        for number, things in (
            (5, [("a", _digest("a"), False)]),
            (6, [("b", _digest("b"), False), ("a", None, False)]),
            (7, [("e", empty, False)]),
            (8, [("other", empty, False)]),
        ):
            _put(index, _run(number, things))
        work_out_joins(index)
        _put(index, _run(1, [("a", _digest("a"), True), ("e", empty, True)]))
        assert index.unjoined() == (_iri(1), _iri(5), _iri(7))
        work_out_joins(index)
        assert index.makers_of(index.entities(crate=_iri(5))[0]) == (f"{_iri(1)}work/a",)


@pytest.mark.parametrize("column", ["digest", "pixels"])
def test_things_are_chosen_by_how_their_digests_begin(column: str) -> None:
    digest = _digest("a", DigestKind.FILE if column == "digest" else DigestKind.PIXELS)
    with LineageIndex(None, create=True) as index:
        run = _run(1, [("a", digest if column == "digest" else None, True), ("b", _digest("b"), True)])
        if column == "pixels":
            run = _run(1, [("a", None, True)], digest)
        _put(index, run)
        (hits,) = index.facts.things_with_digest(str(digest)[:14]).values()
        assert hits.bit_count() == 1
        assert index.facts.things_with_digest("nothing") == {}
        assert index.facts.things_with("path", "a", 10) == index.facts.things_with("place", "/1/a", 10) != {}
