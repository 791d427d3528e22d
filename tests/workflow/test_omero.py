"""Images in OMERO as samples and as storage inputs: fetched, tracked under one name, and no secret in any byte."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import filiation
from filiation.images import pixel_digest_of_array, read_image
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.model import OriginalFile, ServerFacts
from tests.conftest import Project
from tests.processes import watched_command_lines

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

pytestmark = pytest.mark.slow

PASSWORD = "kanarie-xQz-password"
"""Such as nobody writes by chance."""

SNAKEFILE = """
rule all:
    input: "fetched.ome.zarr", "mean.txt"

rule fetch:
    output: image=directory("fetched.ome.zarr")
    params: source="omero://127.0.0.1/image/{number}"
    log: "logs/fetch.log"
    script: "{fetch}"

rule mean:
    input: storage.omero("omero://127.0.0.1/image/{number}")
    output: "mean.txt"
    log: "logs/mean.log"
    run:
        from pathlib import Path
        from filiation.images import read_image
        open(output[0], "w").write(str(read_image(Path(input[0])).data.mean()))
"""
FETCH = Path(__file__).parents[2] / "workflow" / "scripts" / "fetch.py"


def test_one_image_by_script_and_by_storage_is_one_thing_and_the_password_is_nowhere(
    signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch, project: Callable[[str], Project]
) -> None:
    signed_in.accounts["ada"].password = PASSWORD
    monkeypatch.setenv("OMERO_PASSWORD", PASSWORD)
    image, _ = nuclei3d(Nuclei3D(seed=5, shape=(16, 40, 40), nuclei=2))
    planted = signed_in.plant("ada").image(image.data, "nuclei", axes="zyx", pixel_size=(0.5, 0.5, 1.0))
    signed_in.plant("ada").fileset([planted], {"lab/nuclei.lif": b"bytes of a microscope"})
    number = planted.id
    made = project(SNAKEFILE.format(number=number, fetch=FETCH))

    with watched_command_lines(PASSWORD.encode()) as seen:
        result = made.snakemake("--logger-filiation-pack", "now")

    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(read_image(made.folder / "fetched.ome.zarr").data, image.data)
    assert not seen
    keys = {str(row["uuid"]).encode() for row in signed_in.store.rows("Session")}
    assert len(keys) >= 2
    written = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    assert len(written) > 20
    hits = [path for path, content in written.items() for secret in (PASSWORD.encode(), *keys) if secret in content]
    assert not hits
    for secret in (PASSWORD, *(key.decode() for key in keys)):
        assert secret not in result.stdout + result.stderr
    ledger = filiation.open(made.catalogue)
    iri = f"https://127.0.0.1/Image/{number}"
    derived = {entity.path for entity in ledger.impact(f"omero://127.0.0.1/image/{number}").entities}
    assert {iri, "fetched.ome.zarr", "mean.txt"} <= derived
    assert iri in {entity.path for entity in ledger.trace(str(made.folder / "fetched.ome.zarr")).entities}
    (raw,) = [entity for entity in ledger.trace(iri).entities if entity.iri == iri]
    assert raw.pixels == pixel_digest_of_array(image.data, ("z", "y", "x"))
    assert raw.image is not None
    assert (raw.image.axes, raw.image.shape, raw.image.dtype) == (("z", "y", "x"), image.data.shape, "uint16")
    sha1 = hashlib.sha1(b"bytes of a microscope").hexdigest()
    assert raw.server == ServerFacts(
        signed_in.database_uuid,
        (OriginalFile("https://127.0.0.1/OriginalFile/1", "nuclei.lif", 21, sha1, "SHA1-160"),),
        1,
    )


def test_a_session_key_in_the_environment_serves_the_jobs_and_is_withheld(
    signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch, project: Callable[[str], Project]
) -> None:
    """As on a cluster, where the session comes with the environment: here with a step that fails and says the key."""
    import omero

    client = omero.client(host=signed_in.host, port=signed_in.port)
    client.createSession("ada", "ada-password").detachOnDestroy()
    key = client.getSessionId()
    monkeypatch.setenv("OMERO_SESSION", key)
    for name in ("OMERO_USER", "OMERO_PASSWORD"):
        monkeypatch.delenv(name)
    number = signed_in.plant("ada").image(np.ones((8, 8), "u1"), "cells").id
    made = project(SNAKEFILE.format(number=number, fetch="fetch.py"))
    made.write(
        "fetch.py",
        "import os\nfrom filiation.step import run\nfrom pathlib import Path\n"
        "def leak(image: Path, *, source: str):\n    raise RuntimeError('I know ' + os.environ['OMERO_SESSION'])\n"
        "run(leak, snakemake)\n",
    )

    result = made.snakemake("--logger-filiation-pack", "now", "--keep-going")

    assert result.returncode == 1
    assert (made.folder / "mean.txt").read_text() == "1.0"
    written = [path for path in made.folder.rglob("*") if path.is_file()]
    assert [path for path in written if "[withheld]" in path.read_text("utf-8", "replace")]
    assert not [path for path in written if key.encode() in path.read_bytes()]
    assert os.environ["OMERO_SESSION"] == key
    (raw,) = filiation.open(made.catalogue).trace(f"Image:{number}@127.0.0.1").entities
    assert raw.pixels == pixel_digest_of_array(np.ones((8, 8), "u1"), ("y", "x")), "the storage plugin's copy tells"
    assert raw.server is not None
    assert raw.server.database == signed_in.database_uuid
    client.killSession()
