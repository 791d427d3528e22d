"""Conditions: what can be written, what it means, and that nothing else is taken."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import Version

from filiation.catalogue import ActionNode, EntityNode, RunSummary
from filiation.errors import BadInputError
from filiation.lineage.comparing import OPERATORS
from filiation.lineage.conditions import read_condition
from filiation.lineage.fields import FIELDS, Surroundings
from filiation.model import Digest, DigestKind, Parameter, Software, Usage, Value

CRATE = "arcp://uuid,5187c038-0000-4000-8000-000000000001/"
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}
orders = st.sampled_from(sorted(ORDERS))
numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
versions = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


def action(**facts: object) -> ActionNode:
    known: dict[str, object] = {
        "rule": "segment",
        "started": datetime(2026, 3, 1, 10, 30, 5, tzinfo=UTC),
        "ended": datetime(2026, 3, 1, 10, 31, 35, tzinfo=UTC),
        "agent": "Josiah Carberry",
        "agent_id": "https://orcid.org/0000-0002-1825-0097",
        "host": "node7",
        "command": "python segment.py",
        "software": (Software("cellpose", "3.1.0"), Software("scikit_image", "0.26.0"), Software("tool", None)),
        "parameters": tuple(
            Parameter(name, used=Value.of(value))
            for name, value in {
                "sigma": 2.0, "method": "otsu", "model": "2", "channels": [1, 2], "tiled": True, "mask": None,
                "a=b": "x",
            }.items()
        ),
        "usage": (Usage("wall time", 12.5, "SEC", "step"),),
        "environment": (("gpu", "1 x NVIDIA H200"),),
    }  # fmt: skip
    return ActionNode(f"{CRATE}#job-1-attempt-1", CRATE, "segment (sample=ihc)", **(known | facts))  # type: ignore[arg-type]


def thing(**facts: object) -> EntityNode:
    known: dict[str, object] = {
        "kind": "label image",
        "digest": Digest(DigestKind.TREE, "52ba13" + "0" * 58),
        "size": 12_000_000,
        "place": "/data/project/results/nuclei.ome.zarr",
        "generated": True,
    }
    return EntityNode(f"{CRATE}work/nuclei", CRATE, "results/nuclei.ome.zarr", **(known | facts))  # type: ignore[arg-type]


AROUND = Surroundings(
    {CRATE: RunSummary(CRATE[12:-1], CRATE, "finished", workflow="Snakefile", agent="Josiah Carberry")},
    {f"{CRATE}work/nuclei": (("quality", "good"), ("score", 7))},
)


@pytest.mark.parametrize(
    "text",
    [
        *("rule=segment", "rule=seg*", "rule!=measure", "tool~SEGM", "!rule=measure", "rule"),
        *("parameter.sigma=2", "parameter.sigma=2.0", "parameter.sigma>=2", "parameter.sigma<2.5", "parameter.sigma"),
        *("parameter.method=otsu", 'parameter.method="otsu"', "parameter.method~OT", "parameter.method!=li"),
        *("parameter.model=2", 'parameter.model="2"', "parameter.channels=[1, 2]", "parameter.channels~1,2"),
        *("parameter.tiled=true", "parameter.tiled!=false", "parameter.mask=null", 'parameter."a=b"=x'),
        *("software.cellpose>=3", "software.cellpose<10", "software.cellpose=3.1", "software.cellpose=3.*"),
        *("software.scikit-image>=0.26", "software.Scikit_Image", "software.tool", "!software.tool>=1"),
        *("after=2026-01-01", "after=2026-03-01", "before=2026-03-02", "started=2026-03", "started=2026"),
        *("started>=2026-03-01T10:30:05Z", "started=2026-03-01T10:30", "ended<=2026-03-01", "started<2026-04"),
        *("started=2026-03-01T11:30+01:00", "seconds=90", "seconds>1min", "seconds<=0.5h"),
        *("agent=0000-0002-1825-0097", "agent=Josiah*", "agent~carberry", "host=node?", "run=5187c038"),
        *("usage.wall-time>10", "usage.wall-time=12.5", "environment.gpu~h200", "status=finished", "status=FINISHED"),
        *("workflow=Snakefile", "text~otsu", "name~sample=ihc", "!error", "!attempt"),
    ],
)
def test_an_action_is_as_these_say(text: str) -> None:
    assert read_condition(text).holds(action(), AROUND)


@pytest.mark.parametrize(
    "text",
    [
        *("rule=seg", "rule=Segment", 'rule="seg*"', "!rule", "error", "rule!=segment"),
        *("parameter.sigma=3", 'parameter.sigma="2"', "parameter.sigma>2", "parameter.tau", "parameter.tau!=1"),
        *("parameter.method>1", "parameter.tiled=1", "parameter.tiled>0", "parameter.mask=0"),
        *("software.cellpose>=3.1.1", "software.tool>=1", "software.numpy", "software.cellpose=3"),
        *("after=2026-03-02", "before=2026-03-01", "started>2026-03", "started<2026-03-01", "status=failed"),
        *("kind=file", "!kind=file", "size>1", "!size"),  # an action has no such thing
    ],
)
def test_an_action_is_not_as_these_say(text: str) -> None:
    assert not read_condition(text).holds(action(), AROUND)


@pytest.mark.parametrize(
    "text",
    [
        *("kind=label image", "kind=label-image", "kind=Label_Image", "type=*image", "made=yes", "!made=no"),
        *("size>10MB", "size<=12e6", "size>11MiB", "size=12000000", "path=results/*", "path~project"),
        *("path=/data/project/results/nuclei.ome.zarr", "name=nuclei.ome.zarr", "agent~Carberry", "run!=ffff"),
        *("digest=tree1:52ba13", "digest=52BA13", "!digest=sha256:52ba13", "!files", "text~label"),
        *("annotation.quality=good", "annotation.score>=7", "annotation.score", "text~GOOD"),
    ],
)
def test_a_thing_is_as_these_say(text: str) -> None:
    assert read_condition(text).holds(thing(), AROUND)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no condition."),
        ("=2", "'=2' is no condition."),
        ("sigma=2", "'sigma=2': there is no field 'sigma'. There are: rule, tool,"),
        ("parametr.sigma=2", "there is no field 'parametr'. Did you mean parameter"),
        ("parameter=2", "'parameter=2': the field is written parameter.NAME, as in parameter.NAME=VALUE."),
        ("rule.x=2", "'rule.x=2': the field is written rule, as in rule=VALUE."),
        ("parameter.=2", "'parameter.=2' lacks a name after 'parameter.', as in parameter.NAME=VALUE."),
        ("rule=", "'rule=' lacks a value; to ask whether it is known, write rule alone."),
        ("rule>segment", "'rule>segment' cannot be asked: a text is asked for with = != ~, not with >."),
        ("parameter.sigma>much", "cannot be asked: expected a number, since only numbers have an order here."),
        ("size>big", "cannot be asked: expected a number of bytes, or 10MB, 1.5GB, 4GiB."),
        ("size>10parsec", "cannot be asked: expected a number of bytes"),
        ("started>soon", "cannot be asked: expected a time such as 2026-03, 2026-03-01 or 2026-03-01T10:30Z."),
        ("started>2026-13", "expected a time such as 2026-03, 2026-03-01 or 2026-03-01T10:30Z: month must be in 1..12"),
        ("status=done", "cannot be asked: expected one of finished, failed, interrupted, touched, unknown."),
        ("software.cellpose>=newest", "cannot be asked: expected a version that has an order"),
        ("made=perhaps", "cannot be asked: expected yes or no."),
        ("digest=52b", "cannot be asked: expected a digest or the start of one, of at least 6 characters."),
        ("after>2026", "'after>2026': after is written with =, as in after=2026."),
        ("after", "'after' lacks a value: after=TIME, a time such as"),
        ('rule="a\\x"', "has quotes that do not fit together"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_condition(text)
    assert message in str(caught.value)


@given(found=numbers, op=orders, wanted=numbers)
def test_numbers_are_compared_as_numbers(found: float, op: str, wanted: float) -> None:
    node = action(parameters=(Parameter("sigma", used=Value.of(found)),))
    assert read_condition(f"parameter.sigma{op}{wanted!r}").holds(node) == ORDERS[op](found, wanted)


@given(found=versions, op=orders, wanted=versions)
def test_versions_are_compared_as_versions(found: str, op: str, wanted: str) -> None:
    node = action(software=(Software("cellpose", found),))
    assert read_condition(f"software.cellpose{op}{wanted}").holds(node) == ORDERS[op](Version(found), Version(wanted))


@given(
    found=st.integers(0, 10**9).map(lambda seconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    day=st.dates(date(2000, 1, 2), date(2031, 1, 1)),
)
def test_a_day_is_all_of_it(found: datetime, day: date) -> None:
    begin = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    end = begin + timedelta(days=1)
    node = action(started=found)
    holding = {op for op in ("<", "<=", "=", ">=", ">") if read_condition(f"started{op}{day}").holds(node)}
    assert holding == ({"<", "<="} if found < begin else {">", ">="} if found >= end else {"<=", "=", ">="})
    assert read_condition(f"after={day}").holds(node) == (found >= begin)
    assert read_condition(f"before={day}").holds(node) == (found < begin)


@given(st.text(max_size=40) | st.from_regex(r"!?(rule|parameter\.[a-z]+|size|after|software\.x)(=|!=|~|<|>=)?.{0,12}"))
def test_any_text_is_a_condition_or_refused_and_a_condition_can_be_written_again(text: str) -> None:
    try:
        condition = read_condition(text)
    except BadInputError:
        return
    assert read_condition(str(condition)) == condition
    condition.holds(action(), AROUND)
    condition.holds(thing(), AROUND)


@given(value=st.text(min_size=0, max_size=20))
def test_a_quoted_text_finds_just_this_text(value: str) -> None:
    import json

    node = action(parameters=(Parameter("method", used=Value.of(value)),))
    assert read_condition(f"parameter.method={json.dumps(value)}").holds(node)
    other = action(parameters=(Parameter("method", used=Value.of(value + "x")),))
    assert not read_condition(f"parameter.method={json.dumps(value)}").holds(other)


@given(st.sampled_from(FIELDS), st.sampled_from(OPERATORS), st.sampled_from(["1", "2026", "yes", "failed", "abcdef"]))
def test_a_turned_round_condition_holds_where_the_other_does_not(field: object, op: str, value: str) -> None:
    name = field.name + ("sigma" if field.keyed else "")  # type: ignore[attr-defined]
    try:
        plain, turned = read_condition(f"{name}{op}{value}"), read_condition(f"!{name}{op}{value}")
    except BadInputError:
        assume(False)
    for node in (action(), thing()):
        kind = "action" if isinstance(node, ActionNode) else "entity"
        assert plain.holds(node, AROUND) != turned.holds(node, AROUND) or not plain.applies_to(kind)
