"""The catalogue as it was known at a time, held against a plain model of what came when."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.versions import forget
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.lineage import Ledger
from filiation.lineage.moments import read_as_of
from tests.lineage.crates import CrateBuilder, nuclei_run

LABELS = "results/ihc/nuclei.ome.zarr"


@pytest.mark.slow
def test_what_was_replaced_is_answered_as_it_was(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    run = nuclei_run(folder)
    catalogue.ingest(run.write(tmp_path / "elsewhere"))
    first = datetime.now(UTC)
    Ledger(folder).annotate(LABELS, "quality=good")
    noted = datetime.now(UTC)
    Ledger(folder).annotate(LABELS, "quality=")
    run.job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    catalogue.ingest(run.write(tmp_path / "elsewhere"))
    now, then = Ledger(folder), Ledger(folder, as_of=first)
    table = run.iri_of("results/ihc/nuclei.parquet")
    assert [action.name for action in now.impact(table).actions] == ["report"]
    assert then.impact(table).actions == ()
    assert [found.jobs for found in then.runs()] == [4]
    assert [found.jobs for found in now.runs()] == [5]
    count = "SELECT (COUNT(?a) AS ?n) { ?a a <http://www.w3.org/ns/prov#Activity> }"
    assert [str(ledger.sparql(count).rows[0][0]) for ledger in (then, now)] == ["4", "5"]
    assert [len(ledger.ask("machines").rows) for ledger in (then, now)] == [4, 5]
    assert then.diff(run.id[:8], run.id[:8]).is_same
    with pytest.raises(NotFoundError):
        then.trace(run.iri_of("results/report.html"))
    assert [ledger.find("entity", "annotation.quality=good").nodes != () for ledger in (
        then, Ledger(folder, as_of=noted), now)] == [False, True, False]  # fmt: skip
    assert then.annotations() == ()
    with pytest.raises(NotFoundError) as caught:
        Ledger(folder, as_of=before).runs()
    since = now.show(run.id).versions[0].taken_in
    assert str(caught.value) == (
        f"Nothing was known at {before:%Y-%m-%dT%H:%M:%S.%fZ}: the first crate was taken in at {since}."
    )
    for change in (
        lambda: then.annotate(LABELS, "a=b"),
        lambda: then.ingest(tmp_path / "elsewhere" / run.id),
        then.rebuild,
    ):
        with pytest.raises(BadInputError):
            change()
    shutil.rmtree(catalogue.folder.history / run.id)  # by somebody's hand
    now.rebuild()
    assert Ledger(folder).former()[0].folder is None
    lossy = Ledger(folder, as_of=noted)
    assert lossy.runs() == ()
    former = now.show(run.id).versions[0]
    assert lossy.problems == (
        f"{run.id}: its crate of then, known from {former.taken_in} to {former.until}, is not kept.",
    )


def test_a_path_stands_for_what_lay_there_then(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    run = CrateBuilder(folder, 1)
    run.job("measure", (), {"table.csv": "1"})
    catalogue.ingest(run.write(tmp_path / "elsewhere"))
    then = Ledger(folder, as_of=datetime.now(UTC))
    table = str(folder / "table.csv")
    (folder / "table.csv").write_text("2")
    with pytest.raises(ChangedError):
        Ledger(folder).trace(table)
    later = CrateBuilder(folder, 2)
    later.job("count", (), {"table.csv": "2"})
    catalogue.ingest(later.write(tmp_path / "elsewhere"))
    assert [action.name for action in Ledger(folder).trace(table).actions] == ["count"]
    lineage = then.trace(table)
    assert [action.name for action in lineage.actions] == ["measure"]
    assert str(lineage.note).startswith(f"{table} has other bytes now; this is what the run of 2026-03-01")


def test_a_time_is_read_in_every_form_and_else_refused() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    for text, expected in (
        ("2026", None), ("2026-03", "2026-03-31T23:59:59.999999"), ("2026-06-01", "2026-06-01T23:59:59.999999"),
        ("2026-03-01T10:30", "2026-03-01T10:30:59.999999"), ("2026-03-01 10:30:05+02:00", "2026-03-01T08:30:05.999999"),
        ("2026-03-01T10:30:05.25Z", "2026-03-01T10:30:05.250000"),
    ):  # fmt: skip
        found = read_as_of(text, now=now)
        assert found == (datetime.fromisoformat(f"{expected}+00:00") if expected else datetime.max.replace(
            year=2026, tzinfo=UTC))  # fmt: skip
    for text, problem in (
        ("2026-06-02", "it is in the future, and nobody knows yet."),
        ("last week", "expected a time"),
    ):
        with pytest.raises(BadInputError) as caught:
            read_as_of(text, now=now)
        assert str(caught.value).startswith(f"As of {text!r} cannot be asked: {problem}")


# What a drawn history does: take in run k in a variant that read a variant of run k-1, annotate, forget.
_INGEST = st.tuples(st.just("ingest"), st.integers(1, 3), st.integers(0, 1), st.integers(0, 1))
_ANNOTATE = st.tuples(st.just("annotate"), st.integers(1, 3), st.integers(0, 1), st.just(0))
_FORGET = st.tuples(st.just("forget"), st.integers(1, 3), st.just(0), st.just(0))
_HISTORY = st.lists(st.one_of(_INGEST, _INGEST, _INGEST, _ANNOTATE, _FORGET), min_size=4, max_size=8)


def _crate(folder: Path, number: int, made: int, read: int, crates: Path) -> Path:
    run = CrateBuilder(folder, number)
    inputs = ()
    if number > 1:
        (folder / f"out{number - 1}").write_text(f"{number - 1} {read}")
        inputs = (f"out{number - 1}",)
    run.job("step", inputs, {f"out{number}": f"{number} {made}"})
    shutil.rmtree(crates / run.id, ignore_errors=True)
    return run.write(crates)


def _ancestors(model: dict[int, tuple[int, int]], number: int) -> set[str]:
    """Return the things that ``out<number>`` of its run descends from, by the model alone."""
    _, read = model[number]
    iris = {CrateBuilder(Path("/"), number).iri_of(f"out{number}")}
    if number > 1:
        iris.add(CrateBuilder(Path("/"), number).iri_of(f"out{number - 1}"))
        if number - 1 in model and model[number - 1][0] == read:
            iris |= _ancestors(model, number - 1)
    return iris


@pytest.mark.slow
@settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(_HISTORY)
def test_any_moment_of_any_history_is_answered_as_a_plain_model_does(history: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        catalogue = Catalogue(CatalogueFolder.create(folder / ".filiation"))
        model: dict[int, tuple[int, int]] = {}
        notes: dict[int, int] = {}
        told = []
        for what, number, made, read in history:
            run = CrateBuilder(folder, number)
            if what == "ingest":
                catalogue.ingest(_crate(folder, number, made, read, Path(scratch) / "crates"))
                model = {**model, number: (made, read)}
            elif number in model and what == "annotate":
                Ledger(folder).annotate(run.iri_of(f"out{number}"), f"value={made}")
                notes = {**notes, number: made}
            elif number in model:
                forget(catalogue.folder, run.id, by="Ada", by_id=None, why="drawn")
                model = {key: value for key, value in model.items() if key != number}
            told.append((datetime.now(UTC), model, notes))
        for rebuilt in (False, True):
            if rebuilt:
                catalogue.rebuild()
                shutil.rmtree(catalogue.folder.root / "as-of", ignore_errors=True)
            for moment, known_then, noted_then in told[:: 2 if rebuilt else 1]:
                _compare(Ledger(folder, as_of=moment), known_then, noted_then)
            _compare(Ledger(folder), model, notes)


def _compare(ledger: Ledger, model: dict[int, tuple[int, int]], notes: dict[int, int]) -> None:
    if not model and ledger.as_of is not None:
        with suppress(NotFoundError):
            assert ledger.runs() == ()
        return
    assert {run.id: run.outputs for run in ledger.runs()} == {CrateBuilder(Path("/"), number).id: 1 for number in model}
    for number in model:
        thing = CrateBuilder(Path("/"), number).iri_of(f"out{number}")
        assert {entity.iri for entity in ledger.trace(thing).entities} == _ancestors(model, number)
    holding = [number for number in notes if number in model]
    known = {CrateBuilder(Path("/"), number).iri_of(f"out{number}"): notes[number] for number in holding}
    for value in (0, 1):
        found = {node.iri for node in ledger.find("entity", f"annotation.value={value}", "made=yes").nodes}
        assert {iri for iri, held in known.items() if held == value} <= found
