"""The way of an auditor: from the search box to the label image, its pixels, the raw image, and to a changed copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.web.browser import Watched
from tests.web.dropping import drop


@dataclass(frozen=True)
class Seen:
    """What an auditor sees at a step.

    Parameters
    ----------
    step
        What was done.
    name
        Of its picture.
    said
        What the page says.
    """

    step: str
    name: str
    said: str


@dataclass(frozen=True)
class Way:
    """What is looked at.

    Parameters
    ----------
    labels, source
        The label image, and the raw image that it all began with, as the catalogue names them.
    store
        Where the label image lies.
    changed
        Where a copy of it lies in which one byte of a chunk is another.
    chunk
        That chunk.
    """

    labels: str
    source: str
    store: Path
    changed: Path
    chunk: str


def spoil(store: Path, copy: Path) -> str:
    """Flip one byte in the middle of a chunk of a copy; return which chunk."""
    chunk = sorted(path for path in (copy / "0" / "c").rglob("*") if path.is_file())[0]
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0x01
    chunk.write_bytes(content)
    assert chunk.read_bytes() != (store / chunk.relative_to(copy)).read_bytes()
    return chunk.relative_to(copy).as_posix()


def walk(tab: Watched, way: Way) -> Iterator[Seen]:
    """Go the way, and yield what is seen at each step; whatever is not as it has to be stops it."""
    page = tab.page
    page.get_by_role("searchbox").fill(Path(way.labels).name)
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("heading", name="means").wait_for()
    yield Seen("search for the file's name", "1-search", page.locator("h1").inner_text())

    page.locator("main").get_by_role("link", name=way.labels, exact=True).first.click()
    page.get_by_role("heading", name=way.labels, exact=True).wait_for()
    yield Seen("open the label image", "2-label", page.locator(".sentences li").first.inner_text())

    page.locator("[data-graph][data-drawn]").wait_for()
    page.locator("#graph").scroll_into_view_if_needed()
    yield Seen("look at the graph", "3-graph", page.locator(".graph-state").inner_text())

    page.get_by_role("link", name="Look at its pixels").click()
    plane = page.locator("#plane")
    plane.wait_for()
    label = _first_object(tab)
    said = page.locator("#object").inner_text().splitlines()
    assert f"Object {label}" in said[0]
    yield Seen("click on an object", "4-pixels", " ".join(said[:5]))

    # Over whatever steps lie between, always to what came before.
    tab.go(f"/thing?thing={quote(way.labels)}&depth=6")
    page.locator("main").get_by_role("link", name=way.source, exact=True).first.click()
    page.get_by_role("heading", name=way.source, exact=True).wait_for()
    yield Seen("go back to the raw image", "5-raw", page.locator("section[aria-labelledby=answer]").inner_text())

    page.get_by_role("link", name="Drop a file").click()
    page.locator("#drop").wait_for()
    (same,) = drop(tab, way.store)
    assert same.get_attribute("data-verdict") == "known", same.inner_text()
    yield Seen("drop the label image", "6-unchanged", same.locator(".status").inner_text())

    (other,) = drop(tab, way.changed)
    assert other.get_attribute("data-verdict") == "changed", other.inner_text()
    assert other.locator(".differences li").all_inner_texts() == [f"{way.chunk} has other bytes"]
    assert way.labels in other.locator(".compared").inner_text()
    told = f"{other.locator('.compared').inner_text()} {other.locator('.differences').inner_text()}"
    yield Seen("drop a copy in which one byte is another", "7-changed", told)


def _first_object(tab: Watched) -> int:
    """Click on a lattice of points until an object is hit; return its number."""
    plane, heading = tab.page.locator("#plane"), tab.page.locator("#object h2")
    box = plane.bounding_box()
    assert box is not None
    for step in range(1, 64):
        across, down = (step * 5 % 16) / 16, (step // 16 + 2) / 8
        with tab.page.expect_response(lambda answer: "/picture?" in answer.url):
            plane.click(position={"x": across * box["width"], "y": down * box["height"]})
        tab.page.locator("#plane:not([aria-busy])").wait_for()
        if (said := heading.inner_text()).startswith("Object"):
            return int(said.split()[1])
    raise AssertionError("No click hit an object.")
