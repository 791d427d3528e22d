"""Every way to the same answer: a plain walk, SQL, arrays, arrays with changes since, networkx, a property path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import networkx as nx
import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filiation.catalogue import (
    GENERATED,
    USED,
    ActionNode,
    Edge,
    EntityNode,
    Joining,
    LineageIndex,
    RunSummary,
)
from filiation.catalogue import arrays as arrays_module
from filiation.catalogue.adjacency import Adjacency
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.arrays import Arrays, open_arrays
from filiation.catalogue.derive import Derived
from filiation.catalogue.join_rules import work_out_joins
from filiation.lineage.walk import ancestors, descendants, reach
from filiation.model import Digest, DigestKind
from tests.lineage.crates import run_id
from tests.lineage.plain_walk import plain_walk

PATHS = [f"results/{name}" for name in "abcdef"]
REMOTE = "https://omero.example.org/Image/51"


@dataclass(frozen=True)
class Run:
    """What a drawn run did: for each job what it read and wrote, and what bytes lay at each path."""

    number: int
    folder: str
    begins: int
    lasts: int
    jobs: tuple[tuple[frozenset[str], frozenset[str]], ...]
    contents: dict[str, int]

    @property
    def iri(self) -> str:
        return f"arcp://uuid,{run_id(self.number)}/"

    def thing(self, path: str) -> str:
        return path if path == REMOTE else f"{self.iri}work/{path}"

    def derived(self) -> Derived:
        """Write it as the index takes it in."""
        start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=self.begins)
        edges, actions = set(), []
        for number, (inputs, outputs) in enumerate(self.jobs):
            job = f"{self.iri}#job-{number}"
            actions.append(ActionNode(job, self.iri, f"job {number}"))
            edges |= {Edge(self.thing(path), job, USED, self.iri) for path in inputs}
            edges |= {Edge(job, self.thing(path), GENERATED, self.iri) for path in outputs}
        made = {path for _, outputs in self.jobs for path in outputs}
        seen = made | {path for inputs, _ in self.jobs for path in inputs}
        things = (self._entity(path, generated=path in made) for path in seen)
        run = RunSummary(
            run_id(self.number), self.iri, "finished", start, start + timedelta(minutes=self.lasts), folder=self.folder
        )
        return Derived(
            run, tuple(sorted(things, key=lambda thing: thing.iri)), tuple(actions), tuple(sorted(edges)), ()
        )

    def _entity(self, path: str, *, generated: bool) -> EntityNode:
        if path == REMOTE:
            return EntityNode(path, self.iri, path, "raw image")
        content = self.contents.get(path, 0)
        digest = Digest(DigestKind.FILE, hashlib.sha256(b"x" * content).hexdigest())  # content 0 is empty
        return EntityNode(
            self.thing(path), self.iri, path, digest=digest, place=f"{self.folder}/{path}", generated=generated
        )


@st.composite
def runs(draw: st.DrawFn, number: int) -> Run:
    some = st.frozensets(st.sampled_from(PATHS), max_size=3)
    jobs = []
    taken: set[str] = set()
    for inputs, outputs in draw(st.lists(st.tuples(some, some), max_size=4)):
        fresh = outputs - taken - inputs
        taken |= fresh | inputs
        jobs.append((inputs | ({REMOTE} if draw(st.booleans()) else frozenset()), fresh))
    contents = draw(st.dictionaries(st.sampled_from(PATHS), st.integers(0, 3)))
    folder = draw(st.sampled_from(["/lab/one", "/lab/two"]))
    return Run(number, folder, draw(st.integers(0, 20)), draw(st.integers(0, 5)), tuple(jobs), contents)


@st.composite
def histories(draw: st.DrawFn) -> list[Run | int]:
    """Draw what happens to a catalogue: a run comes, comes again and differs, or (a number) is removed."""
    steps: list[Run | int] = []
    for _ in range(draw(st.integers(1, 7))):
        number = draw(st.integers(1, 4))
        steps.append(number if draw(st.integers(0, 5)) == 0 else draw(runs(number)))
    return steps


LONELY = Run(1, "/lab/one", 0, 0, ((frozenset(), frozenset()),), {})


def play(index: LineageIndex, history: list[Run | int]) -> None:
    for step in history:
        if isinstance(step, int):
            index.remove(f"arcp://uuid,{run_id(step)}/")
        else:
            index.replace(step.derived(), folder=str(step.number), stamp="", digest="")
        work_out_joins(index)


def everything(index: LineageIndex) -> list[str]:
    return sorted({node.iri for node in (*index.entities(), *index.actions())})


def joins(index: LineageIndex) -> set[tuple[str, str, int, str]]:
    found = list(index.joins())
    names = index.iris_of({number for src, dst, _, crate in found for number in (src, dst, crate)})
    return {(names[src], names[dst], role, names[crate]) for src, dst, role, crate in found}


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(history=histories())
def test_of_what_several_runs_saw_the_newest_record_is_shown_and_a_maker_s_first(history: list[Run | int]) -> None:
    with LineageIndex(None, create=True) as index:
        play(index, history)
        joining = Joining(index)
        numbers = list(index.numbers_of(everything(index)).values())
        expected: dict[str, EntityNode | ActionNode] = {}
        for iri, (seen, actions) in index.nodes(numbers).items():
            seen.sort(key=lambda entity: (entity.generated, joining.began(entity), entity.crate))
            expected[iri] = seen[-1] if seen else min(actions, key=lambda action: action.crate)
        assert index.shown(numbers) == expected


@pytest.mark.slow
@given(history=histories(), split=st.integers(0, 7))
@example(history=[LONELY, 1, LONELY], split=2)  # known by a number when the arrays were made, and yet not there
def test_every_walk_finds_what_a_plain_one_finds(
    tmp_path_factory: pytest.TempPathFactory, history: list[Run | int], split: int
) -> None:
    place = tmp_path_factory.mktemp("index")
    with LineageIndex(place / "index.sqlite", create=True, arrays=place / "arrays") as index:
        play(index, history[:split])
        assert write_arrays(index)  # the rest came since
        play(index, history[split:])
        with LineageIndex(None, create=True) as without:
            play(without, history)
            for iri in everything(index):
                for up, walk in ((True, ancestors), (False, descendants)):
                    iris, edges = plain_walk(index, [iri], up=up)
                    for walked in (walk(index, Joining(index), [iri]), walk(without, Joining(without), [iri])):
                        assert (walked.iris, sorted(walked.edges)) == (iris, sorted(edges))
                    assert set(reach(index, [iri], up=up).page(0, 10_000)) == iris
        assert index.adjacency().arrays is not None


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(history=histories(), order=st.randoms())
def test_joins_depend_on_what_is_there_and_not_on_how_it_came(history: list[Run | int], order: object) -> None:
    left = {step if isinstance(step, int) else step.number: step for step in history}
    there = [step for step in left.values() if isinstance(step, Run)]
    order.shuffle(there)  # type: ignore[attr-defined]
    with LineageIndex(None, create=True) as lived, LineageIndex(None, create=True) as rebuilt:
        play(lived, history)
        for run in there:
            rebuilt.replace(run.derived(), folder=str(run.number), stamp="", digest="")
        work_out_joins(rebuilt)
        assert joins(lived) == joins(rebuilt)
        assert (lived.summaries(), lived.gaps()) == (rebuilt.summaries(), rebuilt.gaps())


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), several=st.integers(1, 3))
def test_whole_arrays_at_once_find_what_a_walk_by_hand_finds(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, history: list[Run | int], several: int
) -> None:
    place = tmp_path_factory.mktemp("index")
    with LineageIndex(place / "index.sqlite", create=True, arrays=place / "arrays") as index:
        play(index, history[:-1])
        write_arrays(index)
        play(index, history[-1:])
        for iri in everything(index):
            for up in (True, False):
                walk = ancestors if up else descendants
                by_hand, walked = reach(index, [iri], up=up), walk(index, Joining(index), [iri])
                with monkeypatch.context() as patched:
                    patched.setattr(arrays_module, "_BY_HAND", several)
                    at_once, named = reach(index, [iri], up=up), walk(index, Joining(index), [iri])
                assert (named.iris, named.numbers, sorted(named.edges)) == (
                    walked.iris,
                    walked.numbers,
                    sorted(walked.edges),
                )
                assert [named.edges[place] for place in range(len(named.edges))] == list(named.edges)
                pages = [at_once.page(start, 3) for start in range(0, len(at_once), 3)]
                assert sum(pages, ()) == by_hand.page(0, 10_000)
                assert (at_once.count(), at_once.crates) == (by_hand.count(), by_hand.crates)


@settings(max_examples=25, deadline=None)
@given(run=runs(1))
def test_within_a_run_networkx_and_a_property_path_find_the_same(run: Run) -> None:
    prov = "http://www.w3.org/ns/prov#"
    store, graph = ox.Store(), nx.DiGraph()
    derived = run.derived()
    for edge in derived.edges:
        predicate = ox.NamedNode(prov + ("used" if edge.role == USED else "wasGeneratedBy"))
        store.add(ox.Quad(ox.NamedNode(edge.dst), predicate, ox.NamedNode(edge.src)))
        graph.add_edge(edge.src, edge.dst)
    with LineageIndex(None, create=True) as index:
        index.replace(derived, folder="1", stamp="", digest="")
        for iri in graph:
            query = f"SELECT DISTINCT ?a {{ <{iri}> (<{prov}used>|<{prov}wasGeneratedBy>)+ ?a }}"
            found = {solution["a"].value for solution in store.query(query)}  # type: ignore[union-attr]
            walked = ancestors(index, Joining(index), [iri]).iris
            assert walked == found | {iri} == nx.ancestors(graph, iri) | {iri}


ENDINGS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6), max_size=8)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crates=st.lists(st.tuples(ENDINGS, ENDINGS), max_size=3), removed=st.booleans())
def test_names_in_the_arrays_are_those_of_the_index(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    crates: list[tuple[list[str], list[str]]],
    removed: bool,
) -> None:
    place = tmp_path_factory.mktemp("index")
    with LineageIndex(place / "index.sqlite", create=True, arrays=place / "arrays") as index:
        for number, (own, elsewhere) in enumerate(crates):
            # One crate's IRI may begin as another's, and things may be called as no crate is.
            crate = f"arcp://uuid,{run_id(1)}/{'in/' * number}"
            iris = sorted({*(crate + ending for ending in own), *(f"x:{ending}" for ending in elsewhere)} - {crate})
            things = tuple(EntityNode(iri, crate, iri) for iri in iris)
            run = RunSummary(run_id(1), crate, "finished")
            index.replace(Derived(run, things, (), (), ()), folder=f"c{number}", stamp="", digest="")
        if removed:
            index.remove(f"arcp://uuid,{run_id(1)}/")
        assert write_arrays(index)
        play(index, two_runs())
        adjacency = index.adjacency()
        assert adjacency.arrays is not None
        known = index.iris_of(range(1, index.last_number() + 1))
        assert adjacency.names(list(known)) == known
        with monkeypatch.context() as patched:
            patched.setattr(arrays_module, "_BY_HAND", 0)
            assert adjacency.names(list(known)) == known


def two_runs() -> list[Run | int]:
    contents = {"results/a": 1, "results/b": 2}
    made = Run(1, "/lab/one", 0, 1, ((frozenset({REMOTE}), frozenset({"results/a"})),), contents)
    used = Run(2, "/lab/one", 5, 1, ((frozenset({"results/a"}), frozenset({"results/b"})),), contents)
    return [made, used]


@pytest.fixture
def index(tmp_path: Path) -> LineageIndex:
    """Return an index of two runs that join, with its arrays."""
    index = LineageIndex(tmp_path / "index.sqlite", create=True, arrays=tmp_path / "arrays")
    play(index, two_runs())
    assert write_arrays(index)
    return index


@pytest.mark.parametrize("damage", ["cut", "head", "of another index", "no arrays"])
def test_arrays_that_are_not_whole_or_not_its_own_are_not_used(index: LineageIndex, damage: str) -> None:
    place = index.arrays
    assert place is not None
    content = place.read_bytes()
    place.unlink()  # it may be mapped: a file in use is never written to
    if damage == "of another index":
        with LineageIndex(place.with_name("other.sqlite"), create=True, arrays=place) as other:
            play(other, two_runs())
            assert write_arrays(other)
    else:
        place.write_bytes({"cut": content[:-8], "head": b"x" + content[1:], "no arrays": b""}[damage])
    with LineageIndex(index.path, arrays=place) as again:
        assert open_arrays(again) is None
        assert ancestors(again, Joining(again), [two_runs()[1].thing("results/b")]).iris >= {REMOTE}
        assert Adjacency(again, fewest=1).arrays is not None  # made again


def test_arrays_tell_when_their_middle_has_changed(index: LineageIndex) -> None:
    assert index.arrays is not None
    assert Arrays(index.arrays).is_sound()
    content = bytearray(index.arrays.read_bytes())
    content[len(content) // 2] ^= 1
    index.arrays.unlink()
    index.arrays.write_bytes(content)
    assert not Arrays(index.arrays).is_sound()


def test_what_changed_before_the_arrays_were_made_can_be_forgotten(index: LineageIndex) -> None:
    _, generation, _ = index.state()
    index.forget_changes(generation)
    assert open_arrays(index) is not None
    later = replace(two_runs()[0], number=3)
    play(index, [later])
    assert index.changed_since(generation)
    index.forget_changes(index.state()[1])  # by whoever made newer ones, which are lost again
    assert open_arrays(index) is None
    assert ancestors(index, Joining(index), [later.thing("results/a")]).iris >= {REMOTE}


def test_readers_that_may_not_write_get_their_answer_without_arrays(index: LineageIndex, tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    with LineageIndex(index.path, arrays=nowhere / "arrays") as reader:
        assert Adjacency(reader, fewest=1).arrays is None
        assert len(reach(reader, [REMOTE], up=False)) == 6
