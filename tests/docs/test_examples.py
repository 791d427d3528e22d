"""Every example of the documentation is tried, in order, as a reader would."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Any

import pytest

from tests.docs.console import Terminal, commands
from tests.docs.pages import Block, Page, pages

LONG = pytest.mark.slow(40)
WITH_EXAMPLES = [
    pytest.param(page, id=page.name, marks=LONG if page.name == "README.md" else ())
    for page in pages()
    if page.examples
]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_the_examples_of_a_page_work(page: Page, prepare: Callable[[str], Path], tmp_path: Path):
    folder = prepare(page.folder)
    terminal = Terminal(folder, tmp_path)
    names: dict[str, Any] = {"__name__": "__page__"}
    for block in page.examples:
        where = f"{page.name}, line {block.line}"
        if block.file:
            place = folder / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text, "utf-8")
        elif block.language == "console":
            _try_commands(terminal, block, where)
        else:
            _try_python(folder, block, names, where)


def _try_commands(terminal: Terminal, block: Block, where: str) -> None:
    for command in commands(block.text):
        code, printed = terminal.run(command)
        assert code == command.exit_code, f"{where}: `{command.text}` exited with {code}:\n{printed}"
        try:
            terminal.compare(command.shown, printed)
        except AssertionError as error:
            raise AssertionError(f"{where}: `{command.text}`. {error}") from None


def _try_python(folder: Path, block: Block, names: dict[str, Any], where: str) -> None:
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        if ">>>" not in block.text:
            exec(compile(block.text, where, "exec"), names)
            return
        example = doctest.DocTestParser().get_doctest(block.text, names, where, where, block.line)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
        report: list[str] = []
        runner.run(example, out=report.append, clear_globs=False)
        names |= example.globs
        assert not report, "".join(report)
