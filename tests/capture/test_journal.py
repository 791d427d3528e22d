"""The journal: what was written is read, what was changed is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.capture.journal import JournalWriter, read_journal
from filiation.errors import DamagedJournalError, NotFoundError

events = st.lists(
    st.tuples(
        st.sampled_from(["run_started", "job_started", "error"]),
        st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20) | st.none(), max_size=3),
    ),
    max_size=6,
)


def written(path: Path, count: int = 4) -> Path:
    writer = JournalWriter(path)
    for number in range(count):
        writer.append("job_started", {"job": number, "path": f"a\udcff{number}\n"})
    writer.close()
    return path


@settings(max_examples=50)
@given(events)
def test_what_was_written_is_read(items: list[tuple[str, dict[str, object]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journals" / "run.jsonl"
        writer = JournalWriter(path)
        for kind, data in items:
            writer.append(kind, data)
        writer.close()
        assert path.exists() == bool(items)  # it appears with its first line
        events_read = read_journal(path).events if items else ()
        assert list(Path(folder).rglob("*.beginning")) == []
    assert [(event.kind, event.data) for event in events_read] == items
    assert [event.sequence for event in events_read] == list(range(len(items)))


def test_a_torn_end_is_left_out_wherever_it_was_torn(tmp_path: Path) -> None:
    content = written(tmp_path / "whole.jsonl").read_bytes()
    ends = [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]
    torn = tmp_path / "torn.jsonl"
    for length in range(len(content) + 1):
        torn.write_bytes(content[:length])
        journal = read_journal(torn)
        whole = [end for end in ends if end <= length]
        assert len(journal.events) == len(whole)
        assert journal.torn == length - (whole[-1] if whole else 0)


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    content = written(tmp_path / "whole.jsonl").read_bytes()
    last_line = content.rstrip(b"\n").rfind(b"\n") + 1
    changed = tmp_path / "changed.jsonl"
    for place in range(last_line):
        changed.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(DamagedJournalError):
            read_journal(changed)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
        (lambda lines: [lines[0], lines[1], lines[1], *lines[2:]], 3),
    ],
    ids=["a line dropped", "lines swapped", "a line doubled"],
)
def test_the_first_bad_line_is_named(tmp_path: Path, change: object, line: int) -> None:
    path = written(tmp_path / "run.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))  # type: ignore[operator]
    with pytest.raises(DamagedJournalError) as caught:
        read_journal(path)
    assert str(caught.value) == (
        f"The journal {path} was changed after it was written: line {line} does not carry the hash of the line before "
        f"it. The {line - 1} lines before it verify. Nothing was repaired; restore the file from a copy."
    )


def test_two_writers_never_share_a_journal(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl")
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"run\.jsonl"):
        JournalWriter(path).append("run_started", {})
    assert path.read_bytes() == content
    assert [place.name for place in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_journal_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    script = """
import pathlib, resource, sys
from filiation.capture.journal import JournalWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
JournalWriter(pathlib.Path(sys.argv[1])).append("run_started", {"run": "x" * 100})
"""
    command = [sys.executable, "-c", script, tmp_path / "run.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith("OSError: [Errno 28] No space left on device"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_lines_are_forced_to_disk_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, forced = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fsync", lambda descriptor: forced.append(now[0]))
    writer = JournalWriter(tmp_path / "run.jsonl")
    for seconds in (0, 0.1, 0.1, 4.9, 0.1, 0.1, 60, 0.1):
        now[0] += seconds
        writer.append("job_finished", {})
    # Not the first line, which Snakemake's main thread writes and waits for.
    assert forced == [100.1, pytest.approx(105.1), pytest.approx(165.3)]
    writer.close()
    assert forced[3:] == [pytest.approx(165.4)]


def test_a_missing_journal_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no journal at"):
        read_journal(tmp_path / "none.jsonl")
