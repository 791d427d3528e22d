"""The audit report over the web: a page for paper, its PDF, and its twin."""

from __future__ import annotations

import io

import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader

from tests.web.conftest import LABELS


@pytest.mark.slow
def test_a_report_is_a_page_a_document_and_json(pages: TestClient) -> None:
    page = pages.get("/report", params={"thing": LABELS})
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert '<link rel="stylesheet" href="/report.css">' in page.text
    assert "<style" not in page.text
    assert "No bytes were read again for this report." in page.text
    assert "@page" in pages.get("/report.css").text
    told = pages.get("/api/report", params={"thing": LABELS, "check": "true"}).json()
    assert told["state"] == "not all signed"
    assert told["check"]["intact"] == 2
    document = pages.get("/report.pdf", params={"thing": LABELS})
    assert document.headers["content-type"] == "application/pdf"
    assert document.headers["content-disposition"] == 'attachment; filename="report-results-ihc-nuclei.ome.zarr.pdf"'
    assert document.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert LABELS in PdfReader(io.BytesIO(document.content)).pages[0].extract_text()


def test_a_report_on_nothing_is_refused_in_a_sentence(pages: TestClient) -> None:
    assert pages.get("/report", params={"thing": "nothing-like-it"}).status_code == 404
    assert pages.get("/report.pdf", params={"thing": '"\r\nX: y'}).status_code in (400, 404)
    assert pages.get("/report").status_code == 400
