"""Which runs were run again, and what came of it."""

from __future__ import annotations

from filiation.catalogue import USED, ActionNode, LineageIndex
from filiation.crate.record_names import REPRODUCTION


def reproductions_of(index: LineageIndex, run: str) -> tuple[ActionNode, ...]:
    """Return the actions that compared a run with what it gave when it was run again, the oldest first.

    Parameters
    ----------
    index
        The index.
    run
        IRI of the run's crate.
    """
    edges = {edge.dst for iri in (run, run.rstrip("/")) for edge in index.edges_out_of(iri) if edge.role == USED}
    found = [action for iri in edges if iri.endswith(REPRODUCTION) for action in index.actions(iri=iri)]
    return tuple(sorted(found, key=lambda action: (str(action.started), action.iri)))
