"""Capture: what a run does, written down while it does it, and read back as a ``WorkflowRun``.

The journal is the truth while a run lives: the recorder appends Snakemake's events and the facts of its live jobs,
``assemble`` turns a journal, the step records and what is seen on disk into the frozen values of ``filiation.model``.

Nothing is imported here: every command that ``filiation step`` records pays for it.
"""
