"""HQL is parsed and interpreted; no Ice is needed for that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.omero_server.hql import ask
from tests.omero_server.hql_parser import parse
from tests.omero_server.hql_syntax import HqlError, Operation, Path
from tests.omero_server.rows import Attribute, Row

ATTRIBUTES = {
    "Image": {
        "id": Attribute(), "name": Attribute(), "series": Attribute(),
        "pixels": Attribute("Pixels", many=True, inverse="image"),
        "datasetLinks": Attribute("DatasetImageLink", many=True, inverse="child"),
    },
    "Pixels": {
        "id": Attribute(), "sizeX": Attribute(), "image": Attribute("Image"), "physicalSizeX": Attribute("Length"),
    },
    "Length": {"value": Attribute(), "unit": Attribute()},
    "Dataset": {
        "id": Attribute(), "name": Attribute(),
        "imageLinks": Attribute("DatasetImageLink", many=True, inverse="parent"),
    },
    "DatasetImageLink": {"id": Attribute(), "parent": Attribute("Dataset"), "child": Attribute("Image")},
}  # fmt: skip


class Tables:
    """Rows without users: three images, two of them in a dataset, one without pixels."""

    schema: Tables

    def __init__(self) -> None:
        self.schema = self
        images = [Row("Image", number, {"name": name, "series": series}) for number, name, series in
                  [(1, "alpha", 0), (2, "Beta", None), (3, "gamma_1", 2)]]  # fmt: skip
        dataset = Row("Dataset", 9, {"name": "set"})
        length = Row("Length", None, {"value": 0.5, "unit": "MICROMETER"})
        self.rows = [
            *images,
            dataset,
            Row("Dataset", 10, {"name": "empty"}),
            *(Row("Pixels", 20 + n, {"sizeX": 8 * n, "image": images[n], "physicalSizeX": length}) for n in (0, 1)),
            *(Row("DatasetImageLink", 30 + n, {"parent": dataset, "child": images[n]}) for n in (0, 2)),
        ]

    def has(self, kind: str) -> bool:
        return kind in ATTRIBUTES

    def attribute(self, kind: str, name: str) -> Attribute | None:
        return ATTRIBUTES.get(kind, {}).get(name)

    def of(self, kind: str) -> list[Row]:
        return [row for row in self.rows if row.kind == kind]

    def value(self, row: Row, name: str) -> object:
        attribute = ATTRIBUTES[row.kind][name]
        if name == "id":
            return row.id
        if attribute.many:
            return [other for other in self.of(attribute.kind) if other.values[attribute.inverse] is row]
        return row.values[name]


def answer(text: str, **parameters: object) -> list[object]:
    """Return the tuples; those of one value as the value, rows as their ids."""
    plain = [tuple(v.id if isinstance(v, Row) else v for v in each) for each in ask(text, Tables(), parameters).tuples]
    return [each[0] if len(each) == 1 else each for each in plain]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from Image", [1, 2, 3]),
        ("select i from Image as i where i.id in (1, 3)", [1, 3]),
        ("SELECT i.name FROM Image i WHERE lower(i.name) LIKE 'b%'", ["Beta"]),
        ("select i.id from Image i where i.name like 'gamma__'", [3]),
        ("select i.id from Image i where i.series is null", [2]),
        ("select i.id from Image i where i.series <> 0", [3]),
        ("select i.id from Image i where not (i.series = 0)", [3]),
        ("select i.id from Image i where i.series = 0 or i.name = 'Beta'", [1, 2]),
        ("select i.id from Image i where i.series not in (0)", [3]),
        ("select i.id from Image i where i.id between 2 and 3", [2, 3]),
        ("select i.id from Image i order by i.series desc", [2, 3, 1]),
        ("select i.id from Image i order by i.series, i.id", [1, 3, 2]),
        ("select i.name || '!' from Image i where i.id = 1", ["alpha!"]),
        ("select i.id, p.sizeX from Image i join i.pixels p", [(1, 0), (2, 8)]),
        ("select i.id, p.sizeX from Image i left outer join i.pixels as p", [(1, 0), (2, 8), (3, None)]),
        ("select i.id, p.sizeX from Image i left join i.pixels p with p.sizeX > 0", [(1, None), (2, 8), (3, None)]),
        ("select p.image.name from Pixels p where p.physicalSizeX.value > 0.1", ["alpha", "Beta"]),
        ("select d.id, count(l) from Dataset d left join d.imageLinks l group by d.id", [(9, 2), (10, 0)]),
        ("select count(distinct l.parent) from DatasetImageLink l", [1]),
        ("select count(*) from Image", [3]),
        ("select max(p.sizeX) + 1 from Pixels p", [9]),
        ("select max(p.sizeX) from Pixels p where p.sizeX > 100", [None]),
        ("select distinct l.parent from DatasetImageLink l", [9]),
        ("select distinct(l.parent.id) from DatasetImageLink l", [9]),
        ("select i.id from Image i where exists (select l from DatasetImageLink l where l.child = i)", [1, 3]),
        ("select i.id from Image i where NOT EXISTS (SELECT l FROM DatasetImageLink l WHERE l.child.id = i.id)", [2]),
        ("select i.id from Image i where i in (select l.child from DatasetImageLink l)", [1, 3]),
        ("select i.id from Image i where size(i.pixels) = 0", [3]),
        ("select d.id from Dataset d where exists (from d.imageLinks l where l.child.id = 3)", [9]),
        ("select index(l) from Dataset d join d.imageLinks l where l.child.id = 3", [1]),
        ("select minIndex(l), maxIndex(l) from Dataset d join d.imageLinks l", [(0, 1)]),
        ("select i.id from Image i, DatasetImageLink l where l.child = i", [1, 3]),
        ("select i.name as n from Image i order by n desc", ["gamma_1", "alpha", "Beta"]),
        ("select name from Image where id = 2", ["Beta"]),
        ("select i.class from Image i where i.class = Image and i.id = 1", ["Image"]),
        ("select sum(case when i.series is null then 0 when i.series > 1 then 5 else 1 end) from Image i", [6]),
        ("select type(l) from DatasetImageLink l where type(l.child) = Image and l.child.id = 3", ["DatasetImageLink"]),
        ("from ome.model.core.Image i where i.id = -(-1)", [1]),
        ("select coalesce(i.series, -1) from Image i", [0, -1, 2]),
        ("select i.id from Image i where 'it''s' = 'it''s' and i.id < 2", [1]),
    ],
)  # fmt: skip
def test_a_query_gives(text: str, expected: list[object]):
    assert answer(text) == expected


def test_parameters_are_values_or_lists():
    assert answer("select i.id from Image i where i.id in (:ids) and i.name <> :name", ids=[1, 2], name="Beta") == [1]
    assert answer("select i.id from Image i where i.id in :ids", ids=[3]) == [3]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("select i from Image i where i.nope = 1", "could not resolve property: nope of: Image"),
        ("select i from Picture i", "Picture is not mapped"),
        ("select x from Image i, Dataset d", "x is not an alias"),
        ("select i from Image i where i.id = :id", "not all named parameters have been set: [id]"),
        ("select d.imageLinks.child from Dataset d", "illegal attempt to dereference collection in d.imageLinks.child"),
        ("select sqrt(i.id) from Image i", "no function sqrt()"),
        ("select i from Image i where", "a value was expected at 27, found ''"),
        ("select i from Image i where i.id == 3", "a value was expected at 34, found '='"),
        ("select i from Image i limit 3", "the query should have ended at 22, found 'limit'"),
        ("select i from Image i where i.name = \"x\"", "unexpected character at 36"),
        ("select i from Image i where exists (select z.q from Dataset d)", "z is not an alias"),
        ("delete Image", "'from' was expected at 0"),
        ("select i from Image i where i.name < 3", "'alpha' and 3 cannot be compared with <"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_even_where_nothing_matches(text: str, reason: str):
    with pytest.raises(HqlError) as refusal:
        answer(text)

    assert str(refusal.value).startswith(reason)


def test_only_what_is_fetched_is_loaded():
    tables = Tables()
    fetched = ask("select i from Image i left join fetch i.pixels p join i.datasetLinks l", tables)
    image = tables.of("Image")[0]

    assert fetched.loaded.get(image, "pixels") == [tables.of("Pixels")[0]]
    assert fetched.loaded.get(image, "datasetLinks") is None
    assert fetched.loaded.get(tables.of("Image")[2], "pixels") == []


def test_and_binds_closer_than_or_and_not_closest():
    where = parse("from Image i where not i.a = 1 and i.b = 2 or i.c = 3").where

    assert isinstance(where, Operation)
    assert where.operator == "or"
    first = where.operands[0]
    assert isinstance(first, Operation)
    assert [first.operator, first.operands[0].operator] == ["and", "not"]  # type: ignore[union-attr]


words = st.text("abcdefgh", min_size=1, max_size=6).map(lambda word: f"x{word}")


@given(st.lists(words, min_size=1, max_size=5), st.text(max_size=12))
def test_paths_and_texts_come_through_whole(steps: list[str], text: str):
    quoted = text.replace("'", "''")
    where = parse(f"from Image i where {'.'.join(steps)} = '{quoted}'").where

    assert isinstance(where, Operation)
    assert where.operands[0] == Path(tuple(steps))
    assert where.operands[1].value == text  # type: ignore[union-attr]


@given(
    st.lists(
        st.sampled_from(["select", "from", "Image", "i", "where", "and", "(", ")", "=", "1", "in", ":p", ",", "."]),
        max_size=14,
    )
)
def test_no_words_in_any_order_do_more_than_be_refused(words: list[str]):
    try:
        ask(" ".join(words), Tables(), {"p": 1})
    except HqlError:
        return


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 9))
def test_membership_is_what_equalities_joined_by_or_are(ids: list[int], other: int):
    listed = ", ".join(map(str, [*ids, other]))
    either = " or ".join(f"i.id = {number}" for number in [*ids, other])

    assert answer(f"select i.id from Image i where i.id in ({listed})") == answer(
        f"select i.id from Image i where {either}"
    )


conditions = st.recursive(
    st.sampled_from(
        ["i.series = 0", "i.series > 0", "i.name like 'g%'", "i.id in (1, 2)", "i.series is null", "1 = 2"]
    ),
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
    ),
    max_leaves=6,
)


@given(conditions, conditions)
def test_conditions_keep_de_morgans_laws_where_values_are_missing(one: str, other: str):
    def found(condition: str) -> list[object]:
        return answer(f"select i.id from Image i where {condition}")

    assert found(f"not (({one}) and ({other}))") == found(f"not ({one}) or not ({other})")
    assert found(f"not (({one}) or ({other}))") == found(f"not ({one}) and not ({other})")
    assert found(f"not (not ({one}))") == found(one)
