"""From what a person names, a path, a digest, an IRI or the start of one, to the things of the catalogue."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import EntityNode, Joining, LineageIndex, RunSummary
from filiation.catalogue.sites import is_elsewhere
from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.lineage.missing import Missing, ambiguous, shown_digest
from filiation.lineage.omero_names import OmeroObjects, omero_name
from filiation.model import Digest, DigestKind, EntityKind, crate_path, is_uri, object_iri
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST_PREFIX: Final = 6
_MOST_AT_PATH: Final = 100
"""Runs that are looked at where a path is that of many."""
_HEX: Final = re.compile(r"[0-9a-f]+")
_RUN: Final = re.compile(r"[0-9a-f][0-9a-f-]*")
_IN_RUN: Final = re.compile(r"(?P<run>[0-9a-f]{8}[0-9a-f-]{0,28}):(?P<rest>[^:].*)", re.DOTALL)
_PREFIXED: Final = re.compile(rf"({'|'.join(DigestKind)}):([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person's word stands for.

    Parameters
    ----------
    thing
        The word.
    how
        What it was taken for: ``path``, ``place``, ``digest``, ``IRI``, ``OMERO``, ``run``.
    nodes
        IRIs of everything it stands for, sorted: where ``impact`` starts.
    origins
        IRIs of those among them to ask for ancestors of, the most telling first: where ``trace`` starts.
    digest
        The digest that they share, if they were found by one.
    note
        How it was found, where that needs saying.
    """

    thing: str
    how: str
    nodes: tuple[str, ...]
    origins: tuple[str, ...]
    digest: Digest | None = None
    note: str | None = None


class Resolver:
    """Finds things in an index.

    Parameters
    ----------
    index, joining
        Where to look.
    cache
        Path of the digest cache.
    home
        The folder that the catalogue stands in: runs of a folder that has been moved are looked for here.
    on_disk
        Whether a path is looked for on disk, and known by its bytes; else by what was recorded there.
    past
        Whether the index tells what was known once: what has other bytes now is then what was recorded there.
    """

    def __init__(
        self,
        index: LineageIndex,
        joining: Joining,
        cache: Path,
        home: Path,
        *,
        on_disk: bool = True,
        past: bool = False,
    ) -> None:
        self._index = index
        self._joining = joining
        self._cache = cache
        self._home = home
        self._on_disk = on_disk
        self._past = past
        self._missing = Missing(index, joining)

    def resolve(self, thing: str) -> Resolution:
        """Find what ``thing`` stands for.

        Raises
        ------
        NotFoundError
            If the catalogue has nothing of that name and content.
        ChangedError
            If the path is known, but what is there now was never recorded.
        BadInputError
            If it is the start of several names; the message lists them.
        """
        if not thing.strip():
            raise BadInputError(Sentence("Nothing was named. Name a path, a digest, an IRI or a run."))
        found = self.find(thing)
        if found is None:
            raise NotFoundError(self._missing.nothing(thing))
        return found

    def find(self, thing: str) -> Resolution | None:
        """Find what ``thing`` stands for; None if it looks like no digest or run, and is no name that is known.

        Raises as :meth:`resolve`, but does not look for names that are much like it.
        """
        if not _is_a_name(thing):
            raise BadInputError(
                Sentence(
                    "{thing!r} is no name: no path, digest, IRI or run holds a NUL or half a character.",
                    thing=thing[:200],
                )
            )
        return (
            self._by_written_digest(thing)
            or self._by_place_in_run(thing)
            or self._by_omero(thing)
            or self._by_iri(thing)
            or (self._by_path(thing) if self._on_disk else self._by_recorded_path(thing))
            or self._by_prefix(thing.lower())
        )

    def records_at(self, thing: str) -> tuple[EntityNode, ...]:
        """Return what was recorded at a path whatever is there now, at the tree around it, or below it if a folder."""
        if is_uri(thing):
            return ()
        places = self._places(Path(thing))
        around = [place for start in places for place in (start, *map(str, Path(start).parents))]
        for place in around:
            seen = self._index.entities(place=place)
            if seen and (place in places or any(entity.files is not None for entity in seen)):
                return seen
        if not Path(thing).is_dir():
            return ()
        below = {(entity.iri, entity.crate): entity for place in places for entity in self._index.entities_below(place)}
        return tuple(entity for _, entity in sorted(below.items()))

    def run(self, text: str) -> RunSummary:
        """Find the run whose id starts with ``text``.

        Raises
        ------
        NotFoundError
            If there is none.
        BadInputError
            If there are several.
        """
        wanted = text.lower().removeprefix("arcp://uuid,").rstrip("/")
        runs = list(self._index.runs_like(wanted)) if _RUN.fullmatch(wanted) else []
        exact = [run for run in runs if run.id == wanted]
        if len(exact or runs) == 1:
            return (exact or runs)[0]
        if not runs:
            raise NotFoundError(
                Sentence("No run {text!r} in the catalogue. `filiation runs` lists those that are there.", text=text)
            )
        raise ambiguous(text, [Sentence("run {run}", run=run.id) for run in runs])

    def run_or_thing(self, text: str) -> RunSummary | Resolution:
        """Find a run by the start of its id, else what ``text`` stands for; raises as :meth:`resolve`."""
        wanted = text.lower().removeprefix("arcp://uuid,").rstrip("/")
        is_run = _RUN.fullmatch(wanted) and bool(self._index.runs_like(wanted))
        if is_run and not os.path.lexists(text) and not (_HEX.fullmatch(wanted) and self._index.digests_like(wanted)):
            return self.run(text)  # one that failed made nothing to be found by, and yet can be compared
        return self.resolve(text)

    def _by_written_digest(self, thing: str) -> Resolution | None:
        match = _PREFIXED.fullmatch(thing.lower().removeprefix("urn:filiation:"))
        if thing.startswith("ni:///sha-256;"):
            digest = Digest.from_text(thing)
        elif match is None:
            return None
        elif len(match[2]) == 64:
            digest = Digest(DigestKind(match[1]), match[2])
        else:
            return self._by_digest_prefix(thing, match[2], kind=match[1])
        found = self._of_digest(thing, digest, None)
        if found is None:
            raise NotFoundError(self._missing.digest(digest))
        return found

    def _by_place_in_run(self, thing: str) -> Resolution | None:
        """Find ``5187c038:results/nuclei.ome.zarr``: what that run saw there, as answers name it in short."""
        match = _IN_RUN.fullmatch(thing)
        if match is None:
            return None
        run = self.run(match["run"])
        rest = match["rest"]
        inside = rest if rest.startswith(("#", "work/", "outside/")) else crate_path(rest)
        found = self._by_iri(run.iri + inside)
        if found is None:
            raise NotFoundError(
                Sentence(
                    "Run {run} has nothing at {rest!r}. `filiation show {short}` lists what it has.",
                    run=run.id,
                    rest=rest,
                    short=match["run"],
                )
            )
        return found

    def _by_iri(self, thing: str) -> Resolution | None:
        if not is_uri(thing):
            return None
        iri, seen = thing, self._index.entities(iri=thing)
        if not seen and thing.startswith("arcp://"):  # a tree is written with a final slash, and known without
            iri = thing.rstrip("/")
            seen = self._index.entities(iri=iri)
        if not seen:  # s3://lab/raw data.txt, as a workflow names it
            iri = object_iri(thing)
            seen = self._index.entities(iri=iri)
        if seen or self._index.actions(iri=iri):
            return Resolution(thing, "IRI", tuple(sorted(self._joining.alike(seen) | {iri})), (iri,))
        if thing.startswith("arcp://uuid,") and self._index.run(f"{iri.rstrip('/')}/") is not None:
            return self._of_run(thing, self.run(iri))
        return None

    def _by_omero(self, thing: str) -> Resolution | None:
        """Find an object in OMERO, however it is named, under every name that its server is known by."""
        name = omero_name(thing)
        if name is None or (name.kind != "Image" and self._index.entities(iri=thing)):
            return None
        objects = OmeroObjects(self._index)
        known = objects.find(name) if name.kind == "Image" else objects.inside(name)
        seen = [entity for iri in known.iris for entity in self._index.entities(iri=iri)]
        alike = self._joining.alike(seen)
        note = " ".join(known.notes) or None
        return Resolution(thing, "OMERO", tuple(sorted(alike | set(known.iris))), known.iris, None, note)

    def _by_path(self, thing: str) -> Resolution | None:
        path = Path(thing)
        places = self._places(path)
        seen = [entity for place in places for entity in self._index.entities(place=place)]
        if not os.path.lexists(path):
            if not seen:
                seen = list(self._index.entities(path=posixpath.normpath(thing)))
            return self._of_record(thing, seen, self._missing.not_there(thing, seen)) if seen else None
        if not seen and (fields := self._fields_in(thing, path, places)) is not None:
            return fields
        digest = self._digest(path)
        found = None if digest is None else self._of_digest(thing, digest, places)
        if found is not None:
            return found
        if seen and self._past:
            return self._of_record(thing, seen, self._missing.other_since(thing, seen))
        if seen:
            raise ChangedError(self._missing.changed(thing, seen, digest))
        inside = self._inside(thing, places, digest)
        if inside is not None:
            return inside
        if _HEX.fullmatch(thing) or _RUN.fullmatch(thing):
            return None
        raise NotFoundError(
            Sentence(
                "The catalogue knows neither the place of {thing} nor its content ({digest}): no run that "
                "was tracked used or made it. {advice}",
                thing=thing,
                digest=shown_digest(digest),
                advice=self._missing.advice(places),
            )
        )

    def _by_recorded_path(self, thing: str) -> Resolution | None:
        """Find what was last recorded at a path, or the tree around it, without a look at what is there."""
        place = posixpath.normpath(posixpath.join(self._home, thing))
        if seen := self._index.entities(place=place):
            return replace(self._of_record(thing, list(seen), None), how="path")
        if seen := self._index.newest_at(posixpath.normpath(thing), _MOST_AT_PATH):
            return self._of_record(thing, list(seen), None, newest=seen[0])
        for folder in Path(place).parents:
            around = [node for node in self._index.entities(place=str(folder)) if node.files is not None]
            if around:
                note = Sentence(
                    "{thing} is part of {folder}, which is one thing: this is its lineage.", thing=thing, folder=folder
                )
                return self._of_record(thing, around, note)
        return None

    def _fields_in(self, thing: str, path: Path, places: tuple[str, ...]) -> Resolution | None:
        """Take a plate or well that is no thing of its own for the recorded fields of view in it."""
        from filiation.capture.observation import kind_of  # it looks at what stores say, which few names need

        if (kind := kind_of(str(path))) not in (EntityKind.PLATE, EntityKind.WELL):
            return None
        below = {node.iri: node for place in places for node in self._index.entities_below(place)}
        fields = [node for node in below.values() if node.kind == EntityKind.IMAGE and not node.generated]
        if not fields:
            return None
        note = Sentence(
            "{thing} is a {kind}: this is of its {counted} of view that runs used.",
            thing=thing,
            kind=Sentence.term(kind),
            counted=Sentence("1 field") if len(fields) == 1 else Sentence("{count} fields", count=len(fields)),
        )
        nodes = tuple(sorted(self._joining.alike(fields) | {node.iri for node in fields}))
        newest = {
            node.place: node.iri for node in sorted(fields, key=lambda node: (self._joining.began(node), node.iri))
        }
        return Resolution(thing, "path", nodes, tuple(newest.values()), None, note)

    def _by_prefix(self, text: str) -> Resolution | None:
        runs = self._index.runs_like(text) if _RUN.fullmatch(text) else ()
        digests = self._index.digests_like(text) if _HEX.fullmatch(text) and len(text) >= SHORTEST_PREFIX else ()
        candidates = [*(Sentence("run {run}", run=run.id) for run in runs), *digests]
        if len(candidates) > 1:
            raise ambiguous(text, candidates)
        if runs:
            return self._of_run(text, runs[0])
        return self._of_digest(text, Digest.from_text(digests[0]), None) if digests else None

    def _by_digest_prefix(self, thing: str, text: str, kind: str) -> Resolution:
        if len(text) < SHORTEST_PREFIX:
            raise BadInputError(
                Sentence(
                    "{thing!r} is too short: give at least {shortest} hexadecimal digits.",
                    thing=thing,
                    shortest=SHORTEST_PREFIX,
                )
            )
        digests = [found for found in self._index.digests_like(text) if found.startswith(f"{kind}:")]
        if len(digests) > 1:
            raise ambiguous(thing, digests)
        found = self._of_digest(thing, Digest.from_text(digests[0]), None) if digests else None
        if found is None:
            raise NotFoundError(Sentence("No thing whose digest starts with {thing} in the catalogue.", thing=thing))
        return found

    def _of_digest(self, thing: str, digest: Digest, places: tuple[str, ...] | None) -> Resolution | None:
        is_pixels = digest.kind.is_of_pixels
        nodes = self._index.entities(pixels=str(digest)) if is_pixels else self._index.entities(digest=str(digest))
        if places is not None and any(node.is_empty for node in nodes):
            nodes = tuple(node for node in nodes if node.place in places)  # nothing else tells empty files apart
        if not nodes:
            return None
        how = "digest" if places is None else "path"
        # The place itself goes before those where it would be if a run's folder had been moved here.
        itself = [node for node in nodes if places is not None and node.place == places[0]]
        here = itself or [node for node in nodes if places is not None and node.place in places]
        note = None
        if places is not None and not here:
            where = ", ".join(sorted({node.place or node.path for node in nodes}))
            note = Sentence("No run saw {thing} itself; its bytes were seen at {where}.", thing=thing, where=where)
        origins = self._origins(here or list(nodes))
        return Resolution(thing, how, tuple(sorted(self._joining.alike(nodes))), origins, digest, note)

    def _of_record(
        self, thing: str, seen: list[EntityNode], note: str | None, newest: EntityNode | None = None
    ) -> Resolution:
        """Take the newest record of a place."""
        newest = newest or max(seen, key=lambda node: (self._joining.began(node), node.iri))
        nodes = [newest] if newest.digest is None else [node for node in seen if node.digest == newest.digest]
        return Resolution(
            thing, "place", tuple(sorted({n.iri for n in nodes})), self._origins(nodes), newest.digest, note
        )

    def _of_run(self, thing: str, run: RunSummary) -> Resolution:
        made = [entity for entity in self._index.entities(crate=run.iri) if entity.generated]
        if not made:
            raise NotFoundError(
                Sentence(
                    "The run {run} made nothing (status {status}); `filiation show` tells more.",
                    run=run.id,
                    status=Sentence.term(run.status),
                )
            )
        final = [node for node in made if not self._index.edges_out_of(node.iri)]
        return Resolution(thing, "run", tuple(node.iri for node in made), tuple(node.iri for node in final or made))

    def _origins(self, nodes: Iterable[EntityNode]) -> tuple[str, ...]:
        """Of things alike, keep those that a run made, the newest at each place; else the newest one found."""
        candidates = list(nodes)
        made = [node for node in candidates if node.generated]
        newest: dict[str, EntityNode] = {}
        for node in sorted(made or candidates, key=lambda node: (self._joining.began(node), node.iri)):
            newest[node.place or node.path] = node
        chosen = sorted(newest.values(), key=lambda node: (self._joining.began(node), node.iri), reverse=True)
        return tuple(dict.fromkeys(node.iri for node in (chosen if made else chosen[:1])))

    def _inside(self, thing: str, places: tuple[str, ...], digest: Digest | None) -> Resolution | None:
        """Take a file inside a recorded tree for the tree, if the tree is unchanged."""
        for place in places:
            for folder in Path(place).parents:
                seen = [node for node in self._index.entities(place=str(folder)) if node.files is not None]
                if seen:
                    found = self.resolve(str(folder))
                    note = Sentence(
                        "{thing} is part of {folder}, which is one thing: this is its lineage.",
                        thing=thing,
                        folder=folder,
                    )
                    return Resolution(thing, found.how, found.nodes, found.origins, found.digest, note)
        return None

    def _places(self, path: Path) -> tuple[str, ...]:
        """Return the places that a path may have been recorded under: links followed or not, folder moved or not."""
        plain = os.path.normpath(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps `..`
        places = [plain, os.path.realpath(path)]
        if Path(plain).is_relative_to(self._home):
            inside = os.path.relpath(plain, self._home)
            folders = self._index.run_folders()
            places += [
                posixpath.join(folder, inside)
                for folder in folders
                if not (is_elsewhere(folder) or Path(folder).exists())
            ]
        return tuple(dict.fromkeys(places))

    def _digest(self, path: Path) -> Digest | None:
        with DigestCache(self._cache) as cache:
            if path.is_dir():
                return digest_tree(path, cache=cache).digest
            return digest_file(path, cache=cache) if path.exists() else None


def _is_a_name(thing: str) -> bool:
    """Whether a path may be called so; names that are no text come as Python has them (PEP 383)."""
    try:
        return b"\0" not in os.fsencode(thing)
    except UnicodeEncodeError:
        return False
