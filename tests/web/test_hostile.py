"""Every page, of a catalogue whose every text is an attack: shown as it is, and nothing runs, loads or leads astray."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser

from filiation.catalogue import CatalogueFolder
from filiation.crate.image_metadata import CONTEXT, with_metadata, write_image_metadata
from filiation.lineage import Ledger
from filiation.model import Channel, Comment, Container, ImageMetadata, KeyValues, Objective, Pair, Tag
from filiation.web.application import ROUTERS, create_app
from filiation.web.settings import WebSettings
from tests.lineage.crates import CrateBuilder
from tests.web.browser import watching
from tests.web.conftest import Catalogue, Served, asking, serving

MARK = "<script>alert(1)</script>"
PAYLOAD = (
    f"\"'>{MARK}<img src=x onerror=alert(2)><svg/onload=alert(3)></title></textarea></style>"
    "{{104729*3}}${alert(4)}%(x)s%s javascript:alert(5) \u202e\x1b[2J"
)
LINK = "javascript:alert(6)//" + PAYLOAD
MADE = "script:not([src]), [onerror], [onload], iframe, object, embed, img[src=x]"
"""What a text may have become, if it became markup."""
IMAGE = "https://omero.example.org/Image/51"
OMERO = "https://omero.example.org"
FIXED = {
    "@id", "@type", "runId", "sha256", "treeDigest", "runStatus", "presence", "startTime", "endTime", "actionStatus",
    "contentSize", "dateCreated",
}  # fmt: skip
LINKS = frozenset(("url", "codeRepository", "sameAs", "license", "identifier"))


def attacked(value: Any, key: str = "") -> Any:
    """Put the payload into every text of a crate that may be any text."""
    if isinstance(value, dict):
        return {name: inner if name in FIXED else attacked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [attacked(inner, key) for inner in value]
    if not isinstance(value, str):
        return value
    return LINK if key in LINKS else value + PAYLOAD


def told_by_omero() -> ImageMetadata:
    return ImageMetadata(
        IMAGE,
        name="image",
        description="description",
        objective=Objective(f"{OMERO}/Objective/1", manufacturer="maker", model="model", nominal_magnification=40.0),
        channels=(Channel(f"{OMERO}/Channel/1", 0, name="DNA", fluor="DAPI"),),
        tags=(Tag(f"{OMERO}/TagAnnotation/2", "tag", description="of a tag"),),
        comments=(Comment(f"{OMERO}/CommentAnnotation/3", "comment"),),
        key_values=(KeyValues(f"{OMERO}/MapAnnotation/4", (Pair("name", "value"),)),),
        containers=(Container(f"{OMERO}/Dataset/5", name="dataset"),),
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Make a catalogue in which somebody has put an attack wherever a text may stand."""
    folder = tmp_path_factory.mktemp("hostile") / "project"
    run = CrateBuilder(folder, 1)
    run.thing(IMAGE)
    kinds = {"raw.ome.zarr": "image", "labels.ome.zarr": "label image"}
    run.job("fetch", (IMAGE,), {"raw.ome.zarr": {"zarr.json": "{}", "0": "pixels"}}, kinds=kinds)
    run.job("segment", ("raw.ome.zarr",), {}, parameters={"sigma": 2, "model": "nuclei"}, status="failed", number=2,
            kinds=kinds, error="no memory")  # fmt: skip
    run.job("segment", ("raw.ome.zarr",), {"labels.ome.zarr": {"zarr.json": "{}", "0": "labels"}},
            parameters={"sigma": {"value": 2, "requestedValue": "1", "usedValue": '"two"'}, "model": "nuclei"},
            number=2, attempt=2, kinds=kinds, reason="because")  # fmt: skip
    run.job("measure", ("labels.ome.zarr",), {"odd <b>name</b> & 'quoted'.csv": "x"}, kinds=kinds)
    crate = run.write(folder / "coming")
    document = run.document()
    told = write_image_metadata([told_by_omero()])
    graph = [with_metadata(entity, told.pop(str(entity["@id"]), None)) for entity in document["@graph"]]  # type: ignore[attr-defined]
    context = [*document["@context"][:2], {**document["@context"][2], **CONTEXT}]  # type: ignore[index]
    attacks = [attacked(entity) for entity in [*graph, *told.values()]]
    (crate / "ro-crate-metadata.json").write_text(json.dumps({"@context": context, "@graph": attacks}))
    (crate / "evil.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(7)"/>')
    (crate / "evil.html").write_text(MARK)
    (crate / "outside").symlink_to("/etc/hostname")
    (crate / "elsewhere").symlink_to("/etc")
    ledger = Ledger(CatalogueFolder.create(folder / ".filiation").root)
    ledger.ingest(crate)
    ledger.annotate(ledger.show(run.id).entities[0].iri, f"quality={PAYLOAD}", f"url={LINK}", why=PAYLOAD)
    return Catalogue(folder, run, run, run)


@pytest.fixture(scope="module")
def hostile_pages(hostile: Catalogue) -> Iterator[Served]:
    with serving(create_app(WebSettings(hostile.folder))) as found:
        yield found


def addresses(hostile: Catalogue) -> list[str]:
    """Return every page that there is, of every thing, job and run, and of what is not there."""
    run = hostile.nuclei
    detail = Ledger(hostile.folder / ".filiation").show(run.id)
    things = [node.iri for node in (*detail.entities, *detail.actions)]
    given = {
        "thing": [*things, PAYLOAD], "run": [hostile.nuclei.id, PAYLOAD], "q": ["", "segment", "labels", PAYLOAD],
        "about": ["gaps", "orphans", "duplicates", "stale", PAYLOAD], "page": ["1"], "digest": ["0" * 64],
        "name": [PAYLOAD], "path": ["evil.svg", "evil.html"],
    }  # fmt: skip
    found = []
    for route in (route for router in ROUTERS for route in router.routes):
        path = getattr(route, "path", "")
        if "GET" not in getattr(route, "methods", ()) or path.startswith(("/api", "/static")) or "{" in path:
            continue
        nested = [each for inner in route.dependant.dependencies for each in inner.query_params]  # type: ignore[attr-defined]
        names = [each.name for each in (*route.dependant.query_params, *nested)]  # type: ignore[attr-defined]
        key = next((name for name in ("thing", "run", "q", "about", "digest") if name in names), None)
        rest = {"name": PAYLOAD} if "name" in names else {}
        found += (
            [f"{path}?{urlencode({key: value, **rest}, errors='replace')}" for value in given[key]] if key else [path]
        )
    return [*found, f"/{quote(PAYLOAD, safe='')}"]


@pytest.mark.slow(20)
def test_no_text_of_a_record_runs_or_leads_anywhere_on_any_page(
    browser: Browser, hostile: Catalogue, hostile_pages: Served
) -> None:
    shown = 0
    with asking(create_app(WebSettings(hostile.folder))) as client, watching(browser, hostile_pages.address) as tab:
        tab.expected = [r"status of (400|404|409|501)", r"static/bundle/.* MIME type"]  # no bundles, before `make web`
        for address in addresses(hostile):
            answer = client.get(address)
            assert answer.status_code < 500, (address, answer.text[:2000])
            if not answer.headers["content-type"].startswith("text/html"):
                continue
            tab.go(address)
            tab.check()
            text = tab.page.locator("body").inner_text()
            assert "314187" not in text, address
            shown += text.count(MARK)
            links = tab.page.eval_on_selector_all("a", "all => all.map(link => link.protocol)")
            assert set(links) <= {"http:", "https:"}, address
            made = tab.page.evaluate(
                f"[...document.querySelectorAll({json.dumps(MADE)})]"
                ".filter(each => each.type !== 'application/json').map(each => each.outerHTML)"
            )
            assert made == [], address
        for language in ("fr", "en"):
            tab.go(
                f"/thing?{urlencode({'thing': hostile.nuclei.action_iri(2, 2), 'lang': language}, errors='replace')}"
            )
            tab.check()
    assert shown > 100, "the names are there to be read"


def test_what_lies_in_a_crate_is_never_shown_only_downloaded_and_links_in_it_lead_nowhere(hostile: Catalogue) -> None:
    with asking(create_app(WebSettings(hostile.folder))) as client:
        for path in ("evil.svg", "evil.html", "ro-crate-metadata.json"):
            handed = client.get("/crate", params={"run": hostile.nuclei.id, "path": path})
            assert handed.status_code == 200
            assert handed.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in handed.headers["content-security-policy"]
            assert handed.headers["x-content-type-options"] == "nosniff"
            assert handed.headers["content-type"] in ("application/octet-stream", "application/ld+json")
        hostname = Path("/etc/hostname").read_bytes()
        for path in (
            "outside", "elsewhere/hostname", "elsewhere", "../../../coming/x", "/etc/hostname", "%2e%2e/%2e%2e/index",
            "..\\..\\x", "./../ro-crate-metadata.json/../../..", "file:///etc/hostname", "", ".", "a\x00",
        ):  # fmt: skip
            refused = client.get("/crate", params={"run": hostile.nuclei.id, "path": path})
            assert refused.status_code in (400, 404), path
            assert hostname.strip() not in refused.content
        for path in ("/static/../application.py", "/static/%2e%2e/application.py", "/static//etc/hostname"):
            assert client.get(path).status_code == 404, path
        assert client.get("/static/filiation.css").status_code == 200


@pytest.mark.slow
def test_a_file_that_becomes_a_link_while_it_is_served_is_not_followed(tmp_path: Path) -> None:
    run = CrateBuilder(tmp_path, 1)
    run.job("segment", (), {"labels.tif": "x"})
    crates = tmp_path / ".filiation" / "crates"
    crate = run.write(crates)
    (crate / "log.txt").write_text("a log")
    Ledger(tmp_path / ".filiation").runs()
    (tmp_path / "secret").write_text("secret of the server")
    with asking(create_app(WebSettings(tmp_path))) as client:
        asked = {"run": run.id, "path": "log.txt"}
        assert client.get("/crate", params=asked).text == "a log"
        (crate / "log.txt").unlink()
        (crate / "log.txt").symlink_to(tmp_path / "secret")
        assert client.get("/crate", params=asked).status_code == 404


def test_nothing_that_is_asked_for_is_opened_on_the_server(hostile: Catalogue) -> None:
    with asking(create_app(WebSettings(hostile.folder))) as client:
        (hostile.folder / "unrecorded.txt").write_text("never recorded")
        for path in ("/thing", "/graph", "/report", "/picture", "/lineage.svg"):
            for thing in ("/etc/hostname", str(hostile.folder / "unrecorded.txt"), "/dev/zero", "../../etc/hostname"):
                answer: Any = client.get(path, params={"thing": thing})
                assert answer.status_code in (400, 404), (path, thing)
                assert "sha256:" not in answer.text, "its bytes were not read to be known by"


@pytest.mark.slow
def test_every_door_answers_hostile_parameters_in_a_sentence(hostile: Catalogue) -> None:
    names = (
        "thing", "run", "q", "page", "depth", "back", "on", "expanded", "digest", "name", "about", "path", "x", "y",
        "z", "t", "label",
    )  # fmt: skip
    values = (PAYLOAD, "\ud800", "\x00", "-1", "9" * 400, "1e999", "%00", "a" * 3000, "[]", "../" * 50)
    with asking(create_app(WebSettings(hostile.folder))) as client:
        for route in (route for router in ROUTERS for route in router.routes):
            path = getattr(route, "path", "")
            if "GET" not in getattr(route, "methods", ()) or "{" in path:
                continue
            for value in values:
                asked = urlencode(dict.fromkeys(names, value), errors="surrogatepass")
                answer = client.get(f"{path}?{asked}")
                assert answer.status_code != 500, (path, value[:40], answer.text[:1000])
                assert "Traceback" not in answer.text


@pytest.mark.slow
def test_the_client_of_these_tests_would_see_a_page_that_is_wrong(browser: Browser, served: Served) -> None:
    with pytest.raises(AssertionError, match="dialog: 1"), watching(browser, served.address) as tab:
        tab.page.set_content(MARK)
