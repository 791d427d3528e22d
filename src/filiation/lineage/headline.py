"""A lineage in one sentence: when, by whom, from which sources, with which programs and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from filiation.catalogue.nodes import ActionNode, EntityNode
from filiation.lineage import words
from filiation.lineage.phrases import Phrases, phrases
from filiation.lineage.story import making_of
from filiation.model import EntityKind, OmeroId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.lineage.answers import Lineage

METHODS: Final = (
    "cellpose", "stardist", "instanseg-torch", "segment-anything", "micro_sam", "ilastik", "elephant", "btrack",
    "trackpy", "laptrack", "fiji", "cellprofiler", "napari", "monai", "nnunetv2", "scikit-image",
)  # fmt: skip
"""Programs that a result is named after, before the libraries that they stand on."""
_FEW: Final = 3
"""Programs that are all named; of more, those that results are named after."""
_MOST: Final = 3
_IMAGES: Final = (EntityKind.RAW_IMAGE, EntityKind.IMAGE)


def headline(lineage: Lineage, made_by: Iterable[ActionNode], language: str = "en") -> str | None:
    """Tell in one sentence where a thing comes from; None for what no job made.

    Parameters
    ----------
    lineage
        Its ancestors, or the nearest of them.
    made_by
        The jobs that made it.
    language
        Of :data:`filiation.lineage.phrases.LANGUAGES`.
    """
    makers = list(made_by)
    if not makers:
        return None
    speech = phrases(language)
    means = [*programs(makers[0]), *map(speech.parameter, makers[0].parameters[:_MOST])]
    sources = source_names(lineage, speech)
    return speech.headline(making_of(makers[0]), sources, means, further=bool(lineage.cut))


def source_names(lineage: Lineage, speech: Phrases) -> list[str]:
    """Return the names of what a lineage begins with: images if there are any, else files."""
    found = [source for source in lineage.sources if not source.generated]
    images = [source for source in found if source.kind in _IMAGES]
    return [source_name(source, speech) for source in images or found]


def source_name(source: EntityNode, speech: Phrases) -> str:
    """Return what a source is called; an image in OMERO by its id and server.

    >>> source_name(EntityNode("https://omero.example.org/Image/51", "arcp://uuid,1/", "x"), phrases("en"))
    'image 51 on omero.example.org'
    """
    of = OmeroId.from_iri(source.iri)
    return words.plain(source.path) if of is None else speech.on_server(of)


def programs(action: ActionNode) -> list[str]:
    """Return the programs that a result is named after, with their versions."""
    known = {found.name.lower(): found for found in action.software}
    if len(known) > _FEW:
        known = {name: known[name] for name in METHODS if name in known}
    return [words.plain(f"{found.name} {found.version or ''}".strip()) for found in list(known.values())[:_FEW]]
