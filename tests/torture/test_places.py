"""Catalogues that cannot be written: read-only, full, or with a file where a folder belongs.

A real read-only mount and a real full disk are made in a mount namespace of their own where that is permitted (root, or
user namespaces); the limit on file sizes works for everyone.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.capture.recorder import ERROR_WORD
from filiation.crate import read_crate
from tests.forked import python
from tests.torture.faults import waiting_catalogue
from tests.torture.invariants import Seen, after_the_kill, at_rest
from tests.torture.rounds import PACK, SNAKEMAKE

pytestmark = pytest.mark.slow
APART = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
MAY_MOUNT = (
    shutil.which("unshare") is not None
    and subprocess.run([*APART, "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True, check=False).returncode == 0
)
mounting = pytest.mark.skipif(not MAY_MOUNT, reason="mounting is not permitted here")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waiting_catalogue(tmp_path_factory.mktemp("prepared") / "project").parent


@pytest.fixture
def place(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "project", symlinks=True))


def told_clearly(done: subprocess.CompletedProcess[str], word: str, code: tuple[int, ...] = (1, 2)) -> None:
    assert done.returncode in code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines, done
    assert all(line.startswith("filiation: ") for line in lines), done.stderr
    assert word in done.stderr
    assert "inside filiation" not in done.stderr


@mounting
def test_a_read_only_catalogue_is_told_and_left_as_it_is(place: Path) -> None:
    seen = Seen.now(place / ".filiation")
    script = f"mount --bind {place} {place} && mount -o remount,ro,bind {place} && cd {place} && exec {' '.join(PACK)}"
    done = subprocess.run([*APART, "sh", "-c", script], capture_output=True, text=True, check=False)
    told_clearly(done, "Read-only file system")
    assert list(after_the_kill(place / ".filiation", seen)) == []
    assert subprocess.run(PACK, cwd=place, capture_output=True, check=False).returncode == 0
    assert list(at_rest(place)) == []


@mounting
def test_a_full_disk_is_told_and_packing_works_when_there_is_room(place: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    # 4 KiB are left on a disk as large as the catalogue; what became of it is looked at from outside.
    script = f"""
        set -e
        mount -t tmpfs -o size=64m disk /mnt && cp -a {place}/. /mnt && cd /mnt
        head -c 100000000 /dev/zero > filler 2> /dev/null || true
        {" ".join(PACK)} 2> {tmp_path}/said || echo $? > {tmp_path}/code
        cp -a /mnt/.filiation {kept}
        rm filler
        {" ".join(PACK)}
        rm -rf {place} && cp -a /mnt {place}
    """
    seen = Seen.now(place / ".filiation")
    done = subprocess.run([*APART, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "said").read_text()
    first = subprocess.CompletedProcess([], int((tmp_path / "code").read_text()), "", said)
    told_clearly(first, "No space left on device")
    assert list(after_the_kill(kept, seen)) == []
    assert list(at_rest(place)) == []


def limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [0, 512, 4096, 20000])
def test_a_limit_on_file_sizes_is_told_and_costs_nothing(place: Path, size: int) -> None:
    seen = Seen.now(place / ".filiation")
    done = subprocess.run(
        PACK, cwd=place, capture_output=True, text=True, check=False, preexec_fn=limited(size)
    )  # fmt: skip
    told_clearly(done, "File too large")
    assert list(after_the_kill(place / ".filiation", seen)) == []
    assert subprocess.run(PACK, cwd=place, capture_output=True, check=False).returncode == 0
    assert list(at_rest(place)) == []


def test_a_journal_that_cannot_grow_ends_the_recording_and_not_the_run(place: Path) -> None:
    shutil.rmtree(place / "results")
    before = Seen.now(place / ".filiation")
    # Snakemake's own files are smaller than the journal of four jobs.
    command = [*SNAKEMAKE, "--logger-filiation-pack", "later"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, preexec_fn=limited(5000))
    assert done.returncode == 0, done.stderr
    assert f"{ERROR_WORD} (OSError: " in done.stderr
    assert (place / "results/total.txt").exists()
    assert subprocess.run(PACK, cwd=place, capture_output=True, check=False).returncode == 0
    assert list(at_rest(place)) == []
    (run,) = [path for path in place.joinpath(".filiation", "crates").iterdir() if path.name not in before.journals]
    told = read_crate(run)
    assert told.status.value == "interrupted"
    assert any(sentence.startswith("The journal's last line was unfinished") for sentence in told.not_captured)


@pytest.mark.parametrize("part", ["packing", "crates", "made"])
def test_a_file_where_a_folder_belongs_is_told(place: Path, part: str) -> None:
    catalogue = place / ".filiation"
    aside = place / "aside"
    if (catalogue / part).exists():
        (catalogue / part).rename(aside)
    (catalogue / part).write_text("in the way\n")
    done = subprocess.run([python(), "-m", "filiation", "pack"], cwd=place, capture_output=True, text=True, check=False)
    told_clearly(done, "", code=(1, 2, 3))
    (catalogue / part).unlink()
    if aside.exists():
        aside.rename(catalogue / part)
    assert subprocess.run(PACK, cwd=place, capture_output=True, check=False).returncode == 0
    assert list(at_rest(place)) == []
