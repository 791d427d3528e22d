"""The end of a run is not held up for ever by its packing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from filiation.capture import recorder
from tests.waiting import UNTIL_GO


def test_packing_that_takes_long_goes_on_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\n{UNTIL_GO}; touch done\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    monkeypatch.setattr(recorder, "LONGEST_WAIT", 0.1)
    children: list[recorder.subprocess.Popen[bytes]] = []
    start = recorder.subprocess.Popen
    monkeypatch.setattr(recorder.subprocess, "Popen", lambda *a, **k: children.append(start(*a, **k)) or children[-1])

    recorder.pack_in_child(tmp_path, "5187c038-15d2-4af6-822e-d911774fefac", str(tmp_path))

    assert not (tmp_path / "done").exists()
    (tmp_path / "go").touch()
    assert children[0].wait(120) == 0
    assert (tmp_path / "done").exists()
