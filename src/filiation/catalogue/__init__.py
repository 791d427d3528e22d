"""The catalogue: a folder of run crates, and what is made from them to answer questions.

Crates on disk are the truth. From each one the ingest makes a named graph in an RDF store and nodes and edges in a
lineage index; both can be deleted and made again, and answer the same.

>>> import tempfile, pathlib
>>> folder = tempfile.TemporaryDirectory()
>>> catalogue = Catalogue(CatalogueFolder.create(pathlib.Path(folder.name) / ".filiation"))
>>> catalogue.rebuild()
RebuildReport(crates=(), problems=())
>>> with catalogue.reading() as index:
...     index.runs()
()
>>> folder.cleanup()
"""

from filiation.catalogue.adjacency import Reached
from filiation.catalogue.arrays import THING
from filiation.catalogue.crate_on_disk import CrateOnDisk, carried, identify, payload_path
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.graph import LineageGraph, Literal, Rows, Term, Triple
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.joining import Joining
from filiation.catalogue.manifests import Manifests
from filiation.catalogue.nodes import (
    CODE,
    GENERATED,
    PART,
    ROLES,
    SAME_CONTENT,
    USED,
    ActionNode,
    Edge,
    EntityNode,
    Json,
    Node,
    RunSummary,
    shown_time,
)
from filiation.catalogue.resumptions import Resumption
from filiation.catalogue.taking_in import IngestReport, Progress, RebuildReport

__all__ = [
    "CODE",
    "GENERATED",
    "PART",
    "ROLES",
    "SAME_CONTENT",
    "THING",
    "USED",
    "ActionNode",
    "Catalogue",
    "CatalogueFolder",
    "CrateOnDisk",
    "Edge",
    "EntityNode",
    "IngestReport",
    "Joining",
    "Json",
    "LineageGraph",
    "LineageIndex",
    "Literal",
    "Manifests",
    "Node",
    "Progress",
    "Reached",
    "RebuildReport",
    "Resumption",
    "Rows",
    "RunSummary",
    "Term",
    "Triple",
    "carried",
    "identify",
    "payload_path",
    "shown_time",
]
