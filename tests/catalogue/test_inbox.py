"""A laboratory's shared catalogue: crates of many people and hosts arrive in its inbox and are taken in."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.inbox import open_inbox, send, take_out
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from tests.conftest import Project

COUNT = "rule count:\n    input: 'text.txt'\n    output: 'words.txt'\n    shell: 'wc -w < {input} > {output}'\n"
# Another machine as far as anybody can tell: its name is another, and so are its processes' numbers.
AS_HOST = """
import platform, sys
name = sys.argv.pop(1)
platform.node = lambda: name
from filiation.__main__ import main
main()
"""


@pytest.fixture
def crate(tmp_path: Path) -> Callable[[], Path]:
    """Make small crates, each of a run of its own."""

    def make() -> Path:
        run = str(uuid.uuid4())
        place = tmp_path / "made" / run
        place.mkdir(parents=True)
        root = {"@id": "./", "@type": "Dataset", "filiation:runId": run, "mentions": {"@id": "#run"}, "name": run}
        graph = [
            {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
             "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}},
            root,
            {"@id": "#run", "@type": "CreateAction", "name": "a run", "result": {"@id": "x.txt"}},
            {"@id": "x.txt", "@type": "File"},
        ]  # fmt: skip
        context = ["https://w3id.org/ro/crate/1.1/context", {"filiation": "https://w3id.org/ro/terms/filiation#"}]
        (place / "ro-crate-metadata.json").write_text(json.dumps({"@context": context, "@graph": graph}))
        return place

    return make


@pytest.fixture
def shared(tmp_path: Path) -> CatalogueFolder:
    root = tmp_path / "lab"
    root.mkdir()
    root.chmod(0o770)
    return open_inbox(root)


def on_host(name: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", AS_HOST, name, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def waiting(shared: CatalogueFolder) -> list[str]:
    return sorted(path.name for path in shared.inbox.iterdir())


def test_a_crate_that_was_sent_is_taken_in_once(shared: CatalogueFolder, crate: Callable[[], Path]) -> None:
    first, second = crate(), crate()
    for each in (first, second, first):
        send(each, shared)
    assert len(waiting(shared)) == 3
    found = take_out(shared)
    assert sorted(report.outcome for report in found.taken) == ["new", "new", "unchanged"]
    assert found.refused == ()
    assert waiting(shared) == []
    assert {run.id for run in Ledger(shared.root).runs()} == {first.name, second.name}
    assert first.is_dir(), "a copy was sent"


def test_store_and_index_of_a_shared_catalogue_are_everybodys_own(
    shared: CatalogueFolder, crate: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no database, and no lock, lies on the laboratory's file system, and who may only read can ask."""
    send(crate(), shared)
    take_out(shared)
    Ledger(shared.root).runs()
    assert sorted(path.name for path in shared.root.iterdir()) == [".gitignore", "crates", "history", "inbox", "log"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-person"))
    assert len(Ledger(shared.root).runs()) == 1
    assert list((tmp_path / "another-person/filiation/catalogues").glob("*/made/1/index.sqlite"))


def test_what_cannot_be_read_is_put_aside(shared: CatalogueFolder, crate: Callable[[], Path]) -> None:
    place = send(crate(), shared)
    (place / "ro-crate-metadata.json").write_text("{")
    send(crate(), shared)
    found = take_out(shared)
    assert len(found.taken) == 1
    (sentence,) = found.refused
    assert sentence.startswith(str(shared.inbox / "refused" / place.name))
    assert take_out(shared).refused == ()


def test_a_group_may_take_what_one_of_it_has_sent(shared: CatalogueFolder, crate: Callable[[], Path]) -> None:
    made = crate()
    (made / "work").mkdir(mode=0o700)
    (made / "work/private.txt").write_text("x")
    (made / "work/private.txt").chmod(0o600)
    assert shared.inbox.stat().st_mode & stat.S_ISGID
    place = send(made, shared)
    for path in (place, place / "work"):
        assert path.stat().st_mode & stat.S_IRWXG == stat.S_IRWXG
    assert (place / "work/private.txt").stat().st_mode & stat.S_IRGRP


def test_a_catalogue_without_an_inbox_is_nobodys_shared_one(tmp_path: Path, crate: Callable[[], Path]) -> None:
    with pytest.raises(BadInputError, match="has no inbox"):
        send(crate(), CatalogueFolder.create(tmp_path / "mine"))


def test_what_a_killed_host_held_goes_back_when_it_is_surely_gone(
    shared: CatalogueFolder, crate: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from filiation.catalogue import inbox

    place = send(crate(), shared)
    here = shared.inbox / f".taking-{inbox.this_host()}+4194305"
    there = shared.inbox / ".taking-another-host+17"
    for hands in (here, there):
        hands.mkdir()
    place.rename(here / place.name)
    other = send(crate(), shared)
    other.rename(there / other.name)
    half = shared.inbox / f".coming-{uuid.uuid4()}+another-host+17+1"
    half.mkdir()

    assert len(take_out(shared).taken) == 1, "that of this host's dead process; the other host may be at work"
    assert (there / other.name).is_dir()
    assert half.is_dir()
    monkeypatch.setattr(inbox, "_ABANDONED", -1.0)
    assert len(take_out(shared).taken) == 1
    assert waiting(shared) == []


@pytest.mark.slow
def test_many_hosts_send_and_several_take_at_the_same_time(
    shared: CatalogueFolder, crate: Callable[[], Path], tmp_path: Path
) -> None:
    makers = []
    for number in range(3):
        own = CatalogueFolder.create(tmp_path / f"own-{number}")
        for _ in range(4):
            made = crate()
            shutil.move(made, own.crates / made.name)
        makers.append(own)
    sent = {path.name for own in makers for path in own.crates.iterdir()}
    lab = str(shared.root)

    def calls() -> Iterator[subprocess.Popen[str]]:
        for number, own in enumerate(makers):
            cache = str(tmp_path / f"cache-of-sender-{number}")
            yield on_host(f"node{number}", "send", "--to", lab, "--catalogue", str(own.root), XDG_CACHE_HOME=cache)
        for number in range(2):
            cache = str(tmp_path / f"cache-of-taker-{number}")
            yield on_host(f"taker{number}", "ingest", "--inbox", "--json", "--catalogue", lab, XDG_CACHE_HOME=cache)

    for process in list(calls()):
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    take_out(shared)
    assert {path.name for path in shared.crates.iterdir()} == sent
    assert waiting(shared) == []
    assert {run.id for run in Ledger(shared.root).runs()} == sent


@pytest.mark.slow
def test_a_run_is_sent_when_it_ends(project: Callable[[str], Project], shared: CatalogueFolder, tmp_path: Path) -> None:
    made = project(COUNT)
    made.write("text.txt", "one two\n")
    result = made.snakemake("--logger-filiation-pack", "now", "--logger-filiation-send-to", str(shared.root))
    assert result.returncode == 0, result.stderr
    (report,) = take_out(shared).taken
    assert report.id == made.run_ids()[0]
    made.write("text.txt", "three\n")
    result = made.snakemake("--logger-filiation-pack", "now", "--logger-filiation-send-to", str(tmp_path / "nowhere"))
    assert result.returncode == 0, result.stderr
    assert "is recorded, and could not be sent to" in result.stderr
    assert "filiation send " in result.stderr
