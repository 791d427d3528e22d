"""What a check of a training set found, to be told to a person and to a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.catalogue import Json
from filiation.training.contents import Contents, InSet

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that is on both sides of a split.

    Parameters
    ----------
    kind
        ``same file``, ``same pixels``, or by lineage ``same image`` (the raw one), ``same well`` and so on.
    first, second
        An image of each of two parts.
    detail
        The evidence, in words.
    others
        How many further pairs of images leak for the same reason.
    """

    kind: str
    first: InSet
    second: InSet
    detail: str
    others: int = 0

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "kind": self.kind,
            "first": {"path": self.first.path, "part": self.first.part},
            "second": {"path": self.second.path, "part": self.second.part},
            "detail": self.detail,
            "others": self.others,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Parameters
    ----------
    folder, contents
        What was looked at.
    leaks
        Sorted by kind, then by path.
    by_digest, by_content
        How many images the catalogue knows by their bytes or pixels, and how many by a part of their pixels alone.
    known
        What the catalogue knows them as, or knows to show the same.
    not_read
        Images that could not be read, with the reason: they were compared by their bytes alone.
    remarks
        What else should be known of how it was looked at.
    """

    folder: Path
    contents: Contents
    leaks: tuple[Leak, ...]
    by_digest: int
    by_content: int
    known: tuple[EntityNode, ...] = ()
    not_read: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Images of each part."""
        return dict(sorted(Counter(image.part for image in self.contents.images).items()))

    @property
    def unknown(self) -> int:
        """Images that the catalogue does not know."""
        return len(self.contents.images) - self.by_digest - self.by_content

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "folder": str(self.folder),
            "layout": self.contents.layout,
            "parts": {**self.counts},
            "leaks": [leak.to_json() for leak in self.leaks],
            "known": {"by_digest": self.by_digest, "by_content": self.by_content, "not": self.unknown},
            "not_read": [{"path": path, "why": why} for path, why in self.not_read],
            "remarks": [*self.contents.remarks, *self.remarks],
        }
