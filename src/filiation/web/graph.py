"""What lies around a thing as a graph: drawn where the browser can, and always a table that says the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from filiation.catalogue import ActionNode, EntityNode, Json, Node
from filiation.lineage import words as facts
from filiation.lineage.answers import Lineage
from filiation.lineage.neighbourhood import Neighbourhood, order_of_flow
from filiation.lineage.phrases import duration_in, size_in
from filiation.web.pages import address
from filiation.web.questions import Asked
from filiation.web.things import Named
from filiation.web.twins import twins
from filiation.web.words import _, language, said

router = APIRouter(tags=["things"])

MOST_STEPS: Final = 50
_ROWS: Final = 100
"""Rows of a page of the table."""
_MOST_SOFTWARE: Final = 12
_SHORT: Final = 28
"""Characters of a name in the drawing; the whole stands beside it."""

Steps = Annotated[int, Query(ge=0, le=MOST_STEPS)]
Expanded = Annotated[
    list[str] | None,
    Query(
        max_length=100, description="IRIs of things and jobs of the answer from which to go a step each way besides."
    ),
]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A thing or a job of a graph.

    Parameters
    ----------
    iri
        Its IRI.
    is_job
        Whether it is a job; else a thing.
    kind
        What sort of thing, or the rule of a job.
    name
        Its path, or the name of the job.
    count
        How many equal ones it stands for.
    status
        Of a job how it ended; of a thing whether it was there when the run had ended.
    column
        After how many others of the graph it comes.
    before, after
        How many things and jobs next to it are not in the graph.
    is_root
        Whether it is what was asked about.
    is_expanded
        Whether a step each way from it was asked for.
    told
        What is known of it, as names and values for a person.
    """

    iri: str
    is_job: bool
    kind: str
    name: str
    count: int
    status: str
    column: int
    before: int
    after: int
    is_root: bool
    is_expanded: bool
    told: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """Return what is written on it in a drawing."""
        last = 2 if "://" in self.name else 1  # of ``omero://server/image/51`` more than its number
        name = self.name if self.is_job else "/".join(self.name.rstrip("/").split("/")[-last:]) or self.name
        short = name if len(name) <= _SHORT else f"{name[: _SHORT // 2]}…{name[-_SHORT // 2 + 1 :]}"
        return short + (f" × {self.count}" if self.count > 1 else "")

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "iri": self.iri,
            "type": "action" if self.is_job else "entity",
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "count": self.count,
            "status": self.status,
            "column": self.column,
            "before": self.before,
            "after": self.after,
            "root": self.is_root,
            "expanded": self.is_expanded,
            "told": [list(pair) for pair in self.told],
            "page": address("/thing", thing=self.iri),
        }


@dataclass(frozen=True, slots=True)
class GraphPage:
    """What lies around a thing.

    Parameters
    ----------
    asked
        How it was named.
    note
        How it was found, where that needs saying.
    back, on, each, expanded
        How far was asked to look: steps to what it came of and to what came of it, whether each of equal jobs is
        told, and what was expanded.
    nodes
        As many as can be drawn, from sources to results.
    edges
        From, to and role, of those nodes.
    left_out
        How many things and jobs are within the steps and not among the nodes.
    rows
        A page of all, the nearest first.
    page, pages
        Which page of how many.
    """

    asked: str
    note: str | None
    back: int
    on: int
    each: bool
    expanded: tuple[str, ...]
    nodes: tuple[GraphNode, ...]
    edges: tuple[tuple[str, str, str], ...]
    left_out: int
    rows: tuple[GraphNode, ...]
    page: int
    pages: int

    def here(self, *, expand: str | None = None, page: int | None = None) -> str:
        """Return the address of this graph with one more thing expanded, or another page of the table."""
        expanded = (*self.expanded, *([] if expand is None else [expand]))
        asked = [("thing", self.asked), ("back", str(self.back)), ("on", str(self.on))]
        asked += [("each", "true")] if self.each else []
        asked += [("page", str(page))] if page is not None else []
        asked += [("expanded", iri) for iri in dict.fromkeys(expanded)]
        return f"/graph?{urlencode(asked, errors='replace')}"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "asked": self.asked,
            "note": None if self.note is None else said(self.note),
            "back": self.back,
            "on": self.on,
            "each": self.each,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [{"src": src, "dst": dst, "role": role} for src, dst, role in self.edges],
            "left_out": self.left_out,
            "table": {"page": self.page, "pages": self.pages, "rows": [node.iri for node in self.rows]},
        }


@twins(router, "/graph", "graph.html.jinja", summary="What lies around a thing: steps each way, at most 300 nodes")
def graph(
    catalogue: Asked,
    thing: Named,
    back: Steps = 1,
    on: Steps = 1,
    expanded: Expanded = None,
    each: bool = False,
    page: Annotated[int, Query(ge=1, le=1_000, description="Of the table of all.")] = 1,
) -> GraphPage:
    """Tell what lies around a thing, to be drawn: what it came of, what came of it, and what was expanded besides."""
    chosen = tuple(dict.fromkeys(expanded or ()))
    with catalogue.asking() as ledger:
        found = ledger.around(thing, back=back, on=on, expanded=chosen, each=each)
    return graph_page(thing, found, back=back, on=on, each=each, expanded=chosen, page=page)


def graph_page(
    asked: str, found: Neighbourhood, *, back: int, on: int, each: bool, expanded: tuple[str, ...], page: int
) -> GraphPage:
    """Make a page of what lies around a thing."""
    edges = tuple(sorted({(edge.src, edge.dst, edge.role) for edge in found.drawn.edges}))
    columns = order_of_flow([node.iri for node in found.drawn.nodes], edges)
    before, after = dict(found.before), dict(found.after)

    def told(node: Node) -> GraphNode:
        return _node(
            node,
            found.whole,
            (before.get(node.iri, 0), after.get(node.iri, 0)),
            column=columns.get(node.iri, 0),
            is_expanded=node.iri in expanded,
        )

    nodes = sorted(map(told, found.drawn.nodes), key=lambda node: (node.column, node.is_job, node.name, node.iri))
    pages = max(1, -(-len(found.whole.nodes) // _ROWS))
    rows = found.whole.nodes[(page - 1) * _ROWS : page * _ROWS]
    return GraphPage(
        asked, found.whole.note, back, on, each, expanded, tuple(nodes), edges, found.left_out,
        tuple(map(told, rows)), page, pages,
    )  # fmt: skip


def _node(node: Node, lineage: Lineage, beyond: tuple[int, int], *, column: int, is_expanded: bool) -> GraphNode:
    is_job = isinstance(node, ActionNode)
    return GraphNode(
        iri=node.iri,
        is_job=is_job,
        kind=facts.plain((node.rule or node.name) if isinstance(node, ActionNode) else node.kind),
        name=facts.plain(node.name if isinstance(node, ActionNode) else node.path),
        count=lineage.counted.get(node.iri, 1),
        status=facts.plain(node.status if isinstance(node, ActionNode) else node.presence or ""),
        column=column,
        before=beyond[0],
        after=beyond[1],
        is_root=node.iri in lineage.roots,
        is_expanded=is_expanded,
        told=tuple(_of_job(node) if isinstance(node, ActionNode) else _of_thing(node)),
    )


def _of_thing(thing: EntityNode) -> list[tuple[str, str]]:
    image = thing.image
    told = [
        (_("path"), thing.path),
        (_("name"), thing.name or ""),
        (_("what it is"), _(thing.kind)),
        (_("shape"), " × ".join(map(str, image.shape)) if image else ""),
        (_("axes"), ", ".join(image.axes) if image else ""),
        (_("pixel type"), image.dtype if image else ""),
        (_("size"), size_in(language(), thing.size) if thing.size is not None else ""),
        (_("files"), str(thing.files) if thing.files is not None else ""),
        (_("digest"), str(thing.digest or "")),
        (_("state when recorded"), _(thing.presence) if thing.presence else ""),
        (_("place"), thing.place or ""),
        (_("run"), facts.run_name(thing.crate)),
    ]
    return [(name, facts.plain(value)) for name, value in told if value]


def _of_job(job: ActionNode) -> list[tuple[str, str]]:
    software = [f"{found.name} {found.version or ''}".strip() for found in job.software]
    more = f" … + {len(software) - _MOST_SOFTWARE}" if len(software) > _MOST_SOFTWARE else ""
    told = [
        (_("job"), job.name),
        (_("status"), _(job.status)),
        (_("began"), facts.moment(job.started) if job.started else ""),
        (_("took"), duration_in(language(), job.seconds) if job.seconds is not None else ""),
        (_("by"), job.agent or ""),
        (_("on"), job.host or ""),
        (_("error"), (job.error or "").strip()[-500:]),
        *((_("parameter"), said(facts.parameter(found))) for found in job.parameters),
        (_("ran"), facts.command(job)),
        (_("software"), ", ".join(software[:_MOST_SOFTWARE]) + more),
        (_("run"), facts.run_name(job.crate)),
    ]
    return [(name, facts.plain(value)) for name, value in told if value]
