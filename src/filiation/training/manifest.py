"""The manifest of a training set, ``training-set.json``: what it holds, where it is from, in the fields of MIFA.

MIFA (Metadata, Incentives, Formats and Accessibility, https://w3id.org/BioImage-Archive/bia-mifa-models/) says what
must be known of annotations of images. What lineage knows is filled in; what it does not is said to be unknown.
``docs/reference/training-set.md`` describes every field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.catalogue import ActionNode, Json, shown_time
from filiation.crate.record_names import CORRECTION
from filiation.errors import BadInputError
from filiation.lineage.pairs import Pair

MANIFEST: Final = "training-set.json"
VERSION: Final = 1
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Written:
    """One case as it stands on disk.

    Parameters
    ----------
    name, part
        What it is called, and in which part of the set it is.
    group
        Name of the group that was not to be divided.
    pair
        Where it is from.
    region
        Which part of it: axis -> first and end, in pixels.
    images, labels
        Its files, relative to the set's folder, with their SHA-256.
    """

    name: str
    part: str
    group: str
    pair: Pair
    region: Mapping[str, list[int]]
    images: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]


def mifa_of(pair: Pair) -> dict[str, Json]:
    """Return what MIFA asks of an annotation, as far as lineage knows it."""
    made = pair.steps[-1] if pair.steps else None
    corrected = [step for step in pair.steps if _is_correction(step)]
    when = pair.labels.modified or (made.ended if made is not None else None)
    return {
        "annotation_id": pair.labels.iri,
        "source_image_id": pair.raws[0].iri if len(pair.raws) == 1 else [raw.iri for raw in pair.raws],
        "annotation_type": "segmentation_mask",
        "annotation_method": "; then ".join(map(_method, pair.steps)) or UNKNOWN,
        "annotation_criteria": UNKNOWN,
        "annotation_coverage": UNKNOWN,
        "annotation_confidence_level": UNKNOWN,
        "annotator": [*dict.fromkeys(map(_person, corrected))] or [_program(made)],
        "annotation_source": "software, corrected by a person" if corrected else "software" if made else UNKNOWN,
        "creation_time": shown_time(when) if when is not None else UNKNOWN,
        "authoredOn": shown_time(made.ended) if made is not None and made.ended is not None else UNKNOWN,
    }


def _is_correction(step: ActionNode) -> bool:
    return step.iri.endswith(CORRECTION)


def _method(step: ActionNode) -> str:
    if _is_correction(step):
        return f"corrected by hand by {_person(step)}"
    settings = ", ".join(f"{each.name} = {each.value}" for each in step.parameters)
    return f"{step.rule or step.name}{f' ({settings})' if settings else ''}"


def _person(step: ActionNode) -> str:
    named = step.agent or UNKNOWN
    return f"{named} ({step.agent_id})" if step.agent_id else named


def _program(made: ActionNode | None) -> str:
    if made is None:
        return UNKNOWN
    return f"{made.rule or made.name}, run by {_person(made)}"


def unknown_of(found: Iterable[Mapping[str, Json]]) -> tuple[str, ...]:
    """Return the MIFA fields that are not known of at least one annotation, in their order."""
    return tuple(dict.fromkeys(name for mifa in found for name, value in mifa.items() if value in (UNKNOWN, [UNKNOWN])))


def case_to_json(case: Written) -> dict[str, Json]:
    """Return a case as it stands in the manifest."""
    pair = case.pair

    def files(of: tuple[tuple[str, str], ...]) -> list[Json]:
        return [{"path": path, "sha256": digest} for path, digest in of]

    def source(thing: Any) -> dict[str, Json]:
        told = {"iri": thing.iri, "path": thing.path, "digest": thing.digest, "pixels": thing.pixels}
        return {name: str(value) for name, value in told.items() if value is not None}

    return {
        "name": case.name,
        "part": case.part,
        "group": case.group,
        "region": {axis: [*span] for axis, span in case.region.items()},
        "images": files(case.images),
        "labels": files(case.labels),
        "image": source(pair.image),
        "annotation": source(pair.labels),
        "raw_images": [raw.iri for raw in pair.raws],
        "mifa": mifa_of(pair),
    }


def write_manifest(folder: Path, content: Mapping[str, Json]) -> None:
    """Write the manifest into the folder of a set."""
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", "ascii")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a set; None if it has none.

    Raises
    ------
    BadInputError
        If it is no manifest of this version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadInputError(f"{path} is no JSON: {error}. Remove it to have the folder looked at as it is.") from error
    if not isinstance(content, dict) or content.get("version") != VERSION or not isinstance(content.get("cases"), list):
        raise BadInputError(f"{path} is no manifest of version {VERSION}, which this filiation reads.")
    return content
