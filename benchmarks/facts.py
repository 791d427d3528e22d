"""Questions over facts, over the catalogue of an institute: what find, gaps, orphans and duplicates cost, in a table.

``python benchmarks/facts.py 10000`` draws a catalogue of that many jobs and asks it, and asks its store the same in
SPARQL beside it; ``--keep FOLDER`` keeps it there, or uses the one that is there. ``--index FILE`` asks an index alone,
of any size, with its arrays beside it. Medians of processor time are told, in milliseconds, of each question asked
three times with everything in memory; SPARQL is asked once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
from drawn_catalogue import prepare
from institute import Institute

from filiation.catalogue import Joining, LineageIndex
from filiation.lineage.conditions import read_conditions
from filiation.lineage.duplicates import find_duplicates
from filiation.lineage.fields import RunsOf, Surroundings
from filiation.lineage.finding import find, how_many
from filiation.lineage.gaps import Page, find_gaps
from filiation.lineage.orphans import find_orphans

ROUNDS = 3
SHOWN = 20
PREFIXES = "PREFIX s: <http://schema.org/> PREFIX p: <http://www.w3.org/ns/prov#> "
XSD = "http://www.w3.org/2001/XMLSchema#"

FINDS: tuple[tuple[str, str | None], ...] = (
    ("action rule=segment parameter.p2=23", '?x s:object [s:name "p2"; s:value "23"]; s:instrument ?t '
     'FILTER(STRENDS(STR(?t), "#tool-segment"))'),
    ("action parameter.p2>=22", f'?x s:object [s:name "p2"; s:value ?v] FILTER(<{XSD}decimal>(?v) >= 22)'),
    ("action software.tool-2>=1", None),
    ("action after=2022-03-01 before=2022-04-01 agent=user7",
     '?x a s:CreateAction; s:startTime ?t; s:agent ?a '
     'FILTER(?t >= "2022-03-01" && ?t < "2022-04-01" && STRENDS(STR(?a), "#agent-user7"))'),
    ("action after=2022-01-01", '?x a s:CreateAction; s:startTime ?t FILTER(?t >= "2022-01-01")'),
    ("action seconds>4min", None),
    ("action name=segment*", '?x a s:CreateAction; s:name ?n FILTER(STRSTARTS(?n, "segment"))'),
    ("action text~chain=15", '?x a s:CreateAction; s:name ?n FILTER(CONTAINS(?n, "chain=15"))'),
    ("entity size>1GB", f"?x s:contentSize ?v FILTER(<{XSD}integer>(?v) > 1000000000)"),
    ("entity size>1kB", f"?x s:contentSize ?v FILTER(<{XSD}integer>(?v) > 1000)"),
    ("entity path=/lab/projects/7/results/3/track-0.tif", None),
    ("entity path~/3/track", "?x a s:MediaObject FILTER(CONTAINS(STR(?x), '/3/track'))"),
    ("entity name=track-1*", None),
    ("entity digest=abcdef", None),
    ("entity made=yes agent=user7", None),
)  # fmt: skip
"""What is found, and the same in SPARQL as far as the drawn statements say it."""

DAYS = (
    "SELECT ?d ?a (COUNT(?j) AS ?n) "
    "{ ?j a s:CreateAction; s:agent ?a; s:startTime ?t BIND(SUBSTR(?t, 1, 10) AS ?d) } GROUP BY ?d ?a"
)
TOLD = ("no agent", "no digest", "no version", "times out of order")
UNMADE = ("other bytes", "orphan", "no maker", "source")
NOBODY = "SELECT (COUNT(DISTINCT ?x) AS ?n) { ?x a s:MediaObject MINUS { ?x p:wasGeneratedBy ?j } }"


def cost(ask: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, object]:
    """Return the median of processor milliseconds, and the answer."""
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        answer = ask()
        spent.append(1000 * (time.process_time() - begun))
    return statistics.median(spent), answer


def shown(milliseconds: float) -> str:
    """Write milliseconds with two digits that matter."""
    return (
        f"{milliseconds:.2f}"
        if milliseconds < 1
        else f"{milliseconds:.1f}"
        if milliseconds < 10
        else f"{milliseconds:,.0f}"
    )


def sparql(store: ox.Store | None, query: str | None) -> str:
    """Ask the store, once; return what that cost."""
    if store is None or query is None:
        return ""
    spent, _ = cost(lambda: list(store.query(PREFIXES + query, use_default_graph_as_union=True)), rounds=1)
    return shown(spent)


def ask_all(index: LineageIndex, store: ox.Store | None) -> None:
    """Ask everything, and print the table."""
    around, joining = Surroundings(RunsOf(index)), Joining(index)
    print("| question | answer | counted | first 20 told | SPARQL |\n|---|---|---|---|---|")
    for text, query in FINDS:
        kind, *written = text.split(" ")
        asked = read_conditions(written)
        counting, number = cost(lambda kind=kind, asked=asked: how_many(index, around, kind, asked))
        telling, _ = cost(lambda kind=kind, asked=asked: find(index, around, kind, asked, SHOWN))
        beside = sparql(store, query and f"SELECT (COUNT(DISTINCT ?x) AS ?n) {{ {query} }}")
        print(f"| `find {text}` | {number:,} | {shown(counting)} | {shown(telling)} | {beside} |", flush=True)
    whole: tuple[tuple[str, Callable[[Page], object], str | None], ...] = (
        ("runs and jobs by day and person", lambda _: index.jobs_by_day_and_agent(), DAYS),
        ("`gaps`: all, with circles over runs", lambda page: find_gaps(index, joining, (), page).lines, None),
        ("`gaps`: `no agent`, `no digest`, `no version`, `times out of order`",
         lambda page: find_gaps(index, joining, TOLD, page).lines,
         None),
        ("`orphans`: what nobody made, with sources",
         lambda page: find_orphans(index, joining, UNMADE, page).lines, NOBODY),
        ("`orphans unused`", lambda page: find_orphans(index, joining, ("unused",), page).lines, None),
    )  # fmt: skip
    for name, ask, query in whole:
        counting, answer = cost(lambda ask=ask: ask(Page.numbered(0, 1000)))
        telling, _ = cost(lambda ask=ask: ask(Page.numbered(1, SHOWN)))
        number = len(answer) if isinstance(answer, tuple) else answer
        print(f"| {name} | {number:,} | {shown(counting)} | {shown(telling)} | {sparql(store, query)} |", flush=True)
    telling, found = cost(lambda: find_duplicates(index, joining).summary)
    print(f"| `duplicates` | {found} | | {shown(telling)} | |")


def main() -> None:
    """Make what is not there, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--index", type=Path)
    asked = parser.parse_args()
    if asked.index is not None:
        with LineageIndex(asked.index, arrays=asked.index.with_suffix(".arrays")) as index:
            ask_all(index, None)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            folder, told = prepare(Institute(asked.jobs, asked.seed), asked.keep or Path(scratch) / "institute")
            print("\n".join(told))
            with LineageIndex(folder.index, arrays=folder.arrays) as index:
                ask_all(index, ox.Store.read_only(str(folder.store)))
    print(f"\nload of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
