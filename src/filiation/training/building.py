"""A training set built: pairs chosen, grouped, divided, written, described and recorded.

Nothing is seen under the set's name before it is whole: it is written beside its place and moved there.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CatalogueFolder, Json, shown_time
from filiation.crate.licences import common_licence, conflicts, licence_of_crate, spdx
from filiation.digest import DigestCache, digest_file
from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.images.overlaps import find_overlaps
from filiation.images.planes import open_planes
from filiation.images.prints import Prints, take_prints
from filiation.lineage.pairs import Pair, identity_of
from filiation.model import Digest
from filiation.training.cases import Opened, Region, case_name, open_pixels, read_case, regions
from filiation.training.layouts import LAYOUTS, Layout
from filiation.training.manifest import MANIFEST, VERSION, Written, case_to_json, mifa_of, unknown_of, write_manifest
from filiation.training.recording import SetToRecord, describe_set, record_set
from filiation.training.splitting import PARTS, Joined, Split, assign
from filiation.training.whereabouts import place_of

if TYPE_CHECKING:
    from filiation.lineage import Ledger

Progress = Callable[[int, int, str], None]
_MAKING: Final = ".making"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training set is to be.

    Parameters
    ----------
    where
        Conditions on the lineage of pairs; see :meth:`filiation.lineage.Ledger.pairs`.
    corrected_by
        Only label images that this person corrected: a name or an ORCID, ``*`` for anybody.
    layout
        ``cellpose``, ``stardist``, ``nnunet`` or ``coco``.
    split
        How it is divided.
    by
        At what level groups are never divided.
    crop
        Length of crops along axes, in pixels; nothing for whole images.
    channel
        Name or number of the one channel that is taken; None for all.
    objects
        What an object is called.
    licence
        Of the set; None for that of all images, where they have one.
    """

    where: tuple[str, ...] = ()
    corrected_by: str | None = None
    layout: str = "cellpose"
    split: Split = field(default_factory=lambda: Split((0.8, 0.1, 0.1)))
    by: str = "image"
    crop: Mapping[str, int] = field(default_factory=dict)
    channel: str | None = None
    objects: str = "object"
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What was built.

    Parameters
    ----------
    folder
        The set.
    cases
        In order of their names.
    left_out
        Label images that were left out: path, and why.
    joined
        Images that show the same pixels although lineage knows nothing of it, and so are one group: pairs of paths.
    licence
        Of the set; None if none is stated.
    licences
        Of its sources: IRI, and licence.
    warnings
        What stands against the licence, and what else a person should know.
    digest
        Of the folder.
    crate
        The record's folder in the catalogue.
    manifest
        As written.
    """

    folder: Path
    cases: tuple[Written, ...]
    left_out: tuple[tuple[str, str], ...]
    joined: tuple[tuple[str, str], ...]
    licence: str | None
    licences: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    digest: Digest
    crate: Path
    manifest: Mapping[str, Json]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Cases and groups of each part that has some."""
        parts = [part for part in PARTS if any(case.part == part for case in self.cases)]
        return {
            part: (
                sum(case.part == part for case in self.cases),
                len({case.group for case in self.cases if case.part == part}),
            )
            for part in parts
        }

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "folder": str(self.folder),
            "digest": str(self.digest),
            "crate": self.crate.name,
            "parts": {part: {"cases": cases, "groups": groups} for part, (cases, groups) in self.counts.items()},
            "left_out": [{"path": path, "why": why} for path, why in self.left_out],
            "joined": [[*pair] for pair in self.joined],
            "warnings": list(self.warnings),
            "manifest": dict(self.manifest),
        }


def build(ledger: Ledger, plan: Plan, folder: Path, progress: Progress = lambda _done, _all, _name: None) -> Built:
    """Build a training set from what a catalogue knows.

    Raises
    ------
    BadInputError
        If there is something in the folder already, a condition is none, or the groups cannot be divided so.
    NotFoundError
        If no pair is as the conditions say.
    """
    folder = Path(os.path.realpath(folder))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"There is something at {folder} already: name a folder that is new or empty.")
    started = datetime.now(UTC)
    found = ledger.pairs(*plan.where, by=plan.by, corrected_by=plan.corrected_by)
    pairs, gone = _on_disk(ledger, found.pairs)
    left_out = [*found.left_out, *gone]
    if not pairs:
        raise NotFoundError(_nothing(ledger, plan, left_out))
    _refuse_without_group(pairs, plan.by)
    groups, joined = _grouped(pairs, progress)
    planned, misfits = _planned(pairs, groups, plan)
    left_out += misfits
    if not planned:
        raise NotFoundError(_nothing(ledger, plan, left_out))
    parts = assign(Counter(case.group for case in planned), plan.split)
    making = folder.with_name(f"{folder.name}{_MAKING}-{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    try:
        cases, shared = _write(planned, parts, plan, making, progress)
        licence, licences, warnings = _licences(ledger, pairs, plan)
        warnings += [f"One group by their pixels, though lineage does not tell: {a} and {b}." for a, b in joined]
        manifest = _manifest(plan, cases, shared, licence, licences, warnings, started)
        write_manifest(making, manifest)
        made = SetToRecord(
            str(manifest["name"]), folder, cases, (*shared, *_digested(making, [MANIFEST])), licence, started,
            _settings(plan),
        )  # fmt: skip
        describe_set(ledger.folder, made, making)
        if folder.is_dir():
            folder.rmdir()
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    try:
        tree, crate = record_set(ledger.folder, made)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a set that no record tells of would be a stranger here
        raise
    return Built(
        folder, cases, tuple(sorted(left_out)), tuple(joined), licence, tuple(licences), tuple(warnings), tree, crate,
        manifest,
    )  # fmt: skip


def _nothing(ledger: Ledger, plan: Plan, left_out: list[tuple[str, str]]) -> str:
    wanted = [*plan.where, *([f"corrected by {plan.corrected_by}"] if plan.corrected_by else [])]
    asked = f" is as {' and '.join(wanted)}" if wanted else ""
    reasons = "".join(f"\n  {path}: {why}" for path, why in left_out[:10])
    noted = "".join(
        f" What people noted has a field of its own: annotation.{each} is true of something."
        for each in plan.where
        if _is_noted(ledger, each)
    )
    return (
        f"No pair of an image and its label image{asked} and can be read.{noted}"
        f"{' Left out:' if reasons else ''}{reasons}"
    )


def _is_noted(ledger: Ledger, condition: str) -> bool:
    """Whether a condition holds of something once its field is taken for the key of an annotation."""
    try:
        return bool(ledger.find("entity", f"annotation.{condition}").names)
    except FiliationError:
        return False


def _on_disk(ledger: Ledger, pairs: tuple[Pair, ...]) -> tuple[list[Pair], list[tuple[str, str]]]:
    """Keep pairs of which both are on disk with the bytes that were recorded."""
    kept, gone = [], []
    with DigestCache(CatalogueFolder(ledger.folder).digests) as cache:
        for pair in pairs:
            places = [place_of(ledger, thing, cache) for thing in (pair.image, pair.labels)]
            fault = next((place for place in places if isinstance(place, str)), None)
            if fault is not None:
                gone.append((pair.labels.path, fault))
            else:
                image, labels = (str(place) for place in places)
                kept.append(
                    replace(pair, image=replace(pair.image, place=image), labels=replace(pair.labels, place=labels))
                )
    return kept, gone


def _refuse_without_group(pairs: list[Pair], by: str) -> None:
    lacking = sorted({pair.raws[0].path for pair in pairs if not pair.groups})
    if lacking:
        shown = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        raise BadInputError(
            f"The {by} of {len(lacking)} image(s) is not known: {shown}. Nothing may be guessed here; note it with: "
            f"filiation annotate IMAGE {by}=VALUE"
        )


def _grouped(pairs: list[Pair], progress: Progress) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the group of each pair, and which images are of one group by their pixels alone."""
    together: Joined[str] = Joined()
    for pair in pairs:
        together.join([*pair.groups, *(f"raw {identity_of(raw)}" for raw in pair.raws)])
    images = {identity_of(pair.image): pair for pair in pairs}
    names = sorted(images)
    roots = {name: together.root(images[name].groups[0]) for name in names}
    joined = []
    for overlap in find_overlaps(
        [_prints(images[name], number, len(names), progress) for number, name in enumerate(names)],
        lambda number: open_planes(Path(images[names[number]].image.place or "")),
        worth=lambda one, other: roots[names[one]] != roots[names[other]],
    ):
        first, second = images[names[overlap.first]], images[names[overlap.second]]
        together.join([first.groups[0], second.groups[0]])
        joined.append((first.image.path, second.image.path))
    members: dict[str, list[str]] = {}
    for pair in pairs:
        members.setdefault(together.root(pair.groups[0]), []).extend(pair.groups)
    # A group is called by the first of its members, so that it has the same name each time.
    return [min(members[together.root(pair.groups[0])]) for pair in pairs], joined


def _prints(pair: Pair, number: int, total: int, progress: Progress) -> Prints:
    progress(number, total, "comparing images")
    return take_prints(open_planes(Path(pair.image.place or "")))


@dataclass(frozen=True, slots=True)
class _Planned:
    name: str
    group: str
    pair: Pair
    region: Region


def _planned(pairs: list[Pair], groups: list[str], plan: Plan) -> tuple[list[_Planned], list[tuple[str, str]]]:
    planned, misfits = [], []
    planes = not LAYOUTS[plan.layout].takes_volumes
    for number, (pair, group) in enumerate(zip(pairs, groups, strict=True), start=1):
        try:
            labels = open_pixels(Path(pair.labels.place or ""))
        except FiliationError as error:
            misfits.append((pair.labels.path, str(error)))
            continue
        planned += [
            _Planned(case_name(number, region), group, pair, region)
            for region in regions(labels, plan.crop, planes=planes)
        ]
    return planned, misfits


def _write(
    planned: list[_Planned], parts: Mapping[str, str], plan: Plan, folder: Path, progress: Progress
) -> tuple[tuple[Written, ...], tuple[tuple[str, str], ...]]:
    """Write all cases; return them, and the files that tell of all."""
    layout: Layout = LAYOUTS[plan.layout](folder, plan.objects)
    folder.mkdir(parents=True)
    cases: list[Written] = []
    opened: tuple[Pair, Opened, Opened] | None = None
    for number, each in enumerate(planned):
        progress(number, len(planned), "writing")
        if opened is None or opened[0] is not each.pair:
            image, objects = (open_pixels(Path(thing.place or "")) for thing in (each.pair.image, each.pair.labels))
            opened = (each.pair, image, objects)
        case = read_case(each.name, opened[1], opened[2], each.region, plan.channel)
        images, labels = layout.write(case, parts[each.group])
        region = each.region.to_json()
        cases.append(
            Written(
                each.name, parts[each.group], each.group, each.pair, region,
                tuple(_digested(folder, images)), tuple(_digested(folder, labels)),
            )
        )  # fmt: skip
    return tuple(cases), tuple(_digested(folder, layout.finish()))


def _digested(folder: Path, files: list[str]) -> Iterator[tuple[str, str]]:
    for path in files:
        yield path, digest_file(folder / path).hex


def _licences(ledger: Ledger, pairs: list[Pair], plan: Plan) -> tuple[str | None, list[tuple[str, str]], list[str]]:
    """Return the licence of the set, those of its sources, and what is to be said of them."""
    known: dict[str, str] = {}
    unknown = set()
    for pair in pairs:
        noted = dict(pair.licences)
        for thing in (*pair.raws, pair.image, pair.labels):
            stated = noted.get(thing.iri) or licence_of_crate(ledger.folder / "crates" / _run(thing.crate))
            if stated is not None:
                known[thing.iri] = spdx(stated)
        if not any(raw.iri in known for raw in pair.raws):
            unknown |= {raw.path for raw in pair.raws}
    licence = spdx(plan.licence) if plan.licence else (None if unknown else common_licence(known.values()))
    warnings = [*conflicts(licence, known.values())]
    if unknown:
        shown = ", ".join(sorted(unknown)[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        warnings.append(f"The licence of {len(unknown)} raw image(s) is not known: {shown}.")
    return licence, sorted(known.items()), warnings


def _run(crate: str) -> str:
    return crate.removeprefix("arcp://uuid,").rstrip("/")


def _settings(plan: Plan) -> dict[str, Json]:
    told: dict[str, Json] = {
        "where": list(plan.where),
        "corrected by": plan.corrected_by,
        "layout": plan.layout,
        "split": str(plan.split),
        "seed": plan.split.seed,
        "by": plan.by,
        "crop": {**plan.crop},
        "channel": plan.channel,
    }
    return {name: value for name, value in told.items() if value not in (None, [], {})}


def _manifest(
    plan: Plan,
    cases: tuple[Written, ...],
    shared: tuple[tuple[str, str], ...],
    licence: str | None,
    licences: list[tuple[str, str]],
    warnings: list[str],
    when: datetime,
) -> dict[str, Json]:
    return {
        "version": VERSION,
        "name": f"Training set of {len(cases)} cases of {plan.objects} ({plan.layout})",
        "created": shown_time(when),
        "settings": _settings(plan),
        "licence": licence,
        "licences": [{"of": iri, "licence": text} for iri, text in licences],
        "warnings": [*warnings],
        "unknown": [*unknown_of(mifa_of(case.pair) for case in cases)],
        "files": [{"path": path, "sha256": digest} for path, digest in shared],
        "cases": [case_to_json(case) for case in cases],
    }
