"""A lineage as a tree of text: a thing, what made it with which parameters, and below that what went in."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, PART, SAME_CONTENT, ActionNode, EntityNode, Node
from filiation.crate.record_names import RUN
from filiation.lineage import words
from filiation.lineage.answers import ANCESTORS, THROUGH, Lineage, one_place

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH: Final = 110
LONGEST_LIST: Final = 12
"""So many software packages are named; the rest are counted, and stand in the JSON form."""
TELLING: Final = frozenset(
    {
        "bioio",
        "btrack",
        "cellpose",
        "cpython",
        "dask",
        "filiation",
        "imglib2",
        "itk",
        "micro-sam",
        "ngio",
        "numpy",
        "ome-zarr",
        "omnipose",
        "opencv-python",
        "openslide-python",
        "python",
        "r-base",
        "scikit-image",
        "scikit-learn",
        "scipy",
        "simpleitk",
        "snakemake",
        "stardist",
        "tensorflow",
        "tifffile",
        "torch",
        "torchvision",
        "trackpy",
        "zarr",
    }
)
"""Software that decides what comes out of an image analysis; it is named before what it stands on."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """Something still to be drawn: a node, where it hangs, and by which relation."""

    iri: str
    before: str
    last: bool
    role: str


def draw_tree(lineage: Lineage) -> str:
    """Draw a lineage; what was drawn once is named again with "(see above)".

    Parameters
    ----------
    lineage
        What to draw. Cycles, as in a damaged or foreign crate, end where they close.
    """
    lines = [words.plain(lineage.note), ""] if lineage.note else []
    drawn: set[str] = set()
    tree = _Tree(lineage)
    for root in lineage.roots:
        block = list(tree.draw(root, drawn))
        lines.extend(["", *block] if lines and lines[-1] and block else block)
    return "\n".join(lines) + "\n"


class _Tree:
    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._upwards = lineage.direction == ANCESTORS
        self._one = one_place(lineage)
        self._found: dict[str, list[str]] = defaultdict(list)
        for found, made in self._one.items():
            self._found[made].append(found)
        self._cut = {self._one.get(iri, iri) for iri in lineage.cut}
        self._stopped = {self._one.get(iri, iri) for iri in lineage.stopped}
        self._counted = lineage.counted
        self._next: dict[str, dict[str, str]] = defaultdict(dict)
        for edge in lineage.edges:
            near, far = (edge.dst, edge.src) if self._upwards else (edge.src, edge.dst)
            near, far = self._one.get(near, near), self._one.get(far, far)
            if near != far:
                self._next[near].setdefault(far, edge.role)

    def draw(self, root: str, drawn: set[str]) -> Iterator[str]:
        root = self._one.get(root, root)
        waiting = [] if root in drawn else [_Branch(root, "", last=True, role="")]
        while waiting:
            branch = waiting.pop()
            node = self._lineage.by_iri.get(branch.iri)
            fork, indent = ("", "") if not branch.role else ("└─ ", "   ") if branch.last else ("├─ ", "│  ")
            head = self._head(branch, node)
            if branch.iri in drawn:
                run = f" in run {words.run_name(node.crate)}" if isinstance(node, ActionNode) else ""
                yield f"{branch.before}{fork}{head}{run} (see above)"
                continue
            drawn.add(branch.iri)
            yield f"{branch.before}{fork}{head}"
            below = branch.before + indent
            following = sorted(self._next[branch.iri].items(), key=lambda item: self._order(*item))
            for line in self._details(branch, node, has_more=bool(following)):
                yield f"{below}{'│' if following else ' '}  {line}".rstrip()
            for number, (iri, role) in enumerate(reversed(following)):
                waiting.append(_Branch(iri, below, last=number == 0, role=role))

    def _order(self, iri: str, role: str) -> tuple[str, str, str]:
        node = self._lineage.by_iri.get(iri)
        if isinstance(node, ActionNode):
            return "", node.started.isoformat() if node.started else "", iri
        return role, node.path if node is not None else iri, iri

    def _head(self, branch: _Branch, node: Node | None) -> str:
        count = self._counted.get(branch.iri, 1)
        between = "" if branch.role != THROUGH else "further back, " if self._upwards else "further on, "
        if isinstance(node, ActionNode):
            came = "was run by " if branch.role == CODE else "went into "
            name = words.action_name(node, count)
            return between + (name if between else ("made by " if self._upwards else came) + name)
        path = between + words.entity_name(node.path if node is not None else branch.iri, count)
        if node is not None and branch.role == SAME_CONTENT:
            doing = "made" if self._upwards else "found"
            return f"the same content as {path}, {doing} in run {words.run_name(node.crate)}"
        if branch.role == PART:
            return f"part of {path}" if self._upwards else f"with the part {path}"
        return path

    def _details(self, branch: _Branch, node: Node | None, *, has_more: bool) -> Iterator[str]:
        if isinstance(node, ActionNode):
            yield from _action_details(node)
        elif isinstance(node, EntityNode) and branch.role != SAME_CONTENT:
            facts = words.entity_facts(node)
            yield " · ".join(facts)
            if node.metadata is not None and (told := words.image_metadata(node.metadata)):
                yield from textwrap.wrap(told, WIDTH - 20)
            if found := sorted({self._lineage.by_iri[iri].crate for iri in self._found[node.iri]}):
                runs = ", ".join(words.run_name(crate) for crate in found)
                yield f"made in run {words.run_name(node.crate)}, found with the same content by run {runs}"
            if self._upwards and not has_more and (why := self._why_it_ends(node)):
                yield why
        if branch.iri in self._stopped:
            yield "… more beyond, left out as was asked"
        if branch.iri in self._cut:
            yield "… more beyond the depth that was asked for"

    def _why_it_ends(self, node: EntityNode) -> str:
        if node.iri in self._cut or node.iri in self._stopped:
            return ""
        if node.kind == "raw image":
            return "source: an image from outside the workflow"
        if node.kind == RUN:
            return f"the run as a whole: filiation show {words.run_name(node.iri)}"
        if node.reused:
            return "not captured: an earlier run made it that is not in the catalogue"
        return "source: no run in the catalogue made it"


def _action_details(action: ActionNode) -> Iterator[str]:
    yield from words.action_facts(action)
    if action.error is not None:
        first = action.error.strip().splitlines() or [""]
        yield f"error       {words.plain(first[-1])}"
    for number, parameter in enumerate(action.parameters):
        label = "parameters" if number == 0 else ""
        yield from _wrapped(label, words.parameter(parameter))
    if command := words.command(action):
        yield from _wrapped("ran", command)
    if action.code is not None:
        yield from _wrapped("code", words.plain(action.code if len(action.code) <= 24 else f"{action.code[:19]}…"))
    if action.software:
        telling = sorted(action.software, key=lambda found: (found.name.lower() not in TELLING, found.name.lower()))
        # A no-break space keeps a name and its version on one line.
        named = [words.plain(f"{found.name}\N{NO-BREAK SPACE}{found.version or '(no version)'}") for found in telling]
        more = f", and {len(named) - LONGEST_LIST} more" if len(named) > LONGEST_LIST else ""
        yield from _wrapped("software", ", ".join(named[:LONGEST_LIST]) + more)
    for name, value in action.environment:
        yield from _wrapped(words.plain(name), words.plain(value))


def _wrapped(label: str, text: str) -> list[str]:
    if len(text) > WIDTH - 24 or not text.strip():
        lines = textwrap.wrap(text, WIDTH - 24, break_on_hyphens=False) or [""]
    else:
        lines = [text.rstrip()]
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    return [f"{label if number == 0 else '':<11} {line}" for number, line in enumerate(lines)]
