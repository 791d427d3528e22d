"""However crates say what they say, one crate made of them says all of it: read as RDF by a reader that is not ours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from filiation.catalogue.crate_on_disk import CrateOnDisk
from filiation.catalogue.reading import iri_of, read_triples
from filiation.catalogue.vocabulary import one_spelling
from filiation.crate.contexts import inline
from filiation.model import Digest, DigestKind, run_iri
from filiation.publish.one_crate import Names, Part, merge_parts
from filiation.publish.terms import UNDEFINED, OneContext, Terms
from tests.lineage.crates import run_id

WHOLE = "https://example.org/whole/"
BEGIN: list[object] = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
    {"chosen": "https://w3id.org/ro/terms/filiation#chosen"},
]
CONTEXTS: list[object] = [
    *("https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/crate/1.2/context"),
    ["https://w3id.org/ro/crate/1.3/context", "https://w3id.org/ro/terms/workflow-run/context"],
    ["https://w3id.org/ro/crate/1.1/context", {"name": "https://example.org/other#name", "ex": "https://example.org/"}],
    ["https://w3id.org/ro/crate/1.1/context", {"chosen": "https://example.org/elected", "ex": "https://example.org/"}],
    ["https://w3id.org/ro/crate/1.1/context", {"see": {"@id": "ex:see", "@type": "@id"}, "ex": "https://example.org/"}],
    {"@vocab": "http://schema.org/", "when": {"@id": "http://schema.org/dateCreated", "@type": "ex:date"},
     "ex": "https://example.org/"},
    ["https://w3id.org/ro/crate/1.1/context", {"parts": {"@id": "http://schema.org/hasPart", "@container": "@list"}}],
]  # fmt: skip
KEYS = [
    "name",
    "sha256",
    "input",
    "chosen",
    "see",
    "when",
    "parts",
    "hasPart",
    "ex:colour",
    "https://example.org/full",
    "lost",
]
IDS = ["#thing", "work/raw.tif", "#work/labels.zarr/", "data/a b.csv", "https://orcid.org/0000-0002-1825-0097"]
TYPES = ["File", "Dataset", "Person", "FormalParameter", "ex:Kind", "CreateAction", "image_acquisition"]

references = st.sampled_from(IDS).map(lambda at: {"@id": at.replace(" ", "%20")})
literals = st.one_of(
    st.sampled_from(["", "0", "work/raw.tif", "Ünï\u202ecode", "2026-03-01"]),
    st.integers(-3, 3),
    st.booleans(),
    st.just({"@value": "bonjour", "@language": "fr"}),
)
values = st.one_of(literals, references, st.lists(st.one_of(literals, references), max_size=3))
nodes = st.fixed_dictionaries(
    {"@type": st.one_of(st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True))},
    optional=dict.fromkeys(KEYS, values),
)


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    made = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        found = draw(st.dictionaries(st.sampled_from(IDS), nodes, min_size=1))
        graph: list[dict[str, Any]] = [
            {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},
            {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": at.replace(" ", "%20")} for at in found]},
            *({"@id": at.replace(" ", "%20"), **node} for at, node in found.items()),
        ]
        carried = draw(st.sets(st.sampled_from(["work/raw.tif", "data/a%20b.csv"])))
        document = {"@context": draw(st.sampled_from(CONTEXTS)), "@graph": graph}
        made.append(part_of(run_id(number), document, frozenset(carried)))
    return made


def part_of(run: str, document: dict[str, Any], carried: frozenset[str]) -> Part:
    plain = Terms(document["@context"]).is_plain
    crate = CrateOnDisk(Path(), run, Digest(DigestKind.FILE, "0" * 64), own=True)
    copied = json.loads(json.dumps(document))
    return Part(run, document, carried, () if plain else read_triples(crate, copied))


def statements(document: dict[str, Any], base: str) -> set[tuple[str, str, str]]:
    """Read a document as RDF, with the bundled contexts and nothing of ours but one spelling for equal terms."""
    told = json.dumps(document["@graph"])
    words = {word for found in re.findall(r'"([^"]*)"', told) for word in (found, found.partition(":")[0])}
    contexts = [
        # Thousands of terms that nothing uses would be read again for each example.
        {term: said for term, said in context.items() if term in words or term.startswith("@") or len(context) < 50}
        for context in inline(document)["@context"]
    ]
    content = json.dumps({"@context": contexts, "@graph": document["@graph"]}).encode()
    quads = ox.parse(content, format=ox.RdfFormat.JSON_LD, base_iri=base, lenient=True)
    # This reader, asked to be lenient, makes a predicate of some words that no context defines: they are none.
    known = [quad for quad in quads if ":" in quad.predicate.value]
    return {(_text(quad.subject), _text(quad.predicate), _text(quad.object)) for quad in known}


def _text(term: object) -> str:
    return f"<{one_spelling(term.value)}>" if isinstance(term, ox.NamedNode) else str(term)


@pytest.mark.slow
@settings(max_examples=50, phases=(Phase.reuse, Phase.generate))
@given(parts())
def test_no_statement_of_any_crate_is_lost_when_they_become_one(made: list[Part]) -> None:
    context = OneContext(BEGIN)
    entities = merge_parts(made, context)
    whole = statements({"@context": context.context, "@graph": list(entities.values())}, WHOLE)
    for part in made:
        names = Names(part)

        def there(term: str, names: Names = names, base: str = run_iri(part.run)) -> str:
            if not term.startswith("<"):
                return term
            return f"<{iri_of(names.of(term[1:-1].removeprefix(base) or './'), WHOLE)}>"

        source = statements(dict(part.document), run_iri(part.run))
        lists = {s for s, p, _ in source if "22-rdf-syntax-ns#first" in p}
        for subject, predicate, value in source:
            if subject in lists or value in lists:
                continue  # the order of a list is told by nodes without a name
            if part.triples and value == '"work/raw.tif"':
                continue  # where a context is not plain, what the catalogue reads counts: a thing's name means it
            assert (there(subject), predicate, there(value)) in whole


@settings(max_examples=20, phases=(Phase.reuse, Phase.generate))
@given(parts())
def test_a_word_that_a_crate_does_not_define_is_kept_under_a_name_that_says_so(made: list[Part]) -> None:
    context = OneContext(BEGIN)
    entities = merge_parts(made, context)
    whole = statements({"@context": context.context, "@graph": list(entities.values())}, WHOLE)
    used = {
        key
        for part in made
        for node in part.document["@graph"]
        for key, value in node.items()
        if key == "lost" and value != [] and not part.triples and "@vocab" not in part.document["@context"]
    }
    assert used <= context.undefined
    assert bool(used) <= any(predicate == f"<{UNDEFINED}lost>" for _, predicate, _ in whole)
