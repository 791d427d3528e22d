"""Capture: what a run does, written down while it does it, and read back as a ``WorkflowRun``.

The journal is the truth while a run lives: the recorder appends Snakemake's events and the facts of its live jobs,
``assemble`` turns a journal, the step records and what is seen on disk into the frozen values of ``filiation.model``.
"""

from filiation.capture.recorder import Recorder

__all__ = ["Recorder"]
