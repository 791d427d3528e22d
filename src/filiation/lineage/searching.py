"""Which nodes are as conditions say, by the columns of the index: no node is read to tell.

Every distinct value of a column is compared once, by the very test that a condition holds a single node against, so
both ways say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from filiation.catalogue.index_facts import Column, split_texts
from filiation.catalogue.node_facts import NUMBERS, TEXTS, VALUES, form_of
from filiation.lineage.comparing import CONTAINS, DIFFERENT, EQUAL, Ordered, Test, is_pattern
from filiation.lineage.fields import SUPERSEDED, WORDS, Surroundings, compared, normal_key, run_names, with_name
from filiation.model import DigestKind, encode_path
from filiation.model.sentences import OR, Sentence

if TYPE_CHECKING:
    from filiation.catalogue.index_facts import FactColumns, Hits
    from filiation.lineage.conditions import Condition

_ANYTHING: Final = (float("-inf"), float("inf"))
_NAMES: Final = 8
"""Names that a message lists."""
_FEW_VALUES: Final = frozenset({"rule", "tool", "agent", "host", "machine", "workflow"})
"""Fields of which a catalogue has so few values that one that is not there is told with those like it."""
_MOST_BY_PATH: Final = 2_000
"""Things that are looked up one by one; if more have a path, the texts are gone through."""
_MOST_REMEMBERED: Final = 100_000
"""Texts whose test is remembered, since runs of a workflow tell the same names."""


class Search:
    """Looks for nodes.

    Parameters
    ----------
    facts
        The columns of the index.
    around
        What is known besides.
    """

    def __init__(self, facts: FactColumns, around: Surroundings) -> None:
        self._facts = facts
        self._around = around

    def hits(self, kind: str, conditions: Iterable[Condition]) -> Hits:
        """Return the actions or things that are as every condition says."""
        found = self._hits(kind, conditions)
        if not self._around.former:
            return found
        asked = self._facts.crates(lambda iri: iri in self._around.former)
        return {crate: bits for crate, bits in found.items() if crate in asked}

    def _hits(self, kind: str, conditions: Iterable[Condition]) -> Hits:
        found: Hits | None = None
        for condition in sorted(conditions, key=lambda each: (each.negated, each.field.name == "text")):
            if found is not None and not found:
                return {}
            so = self._so(kind, condition)
            if condition.negated:
                found = without(self._facts.all(kind) if found is None else found, so)
            else:
                found = so if found is None else both(found, so)
        return self._facts.all(kind) if found is None else found

    def unheard_of(self, kind: str, condition: Condition) -> tuple[str, bool] | None:
        """Say that nothing in the catalogue has the name after the dot, and whether one that there is is much like it.

        None if something has it. Of a rule, a person, a machine or a workflow it is the same of the value that is asked
        for; but one that is much like another may well be meant, and is no slip.
        """
        if not condition.field.keyed:
            return self._unheard_value(kind, condition)
        known = {column.key for column in self._facts.columns(kind, condition.field.column)}
        if condition.field.name == "annotation.":
            known |= {name for pairs in self._around.annotations.values() for name, _ in pairs}
        key = normal_key(condition.field.column, condition.key)
        if key in known:
            return None
        alike = get_close_matches(key, sorted(known), n=3)
        field = condition.field.name.rstrip(".")
        told = Sentence("Nothing in the catalogue has the {field} {key!r}.", field=field, key=condition.key)
        if alike:
            return Sentence.joined((told, Sentence("Did you mean {names}?", names=Sentence.joined(alike, OR)))), True
        if not known:
            return told, False
        return Sentence.joined((told, Sentence("There are: {names}.", names=tuple(sorted(known)[:_NAMES])))), False

    def _unheard_value(self, kind: str, condition: Condition) -> tuple[str, bool] | None:
        field, value = condition.field, condition.value
        if field.name not in _FEW_VALUES or condition.op != EQUAL or condition.negated:
            return None
        if form_of(kind, field.column) != VALUES or (is_pattern(value) and not condition.quoted):
            return None
        known = {
            str(told) for column in self._columns(kind, field.column, "") for _, told in self._facts.values(column)
        }
        alike = get_close_matches(value, sorted(known), n=3)
        if not alike or any(condition.test(told) for told in known):
            return None
        told = Sentence("Nothing in the catalogue has the {field} {key!r}.", field=field.name, key=value)
        return Sentence.joined((told, Sentence("Did you mean {names}?", names=Sentence.joined(alike, OR)))), False

    def _so(self, kind: str, condition: Condition) -> Hits:
        """Return what is as a condition says before it is turned round."""
        name, test = condition.field.name, condition.test
        if name == "run":
            return self._of_runs(kind, condition)
        if condition.op is None:
            return self._known(kind, condition, empty=name == "software.")
        equal = self._equal(kind, condition, test)
        if condition.op == DIFFERENT:
            return without(self._known(kind, condition, empty=True), equal)
        return equal

    def _of_runs(self, kind: str, condition: Condition) -> Hits:
        if condition.op is None:
            return self._facts.all(kind)
        crates = self._facts.crates(lambda iri: any(map(condition.test, run_names(iri))))
        if condition.op == DIFFERENT:
            return {crate: bits for crate, bits in self._facts.all(kind).items() if crate not in crates}
        return {crate: bits for crate, bits in self._facts.all(kind).items() if crate in crates}

    def _known(self, kind: str, condition: Condition, *, empty: bool) -> Hits:
        """Return what has any value at all; an empty text only counts if ``empty``."""
        if condition.field.name == "digest":
            return self._matching(kind, "digested", "", lambda _: True)
        return self._equal(kind, condition, lambda value: empty or value != "", every=True)

    def _equal(self, kind: str, condition: Condition, test: Test, *, every: bool = False) -> Hits:
        """Return what has a value that passes a test; ``every`` if the test is not the condition's own."""
        name, key = condition.field.name, condition.key
        if name == SUPERSEDED:
            return self._facts.all(kind) if test(bool(self._around.former)) else {}
        if name == "text":
            return self._among_words(kind, test, _part(condition))
        if name == "digest":
            return self._with_digest(condition)
        if name == "path" and not every and (found := self._at_path(condition)) is not None:
            return found
        column = condition.field.column
        comparison = condition.field.comparison
        if form_of(kind, column) == NUMBERS and isinstance(comparison, Ordered):
            span = _ANYTHING if every or condition.op is None else comparison.span(
                EQUAL if condition.op == DIFFERENT else condition.op, condition.value
            )  # fmt: skip
            found = self._in_span(kind, column, key, span)
        else:
            found = self._matching(kind, column, key, lambda value: test(compared(column, value)), _part(condition))
        return either(found, self._noted(kind, key, test)) if name == "annotation." else found

    def _columns(self, kind: str, field: str, key: str) -> list[Column]:
        wanted = normal_key(field, key)
        return [column for column in self._facts.columns(kind, field) if not key or column.key == wanted]

    def _in_span(self, kind: str, field: str, key: str, span: tuple[float, float]) -> Hits:
        found: Hits = {}
        for column in self._columns(kind, field, key):
            found = either(found, self._facts.between(column, *span))
        return found

    def _matching(self, kind: str, field: str, key: str, test: Test, part: str | None = None) -> Hits:
        found: Hits = {}
        for column in self._columns(kind, field, key):
            if form_of(kind, field) == TEXTS:
                found = either(found, self._in_texts(column, test, part))
            else:
                numbers = [number for number, value in self._facts.values(column) if test(value)]
                found = either(found, self._facts.having(numbers))
        return found

    def _in_texts(self, column: Column, test: Test, part: str | None) -> Hits:
        """Go through the texts of every crate, each distinct one tested once; for a part of a text, all at once."""
        passes: dict[str, bool] = {"": False}
        found: Hits = {}
        for crate, texts in self._facts.texts(column):
            if part is not None:
                folded = texts.casefold()
                if part in folded:
                    found[crate] = sum(1 << place for place, text in enumerate(split_texts(folded)) if part in text)
                continue
            bits = 0
            for place, text in enumerate(split_texts(texts)):
                passed = passes.get(text)
                if passed is None:
                    if len(passes) > _MOST_REMEMBERED:
                        passes = {"": False}
                    passed = passes[text] = test(text)
                if passed:
                    bits |= 1 << place
            if bits:
                found[crate] = bits
        return found

    def _among_words(self, kind: str, test: Test, part: str | None) -> Hits:
        found = self._facts.seen_in(
            kind,
            (
                iri
                for iri, pairs in self._around.annotations.items()
                if any(test(with_name(name, value)) for name, value in pairs)
            ),
        )
        for words in WORDS[kind]:
            for column in self._columns(kind, words.field, words.key or ""):
                said = _saying(words.said, column.key, test)
                if form_of(kind, words.field) == TEXTS:
                    hits = self._in_texts(column, said, part)
                else:
                    hits = self._facts.having(number for number, value in self._facts.values(column) if said(value))
                found = either(found, hits)
        return found

    def _noted(self, kind: str, key: str, test: Test) -> Hits:
        """Return what people noted something of that passes a test."""
        noted = self._around.annotations.items()
        iris = (iri for iri, pairs in noted if any(name == key and test(value) for name, value in pairs))
        return self._facts.seen_in(kind, iris)

    def _with_digest(self, condition: Condition) -> Hits:
        wanted = condition.value.strip().casefold()
        starts = [wanted] if ":" in wanted else [f"{kind.value}:{wanted}" for kind in DigestKind]
        found: Hits = {}
        for start in starts:
            found = either(found, self._facts.things_with_digest(start))
        return found

    def _at_path(self, condition: Condition) -> Hits | None:
        """Return the things of one path; None if it is not asked for one, or too many have it."""
        if condition.op not in (EQUAL, DIFFERENT) or (is_pattern(condition.value) and not condition.quoted):
            return None
        found: Hits = {}
        for column in ("path", "place"):
            hits = self._facts.things_with(column, encode_path(condition.value), _MOST_BY_PATH)
            if hits is None:
                return None
            found = either(found, hits)
        return found


def both(one: Hits, other: Hits) -> Hits:
    """Return what is in both."""
    fewer, more = (one, other) if len(one) < len(other) else (other, one)
    joined = ((crate, bits & more.get(crate, 0)) for crate, bits in fewer.items())
    return {crate: bits for crate, bits in joined if bits}


def either(one: Hits, other: Hits) -> Hits:
    """Return what is in one or the other."""
    if not one or not other:
        return one or other
    return one | {crate: bits | one.get(crate, 0) for crate, bits in other.items()}


def without(one: Hits, other: Hits) -> Hits:
    """Return what is in one and not in the other."""
    left = ((crate, bits & ~other.get(crate, 0)) for crate, bits in one.items())
    return {crate: bits for crate, bits in left if bits}


def count(hits: Hits) -> int:
    """Return how many there are."""
    return sum(bits.bit_count() for bits in hits.values())


def _part(condition: Condition) -> str | None:
    """Return what is asked for as a part of a text, as its test has it."""
    return condition.value.casefold() if condition.op == CONTAINS and condition.value else None


def _saying(said: Callable[[str, object], str], key: str, test: Test) -> Test:
    return lambda value: test(said(key, value))
