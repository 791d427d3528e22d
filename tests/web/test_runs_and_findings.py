"""Lists are told a page at a time, from what was counted; each with what leads on."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from filiation.web.application import create_app
from filiation.web.settings import Limits, WebSettings
from tests.web.conftest import Catalogue, asking


def test_runs_are_listed_newest_first_and_by_page(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, limits=Limits(rows=2)))) as pages:
        first, second, third = (pages.get("/api/runs", params={"page": page}).json() for page in (1, 2, 3))
        assert [run["id"][:8] for run in first["runs"]] == ["00000003", "00000002"]
        assert [run["id"][:8] for run in second["runs"]] == ["00000001"]
        assert (first["total"], first["pages"], third["runs"]) == (3, 2, [])
        page = pages.get("/runs")
        assert "Page 1 of 2" in page.text
        assert 'rel="next" href="/runs?page=2"' in page.text
        assert 'rel="prev"' not in page.text


def test_a_run_tells_failures_first_and_pages_its_jobs(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, limits=Limits(rows=2)))) as pages:
        told = pages.get("/api/run", params={"run": web_catalogue.omero.id[:8]}).json()
        assert [action["status"] for action in told["actions"]] == ["failed", "finished"]
        assert told["pages"] == 2
        assert told["crate"]["size"] > 0
        assert "diameter = 30" in pages.get("/run", params={"run": web_catalogue.omero.id}).text


@pytest.mark.parametrize(
    ("about", "title"),
    [
        ("gaps", "What is not told, or cannot be so?"),
        ("orphans", "What did nobody make, and what leads nowhere?"),
        ("stale", "What would be made otherwise today?"),
        ("duplicates", "Which bytes were made more than once?"),
    ],
)
def test_findings_of_each_sort_have_a_page(pages: TestClient, about: str, title: str) -> None:
    told = pages.get("/api/findings", params={"about": about}).json()
    assert told["title"] == title
    page = pages.get("/findings", params={"about": about})
    assert f"<h2>{title}</h2>" in page.text
    assert len(told["found"]) == told["lines"]
    for found in told["found"]:
        assert found["what"].replace("'", "&#39;") in page.text


def test_findings_are_told_by_page(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, limits=Limits(rows=1)))) as pages:
        told = [pages.get("/api/findings", params={"page": page}).json() for page in (1, 2)]
        assert [len(each["found"]) for each in told] == [1, 1]
        assert told[0]["found"] != told[1]["found"]
        assert told[0]["pages"] == told[0]["lines"]
    assert told[0]["lines"] >= 2


def test_what_cannot_be_looked_for_is_refused(pages: TestClient) -> None:
    assert pages.get("/findings", params={"about": "everything"}).status_code == 400
