"""The graph around a thing: as JSON, as a table without scripts, and drawn in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect

from filiation.lineage import Ledger
from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.lineage.crates import CrateBuilder
from tests.lineage.test_extent import plate
from tests.web.browser import PATIENCE, Watched, assert_accessible, needs_bundle, watching
from tests.web.conftest import LABELS, Served, serving

GRAPH = f"/graph?thing={LABELS}"


def labels(answer: dict[str, list[dict[str, object]]]) -> list[object]:
    return [node["label"] for node in answer["nodes"]]


def test_the_graph_reads_from_sources_to_results_and_says_what_lies_beyond(pages: TestClient) -> None:
    answer = pages.get(f"/api{GRAPH}").json()
    assert answer["left_out"] == 0
    found = {node["label"]: node for node in answer["nodes"]}
    assert labels(answer).index("segment") < labels(answer).index("nuclei.ome.zarr") < labels(answer).index("measure")
    assert found["nuclei.ome.zarr"]["root"]
    assert ["parameter", "method = otsu"] in found["segment"]["told"]
    assert found["image.ome.zarr"]["before"] >= 1, "what fetched it is not shown"
    iris = {node["iri"] for node in answer["nodes"]}
    assert all(edge["src"] in iris and edge["dst"] in iris for edge in answer["edges"])
    more = pages.get("/api/graph", params={"thing": LABELS, "expanded": found["image.ome.zarr"]["iri"]}).json()
    assert {"fetch", "skimage:immunohistochemistry"} <= set(labels(more)) - set(labels(answer))


def test_the_table_says_the_same_without_scripts_and_expands_by_links(pages: TestClient) -> None:
    text = pages.get(GRAPH).text
    assert "measure" in text
    (link,) = {found for found in re.findall(r'href="(/graph\?[^"]*expanded=[^"]*)"', text) if "image.ome" in found}
    assert "fetch" not in re.findall(r">([^<]*)</a></th>", text)
    assert "fetch" in re.findall(r">([^<]*)</a></th>", pages.get(link.replace("&amp;", "&")).text)


@pytest.mark.parametrize(
    "query", ["back=-1", "on=51", "each=maybe", "page=0", "thing=", "&".join(["expanded=x"] * 101)]
)
def test_what_is_no_graph_is_refused_in_a_sentence(pages: TestClient, query: str) -> None:
    answer = pages.get(f"/api/graph?{'' if 'thing' in query else f'thing={LABELS}&'}{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a run of 384 equal jobs, and one of 150 jobs that differ from one another."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "flat.tif").write_text("flat")
    crates = folder / ".filiation" / "crates"
    plate(folder, wells=384).write(crates)
    run = CrateBuilder(folder / "other", 8)
    for job in range(150):
        run.job("segment", ("raw.tif",), {f"{job}.tif": f"{job}"}, parameters={"sigma": job})
    run.write(crates)
    Ledger(folder / ".filiation").runs()
    with serving(create_app(WebSettings(folder))) as served:
        yield served


def drawn(tab: Watched) -> Page:
    """Wait until the graph is drawn."""
    expect(tab.page.locator("[data-graph][data-drawn]")).to_be_attached(timeout=PATIENCE)
    return tab.page


def line(page: Page, text: str) -> object:
    return page.get_by_role("option").filter(has_text=text)


@needs_bundle
@pytest.mark.slow
def test_the_graph_is_used_with_the_keyboard_alone(tab: Watched) -> None:
    tab.go(GRAPH)
    page = drawn(tab)
    assert_accessible(page)
    tab.picture("graph")
    chosen = page.locator('[role="option"][aria-selected="true"]')
    expect(chosen).to_contain_text("nuclei.ome.zarr, what you asked about")
    page.get_by_role("listbox").focus()
    page.keyboard.press("ArrowLeft")
    expect(chosen).to_contain_text("segment")
    expect(page.locator(".graph-panel")).to_contain_text("method = otsu")
    page.keyboard.press("ArrowLeft")
    expect(chosen).to_contain_text("image.ome.zarr")
    before = page.get_by_role("option").count()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("image.ome.zarr was expanded")
    assert page.get_by_role("option").count() > before
    expect(page.get_by_role("option").filter(has_text="fetch").first).to_be_attached()
    assert "expanded=" in page.url
    assert "selected=" in page.url
    page.reload()
    page = drawn(tab)
    expect(chosen).to_contain_text("image.ome.zarr")
    expect(page.get_by_role("option").filter(has_text="fetch").first).to_be_attached()
    assert_accessible(page)
    page.get_by_role("listbox").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is hidden")
    assert page.get_by_role("option").count() == before


@needs_bundle
@pytest.mark.slow
def test_a_node_is_chosen_by_a_click_and_leads_to_its_page(tab: Watched) -> None:
    tab.go(GRAPH)
    page = drawn(tab)
    page.get_by_role("option").filter(has_text="overlay.png").first.click()
    page.get_by_role("link", name="Open its page").click()
    expect(page.locator("h1")).to_contain_text("overlay.png")


@needs_bundle
@pytest.mark.slow
def test_the_graph_fits_a_phone_and_the_dark(browser: Browser, served: Served) -> None:
    screen = {"width": 360, "height": 740}
    with watching(browser, served.address, viewport=screen, color_scheme="dark") as tab:
        tab.go(GRAPH)
        page = drawn(tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert_accessible(page)
        tab.picture("phone-graph")


@needs_bundle
@pytest.mark.slow
def test_equal_jobs_are_one_node_and_no_more_than_300_are_drawn(browser: Browser, large: Served) -> None:
    with watching(browser, large.address) as tab:
        tab.go("/graph?thing=all.parquet&back=9")
        page = drawn(tab)
        expect(page.get_by_role("option").filter(has_text="segment × 384")).to_be_attached()
        assert page.get_by_role("option").count() < 12
        tab.picture("graph-384-jobs")
        tab.go("/graph?thing=raw.tif&on=1")
        page = drawn(tab)
        assert page.get_by_role("option").count() == 300
        expect(page.get_by_role("status")).to_contain_text("1 more are left out; the table lists them.")
        tab.picture("graph-300-nodes")
        page.get_by_role("link", name="The table lists them.").click()
        assert page.locator("tbody tr").count() == 100
        expect(page.get_by_text("Page 1 of 4")).to_be_attached()


@pytest.mark.slow
def test_without_scripts_the_table_is_there(browser: Browser, served: Served) -> None:
    with watching(browser, served.address, java_script_enabled=False) as tab:
        tab.go(GRAPH)
        assert tab.page.locator("tbody tr").count() == 7
        expect(tab.page.get_by_role("link", name="The graph as a table")).to_be_visible()
        tab.picture("graph-without-scripts")


@pytest.mark.slow
def test_without_bundles_the_page_says_what_is_missing(browser: Browser, served: Served) -> None:
    with watching(browser, served.address) as tab:
        tab.expected = [r"cytoscape\.js", "ERR_FAILED", "Failed to load"]
        tab.page.route("**/bundle/**", lambda route: route.abort())
        tab.go(GRAPH)
        expect(tab.page.get_by_role("status")).to_contain_text("make web")
        assert tab.page.locator("tbody tr").count() == 7


def test_the_scripts_of_the_pages_name_no_other_host_and_make_no_code_or_markup_of_text() -> None:
    static = Path(__file__).parents[2] / "src" / "filiation" / "web" / "static"
    for path in (*static.glob("*.js"), *static.glob("*.css")):
        said = re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.MULTILINE)
        assert not re.search(r"https?://|innerHTML|eval\(|document\.write", said), path.name
