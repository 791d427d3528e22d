"""Which runs wait to be packed, and what of a killed packing is cleared up."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filiation.capture.journal import JournalWriter
from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.catalogue.waiting import QUIET, clear_up, packing_place, unpacked_runs
from filiation.crate import read_crate
from filiation.errors import BadInputError, NotFoundError
from filiation.model import Status
from tests.forked import python

RUN = "0d273356-0000-4000-8000-000000000001"
BOOT = Path("/proc/sys/kernel/random/boot_id")
WEEK = QUIET.total_seconds()


@pytest.fixture
def home(tmp_path: Path) -> CatalogueFolder:
    return CatalogueFolder.create(tmp_path / ".filiation")


def journal(
    home: CatalogueFolder, *, run: str = RUN, host: str | None = None, boot: str | None = None, pid: int = 0,
    age: float = 0.0, ended: bool = False,
) -> JournalWriter:  # fmt: skip
    """Begin a journal as a run of some machine would; it stays open, as that of a living run."""
    writer = JournalWriter(home.journals / f"{run}.jsonl")
    machine = {"host": host or platform.node(), "boot": boot or BOOT.read_text().strip()}
    moment = datetime.now(UTC).timestamp() - age
    then = (moment, time.monotonic() - age)
    facts = {"run": run, "rundir": str(home.root.parent), "pid": pid, "machine": machine, "arguments": []}
    writer.append("run_started", facts, then)
    writer.append("job_started", {"job": 1, "rule": "one", "kind": "shell", "output": [], "input": []}, then)
    if ended:
        writer.append("run_ended", {}, then)
    os.utime(writer.path, (moment, moment))
    return writer


def test_a_run_that_ended_waits(home: CatalogueFolder) -> None:
    journal(home, ended=True, pid=os.getpid()).close()
    assert unpacked_runs(home) == (RUN,)


def test_a_run_whose_process_has_its_journal_open_is_left_alone(home: CatalogueFolder) -> None:
    writer = journal(home, pid=os.getpid())
    assert unpacked_runs(home) == ()
    with pytest.raises(BadInputError) as caught:
        pack(home, RUN)
    assert str(caught.value) == (f"Run {RUN} is still going on (process {os.getpid()}); it is packed when it ends.")
    writer.close()  # as the system does when the process is killed; the number may be another process's by then
    assert unpacked_runs(home) == (RUN,)


def test_a_killed_run_waits_and_is_packed_as_interrupted(home: CatalogueFolder) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    journal(home, pid=process.pid).close()
    process.wait()
    assert unpacked_runs(home) == (RUN,)
    assert pack(home, RUN).run.status is Status.INTERRUPTED
    assert unpacked_runs(home) == ()


def test_a_run_from_before_the_machine_was_started_again_is_over(home: CatalogueFolder) -> None:
    writer = journal(home, pid=os.getpid(), boot="another-boot")
    assert unpacked_runs(home) == (RUN,)
    writer.close()


@pytest.mark.parametrize(("age", "waits"), [(60.0, False), (WEEK - 3600, False), (WEEK + 3600, True)])
def test_of_another_machine_only_a_quiet_run_is_taken_for_over(home: CatalogueFolder, age: float, waits: bool) -> None:
    journal(home, host="node-17", age=age).close()
    assert unpacked_runs(home) == ((RUN,) if waits else ())


def test_who_knows_better_names_the_run(home: CatalogueFolder) -> None:
    journal(home, host="node-17").close()
    assert pack(home, RUN).run.status is Status.INTERRUPTED


def test_a_run_that_went_on_after_it_was_packed_is_packed_again(home: CatalogueFolder) -> None:
    writer = journal(home, host="node-17")
    pack(home, RUN)
    writer.append("run_ended", {})
    writer.close()
    assert unpacked_runs(home) == (RUN,)
    pack(home, RUN)
    assert read_crate(home.crates / RUN).ended is not None
    assert unpacked_runs(home) == ()


def test_a_damaged_journal_waits_and_does_not_stand_in_the_way_of_others(home: CatalogueFolder) -> None:
    other = RUN[:-1] + "2"
    journal(home, ended=True).close()
    journal(home, run=other, ended=True, age=60).close()
    place = home.journals / f"{RUN}.jsonl"
    place.write_bytes(place.read_bytes().replace(b'"rule":"one"', b'"rule":"two"'))
    assert unpacked_runs(home) == (other, RUN)
    command = [python(), "-m", "filiation", "pack", "--catalogue", str(home.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert done.stderr.startswith(f"filiation: The journal {place} was changed after it was written: line 3 ")
    assert (home.crates / other).is_dir()


@pytest.mark.parametrize("content", [b"", b'{"seq":0,"prev":'])
def test_a_journal_without_a_whole_event_has_nothing_to_pack(home: CatalogueFolder, content: bytes) -> None:
    home.journals.mkdir()
    (home.journals / f"{RUN}.jsonl").write_bytes(content)
    assert unpacked_runs(home) == ()
    with pytest.raises(NotFoundError, match="the run was stopped before it began"):
        pack(home, RUN)


def test_a_run_that_is_being_packed_is_left_to_who_packs_it(home: CatalogueFolder) -> None:
    journal(home, ended=True).close()
    with packing_place(home, RUN):
        assert unpacked_runs(home) == ()
        assert clear_up(home) == ()
    assert unpacked_runs(home) == (RUN,)


def test_what_a_killed_packing_left_is_cleared_up(home: CatalogueFolder) -> None:
    here, there = f"{RUN}+1+12+{platform.node()}", f"{RUN}+1+12+node-17"
    reused = f"{RUN}+{os.getpid()}+12+{platform.node()}"  # the number is ours by now, the process was another
    for name in (here, there, reused):
        (home.root / "packing" / name).mkdir(parents=True)
    assert clear_up(home) == (here, reused)
    two_days_ago = datetime.now(UTC).timestamp() - 2 * 86400
    os.utime(home.root / "packing" / there, (two_days_ago, two_days_ago))
    assert clear_up(home) == (there,)


def test_halves_of_journals_and_step_records_are_cleared_up_when_they_are_old(home: CatalogueFolder) -> None:
    halves = [home.journals / f"{RUN}.jsonl.beginning", home.steps / RUN / "count-1.part"]
    for half in halves:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.write_text("{")
    assert unpacked_runs(home) == ()
    assert clear_up(home) == ()
    for half in halves:
        os.utime(half, (0, 0))
    assert set(clear_up(home)) == {half.name for half in halves}
    assert not any(half.exists() for half in halves)


def test_what_a_killed_arrival_left_is_cleared_up_by_the_next_who_asks(home: CatalogueFolder) -> None:
    journal(home, ended=True).close()
    pack(home, RUN)
    left = home.crates / f".arriving-{RUN}-{2**22 + 1}"
    left.mkdir()
    Catalogue(home).catch_up()
    assert not left.exists()


def test_the_next_run_packs_those_that_wait(home: CatalogueFolder) -> None:
    killed, own = RUN, RUN[:-1] + "2"
    journal(home, run=killed).close()
    journal(home, run=own, ended=True).close()
    command = [python(), "-m", "filiation", "pack", own, "--catalogue", str(home.root), "--after-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    told = [line.split()[2:4] for line in done.stderr.splitlines()]
    assert [run for run, _ in told] == [own[:8], killed[:8]]
    assert {path.name for path in home.list_crates()} == {killed, own}
