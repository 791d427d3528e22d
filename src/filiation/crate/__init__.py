"""Crates: a run as a Workflow Run RO-Crate on disk, and back.

``write_crate`` makes the folder, ``read_crate`` returns the same run, ``validation`` asks the profiles' own checks.
What is asked for is imported then: most commands neither write nor read a whole crate.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filiation.crate.composition import METADATA_RECORDS
    from filiation.crate.copying import link_or_copy
    from filiation.crate.flushing import flush, flush_tree
    from filiation.crate.reader import read_crate
    from filiation.crate.writer import METADATA, Payload, write_crate

__all__ = [
    "METADATA",
    "METADATA_RECORDS",
    "Payload",
    "flush",
    "flush_tree",
    "link_or_copy",
    "read_crate",
    "write_crate",
]

_PLACES = {
    "METADATA": "writer",
    "METADATA_RECORDS": "composition",
    "Payload": "writer",
    "flush": "flushing",
    "flush_tree": "flushing",
    "link_or_copy": "copying",
    "read_crate": "reader",
    "write_crate": "writer",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
