"""A real browser that looks at pages, and tells of everything that a page must not do.

Debian's Chromium, driven through Playwright. A test fails if a page shows a dialog, writes an error to the console,
does what its Content-Security-Policy forbids, or asks any other host for anything. Pictures of what was seen stay in
``tests/artefacts``, or in the folder that ``FILIATION_ARTEFACTS`` names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).parents[2]
ARTEFACTS = Path(os.environ.get("FILIATION_ARTEFACTS", ROOT / "tests" / "artefacts"))
BUNDLE = ROOT / "src" / "filiation" / "web" / "static" / "bundle"
AXE = ROOT / "tools" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 60_000
"""Milliseconds that something may take to appear; it is waited for, so nothing depends on how long it does."""

expect.set_options(timeout=PATIENCE)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

needs_bundle = pytest.mark.skipif(not (BUNDLE / "SHA256SUMS").is_file(), reason="no bundles: `make web` makes them")
_QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--no-first-run", "--no-pings", "--disable-domain-reliability", "--disable-dev-shm-usage",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
)  # fmt: skip
_VIOLATIONS = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample} (${event.sourceFile})`));
"""


@dataclass
class Watched:
    """A tab, and what its pages did that none may do.

    Parameters
    ----------
    page
        Playwright's.
    host
        The only host and port that pages may ask.
    faults
        What happened.
    asked
        Every address that was asked for.
    """

    page: Page
    host: str
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Regular expressions of faults that a test provokes."""

    def go(self, address: str) -> None:
        """Open a page of the server, and wait until its scripts have run."""
        self.page.goto(f"http://{self.host}{address}", wait_until="load", timeout=PATIENCE)

    def picture(self, name: str, *, whole: bool = True) -> Path:
        """Keep a picture of the page."""
        place = ARTEFACTS / f"{name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=place, full_page=whole, animations="disabled")
        return place

    def check(self) -> None:
        """Fail with everything that happened and must not."""
        self.page.wait_for_load_state(timeout=PATIENCE)
        for frame in self.page.frames:
            self.faults += [f"policy violated: {each}" for each in frame.evaluate("window.__violations ?? []")]
        told = [fault for fault in self.faults if not any(re.search(each, fault) for each in self.expected)]
        assert not told, "\n".join(told)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, or skip the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: tests/web/install_chromium.sh installs it")
    driver: Playwright
    with sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = driver.chromium.launch(executable_path=CHROMIUM, args=[*_QUIET, *sandbox], timeout=PATIENCE)
        yield started
        started.close()


@contextmanager
def watching(browser: Browser, address: str, **context: Any) -> Iterator[Watched]:
    """Open a tab with a profile of its own; fail in the end if its pages did what none may do.

    Parameters
    ----------
    browser
        From :func:`chromium`.
    address
        Of the server, such as ``http://127.0.0.1:40123``.
    context
        For ``new_context``, such as ``viewport``, ``color_scheme``, ``java_script_enabled``, ``locale``.
    """
    opened: BrowserContext = browser.new_context(**context)
    opened.set_default_timeout(PATIENCE)
    opened.add_init_script(_VIOLATIONS)
    tab = opened.new_page()
    watched = Watched(tab, urlsplit(address).netloc)
    _listen(tab, watched)
    opened.on("page", lambda other: _listen(other, watched))
    try:
        yield watched
        watched.check()
    finally:
        opened.close()


def _listen(tab: Page, watched: Watched) -> None:
    def dialog(shown: Dialog) -> None:
        watched.faults.append(f"dialog: {shown.message}")
        shown.dismiss()

    def request(address: str) -> None:
        watched.asked.append(address)
        found = urlsplit(address)
        if found.scheme not in ("data", "blob", "about") and found.netloc != watched.host:
            watched.faults.append(f"asked another host: {address}")

    tab.on("dialog", dialog)
    tab.on("request", lambda made: request(made.url))
    tab.on("websocket", lambda made: request(made.url))
    tab.on("pageerror", lambda error: watched.faults.append(f"error: {error}"))
    tab.on(
        "console",
        lambda said: watched.faults.append(f"console: {said.text} ({said.location.get('url', '')})")
        if said.type in ("error", "warning") else None,
    )  # fmt: skip


def assert_accessible(page: Page) -> None:
    """Fail with what axe-core finds serious or critical on a page as it is now.

    The rules are those of WCAG 2.2 AA and axe's own best practices.
    """
    if not AXE.is_file():
        pytest.skip("no axe-core: `make web` fetches it")
    # Through the driver and not as a script of the page, which the page's policy would refuse.
    found = page.evaluate(
        f"() => {{ {AXE.read_text('utf-8')}\n; return axe.run(document, {{resultTypes: ['violations']}}); }}"
    )
    serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    told = [
        {"rule": each["id"], "what": each["help"], "where": [node["html"][:200] for node in each["nodes"][:4]],
         "why": each["nodes"][0]["failureSummary"]}
        for each in serious
    ]  # fmt: skip
    assert not told, json.dumps(told, indent=2)
