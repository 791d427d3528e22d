"""Images read over the real wire: every pixel type, all sizes, the metadata of a store; and whatever may go wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from filiation.errors import AccessError, BadInputError, MissingExtraError, NotFoundError, ServerError
from filiation.images import check_store, fetch_into, open_source, pixel_digest, pixel_digest_of_array, read_image
from filiation.images.multiscale import open_multiscale
from filiation.images.omero.address import Host
from filiation.images.streaming_state import unfinished
from filiation.model import ImageFacts

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

AXES = ("t", "c", "z", "y", "x")


def uri(number: Any) -> str:
    return f"omero://127.0.0.1/image/{number}"


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions as small as they get, one after the other, and a lost connection is lost."""
    monkeypatch.setenv("FILIATION_OMERO_CONNECTIONS", "1")
    monkeypatch.setenv("FILIATION_OMERO_MEMORY", "1")
    monkeypatch.setenv("FILIATION_OMERO_RETRIES", "0")


@pytest.mark.parametrize("code", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_pixel_type_comes_in_bit_by_bit(code: str, signed_in: OmeroServer, tmp_path: Path):
    values = np.random.default_rng(1).integers(0, 120, (2, 3, 4, 33, 57)).astype(code)
    values[0, 0, 0, 0, :2] = (np.iinfo(code).min, np.iinfo(code).max) if code[0] in "iu" else (-0.1, 1e30)
    number = signed_in.plant("ada").image(values, "typed").id

    identity = fetch_into(open_source(uri(number)), tmp_path / "a.zarr")

    assert identity.iri == f"https://127.0.0.1/Image/{number}"
    assert identity.pixels == pixel_digest(tmp_path / "a.zarr") == pixel_digest_of_array(values, AXES)


def test_sizes_channels_and_resolutions_are_in_the_store_and_axes_of_one_are_not(
    signed_in: OmeroServer, tmp_path: Path
):
    from tests.omero_server.planting import ChannelDescription

    pixels = np.random.default_rng(2).integers(0, 4000, (2, 1, 300, 280)).astype("u2")
    planted = signed_in.plant("ada").image(
        pixels, "nuclei", axes="czyx", pixel_size=(0.25, 0.25, 1.0),
        channels=[ChannelDescription("DAPI", (0, 0, 255, 255), 358, 461), ChannelDescription(None, None)],
    )  # fmt: skip
    place = tmp_path / "a.zarr"

    fetch_into(open_source(uri(planted.id)), place)

    image, store = read_image(place), open_multiscale(place)
    assert (image.axes, image.shape, image.name) == (("c", "y", "x"), (2, 300, 280), "nuclei")
    assert (image.scale, image.units) == ((1.0, 0.25, 0.25), ("", "micrometer", "micrometer"))
    assert len(store.levels) == 3
    assert store.omero["id"] == planted.id
    first, second = store.omero["channels"]
    assert (first["label"], first["color"], first["excitationWave"], first["emissionWave"]) == (
        "DAPI", "0000FF", 358.0, 461.0,
    )  # fmt: skip
    assert (second["label"], second["color"]) == ("1", "00FF00")
    assert not check_store(place)


def test_several_connections_read_side_by_side_in_one_session(
    signed_in: OmeroServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FILIATION_OMERO_CONNECTIONS", "3")
    monkeypatch.setenv("FILIATION_OMERO_MEMORY", "1")
    pixels = np.random.default_rng(4).integers(0, 255, (6, 700, 600)).astype("u1")
    number = signed_in.plant("ada").image(pixels, "wide", axes="cyx").id
    signed_in.calls.clear()
    opened = "SessionServant.createRawPixelsStore"
    signed_in.faults.reads_wait_for = lambda: signed_in.calls.count(opened) == 3

    identity = fetch_into(open_source(uri(number)), tmp_path / "a.zarr")

    assert identity.pixels == pixel_digest_of_array(pixels, ("c", "y", "x"))
    assert signed_in.calls.count(opened) == 3
    assert len(signed_in.sessions.by_key) == 1


@pytest.mark.parametrize("seed", range(3))
def test_a_connection_cut_at_any_plane_is_had_again_without_anyone_noticing(
    seed: int, signed_in: OmeroServer, tmp_path: Path
):
    pixels = np.random.default_rng(5).integers(0, 255, (4, 5, 40, 40)).astype("u1")
    number = signed_in.plant("ada").image(pixels, "cut", axes="czyx").id
    signed_in.faults.drop_connection_at_read = int(np.random.default_rng(seed).integers(1, 21))

    identity = fetch_into(open_source(uri(number)), tmp_path / "a.zarr")

    assert identity.pixels == pixel_digest(tmp_path / "a.zarr") == pixel_digest_of_array(pixels, ("c", "z", "y", "x"))


def test_a_read_that_broke_off_goes_on_in_the_next_attempt_and_gives_the_same(
    signed_in: OmeroServer, tmp_path: Path, one_by_one: None
):
    pixels = np.random.default_rng(6).integers(0, 255, (5, 400, 400)).astype("u1")
    number = signed_in.plant("ada").image(pixels, "broken", axes="cyx").id
    signed_in.faults.drop_connection_at_read = 4
    place = tmp_path / "a.zarr"

    with pytest.raises(ServerError, match=r"cannot be reached .* while reading omero://.* \(z 0, channel 3, time 0\)"):
        fetch_into(open_source(uri(number)), place)
    assert not place.exists()
    assert unfinished(place)

    from filiation.images.omero.connection import close_all

    close_all()
    identity = fetch_into(open_source(uri(number)), place)

    assert signed_in.faults.reads == 4 + 2
    assert identity.pixels == pixel_digest(place) == pixel_digest_of_array(pixels, ("c", "y", "x"))


def test_an_image_changed_after_the_break_is_read_from_its_beginning(
    signed_in: OmeroServer, tmp_path: Path, one_by_one: None
):
    planting = signed_in.plant("ada")
    image = planting.image(np.zeros((3, 8, 8), "u1"), "changing", axes="cyx")
    signed_in.faults.end_session_at_read = 3
    with pytest.raises(AccessError):
        fetch_into(open_source(uri(image.id)), tmp_path / "a.zarr")
    from filiation.images.omero.connection import close_all

    close_all()
    planting.replace_pixels(image, np.ones((3, 8, 8), "u1").reshape(1, 3, 1, 8, 8))

    fetch_into(open_source(uri(image.id)), tmp_path / "a.zarr")

    assert (read_image(tmp_path / "a.zarr").data == 1).all()


def test_a_session_that_runs_out_is_said_with_what_to_do(signed_in: OmeroServer, tmp_path: Path):
    number = signed_in.plant("ada").image(np.zeros((3, 8, 8), "u1"), "cells", axes="cyx").id
    signed_in.faults.expire_session_at_read = 2

    with pytest.raises(AccessError, match=r"session on the OMERO server .* ended while reading .* Sign in again"):
        fetch_into(open_source(uri(number)), tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_pixels_that_come_short_are_never_taken_for_whole(signed_in: OmeroServer, tmp_path: Path):
    number = signed_in.plant("ada").image(np.zeros((8, 8), "u1"), "cells").id
    signed_in.faults.short_reads = True

    with pytest.raises(ServerError, match=r"sent 63 bytes .* 64 were expected"):
        fetch_into(open_source(uri(number)), tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_a_wrong_password_is_tried_once_and_not_repeated(signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMERO_PASSWORD", "canary-password")

    with pytest.raises(AccessError, match="refused the user 'ada' with the password from OMERO_USER and") as caught:
        open_source(uri(1)).identify()

    assert signed_in.calls.count("Router.createSession") == 1
    assert "canary" not in str(caught.value)


def test_a_key_that_is_over_gives_way_to_the_password(signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch):
    number = signed_in.plant("ada").image(np.zeros((8, 8), "u1"), "cells").id
    monkeypatch.setenv("OMERO_SESSION", "no-such-session-any-more")

    assert open_source(uri(number)).identify().name == "cells"


def test_a_key_alone_that_is_over_is_said(signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMERO_SESSION", "canary-session-key")
    monkeypatch.delenv("OMERO_USER")

    with pytest.raises(AccessError, match="does not know the session key in OMERO_SESSION: it is over") as caught:
        open_source(uri(1)).identify()
    assert "canary" not in str(caught.value)


def test_a_session_from_the_environment_is_left_open(signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch):
    import omero

    from filiation.images.omero.connection import close_all

    number = signed_in.plant("ada").image(np.zeros((8, 8), "u1"), "cells").id
    client = omero.client(host=signed_in.host, port=signed_in.port)
    client.createSession("ada", "ada-password").detachOnDestroy()
    monkeypatch.setenv("OMERO_SESSION", client.getSessionId())
    monkeypatch.delenv("OMERO_PASSWORD")

    assert open_source(uri(number)).identify().name == "cells"
    close_all()

    assert client.sf.getAdminService().getEventContext().userName == "ada"
    client.killSession()


def test_a_missing_image_and_one_in_a_private_group_are_the_same_to_a_user(signed_in: OmeroServer):
    signed_in.add_group("secret", permissions="rw----")
    signed_in.add_user("bob", "bob-password", ("secret",))
    hidden = signed_in.plant("bob", "secret").image(np.zeros((8, 8), "u1"), "hidden").id

    for number in (hidden, 987654):
        with pytest.raises(NotFoundError, match=f"has no image {number}, or the user 'ada' may not see it"):
            open_source(uri(number)).identify()


def test_an_image_in_another_group_of_the_user_is_read_there(signed_in: OmeroServer, tmp_path: Path):
    signed_in.add_group("other", permissions="rwra--")
    signed_in.join("ada", "other")
    number = signed_in.plant("ada", "other").image(np.ones((8, 8), "u1"), "elsewhere").id

    fetch_into(open_source(uri(number)), tmp_path / "a.zarr")

    assert (read_image(tmp_path / "a.zarr").data == 1).all()


def test_pixels_that_an_ome_zarr_cannot_hold_are_refused(signed_in: OmeroServer, tmp_path: Path):
    number = signed_in.plant("ada").image(np.zeros((8, 8), "c8"), "waves").id

    with pytest.raises(BadInputError, match="has pixels of the type 'complex'"):
        fetch_into(open_source(uri(number)), tmp_path / "a.zarr")


def test_a_server_that_is_not_there_is_said_after_a_bounded_number_of_tries(
    signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    import socket

    monkeypatch.setenv("FILIATION_OMERO_RETRIES", "1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ServerError, match=r"cannot be reached .*tried 2 times"):
            open_source(f"omero://127.0.0.1:{unused.getsockname()[1]}/image/1").identify()


def test_the_servers_certificate_is_checked_where_that_is_asked_for(
    signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    number = signed_in.plant("ada").image(np.zeros((8, 8), "u1"), "cells").id
    monkeypatch.setenv("FILIATION_OMERO_RETRIES", "0")
    monkeypatch.setenv("FILIATION_OMERO_VERIFY", "1")
    with pytest.raises(ServerError, match=r"certificate of the OMERO server .* cannot be verified"):
        open_source(uri(number)).identify()

    monkeypatch.setenv("FILIATION_OMERO_CA", str(signed_in.certificate.authority))

    assert open_source(uri(number)).identify().name == "cells"


def test_without_omero_py_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "omero", None)
    monkeypatch.setitem(sys.modules, "Ice", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'filiation\[omero\]'"):
        open_source("omero://nowhere.example.org/image/51").identify()


def test_an_image_is_one_by_its_server_its_pixels_and_the_files_it_was_imported_from(
    signed_in: OmeroServer, tmp_path: Path
):
    planting = signed_in.plant("ada")
    pixels = np.arange(3 * 8 * 9, dtype="u2").reshape(3, 8, 9)
    image = planting.image(pixels, "cells", axes="zyx", pixel_size=(0.5, 0.5, 1.0))
    planting.fileset([image], {"day 1/cells.lif": b"lif", "day 1/notes.txt": b"notes"})
    pending = next(row for row in signed_in.store.rows("OriginalFile") if row["name"] == "notes.txt")
    signed_in.store.set(pending, "hash", "Pending...")

    identity = fetch_into(open_source(uri(image.id)), tmp_path / "a.zarr")

    assert identity.pixels == pixel_digest_of_array(pixels, ("z", "y", "x"))
    assert identity.image == ImageFacts(
        ("z", "y", "x"), (3, 8, 9), "uint16", (1.0, 0.5, 0.5), ("micrometer", "micrometer", "micrometer")
    )
    assert identity.modified is not None
    assert identity.server is not None
    assert identity.server.database == signed_in.database_uuid
    assert [(file.name, file.size, file.checksum, file.algorithm) for file in identity.server.files] == [
        ("cells.lif", 3, hashlib.sha1(b"lif").hexdigest(), "SHA1-160"), ("notes.txt", 5, None, None),
    ]  # fmt: skip
    told = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["attributes"]["filiation:origin"]
    assert (told["iri"], told["pixels"]) == (identity.iri, str(identity.pixels))
    assert told["server"]["database"] == signed_in.database_uuid


@pytest.mark.parametrize("fault", ["expired", "stopped"])
def test_closing_says_nothing_when_the_session_or_the_server_is_gone(
    fault: str, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    from filiation.images.omero.connection import close_all, connect

    monkeypatch.setenv("FILIATION_OMERO_RETRIES", "0")
    connection = connect(Host("127.0.0.1", signed_in.port))
    if fault == "expired":
        for key in list(signed_in.sessions.by_key):
            signed_in.sessions.expire(key)
    else:
        signed_in.communicator.destroy()

    close_all()

    assert connection.gateway is None
    assert capfd.readouterr() == ("", "")
