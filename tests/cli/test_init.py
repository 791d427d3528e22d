"""Recording switched on for a workflow that exists, and off again."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.forked import python

SNAKEFILE = "rule all:\n    output: 'out.txt'\n    shell: 'echo 1 > {output}'\n"
DEFAULT = "# Snakemake reads this profile by itself: every run is recorded by filiation.\nlogger:\n  - filiation\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Stand in a workflow's repository."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    return tmp_path


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [python(), "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_a_profile_is_made_where_there_is_none(repository, call):
    done = call("init")
    assert done.exit_code == 0, done.output
    assert (repository / "profiles/default/profile.yaml").read_text() == DEFAULT
    assert done.stdout.splitlines()[:4] == [
        "Made profiles/default/profile.yaml:",
        "  # Snakemake reads this profile by itself: every run is recorded by filiation.",
        "  logger:",
        "    - filiation",
    ]


@pytest.mark.parametrize(
    ("files", "profile"),
    [
        ({"workflow/Snakefile": SNAKEFILE}, "workflow/profiles/default/profile.yaml"),
        ({"workflow/Snakefile": SNAKEFILE, "profiles/slurm/config.yaml": "jobs: 9\n"}, "profiles/default/profile.yaml"),
        ({"workflow/profiles/default/config.yaml": "cores: 2\n", "workflow/Snakefile": SNAKEFILE},
         "workflow/profiles/default/config.yaml"),
        ({"profiles/default/config.yaml": "cores: 2\n", "profiles/default/config.v8+.yaml": "cores: 3\n",
          "profiles/default/config.v99+.yaml": "cores: 4\n", "Snakefile": SNAKEFILE},
         "profiles/default/config.v8+.yaml"),
        ({"profiles/default/README.md": "", "Snakefile": SNAKEFILE}, "profiles/default/profile.yaml"),
    ],
    ids=["beside the Snakefile", "beside other profiles", "an old name", "the newest version", "an empty profile"],
)  # fmt: skip
def test_the_line_goes_into_the_profile_that_snakemake_reads(tmp_path, monkeypatch, call, files, profile):
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = everything(tmp_path)

    assert call("init").exit_code == 0
    assert (tmp_path / profile).read_text() == files.get(profile, DEFAULT.removesuffix("logger:\n  - filiation\n")) + (
        "logger:\n  - filiation\n"
    )
    again = everything(tmp_path)
    said = call("init")
    assert said.stdout == f"{profile} names the logger already; nothing was changed.\n"
    assert everything(tmp_path) == again

    assert call("init", "--undo").exit_code == 0
    assert everything(tmp_path) == before


def test_a_dry_run_changes_nothing(repository, call):
    before = everything(repository)
    done = call("init", "--dry-run", "--json")
    assert json.loads(done.stdout) == [
        {
            "folder": str(repository),
            "profile": str(repository / "profiles/default/profile.yaml"),
            "state": "created",
            "added": DEFAULT,
            "others": [],
            "dry_run": True,
        }
    ]
    assert everything(repository) == before


def test_what_a_person_wrote_since_stays_when_it_is_undone(repository, call):
    profile = repository / "profiles/default/profile.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text("cores: 2\nlogger:\n  - snkmt\n")
    call("init")
    profile.write_text(profile.read_text() + "retries: 1\n")

    done = call("init", "--undo")

    assert done.stdout == "Restored profiles/default/profile.yaml as it was.\n"
    assert profile.read_text() == "cores: 2\nlogger:\n  - snkmt\nretries: 1\n"


def test_another_profile_is_named_and_can_be_given(repository, call):
    (repository / "profiles/slurm").mkdir(parents=True)
    (repository / "profiles/slurm/config.yaml").write_text("jobs: 9\n")
    done = call("init")
    assert done.stderr.splitlines()[0] == (
        "profiles/slurm/config.yaml is another profile. A run with it as --workflow-profile is not recorded; add the "
        "line there too with: filiation init --profile profiles/slurm/config.yaml"
    )
    assert call("init", "--profile", "profiles/slurm").exit_code == 0
    assert (repository / "profiles/slurm/config.yaml").read_text() == "jobs: 9\nlogger:\n  - filiation\n"
    assert "another profile" not in call("init").stderr
    assert call("init", "--undo").exit_code == 0
    assert (repository / "profiles/slurm/config.yaml").read_text() == "jobs: 9\n"
    assert not (repository / "profiles/default").exists()


def test_a_folder_without_a_workflow_is_refused(here, call):
    done = call("init")
    assert done.exit_code == 3
    assert done.stderr == (
        f"filiation: There is no Snakefile in {here}; expected one of Snakefile, snakefile, workflow/Snakefile, "
        "workflow/snakefile. Name the workflow's folder: filiation init FOLDER\n"
    )


def test_undoing_nothing_is_said(repository, call):
    done = call("init", "--undo")
    assert done.exit_code == 3
    assert done.stderr == (
        f"filiation: `filiation init` has left no note for {repository}, so there is nothing to undo. If a profile "
        "names 'filiation' under 'logger', take it out by hand.\n"
    )


def test_a_linked_profile_stays_a_link(repository, call):
    (repository / "lab.yaml").write_text("cores: 1\n")
    (repository / "profiles/default").mkdir(parents=True)
    (repository / "profiles/default/profile.yaml").symlink_to(repository / "lab.yaml")
    assert call("init").exit_code == 0
    assert (repository / "profiles/default/profile.yaml").readlink() == repository / "lab.yaml"
    assert (repository / "lab.yaml").read_text() == "cores: 1\nlogger:\n  - filiation\n"


@pytest.mark.slow
def test_a_plain_snakemake_call_is_recorded_after_it_and_no_longer_after_undoing(repository, call):
    assert call("init").exit_code == 0
    first = snakemake(repository)
    assert first.returncode == 0, first.stderr
    (found,) = json.loads(call("runs", "--json").stdout)
    assert found["status"] == "finished"

    assert call("init", "--undo").exit_code == 0
    assert not (repository / "profiles").exists()
    assert snakemake(repository, "--forceall").returncode == 0
    assert len(json.loads(call("runs", "--json").stdout)) == 1
