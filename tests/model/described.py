"""Random metadata of images, each object of a server under a number of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from filiation.model import (
    Channel,
    Comment,
    Container,
    Group,
    ImageMetadata,
    KeyValues,
    LightSource,
    Member,
    Owner,
    Pair,
    Quantity,
    Tag,
    kind_of_object,
    members,
)

IRI = "https://omero.example.org/Image/51"
KINDS = {
    Tag: ("TagAnnotation",), Comment: ("CommentAnnotation",), KeyValues: ("MapAnnotation",), Owner: ("Experimenter",),
    Group: ("ExperimenterGroup",), LightSource: ("Laser", "Arc", "LightEmittingDiode"),
}  # fmt: skip
HELD = {"Image": ("Dataset", "Well"), "Dataset": ("Project",), "Well": ("Plate",), "Plate": ("Screen",)}
"""What an object of a kind may stand in."""
words = st.text(min_size=1, max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)
times = st.integers(0, 10**12).map(lambda ms: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


@st.composite
def image_metadata(draw: st.DrawFn, figures: st.SearchStrategy[float] = finite) -> ImageMetadata:
    """Return metadata of the image ``IRI``, with numbers of a kind."""
    return _thing(draw, ImageMetadata, IRI, _Given(figures, iter(range(1, 10_000))))


@dataclass(frozen=True)
class _Given:
    """What numbers are drawn from, and the numbers of objects that are left."""

    figures: st.SearchStrategy[float]
    numbers: Iterator[int]


def _thing(draw: st.DrawFn, cls: type[Any], iri: str, given: _Given) -> Any:
    values = {"iri": iri}
    for member in members(cls):
        if member.name != "iri" and (member.name in ("index", "text", "user") or draw(st.booleans())):
            values[member.name] = _member(draw, member, iri, given)
    if cls in (Tag, Group):
        values.setdefault("name", draw(words))
    return cls(**values)


def _iri(draw: st.DrawFn, cls: type[Any], holder: str, given: _Given) -> str:
    kinds = HELD.get(kind_of_object(holder), ()) if cls is Container else KINDS.get(cls, (cls.__name__,))
    return f"https://omero.example.org/{draw(st.sampled_from(kinds))}/{next(given.numbers)}"


def _member(draw: st.DrawFn, member: Member, holder: str, given: _Given) -> Any:
    if member.type is Pair:
        return tuple(draw(st.lists(st.builds(Pair, st.text(max_size=9), st.text(max_size=9)), max_size=3)))
    if member.type is Quantity:
        return draw(st.builds(Quantity, given.figures, st.sampled_from(["nm", "µm", "°C", "reference frame"])))
    if is_dataclass(member.type):
        count = draw(st.integers(0, 2)) if member.many else 1
        if member.type is Container and kind_of_object(holder) not in HELD:
            count = 0
        found = [_thing(draw, member.type, _iri(draw, member.type, holder, given), given) for _ in range(count)]
        if member.type is Container:
            found.sort(key=lambda each: each.iri.split("/")[3])
        if member.type is Channel:
            found = [type(each)(**{name.name: getattr(each, name.name) for name in members(Channel)} | {"index": place})
                     for place, each in enumerate(found)]  # fmt: skip
        return tuple(found) if member.many else found[0]
    if member.name == "color":
        return draw(st.from_regex(r"[0-9A-F]{6}", fullmatch=True))
    kinds = {str: words, float: given.figures, int: st.integers(0, 9), datetime: times}
    return tuple(sorted(draw(st.sets(words, max_size=2)))) if member.many else draw(kinds[member.type])
