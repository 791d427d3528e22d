"""What can be asked of an action or a thing by name, and how each is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from filiation.catalogue import ActionNode, EntityNode, LineageIndex, Node, RunSummary
from filiation.catalogue.node_facts import ACTIONS, BY_FIELD, THINGS, measure, package, plain_value
from filiation.lineage.comparing import DURATION, SIZE, Comparison, Free, Moment, Number, Start, Text, Truth, Version
from filiation.model import Status, Value

if TYPE_CHECKING:
    from filiation.catalogue.versions import Version as CrateVersion

ACTION: Final = ACTIONS
THING: Final = THINGS
KINDS: Final = (ACTION, THING)
SUPERSEDED: Final = "superseded"
"""The field that asks also for what does not hold any more."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a node besides what its own record says.

    Parameters
    ----------
    runs
        By the IRI of their crates.
    annotations
        What people have noted of a node, by its IRI, as names and values.
    former
        Where crates are asked that do not hold any more: these, by the IRIs of their runs' crates.
    """

    runs: Mapping[str, RunSummary] = field(default_factory=dict)
    annotations: Mapping[str, tuple[tuple[str, object], ...]] = field(default_factory=dict)
    former: Mapping[str, CrateVersion] = field(default_factory=dict)


class RunsOf(Mapping[str, RunSummary]):
    """The runs of an index by the IRIs of their crates, each read when it is asked for.

    Parameters
    ----------
    index
        The index.
    """

    def __init__(self, index: LineageIndex) -> None:
        self._index = index
        self._known: dict[str, RunSummary | None] = {}

    def __getitem__(self, crate: str) -> RunSummary:
        if crate not in self._known:
            self._known[crate] = self._index.run(crate)
        run = self._known[crate]
        if run is None:
            raise KeyError(crate)
        return run

    def __iter__(self) -> Iterator[str]:
        return (run.iri for run in self._index.runs())

    def __len__(self) -> int:
        return len(self._index.runs())


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
    kept
        Its name in the columns of the index, where it is another one.
    """

    name: str
    of: tuple[str, ...]
    comparison: Comparison
    meaning: str
    found: Finding
    fixed: str | None = None
    kept: str | None = None

    @property
    def column(self) -> str:
        """Its name in the columns of the index."""
        return self.kept or self.name

    @property
    def keyed(self) -> bool:
        """Whether a name follows after a dot."""
        return self.name.endswith(".")


def kind_of(node: Node) -> str:
    """Tell whether a node is an action or a thing."""
    return ACTION if isinstance(node, ActionNode) else THING


def _told(name: str) -> Finding:
    """Take what the columns of the index keep, from the node itself."""

    def found(node: Node, key: str, around: Surroundings) -> Iterable[object]:
        fact = BY_FIELD.get((kind_of(node), name))
        if fact is None:
            return []
        wanted = normal_key(name, key)
        told = fact.told(node, around.runs.get(node.crate))
        return [compared(name, value) for named, value in told if not key or named == wanted]

    return found


def normal_key(name: str, key: str) -> str:
    """Return the name after the dot as the columns have it."""
    return {"software.": package, "usage.": measure}.get(name, str)(key)


def compared(name: str, value: object) -> object:
    """Return what a condition on a field compares of a value that is told: of a package its version."""
    if name == "software." and isinstance(value, tuple | list):
        return value[1]
    return plain_value(value)


def _run(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    return run_names(node.crate)


def run_names(crate: str) -> tuple[str, str]:
    """Return what a run can be asked for by: its id, and its crate's IRI."""
    return crate.removeprefix("arcp://uuid,").rstrip("/"), crate


def _superseded(node: Node, _key: str, around: Surroundings) -> Iterable[object]:
    return [node.crate in around.former]


def _digests(node: Node, _key: str, _around: Surroundings) -> Iterable[object]:
    if not isinstance(node, EntityNode):
        return []
    return [str(digest) for digest in (node.digest, node.pixels) if digest is not None]


def _annotation(node: Node, key: str, around: Surroundings) -> Iterable[object]:
    """Take what people noted here, and what is noted of an image on its server."""
    noted = [value for name, value in around.annotations.get(node.iri, ()) if name == key]
    return [*noted, *_told("annotation.")(node, key, around)]


@dataclass(frozen=True, slots=True)
class Words:
    """A field whose values are among the words of a node.

    Parameters
    ----------
    field
        Its name in the columns of the index.
    key
        Which of its keys alone; None for all.
    said
        How a key and a value are written.
    """

    field: str
    key: str | None = None
    said: Callable[[str, object], str] = lambda _key, value: str(value)


def _with_version(_key: str, value: object) -> str:
    name, version = value if isinstance(value, tuple | list) else ("", "")
    return f"{name} {version}"


def with_name(key: str, value: object) -> str:
    """Write a value after its name, a text without quotes."""
    return f"{key} {value if isinstance(value, str | Value) else Value.of(value)}"


WORDS: Final = {
    ACTION: (
        *map(Words, ("name", "rule", "command", "error", "agent", "host")),
        Words("parameter.", said=with_name),
        Words("software.", said=_with_version),
    ),
    THING: (Words("path", "path"), Words("kind"), Words("name", "name"), Words("annotation.", said=with_name)),
}
"""What ``text`` looks in, besides what people noted."""


def _words(node: Node, _key: str, around: Surroundings) -> Iterable[object]:
    """Everything of a node that has been named by somebody."""
    told = [with_name(name, value) for name, value in around.annotations.get(node.iri, ())]
    kind = kind_of(node)
    for words in WORDS[kind]:
        for key, value in BY_FIELD[kind, words.field].told(node, None):
            if words.key in (None, key):
                told.append(words.said(key, value))
    return told


_STATUSES: Final = tuple(status.value for status in Status)
_ACTIONS: Final = (ACTION,)
_THINGS: Final = (THING,)


def _kept(
    name: str, of: tuple[str, ...], comparison: Comparison, meaning: str, *, kept: str | None = None,
    fixed: str | None = None,
) -> Field:  # fmt: skip
    """Return a field that the columns of the index have."""
    return Field(name, of, comparison, meaning, _told(kept or name), fixed, kept)


FIELDS: Final[tuple[Field, ...]] = (
    _kept("rule", _ACTIONS, Text(), "the rule, or the tool of another engine"),
    _kept("tool", _ACTIONS, Text(), "the same as rule", kept="rule"),
    _kept("status", _ACTIONS, Text(folded=True, words=_STATUSES), "how it ended"),
    _kept("parameter.", _ACTIONS, Free(), "a parameter as it was used, by its name"),
    _kept("software.", _ACTIONS, Version(), "version of a package that it used"),
    _kept("environment.", _ACTIONS, Text(), "container, conda, gpu, or a variable it ran with"),
    _kept("usage.", _ACTIONS, Number(), "a figure that was measured, such as wall-time, in its own unit"),
    _kept("seconds", _ACTIONS, DURATION, "how long it took"),
    _kept("duration", _ACTIONS, DURATION, "the same as seconds", kept="seconds"),
    _kept("started", _ACTIONS, Moment(), "when it started"),
    _kept("ended", _ACTIONS, Moment(), "when it ended"),
    _kept("after", _ACTIONS, Moment(), "started then or later", kept="started", fixed=">="),
    _kept("before", _ACTIONS, Moment(), "started earlier", kept="started", fixed="<"),
    _kept("host", _ACTIONS, Text(), "where it ran"),
    _kept("machine", _ACTIONS, Text(), "the same as host", kept="host"),
    _kept("command", _ACTIONS, Text(), "its command line, or its script"),
    _kept("code", _ACTIONS, Text(), "version, commit or digest of its code"),
    _kept("error", _ACTIONS, Text(), "what it failed with"),
    _kept("exit", _ACTIONS, Number(), "its exit code, where it was told; below 0 the signal that ended it"),
    _kept("job", _ACTIONS, Number(), "Snakemake's number of the job"),
    _kept("attempt", _ACTIONS, Number(), "which try it was, from 1"),
    _kept(
        "kind",
        _THINGS,
        Text(folded=True),
        "file, directory, image, label image, plate, well, raw image, collection, code",
    ),
    _kept("type", _THINGS, Text(folded=True), "the same as kind", kept="kind"),
    _kept("path", _THINGS, Text(), "its path, as the run named it or in full"),
    Field("digest", _THINGS, Start(), "its digest, or the start of it", _digests),
    _kept("size", _THINGS, SIZE, "its bytes"),
    _kept("files", _THINGS, Number(), "files of a folder or store"),
    _kept("media", _THINGS, Text(), "its media type"),
    _kept("modified", _THINGS, Moment(), "when it was last written"),
    _kept("presence", _THINGS, Text(folded=True), "present, deleted, missing, changed, remote"),
    _kept("made", _THINGS, Truth(), "whether a job of the run made it"),
    _kept("axes", _THINGS, Text(), "axes of an image, such as zyx"),
    _kept("shape.", _THINGS, Number(), "length of an image's axis in pixels, by the axis: shape.z"),
    _kept("scale.", _THINGS, Number(), "pixel size along an axis, in the image's own unit: scale.x"),
    _kept("dtype", _THINGS, Text(), "pixel type of an image"),
    _kept("tag", _THINGS, Text(), "a tag that an image has on its server"),
    _kept("instrument", _THINGS, Text(), "maker or model of the microscope or its objective"),
    _kept("magnification", _THINGS, Number(), "of the objective"),
    _kept("channel", _THINGS, Text(), "name of a channel"),
    _kept("container", _THINGS, Text(), "dataset, project, plate or screen that it is filed in"),
    _kept("owner", _THINGS, Text(), "whose it is on its server"),
    _kept("acquired", _THINGS, Moment(), "when it was taken"),
    _kept("name", KINDS, Text(), "its name"),
    _kept("agent", KINDS, Text(), "who ran it: a name or an ORCID"),
    Field("run", KINDS, Start("a run or the start of its id", 4), "the run that tells of it", _run),
    Field(
        SUPERSEDED,
        KINDS,
        Truth(),
        "whether its crate does not hold any more: superseded, forgotten or gone; without it, none such is found",
        _superseded,
    ),
    _kept("workflow", KINDS, Text(), "the workflow of that run"),
    Field("annotation.", KINDS, Free(), "what was noted of it, here or on its server, by name", _annotation),
    Field("text", KINDS, Text(), "anything it is called, parameters and notes too; ask with ~", _words),
)
"""In the order in which help lists them."""
