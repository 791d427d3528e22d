"""Results leave as one crate that tells all that the runs' crates tell of them, and nothing that is to stay."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.crate_on_disk import open_crate
from filiation.catalogue.reading import read_triples
from filiation.digest import digest_file, digest_tree
from filiation.errors import BadInputError, ChangedError, InvalidCrateError
from filiation.incoming.archives import CrateArchive
from filiation.lineage import Ledger
from filiation.publish.export import ExportSettings, export, plan_export
from filiation.publish.importing import import_crate
from tests.examples import examples
from tests.lineage.crates import CrateBuilder, nuclei_run
from tests.publish.packages.eln_check import faults_of

LABELS = "results/ihc/nuclei.ome.zarr"
TABLE = "results/ihc/nuclei.parquet"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrateBuilder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    built = nuclei_run(tmp_path)
    Ledger(tmp_path).ingest(built.write(tmp_path / "crate"))
    return built


def metadata(folder: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((folder / "ro-crate-metadata.json").read_text())
    return {node["@id"]: node for node in document["@graph"]}


def test_an_export_holds_the_jobs_that_led_to_a_result_and_no_others(run: CrateBuilder, tmp_path: Path) -> None:
    report = export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings())
    assert (report.jobs, report.runs[0].left_out) == (2, {"jobs": 2, "things": 2})
    nodes = metadata(tmp_path / "out")
    jobs = [node["name"] for node in nodes.values() if "jobNumber" in node]
    assert sorted(jobs) == ["fetch", "segment"]
    assert f"arcp://uuid,{run.id}/#job-2-attempt-1" in nodes
    assert nodes["./"]["mainEntity"] == {"@id": f"crates/{run.id}/work/Snakefile"}
    assert nodes["./"]["chosen"] == {"@id": f"crates/{run.id}/work/{LABELS}/"}
    assert f"#{run.id}/work/results/ihc/image.ome.zarr/" in nodes


def test_the_chosen_bytes_come_along_and_the_others_by_their_digest(run: CrateBuilder, tmp_path: Path) -> None:
    report = export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings())
    (carried,) = report.carried
    assert carried.path == LABELS
    assert carried.carried is not None
    assert digest_tree(tmp_path / "out" / carried.carried).digest == digest_tree(tmp_path / LABELS).digest
    image = metadata(tmp_path / "out")[f"#{run.id}/work/results/ihc/image.ome.zarr/"]
    assert image["treeDigest"] == digest_tree(tmp_path / "results/ihc/image.ome.zarr").digest.hex
    assert {thing.why for thing in report.things if not thing.carried} == {"not asked for"}


def test_what_would_go_is_told_before_and_too_much_is_refused(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    told = plan_export(ledger, [LABELS], tmp_path / "out", ExportSettings(data="all"))
    assert told.dry
    assert not (tmp_path / "out").exists()
    assert told.size == sum(digest_tree(tmp_path / f"results/ihc/{name}.ome.zarr").size for name in ("image", "nuclei"))
    with pytest.raises(BadInputError, match=f"{told.size} bytes of data would come along, and at most 3 may"):
        export(ledger, [LABELS], tmp_path / "out", ExportSettings(data="all", max_size=3))
    assert not list(tmp_path.glob(".out*"))


def test_changed_bytes_are_not_published(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    digest = str(digest_tree(tmp_path / LABELS).digest)
    (tmp_path / LABELS / "0/c/0/1").write_text("something else")
    with pytest.raises(ChangedError, match="is not what was recorded"):
        export(ledger, [digest], tmp_path / "out", ExportSettings())
    assert not (tmp_path / "out").exists()


def test_licences_that_contradict_each_other_are_refused_unless_somebody_says_why(
    run: CrateBuilder, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path)
    ledger.annotate("skimage:immunohistochemistry", "licence=CC BY-NC 4.0")
    chosen = ExportSettings(licence="CC-BY-4.0")
    with pytest.raises(BadInputError, match=r"CC-BY-NC-4.0 allows no commercial use; CC-BY-4.0 would allow it"):
        export(ledger, [LABELS], tmp_path / "out", chosen)
    allowed = ExportSettings(licence="CC-BY-4.0", allow_licence_conflict="The owner agreed on 1 March.")
    export(ledger, [LABELS], tmp_path / "out", allowed)
    assert metadata(tmp_path / "out")["./"]["licenceConflictAllowed"] == "The owner agreed on 1 March."
    assert plan_export(ledger, [LABELS], tmp_path, ExportSettings(licence="CC-BY-NC-4.0")).licences[0].kind == "unknown"


def without_places(told: Any) -> Any:
    """Return an answer without what differs between machines: where things lie, and how they were asked for."""
    if isinstance(told, dict):
        return {key: without_places(value) for key, value in told.items() if key not in ("place", "thing", "note")}
    return [without_places(item) for item in told] if isinstance(told, list) else told


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[CrateBuilder, CrateBuilder]:
    """Record a run, and another that goes on with what it made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    first = nuclei_run(tmp_path)
    second = CrateBuilder(tmp_path, 2)
    second.job("classify", (TABLE,), {"results/classes.csv": "nucleus,class\n1,mitotic\n"}, parameters={"classes": 3})
    second.job("draw", (TABLE,), {"results/plot.svg": "<svg/>"})
    ledger = Ledger(tmp_path)
    for built in (first, second):
        ledger.ingest(built.write(tmp_path / "crates"))
    return first, second


@pytest.mark.parametrize("form", ["folder", "out.zip"])
def test_another_machine_gives_the_same_answers(
    two_runs: tuple[CrateBuilder, CrateBuilder], tmp_path: Path, form: str
) -> None:
    ledger = Ledger(tmp_path)
    digest = str(digest_file(tmp_path / "results/classes.csv"))
    asked = ledger.trace(digest).to_json()
    export(ledger, ["results/classes.csv"], tmp_path / form, ExportSettings())
    elsewhere = CatalogueFolder.create(tmp_path / "elsewhere")
    report = import_crate(Catalogue(elsewhere), tmp_path / form, data_to=tmp_path / "downloads")
    assert sorted(report.runs) == [(built.id, "new") for built in two_runs]
    assert report.seals.outcome == "not sealed"
    assert [thing.path for thing in report.missing] == [
        "results/ihc/image.ome.zarr", "results/ihc/nuclei.ome.zarr", TABLE,
    ]  # fmt: skip
    there = Ledger(elsewhere.root)
    assert without_places(there.trace(digest).to_json()) == without_places(asked)
    placed = tmp_path / "downloads/results/classes.csv"
    assert report.placed == (placed,)
    assert without_places(there.trace(str(placed)).to_json()) == without_places(asked)
    unverified = CatalogueFolder.create(tmp_path / "unverified")
    Ledger(unverified.root).ingest(tmp_path / form)
    ingested = Ledger(unverified.root).trace(digest).to_json()
    assert without_places(ingested) == without_places(asked)
    again = import_crate(Catalogue(elsewhere), tmp_path / form)
    assert {outcome for _, outcome in again.runs} == {"unchanged"}


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs", "Sm")), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
VALUES = TEXTS | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


@pytest.mark.slow(8)
@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rule=NAMES,
    parameters=st.dictionaries(NAMES, VALUES, max_size=3),
    stem=NAMES.filter(lambda name: name.strip() == name),
    content=TEXTS,
)
def test_whatever_a_run_told_an_eln_tells_elsewhere(
    rule: str, parameters: dict[str, Any], stem: str, content: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("lab")
    run = CrateBuilder(home)
    run.job(rule, ("https://omero.example.org/Image/51",), {f"results/{stem}.txt": content}, parameters=parameters)
    ledger = Ledger(CatalogueFolder.create(home / "own").root)
    ledger.ingest(run.write(home / "crates"))
    digest = str(digest_file(home / f"results/{stem}.txt"))
    archive = home / "out.eln"
    export(ledger, [digest], archive, ExportSettings())
    assert faults_of(archive) == []
    elsewhere = CatalogueFolder.create(home / "elsewhere")
    report = import_crate(Catalogue(elsewhere), archive, data_to=home / "downloads")
    assert [place.read_text() for place in report.placed] == [content]
    there = Ledger(elsewhere.root)
    assert without_places(there.trace(digest).to_json()) == without_places(ledger.trace(digest).to_json())
    # What goes on from there says what came in: all of its statements, under the same names.
    export(there, [digest], home / "again", ExportSettings())
    with CrateArchive.opened(archive) as opened:
        opened.unpack(home / "unpacked")
    assert statements(home / "again") == statements(home / "unpacked")


def statements(folder: Path) -> set[Any]:
    """Return what an export's crate of its only run says, but for the digest of the metadata that it is a part of."""
    (place,) = (folder / "crates").iterdir()
    return {triple for triple in read_triples(*open_crate(place)) if not triple[1].endswith(("#subsetOf", "#leftOut"))}


@pytest.mark.parametrize(
    ("name", "form", "there"),
    [
        ("out.crate.zip", None, "ro-crate-metadata.json"),
        ("out", "zip", "ro-crate-metadata.json"),
        ("out.eln", None, "out/ro-crate-metadata.json"),
        ("out.bagit", None, "data/ro-crate-metadata.json"),
        ("out.zip", "folder", "ro-crate-metadata.json"),
    ],
)
def test_an_export_has_the_form_that_its_name_or_a_word_asks_for(
    run: CrateBuilder, tmp_path: Path, name: str, form: str | None, there: str
) -> None:
    place = tmp_path / name
    export(Ledger(tmp_path), [LABELS], place, ExportSettings(form=form))
    if place.is_dir():
        assert (place / there).is_file()
    else:
        with zipfile.ZipFile(place) as archive:
            assert there in archive.namelist()
    elsewhere = Catalogue(CatalogueFolder.create(tmp_path / "elsewhere"))
    assert import_crate(elsewhere, place).runs == ((run.id, "new"),)
    assert not list(tmp_path.glob(".out*"))


def test_where_it_is_published_stands_in_an_export(run: CrateBuilder, tmp_path: Path) -> None:
    report = export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings(published_at="doi:10.5281/ZENODO.7"))
    assert report.published_at == "https://doi.org/10.5281/zenodo.7"
    assert metadata(tmp_path / "out")["./"]["identifier"] == report.published_at
    export(Ledger(tmp_path), [LABELS], tmp_path / "page", ExportSettings(published_at="https://example.org/nuclei"))
    assert metadata(tmp_path / "page")["./"]["url"] == "https://example.org/nuclei"
    wrong = (
        ExportSettings(published_at="soon"),
        ExportSettings(workflow_at="git@example.org:lab/workflow.git"),
        ExportSettings(workflow_at="https://example.org/#Snakefile"),
        ExportSettings(workflow_at="https://example.org/Snakefile"),  # of a workflow whose bytes nobody knows
        ExportSettings(form="tar"),
    )
    with pytest.raises(BadInputError, match=r"else.tar: no .tar is made. Name it .zip or .eln"):
        export(Ledger(tmp_path), [LABELS], tmp_path / "else.tar", ExportSettings())
    for refused in wrong:
        with pytest.raises(BadInputError, match=r"expected|neither a DOI|no main workflow with a digest"):
            export(Ledger(tmp_path), [LABELS], tmp_path / "else", refused)


def test_a_part_of_a_run_never_takes_the_place_of_the_whole(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name, thing in (("labels", LABELS), ("table", TABLE), ("overlay", "results/ihc/overlay.png")):
        export(ledger, [thing], tmp_path / name, ExportSettings())
    here = Catalogue(CatalogueFolder(tmp_path / ".filiation"))
    assert import_crate(here, tmp_path / "labels").runs == ((run.id, "whole here"),)
    elsewhere = Catalogue(CatalogueFolder.create(tmp_path / "elsewhere"))
    outcomes = [
        import_crate(elsewhere, tmp_path / name).runs[0][1] for name in ("labels", "table", "labels", "overlay")
    ]
    assert outcomes == ["new", "new", "whole here", "joined"]
    there = Ledger(tmp_path / "elsewhere")
    for thing in (LABELS, TABLE, "results/ihc/overlay.png"):
        digest = digest_of(tmp_path / thing)
        assert without_places(there.trace(digest).to_json()) == without_places(ledger.trace(digest).to_json())
    (carried,) = (tmp_path / "elsewhere/crates").glob("*/work/results/ihc/overlay.png")
    assert digest_file(carried) == digest_file(tmp_path / "results/ihc/overlay.png")


def test_another_record_of_the_same_run_is_told_and_stays(run: CrateBuilder, tmp_path: Path) -> None:
    export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings())
    elsewhere = Catalogue(CatalogueFolder.create(tmp_path / "elsewhere"))
    other = nuclei_run(tmp_path / "other", sigma=3.0)
    elsewhere.ingest(other.write(tmp_path / "other-crates"))
    assert import_crate(elsewhere, tmp_path / "out").differing == (run.id,)
    assert len(Ledger(tmp_path / "elsewhere").show(run.id).actions) == 4
    with pytest.raises(InvalidCrateError, match=f"Another record of run {run.id} is here and stays"):
        Ledger(tmp_path / "elsewhere").ingest(tmp_path / "out")


def digest_of(place: Path) -> str:
    return str(digest_tree(place).digest if place.is_dir() else digest_file(place))
