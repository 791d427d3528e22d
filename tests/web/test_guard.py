"""What the guard refuses, and what it has every response say, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from filiation.web.guard import SANDBOX, Guard, RequestLimits, hand_out, handing_out, host_name
from tests.examples import examples


def _page(_request: Request) -> Response:
    return PlainTextResponse("a page")


def _file(_request: Request) -> Response:
    return hand_out(b"<svg onload=alert(1)>", 'results/ça\r\n; "x".svg', "image/svg+xml")


async def _told(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


@pytest.fixture
def asked() -> Iterator[TestClient]:
    routes = [Route("/", _page), Route("/file", _file), Route("/told", _told, methods=["POST"])]
    guarded = Guard(
        Starlette(routes=routes),
        hosts=frozenset({"127.0.0.1", "[::1]", "filiation.example.org"}),
        posts=frozenset({"/told"}),
        limits=RequestLimits(address=200, headers=2_000, header_count=30, body=1_000),
    )
    with TestClient(guarded, base_url="http://127.0.0.1:8642") as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "[::1", "a b", "::1",
     "127.0.0.1:port", "evil.example#127.0.0.1", "127.0.0.1/evil"],
)  # fmt: skip
def test_another_name_for_this_server_is_refused_so_that_no_page_elsewhere_can_have_its_name_point_here(
    asked: TestClient, host: str
) -> None:
    assert asked.get("/", headers={"Host": host}).status_code in (400, 421)


def test_one_host_is_named_and_no_more(asked: TestClient) -> None:
    assert asked.get("/", headers=[("Host", "127.0.0.1"), ("Host", "evil.example")]).status_code == 400
    for name in ("127.0.0.1", "127.0.0.1:1", "[::1]:8642", "FILIATION.example.org"):
        assert asked.get("/", headers={"Host": name}).status_code == 200, name


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_nothing_can_be_changed_and_no_other_site_is_told_that_it_may_ask(asked: TestClient, method: str) -> None:
    refused = asked.request(method, "/", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 405
    assert not [name for name in refused.headers if name.startswith("access-control-")]


def test_a_head_has_what_a_get_would_say_and_no_body(asked: TestClient) -> None:
    told = asked.head("/")
    assert (told.status_code, told.content, told.headers["content-length"]) == (200, b"", "6")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1.evil.example"},
     {"Origin": "http://127.0.0.1:9"}, {"Origin": "file://127.0.0.1:8642"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_what_another_sites_page_posts_is_refused(asked: TestClient, headers: dict[str, str]) -> None:
    assert asked.post("/told", content=b"1", headers=headers).status_code == 403


def test_what_a_page_of_this_server_posts_is_read(asked: TestClient) -> None:
    own = {"Origin": "http://127.0.0.1:8642", "Sec-Fetch-Site": "same-origin"}
    assert asked.post("/told", content=b"123", headers=own).text == "3 bytes"
    behind_tls = {"Origin": "https://filiation.example.org", "Host": "filiation.example.org"}
    assert asked.post("/told", content=b"123", headers=behind_tls).text == "3 bytes"


def test_a_page_of_another_site_may_link_here_and_neither_show_nor_read_what_is_here(asked: TestClient) -> None:
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert asked.get("/", headers=linked).status_code == 200
    for dest in ("iframe", "embed", "object", "frame"):
        assert asked.get("/", headers=linked | {"Sec-Fetch-Dest": dest}).status_code == 403
    for mode in ("no-cors", "cors", "websocket"):
        assert asked.get("/", headers=linked | {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "script"}).status_code == 403
    headers = asked.get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_file_is_saved_and_never_shown(asked: TestClient) -> None:
    handed = asked.get("/file")
    assert handed.headers["content-security-policy"] == SANDBOX
    assert handed.headers["x-content-type-options"] == "nosniff"
    assert handed.headers["content-disposition"] == (
        "attachment; filename=\"_a___ _x_.svg\"; filename*=UTF-8''%C3%A7a__%3B%20%22x%22.svg"
    )


@settings(max_examples=examples(100))
@given(st.text())
def test_no_name_of_a_file_breaks_out_of_its_header(name: str) -> None:
    said = handing_out(name)["Content-Disposition"]
    assert said.isascii()
    assert said.isprintable()
    assert said.count('"') == 2
    assert "/" not in said.replace("%2F", "")


@settings(max_examples=examples(100))
@given(st.text())
def test_whatever_a_host_header_says_it_is_a_name_or_nothing(host: str) -> None:
    name = host_name(host)
    assert name == "" or not set(name) & set("/@?# ")


def test_a_request_that_is_too_large_is_refused_also_if_it_does_not_say_so(asked: TestClient) -> None:
    assert asked.get("/?q=" + "a" * 200).status_code == 414
    assert asked.get("/", headers={"X-Long": "a" * 2_000}).status_code == 431
    assert asked.get("/", headers={f"X-{number}": "a" for number in range(40)}).status_code == 431
    assert asked.post("/told", content=b"a" * 1_001).status_code == 413
    assert asked.post("/told", content=iter([b"a" * 600] * 2)).status_code == 413
    assert asked.post("/told", content=b"a", headers={"Content-Length": "-1"}).status_code == 400
    assert asked.get("/%00").status_code == 400
