"""What others hand over, made ready for the catalogue: archives, accounts of provenance, folders of crates.

A crate's folder is taken as it is. Anything else becomes one first: a ZIP archive is looked through and unpacked, a
metadata file gets a folder, and around a PROV document or a run in Nextflow's lineage store a crate is made, since the
truth is crates on disk. What is refused is refused before anything is written into the catalogue.
"""

from filiation.incoming.arrival import take_in
from filiation.incoming.recognition import places

__all__ = ["places", "take_in"]
