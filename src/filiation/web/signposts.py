"""FAIR Signposting (signposting.org, level 1 and 2): typed links by which a program finds its way from a page.

They stand in the ``Link`` header (RFC 8288), in the page's head, and all together in a link set (RFC 9264).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from filiation.catalogue import Json, RunSummary
from filiation.crate.metadata import METADATA_FILE
from filiation.lineage.crate_evidence import CrateEvidence
from filiation.lineage.dossier import Dossier
from filiation.web.pages import address, href

JSON_LD: Final = "application/ld+json"
LINKSET: Final = "application/linkset+json"
CRATE_PROFILE: Final = "https://w3id.org/ro/crate"
ABOUT_PAGE: Final = "https://schema.org/AboutPage"
_SPDX: Final = "https://spdx.org/licenses/"


@dataclass(frozen=True, slots=True)
class Signpost:
    """A typed link.

    Parameters
    ----------
    rel
        A relation that IANA registers.
    target
        Where it leads.
    media
        What one finds there.
    profile
        To which that conforms.
    """

    rel: str
    target: str
    media: str | None = None
    profile: str | None = None

    @property
    def media_type(self) -> str | None:
        """The media type with its profile, as the ``type`` of a link."""
        return f'{self.media};profile="{self.profile}"' if self.media and self.profile else self.media

    def header(self) -> str:
        """Write it for a ``Link`` header."""
        kind = f'; type="{self.media}"' if self.media else ""
        profile = f'; profile="{self.profile}"' if self.profile else ""
        return f'<{quote(self.target, safe=_IN_TARGETS)}>; rel="{self.rel}"{kind}{profile}'


_IN_TARGETS: Final = "/:?#[]@!$&'()*+,;=%~-._"


def of_crate(crate: CrateEvidence) -> tuple[Signpost, ...]:
    """Return what leads on from a page about a run."""
    return (*_of_run(crate.run), *_described_by(crate))


def of_dossier(dossier: Dossier) -> tuple[Signpost, ...]:
    """Return what leads on from a page about a thing: to the crate that tells of it, its licence and who made it."""
    crate = next((each for each in dossier.crates if each.run.iri == dossier.node.crate), None)
    people = tuple(Signpost("author", found) for _, name in dossier.people if (found := href(name)) is not None)
    about = () if crate is None else of_crate(crate)
    return tuple(dict.fromkeys((Signpost("type", ABOUT_PAGE), *people, *about)))


def linkset(anchor: str, signposts: tuple[Signpost, ...], base: str) -> dict[str, Json]:
    """Write them as a link set.

    Parameters
    ----------
    anchor
        The address of the page that they lead on from.
    signposts
        What leads on.
    base
        What addresses of this server begin with.
    """
    links: dict[str, Json] = {"anchor": anchor}
    for rel in dict.fromkeys(each.rel for each in signposts):
        links[rel] = [
            {
                key: value
                for key, value in (
                    ("href", base + each.target if each.target.startswith("/") else each.target),
                    ("type", each.media),
                    ("profile", each.profile),
                )
                if value is not None
            }
            for each in signposts
            if each.rel == rel
        ]
    return {"linkset": [links]}


def _of_run(run: RunSummary) -> tuple[Signpost, ...]:
    doi = href(run.doi)
    return (
        Signpost("type", ABOUT_PAGE),
        *([Signpost("cite-as", doi)] if doi is not None else []),
        *(Signpost("license", found) for name in run.licenses if (found := _licence(name)) is not None),
    )


def _described_by(crate: CrateEvidence) -> tuple[Signpost, ...]:
    if crate.size is None:
        return ()
    metadata = crate_file(crate.run.id, METADATA_FILE)
    return (Signpost("describedby", metadata, JSON_LD, CRATE_PROFILE), Signpost("item", metadata, JSON_LD))


def crate_file(run: str, path: str) -> str:
    """Return the address of a file of a run's crate."""
    return address("/crate", run=run, path=path)


def _licence(name: str) -> str | None:
    """Return the address of a licence that is named by its SPDX identifier, or by an address."""
    if "://" in name:
        return href(name)
    return _SPDX + name if name.replace("-", "").replace(".", "").isalnum() else None
