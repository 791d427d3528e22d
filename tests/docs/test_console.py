"""The comparison of a page with a terminal: what may differ, and what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import Command, Terminal, commands


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, tmp_path)


def test_times_sizes_and_people_may_differ(terminal: Terminal):
    shown = ("2026-11-22 18:51:51 to 18:51:51 UTC (0.138 s)", "by ada on lab-pc in one run, 91.9 kB")
    terminal.compare(shown, "2027-01-01 01:02:03 to 01:02:04 UTC (12 s)\nby eve on node-7 in one run, 3 MB\n")


@pytest.mark.parametrize("printed", ["sigma = 2.0\n", "sigma = 1.5\nsigma = 1.5\n", ""])
def test_anything_else_may_not(terminal: Terminal, printed: str):
    with pytest.raises(AssertionError, match="The page shows"):
        terminal.compare(("sigma = 1.5",), printed)


def test_an_id_stays_the_same_one_all_through_a_page(terminal: Terminal):
    terminal.compare(("run 5a1b2c3d",), "run 0e0f0a0b\n")
    terminal.compare(("in 5a1b2c3d",), "in 0e0f0a0b\n")
    with pytest.raises(AssertionError, match="The page shows"):
        terminal.compare(("in 5a1b2c3d",), "in 99999999\n")
    assert terminal.run(Command("echo show 5a1b2c3d", ())) == (0, "show 0e0f0a0b\n")


def test_an_ellipsis_stands_for_lines_or_for_a_part_of_one(terminal: Terminal):
    terminal.compare(("first", "  │  …", "la… line"), "first\n2\n3\nlast line\n")


def test_a_shell_remembers_where_it_is_and_what_was_exported(terminal: Terminal):
    block = (
        "$ mkdir deeper && cd deeper\n$ export WORD=said\n$ echo $WORD in $(basename $PWD)\n$ false  # exits with 1\n"
    )
    results = [(command.exit_code, *terminal.run(command)) for command in commands(block)]
    assert results == [(0, 0, ""), (0, 0, ""), (0, 0, "said in deeper\n"), (1, 1, "")]
