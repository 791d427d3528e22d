"""What of a run belongs on which image: by lineage, never by name. Nothing is asked of a server here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from filiation.crate.metadata import METADATA_FILE
from filiation.errors import BadInputError, NotFoundError
from filiation.images.omero.namespaces import LONGEST_VALUE
from filiation.images.omero.objects import ObjectId, object_named
from filiation.model import Status, encode_path

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode, RunSummary
    from filiation.lineage import Ledger
    from filiation.lineage.descent import Descent

WEB_VARIABLE: Final = "FILIATION_WEB"
MOST_PAIRS: Final = 300
"""Pairs on one image; more of them nobody reads there, and the rest goes into the file."""
LONG_VALUES: Final = "values.json"
_TOLD: Final = frozenset({Status.FAILED.value, Status.UNKNOWN.value})
"""Statuses that are told on images: of a finished run nothing need be said, and one that lives looks interrupted."""
_ENGINE: Final = frozenset({"filiation", "scikit-image", "cellpose", "stardist", "omnipose", "micro-sam", "itk"})
"""Software that is named in the pairs; all of it is in the crate."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ImageResults:
    """What a run made of one image on the server.

    Parameters
    ----------
    image
        The image.
    labels, tables
        Label images, and tables of their objects, that descend from it.
    pairs
        What is written to the image as pairs, in order; each short enough for the server's index.
    long_values
        What was too long for that, by key.
    """

    image: ObjectId
    labels: tuple[Descent, ...]
    tables: tuple[Descent, ...]
    pairs: tuple[Pair, ...]
    long_values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """What of a run belongs on one server.

    Parameters
    ----------
    run
        The run.
    host
        The server's name.
    images
        By id.
    metadata
        The content of the crate's metadata file.
    databases
        UUIDs of the database of the server that the images were read from, as far as recorded.
    """

    run: RunSummary
    host: str
    images: tuple[ImageResults, ...]
    metadata: bytes
    databases: frozenset[str] = frozenset()


def plan_registration(
    ledger: Ledger, run: str, host: str | None = None, labels_url: str | None = None
) -> RegistrationPlan:
    """Find out what of a run belongs on which image of a server.

    Parameters
    ----------
    ledger
        The opened catalogue.
    run
        The run's id, or the start of it.
    host
        The server; the only one that the run's images are on if left out.
    labels_url
        Where the run's folder is served: the address of each label image is told too.

    Raises
    ------
    NotFoundError
        If there is no such run, or nothing that it made descends from an image on a server.
    BadInputError
        If its images are on several servers and none was named.
    """
    summary = ledger.show(run).summary
    found = ledger.descents(run)
    hosts = sorted({place[0] for descent in found for image in descent.images if (place := object_named(image.iri))})
    if not hosts or (host is not None and host not in hosts):
        where = f"on {host}; they are on {', '.join(hosts)}" if host and hosts else "on an OMERO server"
        raise NotFoundError(
            f"No label image or table that run {summary.id[:8]} made descends from an image {where}. What it made and "
            f"used: `filiation show {summary.id[:8]}`. Images are known as OMERO's if they were fetched from "
            "omero://… by a tracked step, or as a storage input."
        )
    if host is None and len(hosts) > 1:
        raise BadInputError(f"The images of run {summary.id[:8]} are on {', '.join(hosts)}: name one with --server.")
    server = host or hosts[0]
    metadata = (ledger.folder / "crates" / summary.id / METADATA_FILE).read_bytes()
    crate = _persistent(metadata) or summary.iri
    images = {iri: image for descent in found for image in descent.images if (iri := _on(server, image))}
    results = (
        _results(
            summary, crate, which, source, [descent for descent in found if source.iri in _iris(descent)], labels_url
        )
        for which, source in sorted(images.items())
    )
    return RegistrationPlan(summary, server, tuple(results), metadata, databases_of(found, server))


def databases_of(descents: Iterable[Descent], host: str) -> frozenset[str]:
    """Return the UUIDs of the databases that images were read from under a server's name, as far as recorded."""
    images = {image.iri: image for descent in descents for image in descent.images if _on(host, image)}
    return frozenset(image.server.database for image in images.values() if image.server is not None)


def _on(host: str, image: EntityNode) -> ObjectId | None:
    place = object_named(image.iri)
    return place[1] if place is not None and place[0] == host else None


def _iris(descent: Descent) -> frozenset[str]:
    return frozenset(image.iri for image in descent.images)


def _results(
    run: RunSummary,
    crate: str,
    image: ObjectId,
    source: EntityNode,
    descents: list[Descent],
    labels_url: str | None,
) -> ImageResults:
    labels = tuple(descent for descent in descents if descent.is_label_image)
    # A table of objects tells of one label image; what gathers several images is no table of this one.
    tables = tuple(each for each in descents if not each.is_label_image and each.labels and len(each.images) == 1)
    told = [
        *_of_run(run, crate),
        *_of_image(source),
        *_of_results(labels, tables, labels_url),
        *_of_parameters(descents),
    ]
    pairs, long_values = fitting((*told, ("filiation", version("filiation"))))
    return ImageResults(image, labels, tables, pairs, long_values)


def _of_run(run: RunSummary, crate: str) -> Iterator[Pair]:
    from filiation.catalogue import shown_time

    web = os.environ.get(WEB_VARIABLE, "").rstrip("/")
    told = {
        "run": run.id,
        "crate": crate,
        "page": f"{web}/runs/{run.id}" if web else None,
        "status": run.status if run.status in _TOLD else None,
        "workflow": run.workflow,
        "workflow version": run.code,
        "workflow changed since": "yes" if run.modified else None,
        "workflow folder": run.swhid,
        "started": shown_time(run.started) if run.started else None,
    }
    yield from ((name, value) for name, value in told.items() if value)


def _of_image(source: EntityNode) -> Iterator[Pair]:
    yield "image", source.iri
    for digest in (source.pixels, source.digest):
        if digest is not None:
            yield "image digest", str(digest)
            return


def _of_results(labels: Iterable[Descent], tables: Iterable[Descent], labels_url: str | None) -> Iterator[Pair]:
    for noun, found in (("label image", labels), ("table", tables)):
        for number, descent in enumerate(found, start=1):
            made, name = descent.made, noun if number == 1 else f"{noun} {number}"
            yield name, made.path
            if made.place and made.place != made.path:
                yield f"{name} address", made.place
            if (
                labels_url
                and descent.is_label_image
                and not made.path.startswith(("/", ".."))
                and "://" not in made.path
            ):
                yield f"{name} URL", f"{labels_url.rstrip('/')}/{encode_path(made.path)}"
            for digest in (made.digest, made.pixels):
                if digest is not None:
                    yield f"{name} {'pixels' if digest is made.pixels else 'digest'}", str(digest)
            yield f"{name} made by", descent.maker.rule or descent.maker.name
            if software := ", ".join(_software(descent)):
                yield f"{name} made with", software


def _software(descent: Descent) -> Iterator[str]:
    for program in descent.maker.software:
        if program.name.lower() in _ENGINE:
            yield f"{program.name} {program.version}" if program.version else program.name


def _of_parameters(descents: Iterable[Descent]) -> Iterator[Pair]:
    """Yield the parameters as used of everything that was done from the image on, by tool and name."""
    actions = {action.iri: action for descent in descents for action in descent.actions}
    seen: dict[str, list[str]] = {}
    for action in sorted(actions.values(), key=lambda action: (str(action.started), action.iri)):
        for parameter in action.parameters:
            values = seen.setdefault(f"{action.rule or action.name}: {parameter.name}", [])
            if (value := str(parameter.value)) not in values:
                values.append(value)
    for name, values in seen.items():
        for number, value in enumerate(values, start=1):
            yield (name if number == 1 else f"{name} ({number})"), value


def fitting(pairs: Iterable[Pair]) -> tuple[tuple[Pair, ...], Mapping[str, str]]:
    """Split pairs into those that the server's index takes, and the values that go into a file.

    >>> short, long = fitting([("run", "1"), ("script", "x" * 3000)])
    >>> short, len(long["script"])
    ((('run', '1'), ('script', 'too long for a pair: in the file values.json')), 3000)
    """
    short: list[Pair] = []
    long: dict[str, str] = {}
    for name, value in ((_sendable(name), _sendable(value)) for name, value in pairs):
        key, in_file = name, f"too long for a pair: in the file {LONG_VALUES}"
        if _size(name) > LONGEST_VALUE:
            key, value, in_file = f"long name {len(long) + 1}", f"{name} = {value}", f"in the file {LONG_VALUES}"
        elif _size(value) <= LONGEST_VALUE and len(short) < MOST_PAIRS:
            short.append((name, value))
            continue
        long[key] = value
        if len(short) < MOST_PAIRS:
            short.append((key, in_file))
    return tuple(short), long


def _sendable(text: str) -> str:
    """Return a text as the wire and the database take it: names of files need not be text at all."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _size(text: str) -> int:
    return len(text.encode())


def _persistent(metadata: bytes) -> str | None:
    """Return the DOI that a crate's metadata says of it."""
    graph = json.loads(metadata)["@graph"]
    root: Mapping[str, object] = next((entity for entity in graph if entity.get("@id") == "./"), {})
    for key in ("cite-as", "identifier"):
        values = root.get(key)
        for value in values if isinstance(values, list) else [values]:
            text = str(value.get("@id", "") if isinstance(value, dict) else value)
            if text.startswith(("https://doi.org/", "doi:")):
                return text
    return None
