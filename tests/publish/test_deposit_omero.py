"""A publication is noted on the images in OMERO that it was made from, once, and in pairs that others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("omero.gateway", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)

from filiation.catalogue import CatalogueFolder  # noqa: E402
from filiation.lineage import Ledger  # noqa: E402
from tests.lineage.crates import CrateBuilder  # noqa: E402
from tests.publish.conftest import Call  # noqa: E402
from tests.publish.inveniordm_standin import InvenioStandIn  # noqa: E402
from tests.publish.small_crate import small_crate  # noqa: E402
from tests.publish.standins import TOKEN, served  # noqa: E402

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer


def test_the_images_that_a_published_crate_was_made_from_get_its_doi(
    signed_in: OmeroServer, call: Call, gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILIATION_INVENIORDM_TOKEN", TOKEN)
    planting = signed_in.plant("ada")
    first, second, other = (planting.image(np.zeros((4, 4), "u1"), name) for name in ("a", "b", "c"))
    crate = small_crate(
        tmp_path / "nuclei",
        isBasedOn=[{"@id": f"https://{signed_in.host}/Image/{image.id}"} for image in (first, second)],
    )
    server = f"{signed_in.host}:{signed_in.port}"
    run = CrateBuilder(tmp_path)
    run.job("fetch", (f"https://{signed_in.host}/Image/{first.id}",), {"results/a.txt": "a"})
    ledger = Ledger(CatalogueFolder.create(tmp_path / ".filiation").root)
    ledger.ingest(run.write(tmp_path / "crates"))
    with served(InvenioStandIn().gate()) as address:
        command = ("deposit", crate, "--to", "inveniordm", "--server", address, "--omero", server)
        drafted = call(*command)
        assert (drafted.exit_code, "is told when it is published" in drafted.stderr) == (0, True)
        done = call(*command, "--publish", "--json")
        again = call(*command, "--publish")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["annotated"] == [f"Image:{first.id}", f"Image:{second.id}"]
    assert "knows of it already" in again.stderr
    for image in (first, second):
        (number,) = ezomero.get_map_annotation_ids(gateway, "Image", image.id, ns="filiation/publication")
        pairs = ezomero.get_map_annotation(gateway, number)
        assert (pairs["DOI"], pairs["Title"]) == (f"https://doi.org/{told['doi']}", "Nuclei <of> kidneys")
    assert not ezomero.get_map_annotation_ids(gateway, "Image", other.id, ns="filiation/publication")
    # The catalogue, which knows the first of the images, tells what was written there, by whom and when; once.
    (noted,) = ledger.annotations(f"https://{signed_in.host}/Image/{first.id}")
    assert (noted.key, noted.value) == ("published in OMERO", f"https://doi.org/{told['doi']}")
    number = ezomero.get_map_annotation_ids(gateway, "Image", first.id, ns="filiation/publication")[0]
    assert noted.why is not None
    assert noted.why.startswith(f"written on Image:{first.id} of {server} as MapAnnotation:{number} by ada at 20")
    assert noted.why.endswith(f"Z, deposit {told['id']}")
