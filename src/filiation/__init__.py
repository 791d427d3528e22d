"""filiation: what every piece of secondary data in bioimaging descends from.

>>> import filiation
>>> filiation.open("somewhere")  # doctest: +IGNORE_EXCEPTION_DETAIL
Traceback (most recent call last):
filiation.errors.NotFoundError: No catalogue at …

``docs/reference/python.md`` has every method of the ledger that ``open`` returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from filiation.lineage import Ledger

__all__ = ["__version__", "open"]
__version__ = "0.1.0"


def open(  # noqa: A001 - filiation.open() is what one says
    catalogue: Path | str | None = None, *, as_of: datetime | str | None = None
) -> Ledger:
    """Open a catalogue: every lineage question is a method of what is returned.

    Parameters
    ----------
    catalogue
        Its folder, or one that holds it as ``.filiation``. Default: the one that ``FILIATION_CATALOGUE`` names, else
        the nearest ``.filiation`` from the working folder upwards.
    as_of
        Ask what was known at this time, such as ``2026-03-01`` (the end of that day); None for the present.

    Raises
    ------
    NotFoundError
        If there is no catalogue.
    BadInputError
        If ``as_of`` is no time, or in the future.
    """
    # Every `snakemake` call imports this package through the plugin, so the door opens lazily.
    from filiation.lineage import Ledger

    return Ledger(catalogue, as_of=as_of)
