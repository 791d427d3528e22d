from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from filiation.catalogue import identify
from filiation.catalogue.graph import XSD, Literal
from filiation.catalogue.reading import read_triples
from filiation.errors import InvalidCrateError

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
NAME = "http://schema.org/name"


def crate(folder: Path, *entities: dict[str, object], context: object = CONTEXT) -> Path:
    root = {"@id": "./", "@type": "Dataset", "name": "root"}
    folder.mkdir(exist_ok=True)
    (folder / "ro-crate-metadata.json").write_text(json.dumps({"@context": context, "@graph": [root, *entities]}))
    return folder


def names(folder: Path) -> dict[str, str]:
    found = identify(folder)
    return {s.removeprefix(found.iri): str(o) for s, p, o in read_triples(found) if p == NAME}


def test_a_thing_has_one_iri_whether_or_not_its_bytes_travel_along(tmp_path: Path) -> None:
    described = crate(
        tmp_path / "c",
        {"@id": "#work/results/a%20b.ome.zarr/", "@type": "Dataset", "name": "away"},
        {"@id": "work/Snakefile", "@type": "File", "name": "here"},
        {"@id": "#outside/data/raw.tif", "@type": "File", "name": "outside"},
        {"@id": "#job-1-attempt-1", "@type": "CreateAction", "name": "job"},
    )
    assert names(described) == {
        "": "root",
        "work/results/a%20b.ome.zarr": "away",
        "work/Snakefile": "here",
        "outside/data/raw.tif": "outside",
        "#job-1-attempt-1": "job",
    }


def test_ids_that_are_no_iris_lose_nothing(tmp_path: Path) -> None:
    described = crate(
        tmp_path / "c",
        {"@id": "my file.txt", "@type": "File", "name": "a space"},
        {"@id": "100%.txt", "@type": "File", "name": "a lone percent"},
        {"@id": "frames[2].tif", "@type": "File", "name": "brackets"},
        {"@id": "#a#b", "@type": "File", "name": "two marks"},
        {"@id": "_:b1", "@type": "Person", "name": "a blank node"},
        {"@type": "Person", "name": "no id", "affiliation": {"name": "nor this"}},
    )
    assert names(described) == {
        "": "root",
        "my%20file.txt": "a space",
        "100%25.txt": "a lone percent",
        "frames%5B2%5D.tif": "brackets",
        "#a%23b": "two marks",
        "#blank-b1": "a blank node",
        "#anonymous-1": "no id",
        "#anonymous-2": "nor this",
    }


def test_reading_twice_gives_the_same_with_blank_nodes_too(tmp_path: Path) -> None:
    described = identify(crate(tmp_path / "c", {"@id": "#a", "name": {"@list": ["x", {"name": "y"}]}}))
    first = read_triples(described)
    assert first == read_triples(described)
    assert not any(str(term).startswith("_:") for triple in first for term in triple)


def test_a_large_crate_is_read_in_parts_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = [{"@id": f"#{number}", "name": {"@list": ["x", {"name": f"y{number}"}]}} for number in range(5)]
    described = identify(crate(tmp_path / "c", *nested, {"@id": "#0", "name": "once more"}))
    at_once = read_triples(described)
    monkeypatch.setattr("filiation.catalogue.reading._PART", 2)
    assert read_triples(described) == at_once
    assert len(at_once) > 5 * 5


def test_a_number_stays_as_a_person_wrote_it(tmp_path: Path) -> None:
    described = identify(crate(tmp_path / "c", {"@id": "#p", "@type": "PropertyValue", "value": [2.0, 0.1, 3, True]}))
    values = [value for _, predicate, value in read_triples(described) if predicate == "http://schema.org/value"]
    assert set(values) == {
        Literal("2.0", XSD + "double"),
        Literal("0.1", XSD + "double"),
        Literal("3", XSD + "integer"),
        Literal("true", XSD + "boolean"),
    }


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_the_versions_of_ro_crate_are_read_in_one_spelling(tmp_path: Path, version: str) -> None:
    described = identify(
        crate(
            tmp_path / "c",
            {"@id": "w", "@type": ["File", "ComputationalWorkflow"], "input": {"@id": "#p"}},
            {"@id": "#p", "@type": "FormalParameter"},
            context=[f"https://w3id.org/ro/crate/{version}/context", "https://w3id.org/ro/terms/workflow-run/context"],
        )
    )
    found = {(predicate, value) for _, predicate, value in read_triples(described) if isinstance(value, str)}
    assert ("https://bioschemas.org/ComputationalWorkflow#input", f"{described.iri}#p") in found
    types = {value for predicate, value in found if predicate.endswith("#type")}
    assert {"https://bioschemas.org/ComputationalWorkflow", "https://bioschemas.org/FormalParameter"} <= types


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    described = identify(crate(tmp_path / "c", context=["https://example.org/context.jsonld"]))
    with pytest.raises(InvalidCrateError):
        read_triples(described)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'expected an object with "@context" and a list "@graph"'),
        ('{"@graph": {}}', 'expected an object with "@context" and a list "@graph"'),
        ('{"@graph": [', "The metadata is not JSON: .* The file seems to be cut off"),
        ("[" * 200_000, "is nested more than 64 levels deep"),
        ('{"@context": {}, "@graph": [{"@id": "./", "runId": "no uuid"}]}', "The crate's runId is no UUID: 'no uuid'"),
    ],
)
def test_what_is_no_crate_is_said_in_words(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ro-crate-metadata.json").write_text(text)
    with pytest.raises(InvalidCrateError, match=message):
        identify(tmp_path)


def test_bytes_that_are_no_text_are_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "ro-crate-metadata.json").write_bytes(b'{"@graph": [\xff]}')
    with pytest.raises(InvalidCrateError, match="is not UTF-8 text"):
        identify(tmp_path)
