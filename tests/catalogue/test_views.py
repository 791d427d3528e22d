"""The log of views: chained, by month, and whole months go when their time is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from filiation.catalogue.views import View, ViewLog, read_views
from filiation.cli.application import main


def look(log: ViewLog, month: int, about: str, who: str | None = "ada") -> None:
    log.write(View(datetime(2026, month, 3, 12, tzinfo=UTC), who, "192.0.2.9", "/thing", about, 200))


def files(catalogue: Path) -> list[Path]:
    return sorted((catalogue / "log" / "views").iterdir())


def test_what_is_written_is_read_again_across_months_and_servers(tmp_path: Path) -> None:
    log, other = ViewLog(tmp_path), ViewLog(tmp_path)
    for month, about in ((1, "a"), (1, "b"), (2, "c\n\x1b[31m"), (3, "d" * 2_000)):
        look(log, month, about)
        look(other, month, "the other's")
    read = read_views(tmp_path)
    assert (read.faults, read.remarks) == ((), ())
    assert [len(view.about or "") for view in read.views if view.about != "the other's"] == [1_000, 7, 1, 1]
    assert len(files(tmp_path)) == 4  # three months, and the one in which the servers were started


@pytest.mark.parametrize("change", ["edit", "drop", "swap", "month"])
def test_a_line_that_was_changed_taken_out_or_moved_is_seen(tmp_path: Path, change: str) -> None:
    log = ViewLog(tmp_path)
    for month in (1, 1, 1, 2, 3):
        look(log, month, "a thing")
    place = next(path for path in files(tmp_path) if path.name.startswith("2026-01"))
    lines = place.read_text().splitlines()
    if change == "edit":
        lines[1] = lines[1].replace("ada", "eve")
    elif change == "drop":
        del lines[2]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    place.write_text("\n".join(lines) + "\n")
    if change == "month":
        next(path for path in files(tmp_path) if path.name.startswith("2026-02")).unlink()
        assert "it goes on from 2026-02" in read_views(tmp_path).remarks[0]
        return
    assert read_views(tmp_path).faults


def test_a_line_that_was_cut_off_is_told_and_the_chain_goes_on(tmp_path: Path) -> None:
    log = ViewLog(tmp_path)
    look(log, 1, "first")
    place = next(path for path in files(tmp_path) if path.name.startswith("2026-01"))
    with place.open("ab") as file:
        file.write(b'{"format":1,"num')
    look(log, 1, "second")
    read = read_views(tmp_path)
    assert read.faults == ()
    assert [view.about for view in read.views] == ["second", "first"]
    assert "was cut off" in read.remarks[0]


def test_months_go_when_their_time_is_over_and_the_rest_is_still_whole(tmp_path: Path) -> None:
    log = ViewLog(tmp_path, keep_months=2)
    for month in (1, 2, 3, 4, 5):
        look(log, month, f"in month {month}")
    read = read_views(tmp_path)
    assert read.faults == ()
    assert {view.when.month for view in read.views} == {3, 4, 5}
    assert any("which is not kept any more" in remark for remark in read.remarks)


def test_the_command_line_tells_who_looked_and_whether_that_was_changed(tmp_path: Path) -> None:
    (tmp_path / ".filiation" / "crates").mkdir(parents=True)
    catalogue = tmp_path / ".filiation"
    log = ViewLog(catalogue)
    look(log, 1, "a\x1b[31mthing")
    look(log, 1, "b", who=None)
    ask = ["log", "--views", "--catalogue", str(catalogue)]
    shown = CliRunner().invoke(main, ask, standalone_mode=False)
    assert "2026-01-03 12:00:00 UTC" in shown.output
    assert "somebody unknown" in shown.output
    assert "\x1b[31m" not in shown.output
    told = json.loads(CliRunner().invoke(main, [*ask, "--json", "--last", "1"], standalone_mode=False).output)
    assert len(told["views"]) == 1
    assert CliRunner().invoke(main, [*ask, "--verify"], standalone_mode=False).return_value != 5
    place = next(path for path in files(catalogue) if path.name.startswith("2026-01"))
    place.write_text(place.read_text().replace('"ada"', '"eve"'))
    changed = CliRunner().invoke(main, [*ask, "--verify"])
    assert changed.exit_code == 5
    assert "NOT WHOLE" in changed.output
