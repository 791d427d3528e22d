"""What is no longer what its workflow would make: inputs, code, parameters or software have changed since.

Judged by what the catalogue knows, and by what lies on disk now. A thing that descends from a stale one is stale. What
may be stale is told by columns and places of the index, without reading a node; what was so found is then judged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, GENERATED, ROLES, USED, ActionNode, EntityNode, Joining, LineageIndex
from filiation.catalogue.node_facts import THINGS
from filiation.catalogue.sites import is_elsewhere
from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.lineage import words
from filiation.lineage.gaps import WHOLE, Page
from filiation.lineage.observations import Observation, Observations
from filiation.lineage.settings_in_use import SettingsInUse
from filiation.lineage.sides import rule_of
from filiation.lineage.walk import ancestors
from filiation.model import Digest
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from filiation.catalogue.index_facts import Hits

INPUT: Final = "input"
CODE_CHANGED: Final = "code"
PARAMETERS: Final = "parameters"
SOFTWARE: Final = "software"
INHERITED: Final = "inherited"

_INTO_JOB: Final = (ROLES.index(USED), ROLES.index(CODE))
_OUT_OF_JOB: Final = ROLES.index(GENERATED)
_CODE: Final = ROLES.index(CODE)


class StaleFinder:
    """Looks for what is stale.

    Parameters
    ----------
    index, joining
        Lineage within runs, and between them.
    cache
        The digest cache; None if the disk is not to be looked at.
    """

    def __init__(self, index: LineageIndex, joining: Joining, cache: DigestCache | None) -> None:
        self._index = index
        self._joining = joining
        self._cache = cache
        self._on_disk: dict[str, Digest | None] = {}
        self._changed: dict[str, list[tuple[str, str]]] = {}
        self._seen_at: dict[str, tuple[EntityNode, ...]] = {}

    @cached_property
    def _deleted(self) -> Hits:
        return self._index.facts.having_value(THINGS, "presence", "deleted")

    @cached_property
    def _settings(self) -> SettingsInUse:
        return SettingsInUse(self._index)

    def find(self, only: Iterable[str] | None = None, page: Page = WHOLE) -> Observations:
        """Return what is stale, with every reason; last what descends from it, sorted by IRI.

        Parameters
        ----------
        only
            IRIs of things; None for all that are the newest at their place.
        page
            Which lines to tell; the counts are of all.
        """
        title = "What would be made otherwise today?"
        if only is None:
            stale, inherited = self._all()
            looked_at = self._index.facts.made()
        else:
            stale, inherited, looked_at = self._among(set(only))
        told = [
            Observation(kind, entity.path, detail, (entity.iri,), (entity.crate,))
            for entity, reasons in stale
            for kind, detail in reasons
        ]
        told.sort(key=lambda each: (each.what, each.kind, each.detail))
        lines = len(told) + len(inherited)
        counts = Observations(title, tuple(told)).counts | ({INHERITED: len(inherited)} if inherited else {})
        found = [each for line, each in enumerate(told) if line in page]
        found += self._descended(inherited, page, len(told))
        return Observations(title, tuple(found), looked_at, counts, lines)

    def _all(self) -> tuple[list[tuple[EntityNode, list[tuple[str, str]]]], dict[int, str]]:
        """Return what is stale with its reasons, and what descends from it: numbers, with the path of what from."""
        jobs = self._readers(self._index.places.overtaken()) | set(self._settings.differing()) | self._by_disk()
        stale = self._judged(self._current(self._outputs(jobs)))
        reached = self._inheriting(stale)
        current = set(self._current(reached))
        return stale, {number: path for number, path in reached.items() if number in current}

    def _among(self, wanted: set[str]) -> tuple[list[tuple[EntityNode, list[tuple[str, str]]]], dict[int, str], int]:
        """Return the same of some things, by what they descend from; and of how many."""
        before = set(ancestors(self._index, self._joining, wanted).numbers.values())
        stale = self._judged(self._current(before))
        asked = set(self._index.numbers_of(wanted).values())
        reached = self._inheriting(stale, before)
        current = set(self._current(asked))
        stale = [(entity, reasons) for entity, reasons in stale if entity.iri in wanted]
        return stale, {number: path for number, path in reached.items() if number in current}, len(current)

    def _readers(self, things: Collection[int]) -> set[int]:
        """Return the jobs that read things or ran them."""
        steps = self._index.adjacency().steps(things, up=False)
        return {other for _, other, role, _ in steps if role in _INTO_JOB}

    def _outputs(self, jobs: Collection[int]) -> set[int]:
        steps = self._index.adjacency().steps(jobs, up=False)
        return {other for _, other, role, _ in steps if role == _OUT_OF_JOB}

    def _current(self, numbers: Collection[int]) -> list[int]:
        """Return those of some things that were made last at their place, and not deleted since."""
        facts = self._index.facts
        made = facts.placed(THINGS, self._index.places.made_last(numbers))
        return [
            number
            for crate, bits in made.items()
            for number in facts.numbers(THINGS, crate, bits & ~self._deleted.get(crate, 0))
        ]

    def _judged(self, numbers: Collection[int]) -> list[tuple[EntityNode, list[tuple[str, str]]]]:
        """Read things, and return those that are stale for reasons of their own, with these."""
        made = (
            entity for things, _ in self._index.nodes(list(numbers)).values() for entity in things if entity.generated
        )
        judged = ((entity, self._reasons(entity)) for entity in made)
        return [(entity, reasons) for entity, reasons in judged if reasons]

    def _reasons(self, entity: EntityNode) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for edge in self._index.edges_into(entity.iri):
            for action in self._index.actions(iri=edge.src) if edge.role == GENERATED else ():
                found += self._of_action(action)
        return list(dict.fromkeys(found))

    def _of_action(self, action: ActionNode) -> list[tuple[str, str]]:
        if action.iri not in self._changed:
            self._changed[action.iri] = [*self._of_sources(action), *self._of_settings(action)]
        return self._changed[action.iri]

    def _of_sources(self, action: ActionNode) -> Iterator[tuple[str, str]]:
        """Tell of inputs and scripts that are other bytes now."""
        for edge in self._index.edges_into(action.iri):
            if edge.role not in (USED, CODE):
                continue
            seen = [entity for entity in self._index.entities(iri=edge.src) if entity.crate == action.crate]
            for entity in seen:
                kind = CODE_CHANGED if edge.role == CODE or entity.kind == CODE else INPUT
                change = self._change_of(entity)
                if change is not None:
                    yield kind, Sentence.joined((entity.path, change))

    def _change_of(self, entity: EntityNode) -> str | None:
        if entity.digest is None or entity.place is None:
            return None
        if entity.place not in self._seen_at:
            self._seen_at[entity.place] = self._index.entities(place=entity.place)
        began = self._joining.began(entity)
        later = [
            other
            for other in self._seen_at[entity.place]
            if self._joining.began(other) > began and other.digest is not None
        ]
        if later:
            newest = max(later, key=lambda other: (self._joining.began(other), other.iri))
            if newest.digest != entity.digest:
                run = words.run_name(newest.crate)
                if newest.generated:
                    return Sentence("was made anew by run {run}", run=run)
                return Sentence("was other when used by run {run}", run=run)
        now = self._digest_now(entity.place)
        if now is not None and now != entity.digest:
            return Sentence("is other on disk now")
        return None

    def _by_disk(self) -> set[int]:
        """Return the jobs that read what is other on disk now than the newest run that knows it saw there."""
        if self._cache is None:
            return set()
        changed: set[int] = set()
        for place, seen in self._index.places.read_last():
            if Path(place).exists() and self._current(self._outputs(self._readers(seen))):
                now = self._digest_now(place)
                changed.update(thing for thing, digest in seen.items() if now is not None and str(now) != digest)
        return self._readers(changed)

    def _digest_now(self, place: str) -> Digest | None:
        if self._cache is None or is_elsewhere(place):
            return None
        if place not in self._on_disk:
            path = Path(place)
            try:
                if path.is_dir():
                    self._on_disk[place] = digest_tree(path, cache=self._cache).digest
                else:
                    self._on_disk[place] = digest_file(path, cache=self._cache) if path.is_file() else None
            except OSError:
                self._on_disk[place] = None  # what cannot be read says nothing; `check` tells of it
        return self._on_disk[place]

    def _of_settings(self, action: ActionNode) -> Iterator[tuple[str, str]]:
        """Tell what the same rule has used in a later run of the same folder, and no job of the action's own run."""
        run = self._index.run(action.crate)
        if run is None or run.folder is None:
            return
        newest = self._settings.now(run.folder, rule_of(action))
        if not newest or newest[0].crate == action.crate:
            return
        own = self._settings.of(action.crate, rule_of(action))
        later = words.run_name(newest[0].crate)
        yield from self._differing(PARAMETERS, action, own, newest, _parameters, later)
        yield from self._differing(SOFTWARE, action, own, newest, _software, later)

    @staticmethod
    def _differing(
        kind: str,
        action: ActionNode,
        own: tuple[ActionNode, ...],
        newest: tuple[ActionNode, ...],
        told: Callable[[ActionNode], dict[str, str]],
        later: str,
    ) -> Iterator[tuple[str, str]]:
        for name, value in told(action).items():
            before = {told(each)[name] for each in own if name in told(each)}
            if kind == PARAMETERS and len(before) > 1:
                continue  # as samples differ in it, what a job of another sample used says nothing of this one
            now = {told(each)[name] for each in newest if name in told(each)}
            if now and value not in now and now - before:
                yield (
                    kind,
                    Sentence(
                        "{name} = {value}, and {now} in run {later}",
                        name=name, value=value, now=tuple(sorted(now)), later=later,
                    ),
                )  # fmt: skip

    def _inheriting(
        self, stale: Iterable[tuple[EntityNode, list[tuple[str, str]]]], within: Collection[int] | None = None
    ) -> dict[int, str]:
        """Return what descends from stale things and is not stale itself, with the path of the nearest of them.

        Of several that are as near, the first by its IRI; ``within`` is where to walk, None for everywhere.
        """
        adjacency = self._index.adjacency()
        path_of = {entity.iri: entity.path for entity, _ in stale}
        order = sorted(path_of)
        numbers = self._index.numbers_of(order)
        origin = {numbers[iri]: rank for rank, iri in enumerate(order)}
        level = set(origin)
        while level:
            reached: dict[int, int] = {}
            for near, far, role, _ in adjacency.steps(level, up=False):
                if role != _CODE and far not in origin and (within is None or far in within):
                    reached[far] = min(origin[near], reached.get(far, len(order)))
            origin |= reached
            level = set(reached)
        themselves = set(numbers.values())
        return {number: path_of[order[rank]] for number, rank in origin.items() if number not in themselves}

    def _descended(self, inherited: dict[int, str], page: Page, first: int) -> Iterator[Observation]:
        """Tell what descends from stale things, as far as it is on a page whose first line of these is given."""
        names = self._index.adjacency().names(inherited)
        order = sorted(inherited, key=names.__getitem__)
        wanted = [number for line, number in enumerate(order, first) if line in page]
        seen = self._index.nodes(wanted)
        for number in wanted:
            made = next(entity for entity in seen[names[number]][0] if entity.generated)
            detail = Sentence("descends from {inherited}", inherited=inherited[number])
            yield Observation(INHERITED, made.path, detail, (made.iri,), (made.crate,))


def _parameters(action: ActionNode) -> dict[str, str]:
    return {parameter.name: parameter.value.json for parameter in action.parameters}


def _software(action: ActionNode) -> dict[str, str]:
    told = {program.name: program.version for program in action.software if program.version is not None}
    return told | dict(action.environment)
