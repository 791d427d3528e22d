"""A crate that another one takes the place of is kept, with when it was known, and a rebuild finds all of it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.catalogue.crate_graph import graph_on_disk
from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.versions import Version, forget, note_what_is_there, versions_of
from filiation.catalogue.vocabulary import FORMER_METADATA, PROV
from filiation.lineage.doctor import examine
from tests.lineage.crates import CrateBuilder, nuclei_run


def _versions(catalogue: Catalogue, run: CrateBuilder) -> tuple[Version, ...]:
    with catalogue.reading() as index:
        return index.versions(run.iri)


@pytest.mark.slow
def test_a_crate_that_another_takes_the_place_of_stays_with_when_it_was_known(
    catalogue: Catalogue, folder: Path, tmp_path: Path
) -> None:
    run = nuclei_run(folder)
    first = (catalogue.ingest(run.write(tmp_path / "elsewhere")).folder / METADATA).read_bytes()
    catalogue.ingest(run.write(tmp_path / "elsewhere"))
    assert len(_versions(catalogue, run)) == 1  # the same once more is nothing new
    run.job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    assert catalogue.ingest(run.write(tmp_path / "elsewhere")).outcome == "replaced"
    former, current = _versions(catalogue, run)
    assert (former.ended, former.until, current.until) == ("superseded", current.taken_in, None)
    assert former.folder is not None
    kept = catalogue.folder.crates / former.folder
    assert (kept / METADATA).read_bytes() == first
    assert (kept / "work" / "Snakefile").read_text() == "# a workflow\n"
    told = {(subject, predicate.removeprefix(PROV), str(value))
            for subject, predicate, value in graph_on_disk(catalogue.folder, run.iri) or ()}  # fmt: skip
    assert {
        (run.iri, "wasRevisionOf", former.iri),
        (run.iri, "generatedAtTime", current.taken_in),
        (former.iri, "invalidatedAtTime", current.taken_in),
        (former.iri, "specializationOf", run.iri),
    } <= told
    assert FORMER_METADATA in {predicate for _, predicate, _ in told}
    asked = f"SELECT ?v {{ GRAPH <{run.iri}> {{ <{run.iri}> <{PROV}wasRevisionOf> ?v }} }}"
    assert catalogue.query(asked).rows == ((former.iri,),)
    assert examine(catalogue.folder).findings == ()
    catalogue.rebuild()
    assert _versions(catalogue, run) == (former, current)
    assert catalogue.query(asked).rows == ((former.iri,),)
    with (kept / METADATA).open("a") as metadata:
        metadata.write(" ")
    (catalogue.folder.history / f"{run.id}.jsonl").write_text("")
    findings = {finding.kind for finding in examine(catalogue.folder).findings}
    assert findings == {"history-differs"}


@pytest.mark.slow
def test_what_came_or_went_without_a_word_is_noted_when_it_is_found(catalogue: Catalogue, folder: Path) -> None:
    run = nuclei_run(folder)
    crate = run.write(catalogue.folder.crates)
    catalogue.catch_up()
    (first,) = _versions(catalogue, run)
    run.job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    run.write(catalogue.folder.crates)  # over the other one: that is lost, and it is known that it was there
    catalogue.catch_up()
    former, second = _versions(catalogue, run)
    assert (former.taken_in, former.digest, former.folder) == (first.taken_in, first.digest, None)
    assert former.until == second.taken_in
    crate.rename(folder / "moved-away")
    catalogue.catch_up()
    assert [version.ended for version in _versions(catalogue, run)] == ["superseded", "gone"]
    gone = _versions(catalogue, run)
    diagnosis = examine(catalogue.folder)
    assert diagnosis.is_sound
    assert [finding.kind for finding in diagnosis.findings] == ["former-lost", "former-lost"]
    catalogue.rebuild()
    assert _versions(catalogue, run) == gone
    (folder / "moved-away").rename(crate)
    catalogue.catch_up()
    assert [version.ended for version in _versions(catalogue, run)] == ["superseded", "gone", ""]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["keep_aside", "_swap_in", "note_arrival"])
def test_a_replacement_that_is_interrupted_loses_neither_crate(
    catalogue: Catalogue, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    run = nuclei_run(folder)
    catalogue.ingest(run.write(tmp_path / "elsewhere"))
    run.job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    coming = run.write(tmp_path / "elsewhere")

    def stop(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"filiation.catalogue.crates.{step}", stop)
        with pytest.raises(KeyboardInterrupt):
            catalogue.ingest(coming)
    catalogue.catch_up()
    catalogue.ingest(coming)
    former, current = _versions(catalogue, run)
    assert former.folder is not None
    assert (former.until, current.folder) == (current.taken_in, run.id)
    catalogue.rebuild()
    assert _versions(catalogue, run) == (former, current)


@pytest.mark.slow
def test_what_is_forgotten_stays_beside_the_history_with_who_and_why(catalogue: Catalogue, folder: Path) -> None:
    run = nuclei_run(folder)
    run.write(catalogue.folder.crates)
    catalogue.catch_up()
    forgotten = forget(catalogue.folder, run.id, by="Ada", by_id=None, why="a test")
    assert (forgotten.ended, forgotten.by, forgotten.why) == ("forgotten", "Ada", "a test")
    catalogue.catch_up()
    assert _versions(catalogue, run) == (forgotten,)
    with catalogue.reading() as index:
        assert index.runs() == ()
    assert forgotten.folder is not None
    assert (catalogue.folder.crates / forgotten.folder / METADATA).is_file()


def test_lines_that_nobody_wrote_to_their_end_are_passed_over_and_clocks_may_go_back(
    catalogue: Catalogue, folder: Path
) -> None:
    run = nuclei_run(folder)
    digest = "sha256:" + "0" * 64
    catalogue.folder.history.mkdir()
    noted = catalogue.folder.history / f"{run.id}.jsonl"
    ahead = "2999-01-01T00:00:00.000000Z"
    line = json.dumps({"format": 1, "event": "taken in", "when": ahead, "digest": digest})
    noted.write_text(f'[]\n{{"format": 9}}\n{{"format": 1, "event": "taken in", "when": "2026"}}\n{line}\n{line[:40]}')
    run.write(catalogue.folder.crates)
    former, current = note_what_is_there(catalogue.folder, run.id)
    assert (former.digest, former.until) == (digest, "2999-01-01T00:00:00.000001Z")
    assert versions_of(catalogue.folder, run.id) == (former, current)
    assert noted.read_text().splitlines()[-1].startswith('{"format": 1, "event": "taken in"')
