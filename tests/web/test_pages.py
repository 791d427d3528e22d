"""Every page has a twin that says the same as JSON, and every response keeps to the guard's rules."""

from __future__ import annotations

import urllib.request

import pytest
from fastapi.testclient import TestClient

from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.web.conftest import LABELS, Catalogue, Served, asking

PAGES = ["/", "/runs", "/run?run=00000001", "/search?q=nothing-like-it", f"/thing?thing={LABELS}"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_links_its_twin_and_may_load_nothing_from_elsewhere(pages: TestClient, path: str) -> None:
    response = pages.get(path)
    assert response.status_code == 200, response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in response.text
    assert "style=" not in response.text
    (twin,) = [line for line in response.text.splitlines() if 'rel="alternate"' in line]
    told = pages.get(twin.partition('href="')[2].rstrip('">').replace("&amp;", "&"))
    assert told.headers["content-type"] == "application/json"
    assert told.status_code == 200


def test_what_is_not_there_is_said_in_a_sentence(pages: TestClient) -> None:
    page = pages.get("/run?run=ffffffff")
    assert page.status_code == 404
    assert "No run &#39;ffffffff&#39; in the catalogue." in page.text
    assert pages.get("/api/run?run=ffffffff").json()["error"].startswith("No run 'ffffffff' in the catalogue.")
    assert pages.get("/nowhere").status_code == 404
    assert pages.get("/runs?page=zero").status_code == 400


def test_the_token_lets_one_browser_in_once(web_catalogue: Catalogue) -> None:
    app = create_app(WebSettings(web_catalogue.folder, token="shown once"))
    with asking(app) as reader, asking(app) as other:
        assert reader.get("/").status_code == 401
        entered = reader.get("/runs?token=shown once&page=1", follow_redirects=False)
        assert (entered.status_code, entered.headers["location"]) == (303, "/runs?page=1")
        assert reader.get("/").status_code == 200
        assert other.get("/?token=shown once").status_code == 401


def test_a_name_that_is_not_the_servers_is_refused_and_so_is_every_change(pages: TestClient) -> None:
    assert pages.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert pages.post("/runs").status_code == 405
    assert pages.get("/", headers={"Host": "localhost:1"}).status_code == 200


def test_pages_speak_french_to_those_who_ask(pages: TestClient) -> None:
    assert '<html lang="en">' in pages.get("/").text
    assert ">Exécutions</a>" in pages.get("/", headers={"Accept-Language": "fr-CH, en;q=0.5"}).text
    assert '<html lang="fr">' in pages.get("/?lang=fr").text
    assert '<html lang="fr">' in pages.get("/").text  # as it was chosen before


def test_a_path_means_what_was_recorded_there_whatever_lies_on_this_machine(pages: TestClient) -> None:
    refused = pages.get("/thing?thing=/etc/hostname")
    assert refused.status_code == 404
    assert "sha256" not in refused.text


def test_the_catalogue_is_served_on_a_port(served: Served) -> None:
    with urllib.request.urlopen(f"{served.address}/static/filiation.css", timeout=60) as response:
        assert response.status == 200
