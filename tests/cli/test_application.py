"""The table of commands, their help, and what a failure looks like."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from filiation import errors
from filiation.cli import application, main
from filiation.cli.application import COMMANDS
from filiation.cli.reference import reference

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def shell(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    environment.pop("FILIATION_CATALOGUE", None)
    return subprocess.run(
        [sys.executable, "-m", "filiation", *arguments],
        env=environment,
        capture_output=True,
        encoding=encoding,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(call, name):
    done = call(name, "--help")
    assert done.exit_code == 0
    assert re.search(rf"Example:\n\s+\$ filiation {name}\b", done.stdout)
    assert command(name).get_short_help_str(limit=200) == COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.name


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in ("dataset", "demo", "init", "omero", "step", "tool")]
)
def test_every_command_answers_in_json_and_takes_a_catalogue(name):
    options = {option for parameter in command(name).params for option in parameter.opts}
    assert {"--json", "--catalogue"} <= options


def test_the_reference_is_current():
    assert (DOCS / "cli.md").read_text("utf-8") == reference(), "run: python -m filiation.cli.reference"


def test_the_exit_codes_are_those_of_the_errors():
    table = re.findall(r"^\| (\d+) \|.*\| `?(\w+)`? \|$", (DOCS / "exit-codes.md").read_text("utf-8"), re.M)
    documented = {name: int(code) for code, name in table}
    kinds = {
        name: kind.exit_code
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.FiliationError)
    }
    assert documented == kinds | {"KeyboardInterrupt": application.INTERRUPTED}
    assert f"| {application.UNEXPECTED} |" in (DOCS / "exit-codes.md").read_text("utf-8")


def test_help_and_version_import_nothing_heavy():
    program = (
        "import sys; from click.testing import CliRunner; from filiation.cli import main\n"
        "for option in ('--help', '--version'):\n"
        "    assert CliRunner().invoke(main, [option]).exit_code == 0\n"
        "heavy = {'zarr', 'numpy', 'skimage', 'scipy', 'pyarrow', 'rocrate', 'rocrate_validator', 'networkx'}\n"
        "heavy |= {'rdflib', 'pyoxigraph', 'snakemake', 'jinja2', 'requests', 'sqlite3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_unknown_command_or_option_returns_2(call):
    done = call("cheese")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "No such command 'cheese'" in done.stderr
    assert call("runs", "--cheese").exit_code == 2


@pytest.fixture
def failing(monkeypatch):
    """Make a command fail with an error of choice."""

    def prepare(error: BaseException) -> None:
        @click.command()
        def runs() -> None:
            raise error

        monkeypatch.setattr("filiation.cli.runs.runs", runs)

    return prepare


KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.FiliationError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_one_message_and_its_exit_code(call, failing, kind):
    failing(kind("The image 'a\x1b' is blank."))
    done = call("runs")
    assert (done.exit_code, done.stdout) == (kind.exit_code, "")
    assert done.stderr == "filiation: The image 'a\\x1b' is blank.\n"


def test_a_fault_of_our_own_is_a_sentence_and_says_how_to_see_more(call, failing):
    failing(RuntimeError("no cheese"))
    done = call("runs")
    assert (done.exit_code, done.stdout) == (70, "")
    assert done.stderr == (
        "filiation: Something went wrong inside filiation: RuntimeError: no cheese\n"
        "This is a fault of filiation. To see where it happened, set FILIATION_DEBUG=1 and run the command again.\n"
    )


def test_the_traceback_is_there_for_those_who_ask(call, failing, monkeypatch):
    failing(RuntimeError("no cheese"))
    done = call("runs", env={"FILIATION_DEBUG": "1"})
    assert done.exit_code == 70
    assert done.stderr.startswith("Traceback (most recent call last):")


def test_control_c_returns_130_in_silence(call, failing):
    failing(KeyboardInterrupt())
    done = call("runs")
    assert done.exit_code == 130
    assert done.output.strip() == ""


def test_the_program_runs_as_a_module_and_by_name():
    done = shell("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("filiation, version ")
    script = Path(sys.executable).with_name("filiation")
    assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == done.stdout


def test_a_broken_pipe_is_silent(run, here):
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    done = subprocess.run(
        [sys.executable, "-m", "filiation", "runs"], stdout=reader.stdin, stderr=subprocess.PIPE, text=True, check=False
    )
    reader.stdin.close()
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_without_unicode_gets_escapes(run, here):
    done = shell("trace", "results/labels.txt", encoding="latin-1")
    assert done.returncode == 0
    assert "\\u2514" in done.stdout


def test_json_is_only_json_on_the_standard_output(run, here):
    assert json.loads(shell("trace", "results/labels.txt", "--json").stdout)["thing"] == "results/labels.txt"
