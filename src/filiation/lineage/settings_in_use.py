"""With which parameters, software and environment each rule works now: what the newest run of a folder did that ran it.

Asked of the index's columns, so that only jobs that differ are read.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue import ActionNode, LineageIndex
from filiation.catalogue.node_facts import ACTIONS
from filiation.lineage.sides import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS: Final = ("parameter.", "software.", "environment.")

_Jobs: TypeAlias = "dict[str, int]"
"""By rule, a bit for each action of a crate."""


class SettingsInUse:
    """What rules work with now, in every folder that several runs ran in.

    Parameters
    ----------
    index
        The index, not to be written to meanwhile.
    """

    def __init__(self, index: LineageIndex) -> None:
        self._index = index
        self._facts = index.facts
        self._folders = index.places.runs_by_folder()
        crates = {number for runs in self._folders.values() for number, _ in runs}
        self._jobs = self._jobs_by_rule(crates)
        self._finished = self._facts.having_value(ACTIONS, "status", "finished")
        self._newest = {
            (folder, rule): run
            for folder, runs in self._folders.items()
            for run in runs
            for rule, jobs in self._jobs[run[0]].items()
            if jobs & self._finished.get(run[0], 0)
        }
        self._read: dict[str, tuple[ActionNode, ...]] = {}

    def now(self, folder: str, rule: str) -> tuple[ActionNode, ...]:
        """Return the finished jobs of the newest run of a folder in which a rule worked."""
        newest = self._newest.get((folder, rule))
        return () if newest is None else tuple(job for job in self.of(newest[1], rule) if job.status == "finished")

    def of(self, crate: str, rule: str) -> tuple[ActionNode, ...]:
        """Return the jobs of a rule in a crate."""
        if crate not in self._read:
            self._read[crate] = self._index.actions(crate=crate)
        return tuple(job for job in self._read[crate] if rule_of(job) == rule)

    def differing(self) -> Iterator[int]:
        """Yield the numbers of the jobs that have a setting that no job of the same rule has now."""
        columns = [column for field in _SETTINGS for column in self._facts.columns(ACTIONS, field)]
        told: dict[int, list[tuple[int, int]]] = {}
        for folder, runs in self._folders.items():
            for number, _ in runs:
                differing = 0
                for rule, jobs in self._jobs[number].items():
                    newest = self._newest.get((folder, rule))
                    if newest is None or newest[0] == number:
                        continue
                    for crate in (number, newest[0]):
                        if crate not in told:
                            told[crate] = self._facts.told_in(crate, columns)
                    now = {value for value, nodes in told[newest[0]] if nodes & self._jobs[newest[0]][rule]}
                    for value, nodes in told[number]:
                        differing |= 0 if value in now else nodes & jobs
                if differing:
                    yield from self._facts.numbers(ACTIONS, number, differing)

    def _jobs_by_rule(self, crates: set[int]) -> dict[int, _Jobs]:
        """Return the jobs of each rule in some crates."""
        jobs: dict[int, _Jobs] = defaultdict(dict)
        for column in self._facts.columns(ACTIONS, "rule"):
            for value, rule in self._facts.values(column):
                for crate, bits in self._facts.having((value,)).items():
                    if crate in crates:
                        jobs[crate][str(rule)] = bits
        for crate, every in self._facts.all(ACTIONS).items():
            unnamed = every & ~sum(jobs[crate].values()) if crate in crates else 0
            for place in range(unnamed.bit_length()):
                if unnamed >> place & 1:  # as other engines may leave it
                    (job,) = self._facts.nodes(ACTIONS, crate, 1 << place)
                    rule = rule_of(job) if isinstance(job, ActionNode) else ""
                    jobs[crate][rule] = jobs[crate].get(rule, 0) | 1 << place
        return jobs
