"""Files and folders, dropped on a page as from a file manager."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator

from tests.web.browser import Watched


def drop(tab: Watched, *paths: Path) -> list[Locator]:
    """Drop what lies on disk, and return what is shown of each when it has been compared, the last dropped first."""
    articles = tab.page.locator("#dropped article")
    before = articles.count()
    box = tab.page.locator("#drop").bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = tab.page.context.new_cdp_session(tab.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        where = {"x": box["x"] + 20, "y": box["y"] + 20}
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **where})
    session.detach()
    tab.page.locator("#dropped article:not([aria-busy])").nth(before + len(paths) - 1).wait_for()
    return [articles.nth(place) for place in range(len(paths))]
