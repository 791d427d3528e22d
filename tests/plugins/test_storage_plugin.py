"""The OMERO storage plugin: which queries it takes, and what it says while no OMERO source is installed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_storage_plugin_omero import StorageObject, StorageProvider


@pytest.mark.parametrize(
    "query",
    ["omero://omero.example.org/image/51", "omero://localhost/image/{id}", StorageProvider.example_queries()[0].query],
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


def test_an_image_that_cannot_be_read_is_one_message_of_snakemakes(tmp_path: Path) -> None:
    provider = StorageProvider(tmp_path, logging.getLogger("test"))
    image = StorageObject("omero://omero.example.org/image/51", keep_local=False, retrieve=True, provider=provider)
    assert image.local_suffix() == "omero.example.org/image/51.ome.zarr"
    with pytest.raises(WorkflowError, match=r"omero"):
        image.exists()
