"""Fixtures of the catalogue tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from tests.sparql_servers import oxigraph_server, virtuoso_server

__all__ = ["oxigraph_server", "virtuoso_server"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a run's folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    """Return an empty catalogue in the run's folder."""
    return Catalogue(CatalogueFolder.create(folder / ".filiation"), wait=0.2)
