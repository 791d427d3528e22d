from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder, LineageIndex, identify
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.arrays import open_arrays
from filiation.catalogue.lock import holding
from filiation.errors import CatalogueBusyError, InvalidCrateError, NotFoundError
from tests.lineage.crates import nuclei_run


def _everything(catalogue: Catalogue) -> tuple[object, ...]:
    with catalogue.reading() as index:
        edges = [edge for node in index.entities() for edge in index.edges_into(node.iri)]
        return index.runs(), index.entities(), index.actions(), edges, sorted(catalogue_quads(catalogue), key=str)


def catalogue_quads(catalogue: Catalogue) -> list[tuple[object, ...]]:
    return list(catalogue.quads())


def test_a_crate_arrives_under_its_runs_id(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    run = nuclei_run(folder)
    report = catalogue.ingest(run.write(tmp_path / "elsewhere"))
    assert report.outcome == "new"
    assert report.folder == catalogue.folder.crates / run.id
    assert (report.folder / "ro-crate-metadata.json").is_file()
    assert (report.entities, report.actions) == (5, 4)


def test_taking_in_twice_changes_nothing(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    crate = nuclei_run(folder).write(tmp_path / "elsewhere")
    catalogue.ingest(crate)
    before = _everything(catalogue)
    assert catalogue.ingest(crate).outcome == "unchanged"
    assert _everything(catalogue) == before


@pytest.mark.slow
def test_another_crate_of_the_same_run_replaces_the_first(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    run = nuclei_run(folder)
    catalogue.ingest(run.write(tmp_path / "elsewhere"))
    run.job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    assert catalogue.ingest(run.write(tmp_path / "elsewhere")).outcome == "replaced"
    with catalogue.reading() as index:
        assert [action.name for action in index.actions()] == ["fetch", "segment", "measure", "overlay", "report"]
        assert len(index.runs()) == 1
    replaced = _everything(catalogue)
    catalogue.rebuild()
    assert _everything(catalogue) == replaced


def test_moving_a_crate_in_leaves_nothing_behind(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    crate = nuclei_run(folder).write(tmp_path / "elsewhere")
    catalogue.ingest(crate, move=True)
    assert not crate.exists()


def test_a_crate_without_an_id_is_named_by_its_metadata(catalogue: Catalogue, tmp_path: Path) -> None:
    crate = tmp_path / "foreign"
    crate.mkdir()
    root = {"@id": "./", "@type": "Dataset", "name": "foreign"}
    document = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [root]}
    (crate / "ro-crate-metadata.json").write_text(json.dumps(document))
    report = catalogue.ingest(crate)
    assert not report.own
    assert report.id == identify(crate).id
    assert report.id[14] == "5"


@pytest.mark.slow
def test_rebuilding_gives_the_same_whatever_came_first(folder: Path, tmp_path: Path) -> None:
    crates = [nuclei_run(folder, number, sigma=number).write(tmp_path / "elsewhere") for number in (1, 2, 3)]
    seen = []
    for name, order in (("a", crates), ("b", crates[::-1])):
        catalogue = Catalogue(CatalogueFolder.create(tmp_path / name / ".filiation"))
        for crate in order:
            catalogue.ingest(crate)
        seen.append(_everything(catalogue))
        shutil.rmtree(catalogue.folder.store)
        catalogue.folder.index.unlink()
        report = catalogue.rebuild()
        assert [crate.outcome for crate in report.crates] == ["new"] * 3
        seen.append(_everything(catalogue))
    assert seen[0] == seen[1] == seen[2] == seen[3]


@pytest.mark.slow
def test_rebuilding_tells_how_far_it_is(catalogue: Catalogue, folder: Path) -> None:
    run = nuclei_run(folder)
    run.write(catalogue.folder.crates)
    told: list[tuple[int, int, str]] = []
    catalogue.rebuild(lambda done, total, name: told.append((done, total, name)))
    assert told == [(1, 1, run.id)]


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["store", "index", "both"])
def test_a_lost_cache_is_made_again_by_the_next_who_asks(catalogue: Catalogue, folder: Path, lost: str) -> None:
    nuclei_run(folder).write(catalogue.folder.crates)
    catalogue.catch_up()
    before = _everything(catalogue)
    if lost in ("store", "both"):
        shutil.rmtree(catalogue.folder.store)
    if lost in ("index", "both"):
        catalogue.folder.index.unlink()
    catalogue.catch_up()
    assert _everything(catalogue) == before


@pytest.mark.slow
def test_a_damaged_index_is_made_again(catalogue: Catalogue, folder: Path) -> None:
    nuclei_run(folder).write(catalogue.folder.crates)
    catalogue.catch_up()
    before = _everything(catalogue)
    catalogue.folder.index.write_bytes(b"this is no database, but long enough to look like one" * 50)
    catalogue.catch_up()
    assert _everything(catalogue) == before


@pytest.mark.slow
@pytest.mark.parametrize("step", ["arrive", "replace in store", "replace in index"])
def test_an_interrupted_ingest_is_redone(
    catalogue: Catalogue, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    catalogue.ingest(nuclei_run(folder, 1).write(tmp_path / "elsewhere"))
    crate = nuclei_run(folder, 2, sigma=3).write(tmp_path / "elsewhere")

    def stop(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "arrive":
            patched.setattr("filiation.catalogue.crates._swap_in", stop)
        else:
            patched.setattr(LineageIndex, "let_wait" if "store" in step else "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            catalogue.ingest(crate)
    catalogue.catch_up()
    catalogue.ingest(crate)
    after = _everything(catalogue)
    catalogue.rebuild()
    assert _everything(catalogue) == after
    assert len(catalogue.folder.list_crates()) == 2
    assert not list(catalogue.folder.crates.glob(".*"))


@pytest.mark.slow
def test_a_crate_that_is_gone_is_forgotten(catalogue: Catalogue, folder: Path) -> None:
    for number in (1, 2):
        nuclei_run(folder, number, sigma=number).write(catalogue.folder.crates)
    catalogue.catch_up()
    shutil.rmtree(catalogue.folder.list_crates()[0])
    catalogue.catch_up()
    with catalogue.reading() as index:
        assert len(index.runs()) == 1
    assert {quad[3] for quad in catalogue_quads(catalogue)} == {identify(catalogue.folder.list_crates()[0]).iri}


@pytest.mark.slow
def test_a_crate_under_another_name_gets_that_of_its_id(catalogue: Catalogue, folder: Path) -> None:
    run = nuclei_run(folder)
    run.write(catalogue.folder.crates).rename(catalogue.folder.crates / "from-a-colleague")
    catalogue.catch_up()
    assert [path.name for path in catalogue.folder.list_crates()] == [run.id]


def test_a_truncated_crate_does_not_come_in(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    crate = nuclei_run(folder).write(tmp_path / "elsewhere")
    metadata = crate / "ro-crate-metadata.json"
    metadata.write_bytes(metadata.read_bytes()[:300])
    with pytest.raises(InvalidCrateError) as caught:
        catalogue.ingest(crate)
    assert str(caught.value).startswith(f"'{metadata}': The metadata is not JSON: ")
    assert catalogue.folder.list_crates() == ()


def test_a_crate_that_broke_later_is_named_and_the_rest_answers(catalogue: Catalogue, folder: Path) -> None:
    for number in (1, 2):
        nuclei_run(folder, number, sigma=number).write(catalogue.folder.crates)
    broken = catalogue.folder.list_crates()[0]
    (broken / "ro-crate-metadata.json").write_text("{")
    (problem,) = catalogue.catch_up().problems
    assert problem.startswith(f"{broken.name}: ")
    with catalogue.reading() as index:
        assert len(index.runs()) == 1


def test_a_folder_that_is_no_crate_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        catalogue.ingest(tmp_path)
    assert str(caught.value) == f"No crate at {tmp_path}: it has no ro-crate-metadata.json."


def test_a_second_writer_waits_and_then_says_so(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    crate = nuclei_run(folder).write(tmp_path / "elsewhere")
    with holding(catalogue.folder.lock), pytest.raises(CatalogueBusyError) as caught:
        catalogue.ingest(crate)
    assert str(caught.value) == (
        f"Another process is writing to the catalogue {catalogue.folder.root}; waited 0.2 s. "
        "Nothing is lost: the crates are on disk. Try again when it has finished."
    )
    assert catalogue.ingest(crate).outcome == "new"


@pytest.mark.slow
def test_several_processes_bring_their_crates_at_once(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    crates = [nuclei_run(folder, number, sigma=number).write(tmp_path / "elsewhere") for number in range(1, 7)]
    script = (
        "import sys; from pathlib import Path; from filiation.catalogue import Catalogue, CatalogueFolder\n"
        "Catalogue(CatalogueFolder(Path(sys.argv[1])), wait=120).ingest(Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(catalogue.folder.root)]
    running = [subprocess.Popen([*command, str(crate)]) for crate in crates]
    assert [process.wait() for process in running] == [0] * 6
    before = _everything(catalogue)
    catalogue.rebuild()
    assert _everything(catalogue) == before
    assert len(catalogue.folder.list_crates()) == 6


@pytest.mark.slow
def test_readers_share(catalogue: Catalogue, folder: Path) -> None:
    nuclei_run(folder).write(catalogue.folder.crates)
    catalogue.catch_up()
    with catalogue.reading() as first, catalogue.reading() as second:
        assert first.runs() == second.runs()


def test_the_catalogue_is_found_upwards_and_by_the_environment(
    catalogue: Catalogue, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert CatalogueFolder.find() == catalogue.folder
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError):
        CatalogueFolder.find()
    monkeypatch.setenv("FILIATION_CATALOGUE", str(folder))
    assert CatalogueFolder.find() == catalogue.folder
    with pytest.raises(NotFoundError) as caught:
        CatalogueFolder.find(tmp_path)
    assert str(caught.value) == (f"No catalogue at {tmp_path}. Expected a folder .filiation or one that holds it.")


def test_what_arrays_know_is_not_noted_twice(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    catalogue.ingest(nuclei_run(folder, 1).write(tmp_path / "elsewhere"))
    with catalogue.reading() as index:
        assert write_arrays(index)
        before = index.state()[1]
        assert index.changed_since(0)
    catalogue.ingest(nuclei_run(folder, 2, sigma=3.0).write(tmp_path / "elsewhere"))
    with catalogue.reading() as index:
        assert index.state()[2] == before
        assert index.changed_since(0) == index.changed_since(before)
        assert open_arrays(index) is not None
