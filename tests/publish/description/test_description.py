"""A crate is described as it says itself; what it does not say is told, and nothing is made up."""

from __future__ import annotations

import json
import shutil
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.errors import InvalidCrateError, NotFoundError
from filiation.publish.description import (
    Creator,
    Description,
    Grant,
    Licence,
    Missing,
    Organisation,
    Related,
    Subject,
    describe_crate,
    metadata_of,
)
from filiation.publish.description.names import address_of, doi_of, identified, orcid_of, ror_of, spdx_of
from tests.crate.minimal import entity, ref
from tests.publish.full_crate import (
    ADA,
    ARTICLE,
    CALTECH,
    CONFOCAL,
    FUNDER,
    IMAGE,
    REPOSITORY,
    described,
    published_crate,
)

TODAY = date(2026, 6, 1)
OBO = "http://purl.obolibrary.org/obo"


def of(folder: Path, document: dict[str, Any]) -> Description:
    return describe_crate(published_crate(folder / "crate", document), TODAY)


def with_root(**changes: Any) -> dict[str, Any]:
    document = described()
    root = entity(document, "./")
    root |= changes
    for name in [name for name, value in changes.items() if value is None]:
        del root[name]
    return document


def test_everything_that_a_crate_says_is_in_its_description(tmp_path: Path) -> None:
    institute = Organisation("An institute", CALTECH, "https://institute.example.org/")
    found = of(tmp_path, described())
    assert (found.title, found.description) == (
        "Nuclei of day 1",
        "Label images of nuclei, <b>segmented</b> & measured.",
    )
    assert found.creators == (
        Creator("Josiah Carberry", orcid=ADA, affiliations=(institute,)),
        Creator("Grace Hopper", "Grace", "Hopper", "https://orcid.org/0000-0001-5109-3700", affiliations=(institute,)),
    )
    assert found.contributors == (Creator("The curators", is_person=False, role="DataCurator"),)
    assert (found.published, found.embargo, found.created) == ("2026-01-02", None, "2025-12-24")
    assert found.temporal == "2025-12-01/2025-12-24"
    assert found.licence == Licence("CC BY 4.0", "CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/")
    assert found.keywords == ("nuclei", "segmentation")
    assert found.subjects[0] == Subject("confocal microscopy", CONFOCAL, "FBbi", f"{OBO}/fbbi.owl")
    assert found.subjects[1].iri == f"{OBO}/NCBITaxon_9606"
    assert (found.version, found.language, found.publisher) == ("1.2.0", "en", institute)
    funder = Organisation("A funder", FUNDER)
    assert found.grants == (Grant(funder, "N-42", "Nuclei for all", "https://funder.example.org/N-42"),)
    assert found.related == (
        Related("Cites", "10.1000/nuclei", "DOI", "On nuclei", "JournalArticle"),
        Related("IsDerivedFrom", IMAGE, "URL", "cells", "Image"),
        Related("IsCompiledBy", REPOSITORY, "URL", "Snakefile", "Workflow"),
    )
    assert (found.resource_type, found.kind) == ("Dataset", "Workflow Run RO-Crate")
    assert found.formats == ("application/vnd.zarr; version=3", "text/markdown", "text/plain")
    assert found.workflow is not None
    assert (found.workflow.path, found.workflow.language, found.workflow.repository) == (
        "work/Snakefile",
        "Snakemake",
        REPOSITORY,
    )
    assert found.missing == ()
    assert json.loads(json.dumps(found.to_json()))["creators"][1]["family"] == "Hopper"


def test_a_folder_a_zip_and_an_eln_are_described_alike(tmp_path: Path) -> None:
    folder = published_crate(tmp_path / "crate")
    at_top = shutil.make_archive(str(tmp_path / "top"), "zip", folder)
    below = Path(shutil.make_archive(str(tmp_path / "below"), "zip", tmp_path, "crate")).rename(tmp_path / "c.eln")
    expected = describe_crate(folder)
    assert describe_crate(Path(at_top)) == describe_crate(below) == expected
    assert (expected.files, expected.size) == (8, sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()))
    assert metadata_of(below) == metadata_of(folder)


def test_what_a_crate_does_not_say_is_told_and_not_made_up(tmp_path: Path) -> None:
    bare = {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": ref("./")},
            {"@id": "./", "@type": "Dataset", "license": ref("#no-licence-stated"), "author": ref("#me")},
            {"@id": "#me", "@type": "Person", "name": "root", "affiliation": "A laboratory"},
        ],
    }
    found = of(tmp_path, bare)
    assert {(one.field, one.why) for one in found.missing} == {
        ("title", "the crate's own entity has no 'name'"),
        ("description", "the crate's own entity has no 'description'"),
        ("published", "the crate's own entity has no 'datePublished'"),
        ("licence", "the crate's own entity has no 'license', or none that can be read: {'@id': '#no-licence-stated'}"),
        ("publisher", "the crate's own entity has no 'publisher'"),
        ("keywords", "the crate's own entity has no 'keywords'"),
        ("creators", "root has no ORCID"),
        ("creators", "A laboratory, where root works, has no ROR"),
    }
    assert found.creators == (Creator("root", affiliations=(Organisation("A laboratory"),)),)
    assert (found.title, found.licence, found.published, found.workflow) == ("", None, None, None)


def test_a_date_in_the_future_is_an_embargo(tmp_path: Path) -> None:
    assert of(tmp_path, with_root(datePublished="2027-01-01")).embargo == "2027-01-01"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("2026-02-30", None), ("2026-02", "2026-02"), ("2026", "2026"), ("soon", None), (["2026-01-02"], "2026-01-02")],
)
def test_only_days_that_there_are_become_dates(tmp_path: Path, stated: object, expected: str | None) -> None:
    assert of(tmp_path, with_root(datePublished=stated)).published == expected


def test_names_of_people_are_split_only_where_a_form_insists() -> None:
    assert Creator("Hopper, Grace").split_name() == ("Grace", "Hopper")
    assert Creator("Grace Brewster Hopper").split_name() == ("Grace Brewster", "Hopper")
    assert Creator("whoever", "Grace", "Hopper").split_name() == ("Grace", "Hopper")
    assert Creator("root").split_name() == ("", "root")


def test_a_licence_that_spdx_does_not_list_keeps_its_name_and_is_told(tmp_path: Path) -> None:
    found = of(tmp_path, with_root(license="Ask Ada before use"))
    assert found.licence == Licence("Ask Ada before use")
    assert found.missing == (Missing("licence", "'Ask Ada before use' is no licence that SPDX lists"),)


@pytest.mark.parametrize(
    ("stated", "spdx"),
    [
        ("https://spdx.org/licenses/BSD-3-Clause", "BSD-3-Clause"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode", "CC-BY-NC-SA-4.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opendatacommons.org/licenses/odbl/1-0/", "ODbL-1.0"),
        ("cc0", "CC0-1.0"),
        ("CC-BY-9.0", None),
        ("https://example.org/licence", None),
    ],
)
def test_licences_are_known_by_address_and_name(stated: str, spdx: str | None) -> None:
    assert spdx_of(stated) == spdx


def test_identifiers_are_believed_only_if_their_check_digits_are_right(tmp_path: Path) -> None:
    document = with_root(
        author=ref("https://orcid.org/0000-0002-1825-0098"), publisher=ref("https://ror.org/05dxps056")
    )
    document["@graph"] += [{"@id": "https://orcid.org/0000-0002-1825-0098", "@type": "Person", "name": "Ada"}]
    found = of(tmp_path, document)
    assert found.creators == (Creator("Ada"),)
    assert found.publisher is None
    assert ("creators", "Ada has no ORCID") in {(one.field, one.why) for one in found.missing}


def test_addresses_that_lead_nowhere_good_are_left_out(tmp_path: Path) -> None:
    document = with_root(
        citation=[ref("javascript:alert(1)"), ref("https://ada:secret@example.org/a"), ref("file:///etc/passwd")],
        url="data:text/html,x",
    )
    found = of(tmp_path, document)
    assert found.related[0] == Related("Cites", "https://example.org/a", "URL")
    assert found.url is None
    assert "secret" not in json.dumps(found.to_json())
    assert not any("javascript" in one.identifier or "passwd" in one.identifier for one in found.related)


def test_texts_lose_what_cannot_be_seen(tmp_path: Path) -> None:
    hostile = with_root(name="nuc\x1b[31mlei\u202e\n of day 1", description="a\x00b\nc", keywords="one, two ,,one")
    found = of(tmp_path, hostile)
    assert (found.title, found.description, found.keywords) == ("nuc[31mlei of day 1", "ab\nc", ("one", "two"))


def test_values_of_unexpected_kinds_do_no_harm(tmp_path: Path) -> None:
    odd = [True, 7, None, {"@value": "text"}, {"@id": 3}, {"a": {"b": []}}, ["x", ["y"]], {"@id": "#cycle"}]
    for value in odd:
        document = described()
        root = entity(document, "./")
        for name in root:
            if not name.startswith("@"):
                root[name] = value
        document["@graph"].append({"@id": "#cycle", "@type": ["Person", 3], "affiliation": ref("#cycle")})
        shutil.rmtree(tmp_path / "crate", ignore_errors=True)
        assert isinstance(of(tmp_path, document), Description)


def test_people_described_in_place_and_with_whole_addresses_of_terms_are_read(tmp_path: Path) -> None:
    document = with_root(author=None)
    entity(document, "./")["https://schema.org/author"] = {
        "@type": "Person",
        "name": {"@value": "Ada", "@language": "en"},
    }
    assert of(tmp_path, document).creators == (Creator("Ada"),)


def test_an_image_named_by_its_omero_uri_gets_the_address_of_a_page(tmp_path: Path) -> None:
    document = described()
    for action in ("#run", "#job-1"):
        entity(document, action)["object"] = ref("omero://OMERO.example.org:4064/image/7")
    related = of(tmp_path, document).related
    assert [one.identifier for one in related if one.relation == "IsDerivedFrom"] == [
        "https://omero.example.org/Image/7"
    ]


def test_a_workflow_that_did_not_run_is_a_workflow(tmp_path: Path) -> None:
    document = described()
    document["@graph"] = [one for one in document["@graph"] if "Action" not in str(one["@type"])]
    found = of(tmp_path, document)
    assert (found.resource_type, found.kind) == ("Workflow", "Workflow RO-Crate")


def test_a_doi_of_the_crate_is_its_identifier(tmp_path: Path) -> None:
    document = with_root(identifier=["ni:///sha-256;abc", "https://doi.org/10.5281/ZENODO.1"])
    assert of(tmp_path, document).identifier == "10.5281/zenodo.1"


def test_what_is_no_crate_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No crate at"):
        describe_crate(tmp_path / "nothing")
    with pytest.raises(InvalidCrateError, match="is not a crate"):
        describe_crate(tmp_path)
    with zipfile.ZipFile(tmp_path / "no.zip", "w") as archive:
        archive.writestr("../ro-crate-metadata.json", "{}")
    with pytest.raises(InvalidCrateError, match="no path inside a folder"):
        describe_crate(tmp_path / "no.zip")
    published_crate(tmp_path / "crate", {"@context": [], "@graph": [{"@id": "#x"}]})
    with pytest.raises(InvalidCrateError, match="which entity is the crate itself"):
        describe_crate(tmp_path / "crate")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["./", "#a", ADA, ARTICLE, CALTECH]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["@id", "@type", "@value", "name", "affiliation", "funder"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
_NAMES = ("author", "funder", "funding", "license", "about", "keywords", "mainEntity", "datePublished", "identifier")


@pytest.mark.slow
@given(
    st.dictionaries(st.sampled_from(_NAMES), _JSON),
    st.lists(st.dictionaries(st.sampled_from(_NAMES), _JSON), max_size=3),
)
def test_whatever_a_crate_says_describing_it_ends_in_a_description(
    tmp_path_factory: pytest.TempPathFactory, root: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    graph = [{"@id": "./", "@type": "Dataset", **root}, *({"@id": "#a", **other} for other in others[:1])]
    place = tmp_path_factory.mktemp("any") / "ro-crate-metadata.json"
    place.write_text(json.dumps({"@context": [], "@graph": graph}))
    found = describe_crate(place.parent, TODAY)
    json.dumps(found.to_json()).encode()


@given(st.text())
def test_no_text_is_taken_for_an_identifier_that_it_is_not(text: str) -> None:
    for read in (orcid_of, ror_of, doi_of, spdx_of, identified, address_of):
        read(text)
    assert address_of(f"javascript:{text}") is None
