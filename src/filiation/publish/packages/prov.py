"""The lineage that a crate tells, as PROV-JSON (https://www.w3.org/Submission/prov-json/), without a catalogue."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from filiation.errors import NotFoundError
from filiation.lineage import Ledger
from filiation.lineage.formats import WRITERS
from filiation.publish.packages.package import Package, PackageSettings, write_text


def write_prov(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write where all that a crate tells of comes from, as PROV-JSON.

    Raises
    ------
    NotFoundError
        If the crate tells of nothing that was used or made.
    """
    with TemporaryDirectory(prefix="filiation-prov-") as temporary:
        (Path(temporary) / ".filiation").mkdir()
        ledger = Ledger(temporary)
        ledger.ingest_runs(crate)
        things = [node.iri for node in ledger.find("entity").nodes]
        if not things:
            raise NotFoundError(f"{crate} tells of nothing that was used or made, so there is no lineage to write.")
        lineage = ledger.trace(*things)
    return write_text(target, "prov-json", WRITERS["prov-json"](lineage), ())
