"""The OMERO storage plugin: Snakemake's own contract for such plugins, which queries it takes, and what it says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_storage_plugins.tests import TestStorageBase

from filiation.images import read_image
from snakemake_storage_plugin_omero import StorageObject, StorageProvider

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer


@pytest.mark.parametrize(
    "query",
    [
        "omero://omero.example.org/image/51",
        "omero://localhost:14064/image/51",
        "omero://localhost/image/{id}",
        StorageProvider.example_queries()[0].query,
    ],
)
def test_an_image_by_its_id_is_a_valid_query(query: str) -> None:
    assert StorageProvider.is_valid_query(query)


@pytest.mark.parametrize(
    "query", ["omero://user:secret@host/image/5", "https://host/image/5", "omero://host/image/x", "omero://host/5"]
)
def test_anything_else_is_refused_with_the_form_expected(query: str) -> None:
    result = StorageProvider.is_valid_query(query)
    assert not result
    assert "expected omero://<host>/image/<id>" in str(result)


def stored_image(folder: Path, query: str) -> StorageObject:
    provider = StorageProvider(folder, logging.getLogger("test"))
    return StorageObject(query, keep_local=False, retrieve=True, provider=provider)


def test_a_server_that_nothing_is_known_for_is_one_message_of_snakemakes(
    signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMERO_HOST", "elsewhere.example.org")
    image = stored_image(tmp_path, "omero://127.0.0.1/image/51")
    assert image.local_suffix() == "127.0.0.1/image/51.ome.zarr"

    with pytest.raises(WorkflowError, match=r"nothing to sign in to the OMERO server 127\.0\.0\.1"):
        image.exists()


def test_size_and_time_are_the_servers_and_the_store_holds_the_pixels(signed_in: OmeroServer, tmp_path: Path) -> None:
    pixels = np.arange(3 * 40 * 50, dtype="u2").reshape(3, 40, 50)
    planted = signed_in.plant("ada").image(pixels, "cells", axes="zyx")
    image = stored_image(tmp_path, f"omero://127.0.0.1/image/{planted.id}")

    image.retrieve_object()

    assert image.size() == pixels.nbytes
    assert image.mtime() > 1_700_000_000
    np.testing.assert_array_equal(read_image(image.local_path()).data, pixels)


class TestOmeroStorage(TestStorageBase):
    """What Snakemake asks of every storage plugin that is read from."""

    __test__ = True
    retrieve_only = True

    @pytest.fixture(autouse=True)
    def server(self, signed_in: OmeroServer) -> Iterator[None]:
        self.number = signed_in.plant("ada").image(np.zeros((8, 8), "u1"), "small").id
        return

    def get_query(self, tmp_path: Path) -> str:
        return f"omero://127.0.0.1/image/{self.number}"

    def get_query_not_existing(self, tmp_path: Path) -> str:
        return "omero://127.0.0.1/image/987654"

    def get_storage_provider_cls(self) -> type[StorageProvider]:
        return StorageProvider
