"""In what state a thing is: what a look at its place says at once, and what reading it again says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from filiation.catalogue import EntityNode, Json, shown_time
from filiation.catalogue.sites import is_elsewhere
from filiation.crate.seals import Evidence, Outcome, SealCheck, verify_crate
from filiation.crate.seals.ssh import signers_list
from filiation.errors import BadInputError, CatalogueBusyError, FiliationError
from filiation.lineage import Ledger, words
from filiation.lineage.dossier import Dossier
from filiation.lineage.findings import CheckReport
from filiation.lineage.integrity import place_now
from filiation.model import DigestKind, OmeroId, Presence, is_uri
from filiation.model.sentences import Sentence, read_written, written
from filiation.web.access.viewer import who_looks
from filiation.web.shared import Shared
from filiation.web.turns import Turns
from filiation.web.words import said


class Standing(StrEnum):
    """A state in a word."""

    VERIFIED = "verified"
    UNSIGNED = "unsigned"
    CHANGED = "changed"
    MISSING = "missing"
    RECORD_CHANGED = "record changed"
    NOT_LOOKED_AT = "not looked at"
    REPLACED = "replaced"
    DELETED = "deleted"
    ELSEWHERE = "elsewhere"
    NO_FILE = "no file"
    NO_DIGEST = "no digest"
    NOT_A_FILE = "a job"


_LIBRARIES: Final = {"skimage": "scikit-image"}
"""Libraries that images come with, by the scheme of their names."""
_GOOD: Final = frozenset({Standing.VERIFIED})
_BAD: Final = frozenset({Standing.CHANGED, Standing.MISSING, Standing.RECORD_CHANGED})
_CAN_BE_READ: Final = frozenset(
    {Standing.NOT_LOOKED_AT, Standing.VERIFIED, Standing.UNSIGNED, Standing.CHANGED, Standing.RECORD_CHANGED}
)


@dataclass(frozen=True, slots=True)
class State:
    """In what state a thing is.

    Parameters
    ----------
    standing
        In a word.
    why
        In a sentence.
    read
        When its bytes were read again; None if they were not.
    can_be_read
        Whether reading it again would say more.
    seal
        What the newest seal of its record proves, in a sentence; None if that was not looked at.
    """

    standing: Standing
    why: str
    read: datetime | None = None
    can_be_read: bool = False
    seal: str | None = None

    @property
    def tone(self) -> str:
        """``good``, ``bad`` or ``unsure``."""
        if self.standing in _GOOD:
            return "good"
        return "bad" if self.standing in _BAD else "unsure"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "standing": self.standing.value,
            "why": words.plain(said(self.why)),
            "read": None if self.read is None else shown_time(self.read),
            "can_be_read": self.can_be_read,
            "seal": None if self.seal is None else words.plain(said(self.seal)),
        }

    def to_keep(self) -> str:
        """Write it so that it can be said in any language later; see :meth:`kept`."""
        return json.dumps(self.to_json() | {"why": written(self.why), "seal": written(self.seal)})

    @classmethod
    def kept(cls, text: str) -> State:
        """Return the state that :meth:`to_keep` wrote."""
        told = json.loads(text)
        read = None if told["read"] is None else datetime.fromisoformat(told["read"])
        seal = None if told["seal"] is None else read_written(told["seal"])
        return cls(Standing(told["standing"]), read_written(told["why"]), read, told["can_be_read"], seal)


class States:
    """Knows what was read again since the server started, and reads again, one thing at a time.

    Parameters
    ----------
    catalogue
        The catalogue's folder.
    most
        Bytes that are read at most.
    shared
        Where the server's processes tell each other what they read.
    """

    def __init__(self, catalogue: Path, most: int, shared: Shared) -> None:
        self._catalogue = catalogue
        self._most = most
        self._shared = shared
        self._turn = Turns(shared, "reading", each=1, all_together=1)

    def of(self, dossier: Dossier) -> State:
        """Say what is known of a thing without reading it."""
        node = dossier.node
        if not isinstance(node, EntityNode):
            return State(Standing.NOT_A_FILE, Sentence("A job has no bytes; what it made has."))
        glance = self._glance(dossier, node)
        return glance if glance.standing is not Standing.NOT_LOOKED_AT else self._known(node) or glance

    def read(self, dossier: Dossier) -> State:
        """Read a thing and its record again.

        Raises
        ------
        BadInputError
            If it is too large for that, or nothing to be read here.
        CatalogueBusyError
            If something else is being read for somebody.
        """
        node = dossier.node
        glance = self.of(dossier)
        if not isinstance(node, EntityNode) or not glance.can_be_read:
            raise BadInputError(glance.why)
        crate = next((each for each in dossier.crates if each.run.iri == node.crate), None)
        folder = None if crate is None or crate.folder is None else self._catalogue / "crates" / crate.folder
        self._refuse_too_large((node.size or 0) + (0 if folder is None else _size_of(folder, self._most)))
        with self.reading():
            report = Ledger(self._catalogue, on_disk=False, selection=who_looks().sees).check(node.iri)
            state = self._judged(report, folder)
        with self._shared.changing() as cursor:
            cursor.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (*_key(node), state.to_keep()))
        return state

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read something again inside, alone.

        Raises
        ------
        CatalogueBusyError
            If something else is being read for somebody.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self._turn.taken(""))
            except CatalogueBusyError:
                busy = Sentence("Something is being read again for somebody just now. Ask in a moment.")
                raise CatalogueBusyError(busy) from None
            yield

    def _known(self, node: EntityNode) -> State | None:
        found = self._shared.ask("SELECT told FROM state WHERE place = ? AND digest = ?", *_key(node))
        return State.kept(found[0][0]) if found else None

    def _glance(self, dossier: Dossier, node: EntityNode) -> State:
        place = node.place or node.path
        if is_uri(place) or node.presence == Presence.REMOTE:
            return _at_address(node)
        if is_elsewhere(place):
            return State(Standing.ELSEWHERE, Sentence("It is at another site, and cannot be looked at from here."))
        if node.presence in (Presence.DELETED, Presence.MISSING):
            return State(
                Standing.DELETED, Sentence("It was gone when the run ended, as a workflow's temporary files are.")
            )
        if node.digest is None:
            return State(
                Standing.NO_DIGEST, Sentence("No digest of it was recorded, so nobody can tell whether it changed.")
            )
        later = _written_later(dossier, node)
        if later is not None:
            why = Sentence("Run {run} has written something else at its place since.", run=words.run_name(later.crate))
            return State(Standing.REPLACED, why)
        folder = next((each.run.folder for each in dossier.crates if each.run.iri == node.crate), None)
        return _look(node, place_now(node, folder, self._catalogue.parent))

    def _refuse_too_large(self, size: int) -> None:
        if size > self._most:
            raise BadInputError(
                Sentence(
                    "It has more than the {most} that a page reads again. On the command line: filiation check",
                    most=words.size(self._most),
                )
            )

    def _judged(self, report: CheckReport, folder: Path | None) -> State:
        now = datetime.now(UTC)
        if report.findings:
            found = report.findings[0]
            standing = Standing.MISSING if found.what == "missing" else Standing.CHANGED
            return State(standing, Sentence.joined(found.lines, "\n"), now, can_be_read=True)
        if not report.intact:
            return State(Standing.NOT_LOOKED_AT, Sentence("There was nothing to read."), now, can_be_read=True)
        unchanged = Sentence("Every byte was read again and is as it was recorded.")
        if folder is None:
            return State(Standing.UNSIGNED, unchanged, now, can_be_read=True)
        try:
            seals = verify_crate(folder, evidence=Evidence(signers_list()))
        except FiliationError as error:
            return State(Standing.RECORD_CHANGED, error.message, now, can_be_read=True)
        standing = {
            Outcome.HOLDS: Standing.VERIFIED,
            Outcome.CHANGED: Standing.RECORD_CHANGED,
            Outcome.BAD_SIGNATURE: Standing.RECORD_CHANGED,
        }.get(seals.outcome, Standing.UNSIGNED)
        proof = Sentence.joined((seals.reason, *_signed_by(seals.seals)))
        return State(standing, unchanged, now, can_be_read=True, seal=proof)


def _signed_by(seals: Iterable[SealCheck]) -> Iterator[str]:
    """Yield who stands for a crate as it is now."""
    for seal in seals:
        if seal.signature is not None and seal.signature.signer and seal.statement and not seal.differences:
            yield Sentence(
                "It is signed by {who} as “{meaning}”, {when}.",
                who=seal.signature.signer,
                meaning=seal.statement.meaning,
                when=words.moment(seal.statement.sealed),
            )


def _at_address(node: EntityNode) -> State:
    """Tell of what has an address in the place of a path; nobody is asked."""
    scheme = node.path.partition(":")[0]
    if scheme in _LIBRARIES:
        why = Sentence("It comes with the library {library}, and has no file of its own.", library=_LIBRARIES[scheme])
        return State(Standing.NO_FILE, why)
    if scheme == "synthetic":
        return State(
            Standing.NO_FILE, Sentence("It was computed from the numbers in its name: there is no file of it.")
        )
    if OmeroId.from_iri(node.iri) is not None:
        why = Sentence("It is kept on a server, which pages do not ask; `filiation check` does.")
        return State(Standing.ELSEWHERE, why)
    return State(Standing.ELSEWHERE, Sentence("It lies at an address of a network, which is not asked."))


def _look(node: EntityNode, place: Path) -> State:
    """Look at a place without reading what is there."""
    not_looked_at = State(
        Standing.NOT_LOOKED_AT, Sentence("Nobody has read it again since; it lies at its place."), can_be_read=True
    )
    try:
        found = place.stat()
    except OSError:
        return State(Standing.MISSING, Sentence("There is nothing at {place} any more.", place=words.plain(str(place))))
    if node.digest is not None and node.digest.kind is DigestKind.FILE and node.size not in (None, found.st_size):
        why = Sentence("There are {now} bytes, and {then} were recorded.", now=found.st_size, then=node.size)
        return replace(not_looked_at, standing=Standing.CHANGED, why=why)
    return not_looked_at


def _written_later(dossier: Dossier, node: EntityNode) -> EntityNode | None:
    """Return what the newest run recorded at the same place, if it is something else."""
    newest = dossier.newest_there
    return newest if newest is not None and newest.digest not in (None, node.digest) else None


def _key(node: EntityNode) -> tuple[str, str]:
    return node.place or node.iri, str(node.digest)


def _size_of(folder: Path, most: int) -> int:
    total = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            total += path.stat().st_size
            if total > most:
                break
    return total
