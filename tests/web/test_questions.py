"""How often the catalogue's folder is looked at, and by whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.errors import AccessError
from filiation.web import looks
from filiation.web.access.viewer import Viewer, looking
from filiation.web.looks import Looks
from filiation.web.questions import Questions
from filiation.web.shared import Shared, Sharing
from tests.lineage.crates import nuclei_run


@pytest.mark.slow
def test_what_came_since_is_seen_at_the_next_look_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / ".filiation").mkdir(parents=True)
    now = 100.0
    monkeypatch.setattr(looks, "monotonic", lambda: now)
    asked = Questions(project)

    def runs() -> int:
        with looking(Viewer("ada")), asked.asking() as ledger:
            return len(ledger.runs())

    assert runs() == 0
    nuclei_run(project).write(project / ".filiation" / "crates")
    assert runs() == 0
    now += 10
    assert runs() == 1


def test_one_process_looks_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(looks, "monotonic", lambda: now)
    sharing = Sharing(tmp_path / "shared.sqlite")
    one, other = Looks(Shared(sharing)), Looks(Shared(sharing))

    def look(looks_of: Looks, *problems: str) -> bool:
        with looks_of.due() as taken:
            if taken is not None:
                taken.problems = problems
            return taken is not None

    assert look(one, "a crate cannot be read")
    assert look(other)  # the first of each process: it may have begun while the other was at it
    now += 10
    assert look(one, "another crate cannot be read")
    assert not look(other)
    assert other.problems == ("another crate cannot be read",)
    now += 10
    assert look(other)
    assert not look(one)
    assert one.problems == ()


def test_where_nobody_looks_nothing_is_answered(tmp_path: Path) -> None:
    (tmp_path / ".filiation").mkdir()
    with pytest.raises(AccessError, match="Nobody is signed in"), Questions(tmp_path).asking():
        pass
