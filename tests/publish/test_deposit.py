"""A crate deposited at an InvenioRDM: whatever breaks, there is one draft at most, and it is whole at last."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.errors import (
    AccessError,
    BadInputError,
    CatalogueBusyError,
    ChangedError,
    FiliationError,
    NotFoundError,
    ServerError,
)
from filiation.publish.deposits import (
    Depositing,
    DepositReport,
    Patience,
    Service,
    Telling,
    Token,
    Wish,
    list_deposits,
    payload_of,
)
from filiation.publish.deposits.inveniordm import InvenioRdm
from filiation.publish.deposits.journal import Journal
from filiation.publish.deposits.repository import Payload, Record
from tests.examples import examples
from tests.publish.inveniordm_standin import InvenioStandIn
from tests.publish.killing import MOMENTS, QUICK, changing, deposit_quickly, kill_at
from tests.publish.peers import wheel_of
from tests.publish.small_crate import small_crate
from tests.publish.standins import (
    HOLD_BEFORE,
    RESET_AFTER,
    RESET_BEFORE,
    RESET_MIDWAY,
    SPOIL,
    TOKEN,
    Fault,
    Gate,
    served,
)

IN_DOUBT = replace(QUICK, sure_after=3600)


class Repository:
    """A stand-in, its gate and its address, and what it is asked for."""

    def __init__(self, standin: InvenioStandIn, gate: Gate, address: str) -> None:
        self.standin, self.gate, self.address = standin, gate, address

    def wish(self, crate: Path, kind: str = "inveniordm", **more: str) -> Wish:
        return Wish(crate, Service.named(kind, self.address), **more)

    def deposit(self, crate: Path, home: Path, *, publish: bool = False, **more: str) -> DepositReport:
        return self.course(home).deposit(self.wish(crate, **more), publish=publish)

    def course(self, home: Path, patience: Patience = QUICK) -> Depositing:
        return Depositing(home, Token("a test", TOKEN), patience=patience)


@pytest.fixture(scope="module")
def server() -> Iterator[Repository]:
    standin = InvenioStandIn()
    gate = standin.gate()
    with served(gate) as address:
        yield Repository(standin, gate, address)


@pytest.fixture
def repository(server: Repository) -> Repository:
    server.standin.records.clear()
    server.standin.lag = 0
    server.gate.clear()
    return server


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    return small_crate(tmp_path / "nuclei")


def whole(repository: Repository) -> None:
    """Check that there is one record, and all of the crate in it as it was sent."""
    (record,) = repository.standin.records.values()
    assert sorted(record.files) == ["nuclei.crate.zip", "ro-crate-metadata.json", "ro-crate-preview.html"]
    assert all(file.committed for file in record.files.values())
    content = record.files["nuclei.crate.zip"].content
    assert content is not None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "ro-crate-metadata.json"
        assert "results/nuclei.ome.zarr/0/c/0/0" in archive.namelist()
        metadata = archive.read("ro-crate-metadata.json")
    assert metadata == record.files["ro-crate-metadata.json"].content
    (root,) = (entity for entity in json.loads(metadata)["@graph"] if entity["@id"] == "./")
    assert root["identifier"] == f"https://doi.org/{record.body['pids']['doi']['identifier']}"
    assert "cite-as" not in root


def test_a_crate_becomes_a_draft_with_a_doi_in_it_and_is_published_when_that_is_said(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    before = (crate / "ro-crate-metadata.json").read_bytes()
    report = repository.deposit(crate, tmp_path / "deposits")
    whole(repository)
    (record,) = repository.standin.records.values()
    assert (report.state.words, report.problems) == ("draft, 3 of 3 files there", ())
    assert report.state.doi == f"10.5072/rdm.{record.id}"
    assert not record.published
    assert (crate / "ro-crate-metadata.json").read_bytes() == before
    metadata = record.body["metadata"]
    assert metadata["title"] == "Nuclei <of> kidneys"
    assert metadata["description"] == "<p>Label images.</p><p>Made with &lt;b&gt;care&lt;/b&gt;.</p>"
    assert metadata["creators"] == [
        {
            "person_or_org": {
                "type": "personal",
                "family_name": "Carberry",
                "given_name": "Josiah",
                "identifiers": [{"identifier": "0000-0002-1825-0097", "scheme": "orcid"}],
            },
            "affiliations": [{"id": "05dxps055"}],
        }
    ]
    assert metadata["rights"] == [{"id": "cc-by-4.0"}]
    assert metadata["funding"] == [{"funder": {"id": "05dxps055"}}]
    assert metadata["related_identifiers"] == [
        {
            "identifier": "https://omero.example.org/webclient/?show=image-51",
            "scheme": "url",
            "relation_type": {"id": "isderivedfrom"},
        }
    ]
    assert metadata["identifiers"] == [{"identifier": f"urn:uuid:{report.state.id}", "scheme": "urn"}]
    assert record.body["files"]["default_preview"] == "ro-crate-preview.html"

    again = repository.deposit(crate, tmp_path / "deposits", publish=True)
    whole(repository)
    assert record.published
    assert again.state.words == "published"
    assert sum(method == "PUT" and "content" in path for method, path in repository.gate.requests) == 3
    asked = len(repository.gate.requests)
    done = repository.deposit(crate, tmp_path / "deposits", publish=True)
    assert done.state.published == again.state.published
    assert len(repository.gate.requests) == asked
    assert not (tmp_path / "deposits" / done.state.id / "package").exists()
    assert [state.words for state in list_deposits(tmp_path / "deposits")] == ["published"]


def requests_of_a_deposit(repository: Repository, crate: Path, home: Path) -> int:
    repository.deposit(crate, home, publish=True)
    count = len(repository.gate.requests)
    repository.standin.records.clear()
    repository.gate.clear()
    return count


@pytest.mark.slow
@pytest.mark.parametrize("kind", [500, RESET_BEFORE, RESET_MIDWAY, RESET_AFTER, SPOIL])
def test_whatever_breaks_at_whichever_request_there_is_one_record_and_it_is_whole(
    kind: int | str, repository: Repository, crate: Path, tmp_path: Path
) -> None:
    count = requests_of_a_deposit(repository, crate, tmp_path / "first")
    for number in range(1, count + 1):
        repository.gate.faults[number] = Fault(kind)
        report = repository.deposit(crate, tmp_path / f"deposits-{number}", publish=True)
        whole(repository)
        assert report.state.words == "published"
        repository.standin.records.clear()
        repository.gate.clear()


def test_a_limit_is_kept_to_as_the_service_says(repository: Repository, crate: Path, tmp_path: Path) -> None:
    waited: list[float] = []
    now = [1_790_000_000.0]

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    patience = Patience(first_pause=0.001, longest_pause=0.002, sleep=sleep, clock=lambda: now[0])
    repository.gate.faults |= {
        2: Fault(429, (("Retry-After", "7"),)),
        4: Fault(429, (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1790000067"))),
        6: Fault(429, (("Retry-After", "Sun, 20 Sep 2026 22:00:00 GMT"),)),
        8: Fault("", (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "30"))),
    }
    token = Token("a test", TOKEN)
    told: list[str] = []
    course = Depositing(tmp_path / "deposits", token, patience=patience, telling=Telling(step=told.append))
    course.deposit(repository.wish(crate))
    whole(repository)
    assert [round(seconds) for seconds in waited] == [7, 60, 0, 30]
    assert sum("waiting" in each for each in told) == 3
    repository.gate.faults[len(repository.gate.requests) + 1] = Fault(429, (("Retry-After", "90000"),))
    with pytest.raises(ServerError, match="asks to be left alone for 90000 s"):
        course.deposit(repository.wish(crate))


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


@pytest.mark.slow
def test_whoever_is_killed_at_whichever_line_of_the_journal_goes_on_to_one_whole_record(
    repository: Repository, crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write
    repository.deposit(crate, tmp_path / "first", publish=True)
    (state,) = list_deposits(tmp_path / "first")
    lines = (tmp_path / "first" / state.id / "journal.jsonl").read_bytes().count(b"\n")
    assert lines > 12
    for number in range(1, 2 * lines + 1):
        repository.standin.records.clear()
        written = 0

        def dying(
            self: Journal, event: str, after: bool = bool(number % 2), last: int = number, **told: object
        ) -> None:
            nonlocal written
            written += 1
            if written == (last + 1) // 2 and not after:
                place = self.folder / "journal.jsonl"
                if place.exists():
                    with place.open("ab") as stream:
                        stream.write(b'{"format": 1, "event": "upl')  # the disk got that much
                raise Killed
            write(self, event, **told)
            if written == (last + 1) // 2:
                raise Killed

        monkeypatch.setattr(Journal, "write", dying)
        with pytest.raises(Killed):
            repository.deposit(crate, tmp_path / f"deposits-{number}", publish=True)
        monkeypatch.setattr(Journal, "write", write)
        report = repository.deposit(crate, tmp_path / f"deposits-{number}", publish=True)
        whole(repository)
        assert report.state.words == "published"


@pytest.mark.slow(12)
@pytest.mark.parametrize("kind", ["inveniordm", "zenodo"])
def test_whoever_is_killed_at_whichever_request_goes_on_to_one_whole_record(
    kind: str, repository: Repository, crate: Path, tmp_path: Path
) -> None:
    wish = repository.wish(crate, kind)
    repository.course(tmp_path / "first").deposit(wish, publish=True)
    numbers = changing(repository.gate)
    assert len(numbers) > 10
    for number in numbers:
        for moment in MOMENTS:
            repository.standin.records.clear()
            repository.gate.clear()
            home = tmp_path / f"deposits-{number}-{moment[-5:]}"
            kill_at(repository.gate, number, moment, wish, home)
            assert len(repository.standin.records) <= 1
            report = repository.course(home).deposit(wish, publish=True)
            whole(repository)
            assert report.state.words == "published"


KINDS = st.sampled_from([500, 502, 503, 504, 429, RESET_BEFORE, RESET_MIDWAY, RESET_AFTER, SPOIL])


@pytest.mark.slow
@settings(
    max_examples=examples(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(faults=st.dictionaries(st.integers(1, 60), KINDS, max_size=25), lag=st.integers(0, 3))
def test_however_much_breaks_there_is_one_record_at_most_and_whoever_calls_again_completes_it(
    repository: Repository, tmp_path: Path, faults: dict[int, int | str], lag: int
) -> None:
    repository.standin.records.clear()
    repository.gate.clear()
    repository.standin.lag = lag
    crate = tmp_path / "nuclei"
    if not crate.exists():
        small_crate(crate)
    home = tmp_path / "deposits" / str(len(list((tmp_path / "deposits").glob("*"))))
    repository.gate.faults |= {number: Fault(kind) for number, kind in faults.items()}
    for _ in range(30):
        try:
            report = repository.deposit(crate, home, publish=True)
        except (ServerError, ChangedError):
            assert len(repository.standin.records) <= 1
            continue
        break
    whole(repository)
    assert report.state.words == "published"


def test_a_draft_whose_journal_was_lost_is_found_by_what_it_carries(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    first = repository.deposit(crate, tmp_path / "deposits")
    second = repository.deposit(crate, tmp_path / "elsewhere", publish=True)
    whole(repository)
    assert (second.state.record, second.state.doi) == (first.state.record, first.state.doi)


def test_a_draft_that_nobody_was_told_of_is_found_though_the_index_comes_late(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    repository.gate.faults[2] = Fault(RESET_AFTER)
    repository.standin.lag = 3
    repository.deposit(crate, tmp_path / "deposits")
    whole(repository)


def test_a_draft_that_was_made_long_after_it_was_asked_for_is_taken_rather_than_a_second_one(
    repository: Repository, crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may do what a request asks after everybody has stopped waiting for the answer."""
    home = tmp_path / "deposits"
    repository.gate.faults[2] = Fault(HOLD_BEFORE)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.publish.killing"])
    client = processes.Process(target=deposit_quickly, args=("inveniordm", repository.wish(crate), home))
    client.start()
    assert repository.gate.holding.wait(60)
    client.kill()
    client.join(60)
    create = InvenioRdm.create

    def late(self: InvenioRdm, payload: Payload) -> Record:
        repository.gate.settle()  # the first one arrives now, after it was looked for
        return create(self, payload)

    monkeypatch.setattr(InvenioRdm, "create", late)
    repository.gate.faults.clear()
    report = repository.deposit(crate, home, publish=True)
    whole(repository)
    assert report.state.words == "published"


def test_while_a_draft_may_be_there_that_is_not_listed_none_is_made_but_by_who_says_so(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    home, wish = tmp_path / "deposits", repository.wish(crate)
    repository.gate.faults[2] = Fault(RESET_AFTER)
    repository.standin.lag = 10**6
    for _ in range(2):  # in the call that lost the answer, and in the next one
        with pytest.raises(ServerError, match=r"Whether .* made a draft is not known: .* --create-again") as refused:
            repository.course(home, IN_DOUBT).deposit(wish)
        assert f"urn:uuid:{list_deposits(home)[0].id}" in str(refused.value)
        assert len(repository.standin.records) == 1
    repository.standin.lag = 0
    repository.course(home, IN_DOUBT).deposit(wish)  # it is listed at last
    whole(repository)

    repository.standin.records.clear()
    repository.gate.clear()
    home = tmp_path / "elsewhere"
    repository.gate.faults[2] = Fault(RESET_BEFORE)
    with pytest.raises(ServerError, match="--create-again"):
        repository.course(home, IN_DOUBT).deposit(wish)
    assert repository.standin.records == {}
    repository.course(home, IN_DOUBT).deposit(wish, create_again=True)
    whole(repository)


def test_a_crate_that_changed_before_it_was_published_goes_into_the_same_draft(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    repository.deposit(crate, tmp_path / "deposits")
    small_crate(crate, name="Other nuclei")
    report = repository.deposit(crate, tmp_path / "deposits", publish=True)
    whole(repository)
    (record,) = repository.standin.records.values()
    assert record.body["metadata"]["title"] == "Other nuclei"
    small_crate(crate, name="Yet other nuclei")
    with pytest.raises(BadInputError, match=f"--new-version {report.state.doi}"):
        repository.deposit(crate, tmp_path / "deposits")
    newer = repository.deposit(crate, tmp_path / "deposits", publish=True, new_version_of=str(report.state.doi))
    assert newer.state.doi not in (None, report.state.doi)
    assert [each.concept for each in repository.standin.published()] == [record.concept] * 2
    assert repository.standin.records[str(newer.state.record)].body["metadata"]["title"] == "Yet other nuclei"


def test_two_at_the_same_deposit_do_not_get_in_each_others_way(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    report = repository.deposit(crate, tmp_path / "deposits")
    with (
        Journal(tmp_path / "deposits" / report.state.id).held(),
        pytest.raises(CatalogueBusyError, match="Another process is at this deposit"),
    ):
        repository.deposit(crate, tmp_path / "deposits", publish=True)
    assert repository.standin.published() == []


def test_names_are_given_where_a_service_lacks_the_vocabulary(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    repository.standin.vocabularies = False
    try:
        report = repository.deposit(crate, tmp_path / "deposits", publish=True)
    finally:
        repository.standin.vocabularies = True
    assert report.problems == ()
    (record,) = repository.standin.records.values()
    metadata = record.body["metadata"]
    assert metadata["creators"][0]["affiliations"] == [{"name": "An institute"}]
    assert metadata["funding"] == [{"funder": {"name": "An institute"}}]
    assert metadata["rights"] == [
        {"title": {"en": "CC-BY-4.0"}, "link": "https://creativecommons.org/licenses/by/4.0/"}
    ]


def test_a_draft_is_discarded_and_the_next_deposit_begins_anew(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    course = Depositing(tmp_path / "deposits", Token("a test", TOKEN), patience=QUICK)
    first = course.deposit(repository.wish(crate))
    assert course.discard(repository.wish(crate)).state.words == "discarded"
    assert repository.standin.records == {}
    with pytest.raises(NotFoundError, match="There is no draft to discard"):
        course.discard(repository.wish(crate))
    second = course.deposit(repository.wish(crate), publish=True)
    assert second.state.record != first.state.record
    with pytest.raises(BadInputError, match="is published; what is published stays"):
        course.discard(repository.wish(crate))


def test_a_draft_that_somebody_removed_or_published_on_the_page_is_noticed(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    repository.deposit(crate, tmp_path / "deposits")
    (record,) = repository.standin.records.values()
    record.published, record.draft = True, False
    assert repository.deposit(crate, tmp_path / "deposits").state.words == "published"
    repository.standin.records.clear()
    other = small_crate(tmp_path / "other", name="Others")
    repository.deposit(other, tmp_path / "deposits")
    repository.standin.records.clear()
    with pytest.raises(NotFoundError, match="say so with --discard"):
        repository.deposit(other, tmp_path / "deposits")


def test_what_the_service_would_not_publish_stays_a_draft_and_is_told(repository: Repository, tmp_path: Path) -> None:
    crate = small_crate(tmp_path / "nuclei", author=[])
    report = repository.deposit(crate, tmp_path / "deposits")
    assert report.problems == ("metadata.creators: Missing data for required field.",)
    with pytest.raises(BadInputError, match=r"would not publish this: metadata\.creators: Missing data"):
        repository.deposit(crate, tmp_path / "deposits", publish=True)
    assert repository.standin.published() == []
    small_crate(crate)
    repository.deposit(crate, tmp_path / "deposits", publish=True)
    whole(repository)


def test_bytes_that_keep_arriving_otherwise_are_not_taken_for_the_crate(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    repository.gate.faults |= {number: Fault(SPOIL) for number in range(1, 200)}
    with pytest.raises(ChangedError, match="was sent 4 times to InvenioRDM"):
        repository.deposit(crate, tmp_path / "deposits", publish=True)
    assert repository.standin.published() == []
    repository.gate.clear()
    repository.deposit(crate, tmp_path / "deposits", publish=True)
    whole(repository)


def test_a_token_that_expires_midway_is_told_and_a_new_one_goes_on(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    repository.gate.faults[9] = Fault(401)
    with pytest.raises(AccessError, match="The token is from a test"):
        repository.deposit(crate, tmp_path / "deposits")
    assert len(repository.standin.records) == 1
    repository.deposit(crate, tmp_path / "deposits")
    whole(repository)


def test_zenodo_is_asked_for_the_form_that_says_more(crate: Path, tmp_path: Path) -> None:
    standin = InvenioStandIn(is_zenodo=True)
    with served(standin.gate()) as address:
        wish = Wish(crate, Service.named("zenodo", address))
        course = Depositing(tmp_path / "deposits", Token("a test", TOKEN), patience=QUICK)
        report = course.deposit(wish, publish=True)
    (record,) = standin.records.values()
    assert (report.state.record, report.state.doi) == (record.id, f"10.5072/rdm.{record.id}")
    assert record.body["metadata"]["publisher"] == "Zenodo"


def test_the_token_is_nowhere_but_in_its_header(repository: Repository, crate: Path, tmp_path: Path) -> None:
    messages = []
    for fault in (401, 403, 404, 500, RESET_BEFORE):
        repository.gate.faults |= {number: Fault(fault) for number in range(1, 40)}
        with pytest.raises(FiliationError) as caught:
            repository.deposit(crate, tmp_path / "deposits")
        messages.append("".join(traceback.format_exception(caught.value)))
        repository.gate.clear()
    repository.deposit(crate, tmp_path / "deposits", publish=True)
    assert all(TOKEN not in message for message in messages)
    assert all(TOKEN not in path for _, path in repository.gate.requests)
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for headers in repository.gate.seen)
    written = [path.read_bytes() for path in (tmp_path / "deposits").rglob("*") if path.is_file()]
    assert all(TOKEN.encode() not in content for content in written)
    assert TOKEN not in repr(Token("a test", TOKEN))


def test_a_token_never_follows_a_redirect_to_another_host(crate: Path, tmp_path: Path) -> None:
    other = FastAPI()
    asked: list[dict[str, str]] = []

    @other.get("/{rest:path}")
    def anything(request: Request) -> dict[str, object]:
        asked.append(dict(request.headers))
        return {"hits": {"hits": []}}

    with served(other) as elsewhere:
        app = FastAPI()

        @app.get("/api/user/records")
        def away() -> RedirectResponse:
            return RedirectResponse(f"{elsewhere}/api/user/records?secret=1")

        with served(app) as address:
            wish = Wish(crate, Service.named("inveniordm", address))
            with pytest.raises(AccessError, match="is not followed: the token would go there") as caught:
                Depositing(tmp_path / "deposits", Token("a test", TOKEN), patience=QUICK).deposit(wish)
    assert "secret" not in str(caught.value)
    assert asked == []


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://zenodo.org", "in clear text"),
        ("https://ada:secret@zenodo.org", "has a user or password in it"),
        ("ftp://zenodo.org", "is no address"),
        ("https://", "is no address"),
        ("https://zenodo.org?token=x", "is no address"),
    ],
)
def test_an_address_is_refused_where_a_token_would_be_seen(address: str, says: str) -> None:
    with pytest.raises(FiliationError, match=says) as caught:
        Service.named("zenodo", address)
    assert "secret" not in str(caught.value)


def test_a_service_that_is_silent_or_away_is_left_after_some_tries(crate: Path, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        service = Service.named("inveniordm", f"http://127.0.0.1:{silent.getsockname()[1]}")
        patience = Patience(tries=2, connecting=5, silent=0.2, sleep=lambda _: None)
        course = Depositing(tmp_path / "deposits", Token("a test", TOKEN), patience=patience)
        with pytest.raises(ServerError, match="it sends nothing"):
            course.deposit(Wish(crate, service))
    with pytest.raises(ServerError, match="Connection refused"):
        course.deposit(Wish(crate, service))


@pytest.mark.slow
def test_an_independent_client_finds_an_inveniordm_in_the_stand_in_and_reads_what_we_deposited(
    repository: Repository, crate: Path, tmp_path: Path
) -> None:
    client = wheel_of("invenio-rest-api-client")
    report = repository.deposit(crate, tmp_path / "deposits", publish=True)
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps(payload_of(repository.wish(crate))["body"]))
    command = [sys.executable, str(Path(__file__).with_name("invenio_client.py")), repository.address, TOKEN, payload]
    done = subprocess.run(
        [*command, str(report.state.record)], env={**os.environ, "PYTHONPATH": str(client)}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("doi").startswith("10.5072/rdm.")
    assert told == {
        "checksum": "md5:4b3a6218bb3e3a7303e8a171a60fcf92",
        "published": 202,
        "is_published": True,
        "draft": 404,
        "title": "Nuclei <of> kidneys",
        "creator": "Carberry",
        "licence": "cc-by-4.0",
        "files": ["nuclei.crate.zip", "ro-crate-metadata.json", "ro-crate-preview.html"],
    }
