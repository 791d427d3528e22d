"""What plain entities state is what the JSON-LD processor says that they state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filiation.catalogue.crate_on_disk import crate_of
from filiation.catalogue.graph import Triple
from filiation.catalogue.plain_entities import PlainEntities
from filiation.catalogue.reading import read_triples
from filiation.crate.metadata import parse_metadata
from filiation.errors import InvalidCrateError
from filiation.model import Digest, DigestKind
from tests.examples import examples
from tests.incoming.manners import MANNERS
from tests.incoming.mutations import documents

CRATE_1_1 = "https://w3id.org/ro/crate/1.1/context"
RUN = "https://w3id.org/ro/terms/workflow-run/context"
NOWHERE = Path("/nowhere")


def stated(document: dict[str, Any]) -> tuple[Triple, ...] | type[InvalidCrateError]:
    try:
        read = parse_metadata(json.dumps(document))
        return read_triples(crate_of(NOWHERE, read, Digest(DigestKind.FILE, "0" * 64)), read)
    except InvalidCrateError:
        return InvalidCrateError


def by_the_processor(document: dict[str, Any]) -> tuple[Triple, ...] | type[InvalidCrateError]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainEntities, "read", lambda *_: None)
        return stated(document)


def is_the_same(document: dict[str, Any]) -> bool:
    return stated(document) == by_the_processor(document)


def read_plainly(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the @ids of the entities that need no processor."""
    read, found = PlainEntities.read, []

    def noted(self: PlainEntities, entity: object) -> object:
        told = read(self, entity)
        found.extend([entity["@id"]] if told is not None and isinstance(entity, dict) else [])
        return told

    monkeypatch.setattr(PlainEntities, "read", noted)
    assert stated(document) is not InvalidCrateError
    return found


LETTERS = st.sampled_from([*"ab/.#:?%&'@_-~+,;=![]\\ é", "./", "../", "//", "%20", "#work/", "http://", "pkg:", "name"])
NAMES = st.lists(LETTERS, max_size=5).map("".join) | st.sampled_from(
    ["./", "", "#job-1", "work/a.tif", "https://example.org/x#y", "urn:x:y", "ni:///sha-256;ab", "pkg:pypi/x@1", "_:b"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | NAMES
)
VALUES = SCALARS | st.builds(lambda name: {"@id": name}, NAMES)
ODD = st.sampled_from([[["nested"]], {"@list": ["x"]}, {"name": "y"}, {"@value": "z", "@language": "fr"}, {"@id": 1}])
KEYS = st.sampled_from(
    [
        *("name", "object", "result", "hasPart", "HTML", "cite-as", "@label", "@reverse", "https://example.org/p"),
        *("ex:p", "unknown", "own", "odd", "http://[bad", "https://example.org/a/../b", "@type", "3DModel", "pkg", ""),
    ]
)
TYPES = st.sampled_from(["File", "Dataset", "own", "unknown", "https://example.org/T", "ex:T", "@id", 5, None, ""])
ENTITIES = st.builds(
    lambda name, types, told: {"@id": name, "@type": types} | told,
    NAMES,
    TYPES | st.lists(TYPES, max_size=2),
    st.dictionaries(KEYS, VALUES | st.lists(VALUES | ODD, max_size=3), max_size=4),
)
OWN = st.dictionaries(
    st.sampled_from(["own", "odd", "name", "pkg", "ex", "@vocab", "@base", "@language", "a b"]),
    st.sampled_from(
        [
            *("https://example.org/own", "https://example.org/", "ex:x", "@id", "name", None, "fr", "relative"),
            *({"@id": "https://a.org/b"}, {"@id": "https://a.org/c", "@type": "@id"}, "https://example.org/a/../c"),
        ]
    ),
    max_size=3,
)
CONTEXTS = st.sampled_from([CRATE_1_1, [CRATE_1_1, RUN]]) | OWN.map(lambda own: [CRATE_1_1, own]) | OWN


@pytest.mark.parametrize("engine", MANNERS)
def test_crates_of_every_engine_state_the_same(engine: str) -> None:
    assert is_the_same(MANNERS[engine].document())


@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents())
def test_crates_changed_at_random_state_the_same(document: dict[str, Any]) -> None:
    assert is_the_same(document)


@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
@given(context=CONTEXTS, entities=st.lists(ENTITIES, min_size=1, max_size=3))
@example(context=[CRATE_1_1, {"ex": "https://example.org/"}], entities=[{"@id": "ex:a", "@type": "ex:T", "ex:p": "v"}])
@example(context=[CRATE_1_1, {"pkg": "https://example.org/"}], entities=[{"@id": "pkg:pypi/x", "name": "x"}])
@example(context=CRATE_1_1, entities=[{"@id": "a/../b", "name": ["x", "x", 1, True, 1.0, {"@id": "a/./c"}]}])
@example(context=CRATE_1_1, entities=[{"@id": "#work/x:y", "name": "\ud800"}, {"@id": "é", "name": "a\r\n\t\x00b"}])
def test_entities_of_all_sorts_state_the_same(context: object, entities: list[dict[str, Any]]) -> None:
    assert is_the_same({"@context": context, "@graph": [{"@id": "./", "@type": "Dataset"}, *entities]})


def test_what_most_crates_say_needs_no_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [
        {"@id": "./", "@type": "Dataset", "name": "a run", "hasPart": ["work/a b.tif", {"@id": "ro-crate.html"}]},
        {"@id": "work/a b.tif", "@type": ["File", "ImageObject"], "contentSize": 12, "own": True},
        {"@id": "https://orcid.org/0000-0002-1825-0097", "@type": "Person", "name": "Zoë", "https://a.org/p": 0.5},
    ]
    odd = [
        {"@id": "#list", "name": {"@list": ["x"]}},
        {"@id": "a/./b", "name": "where that is, the processor says"},
        {"@id": "#language", "name": {"@value": "nom", "@language": "fr"}},
        {"@id": "#prefix", "own:p": "x"},
        {"@id": "#unknown", "unknown": "a term that no context has"},
        {"@id": "#html", "HTML": "a term that has a prefix"},
        {"name": "no name"},
    ]
    context = [CRATE_1_1, {"own": "https://example.org/own"}]
    found = read_plainly({"@context": context, "@graph": [*plain, *odd]}, monkeypatch)
    assert found == [entity["@id"] for entity in plain]


@pytest.mark.parametrize("own", [{"@vocab": "https://a.org/"}, {"own": None}, {"own": {"@id": "https://a.org/b"}}])
def test_a_context_that_does_more_than_to_give_addresses_needs_the_processor(
    own: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"@context": [CRATE_1_1, own], "@graph": [{"@id": "./", "@type": "Dataset", "name": "a run"}]}
    assert read_plainly(document, monkeypatch) == []
