"""Groups are told apart, and their permissions are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)

from omero.gateway import CommentAnnotationWrapper  # noqa: E402

from tests.omero_server.accounts import PRIVATE, READ_ANNOTATE, READ_ONLY, READ_WRITE  # noqa: E402
from tests.omero_server.server import OmeroServer  # noqa: E402

PIXELS = np.zeros((4, 4), "u1")


@pytest.fixture
def server(omero_server: OmeroServer) -> OmeroServer:
    """Give a server with a second user, and a second group that only ada is in."""
    omero_server.add_group("other")
    omero_server.join("ada", "other")
    omero_server.add_user("bob", "bob-password")
    omero_server.add_user("chief", "chief-password", admin=True)
    return omero_server


def test_only_ones_own_group_is_seen_and_all_groups_on_request(server: OmeroServer, connected: Callable[..., Any]):
    server.plant("ada").image(PIXELS, "here")
    server.plant("ada", "other").image(PIXELS, "there")
    ada, bob = connected("ada"), connected("bob")

    assert [each.getName() for each in ada.getObjects("Image")] == ["here"]
    for each in (ada, bob):
        each.SERVICE_OPTS.setOmeroGroup(-1)
    assert sorted(each.getName() for each in ada.getObjects("Image")) == ["here", "there"]
    assert [each.getName() for each in bob.getObjects("Image")] == ["here"]


def test_a_group_that_one_is_not_in_cannot_be_entered(server: OmeroServer, connected: Callable[..., Any]):
    bob = connected("bob")
    bob.SERVICE_OPTS.setOmeroGroup(server.group_number("other"))

    with pytest.raises(omero.SecurityViolation, match="not a member of group"):
        list(bob.getObjects("Image"))


@pytest.mark.parametrize(
    ("permissions", "seen", "annotated", "edited"),
    [
        (PRIVATE, False, False, False),
        (READ_ONLY, True, False, False),
        (READ_ANNOTATE, True, True, False),
        (READ_WRITE, True, True, True),
    ],
)
def test_permissions_of_a_group(
    permissions: str, seen: bool, annotated: bool, edited: bool, server: OmeroServer, connected: Callable[..., Any]
):
    server.set_permissions("lab", permissions)
    number = server.plant("ada").image(PIXELS, "ada's").id
    image = connected("bob").getObject("Image", number)

    assert (image is not None) is seen
    if image is not None:
        assert (bool(image.canAnnotate()), bool(image.canEdit()), bool(image.canDelete())) == (
            annotated,
            edited,
            edited,
        )
        assert allowed(lambda: comment(image)) is annotated
        assert allowed(lambda: rename(image)) is edited
        assert allowed(lambda: image._conn.deleteObjects("Image", [number], wait=True)) is edited


def test_what_is_ones_own_may_be_changed_even_in_a_private_group(server: OmeroServer, connected: Callable[..., Any]):
    server.set_permissions("lab", PRIVATE)
    image = connected("ada").getObject("Image", server.plant("ada").image(PIXELS, "ada's").id)

    assert image.canAnnotate()
    assert allowed(lambda: comment(image))
    assert allowed(lambda: rename(image))


def test_an_administrator_may_do_everything_and_write_for_others(server: OmeroServer, connected: Callable[..., Any]):
    number = server.plant("ada").image(PIXELS, "ada's").id
    chief = connected("chief")
    chief.SERVICE_OPTS.setOmeroGroup(-1)
    assert chief.isAdmin()
    assert chief.getObject("Image", number).canEdit()

    as_ada = chief.suConn("ada", "lab")
    annotation = comment(as_ada.getObject("Image", number))
    assert annotation.getOwner().getOmeName() == "ada"
    as_ada.close()


def test_pixels_of_others_cannot_be_read_in_a_private_group(server: OmeroServer, connected: Callable[..., Any]):
    image = server.plant("ada").image(PIXELS, "ada's")
    (pixels,) = server.store.pointers(image, "Pixels", "image")
    server.set_permissions("lab", PRIVATE)
    store = connected("bob").c.sf.createRawPixelsStore()

    with pytest.raises(omero.ValidationException, match="not available"):
        store.setPixelsId(pixels.id, True)


def comment(image: Any) -> Any:
    annotation = CommentAnnotationWrapper(image._conn)
    annotation.setValue("seen")
    annotation.save()
    image.linkAnnotation(annotation)
    return annotation


def rename(image: Any) -> None:
    image.setName("renamed")
    image.save()


def allowed(action: Callable[[], object]) -> bool:
    try:
        action()
    except (omero.SecurityViolation, omero.CmdError):
        return False
    return True
