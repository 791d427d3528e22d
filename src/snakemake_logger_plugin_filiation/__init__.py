"""Snakemake's door to filiation: ``snakemake --logger filiation`` records the run.

Every ``snakemake`` call imports this module, so it imports nothing heavy; and Snakemake reads the settings' types at
run time, so annotations must be real (no postponed evaluation).
"""

import os
import sys
from dataclasses import dataclass, field
from logging import LogRecord
from pathlib import Path
from typing import Any, Optional

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

if "FILIATION_STEP_FOLDER" in os.environ:  # in a recorded run, and so perhaps in the process of a job
    from filiation.capture.raised import is_job, listen_in_job

    if is_job(sys.argv):
        listen_in_job()


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """What ``--logger-filiation-…`` offers."""

    catalogue: Optional[Path] = field(  # noqa: UP045 - Snakemake looks for typing.Optional
        default=None,
        metadata={
            "help": "Folder of the catalogue that keeps the records. Default: the one that FILIATION_CATALOGUE names, "
            "else the nearest .filiation in the run's folder or above, else a new .filiation in the run's folder.",
        },
    )
    pack: str = field(
        default="now",
        metadata={
            "help": "When to make the run's crate: 'now' (when the run ends) or 'later' (by `filiation pack`).",
        },
    )
    send_to: Optional[Path] = field(  # noqa: UP045
        default=None,
        metadata={"help": "Folder of a laboratory's shared catalogue: a copy of the run's crate goes to its inbox."},
    )


class LogHandler(LogHandlerBase):
    """Hands Snakemake's log records to the recorder."""

    def __post_init__(self) -> None:
        """Make the recorder and let it hear Snakemake's logger; raises only for a setting that it does not know."""
        from snakemake.logging import logger
        from snakemake_interface_common.exceptions import WorkflowError

        from filiation.capture.recorder import Recorder

        settings: Any = self.settings or LogHandlerSettings()
        if settings.pack not in ("now", "later"):
            raise WorkflowError(f"--logger-filiation-pack is {settings.pack!r}; expected 'now' or 'later'.")
        self._recorder = Recorder(
            settings.catalogue,
            pack=settings.pack == "now",
            dry=bool(self.common_settings.dryrun),
            send_to=settings.send_to,
        )
        plugins = getattr(self.common_settings, "log_handler_settings", None)
        self._recorder.listen(logger, alone=plugins is not None and set(plugins) == {"filiation"})

    def emit(self, record: LogRecord) -> None:
        """Record one event, if the recorder does not hear Snakemake's logger itself."""
        self._recorder.emit(record)

    def close(self) -> None:
        """End the record; runs in the main thread after every event was handled."""
        self._recorder.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """It does not write to the terminal; Snakemake keeps its own output."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """It owns its file: Snakemake may close a declared one before the last event is written."""
        return False

    @property
    def has_filter(self) -> bool:
        """Its own filter: with Snakemake's default one, ``--quiet all`` would hide every event."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Records are read by their fields; no text is formatted."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """The live jobs tell what depends on what."""
        return False
