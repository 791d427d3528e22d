"""Pictures of pages for the documentation, taken of the demonstration: ``python -m tests.web.pictures_for_docs``.

``make demo`` has to have been run; the pages of its catalogue are served, looked at in Chromium, and kept in
``docs/pictures``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.web.browser import PATIENCE, ROOT, Watched, chromium, watching
from tests.web.conftest import serving

PICTURES = ROOT / "docs" / "pictures"
SCREEN = {"width": 1100, "height": 800}


def main(demonstration: Path) -> None:
    """Take the pictures."""
    app = create_app(WebSettings(demonstration))
    with serving(app) as served, chromium() as browser, watching(browser, served.address, viewport=SCREEN) as tab:
        tab.go("/graph?thing=results/tissue/nuclei.ome.zarr&back=2&on=1")
        expect(tab.page.locator("[data-drawn]")).to_be_attached(timeout=PATIENCE)
        tab.page.get_by_role("option").filter(has_text="segment").first.click()
        tab.page.evaluate("scrollTo(0, 180)")
        keep(tab, "graph")
        tab.go("/queries?edit=parameters")
        expect(tab.page.locator("form.free[data-editor=ready]")).to_be_attached(timeout=PATIENCE)
        keep(tab, "queries")


def keep(tab: Watched, name: str) -> None:
    """Keep a picture in few colours: half the bytes, and nothing that one would see."""
    taken = Image.open(io.BytesIO(tab.page.screenshot(animations="disabled"))).convert("RGB")
    taken.quantize(64).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".demo"))
