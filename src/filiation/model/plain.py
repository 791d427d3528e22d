"""Frozen values as plain JSON and back, by the types that their fields declare.

>>> from filiation.model.image_metadata import Quantity
>>> to_plain(Quantity(461.0, "nm"))
{'value': 461.0, 'unit': 'nm'}
>>> from_plain(Quantity, {"value": 461.0, "unit": "nm"})
Quantity(value=461.0, unit='nm')
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

from filiation.errors import BadInputError

_T = TypeVar("_T")
_PLAIN = (str, int, float)


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a frozen class: its name, the type of what it holds, and whether it holds several of them."""

    name: str
    type: type[Any]
    many: bool


_known: dict[type, tuple[Member, ...]] = {}


def members(cls: type[Any]) -> tuple[Member, ...]:
    """Return the fields of a frozen class; ``X | None`` counts as ``X``, and ``tuple[X, ...]`` as several ``X``."""
    if cls not in _known:
        hints = typing.get_type_hints(cls)
        _known[cls] = tuple(_member(field.name, hints[field.name]) for field in fields(cls))
    return _known[cls]


def _member(name: str, hint: Any) -> Member:
    if isinstance(hint, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        return Member(name, typing.get_args(hint)[0], many=True)
    return Member(name, hint, many=False)


def to_plain(value: object) -> dict[str, Any]:
    """Return a frozen value as plain JSON; what is None or empty is left out."""
    found = {member.name: getattr(value, member.name) for member in members(type(value))}
    return {name: _plain(each) for name, each in found.items() if each is not None and each != ()}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return to_plain(value) if is_dataclass(value) else value


def from_plain(cls: type[_T], plain: object) -> _T:
    """Return the value that :func:`to_plain` wrote; what this class does not have is passed over.

    Raises
    ------
    BadInputError
        If something is missing or of another type.
    """
    if not isinstance(plain, Mapping):
        raise BadInputError(f"Expected an object for {cls.__name__}; found {str(plain)[:80]!r}.")
    found = {}
    for member in members(cls):
        if plain.get(member.name) is None:
            continue
        given = plain[member.name]
        if not member.many:
            found[member.name] = _value(member.type, given, member.name)
        elif isinstance(given, list):
            found[member.name] = tuple(_value(member.type, each, member.name) for each in given)
        else:
            raise BadInputError(f"Expected a list for {member.name!r}; found {str(given)[:80]!r}.")
    try:
        return cls(**found)
    except TypeError as error:
        raise BadInputError(f"{cls.__name__} is not whole: {error}.") from error


def _value(kind: type[Any], given: object, name: str) -> object:
    if is_dataclass(kind):
        return from_plain(kind, given)
    if kind is datetime and isinstance(given, str):
        try:
            return datetime.fromisoformat(given)
        except ValueError as error:
            raise BadInputError(f"{name!r} is no time: {given[:80]!r}.") from error
    if kind is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if kind in _PLAIN and type(given) is kind:
        return given
    raise BadInputError(f"Expected {kind.__name__} for {name!r}; found {str(given)[:80]!r}.")
