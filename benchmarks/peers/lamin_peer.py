"""LaminDB with a local SQLite instance: files are artifacts, jobs runs, rules transforms."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from drawn_jobs import Job, things_of

MANY = 5_000
"""Records in one call: SQLite's limit of variables is at 250,000."""
REGISTRATION = "registration"
"""Name of the runs that registered what no job made: LaminDB finds nothing downstream of a thing without a run."""


class Peer:
    """An instance in a folder, without an account; records are put in by Django's ``bulk_create`` of its registries."""

    title = "LaminDB"

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        os.environ["LAMIN_SETTINGS_DIR"] = str(self._folder / "settings")
        self.ways = {"view_lineage's queries": self.view, "a query a level": self.levels}

    def open(self) -> None:
        """Connect to the instance, which belongs to a folder."""
        import lamindb_setup

        os.chdir(self._folder)
        if (self._folder / "store").exists():
            lamindb_setup.connect("peers")
        else:
            lamindb_setup.init(storage=str(self._folder / "store"), name="peers")
        import lamindb

        lamindb.settings.verbosity = "error"
        self._lamin = lamindb

    def load(self, jobs: Iterable[Job]) -> None:
        """Put in transforms, runs, artifacts, and what runs read, in this order."""
        self.open()
        from lamindb.base.uids import base62

        lamin, drawn = self._lamin, list(jobs)
        rules = {rule: lamin.Transform(key=f"{rule}.py", kind="script").save() for rule in {job.rule for job in drawn}}
        runs = {
            job.name: _record(
                lamin.Run, uid=base62(16), name=job.name, transform_id=rules[job.rule].id, started_at=job.began,
                finished_at=job.ended, created_by_id=1, _status_code=0,
            )
            for job in drawn
        }  # fmt: skip
        lamin.Run.objects.bulk_create(runs.values(), MANY)
        run_of = dict(lamin.Run.objects.values_list("name", "id"))
        things = things_of(drawn)
        script = lamin.Transform(key="register.py", kind="script").save()
        registered = [
            _record(
                lamin.Run, uid=base62(16), name=REGISTRATION, reference=name, transform_id=script.id,
                started_at=drawn[0].began, created_by_id=1, _status_code=0,
            )
            for name, job in things.items()
            if job is None
        ]  # fmt: skip
        lamin.Run.objects.bulk_create(registered, MANY)
        registered_by = dict(lamin.Run.objects.filter(name=REGISTRATION).values_list("reference", "id"))
        storage = lamin.Storage.objects.first().id
        artifacts = [
            _record(
                lamin.Artifact, uid=base62(20), key=name, storage_id=storage, suffix=".tif", created_by_id=1,
                run_id=run_of[job.name] if job else registered_by[name], _key_is_virtual=True,
                _overwrite_versions=False,
            )
            for name, job in things.items()
        ]  # fmt: skip
        lamin.Artifact.objects.bulk_create(artifacts, MANY)
        artifact_of = dict(lamin.Artifact.objects.values_list("key", "id"))
        read = lamin.Artifact.input_of_runs.through
        read.objects.bulk_create(
            (read(run_id=run_of[job.name], artifact_id=artifact_of[name]) for job in drawn for name in job.used), MANY
        )

    def view(self, name: str, up: bool) -> set[Any]:
        """Ask as ``Artifact.view_lineage()`` does before it draws: up or down, without the other direction."""
        from lamindb.models import has_parents

        asked = self._lamin.Artifact.get(key=name)
        gathered = (has_parents._get_all_parent_runs if up else has_parents._get_all_child_runs)(asked)
        found = {
            record for pair in gathered for side in pair for record in (side if isinstance(side, list) else [side])
        }
        return found - {asked}

    def levels(self, name: str, up: bool) -> set[Any]:
        """Ask as a careful user's own loop over the registries would: all runs of a level in one query."""
        lamin = self._lamin
        asked = lamin.Artifact.get(key=name)
        runs: set[Any] = set()
        artifacts, level = {asked}, [asked]
        while level:
            if up:
                near = set(_in_parts(lamin.Run.objects, "id", {one.run_id for one in level if one.run_id}))
            else:
                near = set(_in_parts(lamin.Run.objects, "input_artifacts", {one.id for one in level}))
            near -= runs
            runs |= near
            follow = "input_of_runs" if up else "run"
            level = list(set(_in_parts(lamin.Artifact.objects, follow, {run.id for run in near})) - artifacts)
            artifacts.update(level)
        return (runs | artifacts) - {asked}

    def names(self, found: Collection[Any]) -> Iterable[str]:
        """Return runs' names and artifacts' keys, without the runs that registered things."""
        names = [one.name if isinstance(one, self._lamin.Run) else one.key for one in found]
        return [name for name in names if name != REGISTRATION]


def _record(registry: Any, **values: Any) -> Any:
    """Make a record of a registry as if it were read from the database: without looking anything up for it."""
    given = {field.attname: field.get_default() for field in registry._meta.concrete_fields}
    return registry(*(given | values).values())


def _in_parts(records: Any, field: str, numbers: set[int]) -> Iterator[Any]:
    some = sorted(numbers)
    for start in range(0, len(some), MANY):
        yield from records.filter(**{f"{field}__in": some[start : start + MANY]})
