"""A crate read back is the run that was written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from filiation.crate import METADATA, Payload, read_crate, write_crate
from filiation.errors import InvalidCrateError
from filiation.model import WorkflowRun
from tests.crate.runs import runs


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(run=runs())
def test_a_crate_read_back_is_the_run_that_was_written(run: WorkflowRun) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_crate(run, Path(folder), Payload())
        assert read_crate(Path(folder)) == run


def test_a_truncated_crate_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / METADATA).write_text('{"@graph": [{"@id": "./"')
    with pytest.raises(InvalidCrateError, match="The metadata is not JSON"):
        read_crate(tmp_path)


def test_a_folder_without_a_crate_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidCrateError, match="is not a crate: there is no ro-crate-metadata"):
        read_crate(tmp_path)


def test_a_crate_of_another_engine_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / METADATA).write_text(json.dumps({"@graph": [{"@id": "./", "@type": "Dataset"}]}))
    with pytest.raises(InvalidCrateError, match="not one that filiation wrote; ingest it to ask it questions"):
        read_crate(tmp_path)
