"""The browser that tests look at pages with: that it tells of what no page may do."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser

from tests.web.browser import assert_accessible, watching
from tests.web.conftest import serving

POLICY = {"Content-Security-Policy": "default-src 'none'; script-src 'self'"}
BAD = {
    "dialog: hello": "<script>alert('hello')</script>",
    "console: oh no": "<script>console.error('oh no')</script>",
    "error: nothing": "<script>throw new Error('nothing')</script>",
    "asked another host: http://127.0.0.2:9/x.png": "<img alt='' src='http://127.0.0.2:9/x.png'>",
}


@pytest.mark.slow
def test_what_no_page_may_do_is_told(browser: Browser) -> None:
    app = FastAPI()
    for number, text in enumerate(BAD.values()):
        app.get(f"/{number}")(lambda text=text: HTMLResponse(f"<!doctype html>{text}"))
    app.get("/policy")(lambda: HTMLResponse("<!doctype html><p style='color: red'>", headers=POLICY))
    app.get("/unnamed")(lambda: HTMLResponse("<!doctype html><title>x</title><img src='data:,'><input>"))
    with serving(app) as served:
        for number, fault in enumerate(BAD):
            with pytest.raises(AssertionError) as caught, watching(browser, served.address) as tab:
                tab.go(f"/{number}")
            assert fault in str(caught.value)
        with pytest.raises(AssertionError) as caught, watching(browser, served.address) as tab:
            tab.go("/policy")
        assert "policy violated: style-src-attr: inline" in str(caught.value)
        with watching(browser, served.address) as tab:
            tab.expected = ["."]
            tab.go("/unnamed")
            with pytest.raises(AssertionError, match="image-alt"):
                assert_accessible(tab.page)
