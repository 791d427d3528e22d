"""Lineage: what a thing descends from, what descends from it, whether its bytes are still those that were recorded.

Everything is a method of an opened catalogue:

>>> import tempfile, pathlib
>>> folder = tempfile.TemporaryDirectory()
>>> (pathlib.Path(folder.name) / ".filiation" / "crates").mkdir(parents=True)
>>> ledger = Ledger(folder.name)
>>> ledger.runs()
()
>>> [question.name for question in ledger.questions()][:3]
['cq1', 'cq2', 'cq3']
>>> ledger.ask("cq5").rows
()
>>> folder.cleanup()
"""

from typing import TYPE_CHECKING

from filiation.catalogue import ActionNode, Edge, EntityNode, IngestReport, RebuildReport, RunSummary
from filiation.catalogue.resumptions import Resumption
from filiation.lineage.answers import Answer, Counted, Lineage, RunDetail
from filiation.lineage.ledger import Ledger
from filiation.lineage.resolution import Resolution

if TYPE_CHECKING:
    from filiation.lineage.findings import CheckReport, Finding

__all__ = [
    "ActionNode",
    "Answer",
    "CheckReport",
    "Counted",
    "Edge",
    "EntityNode",
    "Finding",
    "IngestReport",
    "Ledger",
    "Lineage",
    "RebuildReport",
    "Resolution",
    "Resumption",
    "RunDetail",
    "RunSummary",
]


def __getattr__(name: str) -> object:
    if name not in ("CheckReport", "Finding"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from filiation.lineage import findings  # what compares bytes with their record, which few ask for

    return getattr(findings, name)
