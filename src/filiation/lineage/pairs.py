"""Images with their label images, found by lineage: what a training set is made of, and how its pairs belong together.

A pair is a label image and the image that it was drawn on. Which image that is, the label image's own metadata say, or
else the lineage: the nearest image that it descends from. What a pair stems from are the raw images that its image
descends from; two pairs of one raw image must not stand on both sides of a split.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, ActionNode, Edge, EntityNode, Json
from filiation.crate.record_names import CORRECTION, MENDING
from filiation.lineage.answers import ANCESTORS, Lineage
from filiation.lineage.comparing import DIFFERENT
from filiation.lineage.conditions import Condition, read_condition
from filiation.lineage.fields import THING, kind_of
from filiation.lineage.finding import find
from filiation.lineage.walk import ancestors
from filiation.model import Digest, EntityKind, is_uri
from filiation.model.image_metadata import Container, kind_of_object

if TYPE_CHECKING:
    from filiation.catalogue import LineageIndex, Node
    from filiation.lineage.fields import Surroundings
    from filiation.lineage.tracing import Tracer

IMAGE: Final = "image"
WELL: Final = "well"
PLATE: Final = "plate"
SERIES: Final = "series"
SPECIMEN: Final = "specimen"
LEVELS: Final = (IMAGE, WELL, PLATE, SPECIMEN, SERIES)
"""By what pairs are grouped; any other word is a key that people noted, here or on the image's server."""

_IMAGE_ENDINGS: Final = (
    ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".zarr", ".nd2", ".czi", ".lif", ".lsm", ".oib", ".oif", ".oir",
    ".ims", ".dv", ".stk", ".vsi", ".svs", ".ndpi", ".scn", ".mrc", ".nii", ".nii.gz", ".dcm", ".h5", ".hdf5", ".n5",
    ".klb", ".sld", ".zvi", ".raw",
)  # fmt: skip
"""Of files that microscopes and their programs write."""
BY_A_PERSON: Final = (CORRECTION, MENDING)
"""How the actions end by which a label image becomes another version of itself."""
_AND: Final = re.compile(r"\s+and\s+(?=!?[a-z]+(?:[.=!<>~]|$|\s))")
_FIELD_OF_PLATE: Final = re.compile(r"(?P<plate>.+\.zarr)/(?P<row>[A-Za-z]{1,3})/(?P<column>\d{1,3})(?:/.*)?")
_LICENCE_KEYS: Final = ("license", "licence", "rights")


@dataclass(frozen=True, slots=True)
class Pair:
    """A label image with the image that it was drawn on.

    Parameters
    ----------
    image, labels
        As runs made or found them.
    raws
        The raw images that the image descends from, by identity; the image itself if it descends from none.
    groups
        What the pair belongs to at the level that was asked for, sorted; empty if that is not known.
    steps
        The actions that led from the image to the label image, in order of time.
    licences
        What is noted of the licence of the image and its raw images, with whose it is: pairs of IRI and text.
    """

    image: EntityNode
    labels: EntityNode
    raws: tuple[EntityNode, ...]
    groups: tuple[str, ...]
    steps: tuple[ActionNode, ...]
    licences: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "image": self.image.iri,
            "labels": self.labels.iri,
            "raws": [raw.iri for raw in self.raws],
            "groups": [*self.groups],
            "steps": [step.iri for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """What a thing stems from.

    Parameters
    ----------
    thing
        As the newest run has it.
    raws
        The raw images that it descends from; itself, if it is an image and descends from none.
    groups
        What it belongs to at the level that was asked for, sorted; empty if that is not known.
    """

    thing: EntityNode
    raws: tuple[EntityNode, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairsFound:
    """What was found.

    Parameters
    ----------
    pairs
        Sorted by the place of the label image.
    left_out
        Label images that are as the conditions say and yet are no pair: their path, and why.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[str, str], ...]


def read_where(texts: Iterable[str]) -> tuple[tuple[Condition, ...], ...]:
    """Read conditions; those joined by ``and`` in one text must hold of one and the same job or thing.

    >>> [[str(condition) for condition in each] for each in read_where(["rule=correct and agent~Ada", "tag=control"])]
    [['rule=correct', 'agent~Ada'], ['tag=control']]

    Raises
    ------
    BadInputError
        If a condition is none.
    """
    return tuple(tuple(map(read_condition, _AND.split(text.strip()))) for text in texts)


def find_pairs(
    index: LineageIndex,
    tracer: Tracer,
    around: Surroundings,
    where: Iterable[str],
    level: str,
    corrected_by: str | None = None,
) -> PairsFound:
    """Find the pairs whose lineage is as conditions say.

    A condition is asked of the label image, of everything that it descends from, and of the jobs between: one of them
    must be so. One that is turned round (``!``, ``!=``) must hold of all of them.

    Raises
    ------
    BadInputError
        If a condition is none.
    """
    asked = read_where(where)
    person = None if corrected_by is None else read_condition(f"agent={corrected_by}")
    known = find(index, around, THING, (read_condition('kind="label image"'),), None)
    left_out: list[tuple[str, str]] = []
    found: list[tuple[Pair, frozenset[str]]] = []
    seen: set[tuple[str, str]] = set()
    for labels in _newest(known.nodes, tracer):
        lineage = tracer.lineage(labels.path, ANCESTORS, (labels.iri,), ancestors(index, tracer.joining, (labels.iri,)))
        if not all(_holds(conditions, lineage.nodes, around) for conditions in asked):
            continue
        images = list(_images_of(labels, lineage))
        if len(images) != 1:
            names = ", ".join(image.path for image in images)
            why = f"which of these is its image is not told: {names}" if images else "no image that it was drawn on"
            left_out.append((labels.path, why))
            continue
        # The same labels made twice are other bytes, as each store names its run.
        content = (str(images[0].pixels or identity_of(images[0])), str(labels.pixels or identity_of(labels)))
        if content not in seen:
            seen.add(content)
            pair = _pair(images[0], labels, lineage, around, level)
            if person is not None and not any(_is_by(step, person, around) for step in pair.steps):
                continue
            found.append((pair, frozenset(node.iri for node in lineage.nodes)))
    return _latest(found, left_out)


def _is_by(step: ActionNode, person: Condition, around: Surroundings) -> bool:
    return step.iri.endswith(CORRECTION) and person.holds(step, around)


def find_origin(tracer: Tracer, index: LineageIndex, around: Surroundings, digest: Digest, level: str) -> Origin | None:
    """Return what stems from which raw images, by its bytes or pixels; None if the catalogue does not know it."""
    is_pixels = digest.kind.is_of_pixels
    seen = index.entities(pixels=str(digest)) if is_pixels else index.entities(digest=str(digest))
    if not seen or all(thing.is_empty for thing in seen):
        return None
    roots = [thing.iri for thing in seen]
    lineage = tracer.lineage(str(digest), ANCESTORS, roots, ancestors(index, tracer.joining, roots))
    thing = max(seen, key=lambda found: (found.generated, tracer.joining.began(found), found.iri))
    raws = _once(each for each in lineage.sources if _is_image(each)) or [thing]
    raws.sort(key=identity_of)
    return Origin(thing, tuple(raws), tuple(sorted(_groups(level, raws, thing, thing, around))))


def images_to_compare(index: LineageIndex, around: Surroundings) -> tuple[EntityNode, ...]:
    """Return the images that a catalogue knows, each once by its bytes: stores, and files that nobody made."""
    known: dict[str, EntityNode] = {}
    for kind in (EntityKind.IMAGE, EntityKind.FILE):
        condition = read_condition(f'kind="{kind.value}"')
        for thing in find(index, around, THING, (condition,), None).nodes:
            is_source = kind is EntityKind.IMAGE or (isinstance(thing, EntityNode) and not thing.generated)
            if isinstance(thing, EntityNode) and thing.digest is not None and is_source and _is_image(thing):
                known.setdefault(str(thing.digest), thing)
    return tuple(known[digest] for digest in sorted(known))


def _newest(nodes: Iterable[Node], tracer: Tracer) -> Iterator[EntityNode]:
    """Yield of what was left at each place the newest, as the run has it that made it."""
    at: dict[str, EntityNode] = {}
    labels = [node for node in nodes if isinstance(node, EntityNode) and node.presence not in ("deleted", "missing")]
    for node in sorted(labels, key=lambda node: (tracer.joining.began(node), node.generated, node.iri)):
        place = node.place or node.iri
        before = at.get(place)
        if before is None or node.generated or before.digest != node.digest:
            at[place] = node
    # What a run made goes before what another found of it, so that copies are left out in its favour.
    yield from sorted(at.values(), key=lambda node: (not node.generated, node.place or "", node.iri))


def _holds(conditions: tuple[Condition, ...], nodes: Iterable[Node], around: Surroundings) -> bool:
    if len(conditions) == 1 and (conditions[0].negated or conditions[0].op == DIFFERENT):
        (condition,) = conditions
        asked = [node for node in nodes if condition.applies_to(kind_of(node))]
        if condition.negated:
            return all(condition.holds(node, around) for node in asked)
        told = Condition(condition.field, condition.key)
        knowing = [node for node in asked if told.holds(node, around)]
        return bool(knowing) and all(condition.holds(node, around) for node in knowing)
    return any(all(condition.holds(node, around) for condition in conditions) for node in nodes)


def _images_of(labels: EntityNode, lineage: Lineage) -> Iterator[EntityNode]:
    """Yield the image that a label image says it was drawn on, else the nearest that it descends from."""
    images = [thing for thing in lineage.entities if _is_image(thing) and thing.iri != labels.iri]
    source = labels.image.source if labels.image is not None else None
    if source and labels.place and not is_uri(source):
        place = posixpath.normpath(posixpath.join(labels.place, source))
        told = _once(image for image in images if image.place == place)
        if told:
            yield from told
            return
    before: dict[str, set[str]] = defaultdict(set)
    for edge in lineage.edges:
        if edge.role != CODE:
            before[edge.dst].add(edge.src)
    by_iri = {image.iri: image for image in images}
    level, seen = {labels.iri}, {labels.iri}
    while level:
        level = {iri for node in level for iri in before[node]} - seen
        seen |= level
        near = _once(image for iri in sorted(level) if (image := by_iri.get(iri)) is not None)
        fitting = [image for image in near if _fits(image, labels)]
        if near:
            yield from fitting or near
            return


def _once(images: Iterable[EntityNode]) -> list[EntityNode]:
    """Keep of the same bytes one, that which a run made before that which another found."""
    ordered = sorted(images, key=lambda image: (not image.generated, image.iri))
    return list({identity_of(image): image for image in reversed(ordered)}.values())


def _fits(image: EntityNode, labels: EntityNode) -> bool:
    """Whether an image is as wide, high and deep as the labels, as far as known."""
    if image.image is None or labels.image is None:
        return True
    one, other = (dict(zip(each.axes, each.shape, strict=False)) for each in (image.image, labels.image))
    return all(one.get(axis, 1) == length for axis, length in other.items() if axis != "c")


def _is_image(thing: EntityNode) -> bool:
    if thing.kind in (EntityKind.IMAGE, EntityKind.RAW_IMAGE):
        return True
    named = thing.path.rstrip("/").lower().endswith(_IMAGE_ENDINGS)
    return thing.kind in (EntityKind.FILE, EntityKind.DIRECTORY) and (
        named or (thing.media_type or "").startswith("image/")
    )


def identity_of(thing: EntityNode) -> str:
    """Return what a thing is, wherever it stands: of a remote image its IRI, else its bytes, else its place."""
    if thing.kind == EntityKind.RAW_IMAGE or (thing.digest is None and is_uri(thing.path)):
        return thing.iri
    return str(thing.digest or thing.place or thing.iri)


def _pair(image: EntityNode, labels: EntityNode, lineage: Lineage, around: Surroundings, level: str) -> Pair:
    before: dict[str, list[Edge]] = defaultdict(list)
    for edge in lineage.edges:
        if edge.role != CODE:
            before[edge.dst].append(edge)
    by_iri = lineage.by_iri
    above = _above(image.iri, before)
    sources = [by_iri[iri] for iri in above if not before[iri] and iri in by_iri]
    raws = _once(node for node in sources if isinstance(node, EntityNode) and _is_image(node)) or [image]
    raws.sort(key=identity_of)
    between = {labels.iri, *_above(labels.iri, before)} - above
    steps = [node for node in lineage.actions if node.iri in between]
    about = (*raws, image, labels)
    return Pair(
        image=image,
        labels=labels,
        raws=tuple(raws),
        groups=tuple(sorted(_groups(level, raws, image, labels, around))),
        steps=tuple(sorted(steps, key=lambda action: (str(action.started), action.iri))),
        licences=tuple(
            dict.fromkeys((thing.iri, text) for thing in about for text in _noted(thing, _LICENCE_KEYS, around))
        ),
    )


def _above(iri: str, before: Mapping[str, list[Edge]]) -> frozenset[str]:
    seen, waiting = {iri}, [iri]
    while waiting:
        further = {edge.src for edge in before.get(waiting.pop(), ())} - seen
        seen |= further
        waiting.extend(further)
    return frozenset(seen)


def _groups(
    level: str, raws: list[EntityNode], image: EntityNode, labels: EntityNode, around: Surroundings
) -> set[str]:
    """Return what a pair belongs to at a level; nothing if that is not known of any of its raw images."""
    if level == IMAGE:
        return {identity_of(raw) for raw in raws}
    found: set[str] = set()
    for raw in raws:
        told = set(_at_level(level, raw, around))
        if not told:
            told = {key for thing in (image, labels) for key in _at_level(level, thing, around)}
        if not told:
            return set()
        found |= told
    return found


def _at_level(level: str, thing: EntityNode, around: Surroundings) -> Iterator[str]:
    if level in (WELL, PLATE):
        for container in _containers(thing.metadata.containers if thing.metadata else ()):
            if kind_of_object(container.iri).lower() == level:
                yield container.iri
        field = _FIELD_OF_PLATE.fullmatch((thing.place or thing.path).rstrip("/"))
        if field is not None:
            yield field["plate"] if level == PLATE else f"{field['plate']}/{field['row']}/{field['column']}"
    if level == SERIES and thing.server is not None:
        yield from (file.iri for file in thing.server.files)
    yield from (f"{level}={text}" for text in _noted(thing, (level,), around))


def _containers(containers: Iterable[Container]) -> Iterator[Container]:
    for container in containers:
        yield container
        yield from _containers(container.containers)


def _noted(thing: EntityNode, keys: Iterable[str], around: Surroundings) -> Iterator[str]:
    """Yield what people noted of a thing under a key, here or on its server, whatever its capitals."""
    field = read_condition("annotation.key").field
    names = {name for name, _ in around.annotations.get(thing.iri, ())}
    if thing.metadata is not None:
        names |= {pair.name for group in thing.metadata.key_values for pair in group.pairs}
    wanted = set(keys)
    for name in sorted(names):
        if name.lower() in wanted:
            yield from map(str, field.found(thing, name, around))


def _latest(found: list[tuple[Pair, frozenset[str]]], left_out: list[tuple[str, str]]) -> PairsFound:
    """Leave out label images that were corrected since, and so are no longer the truth.

    Others that descend from them, as cells that were grown from nuclei, are another truth and leave them in.
    """
    by_labels = {pair.labels.iri: pair for pair, _ in found}
    later: dict[str, Pair] = {}
    for pair, above in found:
        for iri in (above & by_labels.keys()) - {pair.labels.iri}:
            since = set(pair.steps) - set(by_labels[iri].steps)
            if since and all(step.iri.endswith(BY_A_PERSON) for step in since):
                later[iri] = pair
    pairs = []
    for pair, _ in found:
        newer = later.get(pair.labels.iri)
        if newer is None:
            pairs.append(pair)
        else:
            left_out.append((pair.labels.path, f"corrected since: {newer.labels.path} was made from it"))
    pairs.sort(key=lambda pair: (pair.labels.place or "", pair.labels.iri))
    return PairsFound(tuple(pairs), tuple(sorted(left_out)))
