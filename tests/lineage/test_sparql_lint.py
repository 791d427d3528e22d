"""Queries that explode are told before they run, with what to write instead; the others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.lineage.questions import questions
from filiation.lineage.sparql_lint import lint

PREFIX = "PREFIX prov: <http://www.w3.org/ns/prov#> PREFIX s: <http://schema.org/> "
ALONE = "SELECT DISTINCT ?d WHERE { ?d (prov:wasGeneratedBy/prov:used)+ <x:raw> }"


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        (ALONE, []),
        (f"SELECT ?d WHERE {{ {{ {ALONE} }} ?d a s:MediaObject }}", []),
        ("SELECT ?d WHERE { ?d a s:MediaObject . ?d (prov:wasGeneratedBy/prov:used)+ <x:raw> }", ["path-joined"]),
        ("SELECT ?d WHERE { <x:raw> (^prov:used/^prov:wasGeneratedBy)+ ?d . ?d a ?k }", ["path-joined"]),
        ("SELECT ?d WHERE { { ?d a s:MediaObject } { ?d prov:used* <x:raw> } }", ["path-joined"]),
        ("SELECT ?d WHERE { GRAPH ?g { ?d a s:MediaObject . ?d prov:used* <x:raw> } }", ["path-joined"]),
        ("SELECT * WHERE { ?a prov:used+ ?b }", ["path-unbounded"]),
        ("SELECT * WHERE { ?a prov:used+ ?b . ?a s:name 'x' }", []),
        ("SELECT * WHERE { ?a prov:used+ ?b . ?a s:name 'x' . ?b a s:Thing }", ["path-joined"]),
        ("SELECT * WHERE { ?a prov:used ?b OPTIONAL { ?b prov:used+ <x:c> ; a ?k } }", ["path-joined"]),
        ("SELECT * WHERE { { ?a prov:used+ <x:a> } UNION { ?a a s:Thing } }", []),
        ("SELECT ?o WHERE { ?o a s:MediaObject FILTER NOT EXISTS { ?o prov:wasGeneratedBy ?x } }", ["not-exists"]),
        ("SELECT ?o WHERE { ?o a s:MediaObject MINUS { ?o prov:wasGeneratedBy ?x } }", []),
        ("SELECT ?o WHERE { ?o prov:used/s:name ?x ; a s:Thing }", []),
        ("ASK { ?a prov:used? <x:a> . ?a a s:Thing }", []),
    ],
)  # fmt: skip
def test_what_explodes_is_told(query: str, kinds: list[str]) -> None:
    assert [warned.kind for warned in lint(PREFIX + query)] == kinds


def test_what_is_better_is_a_query_that_can_be_written_so() -> None:
    (warned,) = lint(PREFIX + "SELECT ?d WHERE { ?d a s:MediaObject . ?d prov:used+ <x:raw> }")
    path = "?d <http://www.w3.org/ns/prov#used>+ <x:raw>"
    assert warned.instead == f"Give it a query of its own: {{ SELECT DISTINCT ?d WHERE {{ {path} }} }}"
    better = warned.instead.partition(": ")[2]
    assert lint(f"{PREFIX} SELECT ?d WHERE {{ {better} ?d a s:MediaObject }}") == ()


@pytest.mark.slow
def test_no_question_of_our_own_explodes() -> None:
    assert [question.name for question in questions() if lint(question.query)] == []


@given(st.text(max_size=60))
def test_what_is_no_query_has_no_warnings_and_raises_nothing(text: str) -> None:
    assert isinstance(lint(text), tuple)
    assert isinstance(lint(f"SELECT * WHERE {{ {text} }}"), tuple)
