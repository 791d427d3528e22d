"""What the peers answer at all, tried on the smallest lineage that shows it; run in a peer's environment.

``python benchmarks/peers/abilities.py aiida`` prints a line for each thing that was tried. The lineage: ``made`` comes
of ``raw`` by a first job; a second reads ``copy``, which is the same bytes at another path, and makes ``end``. Then
there are chains of jobs which read two files of the one before, as an image and its mask: who does not remember where
it has been takes twice as long for each more job.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drawn_jobs import Job

if TYPE_CHECKING:
    from answering import Peer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Job("/lab/1#1", "first", "somebody", NOW, NOW, ("raw",), ("made",))
SECOND = Job("/lab/2#1", "second", "somebody", NOW, NOW, ("copy",), ("end",))
LENGTHS = (5, 10, 15, 20)
LONG = 1.0
"""Seconds; a longer chain is not asked for after one that took as long."""


def chains() -> Iterator[Job]:
    """Yield the chains' jobs, each of which reads two files of the one before and makes two."""
    for length in LENGTHS:
        for number in range(length):
            used, made = (tuple(f"{length}-{n}-{part}" for part in "ab") for n in (number, number + 1))
            yield Job(f"/lab/chain-{length}#{number}", "step", "somebody", NOW, NOW, used, made)


def climb(peer: Peer) -> Iterator[tuple[str, str]]:
    """Ask each way for what a chain's end comes of."""
    for way, ask in peer.ways.items():
        told = []
        for length in LENGTHS:
            asked, begun = f"{length}-{length}-a", time.process_time()
            found = set(peer.names(ask(asked, True)))
            spent = time.process_time() - begun
            told.append(f"{length} jobs, {len(found - {asked})} found, {1000 * spent:.1f} ms")
            if spent > LONG:
                break
        yield f"chains, {way}", "; ".join(told)


def aiida(folder: Path) -> Iterator[tuple[str, object]]:
    """Try AiiDA: nodes that carry their bytes, so that it can know."""
    from aiida_peer import Peer

    peer = Peer(folder)
    peer.load(chains())
    yield from climb(peer)
    from aiida.common.links import LinkType
    from aiida.manage import get_manager
    from aiida.orm import CalculationNode, Node, QueryBuilder, SinglefileData, User
    from aiida.storage.psql_dos.models.node import DbLink

    User("somebody@example.org").store()
    manager = get_manager()
    manager.get_profile().default_user_email = "somebody@example.org"
    manager.get_profile_storage().reset_default_user()
    files = {
        name: SinglefileData(io.BytesIO(content), filename="image")
        for name, content in {"raw": b"raw", "made": b"same", "copy": b"same", "end": b"end"}.items()
    }
    for used, made in (("raw", "made"), ("copy", "end")):
        files[used].store()
        job = CalculationNode()
        job.base.links.add_incoming(files[used], LinkType.INPUT_CALC, "input")
        job.base.attributes.set("sigma", 2.5)
        job.set_exit_status(int(made == "end"))
        job.store()
        files[made].base.links.add_incoming(job, LinkType.CREATE, "output")
        files[made].store()
    hashes = [files[name].base.caching.get_hash() for name in ("made", "copy")]
    yield "the hashes of made and copy are equal", hashes[0] == hashes[1]
    asked = {"filters": {"id": files["end"].pk}, "tag": "end"}
    found = QueryBuilder().append(Node, **asked).append(Node, with_descendants="end", project="id").all(flat=True)
    yield "raw is an ancestor of end", files["raw"].pk in found
    yield "columns of a link", [column.name for column in DbLink.__table__.columns]
    yield (
        "jobs that failed",
        QueryBuilder().append(CalculationNode, filters={"attributes.exit_status": {">": 0}}).count(),
    )
    yield (
        "jobs with sigma >= 2",
        QueryBuilder().append(CalculationNode, filters={"attributes.sigma": {">=": 2}}).count(),
    )
    try:
        path = QueryBuilder().append(Node, **asked).append(Node, with_descendants="end", edge_project=["path"]).all()
    except Exception as error:
        path = f"{type(error).__name__}: {error}"
    yield "the way from end to its ancestors (edge_project='path')", path


def lamin(folder: Path) -> Iterator[tuple[str, object]]:
    """Try LaminDB: artifacts made of real files, by its own constructor."""
    from lamin_peer import Peer

    peer = Peer(folder)
    peer.load(chains())
    yield from climb(peer)
    lamin = peer._lamin
    runs = [
        lamin.Run(lamin.Transform(key=f"{name}.py", kind="script").save()).save()
        for name in ("first", "second", "third")
    ]

    def register(name: str, content: str, run: object) -> object:
        (folder / name).write_text(content)
        return lamin.Artifact(folder / name, key=name, run=run).save()

    try:
        register("raw", "raw", False)
    except Exception as error:
        yield "an artifact is registered without a network", f"{type(error).__name__}: {error}"
        lamin.setup.settings.instance._is_on_hub = False  # what it asks its hub for
    made = register("made", "same", runs[0])
    copy = register("copy", "same", False)
    runs[1].input_artifacts.add(copy)
    register("end", "end", runs[1])
    yield "made and copy are one artifact", made.id == copy.id
    yield "the first run is among what end comes of", runs[0] in peer.levels("end", True)
    again = register("again", "same", runs[2])
    yield "the same bytes made by a third run too: its run, and others", (
        again.run.transform.key, [run.transform.key for run in again.recreating_runs.all()],
    )  # fmt: skip
    empty, other = register("first.log", "", runs[0]), register("second.log", "", False)
    yield "two empty files of different names are one artifact", empty.id == other.id
    edge = lamin.Artifact.input_of_runs.through
    yield "columns of an edge", [field.name for field in edge._meta.concrete_fields]
    runs[1]._status_code = 1
    runs[1].save()
    yield "the state of a run", runs[1].status
    yield (
        "methods of lineage",
        [name for name in dir(made) if "lineage" in name or "ancest" in name or "descend" in name],
    )


def mlmd(folder: Path) -> Iterator[tuple[str, object]]:
    """Try ML Metadata."""
    from ml_metadata.proto import metadata_store_pb2 as messages
    from mlmd_peer import Peer

    peer = Peer(folder)
    peer.load([FIRST, SECOND, *chains()])
    yield from climb(peer)
    store = peer._store
    yield "fields of an artifact", [field.name for field in messages.Artifact.DESCRIPTOR.fields]
    yield "raw is an ancestor of end", "raw" in peer.subgraph("end", True)
    kind = store.get_artifact_type("File").id
    twice = [messages.Artifact(type_id=kind, name=name, uri=name, external_id="digest") for name in "ab"]
    try:
        yield "two artifacts with one external id", store.put_artifacts(twice)
    except Exception as error:
        yield "two artifacts with one external id", type(error).__name__
    yield "fields of an edge", [field.name for field in messages.Event.DESCRIPTOR.fields]
    chain = [Job(f"/lab/3#{n}", "step", "somebody", NOW, NOW, (f"t{n}",), (f"t{n + 1}",)) for n in range(300)]
    peer = Peer(folder / "chain")
    (folder / "chain").mkdir()
    peer.load([Job("/lab/2#1", "cut", "somebody", NOW, NOW, ("begin",), ("t0",)), *chain])
    yield "of a chain of 301 jobs, get_lineage_subgraph finds", len(peer.subgraph("t300", True))
    options = messages.LineageSubgraphQueryOptions(max_num_hops=100)
    options.direction = options.UPSTREAM
    options.starting_artifacts.filter_query = "name = 't3'"
    options.ending_executions.filter_query = "type = 'cut'"
    found = peer._store.get_lineage_subgraph(options, ["artifacts"]).artifacts
    yield "what t3 comes of, no further than a rule", [artifact.name for artifact in found]
    failed = peer._store.get_executions_by_type("cut")[0]
    yield "the state of a job", messages.Execution.State.Name(failed.last_known_state)


def prov(folder: Path) -> Iterator[tuple[str, object]]:
    """Try prov: bundles tell who says what, specialisations what is the same."""
    import networkx
    from prov.graph import prov_to_graph
    from prov.model import ProvDocument
    from prov_peer import Peer

    peer = Peer(folder)
    peer.load(chains())
    peer.open()
    yield from climb(peer)
    document = ProvDocument()
    document.set_default_namespace("https://example.org/")
    for job in (FIRST, SECOND):
        bundle = document.bundle(job.rule)
        bundle.used(job.rule, job.used[0])
        bundle.wasGeneratedBy(job.made[0], job.rule)
    yield "edges of a document of two bundles", prov_to_graph(document).number_of_edges()
    graph = prov_to_graph(document.flattened())
    yield "edges when it is flattened", graph.number_of_edges()
    bundles = {str(edge["relation"].bundle.identifier) for _, _, edge in graph.edges(data=True)}
    yield "bundles that its edges then name", bundles
    node = {str(node.identifier): node for node in graph}
    yield "raw is an ancestor of end", node["raw"] in networkx.descendants(graph, node["end"])
    document.specializationOf("copy", "made")
    graph = prov_to_graph(document.flattened())
    node = {str(node.identifier): node for node in graph}
    yield "it is, once somebody states that copy is made", node["raw"] in networkx.descendants(graph, node["end"])
    formal = [name.localpart for name in document.flattened().activity("third").FORMAL_ATTRIBUTES]
    yield "formal attributes of an activity", formal


def filiation(folder: Path) -> Iterator[tuple[str, object]]:
    """Try filiation's index on the chains; the rest is shown by its tests."""
    from filiation_peer import Peer
    from institute import BEGIN, DrawnRun, derived
    from institute import Job as DrawnJob

    from filiation.catalogue import CatalogueFolder, LineageIndex

    place = CatalogueFolder.create(folder / ".filiation")
    jobs = list(chains())
    run = DrawnRun(0, tuple(DrawnJob(n + 1, 0, n, job.used, job.made) for n, job in enumerate(jobs)), BEGIN)
    with LineageIndex(place.index, create=True, arrays=place.arrays) as index:
        index.replace(derived(run)[0], folder=run.id, stamp="", digest=f"sha256:{0:064x}")
    peer = Peer(folder)
    peer.open()
    peer.iri = run.iri
    peer.names = lambda found: {iri.replace(run.iri("x")[:-1], "") for iri in found}
    yield from climb(peer)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for tried, seen in {"aiida": aiida, "lamin": lamin, "mlmd": mlmd, "prov": prov, "filiation": filiation}[
            sys.argv[1]
        ](Path(scratch)):
            print(f"{sys.argv[1]}: {tried}: {seen}", flush=True)
