"""Questions with a name and free SPARQL: answered, limited, refused, and never a change to the store."""

from __future__ import annotations

import csv
import io
import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from filiation.errors import CatalogueBusyError
from filiation.lineage import Answer
from filiation.web.access.rules import Rules, Sight
from filiation.web.application import create_app
from filiation.web.queries import as_csv
from filiation.web.settings import Limits, WebSettings
from filiation.web.shared import Shared, Sharing
from filiation.web.turns import TooManyError, Turns
from tests.waiting import wait_until
from tests.web.browser import PATIENCE, Watched, assert_accessible, needs_bundle, watching
from tests.web.conftest import PATIENT, Catalogue, Served, asking, make_catalogue, serving
from tests.web.test_access import behind

COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
WORST = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }"
REFUSED = {
    "SERVICE": "SELECT * WHERE { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
    "FROM": "SELECT * FROM <file:///etc/passwd> WHERE { ?s ?p ?o }",
    "LOAD": "LOAD <http://127.0.0.1:9/>",
    "INSERT": "INSERT DATA { <a:> <b:> <c:> }",
    "DELETE": "DELETE WHERE { ?s ?p ?o }",
    "DROP": "DROP ALL",
    "CLEAR": "CLEAR ALL",
    "CREATE": "CREATE GRAPH <a:>",
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a store, but for what says that somebody reads it."""
    stores = (folder / ".filiation").rglob("store*")
    files = [path for store in stores if store.is_dir() for path in store.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files if path.name not in ("LOCK", "in-use")}


def test_a_question_with_a_name_is_answered_as_a_page_and_as_json(pages: TestClient) -> None:
    text = pages.get("/queries?question=cq5").text
    assert "How long did each execution of a component take?" in text
    answer = pages.get("/api/queries?question=cq5&run=00000001").json()
    assert {row["run"]["value"].split(",")[1][:8] for row in answer["results"]["bindings"]} == {"00000001"}
    assert not answer["truncated"]
    given = pages.get("/api/queries", params={"question": "annotations", "given.key": "quality"})
    assert given.json()["results"]["bindings"] == []
    assert pages.get("/api/queries?question=annotations&given.nothing=1").status_code == 400
    listed = pages.get("/api/queries").json()["questions"]
    assert {"cq1", "cq11", "failed"} <= {each["name"] for each in listed}
    assert pages.get("/api/queries?question=nothing").status_code == 404
    assert "SELECT DISTINCT" in pages.get("/queries?edit=cq5").text


@pytest.mark.parametrize("word", REFUSED)
def test_what_changes_or_reaches_beyond_is_refused_by_every_way_in(pages: TestClient, word: str) -> None:
    query = REFUSED[word]
    for path in ("/queries", "/api/queries"):
        answers = [
            pages.get(path, params={"query": query}),
            pages.post(path, data={"query": query}),
            pages.post(path, content=query, headers={"Content-Type": "application/sparql-query"}),
            pages.post(path, content=query, headers={"Content-Type": "Application/SPARQL-Query; charset=utf-8"}),
        ]
        assert [answer.status_code for answer in answers] == [400] * 4
        assert all(f"{word} is refused" in answer.text for answer in answers)


def test_the_protocols_other_ways_to_change_are_refused(pages: TestClient) -> None:
    update = "INSERT DATA { <a:> <b:> <c:> }"
    path = "/api/queries"
    refused = [
        (pages.post(path, content=update, headers={"Content-Type": "application/sparql-update"}), 403),
        (pages.post(path, data={"update": update}), 403),
        (pages.get(path, params={"update": update}), 403),
        (pages.get(path, params={"query": COUNT, "using-graph-uri": "a:"}), 403),
        (pages.get(path, params={"query": COUNT, "default-graph-uri": "file:///etc/passwd"}), 400),
        (pages.get(path, params={"query": COUNT, "named-graph-uri": "http://127.0.0.1:9/"}), 400),
        (pages.post(path, files={"query": ("q", update)}), 415),
        (pages.post(path, content=update, headers={"Content-Type": "text/plain"}), 415),
        (pages.post(path, content=update), 415),
        (pages.post(path, content=b"\xff", headers={"Content-Type": "application/sparql-query"}), 400),
        (pages.post(path, content=b"#" * 400_000, headers={"Content-Type": "application/sparql-query"}), 413),
        (pages.post(path, data={"query": "#" * 100_001}), 413),
        (pages.put(path, content=update, headers={"Content-Type": "application/sparql-update"}), 405),
        (pages.get(path, params={"query": "SELECT"}), 400),
        (pages.get(path, params={"query": COUNT, "format": "exe"}), 400),
    ]
    assert [answer.status_code for answer, _ in refused] == [status for _, status in refused]


@pytest.mark.slow
def test_answering_and_refusing_leave_the_store_byte_for_byte_as_it_was(tmp_path: Path) -> None:
    made = make_catalogue(tmp_path / "project")
    with asking(create_app(WebSettings(made.folder, limits=PATIENT))) as pages:
        assert pages.get("/api/queries", params={"query": COUNT}).status_code == 200
        before = contents(made.folder)
        assert before
        for query in ("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", *REFUSED.values()):
            pages.post("/queries", data={"query": query})
        assert contents(made.folder) == before


def test_an_answer_is_kept_as_an_attachment_that_can_do_nothing(pages: TestClient) -> None:
    query = 'SELECT ?a ?b ?n WHERE { VALUES (?a ?b ?n) { ("=cmd()" "x,\\"y" -5) } }'
    kept = pages.post("/api/queries", data={"query": query, "format": "csv"})
    assert kept.headers["content-disposition"] == 'attachment; filename="answer.csv"'
    assert kept.headers["content-security-policy"].startswith("sandbox")
    assert list(csv.reader(io.StringIO(kept.text))) == [["a", "b", "n"], ["'=cmd()", 'x,"y', "-5"]]
    as_json = pages.post("/api/queries", data={"question": "cq5", "format": "json"})
    assert as_json.headers["content-disposition"] == 'attachment; filename="cq5.json"'
    assert as_json.json()["head"]["vars"][0] == "run"
    assert as_csv(Answer(("@a",), (("+b",), (None,)))) == "'@a\r\n'+b\r\n\"\"\r\n"


@pytest.mark.slow
def test_an_answer_that_is_cut_short_says_so(web_catalogue: Catalogue) -> None:
    settings = WebSettings(web_catalogue.folder, limits=replace(PATIENT, query_rows=5, query_rows_shown=3))
    with asking(create_app(settings)) as pages:
        everything = {"query": "SELECT * WHERE { ?s ?p ?o }"}
        found = pages.get("/api/queries", params=everything).json()
        assert (len(found["results"]["bindings"]), found["truncated"]) == (5, True)
        text = pages.get("/queries", params=everything).text
        assert "this answer is truncated" in text
        assert "3 rows" in text


@pytest.mark.slow
def test_what_takes_longer_than_it_has_to_is_warned_of(pages: TestClient) -> None:
    query = "SELECT ?a ?b WHERE { ?a <http://www.w3.org/ns/prov#wasDerivedFrom>+ ?b }"
    assert "Both ends of the path" in pages.get("/api/queries", params={"query": query}).json()["warnings"][0]
    assert "Both ends of the path" in pages.get("/queries", params={"query": query}).text


@pytest.mark.slow
def test_queries_are_for_auditors_and_for_nobody_who_may_see_a_part_alone(web_catalogue: Catalogue) -> None:
    sights = (Sight(("user:ada",), everything=True), Sight(("user:eve", "user:bob"), groups=frozenset({"Lab A"})))
    rules = Rules((("auditor", ("user:ada", "user:eve")), ("viewer", ("everyone",))), sights)
    everybody = Rules((("auditor", ("user:ada",)), ("viewer", ("everyone",))))
    for given, name, statuses in (
        (rules, "ada", (200, 200, 200)),
        (rules, "eve", (403, 403, 200)),  # an auditor of a part
        (everybody, "bob", (403, 200, 200)),
    ):
        with behind(web_catalogue.folder, rules=given) as pages:
            asked = ({"query": COUNT}, {"question": "cq7"}, {})
            found = [pages.get("/api/queries", params=each, headers={"X-Remote-User": name}) for each in asked]
            assert tuple(answer.status_code for answer in found) == statuses, name
            if statuses[0] == 403:
                posted = pages.post("/queries", data={"query": COUNT}, headers={"X-Remote-User": name})
                assert posted.status_code == 403


def test_every_reader_has_a_share_of_turns_whichever_process_answers(tmp_path: Path) -> None:
    sharing = Sharing(tmp_path / "shared.sqlite")
    turns, others = (Turns(Shared(sharing), each=2, all_together=3) for _ in range(2))
    with turns.taken("a"), others.taken("a"):
        for asked in (turns, others):
            with pytest.raises(TooManyError, match="2 of your queries are being answered"), asked.taken("a"):
                pass
        with others.taken("b"), pytest.raises(CatalogueBusyError, match="3 queries are"), turns.taken("c"):
            pass
    with turns.taken("a"), turns.taken("a"), turns.taken("b"):
        Shared(sharing).forget_process(os.getpid())  # as if this one had ended
        with others.taken("a"), others.taken("a"), others.taken("b"):
            pass


def query_processes() -> list[int]:
    """Return the processes that answer queries of servers in this one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = status.read_text().rpartition(")")[2].split()[1]
            if parent == str(os.getpid()) and "sparql_process" in status.with_name("cmdline").read_text():
                found.append(int(status.parent.name))
    return found


@pytest.mark.slow
def test_the_worst_query_is_ended_and_others_are_answered_meanwhile(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, limits=Limits(query_seconds=1)))) as pages:
        ended = pages.get("/api/queries", params={"query": WORST})
        assert ended.status_code == 504
        assert "took longer than 1 s and was ended" in ended.json()["error"]
        assert query_processes() == []
    found: list[httpx2.Response] = []
    with serving(
        create_app(WebSettings(web_catalogue.folder, limits=Limits(query_seconds=300, queries_each=1)))
    ) as served:
        ask = partial(httpx2.get, f"{served.address}/api/queries", timeout=300)
        thread = threading.Thread(target=lambda: found.append(ask(params={"query": WORST})))
        thread.start()
        wait_until(query_processes, "the worst query is under way")
        assert httpx2.get(f"{served.address}/runs", timeout=60).status_code == 200
        assert ask(params={"query": COUNT}).status_code == 429, "one at a time, as was set"
        (worst,) = query_processes()
        os.kill(worst, signal.SIGXCPU)  # as the system does when its processor time is used up
        thread.join()
        assert found[0].status_code == 504
        assert ask(params={"query": COUNT}).status_code == 200


def test_a_page_keeps_what_was_asked_when_it_is_refused(pages: TestClient) -> None:
    answer = pages.post("/queries", data={"query": "SELECT <script>alert(1)</script>"})
    assert answer.status_code == 400
    assert "SELECT &lt;script&gt;alert(1)&lt;/script&gt;</textarea>" in answer.text
    assert "This is not a SPARQL query" in answer.text


@needs_bundle
@pytest.mark.slow
def test_a_query_is_written_answered_and_left_by_the_keyboard(tab: Watched) -> None:
    tab.go("/queries?edit=cq6")
    page = tab.page
    expect(page.locator("form.free[data-editor=ready]")).to_be_attached(timeout=PATIENCE)
    assert_accessible(page)
    tab.picture("queries")
    editor = page.get_by_role("textbox", name="Query")
    editor.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text('SELECT ("<img src=x onerror=alert(1)>" AS ?text) WHERE { }')
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Answer it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell")).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator("form.free[data-editor=ready]")).to_be_attached(timeout=PATIENCE)
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Keep as CSV").click()
    assert download.value.suggested_filename == "answer.csv"
    page.get_by_label("Question", exact=True).select_option("cq5")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="How long did each execution")).to_be_visible()
    tab.picture("queries-answered")


@needs_bundle
@pytest.mark.slow
def test_queries_fit_a_phone_and_the_dark_and_need_no_scripts(browser: Browser, served: Served) -> None:
    screen = {"width": 360, "height": 740}
    with watching(browser, served.address, viewport=screen, color_scheme="dark") as tab:
        tab.go("/queries?question=cq5")
        expect(tab.page.locator("form.free[data-editor=ready]")).to_be_attached(timeout=PATIENCE)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert_accessible(tab.page)
        tab.picture("phone-queries")
    with watching(browser, served.address, java_script_enabled=False) as tab:
        tab.go("/queries")
        tab.page.get_by_label("Query", exact=True).fill(COUNT)
        tab.page.get_by_role("button", name="Answer it").click()
        expect(tab.page.get_by_role("cell")).to_be_visible()
