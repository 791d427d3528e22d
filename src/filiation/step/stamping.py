"""What a step writes into the label images that it made: which run, parameters and inputs made them.

It happens in the job itself, before the store's digest is taken: the store that is recorded is the one with the block.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filiation.capture.environment import agent_facts
from filiation.capture.place import STORES_NONE, STORES_WITHOUT_PERSON, Settings
from filiation.errors import FiliationError
from filiation.images import pixel_digest
from filiation.images.claims import ClaimedInput, StoreClaim, is_label_store, write_claim
from filiation.model import Digest, Parameter, Software, Value, is_uri


def stamp_label_stores(
    paths: Iterable[Path],
    settings: Settings,
    *,
    run: str | None,
    record: str,
    rule: str,
    function: str,
    started: datetime,
    parameters: Iterable[Mapping[str, Any]],
    software: Iterable[Mapping[str, Any]],
    inputs: Iterable[Mapping[str, Any]],
) -> dict[Path, Digest]:
    """Write the block into every label image among a step's outputs; return their pixel digests.

    A store that cannot be written to stays as it is, and a line on the standard error says so: the job matters more.

    Parameters
    ----------
    paths
        The outputs.
    settings
        What people state of themselves, and whether it goes into stores.
    run, record, rule, function, started
        Of the step.
    parameters, software, inputs
        As the step record has them, without secrets.
    """
    if settings.provenance == STORES_NONE:
        return {}
    person = {} if settings.provenance == STORES_WITHOUT_PERSON else agent_facts(settings)
    found: dict[Path, Digest] = {}
    for store in paths:
        try:
            if not is_label_store(store):
                continue
            pixels = pixel_digest(store)
            claim = StoreClaim(
                pixels=pixels,
                rule=rule,
                function=function,
                written=datetime.now(UTC),
                started=started,
                run=run,
                record=record,
                parameters=tuple(_parameter(each) for each in parameters),
                software=tuple(Software(each["name"], each.get("version"), each.get("purl")) for each in software),
                inputs=tuple(_input(each, store) for each in inputs),
                person=person.get("name"),
                orcid=person.get("orcid"),
            )
            write_claim(store, claim)
            found[store] = pixels
        except (FiliationError, OSError) as error:
            sys.stderr.write(f"filiation: {store} does not say how it was made ({error}).\n")
    return found


def _parameter(told: Mapping[str, Any]) -> Parameter:
    requested, used = (Value.of(told[key]) if key in told else None for key in ("requested", "used"))
    return Parameter(str(told["name"]), requested, used)


def _input(told: Mapping[str, Any], store: Path) -> ClaimedInput:
    """Return what an input of the record is to the store: a path as seen from it, or a URI."""
    iri, place = told.get("iri"), told.get("path")
    if iri is not None and not is_uri(str(iri)):
        iri, place = None, iri  # what the step declared besides, by its path
    digest, pixels = (Digest.from_text(str(told[key])) if told.get(key) else None for key in ("digest", "pixels"))
    return ClaimedInput(
        slot=told.get("slot"),
        name=str(told.get("name") or Path(str(place)).name),
        path=None if place is None else Path(os.path.relpath(str(place), store)).as_posix(),
        iri=iri,
        digest=digest,
        pixels=pixels,
    )
