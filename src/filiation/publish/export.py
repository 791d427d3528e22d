"""Results and all that they rest on, as one crate for others: chosen, looked through, and written whole or not at all.

The crate tells everything that the runs' crates tell of these results, in one metadata file; and it holds the part of
each run's crate, so that a catalogue elsewhere takes every run in under its own name.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from filiation.capture.place import read_settings
from filiation.capture.redaction import Redactor
from filiation.catalogue.nodes import EntityNode
from filiation.catalogue.private_texts import PrivateTexts
from filiation.catalogue.reading import iri_of
from filiation.crate import flush, flush_tree
from filiation.crate.licences import spdx
from filiation.crate.metadata import METADATA_FILE
from filiation.crate.zipping import zip_folder
from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.lineage import words
from filiation.lineage.story import left_open, tell
from filiation.publish.digests import unnamed_files, with_digests
from filiation.publish.export_data import DataPlan, check_size, copy_bytes
from filiation.publish.export_makers import authors_of, common_licence, common_publisher, has_code, licence_of_code
from filiation.publish.export_page import PAGE, render_export
from filiation.publish.export_root import PROFILE_SETS, README, document, published_place, readme, write_document
from filiation.publish.export_runs import ExportedCrate, RunExporter, check_copied, copy_files
from filiation.publish.export_settings import FORMS, ExportedRun, ExportReport, ExportSettings
from filiation.publish.licences import CONFLICT, LicenceFinding, check_licences
from filiation.publish.one_crate import CRATES, merge_parts
from filiation.publish.packages import form_of, write_package
from filiation.publish.people import Party, ror
from filiation.publish.terms import OneContext
from filiation.publish.vocabularies import Vocabulary, describe_images
from filiation.publish.web_names import checked_address, main_workflow, tell_copy, web_names

if TYPE_CHECKING:
    from filiation.lineage import Ledger
    from filiation.lineage.answers import Lineage

Progress = Callable[[int], None]
_BEGIN: Final = "arcp://uuid,"
_NOT_WITHHELD: Final = "withheld"
_OTHER_ARCHIVES: Final = frozenset({".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".json"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that is known of an export before anything is written."""

    lineage: Lineage
    crates: tuple[ExportedCrate, ...]
    data: DataPlan
    report: ExportReport
    vocabulary: Vocabulary
    texts: PrivateTexts
    redactor: Redactor


def plan_export(ledger: Ledger, things: Sequence[str], target: Path, settings: ExportSettings) -> ExportReport:
    """Tell what an export would hold: its runs, sizes, licences, gaps, and what is withheld. Nothing is written.

    Parameters and errors are those of :func:`export`.
    """
    return replace(_planned(ledger, things, target, settings).report, dry=True)


def export(
    ledger: Ledger,
    things: Sequence[str],
    target: Path,
    settings: ExportSettings,
    *,
    progress: Progress | None = None,
) -> ExportReport:
    """Write one crate with results and all that they rest on.

    Parameters
    ----------
    ledger
        The catalogue.
    things
        The results, each as for ``trace``.
    target
        A folder to be made, or an archive: by its ending (``.zip``, ``.eln``, ``.bagit``), unless the settings say.
    settings
        What to take along, and how.
    progress
        Called with the number of bytes copied since the last call.

    Raises
    ------
    NotFoundError
        If a thing, or a crate that it rests on, is not there.
    BadInputError
        If there is something at ``target``, more bytes would come along than are allowed, or licences contradict each
        other and nobody says why that may be.
    ChangedError
        If data that come along are not as they were recorded.
    """
    if target.exists():
        raise BadInputError(f"{target} exists already; name another place, so that nothing is overwritten.")
    plan = _planned(ledger, things, target, settings)
    conflicts = [found for found in plan.report.licences if found.kind == CONFLICT]
    if conflicts and not settings.allow_licence_conflict:
        told = " ".join(found.what for found in conflicts)
        raise BadInputError(
            f"The licences contradict each other, so nothing was exported. {told} State another licence (--license), "
            "leave the data out, or say why it may be: --allow-licence-conflict WHY"
        )
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        making.mkdir()
        report = _write(plan, settings, making / "crate", progress)
        _put_in_place(making, target, settings.form or form_of(target))
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return report


def _planned(ledger: Ledger, things: Sequence[str], target: Path, settings: ExportSettings) -> _Plan:
    if settings.profile not in PROFILE_SETS:
        raise BadInputError(f"{settings.profile!r} is no profile; expected {' or '.join(PROFILE_SETS)}.")
    if settings.form not in (None, *FORMS):
        raise BadInputError(f"{settings.form!r} is no form of an export; expected one of {', '.join(FORMS)}.")
    if settings.form is None and target.suffix.lower() in _OTHER_ARCHIVES:
        raise BadInputError(
            f"{target.name}: no {target.suffix} is made. Name it .zip or .eln for an archive, or say --format folder "
            "for a folder of that name."
        )
    if settings.workflow_at is not None:
        checked_address(settings.workflow_at)
    published_at = None if settings.published_at is None else published_place(settings.published_at)
    lineage = ledger.trace(*things)
    redactor = Redactor()
    exporter = RunExporter(settings.policy, redactor, with_failed=settings.with_failed, whole_runs=settings.whole_runs)
    crates = _take_crates(ledger, lineage, exporter)
    texts = exporter.texts
    for crate in crates.values():
        texts = texts | crate.texts
    data = DataPlan(lineage, crates, settings.data, redactor, texts)
    check_size(data, settings.max_size)
    ordered = _in_order(lineage, crates)
    vocabulary = describe_images(ledger, lineage, ordered, settings.sample_sheets)
    vocabulary.keep(lambda text: not texts.occur_in(text) and redactor.document(text) == text)
    own = read_settings(ledger.folder)
    licence = settings.licence or own.license or common_licence(crate.source.folder for crate in ordered)
    licence = None if licence is None else spdx(licence)

    def told(text: str) -> str:
        return words.plain(texts.replaced_in(redactor.text(text)))

    shown = {thing.path for thing in data.things}
    images = [
        (
            told(image.path) if told(image.path) in shown else "an image that is withheld",
            vocabulary.licence_of(image.iri),
        )
        for image in vocabulary.images
    ]
    code = [(crate.name, licence_of_code(crate)) for crate in ordered if has_code(crate)]
    publisher = settings.publisher
    if publisher is None and own.affiliation:
        publisher = Party(own.affiliation, None if own.affiliation_ror is None else ror(own.affiliation_ror))
    publisher = publisher or common_publisher(ordered)
    withheld: Counter[str] = Counter()
    for crate in ordered:
        withheld += crate.withheld
    withheld["description"] += vocabulary.left_out
    withheld["data"] += sum(1 for thing in data.things if (thing.why or "").startswith(_NOT_WITHHELD))
    report = ExportReport(
        target=target,
        title=settings.title or told(_title(lineage)),
        runs=tuple(
            ExportedRun(crate.source.id, crate.id, crate.name, crate.subset.jobs, crate.subset.things,
                        crate.subset.left_out)
            for crate in ordered
        ),
        things=data.things,
        jobs=sum(crate.subset.jobs for crate in ordered),
        size=data.size,
        licence=licence,
        licences=check_licences(licence, images, code),
        withheld=dict(sorted((kind, count) for kind, count in withheld.items() if count)),
        gaps=left_open(lineage),
        authors=settings.authors or authors_of(ordered),
        publisher=publisher,
        described=vocabulary.described,
        published_at=published_at,
    )  # fmt: skip
    return _Plan(lineage, ordered, data, report, vocabulary, texts, redactor)


def _take_crates(ledger: Ledger, lineage: Lineage, exporter: RunExporter) -> dict[str, ExportedCrate]:
    """Take of every run that the lineage names what belongs to it, by the crate's IRI in the catalogue."""
    nodes = [*lineage.nodes, *lineage.reproductions, *(found.action for found in lineage.registrations)]
    named = {node.crate for node in nodes} | {edge.crate for edge in lineage.edges}
    wanted = {node.iri for node in nodes}
    wanted |= {thing.iri for found in lineage.registrations for thing in found.objects}
    homes = ledger.folder / "crates"
    taken: dict[str, ExportedCrate] = {}
    for iri in sorted(named):
        run = iri.removeprefix(_BEGIN).rstrip("/")
        if not (homes / run / METADATA_FILE).is_file():
            raise NotFoundError(
                f"The crate of run {run}, which the lineage rests on, is not in {homes}. Bring it back, or make the "
                "index again: filiation rebuild"
            )
        taken[iri] = exporter.take(homes / run, wanted)
    return taken


def _in_order(lineage: Lineage, crates: dict[str, ExportedCrate]) -> tuple[ExportedCrate, ...]:
    """Return the crates, first those that made what was chosen, then the newest first."""
    roots = [lineage.by_iri[iri] for iri in lineage.roots if iri in lineage.by_iri]
    made = {node.crate for node in roots if isinstance(node, EntityNode) and node.generated}
    began: dict[str, str] = {}
    for action in lineage.actions:
        began[action.crate] = max(began.get(action.crate, ""), str(action.started or ""))
    newest = sorted(crates, key=lambda iri: (began.get(iri, ""), iri), reverse=True)
    return tuple(crates[iri] for iri in sorted(newest, key=lambda iri: iri not in made))


def _title(lineage: Lineage) -> str:
    names = dict.fromkeys(
        node.path.rstrip("/").rpartition("/")[2] if isinstance(node, EntityNode) else node.name
        for iri in lineage.roots
        if (node := lineage.by_iri.get(iri)) is not None
    )
    shown = list(names)[:3]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return words.plain(f"{', '.join(shown)}{more}, with all that it rests on")


def _write(plan: _Plan, settings: ExportSettings, folder: Path, progress: Progress | None) -> ExportReport:
    profiles = PROFILE_SETS[settings.profile]
    for crate in plan.crates:
        crate.embed(each.identifier for each in plan.data.bytes if each.crate is crate)
    folder.mkdir()
    copied: dict[str, set[str]] = {}
    for each in plan.data.bytes:
        copied.setdefault(each.crate.id, set()).add(each.identifier.removeprefix("#"))
    for crate in plan.crates:
        home = folder / CRATES / crate.id
        copy_files(crate, home)
        check_copied(crate, home)
    copy_bytes(plan.data.bytes, folder, progress)
    context = OneContext(profiles.context())
    addresses = _addresses(plan.crates, settings.workflow_at)
    parts = [crate.as_part(copied.get(crate.id, ()), addresses[crate.id]) for crate in plan.crates]
    entities = merge_parts(parts, context)
    if settings.workflow_at is not None:
        for part in parts:
            tell_copy(entities, settings.workflow_at, part.folder, part.carried, addresses[part.run])
    plan.vocabulary.add_to(entities, lambda iri: _name_of(iri, plan, entities, addresses))
    # Where something is withheld, what is shown is asked of the export itself, as whoever gets it will ask.
    lineage = _lineage_in(folder, plan) if plan.report.withheld or plan.texts else plan.lineage
    report = replace(plan.report, undefined=tuple(sorted(context.undefined)), gaps=left_open(lineage))
    sentences = tell(lineage)
    page = readme(report, sentences)
    (folder / README).write_text(page, encoding="utf-8")
    chosen = [at for iri in plan.lineage.roots if (at := _name_of(iri, plan, entities, addresses)) is not None]
    told = document(
        entities,
        context,
        profiles,
        report,
        chosen,
        description=settings.description or _description(report, sentences),
        keywords=settings.keywords,
        more=plan.vocabulary.entities,
        about=plan.vocabulary.about,
        methods=plan.vocabulary.methods,
        why_allowed=settings.allow_licence_conflict if any(f.kind == CONFLICT for f in report.licences) else None,
        readme=len(page.encode("utf-8")),
    )
    (folder / PAGE).write_text(render_export(told, report, lineage, sentences), encoding="utf-8")
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    write_document(folder, with_digests(told, folder, unnamed_files(told, files)))
    _check_nothing_private(folder, plan)
    flush_tree(folder)
    return report


def _addresses(crates: Sequence[ExportedCrate], workflow_at: str | None) -> dict[str, dict[str, str]]:
    """Return addresses of programs by each run's id: that of the workflow for every run of the first one's file.

    Raises
    ------
    BadInputError
        If an address is stated, and the first run has no workflow whose bytes it knows.
    """
    first = main_workflow(crates[0].document).get("sha256")
    if workflow_at is not None and first is None:
        raise BadInputError(
            f"The run {crates[0].name!r} has no main workflow with a digest, so nothing can be at {workflow_at}."
        )
    return {
        crate.id: web_names(
            crate.document,
            crate.id,
            workflow_at if main_workflow(crate.document).get("sha256") == first else None,
        )
        for crate in crates
    }


def _lineage_in(folder: Path, plan: _Plan) -> Lineage:
    """Return the lineage as the export tells it, without what is private: asked of a catalogue of its own."""
    from filiation.catalogue import Catalogue, CatalogueFolder
    from filiation.lineage import Ledger

    with TemporaryDirectory(prefix="filiation-export-") as scratch:
        home = CatalogueFolder.create(Path(scratch) / "catalogue")
        for crate in plan.crates:
            copied = Path(scratch) / crate.id
            copied.mkdir()
            (copied / METADATA_FILE).write_bytes((folder / CRATES / crate.id / METADATA_FILE).read_bytes())
            Catalogue(home).ingest(copied)
        roots = [
            _moved_name(node.iri, crate)
            for node in (plan.lineage.by_iri[iri] for iri in plan.lineage.roots if iri in plan.lineage.by_iri)
            for crate in plan.crates
            if crate.source.iri == node.crate
        ]
        try:
            return replace(Ledger(home.root).trace(*roots), thing=plan.report.title)
        except NotFoundError as error:
            raise BadInputError(
                "What was chosen is called by something that has to be withheld, so nothing of it can be shown. Name "
                "its run under runs in a policy, or choose something else."
            ) from error


def _moved_name(iri: str, crate: ExportedCrate) -> str:
    """Return what a thing is called in the export, whether or not it is withheld."""
    for old, new in crate.names.items():
        if iri_of(old, crate.source.iri) == iri:
            return iri_of(new, crate.iri)
    return crate.iri + iri.removeprefix(crate.source.iri) if iri.startswith(crate.source.iri) else iri


def _check_nothing_private(folder: Path, plan: _Plan) -> None:
    """Make sure that no private text stands in what was written.

    Raises
    ------
    FiliationError
        If one does, which would be a fault of ours: the export must not be shown to anybody.
    """
    data = {each.carried for each in plan.data.bytes}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if any(name == place or name.startswith(f"{place}/") for place in data):
            continue  # looked through already, and its bytes have to stay as they are
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if any(plan.texts.occur_in(each) or plan.redactor.knows(each) for each in (name, text)):
            raise FiliationError(
                f"Something private would still stand in {path.name}, so nothing was exported. Name its run under runs "
                "in the policy, or leave the thing out."
            )


def _name_of(
    iri: str, plan: _Plan, entities: Collection[str], addresses: Mapping[str, Mapping[str, str]]
) -> str | None:
    """Return the @id of a thing of the lineage in the whole."""
    for crate in plan.crates:
        there = crate.iri_in_export(iri)
        if there is None or not there.startswith(crate.iri):
            continue
        if there in addresses[crate.id]:
            return addresses[crate.id][there]
        path = there.removeprefix(crate.iri)
        known = (f"{begin}{path}{end}" for begin in (f"{CRATES}{crate.id}/", f"#{crate.id}/") for end in ("", "/"))
        return next((at for at in (*known, there) if at in entities), None)
    return iri if iri in entities else None


def _description(report: ExportReport, sentences: Sequence[str]) -> str:
    counts = (
        f"{words.counted(len(report.things), 'thing')}, {words.counted(report.jobs, 'job')} of "
        f"{words.counted(len(report.runs), 'run')}; the bytes of {len(report.carried)} are here, the others are named "
        "by digest where one was recorded."
    )
    withheld = ", ".join(f"{count} of {kind}" for kind, count in report.withheld.items())
    return " ".join([*sentences[:1], counts, *([f"Withheld: {withheld}."] if withheld else [])])


def _put_in_place(making: Path, target: Path, form: str) -> None:
    """Make the crate visible under its name, at once."""
    if form == "zip":
        archive = making / "archive.zip"
        zip_folder(making / "crate", archive)
        flush(archive)
        archive.rename(target)
    elif form != "folder":
        made = write_package(making / "crate", form, making / "made" / target.name).target
        if made.is_file():
            flush(made)
        made.rename(target)
    else:
        (making / "crate").rename(target)
    flush(target.absolute().parent)


__all__ = ["ExportReport", "ExportSettings", "LicenceFinding", "export", "plan_export"]
