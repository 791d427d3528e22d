"""Rules of every kind, what they are made with, and how jobs come about, by real Snakemake."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from filiation.model import RuleKind, Status
from tests.capture.situations import MakeProject, Situation, ancestors, only, play, recorded, statuses
from tests.conftest import Project

pytestmark = pytest.mark.slow
DONE = Status.FINISHED

SCATTER = """
scattergather:
    split=3

rule all:
    input: "gathered.txt"

rule cut:
    output: scatter.split("parts/{scatteritem}.txt")
    shell: "for part in {output}; do echo $part > $part; done"

rule work:
    input: "parts/{scatteritem}.txt"
    output: "worked/{scatteritem}.txt"
    shell: "cp {input} {output}"

rule gather_all:
    input: gather.split("worked/{scatteritem}.txt")
    output: "gathered.txt"
    shell: "cat {input} > {output}"
"""
CHECKPOINTS = """
rule all:
    input: "end.txt"

checkpoint one:
    output: "one.txt"
    shell: "echo b c > {output}"

checkpoint two:
    input: "one.txt"
    output: directory("two")
    shell: "mkdir {output}; for name in $(cat {input}); do echo $name > {output}/$name; done"

rule each:
    input: "two/{name}"
    output: "each/{name}"
    shell: "cp {input} {output}"

def everything(wildcards):
    from pathlib import Path
    names = sorted(path.name for path in Path(checkpoints.two.get().output[0]).iterdir() if path.name[0] != ".")
    return [f"each/{name}" for name in names]

rule last:
    input: everything
    output: "end.txt"
    shell: "cat {input} > {output}"
"""
MODULE = {
    "other/Snakefile": (
        "configfile: 'no-such.yaml'\n" * 0 + "rule all:\n    input: 'b.txt'\n\n"
        "rule a:\n    output: 'a.txt'\n    params: word='plain'\n    shell: 'echo {params.word} > {output}'\n\n"
        "rule b:\n    input: 'a.txt'\n    output: 'b.txt'\n    script: 'scripts/b.py'\n"
    ),
    "other/scripts/b.py": "open(snakemake.output[0], 'w').write(open(snakemake.input[0]).read())\n",
}
MODULES = """
module other:
    snakefile: "other/Snakefile"
    prefix: "sub"

use rule * from other as other_*

use rule a from other as other_a with:
    params: word="replaced"

rule mine:
    input: "sub/b.txt"
    output: "mine.txt"
    default_target: True
    shell: "cp {input} {output}"
"""
GROUPS = """
rule all:
    input: expand("b/{n}.txt", n=[1, 2])

rule a:
    output: "a/{n}.txt"
    group: "together"
    shell: "echo {wildcards.n} > {output}"

rule b:
    input: "a/{n}.txt"
    output: "b/{n}.txt"
    group: "together"
    shell: "cp {input} {output}"
"""

SITUATIONS = [
    Situation(
        "scatter and gather", SCATTER, DONE, {"cut": (DONE,), "work": (DONE,) * 3, "gather_all": (DONE,)},
        frozenset({"gathered.txt", *(f"{where}/{n}-of-3.txt" for where in ("parts", "worked") for n in (1, 2, 3))}),
    ),
    Situation(
        "two checkpoints", CHECKPOINTS, DONE, {"one": (DONE,), "two": (DONE,), "each": (DONE, DONE), "last": (DONE,)},
        frozenset({"one.txt", "two", "each/b", "each/c", "end.txt"}),
    ),
    Situation(
        "a module", MODULES, DONE, {"other_a": (DONE,), "other_b": (DONE,), "mine": (DONE,)},
        frozenset({"sub/a.txt", "sub/b.txt", "mine.txt"}), files=MODULE,
    ),
    Situation(
        "a group run locally", GROUPS, DONE, {"a": (DONE, DONE), "b": (DONE, DONE)},
        frozenset({"a/1.txt", "a/2.txt", "b/1.txt", "b/2.txt"}),
    ),
]  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_jobs_are_told_however_they_came_about(situation: Situation, project: MakeProject) -> None:
    made, run = play(situation, project)
    assert run.not_captured == ()
    end = next(path for path in ("gathered.txt", "end.txt", "mine.txt", "b/1.txt") if run.entity(path))
    rules = {name for name in situation.actions if name != "all"}
    assert rules <= ancestors(made, run, end), "everything led to the last file"


def test_a_rule_of_a_module_names_its_own_file_and_script(project: MakeProject) -> None:
    made, run = play(next(each for each in SITUATIONS if each.name == "a module"), project)
    rules = {rule.name: rule for rule in run.rules}
    assert rules["other_a"].source == rules["other_b"].source == "other/Snakefile"
    assert rules["other_b"].script == "other/scripts/b.py"
    assert only(run, "other_a").parameters[0].value.value == "replaced"
    assert set(run.workflow.sources) == {"Snakefile", "other/Snakefile", "other/scripts/b.py"}
    assert (made.catalogue / "crates" / run.id / "work/other/scripts/b.py").is_file()


NOTEBOOK = {
    "cells": [{
        "cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [],
        "source": "open(snakemake.output[0], 'w').write(str(snakemake.params.number))",
    }],
    "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip
NBCONVERT = """#!{python}
import json, sys
if "--version" in sys.argv:
    raise SystemExit(0)
for cell in json.load(open(sys.argv[-1]))["cells"]:
    exec("".join(cell["source"]))
"""
KINDS = """
rule all:
    input: "shell.txt", "run.txt", "script.txt", "notebook.txt", "wrapper.txt"

rule with_shell:
    output: "shell.txt"
    params: number=1
    shell: "echo {params.number} > {output}"

rule with_run:
    output: "run.txt"
    params: number=2
    run:
        shell("echo {params.number} > {output}")

rule with_script:
    output: "script.txt"
    params: number=3
    script: "scripts/three.py"

rule with_notebook:
    output: "notebook.txt"
    params: number=4
    log: notebook="logs/four.ipynb"
    notebook: "notebooks/four.py.ipynb"

rule with_wrapper:
    output: "wrapper.txt"
    params: number=5
    wrapper: "file:WRAPPERS/v1/five"
"""


@pytest.fixture
def nbconvert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for Jupyter's converter: the record does not depend on who runs the cells."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "jupyter-nbconvert").write_text(NBCONVERT.format(python=sys.executable))
    (place / "jupyter-nbconvert").chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=":")


@pytest.mark.usefixtures("nbconvert")
def test_a_rule_of_every_kind_is_told_by_its_kind(project: MakeProject) -> None:
    made = project(KINDS)
    made.write("Snakefile", KINDS.replace("WRAPPERS", str(made.folder / "wrappers")))
    body = "open(snakemake.output[0], 'w').write(str(snakemake.params.number))\n"
    made.write("scripts/three.py", body)
    made.write("wrappers/v1/five/wrapper.py", body)
    made.write("wrappers/v1/five/environment.yaml", "dependencies: []\n")
    made.write("notebooks/four.py.ipynb", json.dumps(NOTEBOOK))
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert {rule.name: rule.kind for rule in run.rules} == {
        "with_shell": RuleKind.SHELL, "with_run": RuleKind.RUN, "with_script": RuleKind.SCRIPT,
        "with_notebook": RuleKind.NOTEBOOK, "with_wrapper": RuleKind.WRAPPER,
    }  # fmt: skip
    assert [only(run, rule.name).parameters[0].value.value for rule in run.rules] == [4, 2, 3, 1, 5]
    scripts = {rule.name: rule.script for rule in run.rules}
    assert scripts["with_notebook"] == "notebooks/four.py.ipynb"
    assert str(scripts["with_wrapper"]).endswith("wrappers/v1/five")
    assert set(run.workflow.sources) >= {
        "notebooks/four.py.ipynb", "scripts/three.py",
        "wrappers/v1/five/wrapper.py", "wrappers/v1/five/environment.yaml",
    }  # fmt: skip
    assert [slot.path for slot in only(run, "with_notebook").logs] == ["logs/four.ipynb"]


SCRIPT_IN_R = """
rule all:
    input: "in.txt"
    output: "out.txt"
    params: number=6, method="otsu"
    script: "scripts/six.R"
"""


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed (Rscript is not on the PATH)")
def test_a_script_in_r_keeps_its_parameters_by_name_and_its_error(project: MakeProject) -> None:
    made = project(SCRIPT_IN_R)
    made.write("in.txt", "raw\n")
    body = 'writeLines(paste(snakemake@params[["number"]], snakemake@params[["method"]]), snakemake@output[[1]])\n'
    made.write("scripts/six.R", body)
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    assert (made.folder / "out.txt").read_text() == "6 otsu\n"
    run = recorded(made)
    assert run.rules[0].kind is RuleKind.SCRIPT
    assert run.rules[0].script == "scripts/six.R"
    assert "scripts/six.R" in run.workflow.sources
    told = {parameter.name: parameter.value.value for parameter in only(run, "all").parameters}
    assert told == {"number": 6, "method": "otsu"}

    made.write("scripts/six.R", 'stop("no such threshold")\n')
    assert made.snakemake("--forceall").returncode == 1
    failed = only(recorded(made), "all")
    assert failed.status is Status.FAILED
    assert failed.error is not None


PARAMETERS = """
import enum
import numpy
from pathlib import Path

class Colour(enum.Enum):
    RED = 1

rule makes:
    input: "raw.txt"
    output: "x.txt"
    threads: 1
    params:
        "nameless",
        function=lambda wildcards, input, threads: [input[0], threads],
        list=[1, "two", None, True],
        nested={"a": {"b": [1, {"c": "é"}]}, 2: "two"},
        path=Path("weights/model.bin"),
        number=numpy.float64(1.5),
        integer=numpy.int64(7),
        huge=10 ** 30,
        infinite=float("inf"),
        nothing=float("nan"),
        thing=Colour.RED,
        several={3, 1, 2},
        empty="",
        large="x" * 50000,
        table=list(range(20000)),
        quoted=lambda wildcards: "it's \\"quoted\\" {braced} $HOME\\nsecond line",
    run:
        open(output[0], "w").write("x")
"""


def test_parameters_of_every_type_keep_name_and_value(project: MakeProject) -> None:
    made = project(PARAMETERS)
    made.write("raw.txt", "raw")
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    values = {parameter.name: parameter.value.value for parameter in only(run, "makes").parameters}
    large, table = values.pop("large"), values.pop("table")
    assert values == {
        "params[0]": "nameless",
        "function": ["raw.txt", 1],
        "list": [1, "two", None, True],
        "nested": {"a": {"b": [1, {"c": "é"}]}, "2": "two"},
        "path": "weights/model.bin",
        "number": 1.5,
        "integer": 7,
        "huge": 10**30,
        "infinite": "inf",
        "nothing": "nan",
        "thing": "<Colour.RED: 1>",
        "several": [1, 2, 3],
        "empty": "",
        "quoted": 'it\'s "quoted" {braced} $HOME\nsecond line',
    }
    digest = hashlib.sha256(json.dumps("x" * 50000).encode()).hexdigest()
    assert large == "x" * 1000 + f"… (50000 characters, SHA-256 of its JSON {digest})"
    assert str(table).startswith("[0,1,2,")
    assert "SHA-256" in str(table)
    journal = made.catalogue / "journals" / f"{run.id}.jsonl"
    assert journal.stat().st_size < 20_000


CONFIGURED = """
configfile: "config.yaml"

rule makes:
    output: "x.txt"
    params: sigma=config["segment"]["sigma"], name=config["name"], added=config.get("added")
    shell: "echo {params.sigma} > {output}"
"""
CONFIG = "name: plain\nsegment:\n  sigma: 1.5\n  sizes: [1, 2]\n"


def config(run_of: Project) -> dict[str, object]:
    return {parameter.name: parameter.value.value for parameter in recorded(run_of).config}


@pytest.mark.parametrize("way", ["file", "another file", "command line", "profile", "workflow profile"])
def test_configuration_is_kept_as_it_was_used(project: MakeProject, way: str) -> None:
    made = project(CONFIGURED)
    made.write("config.yaml", CONFIG)
    made.write("other.yaml", "segment:\n  sigma: 2.5\n")
    made.write("lab/config.yaml", "config:\n  - added=by-profile\n")
    made.write("mine/config.yaml", "config:\n  - added=by-workflow-profile\n")
    arguments = {
        "file": (),
        "another file": ("--configfile", "other.yaml"),
        "command line": ("--config", "segment={'sigma': 3.5}", "added=by-hand"),
        "profile": ("--profile", "lab"),
        "workflow profile": ("--workflow-profile", "mine"),
    }[way]
    result = made.snakemake(*arguments)
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    expected: dict[str, object] = {"name": "plain", "segment.sigma": 1.5, "segment.sizes": [1, 2]}
    expected |= {
        "file": {}, "another file": {"segment.sigma": 2.5},
        # Inside a mapping on the command line, Snakemake keeps texts.
        "command line": {"segment.sigma": "3.5", "added": "by-hand"},
        "profile": {"added": "by-profile"}, "workflow profile": {"added": "by-workflow-profile"},
    }[way]  # fmt: skip
    assert config(made) == expected
    files = {
        "another file": {"config.yaml", "other.yaml"},
        "profile": {"config.yaml", "lab/config.yaml"},
        "workflow profile": {"config.yaml", "mine/config.yaml"},
    }.get(way, {"config.yaml"})
    assert set(run.config_files) == files
    for path in files:
        assert (made.catalogue / "crates" / run.id / "work" / path).is_file()


def test_a_workdir_of_the_workflow_is_where_its_files_are(project: MakeProject) -> None:
    made = project("workdir: 'inner'\nrule makes:\n    output: 'x.txt'\n    shell: 'echo 1 > {output}'\n")
    assert made.snakemake().returncode == 0
    inner = Project(made.folder / "inner")
    run = recorded(inner if inner.catalogue.is_dir() else made)
    assert Path(run.folder) == inner.folder
    assert statuses(run) == {"makes": (DONE,)}
    found = run.entity("x.txt")
    assert found is not None
    assert found.digest is not None


UNSEEN = """
import filiation.capture.listener

def fails(function):
    raise LookupError(function)

filiation.capture.listener.frame_of = fails

rule makes:
    input: "raw.txt"
    output: "x.txt"
    params: number=1
    shell: "cp {input} {output}"
"""


def test_without_snakemakes_live_objects_the_events_alone_are_recorded(project: MakeProject) -> None:
    """As with a Snakemake of the future, whose functions have other names: less is known, and that is said."""
    situation = Situation("unseen", UNSEEN, DONE, {"makes": (DONE,)}, frozenset({"x.txt"}), files={"raw.txt": "raw"})
    _, run = play(situation, project)
    action = only(run, "makes")
    assert ([slot.path for slot in action.inputs], action.parameters) == (["raw.txt"], ())
    assert action.command == "cp raw.txt x.txt"
    assert "Job 0 (makes): parameters, script and environment were not captured." in run.not_captured
