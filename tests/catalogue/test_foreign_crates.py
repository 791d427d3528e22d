"""Crates that nobody checked: whatever stands in them, they are read or refused with one message."""

from __future__ import annotations

import json
import re
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.errors import FiliationError
from filiation.lineage import Ledger
from tests.examples import examples

IDS = st.sampled_from(
    [
        "./",
        "a.txt",
        "b c.txt",
        "#job",
        "#tool",
        "#pv",
        "w.cwl",
        "frames[1].tif",
        "#a#b",
        "_:x",
        "http://[bad",
        "ö/ü",
        "",
    ]
) | st.text(max_size=8)
TYPES = st.sampled_from(
    [
        "CreateAction",
        "OrganizeAction",
        "File",
        "Dataset",
        "PropertyValue",
        "Collection",
        "ComputationalWorkflow",
        "Person",
    ]
) | st.text(max_size=5)
WORDS = """
name object result instrument agent hasPart mainEntity startTime endTime actionStatus error value exampleOfWork
softwareRequirements version contentSize sha256 treeDigest pixelDigest dateModified encodingFormat reused lastSeen
status jobNumber attempt runFolder requestedValue usedValue logSlots benchmark environment containerImage
"""
PROPERTIES = st.sampled_from(re.findall(r"\w+", WORDS))
REFERENCES = IDS.map(lambda name: {"@id": name})
VALUES = st.one_of(
    REFERENCES,
    st.lists(REFERENCES, max_size=3),
    st.text(max_size=12),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.sampled_from(["2026-03-01T00:00:00Z", "0" * 64, "[[1,2]]", "{}", "file:///etc/x", "finished", "[" * 30]),
    st.fixed_dictionaries({"@value": st.text(max_size=4)}),
    st.fixed_dictionaries({"name": st.text(max_size=4)}),
)
ENTITIES = st.fixed_dictionaries({"@id": IDS, "@type": TYPES | st.lists(TYPES, max_size=2)}).flatmap(
    lambda head: st.dictionaries(PROPERTIES, VALUES, max_size=6).map(lambda body: head | body)
)
ACTIONS = st.builds(
    lambda name, used, made, more: {"@id": name, "@type": "CreateAction", "object": used, "result": made} | more,
    IDS,
    st.lists(REFERENCES, max_size=4),
    st.lists(REFERENCES, max_size=4),
    st.dictionaries(PROPERTIES, VALUES, max_size=3),
)
CONTEXTS = st.sampled_from([f"https://w3id.org/ro/crate/{version}/context" for version in ("1.1", "1.2", "1.3")])


@pytest.mark.slow
@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(context=CONTEXTS, entities=st.lists(ACTIONS | ENTITIES, max_size=8))
def test_any_crate_is_taken_in_or_refused_with_a_message(context: str, entities: list[object]) -> None:
    terms = {"@vocab": "https://w3id.org/ro/terms/filiation#"}
    document = {"@context": [terms, context], "@graph": [{"@id": "./", "@type": "Dataset"}, *entities]}
    with tempfile.TemporaryDirectory() as name:
        crate = Path(name) / "crate"
        crate.mkdir()
        (crate / "ro-crate-metadata.json").write_text(json.dumps(document))
        catalogue = Catalogue(CatalogueFolder.create(Path(name) / ".filiation"))
        try:
            catalogue.ingest(crate)
        except FiliationError:
            return
        ledger = Ledger(name)
        (run,) = ledger.runs()
        for entity in ledger.show(run.id).entities:
            for lineage in (ledger.trace(entity.iri), ledger.impact(entity.iri)):
                assert lineage.tree()
                ElementTree.fromstring(lineage.to_svg())
                json.dumps(lineage.to_json())
        ledger.check()
