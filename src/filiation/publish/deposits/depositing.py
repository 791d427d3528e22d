"""A crate deposited as a user asked: which deposit that is, gone on with or begun, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from filiation.capture.place import nearest_catalogue
from filiation.crate.metadata import METADATA_FILE
from filiation.errors import BadInputError, DamagedJournalError, NotFoundError
from filiation.publish.deposits import journal as step
from filiation.publish.deposits.course import Deposit
from filiation.publish.deposits.dataverse import Dataverse
from filiation.publish.deposits.dataverse_metadata import USUAL_SUBJECT, DataverseForm
from filiation.publish.deposits.http import Http
from filiation.publish.deposits.inveniordm import InvenioRdm
from filiation.publish.deposits.inveniordm_metadata import InvenioRdmForm
from filiation.publish.deposits.journal import JOURNAL, DepositState, Journal, read_state
from filiation.publish.deposits.package import Seal, crate_folder, plain_name
from filiation.publish.deposits.patience import USUAL, Patience
from filiation.publish.deposits.preparing import NOBODY, Form, Telling
from filiation.publish.deposits.repository import Repository
from filiation.publish.deposits.services import DATAVERSE, KINDS, WORKFLOWHUB, Service
from filiation.publish.deposits.submission import Submission
from filiation.publish.deposits.tokens import Token
from filiation.publish.deposits.workflowhub import WorkflowHub, WorkflowHubForm

FOLDER: Final = "deposits"
"""Where deposits are kept in a catalogue."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user wants deposited, and how.

    Parameters
    ----------
    crate
        Folder or archive of the crate.
    service
        Where.
    new_version_of
        DOI, id or page of the published record that this is a new version of.
    collection, contact, subject, one_archive
        For Dataverse: where a dataset is made, whom readers write to, what it is about, and whether the crate is one
        archive.
    project
        For WorkflowHub: number of the project.
    """

    crate: Path
    service: Service
    new_version_of: str | None = None
    collection: str | None = None
    contact: str = ""
    subject: str = USUAL_SUBJECT
    one_archive: bool = False
    project: str = ""

    @property
    def form(self) -> Form:
        """What the service wants of the crate."""
        name = plain_name(self.crate.absolute())
        if self.service.kind is DATAVERSE:
            return DataverseForm(name, self.contact, self.subject, self.one_archive)
        if self.service.kind is WORKFLOWHUB:
            return WorkflowHubForm(name)
        return InvenioRdmForm(self.service.kind, name)


@dataclass(frozen=True, slots=True)
class DepositReport:
    """What came of a deposit.

    Parameters
    ----------
    state
        How far it is.
    problems
        What the service says is missing or wrong.
    """

    state: DepositState
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {**self.state.to_json(), "problems": list(self.problems)}


def deposits_folder(crate: Path | None, catalogue: Path | None = None) -> Path:
    """Return where deposits are kept: in the catalogue if there is one, else beside the crate."""
    home = catalogue or nearest_catalogue(Path.cwd())
    if home is not None and home.is_dir():
        return home / FOLDER
    place = (crate or Path.cwd() / "crate").absolute()
    return place.parent / f".{FOLDER}"


def list_deposits(home: Path) -> tuple[DepositState, ...]:
    """Return every deposit that is kept at a place, the newest last.

    Raises
    ------
    DamagedJournalError
        If one of them cannot be read.
    """
    found = [read_state(place.parent) for place in home.glob(f"*/{JOURNAL}")]
    return tuple(sorted((state for state in found if state.stage), key=lambda state: (str(state.begun), state.id)))


def payload_of(wish: Wish) -> dict[str, Any]:
    """Return what a service would be told of a crate, without sending or keeping anything.

    Raises
    ------
    BadInputError
        If the service would not take it.
    """
    with TemporaryDirectory(prefix="filiation-deposit-") as temporary:
        source = crate_folder(wish.crate, Path(temporary) / "unpacked")
        form = wish.form
        form.refuse(source)
        marker = f"urn:uuid:{_id_of(wish, _digest_of(source))}"
        return {
            "service": wish.service.kind.name,
            "address": wish.service.address,
            "drafts": wish.service.kind is not WORKFLOWHUB,
            "body": form.payload(source, marker=marker),
        }


@dataclass(frozen=True, slots=True)
class Depositing:
    """Deposits kept at one place, made with one token.

    Parameters
    ----------
    home
        Where deposits are kept; see :func:`deposits_folder`.
    token
        What opens the service.
    seal
        Seals the copy that is sent; None to leave that.
    patience
        How long a service is waited for.
    telling
        Who is told of what goes on.
    """

    home: Path
    token: Token
    seal: Seal | None = None
    patience: Patience = USUAL
    telling: Telling = NOBODY

    def deposit(self, wish: Wish, *, publish: bool = False, create_again: bool = False) -> DepositReport:
        """Deposit a crate: begin, go on with what was begun, or tell that it is done.

        Parameters
        ----------
        wish
            What, and where.
        publish
            Whether it is to be published, which nobody can take back.
        create_again
            Whether a draft is made although an earlier one may have been, and is not listed.

        Raises
        ------
        BadInputError
            If something is missing, the service would not take the crate, or it is published and has changed since.
        NotFoundError
            If there is no such crate, or the draft is gone.
        ChangedError
            If files keep arriving otherwise than they were sent.
        ServerError, AccessError
            If the service is away, or refuses this token; the next call goes on.
        CatalogueBusyError
            If another process is at the same deposit.
        """
        digest = self._digest(wish)
        journal = self._journal(wish, digest)
        with journal.held(), self._asking(wish) as http:
            state = journal.state
            if state.published is not None and state.digest == digest:
                return DepositReport(state)
            if not state.is_open:
                journal.write(
                    step.BEGUN, service=wish.service.kind.name, address=wish.service.address,
                    crate=str(wish.crate.absolute()), digest=digest, newVersionOf=wish.new_version_of,
                )  # fmt: skip
            course = self._course(wish, journal, http)
            problems = course.go_on(wish.crate, digest, publish=publish, create_again=create_again)
            return DepositReport(journal.state, problems)

    def discard(self, wish: Wish) -> DepositReport:
        """Remove the draft of a crate.

        Raises
        ------
        NotFoundError
            If there is none.
        BadInputError
            If it is published.
        """
        found = self._open_one(wish) or Journal(self.home / _id_of(wish, self._digest(wish)))
        if not found.state.stage:
            raise NotFoundError(f"No deposit of {wish.crate} at {wish.service} was begun here ({self.home}).")
        with found.held(), self._asking(wish) as http:
            self._course(wish, found, http).discard()
            return DepositReport(found.state)

    @contextmanager
    def _asking(self, wish: Wish) -> Iterator[Http]:
        with Http(wish.service, self.token, self.patience, self.telling.step) as http:
            yield http

    def _course(self, wish: Wish, journal: Journal, http: Http) -> Deposit | Submission:
        if wish.service.kind is WORKFLOWHUB:
            hub = WorkflowHub(wish.service, http, wish.project)
            return Submission(journal, hub, wish.form, self.seal, self.telling)
        return Deposit(journal, self._repository(wish, http), wish.form, self.seal, self.patience, self.telling)

    def _repository(self, wish: Wish, http: Http) -> Repository:
        if wish.service.kind is not DATAVERSE:
            return InvenioRdm(wish.service, http)
        if not wish.collection:
            raise BadInputError("Dataverse keeps datasets in collections; name one by its alias: --collection ALIAS.")
        return Dataverse(wish.service, http, wish.collection, self.patience)

    def _journal(self, wish: Wish, digest: str) -> Journal:
        """Return the deposit that is meant: one that is under way, one that is done, or a new one."""
        under_way = self._open_one(wish)
        if under_way is not None:
            if wish.new_version_of not in (None, under_way.state.new_version_of):
                raise BadInputError(
                    f"A deposit of {wish.crate} at {wish.service} is under way, and not as a new version of "
                    f"{wish.new_version_of}: {under_way.state.words}. Finish it, or discard it with --discard."
                )
            return under_way
        journal = Journal(self.home / _id_of(wish, digest))
        earlier = [state for state in self._of(wish) if state.published is not None]
        if earlier and journal.state.published is None and wish.new_version_of is None:
            last = earlier[-1]
            raise BadInputError(
                f"{wish.crate} was published as {last.doi or last.record} and has changed since. Deposit it as a new "
                f"version: --new-version {last.doi or last.record}. For a record of its own, deposit a copy of it "
                "under another name."
            )
        return journal

    def _open_one(self, wish: Wish) -> Journal | None:
        found = [state for state in self._of(wish) if state.is_open]
        return Journal(self.home / found[-1].id) if found else None

    def _of(self, wish: Wish) -> tuple[DepositState, ...]:
        place = str(wish.crate.absolute())
        return tuple(
            state
            for state in list_deposits(self.home)
            if state.crate == place
            and state.address == wish.service.address
            and state.service == wish.service.kind.name
        )

    def _digest(self, wish: Wish) -> str:
        if wish.crate.is_dir():
            crate_folder(wish.crate, self.home)
            return _digest_of(wish.crate)
        with TemporaryDirectory(prefix="filiation-deposit-") as temporary:
            return _digest_of(crate_folder(wish.crate, Path(temporary) / "unpacked"))


def _digest_of(crate: Path) -> str:
    return hashlib.sha256((crate / METADATA_FILE).read_bytes()).hexdigest()


def _id_of(wish: Wish, digest: str) -> str:
    """Return the id of a deposit of these contents there: the same each time, so a lost journal finds its draft."""
    return str(uuid5(NAMESPACE_URL, "\n".join((wish.service.address, digest, wish.new_version_of or ""))))


def service_of(state: DepositState) -> Service:
    """Return the service of a deposit.

    Raises
    ------
    DamagedJournalError
        If it is none.
    """
    if state.service not in KINDS:
        raise DamagedJournalError(f"The deposit {state.id} is at {state.service!r}, which is no service.")
    return Service(KINDS[state.service], state.address)
