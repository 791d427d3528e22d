"""How often the catalogue's folder is looked at, and by whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.errors import AccessError
from filiation.web import questions
from filiation.web.access.viewer import Viewer, looking
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
        with looking(Viewer("ada")), asked.asking() as ledger:
            return len(ledger.runs())

    assert runs() == 0
    nuclei_run(project).write(project / ".filiation" / "crates")
    assert runs() == 0
    now += questions.LOOK_EVERY
    assert runs() == 1


def test_where_nobody_looks_nothing_is_answered(tmp_path: Path) -> None:
    (tmp_path / ".filiation").mkdir()
    with pytest.raises(AccessError, match="Nobody is signed in"), Questions(tmp_path).asking():
        pass
