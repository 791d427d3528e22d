"""How often the catalogue's folder is looked at, and by whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.web import questions
from filiation.web.questions import Questions
from tests.lineage.crates import nuclei_run


def test_what_came_since_is_seen_at_the_next_look_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / ".filiation").mkdir(parents=True)
    now = 100.0
    monkeypatch.setattr(questions, "monotonic", lambda: now)
    asked = Questions(project)

    def runs() -> int:
        with asked.asking() as ledger:
            return len(ledger.runs())

    assert runs() == 0
    nuclei_run(project).write(project / ".filiation" / "crates")
    assert runs() == 0
    now += questions.LOOK_EVERY
    assert runs() == 1
