"""``omero://`` URIs: one canonical spelling, one IRI, and no password that is repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.errors import BadInputError
from filiation.images.omero import Address, Host, Kind


@given(
    st.from_regex(r"[a-z0-9]([a-z0-9\-]{0,8}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True),
    st.integers(1, 65535),
    st.sampled_from([kind for kind in Kind if kind is not Kind.IMAGES]),
    st.integers(0, 10**12),
)
def test_an_address_reads_back_as_it_is_written(host: str, port: int, kind: Kind, number: int):
    address = Address(Host(host, port), kind, number)

    assert Address.from_uri(str(address)) == address


def test_the_iri_has_neither_port_nor_user_and_the_host_in_lower_case():
    assert Address.from_uri("omero://OMERO.example.org:14064/Image/51").iri == "https://omero.example.org/Image/51"


def test_the_port_of_the_environment_serves_where_none_is_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMERO_PORT", "14064")

    assert Address.from_uri("omero://localhost/image/1").host.port == 14064
    assert Address.from_uri("omero://localhost:4064/image/1").host.port == 4064


@pytest.mark.parametrize(
    "uri",
    [
        "omero://host/image", "omero://host/image/x", "omero://host/images/5", "omero://host/5", "omero:///image/5",
        "omero://host/image/5/6", "omero://host/camera/5", "omero://host/image/5?tag=x", "omero://host/dataset/5?tog=x",
        "omero://host:99999/image/5",
    ],
)  # fmt: skip
def test_anything_else_is_refused(uri: str):
    with pytest.raises(BadInputError, match="expected"):
        Address.from_uri(uri)


def test_a_password_in_a_uri_is_refused_and_not_repeated():
    with pytest.raises(BadInputError, match="names a user before the @") as caught:
        Address.from_uri("omero://ada:canary-password@host/image/5")

    assert "canary" not in str(caught.value)
