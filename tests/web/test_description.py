"""The description of the twins (OpenAPI) says what they are asked and what they say, and they do say that."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from filiation.web import shapes
from tests.web.conftest import LABELS

ASKED: dict[str, tuple[dict[str, str], type[BaseModel]]] = {
    "/api/": ({}, shapes.HomeShape),
    "/api/search": ({"q": "nuclei"}, shapes.SearchShape),
    "/api/thing": ({"thing": LABELS}, shapes.ThingShape),
    "/api/check": ({"thing": LABELS}, shapes.ThingShape),
    "/api/runs": ({}, shapes.RunsShape),
    "/api/run": ({"run": "00000002"}, shapes.RunDetailShape),
    "/api/findings": ({"about": "gaps"}, shapes.FindingsShape),
}


@pytest.fixture
def description(pages: TestClient) -> dict[str, Any]:
    answer = pages.get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("path", ASKED)
def test_a_twin_says_what_its_description_says(pages: TestClient, description: dict[str, Any], path: str) -> None:
    query, shape = ASKED[path]
    told = pages.get(path, params=query)
    assert told.status_code == 200
    shape.model_validate(told.json(), strict=True)
    described = description["paths"][path]["get"]
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": f"#/components/schemas/{shape.__name__}"}
    assert {parameter["name"] for parameter in described.get("parameters", ())} >= set(query)


def test_every_twin_is_described_with_a_summary_and_with_how_it_refuses(description: dict[str, Any]) -> None:
    names = []
    for path, methods in description["paths"].items():
        for method, described in methods.items():
            assert described["summary"], (path, method)
            assert {"4XX", "5XX"} <= set(described["responses"])
            assert "422" not in described["responses"]
            names.append(described["operationId"])
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("path", "status"), [("/api/run?run=ffffffff", 404), ("/api/run", 400), ("/api/nowhere", 404)])
def test_a_refusal_is_as_described(pages: TestClient, path: str, status: int) -> None:
    answer = pages.get(path)
    assert answer.status_code == status
    assert shapes.RefusalShape.model_validate(answer.json(), strict=True).status == status
