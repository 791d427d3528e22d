"""The forms that a lineage can be written in: for people, for programs, for other tools of provenance and of graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from filiation.catalogue import GENERATED, USED, ActionNode, EntityNode, Node
from filiation.lineage import words
from filiation.lineage.answers import Lineage

if TYPE_CHECKING:
    import networkx as nx

COLUMNS: Final = ("what", "name", "status", "size", "digest", "started", "took", "by", "run")


def table(lineage: Lineage) -> list[tuple[str, ...]]:
    """Return one row a node under :data:`COLUMNS`, in the order in which data flowed."""
    return [_row(lineage, node) for node in in_order(lineage)]


def in_order(lineage: Lineage) -> list[Node]:
    """Return the nodes so that each comes after what it came of; where that is a circle, by IRI."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(node.iri for node in lineage.nodes)
    graph.add_edges_from((edge.src, edge.dst) for edge in lineage.edges if edge.src != edge.dst)
    if not nx.is_directed_acyclic_graph(graph):
        return list(lineage.nodes)
    order = nx.lexicographical_topological_sort(graph)
    return [lineage.by_iri[iri] for iri in order if iri in lineage.by_iri]


def _row(lineage: Lineage, node: Node) -> tuple[str, ...]:
    count, run = lineage.counted.get(node.iri, 1), words.run_name(node.crate)
    if isinstance(node, ActionNode):
        started = words.moment(node.started) if node.started else ""
        took = words.duration(node.seconds) if node.seconds is not None else ""
        name = f"{node.name} x {count}" if count > 1 else node.name
        return "job", name, node.status, "", "", started, took, node.agent or "", run
    size = words.size(node.size) if node.size is not None else ""
    digest = words.short(node.digest) if node.digest is not None else ""
    return node.kind, words.entity_name(node.path, count), node.presence or "", size, digest, "", "", "", run


def to_dot(lineage: Lineage) -> str:
    """Write the answer in Graphviz' language: things as boxes, actions as hexagons, in the direction of data."""
    lines = ["digraph lineage {", "  rankdir=TB;", '  node [fontname="sans-serif" fontsize=11];']
    for node in lineage.nodes:
        shape = "hexagon" if isinstance(node, ActionNode) else "box"
        heavy = " penwidth=2.5" if node.iri in lineage.roots else ""
        label = "\n".join(_label(lineage, node))
        lines.append(f"  {_quoted(node.iri)} [shape={shape} label={_quoted(label)}{heavy}];")
    for edge in lineage.edges:
        style = "" if edge.role in (USED, GENERATED) else " style=dashed"
        run = words.run_name(edge.crate)
        told = f"[label={_quoted(edge.role)} edgetooltip={_quoted(f'told by run {run}')}{style}]"
        lines.append(f"  {_quoted(edge.src)} -> {_quoted(edge.dst)} {told};")
    return "\n".join([*lines, "}"]) + "\n"


def _label(lineage: Lineage, node: Node) -> list[str]:
    count = lineage.counted.get(node.iri, 1)
    if isinstance(node, ActionNode):
        return [words.action_name(node, count), *(words.parameter(parameter) for parameter in node.parameters)]
    return [words.entity_name(node.path, count), " · ".join(words.entity_facts(node))]


def _quoted(text: str) -> str:
    parts = (words.plain(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(parts) + '"'


def to_graphml(lineage: Lineage) -> str:
    """Write the answer as GraphML, with what is known of nodes and edges as attributes of simple types."""
    import networkx as nx

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node in lineage.nodes:
        graph.add_node(words.plain(node.iri), **attributes(node))
    for edge in lineage.edges:
        ends = words.plain(edge.src), words.plain(edge.dst)
        graph.add_edge(*ends, role=edge.role, crate=words.plain(edge.crate))
    return "\n".join(nx.generate_graphml(graph)) + "\n"


def attributes(node: Node) -> dict[str, str | int | float]:
    """Return what is known of a node as names and simple values; lists under dotted names."""
    if isinstance(node, EntityNode):
        known: dict[str, object] = {
            "type": "entity", "label": node.path, "kind": node.kind, "path": node.path, "place": node.place,
            "digest": node.digest, "pixels": node.pixels, "size": node.size, "files": node.files,
            "presence": node.presence, "crate": node.crate,
        }  # fmt: skip
    else:
        known = {
            "type": "action", "label": node.name, "rule": node.rule, "job": node.job, "attempt": node.attempt,
            "status": node.status, "started": node.started and words.moment(node.started),
            "ended": node.ended and words.moment(node.ended), "agent": node.agent, "agent_id": node.agent_id,
            "host": node.host, "command": node.command, "code": node.code, "crate": node.crate,
        }  # fmt: skip
        known |= {f"parameter.{parameter.name}": parameter.value for parameter in node.parameters}
        known |= {f"software.{program.name}": program.version for program in node.software}
        known |= {f"environment.{name}": value for name, value in node.environment}
    return {
        words.plain(name): value if isinstance(value, int | float) else words.plain(str(value))
        for name, value in known.items()
        if value is not None
    }


def _to_json(lineage: Lineage) -> str:
    return json.dumps(lineage.to_json(), indent=2, ensure_ascii=True) + "\n"


def _to_prov_json(lineage: Lineage) -> str:
    from filiation.lineage.prov_document import to_prov_json

    return to_prov_json(lineage)


def _to_prov_n(lineage: Lineage) -> str:
    from filiation.lineage.prov_document import to_prov_n

    return to_prov_n(lineage)


WRITERS: Final[dict[str, Callable[[Lineage], str]]] = {
    "tree": lambda lineage: lineage.tree(each=True),
    "json": _to_json,
    "prov-json": _to_prov_json,
    "prov-n": _to_prov_n,
    "graphml": to_graphml,
    "dot": to_dot,
    "svg": lambda lineage: lineage.to_svg(each=True),
}
"""Each form's writer, but the table's and those of pixels; what a lineage collapses to is for its caller to say."""
PIXELS: Final[dict[str, Callable[[Lineage], bytes]]] = {"png": lambda lineage: lineage.to_png(each=True)}
"""The forms that are no text."""
FOR_PEOPLE: Final = frozenset({"tree", "table", "dot", "svg", "png"})
"""Forms in which equal jobs are told as one, unless each is asked for."""
