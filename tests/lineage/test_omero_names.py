"""Objects in OMERO by the names that people have for them, on servers that keep, change or take over a name."""

from __future__ import annotations

import pytest

from filiation.catalogue import Catalogue
from filiation.crate.image_metadata import IMAGE_TYPE, expanded
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger
from filiation.lineage.audit_findings import AuditFinding, Severity
from filiation.lineage.omero_names import omero_name
from tests.lineage.crates import CrateBuilder

ONE, OTHER = "5f0b8a52-0000-4000-8000-000000000001", "5f0b8a52-0000-4000-8000-000000000002"
WEB = "https://web.example.org"
IS_PART_OF = "http://purl.org/dc/terms/isPartOf"


@pytest.fixture
def ledger(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(catalogue.folder.root.parent)
    return Ledger(catalogue.folder.root)


def read(
    ledger: Ledger, number: int, image: str, pixels: str = "0", database: str | None = ONE, url: str | None = None
) -> CrateBuilder:
    """Add a run that read an image and made a file of it."""
    run = CrateBuilder(ledger.folder.parent, number)
    run.thing(
        image,
        pixelDigest=pixels if ":" in pixels else pixels * 64,
        **server_facts(database),
        **({"url": url} if url else {}),
    )
    if database:
        run.graph[f"urn:uuid:{database}"] = {"@id": f"urn:uuid:{database}", "@type": "DataCatalog"}
    run.job("use", (image,), {f"made-{number}.txt": f"{number}"})
    run.write(ledger.folder / "crates")
    return run


def server_facts(database: str | None) -> dict[str, object]:
    return {"isPartOf": {"@id": f"urn:uuid:{database}"}, "originalFileCount": 0} if database else {}


def filed(ledger: Ledger, number: int, image: str, dataset: int, project: int, database: str = ONE) -> None:
    """Add a run that read an image which was in a dataset of a project, as filiation's crates tell it."""
    host = image.partition("/Image/")[0]
    run = read(ledger, number, image, str(number), database)
    run.graph[image] |= {
        "@type": ["CreativeWork", expanded(IMAGE_TYPE)], IS_PART_OF: {"@id": f"{host}/Dataset/{dataset}"},
    }  # fmt: skip
    run.graph[f"{host}/Dataset/{dataset}"] = {
        "@id": f"{host}/Dataset/{dataset}", "@type": "Collection", IS_PART_OF: {"@id": f"{host}/Project/{project}"},
    }  # fmt: skip
    run.graph[f"{host}/Project/{project}"] = {"@id": f"{host}/Project/{project}", "@type": "Collection"}
    run.write(ledger.folder / "crates")


def remote(ledger: Ledger) -> dict[str, AuditFinding]:
    """Return what an audit says of images outside, by kind."""
    kinds = ("another-server", "renamed-server", "image-changed", "same-pixels")
    return {finding.kind: finding for finding in ledger.audit().findings if finding.kind in kinds}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "Image:51@omero.example.org", "image:51@OMERO.example.org:14064", "Image:51", "https://omero.example.org/Image/51",
        "omero://omero.example.org/image/51", "omero://omero.example.org:14064/Image/51",
        f"{WEB}/webclient/?show=image-51", f"{WEB}/omero/webclient/?show=image-51&x=1",
    ],
)  # fmt: skip
def test_an_image_is_found_by_every_name_that_people_have_for_it(ledger: Ledger, name: str):
    read(ledger, 1, "https://omero.example.org/Image/51")

    found = ledger.impact(name)

    assert {entity.path for entity in found.entities} == {"https://omero.example.org/Image/51", "made-1.txt"}
    assert (found.note is None) is (WEB not in name)


@pytest.mark.slow
def test_a_link_of_a_page_that_no_record_tells_of_is_said_to_be_taken_for_the_known_server(ledger: Ledger):
    read(ledger, 1, "https://omero.example.org/Image/51", url=f"{WEB}/webclient/?show=image-51")

    assert ledger.impact(f"{WEB}/webclient/?show=image-51").note is None
    assert (
        "The link is of other.example.org, which no record tells of; it is taken for a page of omero.example.org"
        in (ledger.impact("https://other.example.org/webclient/?show=image-51").note or "")
    )


def test_names_of_other_things_are_left_to_others():
    for name in ("results/Image:51", "Image:x", "Roi:5@server", "skimage:cells", f"{WEB}/webclient/", "Image:0@server"):
        assert omero_name(name) is None


def test_a_link_that_shows_several_objects_is_refused():
    with pytest.raises(BadInputError, match=r"shows 2 objects; ask for one: image-51, image-52\."):
        omero_name(f"{WEB}/webclient/?show=image-51|image-52")


@pytest.mark.slow
def test_a_number_on_two_servers_has_to_be_named_with_one(ledger: Ledger):
    read(ledger, 1, "https://omero.example.org/Image/51", url=f"{WEB}/webclient/?show=image-51")
    read(ledger, 2, "https://other.example.org/Image/51", pixels="1", database=OTHER)

    with pytest.raises(BadInputError) as caught:
        ledger.impact("Image:51")

    assert str(caught.value) == (
        "Image:51 is known on 2 servers. Name one: Image:51@omero.example.org, Image:51@other.example.org."
    )
    for name, made in {
        "Image:51@other.example.org": "made-2.txt",
        f"{WEB}/webclient/?show=image-51": "made-1.txt",
    }.items():
        assert [entity.path for entity in ledger.impact(name).entities if entity.generated] == [made]
    assert not remote(ledger)


@pytest.mark.slow
def test_an_unknown_image_is_told_with_what_is_known(ledger: Ledger):
    with pytest.raises(
        NotFoundError, match=r"knows nothing of Image:51: no run that was tracked used an image in OMERO"
    ):
        ledger.trace("Image:51")
    for number in range(1, 8):
        read(ledger, number, f"https://omero.example.org/Image/{number}", pixels=str(number))

    with pytest.raises(NotFoundError) as caught:
        ledger.trace("Image:51@omero.example.org")
    assert str(caught.value) == (
        "No run that was tracked used or made Image:51@omero.example.org. Known are Image:1@omero.example.org, "
        "Image:2@omero.example.org, Image:3@omero.example.org, Image:4@omero.example.org, Image:5@omero.example.org "
        "and 2 more. `filiation omero audit` lists images that were never analysed."
    )
    with pytest.raises(
        NotFoundError, match=r"nothing of the server elsewhere; it knows images of omero\.example\.org\."
    ):
        ledger.trace("Image:1@elsewhere")


@pytest.mark.slow
def test_one_id_with_other_pixels_is_told_with_digests_runs_and_times(ledger: Ledger):
    image = "https://omero.example.org/Image/51"
    read(ledger, 1, image)
    read(ledger, 2, image, pixels="1")
    read(ledger, 3, image, pixels="1", database=None)

    finding = remote(ledger)["image-changed"]

    assert (finding.severity, finding.where) == (Severity.SERIOUS, image)
    assert finding.evidence == (
        f"pixels1:{'0' * 64}: run 00000001 of 2026-03-01 00:10:00 UTC",
        f"pixels1:{'1' * 64}: run 00000002 of 2026-03-01 00:20:00 UTC, run 00000003 of 2026-03-01 00:30:00 UTC",
    )
    assert ledger.impact("Image:51").note == (
        "Runs read 2 different images under this id; `filiation audit` says which run read which."
    )


@pytest.mark.slow
def test_pixels_digested_by_two_versions_are_not_told_as_changed(ledger: Ledger):
    image = "https://omero.example.org/Image/51"
    read(ledger, 1, image)
    read(ledger, 2, image, pixels=f"pixels2:{'1' * 64}")

    assert "image-changed" not in remote(ledger)
    assert "different images" not in str(ledger.impact("Image:51").note)
    assert [each.path for each in ledger.trace(f"pixels2:{'1' * 64}").nodes] == [image]


@pytest.mark.slow
def test_the_same_pixels_under_two_ids_are_noted(ledger: Ledger):
    read(ledger, 1, "https://omero.example.org/Image/51")
    read(ledger, 2, "https://omero.example.org/Image/52")

    finding = remote(ledger)["same-pixels"]

    assert finding.severity is Severity.NOTE
    assert finding.evidence[0] == f"pixels1:{'0' * 64}"
    assert finding.evidence[2] == "https://omero.example.org/Image/52: run 00000002 of 2026-03-01 00:20:00 UTC"


@pytest.mark.slow
def test_another_server_under_the_old_name_is_serious_and_no_changed_image(ledger: Ledger):
    image = "https://omero.example.org/Image/51"
    read(ledger, 1, image)
    read(ledger, 2, image, pixels="1", database=OTHER)

    findings = remote(ledger)

    assert set(findings) == {"another-server"}
    assert findings["another-server"].severity is Severity.SERIOUS
    assert findings["another-server"].evidence == (
        f"database {ONE}: 1 image, run 00000001 of 2026-03-01 00:10:00 UTC",
        f"database {OTHER}: 1 image, run 00000002 of 2026-03-01 00:20:00 UTC",
    )
    assert "2 servers answered under this name" in str(ledger.impact("Image:51").note)


@pytest.mark.slow
def test_a_renamed_server_is_one_server_under_all_its_names(ledger: Ledger):
    read(ledger, 1, "https://old.example.org/Image/51")
    read(ledger, 2, "https://new.example.org/Image/51")

    for name in ("Image:51", "Image:51@old.example.org", "Image:51@new.example.org"):
        found = ledger.impact(name)
        assert {entity.path for entity in found.entities if entity.generated} == {"made-1.txt", "made-2.txt"}
        assert "known by several names" in str(found.note)
    assert set(remote(ledger)) == {"renamed-server"}
    assert remote(ledger)["renamed-server"].severity is Severity.NOTE


@pytest.mark.slow
def test_a_dataset_or_project_stands_for_the_images_that_were_in_it(ledger: Ledger):
    for number in (1, 2, 3):
        filed(ledger, number, f"https://omero.example.org/Image/{number}", 12 if number < 3 else 13, 7)

    for name, made in {
        "Dataset:12": {1, 2},
        "dataset:13@omero.example.org": {3},
        "omero://omero.example.org/project/7": {1, 2, 3},
        f"{WEB}/webclient/?show=dataset-12": {1, 2},
    }.items():
        found = ledger.impact(name)
        assert {entity.path for entity in found.entities if entity.generated} == {f"made-{each}.txt" for each in made}
    assert ledger.impact("Dataset:12").note == (
        "2 images were in Dataset:12@omero.example.org when runs read them; what else was in it is not known."
    )


@pytest.mark.slow
def test_an_unknown_dataset_is_told_with_what_is_known(ledger: Ledger):
    read(ledger, 9, "https://omero.example.org/Image/9", pixels="9")
    with pytest.raises(NotFoundError, match=r"in Dataset:4@omero\.example\.org\. Of no image it is recorded"):
        ledger.impact("Dataset:4@omero.example.org")
    filed(ledger, 1, "https://omero.example.org/Image/1", 12, 7)
    filed(ledger, 2, "https://other.example.org/Image/1", 12, 7, OTHER)

    with pytest.raises(NotFoundError, match=r"in Dataset:4\. Known are Dataset:12@omero\.example\.org, Dataset:12@oth"):
        ledger.impact("Dataset:4")
    with pytest.raises(BadInputError, match=r"Name one: Dataset:12@omero\.example\.org, Dataset:12@other"):
        ledger.trace("Dataset:12")
