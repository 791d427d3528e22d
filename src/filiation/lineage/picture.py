"""A lineage as a picture: an SVG of its own, without other programs, fonts or anything fetched."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from filiation.catalogue import GENERATED, USED, ActionNode, EntityNode, Node
from filiation.lineage import words
from filiation.lineage.answers import Lineage, one_place
from filiation.lineage.layout import Layout, lay_out
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LINE: Final = 16.0
PADDING: Final = 10.0
MOST: Final = 300
"""Boxes that are drawn at most, those nearest to what was asked about; no screen shows more, and nobody sees it."""
LONGEST: Final = 44
"""Characters of a line; a longer one is cut in its middle, and stands whole in the box's title."""

# Dark on light and light on dark; each pair has a contrast of at least 7 to its ground.
_STYLE: Final = """
text { font: 12px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: #1c2330; }
.name { font-weight: 600; } .quiet { fill: #465063; font-size: 11px; }
.ground { fill: #ffffff; stroke: #d5dae3; } .edge { fill: none; stroke: #77839a; stroke-width: 1.4; }
.tip { fill: #77839a; } .thing { fill: #eef3fb; stroke: #4b74b5; } .source { fill: #fdf3df; stroke: #b3812a; }
.label { fill: #e6f5ec; stroke: #2f8a58; } .root { stroke-width: 2.6; } .action { fill: #f1eef8; stroke: #7a5fb0; }
.failed { fill: #fdebea; stroke: #b8433b; } .same { stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
text { fill: #e8ecf4; } .quiet { fill: #b4bdcd; } .ground { fill: #151a23; stroke: #2d3646; }
.edge { stroke: #8a96ad; } .tip { fill: #8a96ad; } .thing { fill: #1b2940; stroke: #6d97d9; }
.source { fill: #33290f; stroke: #d3a044; } .label { fill: #12301f; stroke: #4db37c; }
.action { fill: #272040; stroke: #a48be0; } .failed { fill: #3b1b19; stroke: #e0736b; }
}
"""


@dataclass(frozen=True, slots=True)
class _Box:
    """A box with its lines; the first is its name."""

    node: Node
    style: str
    lines: tuple[str, ...]
    title: str

    @property
    def width(self) -> float:
        # No font is asked; these are the mean widths of a wide one (DejaVu Sans, 12 px bold and 11 px).
        longest = max((len(line) * (8.1 if number == 0 else 6.7) for number, line in enumerate(self.lines)), default=0)
        return longest + 2 * PADDING + (14 if isinstance(self.node, ActionNode) else 0)

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + 2 * PADDING - 4


def draw_picture(lineage: Lineage, said: Callable[[str], str] = str) -> str:
    """Draw a lineage from top to bottom as data flowed: things as rounded boxes, actions as hexagons.

    Every text is escaped; the picture has no script, no link and no outside resource.

    Parameters
    ----------
    lineage
        What to draw.
    said
        Says a :class:`~filiation.model.sentences.Sentence` in the language of the picture.
    """
    one = one_place(lineage)
    shown = _nearest(lineage, one)
    boxes = {node.iri: _box(lineage, node, said) for node in lineage.nodes if node.iri in shown}
    left_out = len(lineage.nodes) - len(one) - len(boxes)
    edges: dict[tuple[str, str], str] = {}
    for edge in lineage.edges:
        ends = one.get(edge.src, edge.src), one.get(edge.dst, edge.dst)
        if ends[0] != ends[1] and ends[0] in boxes and ends[1] in boxes:
            edges.setdefault(ends, edge.role)
    layout = lay_out({iri: (box.height, box.width) for iri, box in boxes.items()}, edges, along=44, across=22)
    margin = 16.0
    width, height = layout.breadth + 2 * margin, layout.length + 2 * margin
    if left_out:
        width, height = max(width, 640.0), height + 2 * LINE
        rest = said(
            Sentence(
                "{count} more are not drawn. Choose with --only, --until or --depth; other formats have them all.",
                count=left_out,
            )
        )
        where = f'x="{width / 2 - margin:.1f}" y="{height - 2.5 * margin:.1f}"'
    body = [
        *([f'<text class="quiet" {where} text-anchor="middle">{escape(rest)}</text>'] if left_out else []),
        *(_arrow(boxes, layout, ends, said(Sentence.term(role)), role) for ends, role in sorted(edges.items())),
        *(_drawn(box, *reversed(layout.centres[iri])) for iri, box in sorted(boxes.items())),
    ]
    direction = Sentence.term(lineage.direction.capitalize())
    title = escape(words.plain(said(Sentence("{direction} of {thing}", direction=direction, thing=lineage.thing))))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" role="img">\n<title>{title}</title>\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" x="0.5" y="0.5" width="{width - 1:.1f}" height="{height - 1:.1f}" rx="8"/>\n'
        f'<g transform="translate({margin:g} {margin:g})">\n' + "\n".join(body) + "\n</g>\n</svg>\n"
    )


def _nearest(lineage: Lineage, one: Mapping[str, str]) -> set[str]:
    """Return the nodes that are drawn: all, or of many those with the fewest steps from where the walk began."""
    there = [node.iri for node in lineage.nodes if node.iri not in one]
    if len(there) <= MOST:
        return set(there)
    beside: dict[str, list[str]] = {}
    for edge in lineage.edges:
        ends = one.get(edge.src, edge.src), one.get(edge.dst, edge.dst)
        for here, other in (ends, ends[::-1]):
            beside.setdefault(here, []).append(other)
    found = dict.fromkeys(one.get(iri, iri) for iri in lineage.roots)
    for iri in (waiting := list(found)):  # grows as it goes: breadth first
        for other in sorted(beside.get(iri, ())):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return set(list(found)[:MOST])


def _box(lineage: Lineage, node: Node, said: Callable[[str], str]) -> _Box:
    if isinstance(node, ActionNode):
        count = lineage.counted.get(node.iri, 1)
        name = words.plain(node.name) + (f" x {count}" if count > 1 else "")
        lines = [name, *(said(words.parameter(parameter)) for parameter in node.parameters)]
        if node.status != "finished":
            lines.append(said(Sentence.term(node.status)))
        if node.started is not None:
            took = f" · {said(words.duration(node.seconds))}" if node.seconds is not None else ""
            lines.append(words.moment(node.started) + took)
        run = said(Sentence("run {run}", run=words.run_name(node.crate)))
        lines.append(" · ".join([*([words.plain(node.agent)] if node.agent else []), run]))
        style = "action failed" if node.status != "finished" else "action"
        title = "\n".join([*map(said, (words.action_name(node, count), *words.action_facts(node))), node.iri])
        return _Box(node, style, tuple(_cut(line) for line in lines), title)
    facts = list(map(said, words.entity_facts(node)))
    name = said(words.entity_name(node.path, lineage.counted.get(node.iri, 1)))
    lines = [name, " · ".join(facts[:2]), *([" · ".join(facts[2:])] if facts[2:] else [])]
    title = "\n".join([name, *facts, *([str(node.digest)] if node.digest else []), node.iri])
    return _Box(node, _style(lineage, node), tuple(_cut(line) for line in lines), title)


def _style(lineage: Lineage, node: EntityNode) -> str:
    kind = "label" if node.kind == "label image" else "thing"
    if node in lineage.sources:
        kind = "source"
    return f"{kind} root" if node.iri in lineage.roots else kind


def _cut(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    half = (LONGEST - 1) // 2
    return f"{line[:half]}…{line[-half:]}"


def _drawn(box: _Box, x: float, y: float) -> str:
    left, top, width, height = x - box.width / 2, y - box.height / 2, box.width, box.height
    if isinstance(box.node, ActionNode):
        points = [
            (left + 9, top), (left + width - 9, top), (left + width, y), (left + width - 9, top + height),
            (left + 9, top + height), (left, y),
        ]  # fmt: skip
        where = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        shape = f"<polygon class={quoteattr(box.style)} points={quoteattr(where)}/>"
    else:
        shape = (
            f'<rect class={quoteattr(box.style)} x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" rx="9"/>'
        )
    return f"<g><title>{escape(box.title)}</title>{shape}{''.join(_texts(box.lines, x, top))}</g>"


def _texts(lines: Iterable[str], x: float, top: float) -> Iterable[str]:
    for number, line in enumerate(lines):
        y = top + PADDING + LINE * number + 10
        style = "name" if number == 0 else "quiet"
        yield f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(line)}</text>'


def _arrow(boxes: dict[str, _Box], layout: Layout, ends: tuple[str, str], title: str, role: str) -> str:
    (y1, x1), (y2, x2) = layout.centres[ends[0]], layout.centres[ends[1]]
    y1, y2 = y1 + boxes[ends[0]].height / 2, y2 - boxes[ends[1]].height / 2 - 6
    points = [(x1, y1), *((x, y) for y, x in layout.bends.get(ends, ())), (x2, y2)]
    path = f"M{x1:.1f},{y1:.1f}"
    for (ax, ay), (bx, by) in pairwise(points):
        middle = (ay + by) / 2
        path += f" C{ax:.1f},{middle:.1f} {bx:.1f},{middle:.1f} {bx:.1f},{by:.1f}"
    style = "edge" if role in (USED, GENERATED) else "edge same"
    tip = f"M{x2:.1f},{y2 + 6:.1f} l-4,-8 h8 z"
    return f'<g><title>{escape(title)}</title><path class="{style}" d="{path}"/><path class="tip" d="{tip}"/></g>'
