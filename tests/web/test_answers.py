"""Answers that everybody asks for are worked out and shown once for each state, and to each as they may see it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from filiation.catalogue import selection
from filiation.lineage import Ledger
from filiation.web import parts
from filiation.web.access.rules import Rules, Sight
from filiation.web.answers import Answers
from tests.lineage.crates import nuclei_run
from tests.waiting import wait_until
from tests.web.conftest import make_catalogue
from tests.web.test_access import behind

KEPT = ("/", "/runs", "/overview", "/findings?about=gaps", "/findings?about=orphans", "/findings?about=stale")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the questions that were worked out, as they are asked."""
    asked: list[str] = []
    for name in ("newest_runs", "overview", "gaps", "orphans", "stale"):
        monkeypatch.setattr(Ledger, name, noting(asked, name, getattr(Ledger, name)))
    return asked


def noting(asked: list[str], name: str, answer: Callable[..., object]) -> Callable[..., object]:
    """Return a question that notes that it was asked."""

    def noted(*given: object, **more: object) -> object:
        asked.append(name)
        return answer(*given, **more)

    return noted


def ask(pages: TestClient, path: str, who: str, language: str = "en") -> str:
    told = pages.get(path, headers={"X-Remote-User": who, "Accept-Language": language})
    assert told.status_code == 200, told.text
    return told.text


@pytest.mark.slow
def test_what_everybody_asks_is_worked_out_once_until_the_catalogue_is_another(
    tmp_path: Path, counted: list[str]
) -> None:
    catalogue = make_catalogue(tmp_path / "project")
    with behind(catalogue.folder) as pages:
        for path in KEPT:
            counted.clear()
            first = ask(pages, path, "ada")
            assert len(counted) == 1
            other = ask(pages, path, "<script>bob</script>")
            assert len(counted) == 1
            assert "You look as ada." in first
            assert "You look as &lt;script&gt;bob&lt;/script&gt;." in other
            assert other.replace("&lt;script&gt;bob&lt;/script&gt;", "ada") == first
            french = ask(pages, path, "ada", "fr")
            assert '<html lang="fr">' in french
            assert ask(pages, path, "ada") == first
        counted.clear()
        nuclei_run(tmp_path / "more", number=7).write(catalogue.folder / ".filiation" / "crates")
        Ledger(catalogue.folder).look()
        assert ask(pages, "/runs", "ada").count('href="/run?run=') == 4


@pytest.mark.slow
def test_who_may_see_a_part_is_never_shown_what_others_were(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path / "project")
    rules = Rules(
        (("viewer", ("everyone",)),),
        (Sight(("user:ada",), everything=True), Sight(("user:eve",), frozenset({"a group of nothing"}))),
    )
    with behind(catalogue.folder, rules=rules) as pages:
        for _ in range(2):
            assert ask(pages, "/runs", "ada").count('href="/run?run=') == 3
            assert ask(pages, "/runs", "eve").count('href="/run?run=') == 0


@pytest.mark.slow
def test_who_waits_for_their_part_is_told_so_and_gets_it_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = make_catalogue(tmp_path / "project")
    rules = Rules((("viewer", ("everyone",)),), (Sight(("user:eve",), unassigned=True),))
    go, real = threading.Event(), selection._make

    def make(*given: Any) -> None:
        assert go.wait(120)
        real(*given)

    monkeypatch.setattr(selection, "_make", make)
    monkeypatch.setattr(parts, "_PATIENCE", 0.01)
    with behind(catalogue.folder, rules=rules) as pages:
        busy = pages.get("/runs", headers={"X-Remote-User": "eve"})
        assert busy.status_code == 503
        assert "What you may see is being put together" in busy.text
        go.set()
        wait_until(lambda: pages.get("/runs", headers={"X-Remote-User": "eve"}).status_code == 200, "it is there")
        assert not list((catalogue.folder / ".filiation").glob("**/*.making-*"))


def test_so_many_answers_are_kept_and_no_more() -> None:
    answers = Answers()
    worked_out: list[int] = []

    def answer(number: int) -> object:
        return answers.kept(number, lambda: worked_out.append(number) or object())  # type: ignore[func-returns-value]

    for number in range(64):
        answer(number)
    answer(0)
    answer(64)
    assert worked_out == list(range(65))
    answer(0)
    assert len(worked_out) == 65
    answer(1)
    assert worked_out[65:] == [1]
