"""A crate without what is private in it: a crate of its own, that says what it was made from and what it lacks.

What is private stays as a node named ``withheld``, where it stood in the lineage, so that a walk goes on over it and
shows that something is there. Journals, step records, pages and whatever else tells the same again stay behind, and of
the files that a crate carries go along those that are text and hold nothing private.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk
from filiation.catalogue.nodes import NO_BYTES
from filiation.catalogue.policy import DROP, Policy
from filiation.catalogue.private import (
    ACTIONS,
    DATA,
    DESCRIPTOR,
    DIGESTS,
    ROOTS,
    Private,
    find_private,
    follow_texts,
    is_part_of_a_run,
)
from filiation.catalogue.private_texts import WITHHELD, PrivateTexts
from filiation.catalogue.root import root_of
from filiation.crate.jsonld import Node, ids, many, reference, references
from filiation.crate.profiles import TERMS
from filiation.errors import FiliationError
from filiation.model import decode_path, is_uri

LARGEST_FILE: Final = 2_000_000
"""Bytes of a file at most that goes along: all of it is read."""
_WORDS_OF_ACTIONS: Final = (
    "description", "command", "reason", "error", "wildcards", "inputSlots", "outputSlots", "logSlots", "benchmark",
    "resources", "redacted", "subjectOf",
)  # fmt: skip
_CONTEXT: Final = {
    "wasDerivedFrom": "http://www.w3.org/ns/prov#wasDerivedFrom",
    **{term: TERMS + term for term in ("withheld", "withheldFrom", "runId")},
}
_STAY_BEHIND: Final = ("steps/", "journal.jsonl", "README.md", "ro-crate-preview")


@dataclass(frozen=True, slots=True)
class Withheld:
    """A crate without what is private in it.

    Parameters
    ----------
    id
        Its UUID: of a run of ours made from the run's, so that it is the same whenever it is made.
    document
        Its metadata.
    files
        Those that go along, as paths in the crate.
    names
        New @ids of entities, by the old ones.
    kinds
        How many of what is withheld: entities by what made them private, command lines, files.
    texts
        What gives away this crate's private things.
    """

    id: str | None
    document: dict[str, object]
    files: tuple[str, ...]
    names: Mapping[str, str]
    kinds: Mapping[str, int]
    texts: PrivateTexts


def withhold(crate: CrateOnDisk, document: Mapping[str, Any], policy: Policy, texts: PrivateTexts) -> Withheld | None:
    """Return a crate without what is private; None if nothing of it is.

    Parameters
    ----------
    crate
        The crate as it was recorded.
    document
        Its metadata.
    policy
        What is private.
    texts
        What must not stand anywhere, whoever wrote it: see :func:`~filiation.catalogue.private.texts_of`.
    """
    private = find_private(document, policy, crate.id)
    texts = texts | private.texts
    carried = tuple(_carried(crate.folder))
    if not private and not _occurs(document, carried, crate.folder, texts):
        return None
    follow_texts(document, private, texts)
    kept = () if private.everything else tuple(path for path in carried if _may_go(crate.folder, path, texts))
    return _Writing(crate, document, private, policy, texts, kept, len(carried)).result()


def withheld_id(run: str) -> str:
    """Return the UUID of what is made of a run's crate: always the same, whatever is withheld."""
    return str(uuid5(UUID(run), WITHHELD))


def write(made: Withheld, crate: CrateOnDisk, folder: Path) -> None:
    """Write a crate that :func:`withhold` made from ``crate`` into an empty folder."""
    for path in made.files:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(crate.folder / path, place, follow_symlinks=False)
    (folder / METADATA).write_text(json.dumps(made.document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check_written(folder: Path, texts: PrivateTexts) -> None:
    """Make sure that no private text stands in a crate that was written.

    Raises
    ------
    FiliationError
        If one does, which would be a fault of ours: the crate must not be shown to anybody.
    """
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        told = path.read_bytes().decode("utf-8", "surrogateescape")
        if texts.occur_in(told) or texts.occur_in(name) or texts.occur_in(decode_path(name)):
            raise FiliationError(
                f"Something private would still stand in the file {path.name} of a merged crate, so it was not merged. "
                "Name the run under runs in the policy, which withholds all of it."
            )


def _carried(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path != folder / METADATA:
            yield path.relative_to(folder).as_posix()


def _occurs(document: Mapping[str, Any], carried: tuple[str, ...], folder: Path, texts: PrivateTexts) -> bool:
    if not texts:
        return False
    told = json.dumps(document, ensure_ascii=False)
    return texts.occur_in(told) or any(_holds(folder / path, path, texts) for path in carried)


def _holds(place: Path, path: str, texts: PrivateTexts) -> bool:
    if texts.occur_in(path):
        return True
    with place.open("rb") as stream:
        return texts.occur_in(stream.read(LARGEST_FILE).decode("utf-8", "surrogateescape"))


def _may_go(folder: Path, path: str, texts: PrivateTexts) -> bool:
    """Whether a file may go along: text, all of it looked through, that nothing private stands in."""
    place = folder / path
    if path.startswith(_STAY_BEHIND) or place.stat().st_size > LARGEST_FILE or texts.occur_in(path):
        return False
    try:
        text = place.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False  # what is packed or compressed cannot be looked through
    return "\x00" not in text and not texts.occur_in(text)


class _Writing:
    """One crate's metadata, written anew."""

    def __init__(
        self,
        crate: CrateOnDisk,
        document: Mapping[str, Any],
        private: Private,
        policy: Policy,
        texts: PrivateTexts,
        files: tuple[str, ...],
        carried: int,
    ) -> None:
        self._crate, self._private, self._policy, self._texts = crate, private, policy, texts
        self._context = document["@context"]
        self._nodes: dict[str, Node] = {
            str(node["@id"]): node for node in document["@graph"] if isinstance(node.get("@id"), str)
        }
        self._files = frozenset(files)
        self._left_behind = carried - len(files)
        self._root = root_of(document) or "./"
        self._names = {at: f"#withheld-{number}" for number, at in enumerate(private.kinds, 1)}
        self._gone = self._what_goes()
        self._names |= {
            at: "#" + at.removeprefix("./")
            for at in self._nodes
            if at not in self._names and at not in self._gone and self._is_file_left_behind(at)
        }

    def result(self) -> Withheld:
        written = {at: self._written(at, node) for at, node in self._nodes.items() if at not in self._gone}
        reachable = self._reachable(written)
        kinds = Counter(kind for at, kind in self._private.kinds.items() if at in reachable)
        kinds += Counter({"command": len(self._private.commands - self._private.kinds.keys())})
        kinds += Counter({"file": self._left_behind})
        own = withheld_id(self._crate.id) if self._crate.own else None
        root = {**written[self._root], **self._about(kinds)} | ({"runId": own} if own else {})
        source: Node = {
            "@id": self._crate.iri,
            "@type": "CreativeWork",
            "name": "The crate that this one was made from, with nothing withheld",
            "identifier": self._crate.metadata_digest.iri,
        }
        graph = [root if at == self._root else node for at, node in written.items() if at in reachable]
        context = [*many(self._context), _CONTEXT]
        made: dict[str, object] = {"@context": context, "@graph": [*graph, source]}
        told = dict(sorted(kinds.items()))
        return Withheld(own, made, tuple(sorted(self._files)), self._names, told, self._private.texts)

    def _about(self, kinds: Counter[str]) -> Node:
        told = ", ".join(f"{count} of {kind}" for kind, count in sorted(kinds.items()))
        return {
            "wasDerivedFrom": reference(self._crate.iri),
            "withheldFrom": self._crate.metadata_digest.iri,
            "withheld": json.dumps(dict(sorted(kinds.items()))),
            "description": f"Made from a crate as it was recorded, by a policy on what is private. Withheld: {told}.",
        }

    def _what_goes(self) -> set[str]:
        if self._private.everything:
            kept = {*self._private.kinds, self._root, DESCRIPTOR}
            return self._nodes.keys() - kept
        behind = {at for at in self._nodes if at.removeprefix("./").startswith(_STAY_BEHIND)}
        return self._private.dropped | behind

    def _is_file_left_behind(self, at: str) -> bool:
        path = decode_path(at.removeprefix("./"))
        is_inside = not at.startswith("#") and not is_uri(at) and at not in (*ROOTS, DESCRIPTOR)
        if not is_inside or not set(many(self._nodes[at].get("@type"))) & {"File", "Dataset", "MediaObject"}:
            return False
        return path not in self._files and not any(name.startswith(path.rstrip("/") + "/") for name in self._files)

    def _written(self, at: str, node: Node) -> Node:
        if at in self._private.kinds:
            return self._as_node(at, node)
        if at == self._root and self._private.everything:
            links: Node = {key: self._value(node[key]) for key in ("mainEntity", "mentions", "hasPart") if key in node}
            return {"@id": at, "@type": node.get("@type", "Dataset"), "name": WITHHELD, **_filled(links)}
        if at == DESCRIPTOR:
            return dict(node)
        told = dict(node)
        if at in self._private.touched:
            told = {key: value for key, value in told.items() if key not in _WORDS_OF_ACTIONS}
            if set(many(node.get("@type"))) & ACTIONS:
                told["name"] = self._tool_of(node)
        elif at in self._private.commands:
            told |= {key: WITHHELD for key in ("command", "description") if key in told}
        values = {key: self._value(value) for key, value in told.items() if not key.startswith("@")}
        return {"@id": self._names.get(at, at), "@type": node.get("@type", "Thing"), **_filled(values)}

    def _as_node(self, at: str, node: Node) -> Node:
        """Return what is left of something private: what it is, its place in the lineage, how it ended."""
        types = set(many(node.get("@type")))
        told: Node = {"name": WITHHELD, "withheld": self._private.kinds[at]}
        if "PropertyValue" in types:
            told["value"] = WITHHELD
        elif types & ACTIONS or "OrganizeAction" in types:
            told |= {key: node[key] for key in ("actionStatus", "status") if key in node}
            told |= {key: self._data(node.get(key)) for key in ("object", "result")}
            told["instrument"] = self._value(node.get("instrument"))
        else:
            told |= {key: node[key] for key in ("entityKind", "reused") if key in node}
            told["hasPart"] = self._data(node.get("hasPart")) if types & DATA else None
            told |= self._digests(node)
        return {"@id": self._names[at], "@type": node.get("@type", "Thing"), **_filled(told)}

    def _digests(self, node: Node) -> Node:
        known = {key: node[key] for key in DIGESTS if key in node}
        if self._policy.digests == DROP or any(str(digest).endswith(NO_BYTES) for digest in known.values()):
            return {}
        return known

    def _data(self, value: object) -> object:
        """Keep, of what a private action used or made, the things, which lineage is about."""
        found = [at for at in ids(value) if at not in self._gone and at in self._nodes]
        data = [at for at in found if is_part_of_a_run(self._nodes[at]) or "@type" not in self._nodes[at]]
        return references(self._names.get(at, at) for at in data)

    def _tool_of(self, node: Node) -> str:
        names = [
            self._nodes.get(tool, {}).get("name") for tool in ids(node.get("instrument")) if tool not in self._names
        ]
        return self._texts.replaced_in(str(names[0])) if names and names[0] else WITHHELD

    def _value(self, value: object) -> object:
        """Return a property's value without what is private, and without references to what is gone."""
        if isinstance(value, str):
            return self._texts.replaced_in(value)
        if isinstance(value, list):
            return [kept for item in value if (kept := self._value(item)) is not None] or None
        if isinstance(value, Mapping):
            at = value.get("@id")
            if isinstance(at, str):
                if at in self._gone:
                    return None
                named = self._names.get(at, at)
                return reference(self._texts.replaced_in(named) if named not in self._nodes else named)
            return {key: inner if key.startswith("@type") else self._value(inner) for key, inner in value.items()}
        return value

    def _reachable(self, written: Mapping[str, Node]) -> set[str]:
        """Return what is still to be found from the crate's root: what only private things led to is gone too."""
        before = _walk(self._nodes, {self._root, DESCRIPTOR})
        old = {new: at for at, new in self._names.items()}
        now = dict(written)
        starts = {self._root, DESCRIPTOR} | (now.keys() - before)
        return _walk(now, starts, old)


def _walk(nodes: Mapping[str, Node], starts: set[str], old: Mapping[str, str] | None = None) -> set[str]:
    found, waiting = set(starts), list(starts)
    while waiting:
        node = nodes.get(waiting.pop(), {})
        linked = {at for key, value in node.items() if not key.startswith("@") for at in ids(value)}
        for at in linked:
            at = at if old is None else old.get(at, at)
            if at in nodes and at not in found:
                found.add(at)
                waiting.append(at)
    return found


def _filled(values: Mapping[str, object]) -> Node:
    return {key: value for key, value in values.items() if value is not None}
