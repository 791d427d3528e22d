"""What is no longer what its workflow would make: inputs, code, parameters or software have changed since.

Judged by what the catalogue knows, and by what lies on disk now. A thing that descends from a stale one is stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from filiation.catalogue import CODE, GENERATED, USED, ActionNode, EntityNode, Joining, LineageIndex, RunSummary
from filiation.catalogue.sites import is_elsewhere
from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.lineage import words
from filiation.lineage.observations import Observation, Observations
from filiation.lineage.sides import rule_of
from filiation.lineage.walk import descendants
from filiation.model import Digest

INPUT: Final = "input"
CODE_CHANGED: Final = "code"
PARAMETERS: Final = "parameters"
SOFTWARE: Final = "software"
INHERITED: Final = "inherited"


class StaleFinder:
    """Looks for what is stale.

    Parameters
    ----------
    index, joining
        Lineage within runs, and between them.
    cache
        Path of the digest cache; None if the disk is not to be looked at.
    """

    def __init__(self, index: LineageIndex, joining: Joining, cache: Path | None) -> None:
        self._index = index
        self._joining = joining
        self._cache = cache
        self._runs = {run.iri: run for run in index.runs()}
        self._on_disk: dict[str, Digest | None] = {}
        self._newest_jobs: dict[tuple[str, str], list[ActionNode]] = {}
        self._changed: dict[str, list[tuple[str, str]]] = {}

    def find(self, only: Iterable[str] | None = None) -> Observations:
        """Return what is stale, with every reason.

        Parameters
        ----------
        only
            IRIs of things; None for all that are the newest at their place.
        """
        self._newest_jobs = self._jobs_of_newest_runs()
        current = self._current()
        wanted = None if only is None else set(only)
        reasons: dict[str, list[tuple[str, str]]] = {}
        for entity in sorted(current.values(), key=lambda found: (self._joining.began(found), found.iri)):
            reasons[entity.iri] = self._reasons(entity)
        inherited = self._inherited(current, reasons)
        found = []
        for entity in current.values():
            if wanted is not None and entity.iri not in wanted:
                continue
            for kind, detail in (*reasons[entity.iri], *inherited.get(entity.iri, ())):
                found.append(Observation(kind, entity.path, detail, (entity.iri,), (entity.crate,)))
        found.sort(key=lambda each: (each.kind == INHERITED, each.what, each.kind, each.detail))
        looked_at = len(current if wanted is None else wanted & {entity.iri for entity in current.values()})
        return Observations("What would be made otherwise today?", tuple(found), looked_at)

    def _current(self) -> dict[str, EntityNode]:
        """Return what was made last at each place."""
        newest: dict[str, EntityNode] = {}
        for run in sorted(self._runs.values(), key=_began):
            for entity in self._index.entities(crate=run.iri):
                if entity.generated and entity.presence != "deleted":
                    newest[entity.place or entity.iri] = entity
        return newest

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
                    yield kind, f"{entity.path} {change}"

    def _change_of(self, entity: EntityNode) -> str | None:
        if entity.digest is None or entity.place is None:
            return None
        began = self._joining.began(entity)
        later = [
            other
            for other in self._index.entities(place=entity.place)
            if self._joining.began(other) > began and other.digest is not None
        ]
        if later:
            newest = max(later, key=lambda other: (self._joining.began(other), other.iri))
            if newest.digest != entity.digest:
                done = "was made anew by" if newest.generated else "was other when used by"
                return f"{done} run {words.run_name(newest.crate)}"
        now = self._digest_now(entity)
        if now is not None and now != entity.digest:
            return "is other on disk now"
        return None

    def _digest_now(self, entity: EntityNode) -> Digest | None:
        place = entity.place
        if self._cache is None or place is None or is_elsewhere(place):
            return None
        if place not in self._on_disk:
            with DigestCache(self._cache) as cache:
                path = Path(place)
                try:
                    if path.is_dir():
                        self._on_disk[place] = digest_tree(path, cache=cache).digest
                    else:
                        self._on_disk[place] = digest_file(path, cache=cache) if path.is_file() else None
                except OSError:
                    self._on_disk[place] = None  # what cannot be read says nothing; `check` tells of it
        return self._on_disk[place]

    def _jobs_of_newest_runs(self) -> dict[tuple[str, str], list[ActionNode]]:
        """Return the finished jobs of the newest run that has some, by folder and rule."""
        newest: dict[tuple[str, str], list[ActionNode]] = {}
        for run in sorted(self._runs.values(), key=_began):
            jobs: dict[tuple[str, str], list[ActionNode]] = defaultdict(list)
            for action in self._index.actions(crate=run.iri):
                if action.status == "finished" and run.folder is not None:
                    jobs[run.folder, rule_of(action)].append(action)
            newest |= jobs
        return newest

    def _of_settings(self, action: ActionNode) -> Iterator[tuple[str, str]]:
        """Tell what the same rule has used in a later run of the same folder, and no job of the action's own run."""
        run = self._runs.get(action.crate)
        if run is None or run.folder is None:
            return
        newest = self._newest_jobs.get((run.folder, rule_of(action)), [])
        if not newest or newest[0].crate == action.crate:
            return
        own = [each for each in self._index.actions(crate=run.iri) if rule_of(each) == rule_of(action)]
        later = f"in run {words.run_name(newest[0].crate)}"
        yield from self._differing(PARAMETERS, action, own, newest, _parameters, later)
        yield from self._differing(SOFTWARE, action, own, newest, _software, later)

    @staticmethod
    def _differing(
        kind: str,
        action: ActionNode,
        own: list[ActionNode],
        newest: list[ActionNode],
        told: Callable[[ActionNode], dict[str, str]],
        later: str,
    ) -> Iterator[tuple[str, str]]:
        for name, value in told(action).items():
            now = {told(each)[name] for each in newest if name in told(each)}
            before = {told(each)[name] for each in own if name in told(each)}
            if now and value not in now and now - before:
                yield kind, f"{name} = {value}, and {', '.join(sorted(now))} {later}"

    def _inherited(
        self, current: dict[str, EntityNode], reasons: dict[str, list[tuple[str, str]]]
    ) -> dict[str, list[tuple[str, str]]]:
        """Return, for what is not stale itself, the stale thing that it descends from by the shortest way."""
        origin = {entity.iri: entity.path for entity in current.values() if reasons[entity.iri]}
        following: dict[str, list[str]] = defaultdict(list)
        for edge in sorted(descendants(self._index, self._joining, origin).edges):
            if edge.role != CODE:
                following[edge.src].append(edge.dst)
        inherited: dict[str, list[tuple[str, str]]] = {}
        waiting = sorted(origin)
        for iri in waiting:  # grows as it goes: breadth first
            for later in following[iri]:
                if later not in origin:
                    origin[later] = origin[iri]
                    waiting.append(later)
                    if later in reasons:
                        inherited[later] = [(INHERITED, f"descends from {origin[iri]}")]
        return inherited


def _began(run: RunSummary) -> tuple[float, str]:
    return (run.started.timestamp() if run.started is not None else float("-inf"), run.iri)


def _parameters(action: ActionNode) -> dict[str, str]:
    return {parameter.name: parameter.value.json for parameter in action.parameters}


def _software(action: ActionNode) -> dict[str, str]:
    told = {program.name: program.version for program in action.software if program.version is not None}
    return told | dict(action.environment)
