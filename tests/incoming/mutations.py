"""Valid crates, changed in ways that know what a crate is made of: as emitters get them wrong, and as attackers do."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.incoming.manners import MANNERS

Document = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

NASTY = (
    "",
    " ",
    "./",
    "#",
    "a b",
    "ä/ö",
    "e\u0301",
    "\u202egnp.exe",
    "\x1b[2J\x1b]0;x\x07",
    "\x00",
    "a\nb",
    "-rf",
    "?x=1",
    "%2e%2e/x",
    "../x",
    "//host/x",
    "C:\\x",
    "file:///etc/passwd",
    "/etc/passwd",
    "http://[bad",
    "_:b0",
    "javascript:alert(1)",
    "=cmd()",
    "100%",
    "a" * 300,
    "<script>alert(1)</script>",
    "http://example.org/ x",
    "arcp://uuid,00000000-0000-0000-0000-000000000000/x",
    "urn:x:y",
    "\ud800",
)
VALUES = (
    None,
    True,
    False,
    0,
    -1,
    10**400,
    2**63,
    1e308,
    -0.0,
    0.1,
    [],
    {},
    [[]],
    [None],
    {"@value": "x"},
    {"@value": "x", "@type": "y"},
    {"@list": ["x", {"@id": "in.txt"}]},
    {"@set": [{"@id": "a"}]},
    {"@id": None},
    {"@id": 3},
    {"name": "nameless"},
    {"@id": "in.txt", "name": "inside"},
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "f" * 64,
    "{}",
    "[[1,2]]",
    {"@graph": [{"@id": "a"}]},
    {"@index": "x", "@id": "a"},
    {"@language": "en", "@value": "x"},
    {"@id": "a", "@id ": "b"},
)
KEYS = (
    "object",
    "result",
    "instrument",
    "hasPart",
    "mainEntity",
    "value",
    "actionStatus",
    "agent",
    "startTime",
    "endTime",
    "name",
    "about",
    "conformsTo",
    "workExample",
    "exampleOfWork",
    "mentions",
    "status",
    "entityKind",
    "runId",
    "treeDigest",
    "sha256",
    "reused",
    "jobNumber",
    "http://schema.org/result",
    "https://schema.org/object",
    "schema:object",
    "@reverse",
    "@graph",
    "@included",
    "@nest",
    "@context",
    "@id",
    "environment",
    "containerImage",
    "usedValue",
    "logSlots",
    "lastSeen",
    "contentSize",
    "@type",
)
TYPES = (
    "CreateAction",
    "UpdateAction",
    "ActivateAction",
    "OrganizeAction",
    "ControlAction",
    "File",
    "Dataset",
    "Collection",
    "PropertyValue",
    "FormalParameter",
    "ComputationalWorkflow",
    "SoftwareApplication",
    "HowToStep",
    "CreativeWork",
    "http://schema.org/CreateAction",
    "nothing",
)
CONTEXTS: tuple[object, ...] = (
    *(f"https://w3id.org/ro/crate/{version}/context" for version in ("1.0", "1.1", "1.2", "1.3", "1.3-DRAFT", "9.9")),
    "https://example.org/evil.jsonld",
    "file:///etc/passwd",
    "http://127.0.0.1:1/context",
    None,
    [],
    {},
    3,
    ["https://w3id.org/ro/crate/1.1/context"],
    [{"@vocab": "https://w3id.org/ro/terms/filiation#"}, "https://w3id.org/ro/crate/1.1/context"],
    ["https://w3id.org/ro/crate/1.1/context", {"@base": "arcp://uuid,00000000-0000-0000-0000-000000000000/"}],
    ["https://w3id.org/ro/crate/1.1/context", {"made": "http://schema.org/result"}],
    ["https://w3id.org/ro/crate/1.1/context", {"@import": "https://example.org/x"}],
    ["https://w3id.org/ro/crate/1.1/context", {"result": {"@id": "http://schema.org/result", "@context": {}}}],
)


@st.composite
def documents(draw: Draw) -> Document:
    """Draw a crate in some engine's manner, with one to five changes."""
    document = copy.deepcopy(MANNERS[draw(st.sampled_from(sorted(MANNERS)))].document())
    for _ in range(draw(st.integers(1, 5))):
        draw(st.sampled_from(CHANGES))(draw, document)
    return json.loads(json.dumps(document))  # nothing in it is the same object twice


def entity(draw: Draw, document: Document) -> Document:
    found = [one for one in document["@graph"] if isinstance(one, dict)]
    return draw(st.sampled_from(found)) if found else {}


def name(draw: Draw, document: Document) -> object:
    ids = [one.get("@id") for one in document["@graph"] if isinstance(one, dict)]
    return draw(st.sampled_from([*ids, *NASTY]))


def key(draw: Draw, one: Document) -> str:
    there = [known for known in one if known != "@id"]
    return draw(st.sampled_from([*there, *there, *KEYS]))


def change_value(draw: Draw, document: Document) -> None:
    one = entity(draw, document)
    one[key(draw, one)] = copy.deepcopy(draw(st.sampled_from(VALUES)))


def refer_elsewhere(draw: Draw, document: Document) -> None:
    one, to = entity(draw, document), name(draw, document)
    one[key(draw, one)] = draw(st.sampled_from([{"@id": to}, [{"@id": to}], to, [to], [{"@id": to}, to, 3]]))


def refer_besides(draw: Draw, document: Document) -> None:
    one = entity(draw, document)
    which = key(draw, one)
    before = one.get(which, [])
    one[which] = [*(before if isinstance(before, list) else [before]), {"@id": name(draw, document)}]


def leave_out(draw: Draw, document: Document) -> None:
    one = entity(draw, document)
    if one:
        del one[draw(st.sampled_from(sorted(one)))]


def rename(draw: Draw, document: Document) -> None:
    entity(draw, document)["@id"] = name(draw, document)


def retype(draw: Draw, document: Document) -> None:
    entity(draw, document)["@type"] = draw(st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), max_size=3))


def fail(draw: Draw, document: Document) -> None:
    endings = (
        "FailedActionStatus",
        "http://schema.org/FailedActionStatus",
        {"@id": "http://schema.org/FailedActionStatus"},
        "x",
    )
    entity(draw, document)["actionStatus"] = draw(st.sampled_from(endings))


def repeat(draw: Draw, document: Document) -> None:
    document["@graph"].append(copy.deepcopy(entity(draw, document)))


def remove(draw: Draw, document: Document) -> None:
    if document["@graph"]:
        document["@graph"].pop(draw(st.integers(0, len(document["@graph"]) - 1)))


def put_inside(draw: Draw, document: Document) -> None:
    one, other = entity(draw, document), entity(draw, document)
    one[draw(st.sampled_from(["object", "result", "hasPart", "mentions", "about"]))] = copy.deepcopy(other)


def turn_round(draw: Draw, document: Document) -> None:
    one = entity(draw, document)
    one["@reverse"] = {draw(st.sampled_from(["object", "result", "hasPart"])): {"@id": name(draw, document)}}


def change_context(draw: Draw, document: Document) -> None:
    document["@context"] = copy.deepcopy(draw(st.sampled_from(CONTEXTS)))


def use_an_alias(draw: Draw, document: Document) -> None:
    document["@context"] = ["https://w3id.org/ro/crate/1.1/context", {"made": "http://schema.org/result"}]
    one = entity(draw, document)
    if "result" in one:
        one["made"] = one.pop("result")


def nest_deeply(draw: Draw, document: Document) -> None:
    value: object = "x"
    for _ in range(draw(st.sampled_from([5, 61, 200]))):
        value = [value]
    entity(draw, document)["name"] = value


def break_the_graph(draw: Draw, document: Document) -> None:
    document["@graph"].append(draw(st.sampled_from([None, 3, "x", [], {"@id": 7}, {"@id": None}, {}])))


CHANGES = (
    change_value,
    refer_elsewhere,
    refer_elsewhere,
    refer_besides,
    refer_besides,
    leave_out,
    rename,
    retype,
    fail,
    repeat,
    remove,
    put_inside,
    turn_round,
    change_context,
    use_an_alias,
    nest_deeply,
    break_the_graph,
)
