"""ML Metadata with its SQLite store: files are artifacts, jobs executions, edges events."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as messages

if TYPE_CHECKING:
    from drawn_jobs import Job

MOST_HOPS = 100
"""More are taken as 100 by the store, with a line in its log; an edge is a hop."""


class Peer:
    """A store in one SQLite file; runs are put in by ``put_lineage_subgraph``, each in one call."""

    title = "ML Metadata"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "mlmd.db"
        self.ways = {"get_lineage_subgraph": self.subgraph, "events, level by level": self.levels}

    def open(self) -> None:
        """Open the store."""
        config = messages.ConnectionConfig()
        config.sqlite.filename_uri = str(self._file)
        config.sqlite.connection_mode = messages.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(config)

    def load(self, jobs: Iterable[Job]) -> None:
        """Put in a run at a time: a job's name begins with its run's folder."""
        self.open()
        file = self._store.put_artifact_type(messages.ArtifactType(name="File"))
        rules: dict[str, int] = {}
        number: dict[str, int] = {}
        for _, run in groupby(jobs, lambda job: job.name.partition("#")[0]):
            group = list(run)
            for job in group:
                if job.rule not in rules:
                    rules[job.rule] = self._store.put_execution_type(messages.ExecutionType(name=job.rule))
            new = dict.fromkeys(name for job in group for name in (*job.used, *job.made) if name not in number)
            artifacts = [messages.Artifact(type_id=file, name=name, uri=name) for name in new]
            place = {name: index for index, name in enumerate(new)}
            executions, events = [], []
            for index, job in enumerate(group):
                state = messages.Execution.COMPLETE
                executions.append(messages.Execution(type_id=rules[job.rule], name=job.name, last_known_state=state))
                for names, kind in ((job.used, messages.Event.INPUT), (job.made, messages.Event.OUTPUT)):
                    for name in names:
                        known = {"artifact_id": number[name]} if name in number else {}
                        events.append((index, place.get(name), messages.Event(type=kind, **known)))
            _, numbers, _ = self._store.put_lineage_subgraph(executions, artifacts, [], events)
            number.update(zip(new, numbers, strict=True))

    def subgraph(self, name: str, up: bool) -> set[str]:
        """Ask for the subgraph on one side of an artifact, with its nodes' names."""
        options = messages.LineageSubgraphQueryOptions(max_num_hops=MOST_HOPS)
        options.direction = options.UPSTREAM if up else options.DOWNSTREAM
        options.starting_artifacts.filter_query = f'name = "{name}"'
        found = self._store.get_lineage_subgraph(options, ["artifacts", "executions"])
        return {node.name for node in (*found.artifacts, *found.executions)} - {name}

    def levels(self, name: str, up: bool) -> set[str]:
        """Ask as a user's own loop would, which is not ended after 100 hops: the events of all things of a level."""
        into, out = (
            (messages.Event.OUTPUT, messages.Event.INPUT) if up else (messages.Event.INPUT, messages.Event.OUTPUT)
        )
        asked = self._store.get_artifact_by_type_and_name("File", name).id
        files, executions, level = {asked}, set(), {asked}
        while level:
            events = self._store.get_events_by_artifact_ids(level)
            near = {event.execution_id for event in events if event.type == into} - executions
            executions |= near
            events = self._store.get_events_by_execution_ids(near) if near else []
            level = {event.artifact_id for event in events if event.type == out} - files
            files |= level
        found = self._store.get_artifacts_by_id(files), self._store.get_executions_by_id(executions)
        return {node.name for nodes in found for node in nodes} - {name}

    def names(self, found: Collection[str]) -> Iterable[str]:
        """Return the answer, which is of names."""
        return found
