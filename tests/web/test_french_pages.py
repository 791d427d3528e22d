"""No page says in French what it says in English: those that links lead to, what is refused, and what scripts write."""

from __future__ import annotations

import re
from typing import Final

import pytest
from babel.messages.catalog import Message
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from tests.web.browser import needs_bundle, watching
from tests.web.catalogue_of_texts import french
from tests.web.conftest import LABELS, Served
from tests.web.crawl import Said, both, same_words

STARTS: Final = (
    "/", "/findings?about=gaps", "/findings?about=orphans", "/findings?about=stale", "/findings?about=duplicates",
    "/drop", "/queries", "/overview", "/search?q=", "/nothing", f"/check?thing={LABELS}", f"/report?thing={LABELS}",
    f"/report?check=true&thing={LABELS}", f"/graph?thing={LABELS}&back=9&on=9&each=true",
    # what is refused, or not found
    "/thing?thing=", "/thing?thing=nothere", "/thing?thing=0000", "/thing?thing=tree1:12",
    "/thing?thing=00000001:nothere",
    "/thing?thing=Image:99@omero.example.org", "/thing?thing=Image:51@elsewhere.example.org", "/run?run=zzz",
    "/run?run=0", "/search?q=nothere", "/search?q=nope%3D3", "/search?q=size%3Ebig", "/picture?thing=Snakefile",
    f"/picture?thing={LABELS}", f"/graph?thing={LABELS}&back=-1", "/graph?thing=x&on=many", "/graph", "/overview?by=x",
    f"/drop?digest=tree1:{'0' * 64}&name=nuclei.ome.zarr", "/drop?digest=sha256:00", "/drop?digest=x",
    "/queries?query=LOAD+%3Chttp://x%3E", "/queries?query=SELECT", "/queries?query=DROP+ALL",
    "/queries?query=SELECT+*+%7B+SERVICE+%3Chttp://x%3E+%7B+%7D+%7D",
    "/queries?query=SELECT+%3Fa+%7B+%3Fa+%3Chttp://x/p%3E%2B+%3Fb+%7D+LIMIT+1",
)  # fmt: skip
DATA: Final = re.compile(
    r"""[\w.:~-]*([/\\#@_]|://)\S*(\s–\sfiliation)?          # paths, addresses and names
    | \S*[0-9]\S*(\s[0-9:]+)?(\sUTC)?(\s[–(].*)?              # digests, times, versions
    | (sha256|tree1|DOI|IRI|SWHID|SPARQL|JSON|OMERO|PREFIX|SELECT)\W*.* | English | Français | \w+: | \{\w+\}
    | (Josiah\sCarberry|the\sgraphics\scard|[Pp]ython|snakemake|filiation|skimage:|Snakefile)\b.* | Run\s\d
    | (fetch|segment|measure|overlay|method|sigma|diameter|otsu|minimum_area|x|week|rule|root)\b\W*.*
    | .*(\.zarr|\.json|\.parquet|scikit-image)\b.*
    | error\sat.* | expected\sone\sof\s["'`].* | parameter\..*  # what the parser of queries says
    """,
    re.VERBOSE,
)


@pytest.fixture(scope="module")
def alike() -> re.Pattern[str]:
    """Return what French says as English does: words that both have."""
    cognates = {str(message.id) for message in french() if message.id and _is_alike(message)}
    return re.compile("|".join([*map(re.escape, cognates), r"\b"]))


def _is_alike(message: Message) -> bool:
    return isinstance(message.id, str) and message.id == message.string


@pytest.mark.slow
def test_no_page_says_in_french_what_it_says_in_english(pages: TestClient, alike: re.Pattern[str]) -> None:
    found = dict[str, str]()
    seen = list[str]()
    for address, english, said in both(pages, STARTS, most=2):
        seen.append(address.partition("?")[0])
        found |= {each: address for each in same_words(english, said, DATA) if not alike.fullmatch(each.rstrip(".: "))}
    assert found == {}
    assert {"/", "/thing", "/run", "/graph", "/check", "/report", "/search", "/queries", "/drop", "/overview"} <= {
        *seen
    }


def test_a_picture_of_a_lineage_is_in_the_language_of_its_reader(pages: TestClient) -> None:
    english, french_one = (
        pages.get("/lineage.svg", params={"thing": LABELS, "lang": language}).text for language in ("en", "fr")
    )
    assert "<title>Ancestors of" in english
    assert "<title>Ascendants de" in french_one
    for word in ("label image", "run 0", "used", "generated", "asked for"):
        assert word in english
        assert word not in french_one, word
    assert "image d’étiquettes" in french_one
    report = pages.get("/api/report", params={"thing": LABELS, "lang": "fr"})
    assert report.status_code == 200


@needs_bundle
@pytest.mark.slow
def test_what_scripts_write_is_french_too(browser: Browser, served: Served, alike: re.Pattern[str]) -> None:
    said: dict[str, dict[str, Said]] = {}
    for language in ("en", "fr"):
        with watching(browser, served.address, locale=language) as tab:
            for path in (f"/thing?thing={LABELS}&", f"/graph?thing={LABELS}&back=2&on=2&", "/queries?", "/drop?"):
                tab.go(f"{path}lang={language}")
                if "thing=" in path:
                    tab.page.locator("[data-drawn]").wait_for(state="attached")
                    tab.page.locator(".graph-panel dl").wait_for()
                elif path == "/queries?":
                    tab.page.locator(".yasqe .CodeMirror, .CodeMirror").first.wait_for()
                else:
                    tab.page.locator("#drop").wait_for()
                said.setdefault(path, {})[language] = Said.by(tab.page.content())
    for path, by_language in said.items():
        found = same_words(by_language["en"], by_language["fr"], DATA)
        assert {each for each in found if not alike.fullmatch(each.rstrip(".: "))} == set(), path
