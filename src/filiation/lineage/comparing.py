"""How what is known is compared with what a person wrote: a number as a number, a version as a version.

Each kind of value turns an operator and a text into a test, once, and refuses what makes no sense before anything is
looked at.

>>> Number().test(">=", "2")(2.0), Version().test(">=", "3")("3.1.0"), Version().test("<", "10")("9.2")
(True, True, True)
>>> Free().test("=", "2")(2.0), Free().test("=", "2", quoted=True)(2.0)
(True, False)
"""

from __future__ import annotations

import fnmatch
import json
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeAlias, runtime_checkable

from packaging.version import InvalidVersion
from packaging.version import Version as ParsedVersion

from filiation.catalogue.node_facts import as_float, microseconds
from filiation.model import Value
from filiation.model.sentences import Sentence

Test: TypeAlias = Callable[[object], bool]
"""Whether one known value is as asked for."""

EQUAL: Final = "="
DIFFERENT: Final = "!="
CONTAINS: Final = "~"
ORDERS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
OPERATORS: Final = (EQUAL, DIFFERENT, CONTAINS, *ORDERS)

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,1000}")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_TIME: Final = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"([T ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.\d+)?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_EVER: Final = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MEASURE: Final = re.compile(r"(?P<figure>[0-9.eE+-]*[0-9.])\s*(?P<unit>[a-zA-Z]*)")


class Comparison(Protocol):
    """A kind of value."""

    @property
    def expected(self) -> str:
        """What a person may write."""

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test.

        Raises
        ------
        ValueError
            If the text is no such value, or such values have no order; what was expected, in words.
        """


Span: TypeAlias = tuple[float, float]
"""Lowest and highest of what is as asked for, both included."""


@runtime_checkable
class Ordered(Protocol):
    """A kind of value that is kept as a number."""

    def span(self, op: str, text: str) -> Span:
        """Turn an operator and a text into the numbers that pass its test; a time is in microseconds since 1970."""


def _refuse(kind: Comparison, op: str, allowed: tuple[str, ...]) -> None:
    if op not in allowed:
        raise ValueError(
            Sentence(
                "{expected} is asked for with {allowed}, not with {op}",
                expected=kind.expected, allowed=" ".join(allowed), op=op,
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A text; ``*`` and ``?`` stand for what they stand for in a shell, unless it was quoted."""

    expected: str = Sentence("a text")
    folded: bool = False
    """Whether small and capital letters, spaces, hyphens and underscores are alike."""
    words: tuple[str, ...] = ()
    """What it can be at all; empty for anything."""

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        _refuse(self, op, (EQUAL, DIFFERENT, CONTAINS))
        if op == CONTAINS:
            part = text.casefold()
            return lambda found: part in str(found).casefold()
        wanted = self._fold(text)
        if self.words and not any(fnmatch.fnmatchcase(word, wanted) for word in self.words):
            raise ValueError(Sentence("expected one of {words}", words=tuple(self.words)))
        if quoted or not is_pattern(wanted):
            return lambda found: self._fold(str(found)) == wanted
        pattern = re.compile(fnmatch.translate(wanted))
        return lambda found: pattern.match(self._fold(str(found))) is not None

    def _fold(self, text: str) -> str:
        return re.sub(r"[\s_-]+", " ", text).strip().casefold() if self.folded else text


@dataclass(frozen=True, slots=True)
class Number:
    """A number, also one with a unit that it is counted in.

    Parameters
    ----------
    expected
        What a person may write.
    units
        How many of the field's own unit each unit is.
    """

    expected: str = Sentence("a number")
    units: tuple[tuple[str, float], ...] = ()

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        _refuse(self, op, (EQUAL, DIFFERENT, *ORDERS))
        wanted = self._read(text)
        if wanted is None or quoted:
            raise ValueError(Sentence("expected {expected}", expected=self.expected))
        if op in ORDERS:
            compare = ORDERS[op]
            return lambda found: isinstance(found, int | float) and bool(compare(found, wanted))
        return lambda found: isinstance(found, int | float) and found == wanted

    def span(self, op: str, text: str) -> Span:
        """Turn an operator and a text into the numbers that pass its test."""
        read = self._read(text)
        wanted = math.nan if read is None else as_float(read)
        return {
            "<": (-math.inf, math.nextafter(wanted, -math.inf)),
            "<=": (-math.inf, wanted),
            ">": (math.nextafter(wanted, math.inf), math.inf),
            ">=": (wanted, math.inf),
        }.get(op, (wanted, wanted))

    def _read(self, text: str) -> int | float | None:
        if not self.units:
            return read_number(text)
        match = _MEASURE.fullmatch(text.strip())
        figure = None if match is None else read_number(match["figure"])
        if match is None or figure is None:
            return None
        if not match["unit"]:
            return figure
        scale = {name.casefold(): size for name, size in self.units}.get(match["unit"].casefold())
        return None if scale is None else figure * scale


SIZE: Final = Number(
    "a number of bytes, or 10MB, 1.5GB, 4GiB",
    (("B", 1), ("kB", 10**3), ("MB", 10**6), ("GB", 10**9), ("TB", 10**12), ("PB", 10**15),
     ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30), ("TiB", 2**40)),
)  # fmt: skip
DURATION: Final = Number(
    "a number of seconds, or 90s, 5min, 2h, 1d",
    (("ms", 0.001), ("s", 1), ("min", 60), ("h", 3600), ("d", 86400)),
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version, in the order of PEP 440; one that is none is compared as a text, and has no order."""

    expected: str = Sentence("a version")

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        wanted = read_version(text)
        if op in ORDERS:
            if wanted is None:
                raise ValueError(
                    Sentence("expected {expected} that has an order, such as 3 or 2.1.0", expected=self.expected)
                )
            compare = ORDERS[op]
            return lambda found: (known := read_version(str(found))) is not None and bool(compare(known, wanted))
        same = Text().test(op, text, quoted=quoted)
        if op == CONTAINS or wanted is None:
            return same
        return lambda found: same(found) or read_version(str(found)) == wanted


@dataclass(frozen=True, slots=True)
class Moment:
    """A time; a day, a month or a year is all of it, and a time without a zone is UTC."""

    expected: str = Sentence("a time such as 2026-03, 2026-03-01 or 2026-03-01T10:30Z")

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        _refuse(self, op, (EQUAL, DIFFERENT, *ORDERS))
        first, last = self._period(op, text)
        return lambda found: isinstance(found, datetime) and first <= found < last

    def span(self, op: str, text: str) -> Span:
        """Turn an operator and a text into the microseconds since 1970 that pass its test."""
        first, last = self._period(op, text)
        return microseconds(first), microseconds(last) - 1

    @staticmethod
    def _period(op: str, text: str) -> tuple[datetime, datetime]:
        """Return from when on, until before when."""
        begin, end = read_period(text)
        return {
            "<": (_EVER[0], begin),
            "<=": (_EVER[0], end),
            ">": (end, _EVER[1]),
            ">=": (begin, _EVER[1]),
        }.get(op, (begin, end))


@dataclass(frozen=True, slots=True)
class Truth:
    """Yes or no."""

    expected: str = Sentence("yes or no")

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        _refuse(self, op, (EQUAL, DIFFERENT))
        wanted = {"yes": True, "true": True, "no": False, "false": False}.get(text.strip().casefold())
        if wanted is None:
            raise ValueError(Sentence("expected {expected}", expected=self.expected))
        return lambda found: found is wanted


@dataclass(frozen=True, slots=True)
class Start:
    """A name that may be cut short, as a digest or the id of a run; a word before a colon is its kind."""

    expected: str = Sentence("a digest or the start of one")
    shortest: int = 6

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        _refuse(self, op, (EQUAL, DIFFERENT))
        wanted = text.strip().casefold()
        if len(wanted.rpartition(":")[2]) < self.shortest:
            raise ValueError(
                Sentence(
                    "expected {expected}, of at least {shortest} characters",
                    expected=self.expected, shortest=self.shortest,
                )
            )  # fmt: skip
        if ":" in wanted:
            return lambda found: str(found).casefold().startswith(wanted)
        return lambda found: str(found).casefold().rpartition(":")[2].startswith(wanted)


@dataclass(frozen=True, slots=True)
class Free:
    """A value of any type: what was recorded decides how it is compared; a quoted text is only ever a text."""

    expected: str = Sentence("a value")

    def test(self, op: str, text: str, *, quoted: bool = False) -> Test:
        """Turn an operator and a text into a test."""
        number = None if quoted else read_number(text)
        if op in ORDERS:
            if number is None:
                raise ValueError(Sentence("expected a number, since only numbers have an order here"))
            compare = ORDERS[op]
            return lambda found: (known := _as_number(found)) is not None and bool(compare(known, number))
        same = Text().test(op, text, quoted=quoted)
        if op == CONTAINS:
            return lambda found: same(found if isinstance(found, str) else Value.of(found))
        written = None if quoted else _as_json(text)

        def is_equal(found: object) -> bool:
            if isinstance(found, str):
                return same(found) or (number is not None and _as_number(found) == number)
            if isinstance(found, bool) or found is None:
                return not quoted and text.strip().casefold() == json.dumps(found)
            if isinstance(found, int | float):
                return number is not None and found == number
            return written is not None and Value.of(found) == written

        return is_equal


def is_pattern(text: str) -> bool:
    """Whether a text has what stands for other characters in a shell."""
    return bool(set("*?[") & set(text))


def read_number(text: str) -> int | float | None:
    """Read a finite number; None if it is none.

    >>> read_number("2"), read_number("1e-3"), read_number("nan"), read_number("0x10")
    (2, 0.001, None, None)
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if not _DECIMAL.fullmatch(text):
        return None
    found = float(text)
    return found if math.isfinite(found) else None


def read_version(text: str) -> ParsedVersion | None:
    """Read a version; None if it is none that has an order."""
    try:
        return ParsedVersion(text.strip())
    except InvalidVersion:
        return None


def read_period(text: str) -> tuple[datetime, datetime]:
    """Read from when until before when a time reaches, both UTC.

    >>> begin, end = read_period("2026-02")
    >>> begin.isoformat(), end.isoformat()
    ('2026-02-01T00:00:00+00:00', '2026-03-01T00:00:00+00:00')

    Raises
    ------
    ValueError
        If it is no time.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(Sentence("expected {expected}", expected=Moment().expected))
    try:
        if match["hour"] is not None:
            zone = match["zone"] or "Z"
            begin = datetime.fromisoformat(text.strip().removesuffix(match["zone"] or "") + zone.replace("Z", "+00:00"))
            begin = begin.astimezone(UTC)
            return begin, begin + timedelta(seconds=1 if match["second"] else 60)
        begin = datetime(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1), tzinfo=UTC)
        if match["day"]:
            return begin, begin + timedelta(days=1)
        if match["month"]:
            return begin, (begin + timedelta(days=32)).replace(day=1)
        return begin, begin.replace(year=begin.year + 1)
    except (ValueError, OverflowError) as error:
        raise ValueError(Sentence("expected {expected}: {error}", expected=Moment().expected, error=error)) from error


def _as_number(found: object) -> int | float | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, int | float):
        return found
    return read_number(found) if isinstance(found, str) else None


def _as_json(text: str) -> Value | None:
    try:
        return Value.of(json.loads(text))
    except (ValueError, RecursionError):
        return None
