"""Files and folders dropped on the page as a person drops them, in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from filiation.digest import digest_tree
from tests.digest.test_tree_digest_specification import VECTORS, lines
from tests.web.browser import Watched, assert_accessible, needs_bundle, watching
from tests.web.conftest import LABELS, Catalogue, Served
from tests.web.dropping import drop
from tests.web.test_tree_digest import entries_of

pytestmark = pytest.mark.slow

VECTORS_IN_THE_PAGE = """async (trees) => {
  const { treeDigest } = await import("/static/tree_digest.js");
  const { digestBytes } = await import("/static/file_digest.js");
  const read = (entries) => entries.map(({ path, ...rest }) => ({ path: Uint8Array.from(path), ...rest }));
  return Promise.all(trees.map(async (entries) => (await treeDigest(read(entries), digestBytes)).digest));
}"""
BOTH_WAYS = """async () => {
  const { sha256, bytesToHex } = await import("/static/bundle/sha256.js");
  const { digestFile } = await import("/static/file_digest.js");
  const bytes = new Uint8Array((16 << 20) + 1).map((_, place) => place % 251); // more than is read at once
  let read = 0;
  const found = await digestFile(new File([bytes], "large"), "large", (count) => (read += count));
  return [found, bytesToHex(sha256(bytes)), read === bytes.length];
}"""


def test_what_is_dropped_is_found_unchanged_or_changed_and_from_what(
    tab: Watched, web_catalogue: Catalogue, tmp_path: Path
) -> None:
    changed = tmp_path / "cells.ome.zarr"
    shutil.copytree(web_catalogue.folder / "results/51/cells.ome.zarr", changed)
    (changed / ".snakemake_timestamp").touch()
    tab.go("/drop")
    (same,) = drop(tab, changed)
    assert same.get_attribute("data-verdict") == "known"
    assert "Unchanged" in same.inner_text()
    assert str(digest_tree(changed).digest) in same.inner_text()

    chunk = changed / "0"
    chunk.write_bytes(bytes([chunk.read_bytes()[0] ^ 1]) + chunk.read_bytes()[1:])
    (other,) = drop(tab, changed)
    assert other.get_attribute("data-verdict") == "changed"
    said = other.inner_text()
    assert "nearest to results/51/cells.ome.zarr of run 00000002" in said
    assert other.locator(".differences li").all_inner_texts() == ["0 has other bytes"]

    unknown, copied = tmp_path / "<b>unknown.txt", tmp_path / "cells copy.ome.zarr"
    unknown.write_text("nobody knows")
    shutil.copytree(web_catalogue.folder / "results/51/cells.ome.zarr", copied)
    verdicts = {each.get_attribute("data-verdict"): each.inner_text() for each in drop(tab, unknown, copied)}
    assert set(verdicts) == {"unknown", "known"}
    assert "<b>unknown.txt" in verdicts["unknown"]
    tab.picture("drop-answers")
    sent = [address for address in tab.asked if "/api/" in address]
    assert all(address.split("?")[0].endswith(("/api/drop", "/api/manifest")) for address in sent)
    assert len([address for address in sent if "/api/drop" in address]) == 4
    assert_accessible(tab.page)


def test_files_and_folders_can_be_chosen_without_a_mouse(tab: Watched, web_catalogue: Catalogue) -> None:
    tab.go("/drop")
    tab.page.locator("#folder").set_input_files(web_catalogue.folder / LABELS)
    done = tab.page.locator("#dropped article:not([aria-busy])")
    done.nth(0).wait_for()
    tab.page.locator("#files").set_input_files([web_catalogue.folder / LABELS / "zarr.json"])
    done.nth(1).wait_for()
    verdicts = [article.get_attribute("data-verdict") for article in tab.page.locator("#dropped article").all()]
    assert verdicts == ["unknown", "known"]


@needs_bundle
def test_a_browser_computes_the_specification_s_digests(tab: Watched) -> None:
    tab.go("/drop")
    told = tab.page.evaluate(VECTORS_IN_THE_PAGE, [entries_of(text) for _, text in VECTORS])
    assert told == [f"tree1:{lines(text, 'digest')[0]}" for _, text in VECTORS]
    in_pieces, at_once, told_of_all = tab.page.evaluate(BOTH_WAYS)
    assert in_pieces == at_once
    assert told_of_all


@needs_bundle
def test_reading_can_be_cancelled(tab: Watched, tmp_path: Path) -> None:
    large, small = tmp_path / "large.bin", tmp_path / "small.bin"
    with large.open("wb") as file:
        file.truncate(8 << 30)  # a hole, which takes no room on disk and minutes to read
    small.write_text("small")
    tab.go("/drop")
    tab.page.locator("#files").set_input_files([large, small])
    reading = tab.page.locator("#dropped article", has_text="large.bin")
    reading.locator("button").click()
    reading.get_by_text("Cancelled").wait_for()
    tab.page.locator("#dropped article:not([aria-busy])", has_text="small.bin").get_by_text("Unknown").wait_for()


def test_without_scripts_a_digest_can_be_asked_for(browser: Browser, served: Served, web_catalogue: Catalogue) -> None:
    with watching(browser, served.address, java_script_enabled=False) as tab:
        tab.go("/drop")
        assert not tab.page.locator("#drop").is_visible()
        tab.page.get_by_label("Digest").fill(str(digest_tree(web_catalogue.folder / LABELS).digest))
        tab.page.get_by_role("button", name="Ask").click()
        assert "Unchanged" in tab.page.locator("article").inner_text()
