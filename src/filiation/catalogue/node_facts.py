"""What nodes tell that can be asked for, field by field: taken from a node, and kept in the index in columns.

How a field is kept follows from how many values it has over a whole institute. Few (rules, parameters, versions): each
value once, with the nodes that have it. Figures that differ from job to job: as numbers, node by node. Names: as
texts, node by node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue.nodes import ActionNode, EntityNode, RunSummary
from filiation.model import Value

if TYPE_CHECKING:
    from filiation.model import ImageMetadata

ACTIONS: Final = "action"
THINGS: Final = "entity"

VALUES: Final = "values"
"""Each value once, with the nodes that have it."""
NUMBERS: Final = "numbers"
"""A number for each node; a time as microseconds since 1970."""
TEXTS: Final = "texts"
"""A text for each node."""

Told: TypeAlias = Iterable[tuple[str, object]]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NodeFact:
    """A field of actions or of things.

    Parameters
    ----------
    of
        :data:`ACTIONS` or :data:`THINGS`.
    field
        Its name.
    form
        How it is kept: :data:`VALUES`, :data:`NUMBERS` or :data:`TEXTS`.
    told
        Every value that a node has of it, with a key: the name of a parameter, or what sort of name it is. Takes the
        node and its run. An empty text is only told where that says something.
    part
        Attribute without which a node tells nothing of it: most nodes lack most, and need not be asked.
    is_part
        Whether what it tells is that attribute, under no key.
    """

    of: str
    field: str
    form: str
    told: Callable[[ActionNode | EntityNode, RunSummary | None], Told]
    part: str | None = None
    is_part: bool = False


def microseconds(when: datetime) -> int:
    """Return a time as a number.

    >>> microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    passed = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def as_float(number: int | float) -> float:
    """Return the number that is kept of a number: beyond what fits, infinity."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def package(name: str) -> str:
    """Return the name of a package as all ways to write it have it in common.

    >>> package("Scikit_Image")
    'scikit-image'
    """
    return name.strip().casefold().replace("_", "-")


def measure(name: str) -> str:
    """Return the name of a measured figure, however its words are joined.

    >>> measure("wall-time")
    'wall time'
    """
    return name.replace("_", " ").replace("-", " ")


def _action(field: str, form: str, told: Callable[[ActionNode], Told], part: str | None = None) -> NodeFact:
    return NodeFact(ACTIONS, field, form, lambda node, _: told(node) if isinstance(node, ActionNode) else (), part)


def _thing(field: str, form: str, told: Callable[[EntityNode], Told], part: str | None = None) -> NodeFact:
    return NodeFact(THINGS, field, form, lambda node, _: told(node) if isinstance(node, EntityNode) else (), part)


def _plain(of: str, field: str, form: str, name: str | None = None) -> NodeFact:
    """Return a field that is an attribute of nodes."""
    attribute = name or field

    def told(node: ActionNode | EntityNode, _run: RunSummary | None) -> Told:
        value = getattr(node, attribute)
        return () if value is None or value == "" else (("", value),)

    return NodeFact(of, field, form, told, attribute, is_part=True)


def _agent(node: ActionNode) -> Told:
    orcid = (node.agent_id or "").rpartition("orcid.org/")[2]
    return [("", name) for name in dict.fromkeys((node.agent, node.agent_id, orcid)) if name]


def _of_run(name: str) -> Callable[[ActionNode | EntityNode, RunSummary | None], Told]:
    def told(_node: ActionNode | EntityNode, run: RunSummary | None) -> Told:
        value = None if run is None else getattr(run, name)
        return (("", value),) if value else ()

    return told


def _parameters(node: ActionNode) -> Told:
    return [(parameter.name, parameter.value) for parameter in node.parameters]


def _software(node: ActionNode) -> Told:
    return [(package(program.name), (program.name, program.version or "")) for program in node.software]


def _usage(node: ActionNode) -> Told:
    return [(usage.name, usage.value) for usage in node.usage]


def _seconds(node: ActionNode) -> Told:
    return () if node.seconds is None else (("", node.seconds),)


def _paths(node: EntityNode) -> Told:
    return [(key, name) for key, name in (("path", node.path), ("place", node.place)) if name]


def _digested(node: EntityNode) -> Told:
    """Say of which things there is a digest; the digests themselves stand in the index's table of things."""
    return () if node.digest is None and node.pixels is None else (("", True),)


def _file_names(node: EntityNode) -> Told:
    named = ("name", node.name), ("file name", node.path.rstrip("/").rpartition("/")[2])
    return [(key, name) for key, name in named if name]


def _image(name: str) -> Callable[[EntityNode], Told]:
    def told(node: EntityNode) -> Told:
        value = None if node.image is None else getattr(node.image, name)
        return (("", "".join(value) if name == "axes" else value),) if value else ()

    return told


def _by_axis(name: str) -> Callable[[EntityNode], Told]:
    def told(node: EntityNode) -> Told:
        if node.image is None:
            return ()
        return list(zip(node.image.axes, getattr(node.image, name), strict=False))

    return told


def _server(tell: Callable[[ImageMetadata], Iterable[object]]) -> Callable[[EntityNode], Told]:
    def told(node: EntityNode) -> Told:
        if node.metadata is None:
            return ()
        return [("", value) for value in dict.fromkeys(tell(node.metadata)) if value is not None and value != ""]

    return told


def _instrument(metadata: ImageMetadata) -> Iterable[object]:
    parts = (metadata.instrument, metadata.objective)
    return [name for part in parts if part is not None for name in (part.manufacturer, part.model)]


def _magnification(metadata: ImageMetadata) -> Iterable[object]:
    return [] if metadata.objective is None else [metadata.objective.nominal_magnification]


def _filed_in(metadata: ImageMetadata) -> Iterable[object]:
    waiting = list(metadata.containers)
    for container in waiting:  # grows as it goes: what a container stands in itself counts too
        waiting += container.containers
    return [name for container in waiting for name in (container.name, container.iri)]


def _key_values(node: EntityNode) -> Told:
    if node.metadata is None:
        return ()
    return [(pair.name, pair.value) for pairs in node.metadata.key_values for pair in pairs.pairs]


FACTS: Final = (
    _plain(ACTIONS, "rule", VALUES),
    _plain(ACTIONS, "status", VALUES),
    _action("parameter.", VALUES, _parameters, "parameters"),
    _action("software.", VALUES, _software, "software"),
    _action("environment.", VALUES, lambda node: node.environment, "environment"),
    _action("usage.", NUMBERS, _usage, "usage"),
    _action("seconds", NUMBERS, _seconds, "started"),
    _plain(ACTIONS, "started", NUMBERS),
    _plain(ACTIONS, "ended", NUMBERS),
    _plain(ACTIONS, "host", VALUES),
    _plain(ACTIONS, "command", TEXTS),
    _plain(ACTIONS, "code", VALUES),
    _plain(ACTIONS, "error", TEXTS),
    _plain(ACTIONS, "exit", VALUES, "exit_code"),
    _plain(ACTIONS, "job", NUMBERS),
    _plain(ACTIONS, "attempt", VALUES),
    _plain(ACTIONS, "name", TEXTS),
    _action("agent", VALUES, _agent),
    _plain(THINGS, "kind", VALUES),
    _thing("path", TEXTS, _paths),
    _thing("digested", VALUES, _digested),
    _plain(THINGS, "size", NUMBERS),
    _plain(THINGS, "files", NUMBERS),
    _plain(THINGS, "media", VALUES, "media_type"),
    _plain(THINGS, "modified", NUMBERS),
    _plain(THINGS, "presence", VALUES),
    _plain(THINGS, "made", VALUES, "generated"),
    _thing("axes", VALUES, _image("axes"), "image"),
    _thing("dtype", VALUES, _image("dtype"), "image"),
    _thing("shape.", VALUES, _by_axis("shape"), "image"),
    _thing("scale.", VALUES, _by_axis("scale"), "image"),
    _thing("tag", VALUES, _server(lambda of: (tag.name for tag in of.tags)), "metadata"),
    _thing("instrument", VALUES, _server(_instrument), "metadata"),
    _thing("magnification", VALUES, _server(_magnification), "metadata"),
    _thing("channel", VALUES, _server(lambda of: (channel.name for channel in of.channels)), "metadata"),
    _thing("container", VALUES, _server(_filed_in), "metadata"),
    _thing("owner", VALUES, _server(lambda of: [of.owner and of.owner.user]), "metadata"),
    _thing("acquired", NUMBERS, _server(lambda of: [of.acquired]), "metadata"),
    _thing("annotation.", VALUES, _key_values, "metadata"),
    _thing("name", TEXTS, _file_names),
    NodeFact(THINGS, "agent", VALUES, _of_run("agent")),
    *(NodeFact(of, "workflow", VALUES, _of_run("workflow")) for of in (ACTIONS, THINGS)),
)
"""Every field that is kept in columns."""

BY_FIELD: Final = {(fact.of, fact.field): fact for fact in FACTS}


def form_of(of: str, field: str) -> str:
    """Return how a field is kept; as values if no node tells of it."""
    fact = BY_FIELD.get((of, field))
    return VALUES if fact is None else fact.form


def plain_value(value: object) -> object:
    """Return a told value as it is compared."""
    return value.value if isinstance(value, Value) else value
