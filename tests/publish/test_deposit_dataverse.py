"""A crate deposited at a Dataverse and at a WorkflowHub: every file as it is, whatever they do with files."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.errors import BadInputError, ChangedError, FiliationError, NotFoundError
from filiation.publish.deposits import Depositing, DepositReport, Patience, Service, Token, Wish
from tests.examples import examples
from tests.publish.dataverse_standin import DataverseStandIn
from tests.publish.killing import MOMENTS, QUICK, changing, kill_at
from tests.publish.seek_standin import SeekStandIn
from tests.publish.small_crate import small_crate
from tests.publish.standins import RESET_AFTER, RESET_BEFORE, RESET_MIDWAY, SPOIL, TOKEN, Fault, Gate, served

FILES = [
    "results/nuclei.ome.zarr.zip",
    "results/table.csv",
    "ro-crate-metadata.json",
    "ro-crate-preview.html",
    "workflow/Snakefile",
]


class Server:
    """A stand-in, its gate and its address."""

    def __init__(self, standin: DataverseStandIn, gate: Gate, address: str) -> None:
        self.standin, self.gate, self.address = standin, gate, address

    def course(self, home: Path) -> Depositing:
        return Depositing(home, Token("a test", TOKEN), patience=QUICK)

    def wish(self, crate: Path, **more: str | bool) -> Wish:
        given: dict[str, str | bool] = {"collection": "lab", "contact": "ada@example.org", **more}
        return Wish(crate, Service.named("dataverse", self.address), **given)  # type: ignore[arg-type]

    def deposit(self, crate: Path, home: Path, *, publish: bool = False, **more: str | bool) -> DepositReport:
        return self.course(home).deposit(self.wish(crate, **more), publish=publish)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    standin = DataverseStandIn()
    gate = standin.gate()
    with served(gate) as address:
        yield Server(standin, gate, address)


@pytest.fixture
def dataverse(server: Server) -> Server:
    server.standin.datasets.clear()
    server.standin.lag = server.standin.indexing = 0
    server.gate.clear()
    return server


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    return small_crate(tmp_path / "nuclei")


def whole(dataverse: Server, crate: Path) -> None:
    """Check that there is one dataset, with every file of the crate in its folder as it was."""
    (dataset,) = dataverse.standin.datasets.values()
    files = {file.name: file.content for file in dataset.files.values()}
    assert sorted(files) == FILES
    for name in ("results/table.csv", "workflow/Snakefile", "ro-crate-preview.html"):
        assert files[name] == (crate / name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(files["results/nuclei.ome.zarr.zip"])) as archive:
        assert archive.namelist() == ["0/c/0/0", "zarr.json"]
    (root,) = (each for each in json.loads(files["ro-crate-metadata.json"])["@graph"] if each["@id"] == "./")
    assert root["identifier"] == f"https://doi.org/{dataset.pid.removeprefix('doi:')}"


def test_a_crate_becomes_a_dataset_with_its_folders_and_nothing_is_rewritten(
    dataverse: Server, crate: Path, tmp_path: Path
) -> None:
    report = dataverse.deposit(crate, tmp_path / "deposits")
    whole(dataverse, crate)
    (dataset,) = dataverse.standin.datasets.values()
    assert (report.state.record, report.state.doi) == (dataset.pid, dataset.pid.removeprefix("doi:"))
    assert dataset.released == []
    assert dataset.version["license"]["name"] == "CC BY 4.0"
    fields = {each["typeName"]: each["value"] for each in dataset.version["metadataBlocks"]["citation"]["fields"]}
    (author,) = fields["author"]
    assert {name: part["value"] for name, part in author.items()} == {
        "authorName": "Carberry, Josiah",
        "authorAffiliation": "An institute",
        "authorIdentifierScheme": "ORCID",
        "authorIdentifier": "0000-0002-1825-0097",
    }
    dataverse.standin.indexing = 2
    again = dataverse.deposit(crate, tmp_path / "deposits", publish=True)
    assert again.state.words == "published"
    assert len(dataset.released) == 1
    whole(dataverse, crate)
    small_crate(crate, name="Other nuclei", hasPart=[])
    (crate / "results" / "table.csv").unlink()
    newer = dataverse.deposit(
        crate, tmp_path / "deposits", publish=True, new_version_of=f"https://doi.org/{again.state.doi}"
    )
    assert newer.state.doi == again.state.doi
    assert [len(files) for files in dataset.released] == [5, 4]
    assert "Other nuclei" in json.dumps(dataset.version)


@pytest.mark.slow
def test_whatever_breaks_at_whichever_request_there_is_one_dataset_and_it_is_whole(
    dataverse: Server, crate: Path, tmp_path: Path
) -> None:
    kinds = (500, RESET_AFTER, RESET_MIDWAY, SPOIL, 502, RESET_BEFORE, RESET_AFTER)
    dataverse.deposit(crate, tmp_path / "first", publish=True)
    for number in range(1, len(dataverse.gate.requests) + 1):
        dataverse.standin.datasets.clear()
        dataverse.gate.clear()
        dataverse.gate.faults[number] = Fault(kinds[number % len(kinds)])
        report = dataverse.deposit(crate, tmp_path / f"deposits-{number}", publish=True)
        whole(dataverse, crate)
        assert report.state.words == "published"


@pytest.mark.slow(8)
def test_whoever_is_killed_at_whichever_request_goes_on_to_one_whole_dataset(
    dataverse: Server, crate: Path, tmp_path: Path
) -> None:
    dataverse.deposit(crate, tmp_path / "first", publish=True)
    numbers = changing(dataverse.gate)
    assert len(numbers) == 8  # made, five files, described, published
    for number in numbers:
        for moment in MOMENTS:
            dataverse.standin.datasets.clear()
            dataverse.gate.clear()
            home = tmp_path / f"deposits-{number}-{moment[-5:]}"
            kill_at(dataverse.gate, number, moment, dataverse.wish(crate), home)
            assert len(dataverse.standin.datasets) <= 1
            report = dataverse.deposit(crate, home, publish=True)
            whole(dataverse, crate)
            assert report.state.words == "published"


@pytest.mark.slow(2)
@pytest.mark.parametrize("moment", MOMENTS)
def test_whoever_is_killed_while_submitting_a_workflow_goes_on_to_one_version(
    moment: str, crate: Path, tmp_path: Path
) -> None:
    standin = SeekStandIn()
    gate = standin.gate()
    with served(gate) as address:
        wish = Wish(crate, Service.named("workflowhub", address), project="12")
        kill_at(gate, 1, moment, wish, tmp_path / "deposits")
        assert len(standin.workflows) == (moment == MOMENTS[1])
        course = Depositing(tmp_path / "deposits", Token("a test", TOKEN), patience=QUICK)
        assert course.deposit(wish, publish=True).state.words == "published"
    assert [list(versions) for versions in standin.workflows.values()] == [["1.0"]]


def test_names_that_dataverse_would_change_are_all_told_before_anything_is_sent(
    dataverse: Server, crate: Path, tmp_path: Path
) -> None:
    for name in ("results/what?.csv", "ergebnisse/größe/a.csv", "größen/b.csv", "results/nuclei.ome.zarr/0/c:0"):
        (crate / name).parent.mkdir(parents=True, exist_ok=True)
        (crate / name).write_text("x")
    with pytest.raises(BadInputError) as caught:
        dataverse.deposit(crate, tmp_path / "deposits")
    assert str(caught.value).split("\n")[:4] == [
        "Dataverse would refuse or change 3 names, and the crate's metadata would lead nowhere:",
        "  ergebnisse/größe/a.csv: the folder größe",
        "  größen/b.csv: the folder größen",
        "  results/what?.csv: a '?' in it",
    ]
    assert dataverse.gate.requests == []
    dataverse.deposit(crate, tmp_path / "deposits", one_archive=True)
    (dataset,) = dataverse.standin.datasets.values()
    files = {file.name: file.content for file in dataset.files.values()}
    assert sorted(files) == ["nuclei.crate.zip", "ro-crate-metadata.json", "ro-crate-preview.html"]
    with zipfile.ZipFile(io.BytesIO(files["nuclei.crate.zip"])) as archive:
        assert "ergebnisse/größe/a.csv" in archive.namelist()


def test_a_dataset_is_discarded_and_found_by_what_it_carries(dataverse: Server, crate: Path, tmp_path: Path) -> None:
    first = dataverse.deposit(crate, tmp_path / "deposits")
    dataverse.standin.lag = 0
    second = dataverse.deposit(crate, tmp_path / "elsewhere")
    assert second.state.record == first.state.record
    dataverse.course(tmp_path / "deposits").discard(dataverse.wish(crate))
    assert dataverse.standin.datasets == {}
    dataverse.gate.faults |= {number: Fault(SPOIL) for number in range(1, 200)}
    with pytest.raises(ChangedError, match="arrived otherwise each time"):
        dataverse.deposit(crate, tmp_path / "deposits")


@pytest.mark.parametrize(
    ("more", "kind", "says"),
    [
        ({"collection": None}, BadInputError, "--collection ALIAS"),
        ({"collection": "nowhere"}, NotFoundError, "has no collection 'nowhere'"),
        ({"contact": "ada"}, BadInputError, "--contact ada@example.org"),
        ({"author": "", "description": ""}, BadInputError, "without an author and a description. Nothing was sent"),
        ({"subject": "Bees"}, BadInputError, "is no subject of Dataverse"),
    ],
)
def test_what_dataverse_needs_is_asked_for(
    more: dict[str, str], kind: type[Exception], says: str, dataverse: Server, crate: Path, tmp_path: Path
) -> None:
    if "author" in more:
        small_crate(crate, **more)
        more = {}
    with pytest.raises(kind, match=says):
        dataverse.deposit(crate, tmp_path / "deposits", **more)


@pytest.mark.slow
def test_an_independent_client_finds_a_dataverse_in_the_stand_in(
    dataverse: Server, crate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pyDataverse.api import NativeApi

    report = dataverse.deposit(crate, tmp_path / "deposits")
    (ours,) = dataverse.standin.datasets.values()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pyDataverse warns of its own arguments
        warnings.simplefilter("ignore", ResourceWarning)  # and leaves files open
        api = NativeApi(dataverse.address, TOKEN)
        told = api.get_dataset(report.state.record).json()["data"]["latestVersion"]
        assert sorted(file["dataFile"]["filename"] for file in told["files"]) == sorted(
            name.rpartition("/")[2] for name in FILES
        )
        # The same body by another client, and files the way it sends them: what we avoid then happens.
        made = api.create_dataset("lab", json.dumps({"datasetVersion": ours.version}), auth=True)
        pid = made.json()["data"]["persistentId"]
        table = crate / "results" / "table.csv"
        answer = api.upload_datafile(pid, str(table), json.dumps({"directoryLabel": "results", "categories": ["Data"]}))
        (file,) = answer.json()["data"]["files"]
        assert file["label"] == "table.tab"
        assert file["dataFile"]["md5"] != hashlib.md5(table.read_bytes(), usedforsecurity=False).hexdigest()
        assert api.get_dataset_lock(pid).json()["data"] == [{"lockType": "EditInProgress"}]
        assert api.publish_dataset(pid, release_type="major").status_code == 200
        assert api.get_dataset(pid).json()["data"]["latestVersion"]["versionState"] == "RELEASED"
        del answer
        gc.collect()


def test_a_workflow_crate_is_submitted_once_however_often_it_is_sent(crate: Path, tmp_path: Path) -> None:
    standin = SeekStandIn()
    gate = standin.gate()
    with served(gate) as address:
        wish = Wish(crate, Service.named("workflowhub", address), project="12")
        course = Depositing(tmp_path / "deposits", Token("a test", TOKEN), patience=QUICK)
        report = course.deposit(wish)
        assert report.problems[0].startswith("WorkflowHub has no drafts; ")
        assert gate.requests == []
        gate.faults |= {1: Fault(RESET_AFTER), 2: Fault(500), 3: Fault(RESET_MIDWAY)}
        report = course.deposit(wish, publish=True)
        assert (report.state.words, report.state.page) == ("published", f"{address}/workflows/1")
        assert course.deposit(wish, publish=True).state == report.state
        again = Depositing(tmp_path / "elsewhere", Token("a test", TOKEN), patience=QUICK)
        assert again.deposit(wish, publish=True).state.record == "1"
        assert [list(versions) for versions in standin.workflows.values()] == [["1.0"]]
        small_crate(crate, version="1.1")
        newer = course.deposit(Wish(crate, wish.service, "1", project="12"), publish=True)
        assert newer.state.record == "1"
        assert [list(versions) for versions in standin.workflows.values()] == [["1.0", "1.1"]]
        with pytest.raises(BadInputError, match="must be one of yours"):
            again.deposit(Wish(small_crate(tmp_path / "b", name="Others"), wish.service, project="13"), publish=True)
    hidden = small_crate(tmp_path / "hidden", version=None, isBasedOn=None)
    document = json.loads((hidden / "ro-crate-metadata.json").read_text())
    (workflow,) = (each for each in document["@graph"] if each["@id"] == "workflow/Snakefile")
    workflow |= {"version": "7", "codeRepository": "git+https://git.example.org/nuclei"}
    (hidden / "ro-crate-metadata.json").write_text(json.dumps(document))
    with served(gate) as address:
        there = Service.named("workflowhub", address)
        course.deposit(Wish(hidden, there, project="12"), publish=True)
    assert list(standin.workflows["https://git.example.org/nuclei"]) == ["7"]
    small_crate(crate, mainEntity={"@id": "nowhere.smk"}, isBasedOn=[], version="")
    (crate / "results" / "a table.csv").write_text("")
    with pytest.raises(BadInputError) as caught:
        course.deposit(Wish(crate, wish.service, "1", project="12"))
    for says in ("it names no main workflow", "isBasedOn or url", "it has no version", "results/a table.csv"):
        assert says in str(caught.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "data", "hits", "entries", "key", "metadata", "pids", "doi", "links", "errors", "items", "global_id",
             "persistentId", "latestVersion", "files", "dataFile", "checksum", "status", "identifiers",
             "metadataBlocks"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def babbling() -> Iterator[tuple[str, list[object]]]:
    """Serve whatever the list says next, to every request."""
    said: list[object] = []
    app = FastAPI()

    @app.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "DELETE"])
    def anything(rest: str) -> JSONResponse:
        return JSONResponse(said.pop(0) if said else {})

    with served(app) as address:
        yield address, said


@pytest.mark.slow
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(ANYTHING, min_size=1, max_size=12),
    kind=st.sampled_from(["inveniordm", "dataverse", "workflowhub"]),
)
def test_whatever_a_server_answers_nobody_sees_a_traceback(
    answers: list[object], kind: str, babbling: tuple[str, list[object]], tmp_path: Path
) -> None:
    address, said = babbling
    said[:] = answers
    crate = tmp_path / "nuclei"
    if not crate.exists():
        small_crate(crate)
    home = tmp_path / "deposits" / str(len(list((tmp_path / "deposits").glob("*"))))
    home.mkdir(parents=True)
    wish = Wish(crate, Service.named(kind, address), collection="lab", contact="ada@example.org", project="12")
    patience = Patience(tries=2, first_pause=0.001, sleep=lambda _: None)
    with contextlib.suppress(FiliationError):
        Depositing(home, Token("a test", TOKEN), patience=patience).deposit(wish, publish=True)
