"""What people note of things and jobs: one record on disk each, with who, when and why. Nothing is ever overwritten.

A record stands in ``annotations/`` of the catalogue, is read with each question that asks for it, and is the truth: the
store's graph of them (:mod:`filiation.catalogue.annotation_graph`) is made of the records, so rebuilding loses nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from filiation.catalogue.log import write_event
from filiation.catalogue.nodes import Json, read_time, shown_time
from filiation.crate import flush
from filiation.digest import digest_file
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder

FORMAT: Final = 1
FOLDER: Final = "annotations"
ENDING: Final = ".json"
_LARGEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Annotation:
    """A name and a value that somebody noted of a thing or a job.

    Parameters
    ----------
    id
        UUID of the record.
    thing
        What was annotated, as it was named.
    iris
        Everything that it stood for, sorted.
    digest
        Over its bytes, as written; the same bytes elsewhere are annotated too. None for what has none.
    key
        The name.
    value
        JSON's null where an earlier value is taken back.
    by, by_id
        Who: a name, and an ORCID where one was stated.
    when
        UTC.
    why
        The reason that was given.
    """

    id: str
    thing: str
    iris: tuple[str, ...]
    digest: str | None
    key: str
    value: Json
    by: str
    by_id: str | None
    when: datetime
    why: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON; what is not known is left out."""
        told: dict[str, Json] = {"format": FORMAT, **asdict(self)}
        told |= {"iris": list(self.iris), "when": shown_time(self.when)}
        return {key: value for key, value in told.items() if value is not None or key == "value"}


def note(
    catalogue: CatalogueFolder,
    thing: str,
    iris: Iterable[str],
    digest: str | None,
    values: Iterable[tuple[str, Json]],
    *,
    by: str,
    by_id: str | None,
    why: str | None,
) -> tuple[Annotation, ...]:
    """Write annotations down, each in a file of its own that is whole or not there.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    when = datetime.now(UTC)
    of = tuple(sorted(iris))
    made = tuple(Annotation(str(uuid4()), thing, of, digest, key, value, by, by_id, when, why) for key, value in values)
    folder = catalogue.annotations
    folder.mkdir(parents=True, exist_ok=True)
    for number, annotation in enumerate(made):
        name = f"{when:%Y%m%dT%H%M%S.%fZ}-{number:03}-{annotation.id}"
        coming = folder / f".{name}"
        coming.write_text(json.dumps(annotation.to_json(), indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
        flush(coming)
        coming.rename(folder / f"{name}{ENDING}")
        write_event(catalogue.root, "annotated", annotation.id, str(digest_file(folder / f"{name}{ENDING}")))
    flush(folder)
    return made


def read_annotations(
    catalogue: CatalogueFolder, as_of: datetime | None = None
) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
    """Read every annotation, or those noted by a time, the oldest first; and what is wrong with what cannot be read."""
    found, problems = [], []
    folder = catalogue.annotations
    names = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208 - sorted names are what is wanted
    for name in names:
        if name.startswith(".") or not name.endswith(ENDING):
            continue
        try:
            found.append(_read(folder / name))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            problems.append(f"The annotation {folder / name} cannot be read: {error}.")
    by_then = (annotation for annotation in found if as_of is None or annotation.when <= as_of)
    return tuple(sorted(by_then, key=lambda annotation: annotation.when)), tuple(problems)


def current(annotations: Iterable[Annotation]) -> dict[tuple[tuple[str, ...], str], Annotation]:
    """Return, of annotations in order of time, those that hold: the last of each thing and key, if not taken back."""
    last = {(annotation.iris, annotation.key): annotation for annotation in annotations}
    return {where: annotation for where, annotation in last.items() if annotation.value is not None}


def _read(path: Path) -> Annotation:
    if path.stat().st_size > _LARGEST:
        raise BadInputError(f"it has more than {_LARGEST} bytes")
    told = json.loads(path.read_text("utf-8"))
    if told.get("format") != FORMAT:
        raise BadInputError(f"it has format {told.get('format')!r}, and this version reads {FORMAT}")
    when = read_time(told["when"])
    texts = (told["id"], told["thing"], told["key"], told["by"], *told["iris"])
    if when is None or not all(isinstance(text, str) for text in texts):
        raise BadInputError("a time or a text is missing")
    return Annotation(
        id=told["id"],
        thing=told["thing"],
        iris=tuple(told["iris"]),
        digest=told.get("digest"),
        key=told["key"],
        value=told["value"],
        by=told["by"],
        by_id=told.get("by_id"),
        when=when,
        why=told.get("why"),
    )
