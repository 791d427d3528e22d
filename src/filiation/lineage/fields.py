"""What can be asked of an action or a thing by name, and how each is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from filiation.catalogue import ActionNode, EntityNode, Node, RunSummary
from filiation.lineage.comparing import DURATION, SIZE, Comparison, Free, Moment, Number, Start, Text, Truth, Version
from filiation.model import ImageMetadata, Status

ACTION: Final = "action"
THING: Final = "entity"
KINDS: Final = (ACTION, THING)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a node besides what its own record says.

    Parameters
    ----------
    runs
        By the IRI of their crates.
    annotations
        What people have noted of a node, by its IRI, as names and values.
    """

    runs: Mapping[str, RunSummary] = field(default_factory=dict)
    annotations: Mapping[str, tuple[tuple[str, object], ...]] = field(default_factory=dict)


Finding = Callable[[Node, str, Surroundings], Iterable[object]]


@dataclass(frozen=True, slots=True)
class Field:
    """Something that can be asked for.

    Parameters
    ----------
    name
        As it is written; one that ends with a dot has a name of its own after it.
    of
        ``action``, ``entity``, or both.
    comparison
        How its values are compared.
    meaning
        What it is, for a person.
    found
        Every value that a node has of it, none if nothing is known; takes the node, the name after the dot, and what
        is known besides.
    fixed
        An operator that stands for the field's own name, as ``after`` means ``started>=``.
    """

    name: str
    of: tuple[str, ...]
    comparison: Comparison
    meaning: str
    found: Finding
    fixed: str | None = None

    @property
    def keyed(self) -> bool:
        """Whether a name follows after a dot."""
        return self.name.endswith(".")


def kind_of(node: Node) -> str:
    """Tell whether a node is an action or a thing."""
    return ACTION if isinstance(node, ActionNode) else THING


def _of(*names: str) -> Finding:
    """Take attributes that a node may have; none where it has none."""

    def found(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
        values = (getattr(node, name, None) for name in names)
        return [value for value in values if value is not None]

    return found


def _agent(node: Node, _key: str, around: Surroundings) -> Iterable[object]:
    if isinstance(node, EntityNode):
        run = around.runs.get(node.crate)
        return [run.agent] if run is not None and run.agent else []
    known = [node.agent, node.agent_id, (node.agent_id or "").rpartition("orcid.org/")[2]]
    return [name for name in dict.fromkeys(known) if name]


def _run(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    return [node.crate.removeprefix("arcp://uuid,").rstrip("/"), node.crate]


def _workflow(node: Node, _key: str, around: Surroundings) -> Iterable[object]:
    run = around.runs.get(node.crate)
    return [run.workflow] if run is not None and run.workflow else []


def _parameter(node: Node, key: str, _around: Surroundings) -> Iterable[object]:
    if not isinstance(node, ActionNode):
        return []
    return [parameter.value.value for parameter in node.parameters if parameter.name == key]


def _software(node: Node, key: str, _around: Surroundings) -> Iterable[object]:
    if not isinstance(node, ActionNode):
        return []
    wanted = _package(key)
    return [program.version or "" for program in node.software if _package(program.name) == wanted]


def _package(name: str) -> str:
    return name.strip().casefold().replace("_", "-")


def _environment(node: Node, key: str, _around: Surroundings) -> Iterable[object]:
    return [value for name, value in node.environment if name == key] if isinstance(node, ActionNode) else []


def _usage(node: Node, key: str, _around: Surroundings) -> Iterable[object]:
    if not isinstance(node, ActionNode):
        return []
    wanted = key.replace("_", " ").replace("-", " ")
    return [usage.value for usage in node.usage if usage.name == wanted]


def _seconds(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    found = node.seconds if isinstance(node, ActionNode) else None
    return [] if found is None else [found]


def _digests(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    if not isinstance(node, EntityNode):
        return []
    return [str(digest) for digest in (node.digest, node.pixels) if digest is not None]


def _paths(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    if not isinstance(node, EntityNode):
        return []
    return [name for name in dict.fromkeys((node.path, node.place)) if name]


def _names(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    if isinstance(node, ActionNode):
        return [node.name]
    return [name for name in (node.name, node.path.rstrip("/").rpartition("/")[2]) if name]


def _image(name: str) -> Finding:
    def found(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
        image = node.image if isinstance(node, EntityNode) else None
        if image is None:
            return []
        value = getattr(image, name)
        return ["".join(value)] if name == "axes" else [value] if value else []

    return found


def _annotation(node: Node, key: str, around: Surroundings) -> Iterable[object]:
    """Take what people noted here, and what is noted of an image on its server."""
    noted = [value for name, value in around.annotations.get(node.iri, ()) if name == key]
    metadata = node.metadata if isinstance(node, EntityNode) else None
    if metadata is None:
        return noted
    return [*noted, *(pair.value for pairs in metadata.key_values for pair in pairs.pairs if pair.name == key)]


def _server(told: Callable[[ImageMetadata], Iterable[object]]) -> Finding:
    """Take what a server tells of an image."""

    def found(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
        metadata = node.metadata if isinstance(node, EntityNode) else None
        return [] if metadata is None else [value for value in told(metadata) if value is not None]

    return found


def _tags(metadata: ImageMetadata) -> Iterable[object]:
    return [tag.name for tag in metadata.tags]


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


def _words(node: Node, _key: str, around: Surroundings) -> Iterable[object]:
    """Everything of a node that has been named by somebody."""
    noted = [part for name, value in around.annotations.get(node.iri, ()) for part in (name, value)]
    if isinstance(node, EntityNode):
        return [node.path, node.kind, *([node.name] if node.name else []), *noted]
    known = (node.name, node.rule, node.command, node.error, node.agent, node.host)
    values = [f"{parameter.name} {parameter.value}" for parameter in node.parameters]
    programs = [f"{program.name} {program.version or ''}" for program in node.software]
    return [*(text for text in known if text), *values, *programs, *noted]


_STATUSES: Final = tuple(status.value for status in Status)
_ACTIONS: Final = (ACTION,)
_THINGS: Final = (THING,)

FIELDS: Final[tuple[Field, ...]] = (
    Field("rule", _ACTIONS, Text(), "the rule, or the tool of another engine", _of("rule")),
    Field("tool", _ACTIONS, Text(), "the same as rule", _of("rule")),
    Field("status", _ACTIONS, Text(folded=True, words=_STATUSES), "how it ended", _of("status")),
    Field("parameter.", _ACTIONS, Free(), "a parameter as it was used, by its name", _parameter),
    Field("software.", _ACTIONS, Version(), "version of a package that it used", _software),
    Field("environment.", _ACTIONS, Text(), "container, conda, gpu, or a variable it ran with", _environment),
    Field("usage.", _ACTIONS, Number(), "a figure that was measured, such as wall-time, in its own unit", _usage),
    Field("seconds", _ACTIONS, DURATION, "how long it took", _seconds),
    Field("started", _ACTIONS, Moment(), "when it started", _of("started")),
    Field("ended", _ACTIONS, Moment(), "when it ended", _of("ended")),
    Field("after", _ACTIONS, Moment(), "started then or later", _of("started"), fixed=">="),
    Field("before", _ACTIONS, Moment(), "started earlier", _of("started"), fixed="<"),
    Field("host", _ACTIONS, Text(), "where it ran", _of("host")),
    Field("command", _ACTIONS, Text(), "its command line, or its script", _of("command")),
    Field("code", _ACTIONS, Text(), "version, commit or digest of its code", _of("code")),
    Field("error", _ACTIONS, Text(), "what it failed with", _of("error")),
    Field("job", _ACTIONS, Number(), "Snakemake's number of the job", _of("job")),
    Field("attempt", _ACTIONS, Number(), "which try it was, from 1", _of("attempt")),
    Field("kind", _THINGS, Text(folded=True), "file, directory, image, label image, raw image, collection, code",
          _of("kind")),
    Field("type", _THINGS, Text(folded=True), "the same as kind", _of("kind")),
    Field("path", _THINGS, Text(), "its path, as the run named it or in full", _paths),
    Field("digest", _THINGS, Start(), "its digest, or the start of it", _digests),
    Field("size", _THINGS, SIZE, "its bytes", _of("size")),
    Field("files", _THINGS, Number(), "files of a folder or store", _of("files")),
    Field("media", _THINGS, Text(), "its media type", _of("media_type")),
    Field("modified", _THINGS, Moment(), "when it was last written", _of("modified")),
    Field("presence", _THINGS, Text(folded=True), "present, deleted, missing, changed, remote", _of("presence")),
    Field("made", _THINGS, Truth(), "whether a job of the run made it", _of("generated")),
    Field("axes", _THINGS, Text(), "axes of an image, such as zyx", _image("axes")),
    Field("dtype", _THINGS, Text(), "pixel type of an image", _image("dtype")),
    Field("tag", _THINGS, Text(), "a tag that an image has on its server", _server(_tags)),
    Field("instrument", _THINGS, Text(), "maker or model of the microscope or its objective", _server(_instrument)),
    Field("magnification", _THINGS, Number(), "of the objective", _server(_magnification)),
    Field("channel", _THINGS, Text(), "name of a channel", _server(lambda of: (c.name for c in of.channels))),
    Field("container", _THINGS, Text(), "dataset, project, plate or screen that it is filed in", _server(_filed_in)),
    Field("owner", _THINGS, Text(), "whose it is on its server", _server(lambda of: [of.owner and of.owner.user])),
    Field("acquired", _THINGS, Moment(), "when it was taken", _server(lambda of: [of.acquired])),
    Field("name", KINDS, Text(), "its name", _names),
    Field("agent", KINDS, Text(), "who ran it: a name or an ORCID", _agent),
    Field("run", KINDS, Start("a run or the start of its id", 4), "the run that tells of it", _run),
    Field("workflow", KINDS, Text(), "the workflow of that run", _workflow),
    Field("annotation.", KINDS, Free(), "what was noted of it, here or on its server, by name", _annotation),
    Field("text", KINDS, Text(), "anything it is called, parameters and notes too; ask with ~", _words),
)  # fmt: skip
"""In the order in which help lists them."""
