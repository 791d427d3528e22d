"""What a word in a search box may mean: one thing or run exactly, or whatever is called so, by kind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue import ActionNode, EntityNode, Json, LineageIndex, RunSummary
from filiation.errors import AccessError, BadInputError, NotFoundError
from filiation.lineage.conditions import Condition, read_condition
from filiation.lineage.fields import ACTION, THING, Surroundings
from filiation.lineage.finding import Found, Source, find
from filiation.model import is_uri
from filiation.model.sentences import AND, Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from filiation.lineage.resolution import Resolution, Resolver

    Former: TypeAlias = Callable[[Iterable[Condition]], AbstractContextManager[Sequence[Source]]]
    """Opens what does not hold any more, if conditions ask for it."""

_ORCID: Final = re.compile(r"(?:https?://orcid\.org/|orcid:)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])", re.IGNORECASE)
_OBJECT: Final = re.compile(r"(?P<thing>.+)#label=(?P<label>[1-9]\d{0,17})", re.DOTALL)
_OPERATOR: Final = re.compile(r"!=|<=|>=|=|<|>|~")
_NAMED: Final = re.compile(r"[\w.\-/]+")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who ran something.

    Parameters
    ----------
    name
        As runs tell it.
    id
        An ORCID as an address, where it was asked for by one.
    runs
        How many they started; 0 where that was not counted.
    """

    name: str
    id: str | None = None
    runs: int = 0

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"name": self.name, "id": self.id, "runs": self.runs}


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a word may mean.

    Parameters
    ----------
    asked
        The word.
    thing
        What to ask of where the word names one thing exactly: the word itself, or an IRI.
    label
        The value of the one object of that thing that it names.
    run
        The id of the run that it names exactly.
    things, jobs, runs, people
        What is called so otherwise, some of each.
    things_in_all, jobs_in_all
        How many there are; 0 where none was looked for.
    remarks
        What should be known who wonders at the answer.
    tried
        In which ways it was looked for.
    """

    asked: str
    thing: str | None = None
    label: int | None = None
    run: str | None = None
    things: tuple[EntityNode, ...] = ()
    things_in_all: int = 0
    jobs: tuple[ActionNode, ...] = ()
    jobs_in_all: int = 0
    runs: tuple[RunSummary, ...] = ()
    people: tuple[Person, ...] = ()
    remarks: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether it names one thing or run."""
        return self.thing is not None or self.run is not None

    @property
    def found(self) -> bool:
        """Whether anything is called so."""
        return self.is_exact or bool(self.things or self.jobs or self.runs or self.people)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "asked": self.asked,
            "thing": self.thing,
            "label": self.label,
            "run": self.run,
            "things": [thing.to_json() for thing in self.things],
            "things_in_all": self.things_in_all,
            "jobs": [job.to_json() for job in self.jobs],
            "jobs_in_all": self.jobs_in_all,
            "runs": [run.to_json() for run in self.runs],
            "people": [person.to_json() for person in self.people],
            "remarks": list(self.remarks),
            "tried": list(self.tried),
        }


def look_up(
    index: LineageIndex, around: Surroundings, resolver: Resolver, asked: str, most: int, former: Former
) -> LookedUp:
    """Find what a word may mean; see :meth:`filiation.lineage.Ledger.look_up`."""
    word = asked.strip()
    if not word:
        return LookedUp(word)
    if (orcid := _ORCID.fullmatch(word)) is not None:
        return _person(index, around, word, f"https://orcid.org/{orcid[1].upper()}", most)
    tried: list[str] = [Sentence("path, digest, IRI, OMERO image, run")]
    remarks: list[str] = []
    try:
        found = resolver.find(word)
    except (BadInputError, NotFoundError) as error:  # the start of several names, or of none
        found, remarks = None, [error.message]
    if found is not None:
        return _exact(index, word, found, most)
    if (part := _OBJECT.fullmatch(word)) is not None and (whole := _known(resolver, part["thing"])) is not None:
        of = _exact(index, part["thing"], whole, most)
        return replace(of, asked=word, label=int(part["label"])) if of.thing is not None else replace(of, asked=word)
    if conditions := _conditions(word):
        answer = LookedUp(word, tried=(*tried, Sentence("condition")))
        return _as_asked(index, around, answer, conditions, most, former)
    tried += [Sentence("name of a person"), Sentence("any text of things, jobs and runs")]
    return _by_text(index, around, LookedUp(word, remarks=tuple(remarks), tried=tuple(tried)), most)


def _known(resolver: Resolver, thing: str) -> Resolution | None:
    try:
        return resolver.find(thing)
    except (BadInputError, NotFoundError):
        return None


def _exact(index: LineageIndex, word: str, found: Resolution, most: int) -> LookedUp:
    if found.how == "run":
        # What begins so is one run: its id was written, or the start of it.
        node = index.entities(iri=found.nodes[0])[0]
        return LookedUp(word, run=node.crate.removeprefix("arcp://uuid,").rstrip("/"))
    if found.how == "place" and not word.startswith("/") and not is_uri(word):
        named = index.newest_at(word, most)
        if len({node.place or node.iri for node in named}) > 1:
            return LookedUp(word, things=named, things_in_all=index.how_many_at(word))
    return LookedUp(word, thing=word, remarks=() if found.note is None else (found.note,))


def _conditions(word: str) -> tuple[str, ...]:
    """Take a word for conditions if all of it is; what is no field is a parameter: ``sigma=2``."""
    parts = word.split()
    if not all(_OPERATOR.search(part) for part in parts):
        parts = [word]
    read = tuple(_condition(part) for part in parts)
    return tuple(each for each in read if each is not None) if None not in read else ()


def _condition(text: str) -> str | None:
    operator = _OPERATOR.search(text)
    if operator is None or not _NAMED.fullmatch(text[: operator.start()].strip()) or not text[operator.end() :].strip():
        return None
    written = f"{text[: operator.start()].strip()}{operator[0]}{text[operator.end() :].strip()}"
    for tried in (written, f"parameter.{written}"):
        try:
            return str(read_condition(tried))
        except BadInputError:
            continue
    return None


def _as_asked(
    index: LineageIndex,
    around: Surroundings,
    answer: LookedUp,
    conditions: tuple[str, ...],
    most: int,
    former: Former,
) -> LookedUp:
    asked = tuple(map(read_condition, conditions))
    remarks: list[str] = [Sentence("Asked for: {conditions}.", conditions=Sentence.joined(conditions, AND))]
    found: dict[str, Found] = {}
    for kind in (ACTION, THING):
        if all(condition.applies_to(kind) for condition in asked):
            try:
                with former(asked) as sources:
                    found[kind] = find(index, around, kind, asked, most, sources)
            except (AccessError, BadInputError) as error:
                remarks.append(error.message)
    remarks += dict.fromkeys(remark for each in found.values() for remark in each.remarks)
    return replace(_with(answer, found), remarks=tuple(remarks))


def _by_text(index: LineageIndex, around: Surroundings, answer: LookedUp, most: int) -> LookedUp:
    word = answer.asked
    condition = read_condition(f"text~{json.dumps(word)}")
    found = {kind: find(index, around, kind, (condition,), most) for kind in (ACTION, THING)}
    folded = word.casefold()
    telling = (run for run in index.runs_telling(word) if _tells(run, folded))
    people = tuple(Person(name, runs=runs) for name, runs in index.people(word, most))
    return replace(_with(answer, found), runs=tuple(islice(telling, most)), people=people)


def _person(index: LineageIndex, around: Surroundings, word: str, orcid: str, most: int) -> LookedUp:
    answer = LookedUp(word, tried=("ORCID",))
    conditions: tuple[Condition, ...] = (read_condition(f"agent={json.dumps(orcid)}"),)
    found = _with(answer, {ACTION: find(index, around, ACTION, conditions, most)})
    names = dict.fromkeys(job.agent for job in found.jobs if job.agent is not None)
    counted = {name: dict(index.people(name, most)).get(name, 0) for name in names}
    return replace(found, people=tuple(Person(name, orcid, runs) for name, runs in counted.items()))


def _with(answer: LookedUp, found: dict[str, Found]) -> LookedUp:
    jobs, things = found.get(ACTION), found.get(THING)
    return replace(
        answer,
        jobs=() if jobs is None else tuple(node for node in jobs.nodes if isinstance(node, ActionNode)),
        jobs_in_all=0 if jobs is None else jobs.total,
        things=() if things is None else tuple(node for node in things.nodes if isinstance(node, EntityNode)),
        things_in_all=0 if things is None else things.total,
    )


def _tells(run: RunSummary, folded: str) -> bool:
    told = (run.id, run.workflow, run.agent, run.host, run.folder, run.code, run.doi, run.swhid)
    return any(text is not None and folded in text.casefold() for text in told)
