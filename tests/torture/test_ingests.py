"""A few of the kills that ``make torture`` does many of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.ingests import DOING, Kill, play


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(DOING)))
def test_a_kill_leaves_no_partial_graph_and_the_next_question_does_what_is_missing(tmp_path: Path, number: int) -> None:
    assert play(tmp_path, Kill.draw(20261123, number)) == []
