"""Secrets stay out: canaries in every channel that a run takes something in by, sought in every byte that it leaves."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from filiation.cli import main
from filiation.model import Status
from tests.capture.situations import MakeProject, recorded, snakemake_command
from tests.conftest import Project
from tests.forked import python
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

CHANNELS = (
    "config-file", "config-nested", "config-flow", "config-list", "config-multi", "config-quoted",
    "command-line", "command-line-json", "second-config-file",
    "environment", "environment-key", "environment-in-shell",
    "url-in-config", "url-in-param", "url-in-shell", "url-token-only", "signed-url",
    "shell-option", "shell-assignment", "shell-header", "shell-json", "curl-user",
    "parameter", "parameter-nested", "effective-parameter",
    "exception", "step-exception", "log", "workflow-source",
    "profile", "netrc", "wildcard",
)  # fmt: skip
# Such as nobody writes by chance; letters that URLs and shells treat alike, so that a hit is a hit.
CANARY = {channel: f"kanarie{number:02d}xQz{number * 7919:05d}" for number, channel in enumerate(CHANNELS)}

SNAKEFILE = """
configfile: "config.yaml"
configfile: "more.yaml"

API_KEY = "{workflow-source}"

rule all:
    input: "fetched.txt", "stepped.txt", "spoken.txt", "complained.txt", "by/{wildcard}.txt"

rule fetch:
    output: "fetched.txt"
    params:
        password="{parameter}",
        nested={{"login": {{"api_key": "{parameter-nested}"}}}},
        url="https://me:{url-in-param}@omero.example/api",
        host=config["omero"]["host"],
    log: "logs/fetch.log"
    shell:
        "true {{params.password}} {{params.nested}} {{params.url}} {{params.host}}"
        " --token {shell-option}; LAB_PASSWORD={shell-assignment} true;"
        " true -H 'Authorization: Bearer {shell-header}' -d '{{{{\\"api_key\\": \\"{shell-json}\\"}}}}';"
        " true -u me:{curl-user} https://{url-token-only}-and-longer@host/x https://me:{url-in-shell}@host/;"
        " true 'https://s3.example/x?X-Amz-Signature={signed-url}';"
        " cat spoken-of.txt >> {{log}}; echo \\"$LAB_TOKEN $OMERO_SESSION_KEY\\" >> {{log}}; echo done > {{output}}"

rule step:
    output: result="stepped.txt"
    params: password=config["omero"]["password"]
    log: "logs/step.log"
    script: "step.py"

rule speak:
    output: "spoken.txt"
    params: config["credentials"]
    run:
        open(output[0], "w").write("x")
        shell("echo {environment-in-shell} > /dev/null")

rule complain:
    output: "complained.txt"
    run:
        raise ValueError("refused: password={exception}, tried " + config["omero"]["password"])

rule by_name:
    output: "by/{{token}}.txt"
    shell: "touch {{output}}"
"""
STEP = """
from pathlib import Path
from filiation.step import effective, run

def connect(result: Path, *, password: str) -> None:
    effective(session_key="{effective-parameter}")
    result.write_text("x")
    raise RuntimeError("refused: password={step-exception}, tried " + password)

run(connect, snakemake)
"""
CONFIG = """
omero:
  host: omero.example
  password: {config-file}
  session: {{deeper: {{session_key: "{config-nested}"}}}}
flow: {{user: me, token: {config-flow}}}
credentials: ["{config-list}", x]
private_key: |
  {config-multi}
secret: '{config-quoted}'
endpoint: https://me:{url-in-config}@omero.example/
"""
PROFILE = """
logger: [filiation]
config:
  - lab_password={profile}
"""


def filled(text: str) -> str:
    return text.format(**CANARY)


def planted(project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = project(filled(SNAKEFILE))
    made.write("config.yaml", filled(CONFIG))
    made.write("more.yaml", f"tokens:\n  github: {CANARY['second-config-file']}\n")
    made.write("spoken-of.txt", f"connecting\npassword = {CANARY['log']}\n")
    made.write("step.py", filled(STEP))
    made.write("lab/config.yaml", filled(PROFILE))
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / ".netrc").write_text(f"machine omero.example login me password {CANARY['netrc']}\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LAB_TOKEN", CANARY["environment"])
    monkeypatch.setenv("OMERO_SESSION_KEY", CANARY["environment-key"])
    monkeypatch.setenv("SPEAK_PASSWORD", CANARY["environment-in-shell"])
    return made


def arguments(made: Project) -> tuple[str, ...]:
    return (
        "--profile", "lab", "--keep-going", "--config", f"db_password={CANARY['command-line']}",
        f'store={{"secret_key": "{CANARY["command-line-json"]}"}}',
    )  # fmt: skip


def read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def assert_clean(made: Project, *texts: str) -> None:
    """Search every byte that was written for every canary, as it is and as it would be encoded."""
    written = {str(path): path.read_bytes() for path in made.catalogue.rglob("*") if path.is_file()}
    written |= {f"logs/{path.name}": path.read_bytes() for path in (made.folder / "logs").glob("step*")}
    written |= {f"output {number}": text.encode() for number, text in enumerate(texts)}
    assert len(written) > 10
    hits = {
        (channel, place)
        for channel, canary in CANARY.items()
        for form in (canary, quote(canary), base64.b64encode(canary.encode()).decode())
        for place, content in written.items()
        if form.encode() in content
    }
    assert not hits, "\n".join(sorted(f"{channel} in {place}" for channel, place in hits))


def test_no_canary_is_found_in_anything_that_is_written(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(set(CANARY.values())) == len(CHANNELS) >= 30
    made = planted(project, tmp_path, monkeypatch)
    put = " ".join((*arguments(made), *os.environ.values(), *map(read, tmp_path.rglob("*"))))
    assert not [channel for channel, canary in CANARY.items() if canary not in put], "each is planted"
    result = made.snakemake(*arguments(made))
    assert "IndentationError" not in result.stderr
    run = recorded(made)
    told = {action.rule: action.status for action in run.actions}
    assert told == {
        "fetch": Status.FINISHED, "step": Status.FAILED, "speak": Status.FINISHED, "by_name": Status.FINISHED,
        "complain": Status.FAILED,
    }, result.stderr  # fmt: skip
    (complained,) = [action.error for action in run.actions if action.rule == "complain"]
    assert "ValueError in file" in str(complained)
    packed = subprocess.run(
        [python(), "-m", "filiation", "pack", run.id, "--catalogue", str(made.catalogue)],
        capture_output=True, text=True, check=False, cwd=made.folder,
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    monkeypatch.chdir(made.folder)
    everything = "SELECT * WHERE { GRAPH ?g { ?s ?p ?o } }"
    for command in (
        ["show", run.id],
        ["trace", "fetched.txt"],
        ["runs"],
        ["sparql", everything, "--limit", "100000"],
        ["evidence", "fetched.txt", "--to", str(made.catalogue / "bundle")],
    ):
        with pytest.raises(SystemExit) as done:
            main(command)
        assert done.value.code == 0, command
    assert_clean(made, packed.stdout, packed.stderr, *capsys.readouterr())

    said = set(run.redacted)
    assert {"password", "api_key", "token", "a value known to be secret", "password in a URL"} <= said
    told_of_files = " ".join((*said, *run.not_captured))
    for path in ("Snakefile", "config.yaml", "more.yaml", "lab/config.yaml", "logs/fetch.log", "step.py"):
        assert path in told_of_files


def test_a_killed_run_keeps_its_secrets_too(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its values from the command line are known to nobody any more, so its logs stay out."""
    made = planted(project, tmp_path, monkeypatch)
    made.write(
        "Snakefile",
        "rule all:\n    output: 'x'\n    log: 'logs/x.log'\n"
        "    shell: 'echo {config[db_password]} > {log}; touch started; exec sleep 600'\n",
    )
    command = snakemake_command("--config", f"db_password={CANARY['command-line']}")
    process = subprocess.Popen(
        command, cwd=made.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until((made.folder / "started").exists, "the job begins")
    made.await_journal('"event":"job_started"')
    os.killpg(process.pid, 9)
    process.wait()
    run = recorded(made)
    assert run.status is Status.INTERRUPTED
    made.write("filler", "")
    written = [path.read_bytes() for path in made.catalogue.rglob("*") if path.is_file()]
    assert not [content for content in written if CANARY["command-line"].encode() in content]
    assert "the file logs/x.log, which may hold a secret: the run was killed" in run.redacted
