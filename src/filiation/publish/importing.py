"""A published crate taken in: verified first, then each run in it under its own name, and said what is missing.

Whoever made the crate: nothing is written before its seals, the digests of all that it carries, and what it says of
itself twice have been checked.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from filiation.catalogue.crate_on_disk import METADATA, read_metadata
from filiation.catalogue.log import write_event
from filiation.catalogue.sites import note_sites, site_named
from filiation.crate import flush_tree
from filiation.crate.seals import Evidence, SealReport
from filiation.digest import digest_file, digest_tree
from filiation.errors import (
    BadInputError,
    ChangedError,
    MissingExtraError,
    NotFoundError,
)
from filiation.incoming.archives import MAGIC, CrateArchive
from filiation.incoming.within import (
    DIFFERS,
    JOINED,
    NEW,
    Standing,
    crates_within,
    settle,
    standing_of,
    told_before,
    withheld_in,
)
from filiation.model import Digest, decode_path, encode_path
from filiation.publish.import_checks import Missing, check_payload, nodes_of, see_that_both_say_the_same, verified

if TYPE_CHECKING:
    from filiation.catalogue import Catalogue
    from filiation.catalogue.nodes import Json

_WORK: Final = "work/"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a published crate.

    Parameters
    ----------
    crate
        What was named.
    title
        Its name.
    seals
        What its seals prove.
    runs
        Of each run in it: its id, and what became of it, as in :class:`~filiation.incoming.within.Standing`.
    checked
        How many of the files and stores that it carries were read and are as recorded.
    missing
        What it names by digest without holding it.
    placed
        Where its data were put.
    withheld
        How many of what it says was withheld.
    dry
        Whether nothing was written.
    """

    crate: Path
    title: str
    seals: SealReport
    runs: tuple[tuple[str, str], ...]
    checked: int
    missing: tuple[Missing, ...]
    placed: tuple[Path, ...] = ()
    withheld: tuple[tuple[str, int], ...] = ()
    dry: bool = False

    @property
    def differing(self) -> tuple[str, ...]:
        """Runs of which another record is here."""
        return tuple(run for run, outcome in self.runs if outcome == DIFFERS)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "crate": str(self.crate),
            "title": self.title,
            "seals": {"outcome": self.seals.outcome.value, "reason": self.seals.reason},
            "runs": [{"run": run, "outcome": outcome} for run, outcome in self.runs],
            "checked": self.checked,
            "missing": [thing.to_json() for thing in self.missing],
            "placed": [str(place) for place in self.placed],
            "withheld": dict(self.withheld),
            "dry": self.dry,
        }


def import_crate(
    catalogue: Catalogue,
    place: Path,
    *,
    evidence: Evidence | None = None,
    required: Sequence[str] = (),
    data_to: Path | None = None,
    site: str | None = None,
    same_paths: bool = False,
    dry: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Take a published crate in.

    Parameters
    ----------
    catalogue
        The catalogue that it comes into.
    place
        A folder, an archive (``.zip``, ``.eln``), or a bag's folder.
    evidence
        Who may sign.
    required
        Those who must have signed it.
    data_to
        A folder to put its data into, under the paths that the runs had; what is there is never written over.
    site
        What the other site is called in places; by default a name is made of the crate's digest.
    same_paths
        Whether a path there means the same file here.
    dry
        Only verify, and tell what would become of what.
    progress
        Called with the number of bytes read since the last call.

    Raises
    ------
    NotFoundError
        If there is no crate, or none of runs in it.
    InvalidCrateError
        If it cannot be read, or does not say in its own metadata what its runs' crates say.
    ChangedError
        If a byte is not as it was sealed or recorded.
    BadSignatureError, UnknownSignerError
        If a seal is bad, or somebody who must have did not sign.
    BadInputError
        If data would be written over something else.
    """
    with _at_hand(place) as folder:
        seals = verified(folder, place, evidence or Evidence(), required, progress)
        crates = crates_within(folder)
        if not crates:
            raise NotFoundError(
                f"{place} holds no crates of runs in crates/, as an export does. Take it in as one: filiation ingest"
            )
        root = told_before(folder)
        standings = [standing_of(catalogue, crate) for crate in crates]
        see_that_both_say_the_same(folder, standings)
        checked, missing = check_payload(standings)
        putting = tuple(_data_of(standings, data_to)) if data_to is not None else ()
        for source, target in putting:
            _refuse_to_overwrite(source, target)
        title = str(root.get("name") or place.name)
        withheld = tuple(sorted(withheld_in(root).items()))
        runs = tuple((standing.crate.id, standing.outcome) for standing in standings)
        placed = tuple(target for _, target in putting)
        if not dry:
            digest = digest_file(folder / METADATA)
            _take_in(catalogue, standings, None if same_paths else _site(site, digest))
            for source, target in putting:
                _put(source, target)
            write_event(catalogue.folder.root, "imported", title, str(digest))
        return ImportReport(place, title, seals, runs, checked, missing, placed, withheld, dry)


@contextmanager
def _at_hand(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield _payload_of_bag(place) if (place / "bagit.txt").is_file() else place
        return
    if not place.is_file():
        raise NotFoundError(f"No crate at {place}: it does not exist.")
    with place.open("rb") as stream:
        if not stream.read(4).startswith(MAGIC):
            raise BadInputError(f"{place} is neither a folder nor a ZIP archive (.zip, .eln).")
    with TemporaryDirectory(prefix="filiation-import-") as scratch:
        folder = Path(scratch) / "crate"
        with CrateArchive.opened(place) as archive:
            archive.unpack(folder)
        yield folder


def _payload_of_bag(place: Path) -> Path:
    """Return the crate in a bag, after every file of the bag was seen to be as its manifests say."""
    try:
        import bagit
    except ImportError as error:
        raise MissingExtraError(
            f"{place} is a bag, which needs bagit to be checked. Install it with: pip install 'filiation[export]'"
        ) from error
    try:
        bagit.Bag(str(place)).validate()
    except bagit.BagError as error:
        raise ChangedError(f"The bag {place} is not as its manifests say: {error}") from error
    return place / "data"


def _take_in(catalogue: Catalogue, standings: Sequence[Standing], site: str | None) -> None:
    ids = (standing.crate.id for standing in standings if standing.outcome == NEW)
    fresh = [run for run in ids if not (catalogue.folder.crates / run).exists()]
    if site is not None:
        # Before they come, so that no path of theirs is ever taken for one of this machine.
        note_sites(catalogue.folder.root, [(run, site) for run in fresh])
    for standing in standings:
        if standing.outcome in (NEW, JOINED):
            flush_tree(standing.crate.folder)
            settle(catalogue, standing)


def _site(name: str | None, digest: Digest) -> str:
    return site_named(name, Path("/")) if name is not None else f"import-{digest.hex[:8]}"


def _data_of(standings: Sequence[Standing], folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the data that crates carry, and where each is to be put: not what workflows are made of."""
    root = folder.resolve()
    for standing in standings:
        document, _ = read_metadata(standing.crate.folder)
        code = {
            encode_path(decode_path(str(target.get("@id"))))
            for node in nodes_of(document)
            for key in ("sourceFiles", "licenseFiles", "engineConfiguration", "mainEntity", "softwareRequirements")
            for target in _listed(node.get(key))
        }
        for node in nodes_of(document):
            at = str(node.get("@id", "")).removeprefix("./")
            if not at.startswith(_WORK) or at in code or "entityKind" not in node:
                continue
            path = decode_path(at.removeprefix(_WORK)).rstrip("/")
            source, target = standing.crate.folder / _WORK / path, root / path
            is_inside = target.resolve().is_relative_to(root) and source.resolve().is_relative_to(
                standing.crate.folder.resolve()
            )
            if source.exists() and is_inside:
                yield source, target


def _listed(value: object) -> list[dict[str, object]]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _refuse_to_overwrite(source: Path, target: Path) -> None:
    if not target.exists():
        return
    same = source.is_dir() == target.is_dir() and _digest(source) == _digest(target)
    if not same:
        raise BadInputError(f"{target} exists already, and holds something else; name another folder for --data-to.")


def _digest(path: Path) -> Digest:
    return digest_tree(path).digest if path.is_dir() else digest_file(path)


def _put(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copyfile(source, target)
