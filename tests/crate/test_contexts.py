"""The bundled JSON-LD contexts."""

import hashlib
import re
from importlib.resources import files

import pytest

from filiation.crate.contexts import CONTEXT_URLS, context_document, inline
from filiation.errors import InvalidCrateError

ROOM = files("filiation.crate.contexts")
WORKFLOW_RUN = "https://w3id.org/ro/terms/workflow-run/context"


def test_the_files_are_those_of_the_readme():
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", ROOM.joinpath("README.md").read_text("utf-8"), re.M)
    assert len(listed) == 5
    for digest, name in listed:
        assert hashlib.sha256(ROOM.joinpath(name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_an_ro_crate_context_is_the_version_of_its_url(version):
    url = f"https://w3id.org/ro/crate/{version}/context"
    document = context_document(url)
    assert document["@id"] == url
    assert document["version"] == f"{version}.0"
    assert document["license"]["@id"] == "https://creativecommons.org/publicdomain/zero/1.0/"


@pytest.mark.parametrize(
    ("version", "parameter", "slot"),
    [
        ("1.1", "https://bioschemas.org/FormalParameter", "https://bioschemas.org/ComputationalWorkflow#input"),
        ("1.2", "https://bioschemas.org/FormalParameter", "https://bioschemas.org/properties/input"),
        ("1.3", "https://bioschemas.org/terms/FormalParameter", "https://bioschemas.org/terms/input"),
    ],
)
def test_terms_that_changed_between_versions_have_the_meaning_of_theirs(version, parameter, slot):
    terms = context_document(f"https://w3id.org/ro/crate/{version}/context")["@context"]
    assert terms["FormalParameter"] == parameter
    assert terms["input"] == slot


def test_the_workflow_run_context_is_known_by_both_spellings():
    assert context_document(WORKFLOW_RUN) is context_document("https://w3id.org/ro/terms/workflow-run")
    terms = context_document(WORKFLOW_RUN)["@context"]
    assert len(terms) == 16
    assert all(iri == f"https://w3id.org/ro/terms/workflow-run#{term}" for term, iri in terms.items())


def test_sapporos_context_gives_each_of_its_terms_its_namespace():
    terms = context_document("https://w3id.org/ro/terms/sapporo")["@context"]
    assert {"exitCode", "lineCount", "wesState"} < terms.keys()
    assert all(iri == f"https://w3id.org/ro/terms/sapporo#{term}" for term, iri in terms.items())


def test_an_unknown_context_is_named_and_not_fetched():
    with pytest.raises(InvalidCrateError) as error:
        context_document("https://example.org/context")
    assert str(error.value) == (
        "The crate's @context names 'https://example.org/context', which filiation does not bundle and will not "
        f"fetch; it knows {', '.join(CONTEXT_URLS)}. Write the terms that it defines into the crate's @context instead."
    )


def test_inlining_keeps_order_terms_and_the_document():
    document = {"@context": ["https://w3id.org/ro/crate/1.1/context", WORKFLOW_RUN, {"own": "urn:x"}], "@graph": [1]}
    done = inline(document)
    assert [len(terms) for terms in done["@context"]] == [2628, 16, 1]
    assert done["@graph"] == [1]
    assert document["@context"][0] == "https://w3id.org/ro/crate/1.1/context"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (7, "holds '7'; expected a URL or an object that defines terms"),
        ([["https://w3id.org/ro/crate/1.1/context"]], "expected a URL or an object that defines terms"),
        ("file:///etc/passwd", "names 'file:///etc/passwd', which filiation does not bundle and will not fetch"),
        ({"@import": "https://example.org/"}, "imports 'https://example.org/'; filiation does not fetch contexts"),
        (
            {"x": {"@id": "urn:x", "@context": "https://example.org/"}},
            "The term 'x' in the crate's @context has a context",
        ),
    ],
)
def test_no_form_of_context_reaches_outside(context, message):
    with pytest.raises(InvalidCrateError, match=re.escape(message)):
        inline({"@context": context, "@graph": []})


def test_a_crate_without_context_is_one_message():
    with pytest.raises(InvalidCrateError) as error:
        inline({"@graph": []})
    assert str(error.value) == "The crate's metadata has no @context; expected the RO-Crate context's URL."
