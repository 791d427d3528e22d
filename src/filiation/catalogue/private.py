"""What a policy names in one crate: which entities are private, and which texts give them away."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from filiation.catalogue.nodes import NO_BYTES
from filiation.catalogue.policy import DROP, ImagePattern, Policy, matches
from filiation.catalogue.private_texts import PrivateTexts
from filiation.catalogue.root import root_of
from filiation.crate.jsonld import Node, ids, many
from filiation.errors import BadInputError
from filiation.model import Digest, DigestKind, decode_path, is_uri, path_in_run

DESCRIPTOR: Final = "ro-crate-metadata.json"
ROOTS: Final = ("./", ".", "")
DIGESTS: Final[Mapping[str, DigestKind]] = {
    "sha256": DigestKind.FILE,
    "treeDigest": DigestKind.TREE,
    "pixelDigest": DigestKind.PIXELS_1,
}
"""What tells of digests, and of which kind one is that does not say it."""
ACTIONS: Final = frozenset({"CreateAction", "UpdateAction", "ActivateAction"})
"""Types of what did something."""
DATA: Final = frozenset({"File", "Dataset", "MediaObject", "Collection", "RepositoryCollection", "ImageObject"})
_TOOLS: Final = frozenset({"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"})
_OME: Final = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
_IMAGES: Final = frozenset({"raw image", "image", "label image", "plate", "well"})
"""Kinds of things that are images of a server, where their name is an address."""
_FROM_SERVER: Final = ("inGroup", "ownedBy", "dcterms:isPartOf")
"""What a crate that asked the server tells of an image."""
_SHORTEST: Final = 4
"""Characters of a text at least that is looked for everywhere; a shorter one stands in too much else."""


@dataclass(slots=True)
class Private:
    """What is private in a crate.

    Parameters
    ----------
    kinds
        Of each entity that stays as no more than a node, by @id: what made it private (``path``, ``rule``, …).
    dropped
        Entities that belong to a private one and go with it.
    touched
        Actions that used, made or were given something private: what they say in words is private too.
    commands
        Actions whose command line is private.
    literals, words
        What gives private things away.
    everything
        Whether the whole run is private.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)
    literals: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.kinds or self.commands or self.everything)

    @property
    def texts(self) -> PrivateTexts:
        """What gives this crate's private things away."""
        return PrivateTexts(self.literals, self.words)


def texts_of(policy: Policy) -> PrivateTexts:
    """Return what a policy by itself says must not stand anywhere."""
    named = (name for name in (*policy.rules, *policy.people) if not set(name) & set("*?["))
    whole = (image.server for image in policy.images if (image.group, image.container, image.image) == ("*", "*", "*"))
    inside = (part for image in policy.images for part in (image.group, image.container) if len(part) >= _SHORTEST)
    words = {*named, *(part for part in (*whole, *inside) if not set(part) & set("*?["))}
    return PrivateTexts(policy.texts, words, policy.paths)


def find_private(document: Mapping[str, Any], policy: Policy, run: str) -> Private:
    """Say what a policy names in a crate.

    Parameters
    ----------
    document
        Its metadata.
    policy
        What is private.
    run
        Its id.
    """
    nodes = {str(node["@id"]): node for node in document["@graph"] if isinstance(node.get("@id"), str)}
    found = Private()
    whole = {*ROOTS, DESCRIPTOR, root_of(document)}
    if any(run.startswith(start) for start in policy.runs):
        found.everything = True
        found.kinds = {at: "run" for at, node in nodes.items() if at not in whole and is_part_of_a_run(node)}
        return found
    for at, node in nodes.items():
        if at not in whole:
            _look_at(at, node, nodes, policy, found)
    _follow_images(nodes, found)
    _follow_rules(nodes, found)
    return found


def follow_texts(document: Mapping[str, Any], found: Private, texts: PrivateTexts) -> None:
    """Add what is private because a private text stands in its name or its value, and the actions around it all."""
    known = {*ROOTS, DESCRIPTOR, root_of(document), *found.kinds, *found.dropped}
    for node in document["@graph"]:
        at = node.get("@id")
        if not isinstance(at, str) or at in known:
            continue
        inside = strings(node) if "PropertyValue" in many(node.get("@type")) else iter((at, decode_path(at)))
        if texts and any(texts.occur_in(text) for text in inside):
            found.kinds[at] = "text"
    for node in document["@graph"]:
        around = {*ids(node.get("object")), *ids(node.get("result"))}
        if around & found.kinds.keys():
            found.touched.add(str(node.get("@id")))


def is_part_of_a_run(node: Mapping[str, Any]) -> bool:
    """Whether an entity is one of the things, actions and tools that a lineage is made of."""
    types = set(many(node.get("@type")))
    is_image = "entityKind" in node or "OrganizeAction" in types
    return node.get("@id") != DESCRIPTOR and (bool(types & (ACTIONS | DATA | _TOOLS)) or is_image)


def paths_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths that an entity is known by."""
    at = str(node["@id"]).removeprefix("./")
    reference = at[1:] if at.startswith(("#work/", "#outside/")) else at
    named = path_in_run(reference) if reference.startswith(("work/", "outside/")) else decode_path(reference)
    seen = node.get("lastSeen")
    other = decode_path(seen.removeprefix("file://")) if isinstance(seen, str) and seen.startswith("file:") else seen
    paths = (named.rstrip("/"), other.rstrip("/") if isinstance(other, str) else None)
    return tuple(dict.fromkeys(path for path in paths if path))


def strings(value: object) -> Iterator[str]:
    """Yield every text in a value of JSON, in JSON that stands in it as text too; no names of properties."""
    if isinstance(value, str):
        yield value
        if value[:1] in "[{" and value[-1:] in "]}":
            try:
                yield from strings(json.loads(value))
            except (ValueError, RecursionError):
                return
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def _look_at(at: str, node: Node, nodes: Mapping[str, Node], policy: Policy, found: Private) -> None:
    types = set(many(node.get("@type")))
    if "Person" in types:
        names = _person(at, node)
        if any(matches(name, policy.people) for name in names):
            found.kinds[at] = "person"
            found.words.update(name for name in names if len(name) >= _SHORTEST)
    elif types & ACTIONS or "OrganizeAction" in types:
        told = [text for key in ("command", "description") for text in many(node.get(key)) if isinstance(text, str)]
        if any(matches(text, policy.commands) for text in told):
            found.commands.add(at)
        tools = [nodes.get(tool, {}) for tool in ids(node.get("instrument"))]
        if types & ACTIONS and any(_is_private_rule(tool, policy) for tool in tools):
            found.kinds[at] = "rule"
            called = [name for tool in tools for name in many(tool.get("name")) if isinstance(name, str)]
            found.words.update(name for name in called if len(name) >= _SHORTEST)
    elif "PropertyValue" in types:
        _look_at_value(at, node, policy, found)
    elif _is_remote_image(at, node, types):
        if any(_is_meant(at, node, nodes, pattern) for pattern in policy.images) or matches(at, policy.paths):
            found.kinds[at] = "image"
            found.words.update(_names_of_image(at, node))
            found.literals.update(_digests(node, policy))
    elif types & DATA and any(matches(path, policy.paths) for path in paths_of(node)):
        found.kinds[at] = "path"
        found.literals.update(path for path in paths_of(node) if len(path) >= _SHORTEST)
        found.literals.update(_digests(node, policy))


def _look_at_value(at: str, node: Node, policy: Policy, found: Private) -> None:
    names = {str(name) for name in many(node.get("name"))}
    values = [node.get(key) for key in ("value", "requestedValue", "usedValue")]
    is_parameter = "exampleOfWork" in node or "requestedValue" in node or "usedValue" in node
    names |= {key for value in values for key in _keys(value)}
    names |= {name.rpartition(".")[2] for name in names}
    patterns = policy.parameters if is_parameter else policy.annotations
    if any(matches(name, patterns) for name in names):
        found.kinds[at] = "parameter" if is_parameter else "annotation"
        told = (text.strip('"') for value in values for text in strings(value))
        found.literals.update(text for text in told if len(text) >= _SHORTEST and not _is_plain(text))


def _keys(value: object) -> Iterator[str]:
    """Yield the names in a value that is a table, written as JSON or not."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def _is_plain(text: str) -> bool:
    """Whether a text is a number or a word of JSON, which says nothing by itself."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _follow_images(nodes: Mapping[str, Node], found: Private) -> None:
    """Withhold the records of what was written to private images on their server, which name them."""
    private = {at for at, kind in found.kinds.items() if kind == "image"}
    for at, node in nodes.items():
        if set(many(node.get("@type"))) & ACTIONS and private & set(ids(node.get("about"))):
            found.kinds[at] = "image"


def _follow_rules(nodes: Mapping[str, Node], found: Private) -> None:
    """Drop what describes private rules: tools, their parameters, steps, scripts, values, and what connects them."""
    private = {at for at, kind in found.kinds.items() if kind == "rule"}
    public = {at for at, node in nodes.items() if set(many(node.get("@type"))) & ACTIONS} - private
    tools = _of(nodes, private, "instrument") - _of(nodes, public, "instrument")
    gone = _of(nodes, tools, "input", "output")
    scripts = _of(nodes, tools, "mainEntity")
    others = {at for at, node in nodes.items() if "mainEntity" in node and at not in (*ROOTS, *tools)}
    scripts -= _of(nodes, others, "mainEntity") | _of(nodes, public, "instrument")
    gone |= scripts
    for at, node in nodes.items():
        links = {each for key in ("workExample", "instrument") for each in ids(node.get(key))}
        if "HowToStep" in many(node.get("@type")) and links & tools:
            gone.add(at)
    for at, node in nodes.items():
        ends = {each for key in ("sourceParameter", "targetParameter") for each in ids(node.get(key))}
        if ends & gone or ("ControlAction" in many(node.get("@type")) and set(ids(node.get("instrument"))) & gone):
            gone.add(at)
    given = {at for at in _of(nodes, private, "object") if "PropertyValue" in many(nodes.get(at, {}).get("@type"))}
    gone |= given - _of(nodes, public, "object")
    for script in scripts & nodes.keys():
        found.literals.update(path for path in paths_of(nodes[script]) if len(path) >= _SHORTEST)
    found.kinds |= dict.fromkeys(tools, "rule")
    found.dropped |= gone - found.kinds.keys()


def _of(nodes: Mapping[str, Node], of: set[str], *properties: str) -> set[str]:
    return {each for at in of for key in properties for each in ids(nodes.get(at, {}).get(key))}


def _is_private_rule(tool: Mapping[str, Any], policy: Policy) -> bool:
    if "ComputationalWorkflow" in many(tool.get("@type")):
        return False
    return any(matches(name, policy.rules) for name in many(tool.get("name")) if isinstance(name, str))


def _person(at: str, node: Mapping[str, Any]) -> set[str]:
    names = {at, *(str(name) for key in ("name", "user", "email", "identifier") for name in many(node.get(key)))}
    names |= {at.rpartition("/")[2]} if is_uri(at) else set()
    return {name.removeprefix("mailto:") for name in names}


def _is_remote_image(at: str, node: Mapping[str, Any], types: set[str]) -> bool:
    """Whether an entity is an image outside of runs, or something that was written to a server beside one."""
    if not is_uri(at) or "ome-xml:Channel" in types:
        return False
    is_written = any(kind.startswith(_OME) for kind in ids(node.get("additionalType")))
    is_image = node.get("entityKind") == "raw image" or bool(types & {"ImageObject", "ome-xml:Image"})
    return is_image or (_host(at) != "" and (is_written or node.get("entityKind") in _IMAGES))


def _host(at: str) -> str:
    """Return the server of an address on the web; nothing for any other name."""
    try:
        parts = urlsplit(at)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https", "omero") else ""


def _is_meant(at: str, node: Mapping[str, Any], nodes: Mapping[str, Node], pattern: ImagePattern) -> bool:
    host = _host(at)
    return (
        matches(host, (pattern.server.lower(),))
        and matches(at, (pattern.image,))
        and _is_in(pattern.group, _groups(node, nodes), is_told="inGroup" in node or not host)
        and _is_in(
            pattern.container, _containers(node, nodes), is_told=not host or any(key in node for key in _FROM_SERVER)
        )
    )


def _is_in(pattern: str, names: Iterable[str], *, is_told: bool) -> bool:
    """Whether one of the names is meant; one that nobody tells may be."""
    return pattern == "*" or not is_told or any(matches(name, (pattern,)) for name in names)


def _groups(node: Mapping[str, Any], nodes: Mapping[str, Node]) -> list[str]:
    return [str(nodes.get(group, {}).get("name", group)) for group in ids(node.get("inGroup"))]


def _containers(node: Mapping[str, Any], nodes: Mapping[str, Node]) -> set[str]:
    """Return names and IRIs of what an image is filed in, and of what that is filed in."""
    found: set[str] = set()
    waiting = list(ids(node.get("dcterms:isPartOf")))
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += ids(nodes.get(at, {}).get("dcterms:isPartOf"))
    return found | {str(nodes[at]["name"]) for at in found if "name" in nodes.get(at, {})}


def _names_of_image(at: str, node: Mapping[str, Any]) -> Iterator[str]:
    yield at
    yield from (str(node[key]) for key in ("name", "alternateName", "url") if len(str(node.get(key, ""))) > _SHORTEST)
    parts = urlsplit(at)
    kind, _, number = parts.path.strip("/").partition("/")
    if parts.scheme == "https" and number.isdigit():
        yield f"omero://{parts.hostname}/{kind.lower()}/{number}"
        yield f"omero://{parts.hostname}:4064/{kind.lower()}/{number}"
        yield f"{kind}:{number}@{parts.hostname}"


def _digests(node: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    """Yield every spelling of the digests of a thing, if they are to be dropped."""
    for key, kind in DIGESTS.items() if policy.digests == DROP else ():
        text = str(node.get(key, "")).strip().lower()
        if text and text.rpartition(":")[2] != NO_BYTES:
            try:
                digest = Digest.from_text(text) if ":" in text else Digest(kind, text)
            except BadInputError:
                continue
            yield digest.hex
            yield digest.iri
