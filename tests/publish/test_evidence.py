"""A bundle of evidence holds what a result rests on, answers first, and is checked without the catalogue it is from."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from filiation.crate.seals import Signer, seal_crate, verify_crate
from filiation.crate.validation import validate
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.lineage import Ledger
from filiation.lineage.story import tell
from filiation.publish.evidence import write_evidence
from tests.lineage.crates import CrateBuilder, nuclei_run

LABELS = "results/ihc/nuclei.ome.zarr"


class Page(HTMLParser):
    """What a browser would make of a page: tags, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.addresses += [str(value) for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrateBuilder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    built = nuclei_run(tmp_path)
    ledger = Ledger(tmp_path)
    ledger.ingest(built.write(tmp_path / "crate"))
    return built


def test_what_a_label_image_comes_from_is_told_in_sentences(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second, third = tell(ledger.trace(LABELS))
    assert first.startswith(f"{LABELS} was made on 20")
    assert "by Josiah Carberry" in first
    assert (
        "in the step segment, with method = otsu, sigma = 1.0 (asked for: 2), from results/ihc/image.ome.zarr." in first
    )
    assert "in the step fetch, from skimage:immunohistochemistry." in second
    assert third.startswith(
        "skimage:immunohistochemistry is the image that it all began with: nothing recorded made it"
    )


def test_a_bundle_gives_the_same_answer_in_a_catalogue_of_its_own(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    report = write_evidence(ledger, LABELS, tmp_path / "evidence", with_data=True)
    asked = ledger.trace(LABELS)
    assert (report.things, report.jobs, [crate.run for crate in report.crates]) == (3, 2, [run.id])
    assert report.data == "data/nuclei.ome.zarr"
    bundle = tmp_path / "elsewhere" / "evidence"
    shutil.copytree(report.target, bundle)
    for left in (".filiation", "results", "evidence"):
        shutil.rmtree(tmp_path / left)
    (tmp_path / "elsewhere" / ".filiation").mkdir()
    ledger = Ledger(tmp_path / "elsewhere")
    ledger.ingest(bundle / "crates" / run.id)
    again = ledger.trace(str(bundle / "data" / "nuclei.ome.zarr"))
    assert again.to_json()["nodes"] == asked.to_json()["nodes"]
    assert json.loads((bundle / "lineage.json").read_text())["nodes"] == asked.to_json()["nodes"]
    assert "nuclei.ome.zarr" in (bundle / "lineage.txt").read_text()
    assert (bundle / "lineage.provn").read_text().startswith("document")


@pytest.mark.slow
def test_a_bundle_is_a_valid_crate_that_is_sealed_like_any_other(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    bundle = write_evidence(ledger, LABELS, tmp_path / "evidence").target
    assert validate(bundle, profile="ro-crate-1.1").valid
    seal_crate(bundle, Signer("Ada"))
    assert not verify_crate(bundle).seals[0].differences
    (bundle / "index.html").write_text("nothing")
    assert [found.path for found in verify_crate(bundle).seals[0].differences] == ["index.html"]


def test_the_page_answers_first_and_leads_to_every_record(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    report = write_evidence(ledger, LABELS, tmp_path / "evidence", with_data=True)
    text = (report.target / "index.html").read_text()
    page = Page(text)
    assert text.index("was made on") < text.index("<img") < text.index("<table>")
    assert "script" not in page.tags
    for address in page.addresses:
        if not address.startswith(("data:image/svg+xml;base64,", "https://w3id.org/ro/crate")):
            assert (report.target / address).exists() or address.endswith("ro-crate-preview.html"), address
    assert f"run {run.id[:8]}" in page.text


def test_no_name_becomes_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    hostile = "results/<script>alert(1)<\\script>\"'><img src=x onerror=alert(2)>.txt"
    built = CrateBuilder(tmp_path)
    built.job(
        "<svg onload=alert(3)>",
        (),
        {hostile: "x"},
        parameters={"<b>p": {"value": "</td>", "requestedValue": '"</td>"', "usedValue": '"<script>"'}},
    )
    ledger = Ledger(tmp_path)
    ledger.ingest(built.write(tmp_path / "crate"))
    report = write_evidence(ledger, hostile, tmp_path / "evidence", with_data=True)
    page = Page((report.target / "index.html").read_text())
    assert {"script", "svg", "b"}.isdisjoint(page.tags)
    assert page.tags.count("img") == 1
    assert "<svg onload=alert(3)>" in page.text


def test_what_the_records_leave_open_is_in_the_bundle(run: CrateBuilder, tmp_path: Path) -> None:
    crate = tmp_path / "crate" / run.id
    metadata = crate / "ro-crate-metadata.json"
    document = json.loads(metadata.read_text())
    for entity in document["@graph"]:
        if entity.get("@type") == "CreateAction":
            entity.pop("agent", None)
    metadata.write_text(json.dumps(document))
    ledger = Ledger(tmp_path)
    ledger.ingest(crate)
    report = write_evidence(ledger, LABELS, tmp_path / "evidence")
    assert any(gap.startswith("no agent: ") for gap in report.gaps)
    assert report.gaps[0] in Page((report.target / "index.html").read_text()).text


def test_what_cannot_be_bundled_leaves_nothing_behind(run: CrateBuilder, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    ledger = Ledger(tmp_path)
    with pytest.raises(NotFoundError):
        write_evidence(ledger, "nothing", tmp_path / "evidence")
    with pytest.raises(BadInputError, match="exists already"):
        write_evidence(ledger, LABELS, tmp_path / "crate")
    with pytest.raises(BadInputError, match="leave out --with-data"):
        write_evidence(ledger, "skimage:immunohistochemistry", tmp_path / "evidence", with_data=True)
    (tmp_path / LABELS / "0/c/0/1").write_text("other")
    with pytest.raises((ChangedError, NotFoundError)):
        write_evidence(ledger, f"{run.iri}work/{LABELS}", tmp_path / "evidence", with_data=True)
    shutil.rmtree(tmp_path / ".filiation" / "crates" / run.id)
    with pytest.raises(NotFoundError):
        write_evidence(ledger, f"{run.iri}work/{LABELS}", tmp_path / "evidence")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
