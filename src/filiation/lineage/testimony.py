"""Whether a store, its run's crate and the graph tell the same of how the store was made.

Each is asked by itself: the store by its own metadata and bytes, the crate by its metadata file, the graph by SPARQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import USED, Catalogue, CatalogueFolder
from filiation.catalogue.graph import Literal
from filiation.crate import read_crate
from filiation.crate.record_names import MENDING
from filiation.crate.things import read_pixels
from filiation.errors import FiliationError, NotFoundError
from filiation.images.claims import StoreClaim
from filiation.images.own_words import OwnWords
from filiation.model import Action, Digest, DigestKind, Value, WorkflowRun, decode_path

if TYPE_CHECKING:
    from filiation.catalogue import Json
    from filiation.images import ObjectPlace

RECORDS: Final = "steps/"
_PARAMETER, _INPUT = "parameter ", "input "
_PREFIXES: Final = """
PREFIX schema: <http://schema.org/>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX f: <https://w3id.org/ro/terms/filiation#>
"""
_BY_RECORD: Final = "SELECT ?run ?action ?record WHERE { GRAPH ?run { ?action f:stepRecord ?record } }"
_BY_DIGEST: Final = (
    "SELECT ?run ?action ?tree WHERE { GRAPH ?run { ?thing f:treeDigest ?tree ; prov:wasGeneratedBy ?action } }"
)
_RECORD: Final = "SELECT ?record ?action WHERE { ?action f:stepRecord ?record }"
_RULE: Final = "SELECT ?rule ?action WHERE { ?action schema:instrument/schema:name ?rule }"
_PARAMETERS: Final = """SELECT ?name ?used ?requested ?action WHERE {
  ?action schema:object ?value . ?value a schema:PropertyValue ; schema:name ?name .
  OPTIONAL { ?value f:usedValue ?used } OPTIONAL { ?value f:requestedValue ?requested }
}"""
_INPUTS: Final = """SELECT ?thing ?tree ?file ?action WHERE {
  ?action prov:used ?thing . OPTIONAL { ?thing f:treeDigest ?tree }
  OPTIONAL { ?thing <https://w3id.org/ro/terms/workflow-run#sha256> ?file }
}"""
_MADE: Final = """SELECT ?tree ?pixels ?action WHERE {
  ?thing prov:wasGeneratedBy ?action ; f:treeDigest ?tree . OPTIONAL { ?thing f:pixelDigest ?pixels }
}"""


class Verdict(StrEnum):
    """How what is told of one fact compares."""

    SAME = "same"
    DIFFERS = "differs"
    LEFT_OUT = "left out"
    """One that tells of the parameters or inputs does not tell of this one."""
    UNTOLD = "told by one alone"
    """Nobody contradicts, and nobody confirms."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, as the three tell it; None where one says nothing."""

    name: str
    store: str | None
    crate: str | None
    graph: str | None
    expected: int = 0
    """How many of the three tell of how the store was made at all."""

    @property
    def verdict(self) -> Verdict:
        """Whether those that say something say the same."""
        told = [each for each in (self.store, self.crate, self.graph) if each is not None]
        if len(set(told)) > 1:
            return Verdict.DIFFERS
        if self.name.startswith((_PARAMETER, _INPUT)) and len(told) < self.expected:
            return Verdict.LEFT_OUT
        return Verdict.SAME if len(told) > 1 else Verdict.UNTOLD


@dataclass(frozen=True, slots=True)
class Testimony:
    """What store, crate and graph tell of how a store was made.

    Parameters
    ----------
    store
        The store.
    facts
        Each fact as the three tell it.
    missing
        Which of the three has nothing to say at all although another does, each as a sentence.
    mended
        Digest of the store as it was before its metadata were mended, if that is recorded: then it is that which is
        compared.
    """

    store: Path | ObjectPlace
    facts: tuple[Fact, ...]
    missing: tuple[str, ...]
    mended: Digest | None = None

    @property
    def agrees(self) -> bool:
        """Whether nothing is contradicted, and the crate and the graph that the store leads to are there."""
        return not self.missing and not self.differing

    @property
    def differing(self) -> tuple[Fact, ...]:
        """The facts that one contradicts or leaves out."""
        return tuple(fact for fact in self.facts if fact.verdict in (Verdict.DIFFERS, Verdict.LEFT_OUT))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "store": str(self.store),
            "agrees": self.agrees,
            "facts": [
                {"fact": f.name, "store": f.store, "crate": f.crate, "graph": f.graph, "verdict": f.verdict.value}
                for f in self.facts
            ],
            "missing": list(self.missing),
            "mended": None if self.mended is None else str(self.mended),
        }


def hear(folder: CatalogueFolder, store: Path | ObjectPlace) -> Testimony:
    """Ask store, crate and graph how a store was made, and compare; it may lie in a ZIP file or an object store.

    Raises
    ------
    NotFoundError
        If there is no store, or none of the three knows how it was made.
    BadInputError
        If the store cannot be read.
    AccessError, ServerError, MissingExtraError
        If an object store refuses, cannot be reached, or the extra ``s3`` is not installed.
    """
    own = OwnWords.of_store(store)
    claim, tree = own.claim, own.tree
    mended = _before_mending(folder, tree)
    tree = mended or tree
    graph, action = _graph(folder, claim, tree)
    run, recorded = _crate(folder, claim, action)
    if claim is None and run is None and not graph:
        raise NotFoundError(f"Neither {store} itself, nor any crate, nor the graph tells how it was made.")
    says = {"digest": str(tree), **({} if claim is None else _claimed(claim))}
    crate = {} if run is None or recorded is None else _recorded(run, recorded, tree, says)
    version = _version(says, crate, graph)
    says["pixels"] = str(own.pixels(version))
    crate, graph = (_named_like(each, own, version) for each in (crate, graph))
    names = dict.fromkeys([*says, *crate, *graph])
    telling = (claim is not None) + bool(crate) + bool(graph)
    facts = tuple(
        Fact(name, says.get(name), crate.get(name), graph.get(name), telling) for name in sorted(names, key=_order)
    )
    return Testimony(store, facts, tuple(_missing(claim, crate, graph)), mended)


def _before_mending(folder: CatalogueFolder, tree: Digest) -> Digest | None:
    """Return the digest that a store had before recorded mendings of its metadata; None if there were none."""
    catalogue = Catalogue(folder)
    catalogue.catch_up()
    found: Digest | None = None
    with catalogue.reading() as index:
        seen = {tree}
        while True:
            made = index.entities(digest=str(found or tree), generated=True)
            actions = {edge.src for each in made for edge in index.edges_into(each.iri) if edge.src.endswith(MENDING)}
            used = [edge.src for action in sorted(actions) for edge in index.edges_into(action) if edge.role == USED]
            before = [each.digest for iri in used for each in index.entities(iri=iri) if each.digest is not None]
            if not before or before[0] in seen:
                return found
            found = before[0]
            seen.add(found)


def _missing(claim: StoreClaim | None, crate: Mapping[str, str], graph: Mapping[str, str]) -> Iterator[str]:
    if claim is None:
        yield "The store does not say how it was made."
    run = f"run {claim.run[:8]}" if claim is not None and claim.run is not None else "this store"
    if not crate:
        yield f"No crate here tells of {run}."
    if not graph:
        yield f"The graph does not know {run}."


def _version(*told: Mapping[str, str]) -> DigestKind:
    """Return the version by which the first who tells of the pixels digested them, for the same to be done now."""
    names = (each[name] for each in told for name in _OF_PIXELS if name in each)
    return next((Digest.from_text(name).kind for name in names), DigestKind.PIXELS)


def _named_like(told: Mapping[str, str], own: OwnWords, version: DigestKind) -> dict[str, str]:
    """Give digests of pixels by another version the name by this one, where they are of what the store holds now."""
    found = dict(told)
    for name in _OF_PIXELS:
        if name in told and Digest.from_text(told[name]).kind is not version:
            if str(own.pixels(Digest.from_text(told[name]).kind)) == told[name]:
                found[name] = str(own.pixels(version))
            elif name == "pixels as written":
                del found[name]  # the store was changed since, so nothing tells whether the two are the same
    return found


_OF_PIXELS: Final = ("pixels", "pixels as written")
_ORDER: Final = ("run", "record", "rule", "digest", "pixels", "pixels as written", "person")


def _order(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _claimed(claim: StoreClaim) -> dict[str, str]:
    """Return what the store says."""
    told = {"rule": claim.rule, "pixels as written": str(claim.pixels)}
    if claim.run is not None:
        told["run"] = claim.run
    if claim.record is not None:
        told["record"] = claim.record
    if person := claim.orcid or claim.person:
        told["person"] = person
    told |= {_PARAMETER + each.name: each.value.json for each in claim.parameters}
    return told | _inputs((each.iri or each.name, each.digest) for each in claim.inputs)


def _inputs(found: Iterable[tuple[str, Digest | None]]) -> dict[str, str]:
    """Return the digests of inputs by their names; several of one name are told as one fact."""
    named: dict[str, set[str]] = {}
    for name, digest in found:
        if digest is not None:
            named.setdefault(_INPUT + name, set()).add(str(digest))
    return {name: ", ".join(sorted(digests)) for name, digests in named.items()}


def _crate(
    folder: CatalogueFolder, claim: StoreClaim | None, action: str | None
) -> tuple[WorkflowRun | None, Action | None]:
    """Return the run that the store, or else the graph, leads to, and its action that wrote the store."""
    run_id = claim.run if claim is not None else None
    if run_id is None and action is not None:
        run_id = action.removeprefix("arcp://uuid,").partition("/")[0]
    if run_id is None or not (folder.crates / run_id).is_dir():
        return None, None
    try:
        run = read_crate(folder.crates / run_id)
    except FiliationError:
        return None, None
    record = RECORDS + claim.record if claim is not None and claim.record is not None else None
    for each in run.actions:
        if (record is not None and each.step_record == record) or run.iri + each.local_id == action:
            return run, each
    return run, None


def _recorded(run: WorkflowRun, action: Action, tree: Digest, says: Mapping[str, str]) -> dict[str, str]:
    """Return what the crate says of the action that wrote the store."""
    told = {"run": run.id, "rule": action.rule}
    if action.step_record is not None:
        told["record"] = action.step_record.removeprefix(RECORDS)
    if "person" in says and (person := run.agent.orcid or run.agent.name):
        told["person"] = person
    told |= {_PARAMETER + each.name: each.value.json for each in action.parameters}
    entities = {entity.path: entity for entity in run.entities}
    used = [entities[slot.path] for slot in action.inputs if slot.path in entities]
    told |= _inputs((each.path if each.is_remote else Path(each.path).name, each.digest) for each in used)
    made = [entities[slot.path] for slot in action.outputs if slot.path in entities]
    stores = [entity for entity in made if entity.pixels is not None]
    same = [entity for entity in stores if entity.digest == tree] or stores
    if same and same[0].digest is not None:
        told |= {"digest": str(same[0].digest), "pixels": str(same[0].pixels), "pixels as written": str(same[0].pixels)}
    return told


def _graph(folder: CatalogueFolder, claim: StoreClaim | None, tree: Digest) -> tuple[dict[str, str], str | None]:
    """Return what the graph says of the action that wrote the store, and that action's IRI."""
    catalogue = Catalogue(folder)
    catalogue.catch_up()
    found: list[tuple[str, str]] = []
    if claim is not None and claim.record is not None:
        rows = catalogue.query(_PREFIXES + _BY_RECORD, given={"record": Literal(RECORDS + claim.record)}).rows
        found = [(str(run), str(action)) for run, action, _ in rows if claim.run in (None, _id(str(run)))]
    if not found:
        rows = catalogue.query(_PREFIXES + _BY_DIGEST, given={"tree": Literal(tree.hex)}).rows
        found = sorted((str(run), str(action)) for run, action, _ in rows)
    if not found:
        return {}, None
    run, action = found[0]
    given = {"action": action}

    def ask(query: str) -> tuple[tuple[str | None, ...], ...]:
        rows = catalogue.query(_PREFIXES + query, graph=run, given=given).rows
        return tuple(tuple(None if each is None else str(each) for each in row[:-1]) for row in rows)

    told = {"run": _id(run)}
    for (rule,) in ask(_RULE):
        told["rule"] = str(rule)
    for (record,) in ask(_RECORD):
        told["record"] = str(record).removeprefix(RECORDS)
    for name, used, requested in ask(_PARAMETERS):
        if value := used or requested:
            told[f"{_PARAMETER}{name}"] = Value.of(json.loads(value)).json
    told |= _inputs(
        (_name(str(thing), run), Digest(DigestKind.TREE, stored) if stored else Digest(DigestKind.FILE, str(plain)))
        for thing, stored, plain in ask(_INPUTS)
        if stored or plain
    )
    made = [(stored, pixels) for stored, pixels in ask(_MADE) if stored and pixels]
    same = [each for each in made if each[0] == tree.hex] or made
    if same:
        pixels = str(read_pixels(same[0][1]))
        told |= {"digest": str(Digest(DigestKind.TREE, same[0][0])), "pixels": pixels, "pixels as written": pixels}
    return told, action


def _name(thing: str, run: str) -> str:
    """Return how a thing is called among the inputs: by its file's name, or its URI."""
    inside = thing.removeprefix(run)
    return thing if inside == thing else decode_path(inside.rstrip("/")).rpartition("/")[2]


def _id(run: str) -> str:
    return run.removeprefix("arcp://uuid,").rstrip("/")
