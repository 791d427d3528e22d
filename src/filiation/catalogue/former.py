"""The crates that do not hold any more, in indexes of their own, so that what they told is asked for as of any index.

A run's crates all have one IRI, so the first that each run had and has not any more are in one index, the second in
another, and so on: there are few. They are caches in ``as-of/``, to which is added what was superseded since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from filiation.catalogue.as_of import read_version
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.index_file import FORMAT
from filiation.catalogue.lock import holding
from filiation.catalogue.versions import Version

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder


@contextmanager
def former_indexes(
    folder: CatalogueFolder, versions: Sequence[Version], *, wait: float = 10.0
) -> Iterator[list[tuple[LineageIndex, dict[str, Version]]]]:
    """Open indexes of crates that do not hold any more; one that is not kept is in none.

    Parameters
    ----------
    folder
        The catalogue.
    versions
        The crates, those of a run in the order in which they were known.
    wait
        Seconds to wait for another process that makes them.

    Returns
    -------
    Each index, and the crates that are asked for in it, by the IRIs of their runs' crates. It may have others too.
    """
    layers: dict[int, dict[str, Version]] = defaultdict(dict)
    before: dict[str, int] = defaultdict(int)
    for version in versions:
        if version.folder is not None:
            layers[before[version.crate]][version.crate] = version
            before[version.crate] += 1
    home = folder.caches / "as-of"
    with ExitStack() as opened:
        found = []
        for number, asked in layers.items():
            home.mkdir(parents=True, exist_ok=True)
            place = home / f"former-{FORMAT}-{number}.sqlite"
            with holding(place.with_suffix(".lock"), wait=wait):
                _fill(place, asked, folder, wait)
            found.append((opened.enter_context(LineageIndex(place, wait=wait)), asked))
        yield found


def _fill(place: Path, asked: dict[str, Version], folder: CatalogueFolder, wait: float) -> None:
    """Add to an index what it has not yet."""
    with LineageIndex(place, create=True, wait=wait) as index:
        for crate, version in asked.items():
            if index.metadata_digest(crate) != version.digest:
                _, _, derived = read_version(version, folder)
                index.replace(derived, folder=str(version.folder), stamp="", digest=version.digest)
