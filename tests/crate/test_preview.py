"""The page for a person's browser, from crates that mean well and crates that do not."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.crate.preview import render_preview


class Page(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag, name):
        return [attributes[name] for found, attributes in self.elements if found == tag and name in attributes]


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "a", "bdi"),
    *("table", "thead", "tbody", "tr", "th", "td", "ul", "li"),
}
ATTRIBUTES = {"charset", "http-equiv", "content", "name", "lang", "href", "rel", "id", "class", "scope"}


def is_harmless(page):
    """Whether nothing from a crate became markup, and every link leads where links may."""
    return (
        {tag for tag, _ in page.elements} <= ELEMENTS
        and {name for _, attributes in page.elements for name in attributes} <= ATTRIBUTES
        and all(re.match(r"(?:https?://|#e\d+$|\./)", link) for link in page.attributes("a", "href"))
    )


def test_the_minimal_crate_is_shown(minimal):
    page = Page(render_preview(minimal.minimal_metadata()))
    assert is_harmless(page)
    assert "One segmentation" in page.text
    assert "segment work/data/raw.txt work/results/labels.txt" in page.text
    assert "./work/results/labels.txt" in page.attributes("a", "href")
    assert "https://orcid.org/0000-0002-1825-0097" in page.attributes("a", "href")
    anchors = page.attributes("h3", "id")
    assert len(anchors) == len(set(anchors)) == len(minimal.minimal_metadata()["@graph"]) - 1
    inner = {link.removeprefix("#") for link in page.attributes("a", "href") if link.startswith("#")}
    assert inner <= set(anchors)


def test_the_page_may_load_nothing_and_run_nothing(minimal):
    text = render_preview(minimal.minimal_metadata())
    (policy,) = [content for content in Page(text).attributes("meta", "content") if "default-src" in content]
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "<script" not in text
    assert "src=" not in text


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\x01javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "../secret.html",
    "//example.org/x",
    "https:javascript:alert(1)",
    "{{ 7 * 7 }}",
    "</style><script>alert(1)</script>",
    "\ud800",
    "http://[",
]


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("kind", ["File", "Dataset", "CreateAction", "<script>"])
def test_nothing_in_a_crate_becomes_markup_or_a_bad_link(attack, kind):
    graph = [
        {"@id": "ro-crate-metadata.json", "@type": "CreativeWork"},
        {"@id": "./", "@type": "Dataset", "name": attack, "description": attack, "hasPart": {"@id": attack}},
        {
            "@id": attack,
            "@type": kind,
            attack: attack,
            "url": {"@id": attack},
            "actionStatus": attack,
            "object": attack,
        },
        {
            "@id": "x",
            "@type": [kind, attack],
            "name": [attack, {"@value": attack}],
            "result": [{"@id": "missing" + attack}],
        },
    ]
    page = Page(render_preview({"@graph": graph}))
    assert is_harmless(page)
    assert "49" not in page.text


value = st.recursive(
    st.text(max_size=20) | st.sampled_from(HOSTILE) | st.none() | st.booleans() | st.floats() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["@id", "@value", "x"]), inner, max_size=2)
    ),
    max_leaves=6,
)
entity = st.dictionaries(st.sampled_from(["@type", "name", "object", "result", "actionStatus", "x"]), value, max_size=5)


@pytest.mark.slow
@given(entities=st.lists(st.tuples(st.text(max_size=10) | st.sampled_from(HOSTILE), entity), max_size=5))
def test_any_graph_has_a_harmless_page(entities):
    graph = [{"@id": identifier, **properties} for identifier, properties in entities]
    assert is_harmless(Page(render_preview({"@graph": graph})))


def test_a_large_crate_is_shortened():
    graph = [{"@id": f"#{number}", "@type": "Thing"} for number in range(2500)]
    page = Page(render_preview({"@graph": [{"@id": "ro-crate-metadata.json"}, *graph]}))
    assert len(page.attributes("h3", "id")) == 2000
    assert "500 more are only in" in page.text


def test_a_failed_action_stands_out(minimal):
    document = minimal.minimal_metadata()
    minimal.entity(document, "#job-1")["actionStatus"] = "http://schema.org/FailedActionStatus"
    assert '<td class="failed">Failed</td>' in render_preview(document)
