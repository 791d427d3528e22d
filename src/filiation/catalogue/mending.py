"""A store's metadata mended, and who did it, when and how kept: the lineage of what was made of it stays whole."""

from __future__ import annotations

import glob
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.curations import look_at_store, record_curation, this_machine, this_person, this_software
from filiation.crate import flush
from filiation.crate.curation import Deed
from filiation.crate.record_names import MENDING
from filiation.digest import DigestCache
from filiation.images.conformance.mending import MetadataChange, write_changes
from filiation.images.metadata_file import replace_metadata
from filiation.model import Parameter, Presence, Value

TOOL = "filiation conform --fix"


def mend_store(catalogue: CatalogueFolder, store: Path, changes: Sequence[MetadataChange]) -> Path:
    """Change a store's metadata as planned, and record it; returns the folder of the crate.

    What the files held before stands in the crate under ``before/``; while the store is changed, a copy stands beside
    it as well, by which a mending that breaks off is taken back.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    started = datetime.now(UTC)
    with DigestCache(catalogue.digests) as cache:
        before = look_at_store(store, cache)
        beside = _keep_beside(store, changes, started)
        try:
            write_changes(store, changes)
        except OSError:
            take_back_unfinished(store)
            raise
        after = look_at_store(store, cache, before.entity.pixels)
    told = [f"{finding.fault} at {finding.where}" for change in changes for finding in change.mended]
    deed = Deed(
        id=MENDING,
        tool=this_software(TOOL),
        description=f"Metadata of {store.name} were mended, pixels were not touched: {'; '.join(told)}",
        agent=this_person(catalogue),
        used=(replace(before.entity, presence=Presence.CHANGED),),
        made=(after.entity,),
        parameters=(
            Parameter("mended", used=Value.of(told)),
            Parameter("files", used=Value.of([change.path for change in changes])),
        ),
        started=started,
        ended=datetime.now(UTC),
        machine=this_machine(),
    )
    files = {
        **{f"before/{change.path}": change.before for change in changes},
        **{f"after/{change.path}": change.after for change in changes},
        **after.manifest_file,
    }
    crate = record_curation(
        catalogue, f"Metadata of {store.name} mended", f"What was mended in {store}, by whom and when", [deed], files
    )
    beside.unlink()
    return crate


def take_back_unfinished(store: Path) -> bool:
    """Undo a mending that did not come to its record, so that no step of lineage is missing; returns whether there was.

    Raises
    ------
    OSError
        If a file cannot be written; what is kept beside the store then stays.
    """
    found = sorted(store.parent.glob(f".{glob.escape(store.name)}.before-*.json"), reverse=True)
    for kept in found:
        held = json.loads(kept.read_text("utf-8"))
        for path, text in held.items():
            content = text.encode("utf-8", "surrogateescape")
            if (store / path).read_bytes() != content:
                replace_metadata(store / path, content)
        kept.unlink()
    return bool(found)


def _keep_beside(store: Path, changes: Sequence[MetadataChange], when: datetime) -> Path:
    """Keep what the files hold in one file beside the store, until the crate has it."""
    place = store.with_name(f".{store.name}.before-{when:%Y%m%dT%H%M%S}.json")
    held = {change.path: change.before.decode("utf-8", "surrogateescape") for change in changes}
    place.write_text(json.dumps(held, indent=1), "utf-8")
    flush(place)
    return place
