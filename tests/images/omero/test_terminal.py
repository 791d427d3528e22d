"""Signing in at a terminal: a real one, of the kernel's own making, with a person's keys."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

AT_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from filiation.cli import main
main(sys.argv[1:])
"""
"""Makes the pseudo-terminal the one that passwords are asked on, as a shell would have."""
LONGEST_WAIT = 60.0


@dataclass
class Terminal:
    """A command at a terminal, whose standard output goes elsewhere."""

    process: subprocess.Popen[bytes]
    keyboard: int
    screen: bytes = field(default=b"")

    def wait_for(self, text: bytes) -> None:
        """Wait until something stands on the screen."""
        deadline = time.monotonic() + LONGEST_WAIT
        while text not in self.screen:
            assert time.monotonic() < deadline, f"{text!r} never came; the screen says {self.screen!r}"
            if not self.read(1.0):
                assert self.process.poll() is None, f"{text!r} never came; the screen says {self.screen!r}"

    def read(self, seconds: float) -> bool:
        """Read what stands on the screen; tell whether there was anything."""
        if not select.select([self.keyboard], [], [], seconds)[0]:
            return False
        try:
            found = os.read(self.keyboard, 4096)
        except OSError:  # nobody holds its other end any more
            return False
        self.screen += found
        return bool(found)

    def type(self, text: str) -> None:
        """Press keys, and Enter."""
        os.write(self.keyboard, f"{text}\n".encode())

    def end(self) -> bytes:
        """Wait for the command; return its standard output."""
        output, _ = self.process.communicate(timeout=LONGEST_WAIT)
        while self.read(0.0):
            pass
        return output


@pytest.fixture
def terminal(signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Terminal]:
    """Give a command that lists an image, at a terminal, with nothing in the environment to sign in with."""
    number = signed_in.plant("ada").image(np.zeros((4, 4), "u1"), "cells").id
    for name in ("OMERO_USER", "OMERO_PASSWORD"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    keyboard, other_end = pty.openpty()
    command = [sys.executable, "-c", AT_A_TERMINAL, "omero", "samples", "--image", str(number), "--json"]
    process = subprocess.Popen(
        command, stdin=other_end, stdout=subprocess.PIPE, stderr=other_end, start_new_session=True
    )
    os.close(other_end)
    try:
        yield Terminal(process, keyboard)
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)


@pytest.mark.slow
def test_user_and_password_are_asked_for_and_the_password_is_not_shown(terminal: Terminal):
    terminal.wait_for(b"User on the OMERO server 127.0.0.1")
    terminal.type("ada")
    terminal.wait_for(b"Password of ada on 127.0.0.1")
    terminal.type("ada-password")

    output = terminal.end()

    assert terminal.process.returncode == 0, terminal.screen
    assert [image["name"] for image in json.loads(output)] == ["cells"]
    assert b"ada-password" not in terminal.screen + output


@pytest.mark.slow
def test_a_wrong_password_is_one_message_without_it(terminal: Terminal, signed_in: OmeroServer):
    terminal.wait_for(b"User on")
    terminal.type("ada")
    terminal.wait_for(b"Password of")
    terminal.type("kanarie-wrong")

    output = terminal.end()

    assert terminal.process.returncode == 11
    assert b"refused the user 'ada' with the password from the terminal" in terminal.screen.replace(b"\r\n", b"\n")
    assert b"kanarie" not in terminal.screen + output
    assert signed_in.calls.count("Router.createSession") == 1


@pytest.mark.slow
def test_who_names_nobody_is_told_how_else_to_sign_in(terminal: Terminal):
    terminal.wait_for(b"User on")
    terminal.type("")

    terminal.end()

    assert terminal.process.returncode == 11
    assert b"There is nothing to sign in to the OMERO server" in terminal.screen
