"""The logger plugin against Snakemake's own contract for logger plugins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase
from snakemake_interface_logger_plugins.tests import TestLogHandlerBase

from snakemake_logger_plugin_filiation import LogHandler, LogHandlerSettings


# The contract's tests never close the handler, which Snakemake always does.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestContract(TestLogHandlerBase):
    """Every event of the interface is sent to the handler."""

    __test__ = True

    @pytest.fixture(autouse=True)
    def in_an_empty_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def get_log_handler_cls(self) -> type[LogHandlerBase]:
        return LogHandler

    def get_log_handler_settings(self) -> LogHandlerSettingsBase:
        return LogHandlerSettings(pack="later")


PLUGINS = ["snakemake_logger_plugin_filiation", "snakemake_report_plugin_filiation", "snakemake_storage_plugin_omero"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_importing_a_plugin_loads_nothing_heavy(plugin: str) -> None:
    """Every snakemake call pays for the import."""
    heavy = ("zarr", "skimage", "scipy", "pyarrow", "rocrate", "rocrate_validator", "pyoxigraph", "rdflib", "networkx")
    code = f"import sys, {plugin}; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_reads_its_types_at_run_time(plugin: str) -> None:
    """Postponed annotations in a plugin package break every snakemake call, even --help."""
    source = (Path(__file__).parents[2] / "src" / plugin / "__init__.py").read_text()
    assert "from __future__ import annotations" not in source


@pytest.mark.slow
def test_snakemake_help_names_the_options() -> None:
    result = subprocess.run([sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True)
    for option in ("--logger-filiation-catalogue", "--logger-filiation-pack", "--report-filiation-path"):
        assert option in result.stdout
