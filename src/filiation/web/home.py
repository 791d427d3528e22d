"""The first page: the search box, what the catalogue holds, and what came in last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from filiation.catalogue import Json, RunSummary
from filiation.web.questions import Asked
from filiation.web.shapes import HomeShape
from filiation.web.twins import twins

router = APIRouter(tags=["catalogue"])
_LATEST: Final = 8


@dataclass(frozen=True, slots=True)
class Home:
    """What a catalogue holds, at a glance.

    Parameters
    ----------
    runs
        How many there are.
    latest
        The newest of them.
    problems
        Crates in the folder that cannot be read, each as one message.
    """

    runs: int
    latest: tuple[RunSummary, ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "runs": self.runs,
            "latest": [run.to_json() for run in self.latest],
            "problems": list(self.problems),
        }


@twins(router, "/", "home.html.jinja", summary="What the catalogue holds, at a glance", shape=HomeShape)
def home(catalogue: Asked) -> Home:
    """Tell how many runs there are, and of the newest."""
    with catalogue.asking() as ledger:
        return catalogue.once(
            ledger, "home", lambda: Home(ledger.how_many_runs(), ledger.newest_runs(limit=_LATEST), ledger.problems)
        )
