import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest

from filiation.digest import digest_file, digest_tree
from filiation.errors import BadInputError, NotFoundError
from filiation.images import Image, SourceIdentity, open_source, pixel_digest_of_array
from filiation.model import Digest, DigestKind

IHC = "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef"


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("a source reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("_no_network")
def test_the_tissue_is_identified_by_the_file_in_the_wheel() -> None:
    assert open_source("skimage:immunohistochemistry").identify() == SourceIdentity(
        iri="skimage:immunohistochemistry",
        name="Colonic glands, immunohistochemical staining",
        digest=Digest(DigestKind.FILE, IHC),
        size=477916,
        media_type="image/png",
        url="https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.immunohistochemistry",
    )


@pytest.mark.usefixtures("_no_network")
def test_the_tissue_is_its_haematoxylin() -> None:
    image = open_source("skimage:immunohistochemistry").fetch()
    assert (image.axes, image.shape, image.data.dtype, image.channels) == (
        ("y", "x"), (512, 512), np.uint16, ("haematoxylin",)
    )  # fmt: skip
    assert image.units == ("", "")
    assert 20_000 < np.percentile(image.data, 99) < 60_000  # the range is used, and nothing is cut off at its end


def test_a_synthetic_source_is_identified_by_its_recipe_and_pixels() -> None:
    source = open_source("synthetic:nuclei3d?shape=16,40,50&seed=3")
    image = source.fetch()
    assert source.identify() == SourceIdentity(
        iri="synthetic:nuclei3d?seed=3&shape=16,40,50&nuclei=2",
        name="Synthetic nuclei, seed 3",
        pixels=pixel_digest_of_array(image.data, ("z", "y", "x")),
    )


def test_the_default_recipe_may_be_left_out() -> None:
    assert open_source("synthetic:nuclei3d").identify().iri == "synthetic:nuclei3d?seed=7&shape=32,256,256&nuclei=117"


def test_a_store_is_identified_by_its_tree_and_a_file_by_its_bytes(tmp_path: Path, raw: Path, image: Image) -> None:
    tree = digest_tree(raw)
    assert open_source(str(raw)).identify() == SourceIdentity(str(raw), "raw.ome.zarr", tree.digest, size=tree.size)
    assert np.array_equal(open_source(str(raw)).fetch().data, image.data)
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    assert open_source(str(text)).identify() == SourceIdentity(
        str(text), "notes.txt", Digest(DigestKind.FILE, hashlib.sha256(b"hello").hexdigest()), size=5
    )
    assert open_source(str(text)).identify().digest == digest_file(text)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "ftp://host/x.tif",
            "'ftp://host/x.tif' has the unknown scheme 'ftp'. "
            "Known are skimage:, synthetic:, omero:, s3:, and a path without a scheme.",
        ),
        (
            "skimage:cells3d",
            "'skimage:cells3d' names no micrograph inside scikit-image's wheel; known are immunohistochemistry, cell.",
        ),
        (
            "skimage:cell?seed=1",
            "'skimage:cell?seed=1' gives the parameter 'seed'; each of (none) may be given once.",
        ),
        (
            "synthetic:stars",
            "'synthetic:stars' names no generated image; known are nuclei3d, beads3d, cells, movie and plate.",
        ),
        (
            "synthetic:nuclei3d?sead=7",
            "'synthetic:nuclei3d?sead=7' gives the parameter 'sead'; each of seed, shape, nuclei may be given once.",
        ),
        (
            "synthetic:nuclei3d?seed=7&seed=8",
            "'synthetic:nuclei3d?seed=7&seed=8' gives the parameter 'seed'; "
            "each of seed, shape, nuclei may be given once.",
        ),
        (
            "synthetic:nuclei3d?seed",
            "'synthetic:nuclei3d?seed' has a malformed query: bad query field: 'seed'. Write name=value&name=value.",
        ),
        (
            "synthetic:nuclei3d?seed=seven",
            "'synthetic:nuclei3d?seed=seven' gives seed as 'seven'; expected a whole number.",
        ),
        (
            "synthetic:nuclei3d?shape=32,32",
            "'synthetic:nuclei3d?shape=32,32' gives shape as '32,32'; "
            "expected 3 whole numbers with commas between, as in 32,256,256.",
        ),
        (
            "synthetic:nuclei3d?shape=1,32,32",
            "A synthetic volume needs a seed of 0 or more and a shape of at least 16,16,16 and at most 268435456 "
            "voxels; found seed 7 and shape 1,32,32.",
        ),
        (
            "synthetic:nuclei3d?shape=99999,99999,99999",
            "A synthetic volume needs a seed of 0 or more and a shape of at least 16,16,16 and at most 268435456 "
            "voxels; found seed 7 and shape 99999,99999,99999.",
        ),
        ("synthetic:nuclei3d?nuclei=0", "Between 1 and 100000 nuclei can be placed; found 0."),
    ],
)
def test_a_uri_that_names_nothing_is_one_clear_error(uri: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        open_source(uri)
    assert str(caught.value) == message


def test_a_path_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    source = open_source(str(tmp_path / "none.tif"))
    for ask in (source.fetch, source.identify):
        with pytest.raises(NotFoundError) as caught:
            ask()
        assert str(caught.value) == f"There is no image at {tmp_path / 'none.tif'}: the path leads nowhere."


def test_a_file_of_another_kind_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadInputError) as caught:
        open_source(str(tmp_path / "notes.txt")).fetch()
    assert str(caught.value) == (
        f"{tmp_path / 'notes.txt'} is no image that can be read: it is neither a folder with an OME-Zarr image, nor "
        "such a folder in a ZIP file, nor a TIFF file. Convert it to one of them."
    )
