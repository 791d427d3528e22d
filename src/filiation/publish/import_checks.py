"""What a published crate has to stand before anything of it comes in: its seals, its digests, what it says twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.catalogue.crate_on_disk import METADATA, carried, open_crate, read_metadata
from filiation.catalogue.reading import read_triples
from filiation.catalogue.root import root_of
from filiation.crate.metadata import refuse_escapes
from filiation.crate.seals import Evidence, Outcome, SealReport, verify_crate, verify_within
from filiation.digest import digest_file, digest_tree
from filiation.errors import (
    BadSignatureError,
    ChangedError,
    InvalidCrateError,
    UnknownSignerError,
)
from filiation.incoming.within import (
    Standing,
)
from filiation.model import Digest, DigestKind, decode_path, path_in_run
from filiation.publish.one_crate import Part, untold
from filiation.publish.web_names import names_told

if TYPE_CHECKING:
    from filiation.catalogue.nodes import Json


@dataclass(frozen=True, slots=True)
class Missing:
    """A thing that the crate names by its digest without holding it.

    Parameters
    ----------
    path
        As the run named it.
    digest
        Over its bytes.
    """

    path: str
    digest: str

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"path": self.path, "digest": self.digest}


def verified(
    folder: Path, place: Path, evidence: Evidence, required: Sequence[str], progress: Callable[[int], None] | None
) -> SealReport:
    """Return what the seals prove; a seal that proves that something is wrong refuses all of it."""
    report = verify_crate(folder, evidence=evidence, required=required, progress=progress)
    inner = verify_within(folder, evidence=evidence, any_signer=True, progress=progress)
    for name, found in ((str(place), report), *inner.items()):
        if found.outcome is Outcome.CHANGED:
            raise ChangedError(f"{name} is not taken in: {found.reason} See what: filiation verify {place}")
        if found.outcome is Outcome.BAD_SIGNATURE:
            raise BadSignatureError(f"{name} is not taken in: {found.reason}")
    if required and not report.holds:
        raise UnknownSignerError(f"{place} is not taken in: {report.reason}")
    return report


def see_that_both_say_the_same(folder: Path, standings: Sequence[Standing]) -> None:
    """See that the metadata of the whole, which people look at, says all that is taken in.

    Raises
    ------
    InvalidCrateError
        If something is only in a run's crate.
    """
    document, _ = read_metadata(folder)
    refuse_escapes(document)
    if "chosen" not in next((node for node in nodes_of(document) if node.get("@id") == "./"), {}):
        return  # a bundle of evidence, whose own metadata only lists the crates
    parts = []
    for standing in standings:
        told, _ = read_metadata(standing.crate.folder)
        refuse_escapes(told)
        parts.append(_part(standing, told, names_told(nodes_of(document), standing.crate.id, told)))
    whole, document = open_crate(folder)
    left = next(untold(read_triples(whole, document), whole.iri, parts), None)
    if left is not None:
        raise InvalidCrateError(
            f"{folder} is not taken in: the crate of a run in it says of {left[0]} what the metadata of the whole does "
            "not say, so that whoever looked at it saw something else."
        )


def _part(standing: Standing, document: dict[str, object], addresses: dict[str, str]) -> Part:
    folder = standing.crate.folder
    names = [str(node.get("@id", "")).removeprefix("./") for node in nodes_of(document)]
    there = frozenset(
        name for name in names if name and not name.startswith("#") and (folder / decode_path(name)).exists()
    )
    root = root_of(document)
    here = frozenset(name for name in there if name not in (root, METADATA, "./"))
    return Part(standing.crate.id, document, here, read_triples(standing.crate), addresses)


def nodes_of(document: dict[str, object]) -> list[dict[str, object]]:
    """Return the entities of a metadata document."""
    graph = document["@graph"]
    return [node for node in graph if isinstance(node, dict)] if isinstance(graph, list) else []


def check_payload(standings: Sequence[Standing]) -> tuple[int, tuple[Missing, ...]]:
    """Read every file and store that the runs' crates carry; return how many are as recorded, and what is not there."""
    checked, wrong = 0, []
    missing: dict[str, Missing] = {}
    for standing in standings:
        folder = standing.crate.folder
        document, _ = read_metadata(folder)
        redacted = {
            decode_path(str(node.get("@id", "")).removeprefix("./")).rstrip("/")
            for node in nodes_of(document)
            if node.get("redacted") is True
        }
        for reference, digest in carried(folder):
            path = folder / reference
            if not path.exists():
                missing.setdefault(digest.hex, Missing(reference, str(digest)))
            elif reference not in redacted:
                checked += 1
                if not _is_as_recorded(path, digest):
                    wrong.append(f"{standing.crate.id[:8]}/{reference}")
        for named in _only_named(document):
            missing.setdefault(named.digest, named)
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise ChangedError(f"The crate is not taken in: {shown} differ from what its own metadata records.")
    return checked, tuple(sorted(missing.values(), key=lambda each: each.path))


def _is_as_recorded(path: Path, digest: Digest) -> bool:
    is_tree = digest.kind is DigestKind.TREE
    if path.is_symlink() or path.is_dir() != is_tree:
        return False
    return (digest_tree(path).digest if is_tree else digest_file(path)) == digest


def _only_named(document: dict[str, object]) -> Iterator[Missing]:
    for node in nodes_of(document):
        at = str(node.get("@id", ""))
        if not at.startswith(("#work/", "#outside/")):
            continue
        for key, kind in (("sha256", DigestKind.FILE), ("treeDigest", DigestKind.TREE)):
            text = node.get(key)
            if isinstance(text, str):
                yield Missing(path_in_run(at[1:]).rstrip("/"), str(Digest(kind, text.strip().lower())))
