"""The search box: one exact name leads to its page, several are listed by kind, none says what was tried."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import LABELS, OMERO_IMAGE, Catalogue

ORCID = "0000-0002-1825-0097"


def meant(pages: TestClient, word: str) -> tuple[str, str]:
    """Return the page that a word leads to, and what it is asked for; nothing if it leads to none."""
    answer = pages.get("/search", params={"q": word}, follow_redirects=False)
    if answer.status_code == 200:
        return "", ""
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    (asked,) = (values[0] for values in parse_qs(address.query).values())
    return address.path, asked


def test_what_names_one_thing_leads_to_its_page(pages: TestClient, web_catalogue: Catalogue) -> None:
    place = str(web_catalogue.folder / LABELS)
    node = pages.get("/api/thing", params={"thing": place}).json()["node"]
    names = [
        LABELS, place, f"{place}/0/c/0/0", node["digest"], node["digest"].partition(":")[2][:12], node["iri"],
        "Image:51@omero.example.org", "Image:51", "omero://omero.example.org/image/51", OMERO_IMAGE,
        "https://omero.example.org/webclient/?show=image-51", f"{web_catalogue.nuclei.id[:8]}:{LABELS}",
    ]  # fmt: skip
    for name in names:
        assert meant(pages, name) == ("/thing", name)
        assert pages.get("/search", params={"q": name}).status_code == 200, name


def test_a_run_leads_to_its_page(pages: TestClient, web_catalogue: Catalogue) -> None:
    for name in (web_catalogue.omero.id, web_catalogue.omero.id[:8], web_catalogue.omero.iri):
        assert meant(pages, name) == ("/run", web_catalogue.omero.id)


def test_an_object_of_a_label_image_leads_to_its_picture(pages: TestClient) -> None:
    answer = pages.get("/search", params={"q": f"{LABELS}#label=17"}, follow_redirects=False)
    address = urlsplit(answer.headers["location"])
    assert (address.path, parse_qs(address.query)) == ("/picture", {"thing": [LABELS], "label": ["17"]})
    assert meant(pages, "nothing-like-it#label=17") == ("", "")


def test_a_parameter_finds_the_jobs_that_used_it_so(pages: TestClient) -> None:
    found = pages.get("/api/search", params={"q": "sigma=2"}).json()
    assert [job["rule"] for job in found["jobs"]] == ["segment"]
    assert found["jobs_in_all"] == 1
    assert found["remarks"] == ["Asked for: parameter.sigma=2."]
    assert len(pages.get("/api/search", params={"q": "rule=segment sigma<=1"}).json()["jobs"]) == 1
    assert len(pages.get("/api/search", params={"q": "diameter = 30"}).json()["jobs"]) == 2
    slip = pages.get("/api/search", params={"q": "sigmaa=2"}).json()
    assert "Did you mean sigma?" in slip["remarks"][1]


@pytest.mark.parametrize("name", [ORCID, f"https://orcid.org/{ORCID}", "josiah"])
def test_a_person_is_found_with_what_they_did(pages: TestClient, name: str) -> None:
    found = pages.get("/api/search", params={"q": name}).json()
    assert [(person["name"], person["runs"]) for person in found["people"]] == [("Josiah Carberry", 3)]
    assert found["jobs_in_all"] == 11


def test_part_of_a_name_is_listed_by_kind(pages: TestClient) -> None:
    page = pages.get("/search", params={"q": "cells"})
    assert "<h2>Things (1 of 1)</h2>" in page.text
    assert "results/51/cells.ome.zarr</a>" in page.text
    found = pages.get("/api/search", params={"q": "measure"}).json()
    assert ({job["rule"] for job in found["jobs"]}, found["jobs_in_all"]) == ({"measure"}, 2)
    assert [run["id"][:8] for run in pages.get("/api/search", params={"q": "project/again"}).json()["runs"]] == [
        "00000003"
    ]


def test_a_path_of_several_folders_is_not_guessed_at(pages: TestClient, web_catalogue: Catalogue) -> None:
    elsewhere = f"again/{LABELS}"
    assert meant(pages, elsewhere) == ("/thing", elsewhere)  # below the folder in which the catalogue stands
    found = pages.get("/api/search", params={"q": "nuclei.parquet"}).json()
    assert sorted(thing["place"] for thing in found["things"]) == [
        str(web_catalogue.folder / "again/results/ihc/nuclei.parquet"),
        str(web_catalogue.folder / "results/ihc/nuclei.parquet"),
    ]


def test_the_start_of_several_names_and_of_none_says_what_to_do(pages: TestClient) -> None:
    several = pages.get("/api/search", params={"q": "0000000"}).json()
    assert "is the start of 3 names" in several["remarks"][0]
    assert len(several["runs"]) == 3
    nothing = pages.get("/search", params={"q": "nothing-like-it"})
    assert "Nothing is called so. It was looked for as: path, digest, IRI, OMERO image, run;" in nothing.text
    assert "Write a path as the run saw it" in nothing.text
    assert pages.get("/search?q=").status_code == 200


@pytest.mark.parametrize(
    "word", ["\x00", "\ud800".encode("utf-8", "surrogatepass"), "=", "~~~", "a" * 2000, "'\"<script>"]
)
def test_no_word_is_a_fault(pages: TestClient, word: str | bytes) -> None:
    assert pages.get("/search", params={"q": word}).status_code in (200, 400)  # type: ignore[dict-item]
    assert pages.get("/thing", params={"thing": word}).status_code in (400, 404)  # type: ignore[dict-item]
