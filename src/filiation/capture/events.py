"""Snakemake's log events as plain facts: untyped records in, named facts out, in one place.

The events and their fields are those of snakemake-interface-logger-plugins 2; file names in events are for people
(``x (pipe)``), so paths come from the live job.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from logging import LogRecord, makeLogRecord
from typing import Any

from filiation.capture.live_job import JobReader, Plain, describe_workflow, plain_value

_SUBMITTED = re.compile(
    r"Submitted (?:group )?job (?P<job>\S+) with external jobid '(?P<external>[^']+)'"
    r"|Job (?P<slurm_job>\S+) has been submitted with SLURM jobid (?P<slurm>\S+)"
)
_STOPPED = {
    "Terminating processes on user request": "interrupt",
    "Will exit after finishing currently running jobs (scheduler)": "terminate",
}
# What is said, and where, when a copy was fetched or is about to be stored: methods of Snakemake's file object.
_COPIES = {"Finished retrieval.": "retrieve_from_storage", "Storing in storage: ": "store_in_storage"}
_PLAN_CHANGES = "Updating checkpoint dependencies."
_TELLING = (*_STOPPED, *_COPIES, _PLAN_CHANGES)
UNTOLD = frozenset({"job_started", "shellcmd", "progress", "resources_info", "rulegraph", "debug_dag"})
"""Events that say nothing which the others, or the live job, do not say better."""
_STARTED_FIELDS = (
    "snakemake_version",
    "python_version",
    "platform",
    "host",
    "user",
    "snakefile_main",
    "basedir",
    "rundir",
    "cwd",
    "config_md5",
)


def may_tell(record: LogRecord) -> bool:
    """Tell whether a record without an event may say something: a job's submission, a copy, or a request to stop."""
    text = record.msg
    return not isinstance(text, str) or bool(record.args) or "jobid" in text or text.startswith(_TELLING)


def copied_by(record: LogRecord) -> str | None:
    """Return the name of the function that logs that the local copy of a stored thing is there, if it does."""
    text = record.msg
    return next((name for words, name in _COPIES.items() if isinstance(text, str) and text.startswith(words)), None)


def changes_the_plan(record: LogRecord) -> bool:
    """Tell whether a record without an event says that a checkpoint is about to change which jobs there are."""
    return isinstance(record.msg, str) and record.msg.startswith(_PLAN_CHANGES)


def plan(record: LogRecord, dag: Any) -> LogRecord:
    """Return RUN_INFO as Snakemake would log it, had it a word for a plan that has changed.

    Parameters
    ----------
    record
        What is logged now.
    dag
        The live ``snakemake.dag.DAG``.
    """
    stats = Counter(job.rule.name for jobs in (dag.needrun_jobs(), dag.finished_jobs) for job in jobs)
    return makeLogRecord({"event": "run_info", "stats": stats, "created": record.created})


def run_started(record: LogRecord, live: tuple[Any, str] | None) -> Plain:
    """Describe WORKFLOW_STARTED: who, where, with what; the live workflow adds config, sources and executor."""
    facts: Plain = {field: _text(getattr(record, field, None)) for field in _STARTED_FIELDS}
    facts["run"] = str(getattr(record, "workflow_id", ""))
    if live is None:
        facts["capture"] = "events only"
        facts["configfiles"] = [str(path) for path in getattr(record, "configfiles", None) or []]
    else:
        facts |= describe_workflow(*live)
    # What Snakemake calls the run directory is where it was called; with --directory or `workdir:`, paths count from
    # another.
    facts["called_in"], facts["rundir"] = facts["rundir"], facts["cwd"] or facts["rundir"]
    return facts


def run_planned(record: LogRecord, workflow: object) -> Plain:
    """Describe RUN_INFO: how many jobs of each rule there are to do; rules such as ``all``, which do nothing, left out.

    Parameters
    ----------
    record
        The record.
    workflow
        The live ``snakemake.workflow.Workflow``, or None.
    """
    stats = {str(rule): int(number) for rule, number in record.__dict__["stats"].items() if rule != "total"}
    rules = {str(rule.name): rule for rule in getattr(workflow, "rules", ())}
    idle = {name for name, rule in rules.items() if rule.norun and not rule.output}
    return {"jobs": {rule: number for rule, number in stats.items() if rule not in idle}}


def job_started(record: LogRecord, live: tuple[Any, int, Any] | None, reader: JobReader) -> Plain:
    """Describe JOB_INFO: one attempt of one job, at its start or submission."""
    facts: Plain = {
        "job": record.__dict__["jobid"],
        "rule": record.__dict__["rule_name"],
        "message": getattr(record, "rule_msg", None),
        "local": getattr(record, "local", None),
        "wildcards": {str(k): str(v) for k, v in (getattr(record, "wildcards", None) or {}).items()},
        "reason": getattr(record, "reason", None) or None,
        "threads": getattr(record, "threads", None),
        "resources": _resources(getattr(record, "resources", None)),
        "command": getattr(record, "shellcmd", None),
        "checkpoint": bool(getattr(record, "is_checkpoint", False)),
    }
    if live is not None:
        try:
            return facts | reader.read(*live)
        except Exception as error:  # a job that cannot be read costs detail, never the run
            facts["capture_error"] = f"{type(error).__name__}: {error}"
    facts["capture"] = "events only"
    for what in ("input", "output", "log"):
        names = [str(name) for name in (getattr(record, what, None) or [])]
        facts[what] = [{"name": f"{what}[{index}]", "path": name} for index, name in enumerate(names)]
    return facts


def job_failed(record: LogRecord) -> Plain:
    """Describe JOB_ERROR: the end of one attempt."""
    extra = getattr(record, "aux", None) or {}
    return {
        "job": record.__dict__["jobid"],
        "rule": getattr(record, "rule_name", None),
        "message": _text(getattr(record, "rule_msg", None)) or record.getMessage(),
        "log": [str(path) for path in getattr(record, "log", None) or []],
        "external": _text(extra.get("external_jobid") if isinstance(extra, dict) else None),
    }


def error(record: LogRecord) -> Plain:
    """Describe ERROR: an exception that Snakemake reports."""
    return {"exception": _text(getattr(record, "exception", None)), "message": record.getMessage()}


def submitted(record: LogRecord, groups: Mapping[str, Sequence[int]]) -> list[Plain]:
    """Find the cluster's job id in a free text; that is the only place where Snakemake tells it early.

    Parameters
    ----------
    record
        A record without an event.
    groups
        Job numbers of the groups that were announced, by the group's id: a group is submitted as one.
    """
    text = record.getMessage()
    if "jobid" not in text:
        return []
    match = _SUBMITTED.search(text)
    if match is None:
        return []
    name, external = match["job"] or match["slurm_job"], match["external"] or match["slurm"]
    jobs = [int(name)] if name.isdecimal() else groups.get(name, ())
    return [{"job": job, "external": external} for job in jobs]


def stop_requested(record: LogRecord) -> Plain | None:
    """Tell whether a free text says that someone asked the run to stop: ``interrupt`` (Ctrl-C) or ``terminate``."""
    text = record.getMessage()
    return next(({"how": how} for words, how in _STOPPED.items() if text.startswith(words)), None)


def _resources(resources: object) -> Plain:
    if resources is None:
        return {}
    items = resources.items() if hasattr(resources, "items") else []
    return {str(name): plain_value(value) for name, value in items if not str(name).startswith("_")}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
