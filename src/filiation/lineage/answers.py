"""What a question about lineage is answered with: frozen, and able to draw, write and hand over itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from filiation.catalogue import SAME_CONTENT, ActionNode, Edge, EntityNode, Json, Literal, Node, RunSummary, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    import networkx as nx

    from filiation.catalogue import Resumption
    from filiation.catalogue.versions import Version
    from filiation.lineage.publications import Publication
    from filiation.lineage.registrations import Registered

ANCESTORS = "ancestors"
DESCENDANTS = "descendants"
THROUGH = "through"
"""Something lies between that the answer leaves out; each crate that tells a part of it has such an edge."""


@dataclass(frozen=True)
class Lineage:
    """What a thing descends from, or what descends from it.

    Parameters
    ----------
    thing
        What was asked about, as it was asked.
    direction
        ``ancestors`` or ``descendants``.
    roots
        IRIs that the walk started from, sorted.
    nodes
        Things and actions, sorted by IRI. A remote image that several runs used is one node.
    edges
        Sorted; each points from what was there before to what came of it.
    cut
        IRIs beyond which there is more than the depth that was asked for.
    stopped
        IRIs beyond which there is more that a condition left out.
    alike
        Of an answer in which equal jobs are told as one: how many each of those nodes stands for.
    note
        How the thing was found, where that needs saying.
    reproductions
        What came of it when the runs that made the roots were run again, the oldest first.
    registrations
        What of the roots was written to servers, the oldest first.
    resumptions
        Which runs of the answer went on from a run that was interrupted or failed, in order of the runs.
    publications
        Of an answer about what is published: that, with what of the answer is in it.
    """

    thing: str
    direction: str
    roots: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: tuple[str, ...] = ()
    note: str | None = None
    reproductions: tuple[ActionNode, ...] = ()
    stopped: tuple[str, ...] = ()
    alike: tuple[tuple[str, int], ...] = ()
    registrations: tuple[Registered, ...] = ()
    resumptions: tuple[Resumption, ...] = ()
    publications: tuple[Publication, ...] = ()

    @cached_property
    def by_iri(self) -> dict[str, Node]:
        """The nodes by their IRI."""
        return {node.iri: node for node in self.nodes}

    @cached_property
    def counted(self) -> dict[str, int]:
        """How many equal ones a node stands for, by its IRI; those that stand for themselves alone are left out."""
        return dict(self.alike)

    @property
    def entities(self) -> tuple[EntityNode, ...]:
        """The things, sorted by IRI."""
        return tuple(node for node in self.nodes if isinstance(node, EntityNode))

    @property
    def actions(self) -> tuple[ActionNode, ...]:
        """The actions, sorted by IRI."""
        return tuple(node for node in self.nodes if isinstance(node, ActionNode))

    @property
    def sources(self) -> tuple[EntityNode, ...]:
        """The things that nothing in the answer came before, sorted by IRI."""
        known = {edge.dst for edge in self.edges} | {*self.cut, *self.stopped}
        return tuple(entity for entity in self.entities if entity.iri not in known)

    @cached_property
    def collapsed(self) -> Lineage:
        """The answer with equal jobs, and the things between them, told as one; for people, and nothing is lost."""
        from filiation.lineage.collapsing import collapse

        return collapse(self)

    @property
    def graph(self) -> nx.DiGraph[str]:
        """The answer as a networkx graph: IRIs as nodes, edges in the direction in which data flowed.

        A node has ``type`` (``entity`` or ``action``), ``node`` (the frozen node) and everything of its JSON form;
        an edge has ``role`` and ``crate``.
        """
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        for node in self.nodes:
            graph.add_node(node.iri, type=_type(node), node=node, **_attributes(node))
        for edge in self.edges:
            graph.add_edge(edge.src, edge.dst, role=edge.role, crate=edge.crate)
        return graph

    def tree(self, *, each: bool = False) -> str:
        """Draw the answer as a tree of text; equal jobs are told as one, unless ``each`` is to be."""
        from filiation.lineage import words
        from filiation.lineage.drawing import draw_tree

        drawn = draw_tree(self if each else self.collapsed)
        resumed = [words.went_on(found) for found in self.resumptions]
        again = [words.reproduction(action) for action in self.reproductions]
        registered = [words.registration(found) for found in self.registrations]
        published = [words.publication(found, self.by_iri) for found in self.publications]
        return drawn + "".join(f"{line}\n" for line in (*resumed, *again, *registered, *published))

    def to_svg(self, *, each: bool = False, said: Callable[[str], str] = str) -> str:
        """Draw the answer as a picture; see :meth:`tree` and :func:`filiation.lineage.picture.draw_picture`."""
        from filiation.lineage.picture import draw_picture

        return draw_picture(self if each else self.collapsed, said)

    def to_png(self, *, each: bool = False, said: Callable[[str], str] = str) -> bytes:
        """Draw the answer as a picture of pixels; see :meth:`to_svg`.

        Raises
        ------
        MissingExtraError
            Without the extra ``png``.
        BadInputError
            If this machine has no font.
        """
        from filiation.lineage.rasterising import to_png

        return to_png(self.to_svg(each=each, said=said))

    def to_json(self) -> dict[str, Json]:
        """Return the answer as plain JSON."""
        return {
            "thing": self.thing,
            "direction": self.direction,
            "note": self.note,
            "roots": list(self.roots),
            "nodes": [{"type": _type(node), **node.to_json()} for node in self.nodes],
            "edges": [{"src": e.src, "dst": e.dst, "role": e.role, "crate": e.crate} for e in self.edges],
            "cut": list(self.cut),
            "stopped": list(self.stopped),
            "reproductions": [action.to_json() for action in self.reproductions],
            "registrations": [found.to_json() for found in self.registrations],
            "resumptions": [found.to_json() for found in self.resumptions],
            "publications": [found.to_json() for found in self.publications],
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """How large a lineage is, and some of its names: for answers too large to be drawn.

    Parameters
    ----------
    thing, direction
        What was asked about, and ``ancestors`` or ``descendants``.
    things, actions, runs
        How many there are; what was asked about is counted too.
    names
        IRIs of things, a page of them, in the order of all.
    """

    thing: str
    direction: str
    things: int
    actions: int
    runs: int
    names: tuple[str, ...] = ()

    def text(self) -> str:
        """Say it in lines: the counts, then the names."""
        from filiation.lineage.words import counted

        told = ", ".join((counted(self.things, "thing"), counted(self.actions, "job"), counted(self.runs, "run")))
        return "".join(f"{line}\n" for line in (f"{self.thing}, {self.direction}: {told}", *self.names))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        counts: dict[str, Json] = {"things": self.things, "actions": self.actions, "runs": self.runs}
        return {"thing": self.thing, "direction": self.direction, **counts, "names": list(self.names)}


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with all it did.

    Parameters
    ----------
    summary
        The run in one line.
    actions
        Attempts of jobs, by job and attempt.
    entities
        Things used, made and found up to date, by path.
    reused_from
        For each thing that the run did not make: its IRI, and the IRIs of the runs' crates that may have made it.
    reproductions
        What came of it when the run was run again, the oldest first.
    resumes
        The unfinished run that it went on from, if it did.
    resumed_in
        Of an unfinished run: the UUID of the run that went on from it.
    registrations
        What of it was written to servers, the oldest first.
    versions
        When its crate was known, and those that it took the place of, the oldest first.
    """

    summary: RunSummary
    actions: tuple[ActionNode, ...]
    entities: tuple[EntityNode, ...]
    reused_from: tuple[tuple[str, tuple[str, ...]], ...]
    reproductions: tuple[ActionNode, ...] = ()
    resumes: Resumption | None = None
    resumed_in: str | None = None
    registrations: tuple[Registered, ...] = ()
    versions: tuple[Version, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the run as plain JSON."""
        return {
            "run": self.summary.to_json(),
            "actions": [action.to_json() for action in self.actions],
            "entities": [entity.to_json() for entity in self.entities],
            "reused_from": {iri: list(crates) for iri, crates in self.reused_from},
            "reproductions": [action.to_json() for action in self.reproductions],
            "resumes": None if self.resumes is None else self.resumes.to_json(),
            "resumed_in": self.resumed_in,
            "registrations": [found.to_json() for found in self.registrations],
            "versions": [version.to_json() for version in self.versions],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows that answer a question.

    Parameters
    ----------
    columns
        Names, in order.
    rows
        One tuple a row, aligned with ``columns``; None where nothing is known.
    title
        What was asked, in words.
    truncated
        Whether there were more rows than the limit.
    warnings
        What of a query costs more than it has to, and what to write instead, if that was asked for.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Term | None, ...], ...]
    title: str = ""
    truncated: bool = False
    warnings: tuple[str, ...] = ()

    def as_text(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows as text, empty where nothing is known."""
        return tuple(tuple("" if value is None else str(value) for value in row) for row in self.rows)

    def to_json(self) -> dict[str, Json]:
        """Return the answer in the form of SPARQL 1.1 Query Results JSON."""
        bindings: list[Json] = [
            {name: _binding(value) for name, value in zip(self.columns, row, strict=True) if value is not None}
            for row in self.rows
        ]
        told: dict[str, Json] = {
            "title": self.title,
            "head": {"vars": list(self.columns)},
            "results": {"bindings": bindings},
            "truncated": self.truncated,
        }
        return told | ({"warnings": list(self.warnings)} if self.warnings else {})


def one_place(lineage: Lineage) -> dict[str, str]:
    """Map each thing that a run only found to the one that another run made at the same path, if there is just one.

    A person looks at one file; that several runs saw it is a remark, not another box.
    """
    makers: dict[str, list[str]] = {}
    for edge in lineage.edges:
        maker, taker = lineage.by_iri.get(edge.src), lineage.by_iri.get(edge.dst)
        if edge.role == SAME_CONTENT and isinstance(maker, EntityNode) and isinstance(taker, EntityNode):
            makers.setdefault(taker.iri, []).append(maker.iri if maker.path == taker.path else "")
    return {taker: found[0] for taker, found in makers.items() if len(found) == 1 and found[0]}


def _binding(value: Term) -> Json:
    if not isinstance(value, Literal):
        return {"type": "uri", "value": value}
    if value.language:
        return {"type": "literal", "value": value.text, "xml:lang": value.language}
    return {"type": "literal", "value": value.text, "datatype": value.datatype}


def _type(node: Node) -> str:
    return "entity" if isinstance(node, EntityNode) else "action"


def _attributes(node: Node) -> dict[str, Json]:
    return {key: value for key, value in node.to_json().items() if key not in ("type", "node")}
