"""Fixtures of the lineage tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for crate_builder, which the catalogue's tests use too

from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.ingest import Catalogue


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
