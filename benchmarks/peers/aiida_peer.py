"""AiiDA with its SQLite storage: files are data nodes, jobs calculations; links in and out of calculations."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from drawn_jobs import Job, things_of


class Peer:
    """A profile of AiiDA in a folder.

    Nodes and links are put in by the storage's own ``bulk_insert``, which its archives' import uses too.
    """

    title = "AiiDA"

    def __init__(self, folder: Path) -> None:
        os.environ["AIIDA_PATH"] = str(folder)
        self._storage = folder / "storage"
        self.ways = {"QueryBuilder": self.query, "traverse_graph": self.traverse}

    def open(self) -> None:
        """Load the profile."""
        from aiida import load_profile
        from aiida.manage.configuration import Profile

        storage = {"backend": "core.sqlite_dos", "config": {"filepath": str(self._storage)}}
        self._profile = Profile("peers", {"storage": storage, "process_control": {"backend": None, "config": {}}})
        if not self._storage.exists():
            self._profile.storage_cls.initialise(self._profile)
        load_profile(self._profile)

    def load(self, jobs: Iterable[Job]) -> None:
        """Put in all nodes, then all links."""
        self.open()
        from aiida.manage import get_manager
        from aiida.orm import CalcJobNode, RemoteData, User
        from aiida.orm.entities import EntityTypes

        user = User("someone@example.org").store()
        backend = get_manager().get_profile_storage()
        drawn = list(jobs)
        rows = [
            {
                "label": job.name, "node_type": CalcJobNode.class_node_type, "process_type": job.rule,
                "user_id": user.pk, "ctime": job.began, "mtime": job.ended,
                "attributes": {"process_label": job.rule, "process_state": "finished", "exit_status": 0},
            }
            for job in drawn
        ]  # fmt: skip
        rows += [
            {
                "label": name, "node_type": RemoteData.class_node_type, "user_id": user.pk,
                "attributes": {"remote_path": name},
            }
            for name in things_of(drawn)
        ]  # fmt: skip
        names = [row["label"] for row in rows]
        with backend.transaction():
            number = dict(zip(names, backend.bulk_insert(EntityTypes.NODE, rows, allow_defaults=True), strict=True))
            links = [
                {"input_id": number[name], "output_id": number[job.name], "label": f"input_{n}", "type": "input_calc"}
                for job in drawn
                for n, name in enumerate(job.used)
            ]
            links += [
                {"input_id": number[job.name], "output_id": number[name], "label": f"output_{n}", "type": "create"}
                for job in drawn
                for n, name in enumerate(job.made)
            ]
            backend.bulk_insert(EntityTypes.LINK, links, allow_defaults=True)

    def query(self, name: str, up: bool) -> list[str]:
        """Ask the way of its documentation; see "How to find and query for data"."""
        from aiida.orm import Node, QueryBuilder

        wanted = QueryBuilder().append(Node, filters={"label": name}, tag="asked")
        direction = {"with_descendants": "asked"} if up else {"with_ancestors": "asked"}
        return wanted.append(Node, project="label", **direction).distinct().all(flat=True)

    def traverse(self, name: str, up: bool) -> set[int]:
        """Follow the links by its rules of traversal, by which it exports and deletes."""
        from aiida.common.links import LinkType
        from aiida.orm import Node, QueryBuilder
        from aiida.tools.graph.graph_traversers import traverse_graph

        asked = QueryBuilder().append(Node, filters={"label": name}, project="id").first(flat=True)
        direction = {"links_backward" if up else "links_forward": [LinkType.INPUT_CALC, LinkType.CREATE]}
        return traverse_graph([asked], **direction)["nodes"] - {asked}

    def names(self, found: Collection[str | int]) -> Iterable[str]:
        """Return the labels of nodes that are told by number."""
        from aiida.orm import Node, QueryBuilder

        if not found or isinstance(next(iter(found)), str):
            return found
        number = dict(QueryBuilder().append(Node, project=["id", "label"]).all())
        return [number[one] for one in found]
