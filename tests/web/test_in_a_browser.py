"""Every page as a person meets it: in a real browser, with a keyboard, on a phone, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.web.browser import Watched, assert_accessible, watching
from tests.web.conftest import LABELS, Catalogue, Served

pytestmark = pytest.mark.slow

PAGES = {
    "home": "/",
    "search": "/search?q=nuclei",
    "thing": f"/thing?thing={LABELS}",
    "runs": "/runs",
    "run": "/run?run=00000002",
    "findings": "/findings",
    "job": "/thing?thing=arcp://uuid,00000002-0000-4000-8000-000000000002/%23job-2-attempt-2&depth=2",
    "drop": "/drop",
    "overview": "/overview",
    "unknown": "/thing?thing=nothing-of-that-name",
}


def test_no_page_has_a_serious_finding_or_asks_another_host(tab: Watched, web_catalogue: Catalogue) -> None:
    tab.expected = [r"status of 404"]
    for name, address in PAGES.items():
        tab.go(address)
        assert_accessible(tab.page)
        tab.picture(name)
    assert tab.asked
    assert {address.split("/")[2] for address in tab.asked if address.startswith("http")} == {tab.host}


def test_pages_fit_a_phone_and_the_dark(browser: Browser, served: Served) -> None:
    phone = {"width": 360, "height": 740}
    with watching(browser, served.address, viewport=phone, color_scheme="dark", has_touch=True) as tab:
        tab.expected = [r"status of 404"]
        for name, address in PAGES.items():
            tab.go(address)
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= phone["width"], f"{name} is too wide"
            assert_accessible(tab.page)
            tab.picture(f"phone-{name}")
