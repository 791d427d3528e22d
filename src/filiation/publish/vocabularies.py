"""What is said of images in words that others share: organism, imaging method, REMBI's and MIFA's fields, EDAM's terms.

It is taken from where people wrote it: key-value pairs on the image's server, what was noted in the catalogue, the
columns of the sample sheet. Words are matched to terms by a table kept as data; what matches nothing stays the text
that it was, and is told of. Nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filiation.catalogue.nodes import EntityNode
from filiation.crate.jsonld import Node, ids, local, many, node, reference
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage.pairs import identity_of
from filiation.model import EntityKind, OmeroId

if TYPE_CHECKING:
    from filiation.catalogue.annotations import Annotation
    from filiation.catalogue.nodes import Json
    from filiation.lineage import Ledger
    from filiation.lineage.answers import Lineage
    from filiation.publish.export_runs import ExportedCrate

ORGANISM: Final = "organism"
IMAGING_METHOD: Final = "imaging_method"
LICENCE: Final = "licence"
_OBO: Final = "http://purl.obolibrary.org/obo/"
_WRITTEN: Final = (
    (re.compile(r"(?:ncbi:txid|ncbitaxon[:_]|taxid[: ]|" + re.escape(_OBO) + r"NCBITaxon_)(\d+)", re.IGNORECASE),
     "NCBITaxon_"),
    (re.compile(r"(?:fbbi[:_ ]|obo:fbbi_|" + re.escape(_OBO) + r"FBbi_)(\d{8})", re.IGNORECASE), "FBbi_"),
)  # fmt: skip
_SAMPLE_SHEET: Final = re.compile(r"(?:.*/)?[^/]*sample[^/]*\.(?:tsv|csv)", re.IGNORECASE)
_LARGEST_SHEET: Final = 10_000_000
DWC: Final = "http://rs.tdwg.org/dwc/"
CONTEXT: Final = {
    "BioSample": "http://schema.org/BioSample",
    "Taxon": "http://schema.org/Taxon",
    "taxonomicRange": "http://schema.org/taxonomicRange",
    "scientificName": f"{DWC}terms/scientificName",
    "measurementMethod": f"{DWC}iri/measurementMethod",
    "size": "http://schema.org/size",
}
"""Terms of the GIDE search profile 0.2 that RO-Crate's context lacks."""


@dataclass(frozen=True, slots=True)
class Described:
    """Something that is said of an image or a label image.

    Parameters
    ----------
    of
        IRI of the image in the catalogue.
    field
        What of it: ``organism``, ``imaging_method``, ``sample_preparation``, …
    text
        As it was written.
    iri, name
        The term that it means, and the term's own name; None if none is known.
    told_by
        ``OMERO``, ``annotation`` or ``sample sheet``.
    """

    of: str
    field: str
    text: str
    iri: str | None
    name: str | None
    told_by: str

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"of": self.of, "field": self.field, "text": self.text, "iri": self.iri, "name": self.name,
                "told_by": self.told_by}  # fmt: skip


@dataclass(slots=True)
class Vocabulary:
    """All that is said of the images of a lineage.

    Parameters
    ----------
    images
        The images that the lineage begins with.
    described
        What is said of those and of label images, by their IRIs in the catalogue.
    """

    images: tuple[EntityNode, ...]
    described: tuple[Described, ...]
    entities: list[Node] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    left_out: int = 0

    def licence_of(self, iri: str) -> str | None:
        """Return the licence that somebody stated of an image."""
        return next((each.text for each in self.described if (each.of, each.field) == (iri, LICENCE)), None)

    def keep(self, may_go: Callable[[str], bool]) -> None:
        """Leave out what may not go along, and count it."""
        kept = tuple(each for each in self.described if may_go(each.text))
        self.left_out = len(self.described) - len(kept)
        self.described = kept

    def add_to(self, whole: Mapping[str, Node], name: Callable[[str], str | None]) -> None:
        """Say in an export what is said of its images, and in EDAM's terms what its tools and formats are.

        Parameters
        ----------
        whole
            The entities by @id; they are added to.
        name
            Gives the @id that a thing of the catalogue has in the whole; None if it is not there.
        """
        added: dict[str, Node] = {}
        for each in self.described:
            entity = whole.get(name(each.of) or "")
            if entity is not None and each.field != LICENCE:
                self._say(each, entity, added)
        _add_formats(whole, added)
        _add_operations(whole, added)
        self.entities = [entity for at, entity in added.items() if at not in whole]

    def _say(self, each: Described, entity: Node, added: dict[str, Node]) -> None:
        if each.field == ORGANISM and each.iri is not None:
            added[each.iri] = node(each.iri, "Taxon", name=each.name, scientificName=each.name)
            sample = local("biosample", each.name or each.text)
            added[sample] = node(sample, "BioSample", name=each.name, description=f"As written: {each.text}",
                                 taxonomicRange=reference(each.iri))  # fmt: skip
            _refer(entity, "about", sample)
            self.about += [at for at in (each.iri, sample) if at not in self.about]
            return
        if each.field == IMAGING_METHOD and each.iri is not None:
            added[each.iri] = node(each.iri, "DefinedTerm", name=each.name, termCode=each.iri.removeprefix(_OBO),
                                   url=each.iri)  # fmt: skip
            _refer(entity, "measurementMethod", each.iri)
            self.methods += [each.iri] if each.iri not in self.methods else []
            return
        at = local("described", each.field, each.text)
        added[at] = node(at, "PropertyValue", name=each.field.replace("_", " "), value=each.text,
                         propertyID=_table()["fields"][each.field]["of"])  # fmt: skip
        _refer(entity, "additionalProperty", at)


def describe_images(
    ledger: Ledger, lineage: Lineage, crates: Sequence[ExportedCrate], sheets: Sequence[Path]
) -> Vocabulary:
    """Return what people wrote of the images and label images of a lineage.

    Parameters
    ----------
    ledger
        The catalogue, with what was noted.
    lineage
        What the results descend from.
    crates
        Those that go, with the sample sheets that they carry.
    sheets
        Further sample sheets.

    Raises
    ------
    NotFoundError, BadInputError
        If a sample sheet that was named is not there, or cannot be read.
    """
    kinds = (EntityKind.RAW_IMAGE, EntityKind.LABEL_IMAGE, EntityKind.IMAGE)
    raw = {identity_of(thing): thing for thing in lineage.sources if thing.kind in kinds[::2] or _is_image(thing)}
    things = {thing.iri: thing for thing in lineage.entities if thing.kind in kinds or thing.iri in raw}
    things |= {thing.iri: thing for thing in raw.values()}
    rows = _Sheets([*_rows_of_crates(crates), *(row for sheet in sheets for row in _rows_of(sheet))])
    notes = _Notes(ledger.annotations())
    found: dict[tuple[str, str], Described] = {}
    for thing in things.values():
        told = [*_of_server(thing), *notes.of(thing), *rows.of(thing)]
        for key, text, told_by in told:
            name = _field_of(key)
            if name is not None and text.strip():
                iri, label = _term_for(name, text)
                # Of the same said twice the first counts: the server's own, then what was noted, then the sheet.
                found.setdefault((thing.iri, name), Described(thing.iri, name, text.strip(), iri, label, told_by))
    return Vocabulary(tuple(sorted(raw.values(), key=lambda each: each.iri)), tuple(found.values()))


def _is_image(thing: EntityNode) -> bool:
    return (thing.media_type or "").startswith("image/") or thing.path.lower().endswith((".tif", ".tiff", ".zarr"))


def _of_server(thing: EntityNode) -> Iterator[tuple[str, str, str]]:
    for group in thing.metadata.key_values if thing.metadata is not None else ():
        for pair in group.pairs:
            yield str(pair.name), str(pair.value), "OMERO"


class _Notes:
    """What was noted in the catalogue, by what it was noted of."""

    def __init__(self, annotations: Iterable[Annotation]) -> None:
        self._of: dict[str, list[Annotation]] = {}
        for note in annotations:
            for name in {*note.iris, *([note.digest] if note.digest else [])}:
                self._of.setdefault(name, []).append(note)

    def of(self, thing: EntityNode) -> Iterator[tuple[str, str, str]]:
        """Yield the last value of each name, if it was not taken back."""
        found = [*self._of.get(thing.iri, ()), *(self._of.get(str(thing.digest), ()) if thing.digest else ())]
        latest = {note.key: note.value for note in sorted(found, key=lambda note: note.when)}
        yield from ((key, str(value), "annotation") for key, value in latest.items() if value is not None)


class _Sheets:
    """The rows of sample sheets, by what stands in their cells."""

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self._with: dict[str, list[Mapping[str, str]]] = {}
        for row in rows:
            for cell in set(row.values()):
                self._with.setdefault(cell, []).append(row)

    def of(self, thing: EntityNode) -> Iterator[tuple[str, str, str]]:
        """Yield the cells of the rows that name a thing."""
        remote = OmeroId.from_iri(thing.iri)
        known = [thing.path, thing.iri, thing.place, thing.url]
        known += [f"omero://{remote.host}/{remote.kind.lower()}/{remote.id}"] if remote is not None else []
        for name in dict.fromkeys(name for name in known if name):
            for row in self._with.get(name, ()):
                yield from ((key, text, "sample sheet") for key, text in row.items() if text)


def _rows_of_crates(crates: Iterable[ExportedCrate]) -> Iterator[dict[str, str]]:
    for crate in crates:
        for path, source in crate.files.items():
            if _SAMPLE_SHEET.fullmatch(path):
                content = source if isinstance(source, bytes) else source.read_bytes()[:_LARGEST_SHEET]
                yield from _parsed(content.decode("utf-8", "replace"), path)


def _rows_of(sheet: Path) -> Iterator[dict[str, str]]:
    try:
        text = sheet.read_bytes()[:_LARGEST_SHEET].decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no sample sheet at {sheet}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"The sample sheet {sheet} cannot be read: {error}.") from error
    yield from _parsed(text, sheet.name)


def _parsed(text: str, name: str) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if name.lower().endswith("tsv") else ",")
    try:
        for row in reader:
            yield {key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
    except csv.Error:
        return


def _field_of(key: str) -> str | None:
    plain = re.sub(r"[\s_\-]+", " ", key).strip().lower()
    return next((name for name, said in _table()["fields"].items() if plain in said["as"]), None)


def _term_for(name: str, text: str) -> tuple[str | None, str | None]:
    """Return the term that a text means, with its own name; (None, None) if it is not known."""
    terms: Mapping[str, list[str]] = _table().get(name, {}) if name in (ORGANISM, IMAGING_METHOD) else {}
    plain = " ".join(text.split()).lower()
    for iri, names in terms.items():
        if plain in (each.lower() for each in names):
            return iri, names[0]
    for pattern, begin in _WRITTEN if terms else ():
        if written := pattern.fullmatch(" ".join(text.split())):
            iri = f"{_OBO}{begin}{written[1]}"
            return iri, terms[iri][0] if iri in terms else text.strip()
    return None, None


def _add_formats(whole: Mapping[str, Node], added: dict[str, Node]) -> None:
    formats: Mapping[str, list[str]] = _table()["format"]
    for at, entity in whole.items():
        if not {"File", "Dataset"} & set(many(entity.get("@type"))) or (
            "sha256" not in entity and ("treeDigest" not in entity)
        ):
            continue
        name = at.rstrip("/").lower()
        ending = next((each for each in sorted(formats, key=len, reverse=True) if name.endswith(each)), None)
        if ending is not None:
            iri, title = formats[ending]
            added[iri] = node(iri, "WebSite", name=title, description="Format, as EDAM names it", url=iri)
            _refer(entity, "encodingFormat", iri)


def _add_operations(whole: Mapping[str, Node], added: dict[str, Node]) -> None:
    """Say of tools that were called with a method of segmentation that they segment, as EDAM-bioimaging names it."""
    by_method = {method: iri for iri, methods in _table()["operation"].items() for method in methods}
    for entity in list(whole.values()):
        if "CreateAction" not in many(entity.get("@type")):
            continue
        values = [whole[at] for at in ids(entity.get("object")) if at in whole]
        methods = {str(value.get("value")) for value in values if value.get("name") == "method"}
        for iri in {by_method[method] for method in methods if method in by_method}:
            for tool in ids(entity.get("instrument")):
                if tool in whole and "ComputationalWorkflow" not in many(whole[tool].get("@type")):
                    added[iri] = node(iri, "DefinedTerm", name="Image segmentation", url=iri)
                    _refer(whole[tool], "featureList", iri)


def _refer(entity: Node, key: str, at: str) -> None:
    found = many(entity.get(key))
    if reference(at) not in found:
        found = [*found, reference(at)]
    entity[key] = found[0] if len(found) == 1 else found


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("filiation.publish").joinpath("vocabularies.json").read_text("utf-8"))
    return found


def versions() -> Mapping[str, str]:
    """Return of which versions the terms are."""
    told: Mapping[str, str] = _table()["versions"]
    return told
