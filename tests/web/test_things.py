"""A thing's page answers first, then shows what lies around it, then the evidence; and says in what state it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from filiation.crate.seals import Signer, seal_crate
from filiation.crate.seals.ssh import SIGNERS_VARIABLE
from filiation.lineage import Ledger
from filiation.web.application import create_app
from filiation.web.settings import Limits, WebSettings
from filiation.web.states import States
from tests.web.conftest import LABELS, OMERO_IMAGE, Catalogue, asking, make_catalogue

CELLS = "results/51/cells.ome.zarr"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return make_catalogue(tmp_path / "project")


def test_the_first_sentence_says_when_by_whom_from_what_and_how(pages: TestClient) -> None:
    told = pages.get("/api/thing", params={"thing": CELLS}).json()
    assert told["headline"] == (
        "Made on 2026-03-01 00:22:40 UTC by Josiah Carberry from image 51 on omero.example.org, "
        "with scikit-image 0.26.0 and diameter = 30."
    )
    assert told["descends_from"] == {"things": 3, "jobs": 2, "runs": 1}
    assert told["people"] == [{"name": "Josiah Carberry", "id": "https://orcid.org/0000-0002-1825-0097"}]
    page = pages.get("/thing", params={"thing": CELLS}).text
    assert page.index(told["headline"]) < page.index('id="around"') < page.index('id="evidence"')


def test_the_evidence_names_failed_attempts_parameters_and_the_record(
    pages: TestClient, web_catalogue: Catalogue
) -> None:
    told = pages.get("/api/thing", params={"thing": CELLS}).json()
    (made,) = told["made_by"]
    assert (made["job"]["attempt"], [each["error"] for each in made["failed"]]) == (
        2, ["the graphics card has no memory left"],
    )  # fmt: skip
    (crate,) = told["crates"]
    assert crate["run"]["id"] == web_catalogue.omero.id
    page = pages.get("/thing", params={"thing": LABELS}).text
    assert "<td>1.0</td><td>2</td>" in page  # sigma, as used and as asked for
    assert "python segment.py" in page
    assert "None: nobody has stated what it holds." in page
    record = pages.get("/crate", params={"run": web_catalogue.nuclei.id})
    assert record.headers["content-disposition"] == "attachment; filename*=UTF-8''ro-crate-metadata.json"
    assert record.headers["content-security-policy"].startswith("sandbox")
    assert record.json()["@graph"]


def test_the_table_of_steps_needs_no_script_and_goes_as_deep_as_the_address_says(pages: TestClient) -> None:
    near = pages.get("/thing", params={"thing": LABELS})
    assert "depth=2#graph" in near.text
    assert OMERO_IMAGE not in near.text
    for depth, jobs in ((0, 0), (1, 3), (2, 4)):
        told = pages.get("/api/thing", params={"thing": LABELS, "depth": depth}).json()["around"]
        assert sum(node["type"] == "action" for node in told["nodes"]) == jobs
    assert pages.get("/thing", params={"thing": LABELS, "depth": 7}).status_code == 400


def test_a_job_has_a_page_too(pages: TestClient, web_catalogue: Catalogue) -> None:
    page = pages.get("/thing", params={"thing": web_catalogue.omero.action_iri(2)})
    assert "the graphics card has no memory left" in page.text
    assert "What this job did" in page.text


def test_a_run_that_is_asked_for_as_a_thing_leads_to_its_own_page(pages: TestClient, web_catalogue: Catalogue) -> None:
    answer = pages.get("/thing", params={"thing": web_catalogue.nuclei.id[:8]}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/run?run={web_catalogue.nuclei.id}")


def test_what_stands_for_several_things_lists_them(pages: TestClient, web_catalogue: Catalogue) -> None:
    digest = pages.get("/api/thing", params={"thing": "results/ihc/image.ome.zarr"}).json()["node"]["digest"]
    told = pages.get("/api/thing", params={"thing": digest}).json()
    assert sorted(told["iris"]) == [
        run.iri_of("results/ihc/image.ome.zarr") for run in (web_catalogue.nuclei, web_catalogue.again)
    ]
    assert [seen["place"] for seen in told["seen"]] == [
        str(web_catalogue.folder / folder / "results/ihc/image.ome.zarr") for folder in ("again", ".")
    ]
    assert f"{digest} stands for 2 things, each with a page of its own:" in pages.get(f"/thing?thing={digest}").text


def test_a_remote_image_is_told_by_its_server_and_not_asked_for(pages: TestClient) -> None:
    told = pages.get("/api/thing", params={"thing": "Image:51"}).json()
    assert told["state"]["standing"] == "elsewhere"
    assert told["headline"] is None
    assert pages.get("/check", params={"thing": "Image:51"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../../journals", "seal/../ro-crate-metadata.json", "work", "", "a\0b"]
)
def test_nothing_but_plain_files_of_a_crate_is_handed_out(
    pages: TestClient, web_catalogue: Catalogue, path: str
) -> None:
    answer = pages.get("/crate", params={"run": web_catalogue.nuclei.id, "path": path})
    assert answer.status_code == 404


def test_no_link_leads_out_of_a_crate(catalogue: Catalogue) -> None:
    crate = catalogue.folder / ".filiation" / "crates" / catalogue.nuclei.id
    (crate / "work" / "link.txt").symlink_to("/etc/hostname")
    (crate / "elsewhere").symlink_to("/etc")
    with asking(create_app(WebSettings(catalogue.folder))) as pages:
        for path in ("work/link.txt", "elsewhere/hostname"):
            assert pages.get("/crate", params={"run": catalogue.nuclei.id, "path": path}).status_code == 404


def test_what_was_not_read_again_is_said_and_reading_it_says_more(catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(catalogue.folder))) as pages:
        assert pages.get("/api/thing", params={"thing": LABELS}).json()["state"]["standing"] == "not looked at"
        checked = pages.get("/api/check", params={"thing": LABELS}).json()["state"]
        assert (checked["standing"], checked["why"]) == (
            "unsigned", "Every byte was read again and is as it was recorded.",
        )  # fmt: skip
        assert "has no seal" in checked["seal"]
        assert pages.get("/api/thing", params={"thing": LABELS}).json()["state"]["standing"] == "unsigned"  # remembered

        chunk = catalogue.folder / LABELS / "0/c/0/0"
        chunk.write_text("other labels")
        changed = pages.get("/api/check", params={"thing": LABELS}).json()["state"]
        assert changed["standing"] == "changed"
        assert str(chunk) in changed["why"]
        shutil.rmtree(catalogue.folder / LABELS)
        gone = pages.get("/api/thing", params={"thing": LABELS}).json()["state"]
        assert (gone["standing"], gone["why"]) == (
            "missing", f"There is nothing at {catalogue.folder / LABELS} any more.",
        )  # fmt: skip
        table = catalogue.folder / "results/ihc/nuclei.parquet"
        table.write_text("longer than what was there")
        grown = pages.get("/api/thing", params={"thing": str(table)}).json()["state"]
        assert (grown["standing"], grown["why"]) == ("changed", "There are 26 bytes, and 9 were recorded.")


def test_what_is_signed_and_unchanged_is_verified_until_the_record_changes(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crate = catalogue.folder / ".filiation" / "crates" / catalogue.nuclei.id
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", key], check=True)
    seal_crate(crate, Signer("Ada", None, key))
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    monkeypatch.setenv(SIGNERS_VARIABLE, str(signers))
    with asking(create_app(WebSettings(catalogue.folder))) as pages:
        page = pages.get("/thing", params={"thing": LABELS}).text
        assert "Ada stands for it as “made”" in page
        state = pages.get("/api/check", params={"thing": LABELS}).json()["state"]
        assert (state["standing"], "ada@example.org" in state["seal"]) == ("verified", True)
        (crate / "work" / "Snakefile").write_text("# another workflow\n")
        state = pages.get("/api/check", params={"thing": LABELS}).json()["state"]
        assert state["standing"] == "record changed"


def test_what_a_later_run_wrote_again_is_told(catalogue: Catalogue) -> None:
    from tests.lineage.crates import nuclei_run

    first = f"{catalogue.nuclei.id[:8]}:{LABELS}"
    nuclei_run(catalogue.folder, number=9, sigma=4.0).write(catalogue.folder / ".filiation" / "crates")
    Ledger(catalogue.folder).runs()
    with asking(create_app(WebSettings(catalogue.folder))) as pages:
        state = pages.get("/api/thing", params={"thing": first}).json()["state"]
        assert (state["standing"], state["why"]) == (
            "replaced", "Run 00000009 has written something else at its place since.",
        )  # fmt: skip


def test_one_thing_is_read_again_at_a_time(web_catalogue: Catalogue) -> None:
    app = create_app(WebSettings(web_catalogue.folder))
    states: States = app.state.states
    with asking(app) as pages, states.reading():
        busy = pages.get("/api/check", params={"thing": LABELS})
        assert (busy.status_code, busy.json()["error"]) == (
            503, "Something is being read again for somebody just now. Ask in a moment.",
        )  # fmt: skip
        assert pages.get("/thing", params={"thing": LABELS}).status_code == 200


def test_a_page_reads_no_more_than_it_may(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, limits=Limits(checked_bytes=10)))) as pages:
        refused = pages.get("/api/check", params={"thing": LABELS})
        assert (refused.status_code, refused.json()["error"]) == (
            400, "It has more than the 10 B that a page reads again. On the command line: filiation check",
        )  # fmt: skip
