"""A thing's page: where it comes from in sentences, its state, some steps each way, then the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from filiation.catalogue import CODE, SAME_CONTENT, ActionNode, EntityNode, Json
from filiation.lineage import Lineage
from filiation.lineage.dossier import Dossier
from filiation.lineage.formats import in_order
from filiation.lineage.neighbourhood import Neighbourhood
from filiation.web import words
from filiation.web.pages import address
from filiation.web.questions import Asked
from filiation.web.shapes import ThingShape
from filiation.web.signposts import Signpost, of_dossier
from filiation.web.states import State, States
from filiation.web.twins import twins

router = APIRouter(tags=["things"])
DEEPEST: Final = 6
"""Jobs each way that a table of steps goes at most."""
_READ: Final = 300
"""Things and jobs each way that the table is made of; what is beyond is counted."""

Named = Annotated[
    str,
    Query(
        max_length=4000,
        description="A path as a run saw it, a digest, an IRI, an OMERO image, a run, or the start of a digest or run.",
        examples=["results/ihc/nuclei.ome.zarr"],
    ),
]
"""What names a thing, as a parameter."""
Depth = Annotated[int, Query(ge=0, le=DEEPEST, description="Over how many jobs to go each way.", examples=[1])]


@dataclass(frozen=True, slots=True)
class Ends:
    """A thing at one end of a job.

    Parameters
    ----------
    thing
        What it is.
    count
        How many like it it stands for.
    is_code
        Whether it is a script that the job ran.
    """

    thing: EntityNode
    count: int = 1
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A job with what went in and what came out.

    Parameters
    ----------
    job
        The job; None where a thing is, byte for byte, what another run saw.
    count
        How many equal jobs it stands for.
    used, made
        Things.
    """

    job: ActionNode | None
    count: int
    used: tuple[Ends, ...]
    made: tuple[Ends, ...]


@dataclass(frozen=True, slots=True)
class ThingPage:
    """What is told of a thing.

    Parameters
    ----------
    dossier
        Where it comes from, and on what evidence.
    state
        In what state it is.
    around
        What lies around it.
    depth
        How many jobs each way.
    """

    dossier: Dossier
    state: State
    around: Neighbourhood
    depth: int

    @property
    def steps(self) -> tuple[Step, ...]:
        """The jobs around it, from sources to results."""
        return steps_of(self.around.drawn)

    @property
    def deeper(self) -> int | None:
        """One job more each way; None where that leads to nothing more."""
        return self.depth + 1 if self.depth < DEEPEST and (self.around.before or self.around.after) else None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            **self.dossier.to_json(),
            "state": self.state.to_json(),
            "depth": self.depth,
            "around": self.around.drawn.to_json(),
            "left_out": self.around.left_out,
        }


def to_the_run(page: ThingPage) -> str | None:
    """Return the page of the run, where that was named."""
    if page.dossier.how != "run":
        return None
    return address("/run", run=page.dossier.node.crate.removeprefix("arcp://uuid,").rstrip("/"))


def of_thing(page: ThingPage) -> tuple[Signpost, ...]:
    """Return what leads on from a thing's page."""
    return of_dossier(page.dossier)


@twins(
    router, "/thing", "thing.html.jinja", summary="Where a thing comes from, its state, and the evidence",
    shape=ThingShape, signposts=of_thing, leads=to_the_run,
)  # fmt: skip
def thing(request: Request, catalogue: Asked, thing: Named, depth: Depth = 1) -> ThingPage:
    """Tell what a thing descends from, in what state it is, what lies around it, and on what evidence."""
    states: States = request.app.state.states
    with catalogue.asking() as ledger:
        dossier = ledger.dossier(thing, language=words.language())
        around = ledger.around(thing, back=depth, on=depth, read=_READ)
    return ThingPage(dossier, states.of(dossier), around, depth)


@twins(
    router, "/check", "thing.html.jinja", summary="The same after its bytes and its record were read again",
    shape=ThingShape,
)  # fmt: skip
def check(request: Request, catalogue: Asked, thing: Named, depth: Depth = 1) -> ThingPage:
    """Read a thing again, and the crate that tells of it, and tell whether both are as they were recorded."""
    states: States = request.app.state.states
    with catalogue.asking() as ledger:
        dossier = ledger.dossier(thing, language=words.language())
        around = ledger.around(thing, back=depth, on=depth, read=_READ)
    return ThingPage(dossier, states.read(dossier), around, depth)


def steps_of(lineage: Lineage) -> tuple[Step, ...]:
    """Return the jobs of an answer with what went in and came out, from sources to results."""
    ends = {
        node.iri: Ends(node, lineage.counted.get(node.iri, 1)) for node in lineage.nodes if isinstance(node, EntityNode)
    }
    used: dict[str, dict[str, Ends]] = {}
    made: dict[str, dict[str, Ends]] = {}
    same: list[Step] = []
    for edge in lineage.edges:
        if edge.src in ends and edge.dst in ends:
            if edge.role == SAME_CONTENT and edge.src != edge.dst:
                same.append(Step(None, 1, (ends[edge.src],), (ends[edge.dst],)))
        elif edge.src in ends:
            end = ends[edge.src]
            used.setdefault(edge.dst, {})[edge.src] = Ends(end.thing, end.count, edge.role == CODE)
        elif edge.dst in ends:
            made.setdefault(edge.src, {})[edge.dst] = ends[edge.dst]
    jobs = [node for node in in_order(lineage) if isinstance(node, ActionNode)]
    return (
        *(
            Step(
                job,
                lineage.counted.get(job.iri, 1),
                tuple(used.get(job.iri, {}).values()),
                tuple(made.get(job.iri, {}).values()),
            )
            for job in jobs
        ),
        *dict.fromkeys(same),
    )
