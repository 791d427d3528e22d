"""What a store says of its own making: a block in its attributes, so that one found alone can be traced.

The form is ``docs/reference/store-claim.md``. It is a claim: whoever can write to the store can change it. What it says
of the store's pixels can be held against them; that, and the run's crate, is what makes it more
(``docs/decisions/0015-a-label-store-says-how-it-was-made.md``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from filiation.errors import BadInputError, NotFoundError
from filiation.images.metadata_file import replace_metadata
from filiation.model import Digest, Parameter, Software, Value

KEY: Final = "filiation"
FORMAT: Final = 1
_LARGEST: Final = 16_000_000
_FILES: Final = ("zarr.json", ".zattrs")


@dataclass(frozen=True, slots=True)
class ClaimedInput:
    """Something that a store says it was made from.

    Parameters
    ----------
    slot
        The name under which the step had it; None for what it declared besides.
    name
        For a person.
    path
        Where it was, relative to the store; None for what is named by a URI.
    iri
        The URI of an image outside of files; None for a file or store.
    digest, pixels
        Over its bytes, and over its pixels if it is an image.
    """

    slot: str | None
    name: str
    path: str | None = None
    iri: str | None = None
    digest: Digest | None = None
    pixels: Digest | None = None


@dataclass(frozen=True, slots=True)
class StoreClaim:
    """What a store says of its own making.

    Parameters
    ----------
    pixels
        Pixel digest of what was written: whether it still holds can be found out from the store alone.
    rule, function
        Of the workflow's step that wrote it.
    written, started
        When it was written, and when that step started; UTC.
    run
        Id of the run; None if it is not known.
    record
        Name of the step's record, which the run's crate holds.
    parameters
        As requested and as used.
    software
        What ran.
    inputs
        What it was made from.
    person, orcid
        Who ran it, as they state themselves.
    """

    pixels: Digest
    rule: str
    function: str
    written: datetime
    started: datetime | None = None
    run: str | None = None
    record: str | None = None
    parameters: tuple[Parameter, ...] = ()
    software: tuple[Software, ...] = ()
    inputs: tuple[ClaimedInput, ...] = ()
    person: str | None = None
    orcid: str | None = None

    def to_block(self) -> dict[str, Any]:
        """Return the block as it stands in the store; what is not known is left out."""
        told: dict[str, Any] = {
            "version": FORMAT,
            "run": self.run,
            "record": self.record,
            "rule": self.rule,
            "function": self.function,
            "parameters": [_plain_parameter(each) for each in self.parameters],
            "inputs": [_plain_input(each) for each in self.inputs],
            "pixels": str(self.pixels),
            "started": _plain_time(self.started),
            "written": _plain_time(self.written),
            "software": [_known({"name": s.name, "version": s.version, "purl": s.purl}) for s in self.software],
            "person": _known({"name": self.person, "orcid": self.orcid}) or None,
        }
        return _known(told)

    @classmethod
    def from_block(cls, told: Mapping[str, Any]) -> StoreClaim:
        """Read a block; anyone may have written it.

        Raises
        ------
        BadInputError
            If it is of another version, or what it needs is missing or of a wrong kind.
        """
        if told.get("version") != FORMAT:
            raise BadInputError(f"The block is of version {told.get('version')!r}; this filiation reads {FORMAT}.")
        try:
            person = told.get("person") or {}
            return cls(
                pixels=Digest.from_text(told["pixels"]),
                rule=_text(told["rule"]),
                function=_text(told["function"]),
                written=_time(told["written"]),
                started=_time(told["started"]) if "started" in told else None,
                run=str(UUID(told["run"])) if "run" in told else None,
                record=_text(told["record"]) if "record" in told else None,
                parameters=tuple(_parameter(each) for each in told.get("parameters", ())),
                software=tuple(
                    Software(_text(each["name"]), each.get("version"), each.get("purl"))
                    for each in told.get("software", ())
                ),
                inputs=tuple(_input(each) for each in told.get("inputs", ())),
                person=person.get("name"),
                orcid=person.get("orcid"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInputError(f"The block is malformed ({type(error).__name__}: {error}).") from error


def read_claim(store: Path) -> StoreClaim | None:
    """Return what the store in a folder says of its own making; None if it says nothing.

    Raises
    ------
    BadInputError
        If what it says cannot be read.
    """
    for name in _FILES:
        content = _content(store / name)
        if content is not None and (claim := claim_among(_attributes(content, name), str(store))) is not None:
            return claim
    return None


def claim_among(attributes: Mapping[str, Any], where: str) -> StoreClaim | None:
    """Return what a store says of its own making among its attributes; ``where`` names it. Raises as above."""
    told = attributes.get(KEY)
    if not isinstance(told, Mapping):
        return None
    try:
        return StoreClaim.from_block(told)
    except BadInputError as error:
        raise BadInputError(f"What {where} says of its own making cannot be read. {error}") from error


def write_claim(store: Path, claim: StoreClaim) -> None:
    """Write into a store's attributes what it is to say of its own making, besides all that is there.

    Only for who makes the store, before its digest is known to anyone: afterwards it would be another store.

    Raises
    ------
    NotFoundError
        If there is no store.
    OSError
        If its metadata cannot be written.
    """
    name = next((name for name in _FILES if (store / name).is_file()), None)
    content = None if name is None else _content(store / name)
    if name is None or content is None:
        raise NotFoundError(f"There is no Zarr store at {store}, or one without attributes.")
    _attributes(content, name)[KEY] = claim.to_block()
    replace_metadata(store / name, json.dumps(content, indent=2, ensure_ascii=True).encode("ascii"))


def is_label_store(store: Path) -> bool:
    """Whether a folder is an OME-Zarr label image, as far as its attributes say."""
    for name in _FILES:
        content = _content(store / name) if store.is_dir() else None
        if content is not None:
            attributes = _attributes(content, name)
            ome = attributes.get("ome") if name == "zarr.json" else attributes
            return isinstance(ome, Mapping) and "image-label" in ome
    return False


def _content(place: Path) -> dict[str, Any] | None:
    try:
        if place.stat().st_size > _LARGEST:
            return None
        told = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _attributes(content: dict[str, Any], name: str) -> dict[str, Any]:
    if name != "zarr.json":
        return content
    attributes = content.setdefault("attributes", {})
    return attributes if isinstance(attributes, dict) else {}


def _known(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value is not None}


def _plain_parameter(parameter: Parameter) -> dict[str, Any]:
    told = {"name": parameter.name}
    if parameter.requested is not None:
        told["requested"] = parameter.requested.value  # type: ignore[assignment]
    if parameter.used is not None:
        told["used"] = parameter.used.value  # type: ignore[assignment]
    return told


def _plain_input(found: ClaimedInput) -> dict[str, Any]:
    told = {"slot": found.slot, "name": found.name, "path": found.path, "iri": found.iri}
    digests = {"digest": found.digest, "pixels": found.pixels}
    return _known({**told, **{key: None if value is None else str(value) for key, value in digests.items()}})


def _plain_time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds")


def _parameter(told: Mapping[str, Any]) -> Parameter:
    requested, used = (Value.of(told[key]) if key in told else None for key in ("requested", "used"))
    return Parameter(_text(told["name"]), requested, used)


def _input(told: Mapping[str, Any]) -> ClaimedInput:
    digest, pixels = (Digest.from_text(told[key]) if key in told else None for key in ("digest", "pixels"))
    return ClaimedInput(told.get("slot"), _text(told["name"]), told.get("path"), told.get("iri"), digest, pixels)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _time(value: object) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError(f"the time {value!r} has no zone")
    return found
