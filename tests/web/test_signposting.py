"""A program finds its way from a page by typed links, as an independent reader of FAIR Signposting sees them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from signposting import Signposting, find_signposting_html, find_signposting_http, find_signposting_linkset

from tests.web.conftest import DOI, Catalogue, Served

CELLS = "results/51/cells.ome.zarr"


def targets(found: Signposting, base: str) -> dict[str, object]:
    def plain(post: object) -> str:
        return str(post.target).removeprefix(base)  # type: ignore[attr-defined]

    return {
        "cite-as": None if found.citeAs is None else plain(found.citeAs),
        "type": sorted(map(plain, found.types)),
        "license": None if found.license is None else plain(found.license),
        "author": sorted(map(plain, found.authors)),
        "item": sorted(map(plain, found.items)),
        "describedby": sorted(
            (plain(post), str(post.type), sorted(map(str, post.profiles))) for post in found.describedBy
        ),
    }


@pytest.mark.parametrize("page", [f"/thing?thing={quote(CELLS)}", "/run?run=00000002"])
def test_header_head_and_link_set_say_the_same(served: Served, web_catalogue: Catalogue, page: str) -> None:
    address = served.address + page
    metadata = f"/crate?run={web_catalogue.omero.id}&path=ro-crate-metadata.json"
    by_header = find_signposting_http(address)
    told = targets(by_header, served.address)
    assert told == {
        "cite-as": DOI,
        "type": ["https://schema.org/AboutPage"],
        "license": "https://spdx.org/licenses/BSD-3-Clause",
        "author": ["https://orcid.org/0000-0002-1825-0097"] if page.startswith("/thing") else [],
        "item": [metadata],
        "describedby": [(metadata, "application/ld+json", ["https://w3id.org/ro/crate"])],
    }
    assert targets(find_signposting_html(address), served.address) == told
    (link_set,) = by_header.linksets
    within = find_signposting_linkset(str(link_set.target)).for_context(address)
    assert targets(within, served.address) == told


def test_the_described_crate_is_what_the_link_leads_to(pages: TestClient, web_catalogue: Catalogue) -> None:
    answer = pages.head(f"/crate?run={web_catalogue.omero.id}&path=ro-crate-metadata.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/ld+json")
    assert pages.head("/api/runs").status_code == 200
