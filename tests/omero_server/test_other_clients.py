"""Clients beside BlitzGateway, all as they are published: ezomero, the ``omero`` command line, omero-rdf."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)

from omero.gateway import TagAnnotationWrapper  # noqa: E402
from omero.rtypes import rlong  # noqa: E402

from tests.omero_server.fixtures import SignIn  # noqa: E402
from tests.omero_server.made_up import small_image  # noqa: E402
from tests.omero_server.rows import Row  # noqa: E402
from tests.omero_server.server import OmeroServer  # noqa: E402

NAMESPACE = "example.org/run"


@dataclass(frozen=True)
class Made:
    """What a client put in, so that the same works on a real server: an image in a dataset in a project."""

    project: int
    dataset: int
    image: int


@pytest.fixture
def made(gateway: Any) -> Made:
    """Give an image in a dataset in a project."""
    array = small_image()
    planes = (array[t, c, z] for z in range(4) for c in range(3) for t in range(2))
    image = gateway.createImageFromNumpySeq(planes, "cells", sizeZ=4, sizeC=3, sizeT=2)
    project = ezomero.post_project(gateway, "study")
    dataset = ezomero.post_dataset(gateway, "day 1", project)
    ezomero.link_images_to_dataset(gateway, [image.getId()], dataset)
    return Made(project, dataset, image.getId())


def test_ezomero_connects_and_reads(sign_in: SignIn, made: Made):
    connection = ezomero.connect(
        sign_in.user, sign_in.password, "", host=sign_in.host, port=sign_in.port, secure=True, config_path=""
    )
    image, pixels = ezomero.get_image(connection, made.image, dim_order="tczyx")

    assert image.getName() == "cells"
    np.testing.assert_array_equal(pixels, small_image())
    corner, lengths = (4, 6, 1, 2, 1), (10, 8, 2, 1, 1)
    _, part = ezomero.get_image(connection, made.image, start_coords=corner, axis_lengths=lengths, dim_order="tczyx")
    np.testing.assert_array_equal(part, small_image()[1:2, 2:3, 1:3, 6:14, 4:14])
    connection.close()


def test_ezomero_lists_by_container_and_annotation(gateway: Any, made: Made):
    assert made.project in ezomero.get_project_ids(gateway)
    assert ezomero.get_dataset_ids(gateway, project=made.project) == [made.dataset]
    assert ezomero.get_image_ids(gateway, dataset=made.dataset) == [made.image]
    assert ezomero.get_image_ids(gateway, project=made.project) == [made.image]

    tag = TagAnnotationWrapper(gateway)
    tag.setValue("control")
    tag.save()
    gateway.getObject("Image", made.image).linkAnnotation(tag)
    assert ezomero.get_tag_ids(gateway, "Image", made.image) == [tag.getId()]
    assert ezomero.get_tag(gateway, tag.getId()) == "control"
    assert ezomero.filter_by_tag_value(gateway, [made.image], "control") == [made.image]
    ezomero.post_map_annotation(gateway, "Image", made.image, {"gene": "ACT1"}, NAMESPACE)
    assert ezomero.filter_by_kv(gateway, [made.image], "gene", "ACT1") == [made.image]


def test_ezomero_reads_wells(omero_server: OmeroServer, gateway: Any):
    planting = omero_server.plant("ada")
    fields = [planting.image(np.zeros((4, 4), "u1"), f"field {number}") for number in range(2)]
    plate = planting.plate("plate", {(1, 2): fields}, screen="screen")

    (well,) = ezomero.get_well_ids(gateway, plate=plate.id)
    assert ezomero.get_image_ids(gateway, well=well) == [each.id for each in fields]
    assert ezomero.get_image_ids(gateway, plate=plate.id) == [each.id for each in fields]
    assert ezomero.get_well_id(gateway, plate.id, row=1, column=2) == well


def test_ezomero_writes_pairs_files_and_reads_them(gateway: Any, made: Made, tmp_path: Path):
    number = ezomero.post_map_annotation(gateway, "Image", made.image, {"run": "7f3a"}, NAMESPACE)
    assert ezomero.get_map_annotation_ids(gateway, "Image", made.image, ns=NAMESPACE) == [number]
    assert ezomero.get_map_annotation(gateway, number) == {"run": "7f3a"}
    ezomero.put_map_annotation(gateway, number, {"run": "8c"})
    assert ezomero.get_map_annotation(gateway, number) == {"run": "8c"}

    (tmp_path / "crate.json").write_text("{}")
    file = ezomero.post_file_annotation(gateway, str(tmp_path / "crate.json"), NAMESPACE, "Image", made.image)
    assert ezomero.get_file_annotation_ids(gateway, "Image", made.image, ns=NAMESPACE) == [file]
    (tmp_path / "back").mkdir()
    assert Path(ezomero.get_file_annotation(gateway, file, str(tmp_path / "back"))).read_text() == "{}"


def test_ezomero_makes_containers_images_regions_and_tables(gateway: Any):
    pandas = pytest.importorskip("pandas")
    project = ezomero.post_project(gateway, "made", "by ezomero")
    dataset = ezomero.post_dataset(gateway, "results", project)
    pixels = np.arange(60, dtype="u2").reshape(5, 12, 1, 1, 1)
    image = ezomero.post_image(gateway, pixels, "posted", dataset_id=dataset)
    _, read = ezomero.get_image(gateway, image)
    np.testing.assert_array_equal(read[0, 0, :, :, 0], pixels[:, :, 0, 0, 0].T)

    shapes = [ezomero.rois.Rectangle(x=1, y=2, width=3, height=4), ezomero.rois.Polygon([(0, 0), (2, 0), (2, 2)])]
    roi = ezomero.post_roi(gateway, image, shapes, name="17")
    assert ezomero.get_roi_ids(gateway, image) == [roi]
    found = [ezomero.get_shape(gateway, each) for each in ezomero.get_shape_ids(gateway, roi)]
    assert [type(each).__name__ for each in found] == ["Rectangle", "Polygon"]
    assert found[0].width == 3

    frame = pandas.DataFrame({"label": [1, 2], "area": [10.5, 20.0], "kind": ["a", "bb"]})
    table = ezomero.post_table(gateway, frame, "Image", image, headers=True)
    pandas.testing.assert_frame_equal(ezomero.get_table(gateway, table), frame, check_dtype=False)


def test_ezomero_links_an_image_a_second_time(gateway: Any, made: Made):
    dataset = ezomero.post_dataset(gateway, "second")

    ezomero.link_images_to_dataset(gateway, [made.image], dataset)

    assert ezomero.get_image_ids(gateway, dataset=dataset) == [made.image]


@pytest.fixture
def command_line(omero_server: OmeroServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that runs the ``omero`` command in a process of its own."""
    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path / "omero"))
    # The command refuses to run as root, as CI often does; all else is its own.
    program = Path(sys.executable).with_name("omero")
    shim = f"import os, sys; os.geteuid = os.getuid = lambda: 1000; sys.argv[0] = {str(program)!r}; "
    shim += "from omero.main import main; main()"

    def run(*arguments: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", shim, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_the_omero_command_signs_in_asks_writes_and_leaves(
    omero_server: OmeroServer, omero_image: Row, command_line: Any
):
    command_line("login", f"ada@{omero_server.host}:{omero_server.port}", "-w", "ada-password")
    (key,) = omero_server.sessions.by_key
    assert "cells" in command_line("hql", "-q", "--style", "plain", "select i.name from Image i")
    made = command_line("obj", "new", "Dataset", "name=by the command").strip()
    assert omero_server.store.find("Dataset", int(made.removeprefix("Dataset:"))) is not None
    command_line("logout")
    assert key not in omero_server.sessions.by_key


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="omero-rdf is published for Python up to 3.12")
def test_omero_rdf_writes_the_graph_of_an_image_and_what_we_write_joins_it(
    signed_in: OmeroServer, omero_image: Row, gateway: Any, command_line: Any
):
    import rdflib

    from filiation.crate.image_metadata import DCTERMS, OME, write_image_metadata
    from filiation.crate.jsonld import ids, many
    from filiation.images.omero.address import Host, image_address
    from filiation.images.omero.connection import connect
    from filiation.images.omero.metadata import read_metadata

    omero_server = signed_in

    text = command_line(
        "-s",
        omero_server.host,
        "-p",
        str(omero_server.port),
        "-k",
        gateway.c.getSessionId(),
        "rdf",
        "-F",
        "turtle",
        f"Image:{omero_image.id}",
    )

    graph = rdflib.Graph().parse(data=text[text.index("@prefix") :], format="turtle")
    subject = rdflib.URIRef(f"https://{omero_server.host}/Image/{omero_image.id}")
    core = rdflib.Namespace("http://www.openmicroscopy.org/rdf/2016-06/ome_core/")
    assert graph.value(subject, core.Name) == rdflib.Literal("cells")
    assert rdflib.Literal("ACT1") in set(graph.objects(None, core.Value))

    host = Host(omero_server.host, omero_server.port)
    ours = write_image_metadata([read_metadata(connect(host), image_address(host, int(omero_image.id or 0)))])
    kinds = graph.subject_objects(rdflib.RDF.type)
    theirs = {str(each): str(kind).replace(OME, "ome-xml:") for each, kind in kinds if str(kind).startswith(OME)}
    common = {iri: kind for iri, kind in theirs.items() if iri in ours}
    assert {iri: many(ours[iri]["@type"])[-1] for iri in common} == common
    assert {iri.split("/")[3] for iri in common} >= {"Image", "TagAnnotation", "CommentAnnotation", "MapAnnotation"}
    held = {str(each) for each in graph.objects(subject, rdflib.URIRef(DCTERMS + "hasPart"))}
    assert {each for each in ids(ours[str(subject)]["dcterms:hasPart"]) if "Annotation/" in each} <= held


def test_a_plain_client_uploads_and_downloads(sign_in: SignIn, tmp_path: Path):
    client = omero.client(host=sign_in.host, port=sign_in.port)
    client.createSession(sign_in.user, sign_in.password)
    (tmp_path / "notes.txt").write_text("seen")
    file = client.upload(str(tmp_path / "notes.txt"))
    client.download(omero.model.OriginalFileI(rlong(file.id.val), False), str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_text() == "seen"
    client.closeSession()
