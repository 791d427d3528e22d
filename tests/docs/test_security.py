"""What the page on security claims: every test that it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "security.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_page_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_attack_has_what_comes_of_it_and_a_test() -> None:
    table = PAGE.partition("| attack |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == ROWS
    assert len(ROWS) > 20
    for row in ROWS:
        attack, outcome, shown = (cell.strip() for cell in row.strip("|").split(" | "))
        assert attack
        assert outcome
        assert "::test_" in shown, attack
