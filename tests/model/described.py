"""Random metadata of images, each object of a server under a number of its own."""

from __future__ import annotations

from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from filiation.model import (
    Channel,
    Comment,
    Container,
    ImageMetadata,
    KeyValues,
    Member,
    Pair,
    Quantity,
    Tag,
    members,
)

IRI = "https://omero.example.org/Image/51"
KINDS = {
    Tag: "TagAnnotation", Comment: "CommentAnnotation", KeyValues: "MapAnnotation", Channel: "Channel",
}  # fmt: skip
words = st.text(min_size=1, max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)
times = st.integers(0, 10**12).map(lambda ms: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


@st.composite
def image_metadata(draw: st.DrawFn) -> ImageMetadata:
    """Return metadata of the image ``IRI``."""
    return _thing(draw, ImageMetadata, IRI, iter(range(1, 10_000)), depth=0)


def _thing(draw: st.DrawFn, cls: type[Any], iri: str, numbers: Any, depth: int) -> Any:
    values = {"iri": iri}
    for member in members(cls):
        if member.name != "iri" and (member.name in ("index", "text", "user") or draw(st.booleans())):
            values[member.name] = _member(draw, cls, member, numbers, depth)
    if cls in (Tag,) or cls.__name__ == "Group":
        values.setdefault("name", draw(words))
    return cls(**values)


def _member(draw: st.DrawFn, cls: type[Any], member: Member, numbers: Any, depth: int) -> Any:
    if member.type is Pair:
        return tuple(draw(st.lists(st.builds(Pair, st.text(max_size=9), st.text(max_size=9)), max_size=3)))
    if member.type is Quantity:
        return draw(st.builds(Quantity, finite, st.sampled_from(["nm", "µm", "°C", "reference frame"])))
    if is_dataclass(member.type):
        count = draw(st.integers(0, 2)) if member.many else 1
        if depth > 2 and member.type is Container:
            count = 0
        kind = KINDS.get(member.type, member.type.__name__)
        found = [
            _thing(draw, member.type, f"https://omero.example.org/{kind}/{next(numbers)}", numbers, depth + 1)
            for _ in range(count)
        ]
        if member.type is Channel:
            found = [type(each)(**{name.name: getattr(each, name.name) for name in members(Channel)} | {"index": place})
                     for place, each in enumerate(found)]  # fmt: skip
        return tuple(found) if member.many else found[0]
    kinds = {str: words, float: finite, int: st.integers(0, 9), datetime: times}
    return tuple(sorted(draw(st.sets(words, max_size=2)))) if member.many else draw(kinds[member.type])
