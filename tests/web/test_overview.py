"""The overview as a page: charts that need no script, a table beside each, and the same as JSON."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from filiation.web.charts import Part, bars, columns


def test_the_page_has_every_chart_and_says_what_its_twin_does(pages: TestClient) -> None:
    told = pages.get("/api/overview").json()
    assert sum(period["finished"] + period["failed"] for period in told["periods"]) == 3
    assert {"rule": "segment", "jobs": 4, "failed": 1} in told["rules"]
    page = pages.get("/overview").text
    assert page.count('<svg class="chart"') == 4
    assert "<style" not in page
    assert " style=" not in page
    assert "3 runs are recorded" in page
    assert re.search(r'rule%3Dsegment">segment</a></th><td class="number">4</td><td class="number">1</td>', page)
    assert pages.get("/overview", params={"by": "week"}).text.count('aria-current="true"') >= 1
    assert pages.get("/api/overview", params={"by": "year"}).status_code == 400


def test_charts_stay_within_their_frame() -> None:
    many = columns([(str(number), [Part(number, "good", "a"), Part(1, "bad", "b")]) for number in range(61)])
    rows = bars([("a name that is longer than what fits beside its bar", "1", [Part(7, "bad", "7")]), ("b", "0", [])])
    for chart in (many, rows, columns([]), bars([])):
        for box in chart.boxes:
            assert 0 <= box.x <= box.x + box.width <= chart.width
            assert 0 <= box.y <= box.y + box.height <= chart.height
    assert any("…" in caption.text for caption in rows.captions)
