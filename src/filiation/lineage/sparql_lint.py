"""What makes a query take thousands of times as long as it has to, and what to write instead.

Measured on Oxigraph 0.5 (``docs/benchmarks.md``): its planner tries a path of ``+`` or ``*`` once for each row of what
the path is joined with, so that a question of 8 ms takes 36 s. Nothing here changes an answer, only how it is come by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from rdflib.plugins.sparql.parserutils import CompValue

Triple: TypeAlias = tuple[Any, Any, Any]
"""A pattern of terms of rdflib, whose predicate may be a path."""

_ENDLESS: Final = ("+", "*")


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing in a query that costs more than it has to.

    Parameters
    ----------
    kind
        ``path-joined``, ``path-unbounded`` or ``not-exists``.
    what
        What is there, and what it costs.
    instead
        What to write.
    """

    kind: str
    what: str
    instead: str

    @property
    def told(self) -> Sentence:
        """Both, one after the other."""
        return Sentence.joined((self.what, self.instead))

    def __str__(self) -> str:
        return self.told


def lint(query: str) -> tuple[Warned, ...]:
    """Return what in a query costs more than it has to; nothing of what is no query, which asking it will tell."""
    from pyparsing.exceptions import ParseBaseException
    from rdflib.plugins.sparql.algebra import translateQuery
    from rdflib.plugins.sparql.parser import parseQuery

    try:
        algebra = translateQuery(parseQuery(query)).algebra
    except (ParseBaseException, RecursionError):
        return ()
    except Exception:  # rdflib raises what it likes; a query that it does not understand may be a good one
        return ()
    return tuple(dict.fromkeys(_of_scope(algebra)))


def _of_scope(algebra: CompValue) -> Iterator[Warned]:
    """Warn of one SELECT by itself, and of those inside it."""
    triples, inner, negated = _gathered(algebra)
    for pattern in triples:
        if _is_endless(pattern[1]):
            yield from _of_path(pattern, [one for one in triples if one != pattern])
    if negated and any(_is_variable(one[0]) or _is_variable(one[2]) for one in triples):
        yield Warned(
            "not-exists",
            Sentence("FILTER NOT EXISTS is tried for each row."),
            Sentence(
                "Where what is inside shares a variable with the rest, MINUS {{ … }} says the same, and is "
                "worked out once."
            ),
        )
    for scope in inner:
        yield from _of_scope(scope)


def _of_path(pattern: Triple, others: list[Triple]) -> Iterator[Warned]:
    """Warn of an endless path, given what it is joined with.

    What chooses the end that it begins at does no harm. What says something of where it leads does: that is looked up
    first, and the path tried from each.
    """
    told = " ".join(term.n3() for term in pattern)
    ends = [end for end in (pattern[0], pattern[2]) if _is_variable(end)]
    said = {end for one in others for end in (one[0], one[2]) if end in ends}
    if len(ends) == 1 and said:
        yield Warned(
            "path-joined",
            Sentence(
                "The path {told} is joined with other patterns, and is walked anew for each of their rows.", told=told
            ),
            Sentence(
                "Give it a query of its own: {{ SELECT DISTINCT {n3} WHERE {{ {told} }} }}", n3=ends[0].n3(), told=told
            ),
        )
    elif len(said) == 2:
        yield Warned(
            "path-joined",
            Sentence(
                "The path {told} is joined with what is said of both its ends, and is walked anew for each "
                "pair of them.",
                told=told,
            ),
            Sentence(
                "Put it, with what chooses one end alone, into a query of its own: {{ SELECT DISTINCT "
                "{listed} WHERE {{ … {told} }} }}",
                listed=" ".join(end.n3() for end in ends),
                told=told,
            ),
        )
    elif len(ends) == 2 and not said:
        yield Warned(
            "path-unbounded",
            Sentence("Both ends of the path {told} are open: it is walked from everything there is.", told=told),
            Sentence("Name what one of them is, or ask `filiation trace` or `filiation impact`, which walk an index."),
        )


def _gathered(algebra: CompValue) -> tuple[list[Triple], list[CompValue], bool]:
    """Return what is joined in a SELECT, what is worked out by itself, and whether there is NOT EXISTS."""
    triples: list[Triple] = []
    inner: list[CompValue] = []
    negated = False
    waiting: list[Any] = [algebra]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
            continue
        name = getattr(node, "name", None)
        if name is None:
            continue
        if name == "BGP":
            triples += [one for one in node.triples or () if len(one) == 3]
        elif name == "Builtin_NOTEXISTS":
            negated = True
        elif name in ("ToMultiSet", "Union", "Minus", "LeftJoin"):
            # What is on the left is joined with the rest; each of the others stands by itself.
            parts = [node.get(part) for part in ("p", "p1", "p2") if node.get(part) is not None]
            joined = parts[:1] if name in ("Minus", "LeftJoin") else []
            waiting += joined
            inner += [part for part in parts if not any(part is one for one in joined)]
            waiting += [node.expr] if name == "LeftJoin" else []
        else:
            waiting += [value for value in node.values() if isinstance(value, list) or hasattr(value, "name")]
    return triples, inner, negated


def _is_endless(path: object) -> bool:
    from rdflib.paths import AlternativePath, InvPath, MulPath, SequencePath

    if isinstance(path, MulPath):
        return path.mod in _ENDLESS or _is_endless(path.path)
    if isinstance(path, InvPath):
        return _is_endless(path.arg)
    if isinstance(path, SequencePath | AlternativePath):
        return any(map(_is_endless, path.args))
    return False


def _is_variable(term: object) -> bool:
    from rdflib.term import BNode, Variable

    return isinstance(term, Variable | BNode)
