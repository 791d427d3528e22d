"""The live job: what Snakemake's events leave out, read from its own objects while they live.

Events carry neither parameters by name nor real paths, flags, attempts or scripts. A job that cannot be read costs
detail, never the run.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterable, Mapping
from typing import Any

_FLAGS = frozenset({
    "directory", "temp", "protected", "pipe", "service", "touch", "update", "before_update", "ancient", "ensure",
    "storage_object",
})  # fmt: skip
# Of a longer value the start is kept, and what tells it from any other.
_LONGEST_VALUE = 10_000
_KEPT_OF_LONGER = 1_000
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

Plain = dict[str, Any]


class JobReader:
    """Reads live ``snakemake.jobs.Job`` objects of one run.

    Parameters
    ----------
    folder
        The run's folder, for the state of files.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._rules: dict[str, Plain] = {}
        self._methods: frozenset[str] | None = None

    def read(self, job: Any, attempt: int, params: Any) -> Plain:
        """Return the facts of a live job as plain values.

        Parameters
        ----------
        job
            The live job.
        attempt
            Its attempt when it was announced, from 1.
        params
            Its evaluated parameters, a ``snakemake.io.Params``.
        """
        rule = job.rule
        facts = self._rules.get(rule.name)
        if facts is None:
            facts = self._rules[rule.name] = _rule_facts(rule)
        return {
            "attempt": attempt,
            **facts,
            **self._state("script", facts["script"]),
            "params": {name: bounded(plain_value(value)) for name, value in _named_values(params, "params")},
            "input": _files(job.input, "input", self._folder),
            "output": _files(job.output, "output", self._folder, states=False),
            "log": _files(job.log, "log", self._folder, states=False),
            "benchmark": str(job.benchmark) if job.benchmark else None,
            **self._environment(job, rule),
            "modules": [str(name) for name in (getattr(job, "env_modules", None) or [])],
            "group": str(job.group) if job.group else None,
            "depends_on": _dependencies(job),
        }

    def _environment(self, job: Any, rule: Any) -> Plain:
        """Return what the rule declares to run in, and where that lies if Snakemake deployed it.

        Snakemake works declarations out anew at each access where the rule has none. Of an environment that is not
        deployed it would have to work out the place, with conda's help.
        """
        conda, named = _conda(job) if rule.conda_env else (None, None)
        container = _text_or_none(job, "container_img_url") if rule.container_img else None
        facts: Plain = {"conda": conda, "container": container, **({"conda_named": named} if named else {})}
        if not (conda or named or container):
            return facts
        if self._methods is None:
            workflow = job.dag.workflow
            methods = workflow.deployment_settings.deployment_method
            self._methods = frozenset() if workflow.touch else frozenset(str(method) for method in methods)
        facts |= self._state("conda", conda)
        if (conda or named) and "conda" in self._methods and job.conda_env is not None:
            facts["conda_prefix"] = str(job.conda_env.address)
        if container is not None and self._methods & {"apptainer", "singularity"} and job.container_img is not None:
            # Snakemake keeps what it pulled below the run's folder, and names it from the root.
            facts["container_file"] = str(job.container_img.path).removeprefix(os.path.join(self._folder, ""))
        return facts

    def _state(self, what: str, path: str | None) -> Plain:
        """Return the state of a file that the job is made of, if it is one of this machine."""
        state = file_state(os.path.join(self._folder, path)) if path and "://" not in path else None
        return {} if state is None else {f"{what}_state": state}


def _rule_facts(rule: Any) -> Plain:
    """Return what is the same for every job of a rule."""
    return {
        "kind": _kind(rule),
        "rule_file": str(rule.snakefile) if rule.snakefile else None,
        "rule_line": _line(rule),
        "script": _script(rule),
        **_wrapper_file(rule),
    }


def _line(rule: Any) -> int | None:
    """Return the rule's line in the Snakefile; ``rule.lineno`` counts lines of the Python made from it."""
    try:
        return int(rule.workflow.linemaps[rule.snakefile][rule.lineno])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _kind(rule: Any) -> str:
    # run: rules and script: rules both have a run function, so the sure signs come first.
    for kind in ("script", "notebook", "wrapper"):
        if getattr(rule, kind, None):
            return kind
    if rule.shellcmd is not None:
        return "shell"
    return "none" if rule.norun else "run"


def _script(rule: Any) -> str | None:
    if rule.wrapper:
        return str(rule.wrapper)
    name = rule.script or rule.notebook
    if not name:
        return None
    if os.path.isabs(str(name)) or "://" in str(name):
        return str(name)
    return os.path.normpath(os.path.join(str(rule.basedir), str(name)))


def _wrapper_file(rule: Any) -> Plain:
    """Return where the code of a wrapper is, if it is on this machine."""
    folder = str(rule.wrapper or "").removeprefix("file:")
    names = ("wrapper.py", "wrapper.R", "wrapper.Rmd", "wrapper.jl", "wrapper.rs", "wrapper.sh")
    if not rule.wrapper or not folder.startswith("/"):
        return {}
    folder = "/" + folder.lstrip("/")
    found = [os.path.join(folder, name) for name in names if os.path.isfile(os.path.join(folder, name))]
    return {"wrapper_file": found[0]} if found else {}


def _named_values(values: Any, what: str) -> Iterable[tuple[str, object]]:
    """Yield every value once, under its name or its position, in order.

    Snakemake keeps a named list of three files as three values and one name for the range of them.
    """
    if values is None:
        return
    for index, (name, value) in enumerate(_all_items(values)):
        yield (name if name is not None else f"{what}[{index}]"), value


def _all_items(values: Any) -> Iterable[tuple[str | None, object]]:
    return list(values._allitems())


def _files(files: Any, what: str, folder: str, *, states: bool = True) -> list[Plain]:
    described: list[Plain] = []
    for name, value in _named_values(files, what):
        several = isinstance(value, list | tuple) or (not isinstance(value, str) and hasattr(value, "_allitems"))
        members: list[Any] = list(value) if several else [value]  # type: ignore[call-overload]
        for index, member in enumerate(members):
            path = str(member)
            entry: Plain = {"name": f"{name}[{index}]" if several else name, "path": path}
            flags = getattr(member, "flags", None)
            known = _FLAGS.intersection(flags) if flags else ()
            if known:
                entry["flags"] = sorted(known)
            if "storage_object" in known:
                entry["query"] = str(member.flags["storage_object"].query)
            elif states:
                entry["state"] = file_state(os.path.join(folder, path))
            described.append(entry)
    return described


def file_state(path: str) -> list[int] | None:
    """Return size and modification time (ns) of a file, or of what changes last in a directory output.

    Enough to notice that something else was written there since; None if nothing is there.
    """
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            for name in (".snakemake_timestamp", "zarr.json", ".zattrs"):
                if os.path.exists(os.path.join(path, name)):
                    found = os.stat(os.path.join(path, name))
                    break
    except (OSError, ValueError):
        return None
    return [found.st_size, found.st_mtime_ns]


def _conda(job: Any) -> tuple[str | None, str | None]:
    """Return the environment file that a job declares, or the name or folder of an environment that is there."""
    try:
        declared = job.conda_env_spec
    except Exception:  # Snakemake computes it on access and may refuse
        return None, None
    file = getattr(declared, "file", None)
    if file:
        return str(file), None
    named = getattr(declared, "path", None) or getattr(declared, "name", None)
    return None, str(named) if named else None


def _text_or_none(job: Any, *attributes: str) -> str | None:
    for attribute in attributes:
        try:
            value = getattr(job, attribute, None)
        except Exception:  # noqa: S112 - Snakemake computes some of these on access and may refuse
            continue
        if value:
            return str(value)
    return None


def _dependencies(job: Any) -> list[list[object]]:
    dag = job.dag
    found = {(dag.jobid(other), other.rule.name) for other in dag.dependencies[job]}
    return [list(pair) for pair in sorted(found)]


def plain_value(value: object) -> object:
    """Return a JSON-like copy of a value: paths as texts, mappings by text keys, anything else by its ``repr``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))  # JSON has no infinity
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain_value(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return plain_value(value.item())  # a number of numpy
    # An address differs from run to run and says nothing.
    return _ADDRESS.sub("", repr(value))


def bounded(value: object) -> object:
    """Return a plain value, or of a very long one its start, its length and the SHA-256 of its canonical JSON."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    if len(text) <= _LONGEST_VALUE:
        return value
    start = value if isinstance(value, str) else text
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    return f"{start[:_KEPT_OF_LONGER]}… ({len(start)} characters, SHA-256 of its JSON {digest})"


def describe_workflow(workflow: Any, executor: str) -> Plain:
    """Return the facts of a live ``snakemake.workflow.Workflow`` at its start as plain values.

    Parameters
    ----------
    workflow
        The live workflow.
    executor
        Name of its executor plugin; ``touch`` only sets times.
    """
    return {
        "cwd": os.getcwd(),
        "config": plain_value(workflow.config),
        "sources": sorted({str(path) for path in _source_paths(workflow)}),
        "executor": executor,
        "deployment": sorted(str(method) for method in workflow.deployment_settings.deployment_method),
        "configfiles": [str(path) for path in workflow.configfiles],
        "targets": sorted(str(target) for target in (workflow.dag_settings.targets or ())),
    }


def _source_paths(workflow: Any) -> Iterable[str]:
    for source in workflow.included:
        path = source.get_path_or_uri(secret_free=True)
        yield str(path)


def up_to_date_jobs(workflow: Any, folder: str) -> list[Plain]:
    """Return the jobs that the run wanted and did not have to do: rule, wildcards and outputs."""
    dag = workflow.dag
    if dag is None:
        return []
    jobs = [job for job in dag.jobs if not dag.needrun(job) and job.output and dag.jobid(job) is not None]
    return [
        {
            "rule": job.rule.name,
            "wildcards": dict(job.wildcards_dict),
            "output": [
                {**entry, "state": file_state(os.path.join(folder, entry["path"]))}
                for entry in _files(job.output, "output", "", states=False)
            ],
        }
        for job in sorted(jobs, key=lambda job: (job.rule.name, [str(path) for path in job.output]))
    ]
