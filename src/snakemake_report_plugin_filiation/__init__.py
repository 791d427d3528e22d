"""Snakemake's door to an export: ``snakemake --reporter filiation --report-filiation-path crate.zip``.

The crate is that of the last recorded run of this folder, with its data along. Every ``snakemake`` call imports this
module, so it imports nothing heavy; and Snakemake reads the settings' types at run time, so annotations must be real.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from snakemake_interface_report_plugins.reporter import ReporterBase
from snakemake_interface_report_plugins.settings import ReportSettingsBase


@dataclass
class ReportSettings(ReportSettingsBase):
    """What ``--report-filiation-…`` offers."""

    path: Optional[Path] = field(  # noqa: UP045 - Snakemake looks for typing.Optional
        default=None,
        metadata={
            "help": "Where to write the crate: a folder that does not exist yet, or a file ending in .zip.",
            "required": True,
        },
    )
    catalogue: Optional[Path] = field(  # noqa: UP045
        default=None,
        metadata={"help": "Folder of the catalogue. Default: as for --logger-filiation-catalogue."},
    )


class Reporter(ReporterBase):
    """Exports the last recorded run of the working folder as a self-contained crate."""

    def render(self) -> None:
        """Pack what waits, find the run and write the crate; an error is one message of Snakemake's."""
        from snakemake_interface_common.exceptions import WorkflowError

        from filiation.catalogue.packing_with_data import export_last_run
        from filiation.errors import FiliationError

        try:
            report = export_last_run(Path.cwd(), self.settings.path, self.settings.catalogue)
        except FiliationError as error:
            raise WorkflowError(str(error)) from error
        from snakemake.logging import logger

        logger.info(f"filiation: wrote the crate of run {report.run.id} to {report.crate}.")
