"""Stores in an object store: a real S3 server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pytest

from filiation.digest import digest_tree
from filiation.errors import AccessError, BadInputError, NotFoundError, ServerError
from filiation.images import (
    ChannelVolume,
    Image,
    LabelImage,
    LabelStore,
    ObjectPlace,
    Pyramid,
    StoreFormat,
    check_store,
    digest_objects,
    fetch_into,
    noted_sizes,
    open_source,
    pixel_digest,
    plate_source,
    put_store,
    read_image,
    read_labels,
    write_image,
    write_labels,
)
from filiation.images.conformance.at_hand import check_place
from filiation.images.object_access import ObjectAccess
from filiation.images.object_store import object_names, open_object_multiscale, put_objects
from filiation.images.ome_zarr import read_pixels
from filiation.images.secrets import secrets_in_use
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.images.synthetic_plate import SyntheticPlate, write_synthetic_plate
from filiation.segmentation.blockwise import Task, grid_for, recipe_named, segment_volume
from tests.object_store import KEY_ID, SECRET, s3_server


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Return a new bucket's name; the environment leads to it."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    name = request.node.name.replace("_", "-").partition("[")[0][5:60].strip("-")
    client(endpoint).create_bucket(Bucket=name)
    return name


def client(endpoint: str):
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)


@pytest.mark.parametrize("form", [StoreFormat(sharded=True), StoreFormat("0.4")], ids=["shards", "0.4"])
def test_an_image_goes_there_and_comes_back_with_its_identities(
    tmp_path: Path, bucket: str, image: Image, form: StoreFormat
) -> None:
    place = ObjectPlace(bucket, f"raw/{form.version}.ome.zarr")
    write_image(tmp_path / "raw.ome.zarr", image, form)
    (tmp_path / "raw.ome.zarr" / ".snakemake_timestamp").write_bytes(b"")

    put = put_store(tmp_path / "raw.ome.zarr", place)
    fetched = fetch_into(open_source(str(place)), tmp_path / "back.ome.zarr")

    assert put == digest_objects(place) == digest_tree(tmp_path / "raw.ome.zarr")
    assert (fetched.iri, fetched.digest, fetched.size) == (str(place), put.digest, put.size)
    assert fetched.pixels == pixel_digest(tmp_path / "raw.ome.zarr") == pixel_digest(tmp_path / "back.ome.zarr")
    assert fetched.image is not None
    assert fetched.image.shape == image.shape
    back = read_image(tmp_path / "back.ome.zarr")
    assert np.array_equal(back.data, image.data)
    assert (back.axes, back.scale, back.units, back.channels) == (image.axes, image.scale, image.units, image.channels)
    assert np.array_equal(open_source(str(place)).fetch().data, image.data)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_fields_of_a_plate_are_read_where_they_lie(tmp_path: Path, bucket: str, version: str) -> None:
    write_synthetic_plate(tmp_path / "plate.ome.zarr", SyntheticPlate(rows=1, columns=2), StoreFormat(version))
    place = ObjectPlace(bucket, f"screens/{version}.ome.zarr")
    put_store(tmp_path / "plate.ome.zarr", place)

    there, here = plate_source(str(place)), plate_source(str(tmp_path / "plate.ome.zarr"))
    assert there is not None
    assert here is not None
    assert there.plate == here.plate
    assert there.fields == {path: f"{place}/{path}" for path in here.fields}
    asked = plate_source(str(place), ["A2"])
    assert asked is not None
    field, source = next(iter(asked.fields.items()))
    assert field.startswith("A/2/")
    assert open_source(source).identify().digest == digest_tree(tmp_path / "plate.ome.zarr" / field).digest
    with pytest.raises(BadInputError, match="has no well 'C7' with a field of view; it has A1, A2"):
        plate_source(str(place), ["C7"])
    assert plate_source(source) is None  # an image
    assert plate_source(f"s3://{bucket}/nothing") is None


def test_a_store_there_is_looked_through_with_its_labels_and_their_source(
    tmp_path: Path, bucket: str, image: Image, labels: LabelImage
) -> None:
    write_image(tmp_path / "raw.ome.zarr", image)
    write_labels(tmp_path / "nuclei.ome.zarr", replace(labels, source="../raw.ome.zarr"))
    for name in ("raw", "nuclei"):
        put_store(tmp_path / f"{name}.ome.zarr", ObjectPlace(bucket, f"lab/{name}.ome.zarr"))
    place = ObjectPlace(bucket, "lab/nuclei.ome.zarr")
    assert check_place(place) == check_store(tmp_path / "nuclei.ome.zarr") == ()

    metadata = tmp_path / "nuclei.ome.zarr" / "zarr.json"
    told = json.loads(metadata.read_text())
    told["attributes"]["ome"]["image-label"]["colors"].append({"label-value": 4711, "rgba": [0, 0, 0, 0]})
    told["attributes"]["ome"]["image-label"]["source"]["image"] = "../lost.ome.zarr"
    metadata.write_text(json.dumps(told))
    put_store(tmp_path / "nuclei.ome.zarr", ObjectPlace(bucket, "lab/other.ome.zarr"))
    found = check_place(ObjectPlace(bucket, "lab/other.ome.zarr"))
    assert {each.fault for each in found} == {"source-nowhere", "colors-ghost"}
    assert f"no image is at s3://{bucket}/lab/lost.ome.zarr" in next(
        each.found for each in found if each.fault == "source-nowhere"
    )
    assert {each.fault for each in check_place(ObjectPlace(bucket, "lab/other.ome.zarr"), pixels=False)} == {
        "source-nowhere"
    }
    with pytest.raises(NotFoundError, match=f"There is nothing at s3://{bucket}/lab/none.zarr"):
        check_place(ObjectPlace(bucket, "lab/none.zarr"))


def test_labels_go_there_and_are_read_where_they_lie(tmp_path: Path, bucket: str, labels: LabelImage) -> None:
    write_labels(tmp_path / "nuclei.ome.zarr", replace(labels, source=None), StoreFormat(sharded=True))
    place = ObjectPlace(bucket, "nuclei.ome.zarr")
    put_store(tmp_path / "nuclei.ome.zarr", place)
    store = open_object_multiscale(place)
    assert store.image_label is not None
    region = (slice(1, 3), slice(0, 150), slice(200, 301))
    assert np.array_equal(read_pixels(store, region), labels.data[region])
    with pytest.raises(BadInputError) as caught:
        put_store(tmp_path / "nuclei.ome.zarr", place)
    assert str(caught.value) == (
        f"There is something at s3://{bucket}/nuclei.ome.zarr already; a store is never written to again."
    )
    assert read_labels(tmp_path / "nuclei.ome.zarr").values == (1, 7)


@pytest.mark.slow
def test_what_is_wrong_is_told_without_a_secret(
    tmp_path: Path, bucket: str, endpoint: str, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_source(f"s3://{bucket}/nothing.zarr").identify()
    assert str(caught.value) == (
        f"There is nothing at s3://{bucket}/nothing.zarr: no object has a key that begins with nothing.zarr/."
    )
    with pytest.raises(NotFoundError) as caught:
        open_source("s3://no-such-bucket/a.zarr").identify()
    assert str(caught.value) == "There is nothing at s3://no-such-bucket/a.zarr, or no such bucket."

    place = ObjectPlace(bucket, "raw.zarr")
    put_store(raw, place)
    client(endpoint).delete_object(Bucket=bucket, Key="raw.zarr/zarr.json")
    with pytest.raises(BadInputError, match=r"^s3://.*/raw\.zarr is not an OME-Zarr store: it is no folder with"):
        open_source(str(place)).fetch()
    client(endpoint).put_object(Bucket=bucket, Key="raw.zarr/zarr.json", Body=(raw / "zarr.json").read_bytes())
    chunk = "raw.zarr/0/c/0/0/0"
    client(endpoint).put_object(Bucket=bucket, Key=chunk, Body=(raw / "0/c/0/0/0").read_bytes()[:-1] + b"x")
    with pytest.raises(BadInputError, match=r"A chunk of it is damaged"):
        fetch_into(open_source(str(place)), tmp_path / "back.ome.zarr")
    assert not (tmp_path / "back.ome.zarr").exists()

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ServerError) as told:
        open_source(str(place)).identify()
    assert str(told.value) == (
        f"{place} cannot be read or written: the object store cannot be reached, or broke off (GenericError). Check "
        "AWS_ENDPOINT_URL and AWS_REGION, and try again."
    )
    assert SECRET in secrets_in_use()


def test_whoever_may_not_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import http.server
    import threading

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            body = f"<Error><Code>AccessDenied</Code><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>".encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        with pytest.raises(AccessError) as caught:
            open_source("s3://lab/raw.zarr").identify()
        server.shutdown()
    assert str(caught.value) == (
        "The object store refuses s3://lab/raw.zarr. Check the keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
        "the profile AWS_PROFILE) and what they may do."
    )


@pytest.mark.parametrize(
    "uri",
    ["s3://lab", "s3://lab/", "s3://Lab/x", "s3:///x", "s3://lab/../x", "s3://lab/a//b", "s3://lab/x?versionId=1"],
)
def test_a_uri_that_names_no_store_is_refused(uri: str) -> None:
    with pytest.raises(BadInputError, match="names no store; expected s3://<bucket>/<key>"):
        open_source(uri)


def test_a_key_in_a_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadInputError) as caught:
        open_source(f"s3://{KEY_ID}:{SECRET}@lab/x.zarr")
    assert SECRET not in str(caught.value)
    assert KEY_ID not in str(caught.value)


def test_keys_are_found_where_aws_tools_look(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = other\naws_secret_access_key = other-secret\n"
        f"[lab]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
    )
    (tmp_path / ".aws" / "config").write_text(
        "[profile lab]\nregion = eu-west-3\nendpoint_url = https://s3.example.org\n"
    )
    home = {"HOME": str(tmp_path)}
    lab = ObjectAccess.from_environment({**home, "AWS_PROFILE": "lab"})
    assert lab == ObjectAccess("https://s3.example.org", "eu-west-3", KEY_ID, SECRET)
    assert SECRET not in repr(lab)
    assert KEY_ID not in repr(lab)
    assert ObjectAccess.from_environment(home).key_id == "other"
    given = {**home, "AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "my-secret", "AWS_REGION": "eu-north-1"}
    assert ObjectAccess.from_environment(given) == ObjectAccess("", "eu-north-1", "mine", "my-secret")
    assert ObjectAccess.from_environment({"HOME": "/nowhere"}) == ObjectAccess("", "us-east-1")
    with pytest.raises(BadInputError, match="The profile 'none', which AWS_PROFILE names, is in neither"):
        ObjectAccess.from_environment({**home, "AWS_PROFILE": "none"})
    with pytest.raises(BadInputError, match="AWS_SECRET_ACCESS_KEY is missing"):
        ObjectAccess.from_environment({"HOME": "/nowhere", "AWS_ACCESS_KEY_ID": "mine"})
    (tmp_path / ".aws" / "credentials").write_text(f"{SECRET}\n")
    with pytest.raises(BadInputError) as caught:
        ObjectAccess.from_environment(home)
    assert SECRET not in str(caught.value)


def labels_to(place: ObjectPlace | Path, labels: LabelImage, form: StoreFormat, pyramid: Pyramid) -> LabelStore:
    return LabelStore(
        place,
        labels.axes,
        labels.shape,
        labels.scale,
        labels.units,
        labels.name,
        labels.source,
        pyramid=pyramid,
        form=form,
        written_in=(16, 256, 256),
    )


def halves(store: LabelStore) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    depth, *plane = (slice(0, length) for length in store.shape)
    return (slice(0, 16), *plane), (slice(16, depth.stop), *plane)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "pyramid"),
    [(StoreFormat(sharded=True), Pyramid.MODE), (StoreFormat(), Pyramid.NEAREST), (StoreFormat("0.4"), Pyramid.MODE)],
    ids=["shards", "0.5", "0.4"],
)
def test_labels_are_written_there_as_they_are_made_and_are_byte_by_byte_those_of_a_disk(
    tmp_path: Path, bucket: str, form: StoreFormat, pyramid: Pyramid
) -> None:
    image, truth = nuclei3d(Nuclei3D(seed=5, shape=(24, 140, 150), nuclei=5))
    write_image(tmp_path / "raw.ome.zarr", image, form)
    folder = f"{form.version}{form.sharded}"
    put_store(tmp_path / "raw.ome.zarr", ObjectPlace(bucket, f"{folder}/raw.ome.zarr"))
    labels = replace(image.labelled(truth.data, name="nuclei"), source="../raw.ome.zarr")
    place = ObjectPlace(bucket, f"{folder}/nuclei.ome.zarr")
    local = labels_to(tmp_path / "nuclei.ome.zarr", labels, form, pyramid)
    there = replace(local, path=place, form=None)  # the form is that of its source, which lies beside it
    first, second = halves(local)

    there.begin()
    there.write(first, np.full(truth.data[first].shape, 4711, np.uint32))
    assert there.begun
    with pytest.raises(BadInputError, match="is not an OME-Zarr image"):
        open_object_multiscale(place)  # the attempt broke off: nobody takes a part for the whole

    for store in (local, there):
        store.begin()  # what was left is cleared away
        if store is there:
            assert not store.read(first).any()
        for region in (first, second):
            store.write(region, truth.data[region])
        store.finish(labels.values, labels.properties)
    assert not there.begun
    assert digest_objects(place) == digest_tree(tmp_path / "nuclei.ome.zarr")
    assert check_place(place) == ()
    opened = open_object_multiscale(place)
    assert opened.image_label is not None
    assert np.array_equal(read_pixels(opened), truth.data)
    assert object_names(ObjectPlace(bucket, f"{folder}/.nuclei.ome.zarr.partial")) == []
    put_objects(ObjectPlace(bucket, f"{folder}/.nuclei.ome.zarr.partial"), [("unfinished", b"a moment too early")])
    with pytest.raises(BadInputError, match=f"There is something at {place} already"):
        there.begin()
    assert digest_objects(place) == digest_tree(tmp_path / "nuclei.ome.zarr"), "a refused attempt changes nothing"


def test_what_others_put_there_is_not_cleared_away(
    tmp_path: Path, bucket: str, endpoint: str, labels: LabelImage
) -> None:
    client(endpoint).put_object(Bucket=bucket, Key="mine.zarr/notes.txt", Body=b"mine")
    store = labels_to(ObjectPlace(bucket, "mine.zarr"), replace(labels, source=None), StoreFormat(), Pyramid.NEAREST)
    with pytest.raises(BadInputError, match=r"There is something at s3://.*/mine\.zarr already"):
        store.begin()
    assert object_names(ObjectPlace(bucket, "mine.zarr")) == ["notes.txt"]


@pytest.mark.slow
def test_a_volume_is_segmented_block_by_block_into_an_object_store(tmp_path: Path, bucket: str) -> None:
    image, _ = nuclei3d(Nuclei3D(seed=5, shape=(32, 80, 90), nuclei=5))
    write_image(tmp_path / "raw.ome.zarr", image)
    volume = ChannelVolume(tmp_path / "raw.ome.zarr")
    recipe, parameters = recipe_named("otsu_components"), {"sigma": 0.75, "window": 0.0, "correction": 1.0}
    stores = []
    for number, path in enumerate((tmp_path / "nuclei.ome.zarr", ObjectPlace(bucket, "lab/nuclei.ome.zarr"))):
        store = LabelStore(path, volume.axes, volume.shape, volume.scale, volume.units, "nuclei")
        store.begin()
        grid = grid_for(volume.shape, volume.scale, recipe, parameters, (16, 256, 256), 5.0)
        task = Task(volume, volume.scale, recipe, parameters, grid, tmp_path / f"scratch{number}")
        found = segment_volume(task, store, processes=1 + number)
        store.finish(range(1, found.count + 1), noted_sizes(found.sizes))
        stores.append(path)
    assert digest_objects(stores[1]) == digest_tree(stores[0])
