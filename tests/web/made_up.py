"""Requests made up from the description of the twins: none may be answered with a fault of the server.

``python -m tests.web.made_up --cases 5000`` asks so many, of a small catalogue of its own, and says what came of them.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from filiation.web.application import create_app
from filiation.web.guard import POLICY
from filiation.web.settings import WebSettings

DESCRIPTION = "/api/openapi.json"
_ROUNDS = 10
_KNOWN = ("results/ihc/nuclei.ome.zarr", "00000001", "https://omero.example.org/Image/51", "Image:51@omero.example.org")


@dataclass
class Asked:
    """What came of made-up requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many were asked."""
        return sum(self.statuses.values())


def ask(app: FastAPI, cases: int, number: int = 0) -> Asked:
    """Ask an application what its description says can be asked, and what it says cannot.

    Parameters
    ----------
    app
        The application; it has to let in whoever asks, and to be called ``testserver``.
    cases
        How many requests, about, over all that is described.
    number
        Which of all the requests that could be made up.
    """
    found = Asked()
    schema = schemathesis.openapi.from_asgi(DESCRIPTION, app)
    operations = [result.ok() for result in schema.get_all_operations()]
    # Of some there is little to be made up, so that they end before; the others are then asked more.
    for again, operation in ((again, each) for again in range(_ROUNDS) for each in operations):
        left = cases - found.cases
        if left <= 0:
            break
        modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
        share = -(-(left if again else cases) // len(operations))

        @seed(number + again)
        @settings(
            max_examples=share, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=st.one_of(*modes), known=st.one_of(st.none(), st.sampled_from(_KNOWN)))
        def look(case: Case, known: str | None) -> None:
            for name in ("thing", "run", "q"):  # else nearly nothing that is made up is there
                if known is not None and name in (case.query or {}):
                    case.query[name] = known
            response = case.call()
            found.statuses[response.status_code] += 1
            found.wrong += _wrong(case, response)

        look()
    return found


def _wrong(case: Case, response: schemathesis.Response) -> Iterator[str]:
    told = {name.lower(): values[0] for name, values in response.headers.items()}
    if response.status_code >= 500 and response.status_code != 504:  # a query that takes too long is ended, and says so
        yield f"{case.as_curl_command()}: {response.status_code} {response.content[:300]!r}"
    if told.get("x-content-type-options") != "nosniff" or not told.get("content-security-policy"):
        yield f"{case.as_curl_command()}: {POLICY[:20]} is missing"
    if b"Traceback" in response.content:
        yield f"{case.as_curl_command()}: a traceback"


@click.command()
@click.option("--cases", default=5_000, show_default=True)
@click.option("--seed", "number", default=0, show_default=True)
def main(cases: int, number: int) -> None:
    """Ask a small catalogue's pages what is made up, and end with 1 if a server's fault came of any of it."""
    from tests.web.conftest import make_catalogue

    with tempfile.TemporaryDirectory() as folder:
        catalogue = make_catalogue(Path(folder) / "project")
        found = ask(create_app(WebSettings(catalogue.folder, hosts=("testserver",))), cases, number)
    for wrong in found.wrong[:20]:
        click.echo(wrong)
    told = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    click.echo(f"{found.cases} requests; {told}; {len(found.wrong)} faults of the server")
    sys.exit(1 if found.wrong else 0)


if __name__ == "__main__":
    main()
