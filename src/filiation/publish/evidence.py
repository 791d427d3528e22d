"""All that somebody needs to check one result without us: crates, answers, and a page that says how.

The bundle is an RO-Crate 1.1 of its own, so that it is sealed and verified like any other. It holds a copy of every
crate that the lineage of the result rests on, with their seals; an auditor can take those into a catalogue of their
own, ask the same question and compare the answer.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filiation.catalogue.nodes import EntityNode
from filiation.crate import flush_tree
from filiation.crate.metadata import METADATA_FILE
from filiation.crate.seals import SEALS
from filiation.digest import digest_file, digest_tree
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.lineage.formats import WRITERS
from filiation.lineage.story import left_open, tell
from filiation.model import DigestKind
from filiation.publish.evidence_crate import PAGE, write_metadata
from filiation.publish.evidence_page import CrateShown, render_page

if TYPE_CHECKING:
    from filiation.lineage import Ledger
    from filiation.lineage.answers import Lineage

_BEGIN: Final = "arcp://uuid,"


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What was bundled.

    Parameters
    ----------
    target
        The folder.
    things, jobs
        In the lineage.
    crates
        Of runs, and how many of them are sealed.
    gaps
        What their records leave open about this lineage, in sentences.
    data
        Where in the bundle the thing itself is; None if it was not asked for.
    """

    target: Path
    things: int
    jobs: int
    crates: tuple[CrateShown, ...]
    gaps: tuple[str, ...]
    data: str | None = None

    @property
    def sealed(self) -> int:
        """How many crates are sealed."""
        return sum(crate.seals > 0 for crate in self.crates)


def write_evidence(
    ledger: Ledger,
    thing: str,
    target: Path,
    *,
    with_data: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> EvidenceReport:
    """Write a folder with all that the lineage of a thing rests on; it is whole or not there.

    Parameters
    ----------
    ledger
        The catalogue.
    thing
        As for ``trace``.
    target
        The folder to be made.
    with_data
        Whether the thing itself comes along, if it is still as recorded.
    progress
        Called with how many crates are copied, and how many there are.

    Raises
    ------
    NotFoundError
        If the thing, or a crate that it rests on, is not there.
    BadInputError
        If there is something at ``target``.
    ChangedError
        If the thing is to come along and is not as it was recorded.
    """
    if target.exists():
        raise BadInputError(f"{target} exists already; name another place, so that nothing is overwritten.")
    lineage = ledger.trace(thing)
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        making.mkdir()
        crates = tuple(_copy_crates(ledger, lineage, making, progress))
        data = _bring_along(ledger, lineage, making) if with_data else None
        gaps = left_open(lineage)
        page = render_page(lineage, tell(lineage), crates, gaps, data)
        written = _write_answers(lineage, making) | {PAGE: page}
        for name, text in written.items():
            (making / name).write_text(text, encoding="utf-8")
        write_metadata(making, lineage, sorted(written), crates, data)
        flush_tree(making)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return EvidenceReport(target, len(lineage.entities), len(lineage.actions), crates, gaps, data)


def _copy_crates(
    ledger: Ledger, lineage: Lineage, making: Path, progress: Callable[[int, int], None] | None
) -> Iterable[CrateShown]:
    homes = ledger.folder / "crates"
    named = {node.crate for node in lineage.nodes} | {edge.crate for edge in lineage.edges}
    named |= {action.crate for action in lineage.reproductions}
    for done, iri in enumerate(sorted(named), start=1):
        run = iri.removeprefix(_BEGIN).rstrip("/")
        source = homes / run
        if not (source / METADATA_FILE).is_file():
            raise NotFoundError(
                f"The crate of run {run}, which the lineage rests on, is not in {homes}. Bring it back, or make the "
                "index again: filiation rebuild"
            )
        shutil.copytree(source, making / "crates" / run, symlinks=True)
        metadata = digest_file(source / METADATA_FILE)
        name = str(_root(source).get("name") or f"run {run[:8]}")
        seals = len([each for each in (source / SEALS).iterdir() if each.name.isdecimal()]) if _is_sealed(source) else 0
        yield CrateShown(run, name, str(metadata), seals)
        if progress is not None:
            progress(done, len(named))


def _is_sealed(crate: Path) -> bool:
    return (crate / SEALS).is_dir()


def _root(crate: Path) -> dict[str, Any]:
    graph = json.loads((crate / METADATA_FILE).read_text(encoding="utf-8-sig")).get("@graph", [])
    return next((entity for entity in graph if isinstance(entity, dict) and entity.get("@id") == "./"), {})


def _bring_along(ledger: Ledger, lineage: Lineage, making: Path) -> str:
    thing = lineage.by_iri[lineage.roots[0]]
    if not isinstance(thing, EntityNode) or thing.digest is None or thing.place is None or "://" in thing.place:
        raise BadInputError(f"{lineage.thing} has no file or folder here that could come along; leave out --with-data.")
    source = Path(thing.place)
    if not source.exists():
        raise NotFoundError(f"{source}, where {lineage.thing} was last seen, is not there any more.")
    name = f"data/{source.name}"
    (making / "data").mkdir()
    if thing.digest.kind is DigestKind.TREE:
        shutil.copytree(source, making / name, symlinks=True, ignore=shutil.ignore_patterns(".snakemake_timestamp"))
        copied = digest_tree(making / name).digest
    else:
        shutil.copy2(source, making / name)
        copied = digest_file(making / name)
    if copied != thing.digest:
        raise ChangedError(
            f"{source} is not what was recorded: its digest is {copied}, expected {thing.digest}. See what "
            f"changed with: filiation check {lineage.thing}"
        )
    return name


def _write_answers(lineage: Lineage, making: Path) -> dict[str, str]:
    plain = replace(lineage, note=None)
    return {
        "lineage.json": json.dumps(lineage.to_json(), indent=1, ensure_ascii=True) + "\n",
        "lineage.svg": plain.to_svg(),
        "lineage.txt": plain.tree(),
        "lineage.provn": WRITERS["prov-n"](plain),
    }
