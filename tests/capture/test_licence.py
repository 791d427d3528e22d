"""Licences recognised, stated, and left to a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.capture.licence import Licence, find_licence, recognise

OURS = Path(__file__).parents[2] / "LICENSE"
MIT = """MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction.

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MIT, "MIT"),
        (OURS.read_text(), "BSD-3-Clause"),
        ("                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007\n", "GPL-3.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n", "LGPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007\n", "AGPL-3.0"),
        ("                                 Apache License\n                           Version 2.0, January 2004\n",
         "Apache-2.0"),
        ("# SPDX-License-Identifier: EUPL-1.2\n", "EUPL-1.2"),
        ("You may use this on Tuesdays.", None),
        (MIT + "\n\nApache License\nVersion 2.0, January 2004\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_text_is_recognised_by_what_only_it_says(text: str, found: str | None) -> None:
    assert recognise(text) == found


def test_the_workflows_own_licence_comes_before_its_repositorys(tmp_path: Path) -> None:
    (tmp_path / "workflow").mkdir()
    (tmp_path / "LICENSE").write_text(MIT)
    assert find_licence([tmp_path / "workflow", tmp_path]) == Licence(("MIT",), (str(tmp_path / "LICENSE"),))
    own = tmp_path / "workflow/COPYING"
    own.write_text("You may use this on Tuesdays.")
    assert find_licence([tmp_path / "workflow", tmp_path]) == Licence((), (str(own),))


def test_what_a_citation_file_states_counts_before_what_a_text_looks_like(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.md").write_text("our own words")
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nlicense: [MIT, Apache-2.0]\n")
    files = (str(tmp_path / "CITATION.cff"), str(tmp_path / "LICENSE.md"))
    assert find_licence([tmp_path]) == Licence(("Apache-2.0", "MIT"), files)


@pytest.mark.parametrize("broken", ["license: [", "- a list", "license: {a: b}", "license: 3", "license: 'not a name'"])
def test_a_citation_file_that_states_none_is_none(tmp_path: Path, broken: str) -> None:
    (tmp_path / "CITATION.cff").write_text(broken)
    assert find_licence([tmp_path, tmp_path / "not there"]) == Licence()
