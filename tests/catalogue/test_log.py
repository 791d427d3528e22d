"""No line of a catalogue's log is changed, cut off or left out without being seen."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
from pathlib import Path

import pytest

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.log import BEGUN, read_log, write_event
from filiation.catalogue.log_heads import sign_log, verify_log
from filiation.crate.seals import Signer
from filiation.errors import BadInputError, NotFoundError
from tests.lineage.crates import CrateBuilder


def segment_of(catalogue: Path) -> Path:
    (found,) = (catalogue / "log").glob("*.jsonl")
    return found


def write_some(catalogue: Path, count: int = 5) -> list[bytes]:
    for number in range(count):
        write_event(catalogue, "taken in", f"run {number}", f"sha256:{number:064}")
    return segment_of(catalogue).read_bytes().splitlines(keepends=True)


def faults(catalogue: Path) -> tuple[str, ...]:
    return tuple(fault for segment in read_log(catalogue) for fault in segment.faults)


def test_a_log_begins_with_a_line_that_says_so_and_each_line_follows_the_one_before(tmp_path: Path) -> None:
    lines = write_some(tmp_path)
    (segment,) = read_log(tmp_path)
    assert [event.event for event in segment.events] == [BEGUN, *["taken in"] * 5]
    assert [event.about for event in segment.events[1:]] == [f"run {number}" for number in range(5)]
    assert (segment.faults, segment.remarks) == ((), ())
    assert json.loads(lines[0])["previous"] == ""


def test_any_changed_removed_moved_or_doubled_line_is_seen(tmp_path: Path) -> None:
    lines = write_some(tmp_path)
    place = segment_of(tmp_path)
    for number in range(len(lines) - 1):
        changed = [
            [*lines[:number], lines[number].replace(b'"format":1', b'"format":1 '), *lines[number + 1 :]],
            [*lines[:number], *lines[number + 1 :]],
            [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]],
            [*lines[: number + 1], *lines[number:]],
        ]
        for content in changed:
            place.write_bytes(b"".join(content))
            assert faults(tmp_path), content


def test_a_log_cut_off_anywhere_goes_on_and_says_where(tmp_path: Path) -> None:
    """What a machine that stops leaves behind: every number of bytes that may be missing from the end."""
    whole = b"".join(write_some(tmp_path, 2))
    place = segment_of(tmp_path)
    last = len(whole.splitlines()[-1]) + 1
    for cut in range(1, last):
        place.write_bytes(whole[:-cut])
        write_event(tmp_path, "annotated", "after")
        (segment,) = read_log(tmp_path)
        assert segment.faults == ()
        assert segment.events[-1].about == "after"
        # Without its newline alone, the last line is as whole as the next one can tell.
        assert len(segment.remarks) == (cut > 1)


def test_many_processes_write_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_some_quietly, args=(tmp_path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    (segment,) = read_log(tmp_path)
    assert segment.faults == ()
    assert len(segment.events) == 4 * 20 + 1


def write_some_quietly(catalogue: Path, number: int) -> None:
    for each in range(20):
        write_event(catalogue, "taken in", f"{number} {each}")


def test_where_nothing_may_be_written_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file, where the folder should be")
    write_event(tmp_path, "taken in", "run")
    assert read_log(tmp_path) == ()


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "signers").write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    return Signer("Ada", None, key)


def test_what_is_cut_off_or_written_anew_after_a_head_was_signed_is_seen(tmp_path: Path, signer: Signer) -> None:
    catalogue = CatalogueFolder(tmp_path / "catalogue")
    catalogue.root.mkdir()
    with pytest.raises(NotFoundError, match="has no log yet"):
        sign_log(catalogue.root, signer)
    for number in range(3):
        write_event(catalogue.root, "annotated", f"note {number}")
    before = segment_of(catalogue.root).read_bytes()
    sign_log(catalogue.root, signer)
    write_event(catalogue.root, "annotated", "later")
    second = sign_log(catalogue.root, signer)
    report = verify_log(catalogue, tmp_path / "signers")
    assert report.is_whole
    assert [head.signature.signer for head in report.heads if head.signature] == ["ada@example.org"] * 2

    segment_of(catalogue.root).write_bytes(before)
    report = verify_log(catalogue, tmp_path / "signers")
    assert [len(head.faults) for head in report.heads] == [0, 1]
    assert "had 5 lines when head 2 was signed, and has 4" in report.heads[1].faults[0]

    segment_of(catalogue.root).unlink()
    for number in range(5):
        write_event(catalogue.root, "annotated", f"other {number}")
    report = verify_log(catalogue, tmp_path / "signers")
    assert "was written anew" in report.heads[0].faults[0]

    second.write_text(second.read_text().replace('"lines": 5', '"lines": 3'))
    report = verify_log(catalogue, tmp_path / "signers")
    assert any("is not a signature" in fault for fault in report.heads[1].faults)
    (second.parent / "1.json").unlink()
    report = verify_log(catalogue, tmp_path / "signers")
    assert any("does not follow the one before it" in fault for fault in report.heads[0].faults)


def test_a_broken_log_is_not_signed(tmp_path: Path, signer: Signer) -> None:
    lines = write_some(tmp_path)
    segment_of(tmp_path).write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(BadInputError, match="its chain is broken"):
        sign_log(tmp_path, signer)


def test_crates_that_came_went_or_changed_without_a_word_are_seen(catalogue, tmp_path: Path) -> None:
    folder = catalogue.folder
    for number in (1, 2, 3):
        built = CrateBuilder(tmp_path / "work", number)
        built.job("segment", (), {f"results/{number}.txt": str(number)})
        catalogue.ingest(built.write(tmp_path / f"crate {number}"))
    assert verify_log(folder).is_whole
    one, two, three = folder.list_crates()
    metadata = one / "ro-crate-metadata.json"
    metadata.write_text(metadata.read_text().replace("Josiah", "J."))
    shutil.rmtree(two)
    strange = folder.crates / "99999999-0000-4000-8000-000000000099"
    shutil.copytree(three, strange)
    found = verify_log(folder)
    assert sorted(found.faults) == [
        f"Run {two.name} was taken in, is not there, and nobody had it forgotten.",
        f"Run {strange.name} came without a word in the log.",
        next(fault for fault in found.faults if fault.startswith(f"The crate of run {one.name} is not the one")),
    ]


def test_crates_from_before_the_log_began_are_counted(catalogue, tmp_path: Path) -> None:
    built = CrateBuilder(tmp_path / "work")
    built.job("segment", (), {"results/1.txt": "1"})
    catalogue.ingest(built.write(tmp_path / "crate"))
    shutil.rmtree(catalogue.folder.root / "log")
    assert verify_log(catalogue.folder).before == 1
    write_event(catalogue.folder.root, "annotated", "something")
    report = verify_log(catalogue.folder)
    assert report.is_whole
    assert report.before == 1
