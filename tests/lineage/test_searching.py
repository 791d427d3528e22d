"""What the columns of the index find is what a plain filter over all nodes finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.catalogue import ActionNode, EntityNode, LineageIndex, Node, RunSummary
from filiation.catalogue.derive import Derived
from filiation.errors import BadInputError
from filiation.lineage.conditions import Condition, read_condition
from filiation.lineage.fields import FIELDS, KINDS, RunsOf, Surroundings, kind_of
from filiation.lineage.finding import find, how_many
from filiation.model import (
    Digest,
    DigestKind,
    ImageFacts,
    Parameter,
    Software,
    Usage,
    Value,
)
from filiation.model.image_metadata import ImageMetadata, KeyValues, Objective, Pair, Tag
from tests.lineage.crates import run_id

T = TypeVar("T")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = ("segment", "Segment", "seg ment", "measure", "2", "2.0", "x=1", "naïve", "a\udcffb", "")
NUMBERS = (0, 1, 2, 2.0, 2.5, -3, 1e-3, 10**15)
VERSIONS = ("3", "3.0", "3.1.0", "10", "9.2", "1a0", "abc1234", None)
NAMED = [word for word in WORDS if word]
VALUES = (*WORDS, *NUMBERS, True, False, None, [1, 2])


class Draw(random.Random):
    """Draws nodes: by a seed, since it is their number that finds faults and not that they are few."""

    def moment(self) -> datetime | None:
        return self.choice([None, BEGIN + timedelta(minutes=self.randrange(60 * 24 * 40), microseconds=7)])

    def several(self, make: Callable[[], T]) -> tuple[T, ...]:
        return tuple(make() for _ in range(self.randrange(4)))

    def action(self, crate: str, number: int) -> ActionNode:
        some = [None, *NAMED]
        return ActionNode(
            f"{crate}#job-{number}", crate, self.choice(WORDS), self.choice(some), self.choice([None, 0, 2, 9]),
            self.choice([None, 1, 2]), self.choice(["finished", "failed", "interrupted"]), self.moment(), self.moment(),
            self.choice(some), self.choice([None, "https://orcid.org/0000-0002-1825-0097"]), self.choice(some),
            self.choice(some),
            parameters=self.several(lambda: Parameter(self.choice("ab"), used=Value.of(self.choice(VALUES)))),
            software=self.several(lambda: Software(self.choice(["a", "A_b", "a-b"]), self.choice(VERSIONS))),
            environment=self.several(lambda: (self.choice("ab"), self.choice(WORDS))),
            usage=self.several(lambda: Usage(self.choice(["wall time", "b"]), self.choice(NUMBERS), "SEC", "step")),
            code=self.choice(some), error=self.choice(some),
        )  # fmt: skip

    def thing(self, crate: str, number: int) -> EntityNode:
        some, digits = [None, *NAMED], self.choice("abc")
        kind = self.choice([None, DigestKind.FILE, DigestKind.TREE])
        image = ImageFacts(("z", "y"), (self.choice([1, 2, 3]), 5), "uint8", (0.5, self.choice([1.0, 2.0])))
        metadata = ImageMetadata(
            "https://o/Image/1",
            tags=self.several(lambda: Tag("https://o/Tag/1", self.choice(NAMED))),
            objective=Objective("https://o/O/1", "Zeiss", nominal_magnification=self.choice([None, 10.0, 63.0])),
            key_values=(
                KeyValues("https://o/Map/1", self.several(lambda: Pair(self.choice("ab"), self.choice(WORDS)))),
            ),
            acquired=self.moment(),
        )
        return EntityNode(
            f"{crate}work/{number}", crate, self.choice(["results/a.tif", "results/b/", "a.tif", "ä b"]),
            self.choice(["file", "label image", "raw image"]), self.choice(some),
            None if kind is None else Digest(kind, digits * 64),
            self.choice([None, Digest(DigestKind.PIXELS, "abcdef" + digits * 58)]),
            self.choice([None, 0, 4096, 2_000_000, 5_000_001]), self.choice([None, 0, 2]),
            self.choice([None, "present", "deleted"]), self.choice([None, "/lab/results/a.tif", "/x"]),
            self.choice(some), self.moment(), self.choice([None, image]), self.random() < 0.5,
            metadata=self.choice([None, metadata]),
        )  # fmt: skip

    def run(self, number: int) -> Derived:
        crate, some = f"arcp://uuid,{run_id(number)}/", [None, *NAMED]
        started, workflow, agent = self.moment(), self.choice(some), self.choice(some)
        run = RunSummary(run_id(number), crate, "finished", started, workflow=workflow, agent=agent)
        jobs = tuple(self.action(crate, place) for place in range(self.randrange(20)))
        seen = tuple(self.thing(crate, place) for place in range(self.randrange(20)))
        return Derived(run, seen, jobs, (), ())


@st.composite
def conditions(draw: st.DrawFn) -> Condition | None:
    field = draw(st.sampled_from(FIELDS))
    key = draw(st.sampled_from(["a", "b", "a_b", "A-b", "wall-time", "z", "x"])) if field.keyed else ""
    op = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~", None]))
    value = draw(
        st.sampled_from([*NAMED, *map(str, NUMBERS), *filter(None, VERSIONS), "seg*", "*.tif", "S", "null", "[1,2]"])
        | st.sampled_from(["2026-03", "2026-03-02", "2026-03-05T10:30", "2MB", "1h", "yes", "aaaaaa", "sha256:bbbbbb"])
        | st.sampled_from(["finished", "label image", "00000001", "results/a.tif", "/lab/results/a.tif", "good", '"2"'])
    )  # fmt: skip
    text = f"{draw(st.sampled_from(['', '!']))}{field.name}{key}" + ("" if op is None else f"{op}{value}")
    try:
        return read_condition(text)
    except BadInputError:
        return None


def filled(index: LineageIndex, several: list[Derived]) -> list[Node]:
    for derived in several:
        index.replace(derived, folder=derived.run.id, stamp="", digest="")
    return [node for derived in several for node in (*derived.actions, *derived.entities)]


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), asked=st.lists(conditions().filter(bool), min_size=1, max_size=3))
def test_the_columns_find_what_a_plain_filter_finds(seed: int, asked: list[Condition]) -> None:
    draw = Draw(seed)
    several = [draw.run(1), draw.run(2)]
    with LineageIndex(None, create=True) as index:
        filled(index, [draw.run(1), several[1]])  # what is replaced leaves nothing behind
        nodes = filled(index, several)
        noted = {node.iri: (("a", "good"), ("b", 2)) for node in nodes[::3]}
        around = Surroundings(RunsOf(index), noted)
        for kind in KINDS:
            # Each by itself, and all that can be asked together.
            able = [condition for condition in asked if condition.applies_to(kind)]
            for together in ([condition] for condition in able) if len(able) < 2 else (*([one] for one in able), able):
                plain = {node.iri for node in nodes if kind_of(node) == kind}
                plain = {n.iri for n in nodes if n.iri in plain and all(each.holds(n, around) for each in together)}
                try:
                    found = find(index, around, kind, tuple(together), None)
                except BadInputError:
                    assert any(condition.field.keyed for condition in together)
                    continue
                assert {node.iri for node in found.nodes} == plain
                assert how_many(index, around, kind, tuple(together)) == found.total == len(plain)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            "parameter.sgima=2",
            "'parameter.sgima=2': Nothing in the catalogue has the parameter 'sgima'. Did you mean sigma?",
        ),
        (
            "software.celpose>=3",
            "'software.celpose>=3': Nothing in the catalogue has the software 'celpose'. Did you mean cellpose?",
        ),
    ],
)
def test_a_name_that_nothing_has_is_refused_with_those_like_it(asked: str, told: str) -> None:
    crate = f"arcp://uuid,{run_id(1)}/"
    job = ActionNode(
        f"{crate}#1", crate, "segment", parameters=(Parameter("sigma", used=Value.of(2)),),
        software=(Software("cellpose", "3.1"),),
    )  # fmt: skip
    with LineageIndex(None, create=True) as index:
        filled(index, [Derived(RunSummary(run_id(1), crate, "finished"), (), (job,), (), ())])
        around = Surroundings(RunsOf(index))
        with pytest.raises(BadInputError) as caught:
            find(index, around, "action", (read_condition(asked),), None)
        assert str(caught.value) == told
        assert find(index, around, "action", (read_condition(f"!{asked}"),), None).total == 1
        unlike = find(index, around, "action", (read_condition("parameter.kernel=2"),), None)
        assert (unlike.total, unlike.remarks) == (
            0, ("Nothing in the catalogue has the parameter 'kernel'. There are: sigma.",),
        )  # fmt: skip
