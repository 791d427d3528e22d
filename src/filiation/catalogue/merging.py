"""Another catalogue's crates and annotations taken into this one, without what a policy says is private.

The same run with the same metadata is there once. The same run with other metadata is told of and kept beside, in
``differing/``: which of two records holds is for a person to say. Runs join by bytes as ever; and since a path of
another site says nothing of this one, crates are noted as that site's (:mod:`filiation.catalogue.sites`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from filiation.catalogue.annotations import ENDING, FOLDER
from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk, open_crate
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.policy import Policy, matches
from filiation.catalogue.private import texts_of
from filiation.catalogue.private_texts import WITHHELD, PrivateTexts
from filiation.catalogue.reading import iri_of, read_triples
from filiation.catalogue.sites import note_sites, read_sites, site_named
from filiation.catalogue.waiting import unpacked_runs
from filiation.catalogue.withheld import Withheld, check_written, withheld_id, withhold, write
from filiation.crate import flush, flush_tree
from filiation.digest import digest_file
from filiation.errors import BadInputError, FiliationError

if TYPE_CHECKING:
    from filiation.catalogue.ingest import Catalogue
    from filiation.catalogue.nodes import Json
    from filiation.catalogue.taking_in import Progress

NEW: Final = "new"
SAME: Final = "same"
DIFFERS: Final = "differs"
DIFFERING: Final = "differing"
"""Folder of a catalogue for crates of runs of which it has another crate."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of one crate.

    Parameters
    ----------
    run
        Its run's UUID, at the other site.
    id
        Under which it is here: another one if something was withheld.
    outcome
        ``new``, ``same`` (it was here) or ``differs`` (another crate of the run is here).
    folder
        Where it is, or would be.
    withheld
        How many of what; None if nothing was.
    """

    run: str
    id: str
    outcome: str
    folder: Path
    withheld: dict[str, int] | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        told: dict[str, Json] = {"run": self.run, "id": self.id, "outcome": self.outcome, "folder": str(self.folder)}
        return told if self.withheld is None else {**told, "withheld": dict(self.withheld)}


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What became of one other catalogue.

    Parameters
    ----------
    other
        Its folder.
    crates
        One for each of its crates that can be read, by name.
    problems
        A sentence for each that cannot, or that stayed out.
    annotations
        How many are new, were here, are another than the one here, or are withheld.
    waiting
        Runs that are not packed there yet, and so not merged.
    dry
        Whether nothing was written.
    """

    other: Path
    crates: tuple[Merged, ...]
    problems: tuple[str, ...]
    annotations: dict[str, int] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    dry: bool = False

    @property
    def withheld(self) -> dict[str, int]:
        """How many of what was withheld, of all crates together."""
        total: Counter[str] = Counter()
        for crate in self.crates:
            total.update(crate.withheld or {})
        return dict(sorted(total.items()))

    def count(self, outcome: str) -> int:
        """Return how many crates had an outcome."""
        return sum(crate.outcome == outcome for crate in self.crates)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "other": str(self.other),
            "dry": self.dry,
            "crates": [crate.to_json() for crate in self.crates],
            "withheld": dict(self.withheld),
            "annotations": dict(self.annotations),
            "waiting": list(self.waiting),
            "problems": list(self.problems),
        }


def merge(
    catalogue: Catalogue,
    other: CatalogueFolder,
    policy: Policy | None = None,
    *,
    site: str | None = None,
    same_paths: bool = False,
    dry: bool = False,
    progress: Progress | None = None,
) -> MergeReport:
    """Take another catalogue's crates and annotations in. It can be interrupted and done again.

    Parameters
    ----------
    catalogue
        The catalogue that they come into.
    other
        The other one; it is only read.
    policy
        What is private; None for nothing.
    site
        What the other site is called in places; by default a name is made of where its catalogue is.
    same_paths
        Whether a path means the same file at both, as on one file system.
    dry
        Only tell what would become of what.
    progress
        Told how many crates are done.

    Raises
    ------
    BadInputError
        If both are one, or the site's name cannot be one.
    OSError
        If something cannot be written; what came before it is there.
    """
    here = catalogue.folder
    if here.root.resolve() == other.root.resolve():
        raise BadInputError(f"{other.root} is the catalogue itself; name another one to merge into it.")
    named = None if same_paths else site_named(site, other.root)
    merging = _Merging(here, other, policy or Policy(), named, dry=dry)
    found: list[Merged] = []
    problems: list[str] = []
    folders = other.list_crates()
    merging.note_sites(folders)
    for number, folder in enumerate(folders):
        try:
            found.append(merging.take(folder))
        except (FiliationError, UnicodeEncodeError) as error:
            problems.append(f"{folder.name}: {error}")
        if progress is not None:
            progress(number + 1, len(folders), folder.name)
    annotations = merging.annotations()
    if not dry:
        problems += catalogue.catch_up().problems
    waiting = tuple(sorted(unpacked_runs(other)))
    return MergeReport(other.root, tuple(found), tuple(problems), annotations, waiting, dry)


class _Merging:
    """One catalogue on its way into another."""

    def __init__(
        self, here: CatalogueFolder, other: CatalogueFolder, policy: Policy, site: str | None, *, dry: bool
    ) -> None:
        self._here, self._other, self._policy, self._dry = here, other, policy, dry
        self._site, self._sites = site, read_sites(other.root)
        self._texts = texts_of(policy)
        self._renamed: dict[str, tuple[str, dict[str, str]]] = {}
        self._literals: set[str] = set()
        self._words: set[str] = set()

    def note_sites(self, folders: Iterable[Path]) -> None:
        """Write down where crates are from, before they come: so that none is ever taken for one of ours."""
        if self._dry:
            return
        names = (name for folder in folders for name in (folder.name, _withheld_id(folder.name)))
        coming = (
            (name, self._sites.get(name, self._site)) for name in names if not (self._here.crates / name).exists()
        )
        note_sites(self._here.root, [(name, site) for name, site in coming if site is not None])

    def take(self, folder: Path) -> Merged:
        """Bring one crate here, or say what became of it."""
        crate, document = open_crate(folder)
        made = withhold(crate, document, self._policy, self._texts) if self._policy != Policy() else None
        if made is None:
            read_triples(crate, document)  # what cannot be read does not come in
            return self._settle(crate, crate, None)
        with tempfile.TemporaryDirectory(prefix=".merging-", dir=None if self._dry else self._here.root) as scratch:
            write(made, crate, Path(scratch))
            check_written(Path(scratch), self._texts | made.texts)
            written, told = open_crate(Path(scratch))
            read_triples(written, told)
            self._note_names(crate, written, made)
            return self._settle(crate, written, made)

    def _settle(self, crate: CrateOnDisk, coming: CrateOnDisk, made: Withheld | None) -> Merged:
        home = self._here.crates / coming.id
        kinds = None if made is None else dict(made.kinds)
        if not (home / METADATA).is_file():
            site = self._sites.get(crate.id, self._site)
            if not self._dry:
                note_sites(self._here.root, [(coming.id, site)] if site is not None else [])
                self._here.arrive(coming.folder)
            return Merged(crate.id, coming.id, NEW, home, kinds)
        if digest_file(home / METADATA) == coming.metadata_digest:
            return Merged(crate.id, coming.id, SAME, home, kinds)
        return Merged(crate.id, coming.id, DIFFERS, self._keep_beside(coming), kinds)

    def _keep_beside(self, coming: CrateOnDisk) -> Path:
        place = self._here.root / DIFFERING / coming.id / coming.metadata_digest.hex[:16]
        if self._dry or place.exists():
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        arriving = Path(tempfile.mkdtemp(prefix=".arriving-", dir=place.parent))
        shutil.copytree(coming.folder, arriving / "crate", symlinks=True)
        flush_tree(arriving)
        (arriving / "crate").rename(place)
        arriving.rmdir()
        return place

    def _note_names(self, crate: CrateOnDisk, written: CrateOnDisk, made: Withheld) -> None:
        names = {iri_of(old, crate.iri): iri_of(new, written.iri) for old, new in made.names.items()}
        self._renamed[crate.iri] = (written.iri, names)
        self._literals |= made.texts.literals
        self._words |= made.texts.words

    def annotations(self) -> dict[str, int]:
        """Copy what people noted there, without what is private; return how many became what."""
        counts: Counter[str] = Counter()
        texts = self._texts | PrivateTexts(self._literals, self._words)
        source, target = self._other.root / FOLDER, self._here.root / FOLDER
        for path in sorted(source.glob(f"[!.]*{ENDING}")) if source.is_dir() else ():
            written = self._annotation(path, texts)
            if written is None:
                counts[WITHHELD] += 1
                continue
            name, content = written
            if (target / name).exists():
                counts[SAME if (target / name).read_bytes() == content else DIFFERS] += 1
                continue
            counts[NEW] += 1
            if not self._dry:
                target.mkdir(parents=True, exist_ok=True)
                (target / f".{name}").write_bytes(content)
                flush(target / f".{name}")
                (target / f".{name}").rename(target / name)
        return dict(sorted(counts.items()))

    def _annotation(self, path: Path, texts: PrivateTexts) -> tuple[str, bytes] | None:
        """Return an annotation's file as it may go along; None if it may not."""
        content = path.read_bytes()
        if self._policy == Policy():
            return path.name, content
        try:
            told = json.loads(content)
            iris = [str(iri) for iri in told["iris"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # nobody can tell what it says
        if matches(str(told.get("key")), self._policy.annotations):
            return None
        people = {str(told.get(name)) for name in ("by", "by_id") if told.get(name)}
        names = people | {name.rpartition("/")[2] for name in people}
        if any(matches(name, self._policy.people) for name in names):
            told = {**told, "by": WITHHELD, "by_id": None}
        renamed = [self._iri(iri) for iri in iris]
        told["iris"] = sorted(iri for iri in renamed if not texts.occur_in(iri))
        if not told["iris"]:
            return None
        if renamed != iris and any("#withheld-" in iri for iri in renamed):
            told |= {"thing": WITHHELD, "digest": None}
        told = {key: _without(value, texts) for key, value in told.items()}
        same = told == json.loads(content)
        if same:
            return path.name, content
        original = str(told["id"])
        told["id"] = str(uuid5(UUID(original), WITHHELD))
        name = path.name.replace(original, told["id"])
        return name, (json.dumps(told, indent=1, ensure_ascii=True) + "\n").encode("utf-8")

    def _iri(self, iri: str) -> str:
        for crate, (derived, names) in self._renamed.items():
            if iri in names:
                return names[iri]
            if iri.startswith(crate):
                return derived + iri[len(crate) :]
        return iri


def _withheld_id(name: str) -> str:
    """Return the id of what is made of a run's crate when something is withheld; the name itself if it is no id."""
    try:
        return withheld_id(name)
    except ValueError:
        return name


def _without(value: Json, texts: PrivateTexts) -> Json:
    if isinstance(value, str):
        return texts.replaced_in(value)
    if isinstance(value, list):
        return [_without(item, texts) for item in value]
    if isinstance(value, dict):
        return {texts.replaced_in(key): _without(item, texts) for key, item in value.items()}
    return value
