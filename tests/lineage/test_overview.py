"""The whole catalogue counted: by day and ending, by rule, by kind and by person."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, LineageIndex
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from filiation.lineage.overview import MOST, look_over
from tests.lineage.crates import CrateBuilder, nuclei_run


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    failed = CrateBuilder(folder / "b", 2, status="failed")
    failed.job("segment", (), {}, status="failed", error="no memory")
    failed.job("segment", (), {"a.bin": "12345"}, attempt=2, number=1)
    failed.write(catalogue.folder.crates)
    return Ledger(folder)


@pytest.mark.slow
def test_what_was_counted_of_each_crate_is_what_its_nodes_say(ledger: Ledger) -> None:
    found = ledger.overview()
    assert (found.by, found.runs, [period.name for period in found.periods]) == ("day", 2, ["2026-03-01"])
    (day,) = found.periods
    assert (day.finished, day.failed, day.interrupted, day.other) == (1, 1, 0, 0)
    assert day.jobs == sum(rule.count for rule in found.rules) == len(ledger.find("action").nodes)
    assert [(rule.name, rule.count, rule.amount) for rule in found.failing] == [("segment", 3, 1)]
    made = ledger.find("entity", "made=yes").nodes
    assert sum(kind.count for kind in found.kinds) == len(made)
    assert sum(kind.amount for kind in found.kinds) == sum(node.size or 0 for node in made)  # type: ignore[union-attr]
    assert [kind.amount for kind in found.kinds] == sorted((kind.amount for kind in found.kinds), reverse=True)
    assert sum(who.runs for who in found.people) == 2
    told = found.to_json()
    assert next(row["rule"] for row in told["rules"]) == "segment"  # type: ignore[index, call-overload, union-attr]
    with pytest.raises(BadInputError, match="day, week, month; 'year' is none"):
        ledger.overview("year")


@pytest.mark.slow
def test_a_run_that_is_forgotten_counts_no_more(ledger: Ledger) -> None:
    ledger.forget("00000002", why="a trial")
    found = ledger.overview()
    assert (found.runs, found.failing) == (1, ())
    assert "directory" not in {kind.name for kind in found.kinds if not kind.count}


def dated(*days: str | None) -> LineageIndex:
    """Return an index of runs that began on some days, and nothing else."""
    index = LineageIndex(None, create=True)
    with index.changing() as cursor:
        for number, day in enumerate(days):
            row = (f"arcp://uuid,{number}/", number, str(number), day, "unknown" if number == 0 else "finished")
            cursor.execute(
                "INSERT INTO crate (iri, term, folder, stamp, digest, run, joined, day, status, jobs, failed, made) "
                "VALUES (?, ?, ?, '', '', '{}', 1, ?, ?, 2, 1, 0)",
                row,
            )
    return index


def test_days_without_a_run_are_told_and_old_ones_together() -> None:
    with dated("2026-01-01", "2026-01-03", None, "nonsense") as index:
        found = look_over(index)
        assert [(each.name, each.runs) for each in found.periods] == [
            ("no date", 2), ("2026-01-01", 1), ("2026-01-02", 0), ("2026-01-03", 1),
        ]  # fmt: skip
        assert (found.periods[1].other, found.periods[1].jobs, found.periods[1].jobs_failed) == (1, 2, 1)
        assert [each.name for each in look_over(index, "week").periods] == ["no date", "2026-W01"]
    with dated("2024-12-30", "2025-06-01") as index:
        weeks = look_over(index)
        assert (weeks.by, weeks.periods[0].name, weeks.periods[-1].name) == ("week", "2025-W01", "2025-W22")
        days = look_over(index, "day").periods
        assert (len(days), days[0].name, days[0].runs, days[-1].runs) == (MOST + 1, "before", 1, 1)
        assert look_over(index, "month").periods[0].name == "2024-12"
    with dated() as index:
        assert (look_over(index).periods, look_over(index).runs) == ((), 0)
    with dated("1990-01-01", "2026-01-01") as index:
        assert (look_over(index).by, look_over(index).runs) == ("month", 2)
