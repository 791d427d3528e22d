"""``filiation serve`` as a person starts it: an address to enter by, on this machine alone, and a clean end."""

from __future__ import annotations

import builtins
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, expect

from filiation.catalogue.views import read_views
from filiation.cli import main
from filiation.errors import NotFoundError
from filiation.web.settings import WebSettings
from filiation.web.workers import serve_by_many
from tests.forked import python
from tests.waiting import wait_until
from tests.web.browser import PATIENCE
from tests.web.conftest import Catalogue


@contextmanager
def started(
    catalogue: Catalogue, *options: str, processes: int = 1, forked: bool = True
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server, and give it with the address that it prints."""
    program = python() if forked else sys.executable  # of a fork, the children are another's
    command = [program, "-m", "filiation", "serve", "--port", "0", "--json", "--processes", str(processes)]
    command += options or ["--no-browser"]
    with subprocess.Popen(
        [*command, "--catalogue", str(catalogue.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server, json.loads(_told(server.stdout))["address"]
        finally:
            server.kill()


def _told(lines: Iterable[str]) -> str:
    """Return the object that a server prints; of one that ends before, what it said is in the error."""
    told = ""
    for line in lines:
        told += line
        if line == "}\n":
            return told
    raise AssertionError(f"The server ended before it told its address: {told!r}")


def ask(address: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, dict(answer.headers)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_address_lets_one_browser_in_and_the_server_ends_cleanly(
    web_catalogue: Catalogue, how: signal.Signals
) -> None:
    with started(web_catalogue) as (server, address):
        assert address.startswith("http://127.0.0.1:")
        status, headers = ask(address)
        assert status == 303
        cookie = headers["set-cookie"].partition(";")[0]
        assert "server" not in headers
        assert ask(address.partition("?")[0], Cookie=cookie)[0] == 200
        assert ask(address)[0] == 401
        server.send_signal(how)
        assert server.wait(60) == 0
        assert server.stderr is not None
        assert server.stderr.read().splitlines()[-1] == "Stopped."


@pytest.mark.slow
def test_the_browser_that_is_opened_comes_in_and_its_arguments_tell_no_token(
    web_catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    given = tmp_path / "given"
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\nprintf "%s" "$*" > {given}.part && mv {given}.part {given}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(opener.parent), prepend=os.pathsep)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with started(web_catalogue, "--browser") as (server, address):
        wait_until(given.is_file, "the browser is opened")
        entrance = Path(given.read_text())
        assert address.partition("=")[2] not in str(entrance)
        assert entrance.parent.stat().st_mode & 0o077 == 0
        tab = browser.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.goto(entrance.as_uri())
        tab.wait_for_url(address.partition("?")[0])
        expect(tab.locator("h1")).to_have_text("Where does it come from?")
        tab.close()
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    assert not entrance.exists()


@pytest.mark.slow
def test_several_processes_know_one_session_write_one_log_and_are_replaced_when_they_end(
    web_catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with started(web_catalogue, processes=2, forked=False) as (server, address):
        page = address.partition("?")[0]
        first, second = others = children(server.pid)
        (private,) = tmp_path.iterdir()
        assert private.stat().st_mode & 0o077 == 0
        assert (private / "shared.sqlite").stat().st_mode & 0o077 == 0
        assert address.partition("=")[2].encode() not in b"".join(each.read_bytes() for each in private.iterdir())
        with alone(first, others):
            status, headers = ask(address)
            assert status == 303
            cookie = headers["set-cookie"].partition(";")[0]
            assert ask(page, Cookie=cookie)[0] == 200
        with alone(second, others):
            assert ask(address)[0] == 401  # the other has spent it
            assert ask(page, Cookie=cookie)[0] == 200
            assert ask(f"{page}access/leave", method="POST", Cookie=cookie)[0] == 200
        with alone(first, others):
            assert ask(page, Cookie=cookie)[0] == 401
        os.kill(first, signal.SIGKILL)
        assert server.stderr is not None
        told = next(line for line in server.stderr if line.startswith("Process "))
        assert told == f"Process {first} was ended by SIGKILL; another takes its place.\n"
        wait_until(lambda: len(set(children(server.pid)) - {first}) == 2, "another takes its place")
        assert ask(page)[0] == 401  # whichever answers
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
        assert server.stderr.read().splitlines()[-1] == "Stopped."
    assert not private.exists()
    views = read_views(web_catalogue.folder / ".filiation")
    assert views.faults == ()
    assert [view.status for view in views.views if view.what == "/access/leave"] == [200]


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(web_catalogue: Catalogue) -> None:
    with started(web_catalogue, processes=2, forked=False) as (server, address):
        mine = children(server.pid)
        server.kill()
        for process in mine:
            wait_until(partial(has_ended, process), f"process {process} ends")
        with pytest.raises(ConnectionRefusedError):
            ask(address)


def children(process: int) -> list[int]:
    """Return the processes that a process started and that answer, in order."""
    lives = Path(f"/proc/{process}/task").iterdir()
    return sorted(
        int(name) for task in lives for name in (task / "children").read_text().split() if not has_ended(int(name))
    )


def has_ended(process: int) -> bool:
    """Whether a process has ended, if perhaps nobody has taken note of it."""
    return state(process) in ("", "Z")


def stands_still(process: int) -> bool:
    """Whether a process was stopped."""
    return state(process) == "T"


def state(process: int) -> str:
    """Return the state of a process as the system tells it; nothing if it is not there."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@contextmanager
def alone(process: int, among: Iterable[int]) -> Iterator[None]:
    """Have one of several processes answer, while the others stand still."""
    others = [each for each in among if each != process]
    for each in others:
        os.kill(each, signal.SIGSTOP)
        wait_until(partial(stands_still, each), f"process {each} stands still")
    try:
        yield
    finally:
        for each in others:
            os.kill(each, signal.SIGCONT)


@pytest.mark.slow
def test_a_process_that_cannot_begin_says_why(web_catalogue: Catalogue, tmp_path: Path) -> None:
    settings = WebSettings(tmp_path)  # where there is no catalogue
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(NotFoundError, match="No catalogue at "):
        serve_by_many(settings, listening, 2, begun=lambda: None, tell=print)


def test_a_port_that_is_taken_is_told(web_catalogue: Catalogue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(
            main, ["serve", "--no-browser", "--port", str(port), "--catalogue", str(web_catalogue.folder)]
        )
    assert done.exit_code == 2
    assert done.stderr == (
        f"filiation: Cannot listen at 127.0.0.1, port {port}: Address already in use. Name another port; "
        "--port 0 takes any that is free.\n"
    )


def test_an_address_that_is_not_of_this_machine_is_told(web_catalogue: Catalogue) -> None:
    folder = str(web_catalogue.folder)
    for host in ("192.0.2.1", "a" * 300):
        done = CliRunner().invoke(main, ["serve", "--no-browser", "--host", host, "--catalogue", folder])
        assert done.exit_code == 2
        assert done.stderr.startswith(f"filiation: Cannot listen at {host}, port 8642: ")


def test_without_the_extra_it_is_named(web_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_fastapi(name: str, *arguments: object, **more: object) -> object:
        if name.startswith("filiation.web"):
            raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")
        return imported(name, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_fastapi)
    done = CliRunner().invoke(main, ["serve", "--catalogue", str(web_catalogue.folder)])
    assert done.exit_code == 7
    assert done.stderr == (
        "filiation: Pages need the extra 'web', which is not installed (fastapi): pip install 'filiation[web]'\n"
    )


def test_where_there_is_no_catalogue_nothing_is_served(tmp_path: os.PathLike[str]) -> None:
    done = CliRunner().invoke(main, ["serve", "--no-browser", "--port", "0", "--catalogue", str(tmp_path)])
    assert done.exit_code == 3
    assert done.stderr.startswith("filiation: No catalogue at ")
