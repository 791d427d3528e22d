"""Crates: a run as a Workflow Run RO-Crate on disk, and back.

``write_crate`` makes the folder, ``read_crate`` returns the same run, ``validation`` asks the profiles' own checks.
"""

from filiation.crate.composition import METADATA_RECORDS
from filiation.crate.reader import read_crate
from filiation.crate.writer import METADATA, Payload, flush, flush_tree, write_crate

__all__ = ["METADATA", "METADATA_RECORDS", "Payload", "flush", "flush_tree", "read_crate", "write_crate"]
