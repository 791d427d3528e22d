"""Each run of an export: the part of its crate that the results rest on, without what is private and without secrets.

A crate of ours keeps its run's id, so everything in it keeps its name. A crate of another engine is named by its
metadata's digest, so its metadata is taken whole and as it is, unless something of it is withheld.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from filiation.capture.redaction import Redactor
from filiation.catalogue.crate_on_disk import CrateOnDisk, crate_of, open_crate
from filiation.catalogue.policy import Policy
from filiation.catalogue.private import texts_of
from filiation.catalogue.private_texts import PrivateTexts
from filiation.catalogue.reading import iri_of, read_triples
from filiation.catalogue.root import root_of
from filiation.catalogue.withheld import LARGEST_FILE, Withheld, withhold
from filiation.crate.agents import without_folders_of_a_machine
from filiation.crate.jsonld import Node, many, renamed
from filiation.crate.metadata import METADATA_FILE, read_metadata
from filiation.crate.profiles import TERMS
from filiation.digest import digest_file
from filiation.errors import BadInputError
from filiation.model import decode_path, encode_path, is_uri, run_iri
from filiation.publish.one_crate import Part
from filiation.publish.subset import MANIFESTS, Subset, take_subset
from filiation.publish.terms import Terms

SECRET: Final = "secret"  # noqa: S105 - a kind of what is withheld
_PROGRAMS: Final = (".py", ".smk", ".r", ".jl", ".sh", ".ipynb", ".pl", ".m")
_OF_THE_WHOLE: Final = ("journal.jsonl", "README.md", "snakemake-metadata.jsonl", "ro-crate-preview", "seal/")
"""What speaks of every job of the run, so that it stays behind where only some of them go."""


@dataclass
class ExportedCrate:
    """A run's crate as it goes into an export.

    Parameters
    ----------
    source
        The crate in the catalogue.
    document
        The metadata that goes.
    files
        What goes along: from the path in the crate to where it is read from, or to the bytes that take its place.
    subset
        How much of the crate it is.
    withheld
        How many of what is withheld.
    names
        New @ids of what is withheld, by the old ones.
    verbatim
        Whether the metadata file goes as it is.
    texts
        What must not stand anywhere.
    """

    source: CrateOnDisk
    document: dict[str, Any]
    files: dict[str, Path | bytes]
    subset: Subset
    withheld: Counter[str] = field(default_factory=Counter)
    names: Mapping[str, str] = field(default_factory=dict)
    verbatim: bool = False
    texts: PrivateTexts = field(default_factory=PrivateTexts)
    id: str = ""

    @property
    def iri(self) -> str:
        """The IRI that it has in the export."""
        return run_iri(self.id)

    @property
    def name(self) -> str:
        """What it is called."""
        root = root_of(self.document) or "./"
        entity: Node = next((node for node in self.document["@graph"] if node.get("@id") == root), {})
        return str(entity.get("name") or f"run {self.id[:8]}")

    def iri_in_export(self, iri: str) -> str | None:
        """Return what a thing of the catalogue's crate is called in the export; None if it is withheld."""
        if iri in self._withheld_iris:
            return None
        return self.iri + iri.removeprefix(self.source.iri) if iri.startswith(self.source.iri) else iri

    def identifier_of(self, iri: str) -> str | None:
        """Return the @id that a thing of the catalogue's crate has in this one; None if it is not there."""
        there = self.iri_in_export(iri)
        return None if there is None else self._identifiers.get(there)

    @cached_property
    def _withheld_iris(self) -> frozenset[str]:
        return frozenset(iri_of(old, self.source.iri) for old in self.names)

    @cached_property
    def _identifiers(self) -> dict[str, str]:
        names = (str(node["@id"]) for node in self.document["@graph"] if isinstance(node.get("@id"), str))
        return {iri_of(name, self.iri): name for name in names}

    def metadata(self) -> bytes:
        """Return the metadata file's content."""
        if self.verbatim:
            return self.source.metadata.read_bytes()
        return (json.dumps(self.document, indent=1, ensure_ascii=True) + "\n").encode("ascii")

    def embed(self, identifiers: Iterable[str]) -> None:
        """Give things that are only named the @ids of such that are carried."""
        carried = {name: name.removeprefix("#") for name in identifiers if name.startswith("#")}
        if carried:
            self.document = renamed(self.document, carried)

    def leave(self, identifier: str) -> None:
        """Give a thing that is carried the @id of one that is only named, and leave its files behind."""
        if not identifier.startswith(("work/", "outside/")) or self.verbatim:
            return
        path = decode_path(identifier).rstrip("/")
        self.files = {
            name: source for name, source in self.files.items() if name != path and not name.startswith(path + "/")
        }
        self.document = renamed(self.document, {identifier: "#" + identifier})

    def as_part(self, folders: Collection[str], addresses: Mapping[str, str]) -> Part:
        """Return it as a part of the one crate.

        Parameters
        ----------
        folders
            The @ids of folders that it carries besides its files.
        addresses
            What has an address of the web in the whole, by its IRI in the export.
        """
        paths = {encode_path(path) for path in self.files}
        above = {path[: index + 1] for path in paths for index, letter in enumerate(path) if letter == "/"}
        named = {str(node.get("@id", "")).removeprefix("./") for node in self.document["@graph"]}
        carried = frozenset({*(paths & named), *(above & named), *folders})
        plain = Terms(self.document["@context"]).is_plain
        triples = () if plain else read_triples(replace(self.source, id=self.id), _copied(self.document))
        return Part(self.id, self.document, carried, triples, addresses)


class RunExporter:
    """Takes what is needed of each run's crate.

    Parameters
    ----------
    policy
        What is private.
    redactor
        Knows secrets.
    with_failed, whole_runs
        As in :class:`~filiation.publish.export_settings.ExportSettings`.
    """

    def __init__(
        self, policy: Policy | None, redactor: Redactor, *, with_failed: bool = False, whole_runs: bool = False
    ) -> None:
        self._policy, self._redactor = policy or Policy(), redactor
        self._texts = texts_of(self._policy)
        self._with_failed, self._whole_runs = with_failed, whole_runs

    def take(self, folder: Path, wanted: Collection[str]) -> ExportedCrate:
        """Take of the crate in a folder what the things and jobs with these IRIs rest on.

        Raises
        ------
        BadInputError
            If runs are to come along whole, and something of this one is private or a secret.
        InvalidCrateError
            If the crate cannot be read.
        """
        crate, document = open_crate(folder)
        made = withhold(crate, document, self._policy, self._texts) if self._policy != Policy() else None
        told = document if made is None else made.document
        clean, secrets = self._without_secrets(told)
        if self._whole_runs and (made is not None or secrets):
            raise BadInputError(
                f"Run {crate.id[:8]} holds something that is to be withheld, so it cannot come along whole. Leave out "
                "--whole-runs, or what names it in the policy."
            )
        changed = made is not None or secrets > 0
        if self._whole_runs or not crate.own:
            taken = self._whole(crate, clean, made, verbatim=not changed)
        else:
            taken = self._part(crate, clean, made, wanted)
        taken.withheld += Counter({SECRET: secrets}) if secrets else Counter()
        if not self._whole_runs:
            self._clean_files(taken)
        taken.id = self._id(taken, made)
        return taken

    def _part(
        self, crate: CrateOnDisk, document: Mapping[str, Any], made: Withheld | None, wanted: Collection[str]
    ) -> ExportedCrate:
        base = run_iri(made.id) if made is not None and made.id is not None else crate.iri
        names = {} if made is None else made.names
        here = {_moved(iri, crate.iri, base, names) for iri in wanted}
        subset = take_subset(document, base, here, source=crate.metadata_digest.iri, with_failed=self._with_failed)
        files: dict[str, Path | bytes] = {
            path: crate.folder / path
            for path in _files_of(subset.document, crate.folder)
            if (made is None or path in made.files) and not path.startswith(_OF_THE_WHOLE)
        }
        document = without_folders_of_a_machine(subset.document)
        return ExportedCrate(crate, document, files, subset, *_told(made))

    def _whole(
        self, crate: CrateOnDisk, document: dict[str, Any], made: Withheld | None, *, verbatim: bool
    ) -> ExportedCrate:
        whole = Subset(document, *_counts(document), {"jobs": 0, "things": 0})
        if made is not None:
            paths = list(made.files)
        elif self._whole_runs:
            paths = [path for path in _every_file(crate.folder) if path != METADATA_FILE]
        else:
            paths = [path for path in _every_file(crate.folder)
                     if path != METADATA_FILE and (crate.folder / path).stat().st_size <= LARGEST_FILE]  # fmt: skip
        files: dict[str, Path | bytes] = {path: crate.folder / path for path in paths}
        return ExportedCrate(crate, document, files, whole, *_told(made), verbatim=verbatim)

    def _without_secrets(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """Return the metadata without what looks like a secret, and in how many entities there was one."""
        graph, count = [], 0
        for node in document["@graph"]:
            clean = node
            if self._redactor.suspects(json.dumps(node)):
                clean = self._redactor.plain(node)
                count += clean != node
            graph.append(clean)
        return {**document, "@graph": graph}, count

    def _clean_files(self, taken: ExportedCrate) -> None:
        """Leave behind what cannot be looked through, and take secrets out of what can."""
        texts = self._texts | taken.texts
        for path, source in list(taken.files.items()):
            content = source if isinstance(source, bytes) else source.read_bytes()
            clean = self.clean(path, content)
            if clean is None or texts.occur_in(path) or (texts and texts.occur_in(clean.decode("utf-8", "replace"))):
                del taken.files[path]
                taken.withheld["file"] += 1
            elif clean != content:
                taken.files[path] = clean
                taken.withheld[SECRET] += 1
                if not taken.verbatim:
                    _mark_redacted(taken.document, path)

    def clean(self, path: str, content: bytes) -> bytes | None:
        """Return a file's content without secrets; None if nobody can look through it and it is large."""
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            return content
        if not self._redactor.suspects(text):
            return content
        if path.endswith(".json"):
            try:
                told = json.loads(text)
            except (ValueError, RecursionError):
                return self._redactor.document(text).encode("utf-8")
            plain = self._redactor.plain(told)
            return content if plain == told else (json.dumps(plain, indent=1) + "\n").encode("utf-8")
        return self._redactor.document(text, code=path.lower().endswith(_PROGRAMS)).encode("utf-8")

    @property
    def texts(self) -> PrivateTexts:
        """What the policy by itself says must not stand anywhere."""
        return self._texts

    def _id(self, taken: ExportedCrate, made: Withheld | None) -> str:
        if taken.source.own:
            return made.id if made is not None and made.id is not None else taken.source.id
        if taken.verbatim:
            return taken.source.id
        import hashlib

        from filiation.model import Digest, DigestKind

        digest = Digest(DigestKind.FILE, hashlib.sha256(taken.metadata()).hexdigest())
        return crate_of(taken.source.folder, taken.document, digest).id


def _told(made: Withheld | None) -> tuple[Counter[str], Mapping[str, str]]:
    return (Counter(), {}) if made is None else (Counter(made.kinds), made.names)


def _moved(iri: str, old: str, new: str, names: Mapping[str, str]) -> str:
    for before, after in names.items():
        if iri_of(before, old) == iri:
            return iri_of(after, new)
    return new + iri.removeprefix(old) if iri.startswith(old) else iri


def _files_of(document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield the files in a crate's folder that its metadata names, and the manifests of the trees that it names."""
    for node in document["@graph"]:
        at = str(node.get("@id", "")).removeprefix("./")
        tree = node.get("treeDigest")
        if isinstance(tree, str) and (folder / MANIFESTS / f"{tree}.sha256").is_file():
            yield f"{MANIFESTS}{tree}.sha256"
        if not at or at.startswith("#") or is_uri(at) or at in (METADATA_FILE, MANIFESTS):
            continue
        path = decode_path(at).rstrip("/")
        place = folder / path
        if place.is_symlink() or not place.resolve().is_relative_to(folder.resolve()):
            continue
        if place.is_file():
            yield path


def _every_file(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix()


def _counts(document: Mapping[str, Any]) -> tuple[int, int]:
    types = [set(many(node.get("@type"))) for node in document["@graph"]]
    jobs = sum(bool(found & {"CreateAction", "UpdateAction", "ActivateAction"}) for found in types)
    return jobs, sum(bool(found & {"File", "Dataset", "MediaObject"}) for found in types)


def _mark_redacted(document: dict[str, Any], path: str) -> None:
    # The digest is the original's; the copy that goes is another text.
    for node in document["@graph"]:
        if str(node.get("@id", "")).removeprefix("./") == encode_path(path):
            node["redacted"] = True
    document["@context"] = [*many(document["@context"]), {"redacted": TERMS + "redacted"}]


def _copied(document: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(document))
    return copied


def copy_files(taken: ExportedCrate, folder: Path) -> None:
    """Write a crate of the export into a new folder."""
    for path, source in taken.files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            place.write_bytes(source)
        else:
            shutil.copyfile(source, place, follow_symlinks=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METADATA_FILE).write_bytes(taken.metadata())


def check_copied(taken: ExportedCrate, folder: Path) -> None:
    """Make sure that what was written can be read back, and is named as it says.

    Raises
    ------
    InvalidCrateError
        If not, which would be a fault of ours.
    """
    document = read_metadata(folder)
    crate = crate_of(folder, document, digest_file(folder / METADATA_FILE))
    if crate.id != taken.id:
        raise BadInputError(f"The crate of run {taken.id} would be called {crate.id} in the export.")
