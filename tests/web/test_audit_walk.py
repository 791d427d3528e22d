"""The way of an auditor through the pages, as ``make demo-audit`` goes it, on a small catalogue with real pixels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from filiation.lineage import Ledger
from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.lineage.painted import LABELS, paint
from tests.waiting import wait_until
from tests.web.auditor import Way, spoil, walk
from tests.web.browser import assert_accessible, needs_bundle, watching
from tests.web.conftest import serving

pytestmark = pytest.mark.slow


@needs_bundle
def test_an_auditor_gets_from_the_search_box_to_the_raw_image_and_is_told_of_a_changed_label(
    browser: Browser, tmp_path: Path
) -> None:
    folder, copy = tmp_path / "project", tmp_path / "changed" / Path(LABELS).name
    paint(folder).write(folder / ".filiation" / "crates")
    Ledger(folder).runs()
    shutil.copytree(folder / LABELS, copy)
    way = Way(LABELS, "skimage:cells3d", folder / LABELS, copy, spoil(folder / LABELS, copy))
    with serving(create_app(WebSettings(folder))) as served, watching(browser, served.address) as tab:
        tab.go("/")
        seen = {}
        for step in walk(tab, way):
            seen[step.name] = " ".join(step.said.split())
            tab.picture(f"audit-{step.name}")
            if step.name == "4-pixels":
                assert_accessible(tab.page)
    assert list(seen) == ["1-search", "2-label", "3-graph", "4-pixels", "5-raw", "6-unchanged", "7-changed"]
    assert "sigma = 2" in seen["2-label"]
    assert "Unchanged These very bytes are recorded" in seen["6-unchanged"]
    assert f"nearest to {LABELS} of run 00000001" in seen["7-changed"]


def test_pictures_work_without_scripts_and_by_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    paint(folder).write(folder / ".filiation" / "crates")
    Ledger(folder).runs()
    with serving(create_app(WebSettings(folder))) as served:
        with watching(browser, served.address, java_script_enabled=False) as tab:
            tab.go(f"/picture?thing={LABELS}")
            tab.page.locator("#plane").click(position={"x": 10 * 13, "y": 8 * 13})
            tab.page.get_by_role("heading", name="Object 7").wait_for()
        with watching(browser, served.address, viewport={"width": 360, "height": 740}) as tab:
            tab.go(f"/picture?thing={LABELS}")
            tab.page.get_by_label("section").press("ArrowRight")
            tab.page.locator("output").get_by_text("1 / 3").wait_for()
            tab.page.get_by_label("object", exact=True).fill("300")
            tab.page.get_by_label("object", exact=True).press("Enter")
            tab.page.get_by_role("heading", name="Object 300").wait_for()
            tab.page.locator("output").get_by_text("2 / 3").wait_for()
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
            box = tab.page.locator("#plane").bounding_box()
            assert box is not None
            tab.page.locator("#plane").click(position={"x": box["width"] * 35 / 48, "y": box["height"] * 24 / 32})
            tab.page.get_by_role("heading", name="Object 300").wait_for()
            assert_accessible(tab.page)
            tab.picture("phone-picture")


BRIGHTNESS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, canvas.height, data.reduce((sum, value, place) => sum + (place % 4 === 3 ? 0 : value), 0)];
}"""


@needs_bundle
def test_a_reader_chooses_the_contrast_of_the_image(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    paint(folder).write(folder / ".filiation" / "crates")
    Ledger(folder).runs()
    with serving(create_app(WebSettings(folder))) as served, watching(browser, served.address) as tab:
        tab.expected = ["willReadFrequently"]  # by this test, which reads the canvas
        tab.go(f"/picture?thing={LABELS}&z=1")
        tab.page.get_by_text("The image alone").click()
        canvas = tab.page.locator("#pixels canvas:not([hidden])")
        canvas.wait_for()
        width, height, bright = canvas.evaluate(BRIGHTNESS)
        assert (width, height) == (48, 32)
        assert bright > 0
        tab.page.get_by_role("group", name="nuclei").get_by_label("brightest at").fill("400000")
        with tab.page.expect_response(lambda answer: "/api/plane" in answer.url):
            tab.page.keyboard.press("Tab")
        expect(tab.page.locator("#pixels [role=status]")).to_contain_text("48 × 32")
        wait_until(lambda: canvas.evaluate(BRIGHTNESS)[2] < bright, "the image to become darker")
        assert_accessible(tab.page)
