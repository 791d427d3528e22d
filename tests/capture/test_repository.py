"""What git tells of a workflow when a run starts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from swh.model.from_disk import Directory

from filiation.capture import repository
from filiation.capture.repository import DIFF, public_address, repository_facts
from filiation.capture.surroundings import NO_SOURCE

NAMES = ["Snakefile", "scripts/a b.py", "scripts/ä\nö.py", "run.sh", os.fsdecode(b"odd-\xff")]


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    answer = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)
    return os.fsdecode(answer.stdout).strip()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Make a repository with a workflow folder that git keeps, and another folder beside it."""
    for name in NAMES:
        place = tmp_path / "workflow" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"# {name.encode(errors='replace')!r}\n")
    (tmp_path / "workflow/run.sh").chmod(0o755)
    (tmp_path / "workflow/link").symlink_to("run.sh")
    (tmp_path / "README.md").write_text("beside it\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def swhid_of_kept_files(root: Path, copy: Path) -> str:
    """Copy what git keeps of the workflow, as it stands on disk, and ask the reference implementation."""
    for name in git(root, "ls-files", "-z", "workflow").split("\0"):
        if name and os.path.lexists(root / name):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name, follow_symlinks=False)
    return str(Directory.from_disk(path=os.fsencode(copy / "workflow"), max_content_length=None).swhid())


def test_a_committed_workflow_has_the_identifier_that_the_archive_gives_its_folder(kept: Path, tmp_path: Path) -> None:
    facts = repository_facts(str(kept / "workflow/Snakefile"), [str(kept / "workflow/Snakefile")])
    assert facts == {
        "commit": git(kept, "rev-parse", "HEAD"),
        "folder": "workflow",
        "modified": False,
        "swhid": f"swh:1:dir:{git(kept, 'rev-parse', 'HEAD:workflow')}",
    }
    assert facts["swhid"] == swhid_of_kept_files(kept, tmp_path / "copy")


def test_a_workflow_that_is_not_committed_is_told_as_it_stands(kept: Path, tmp_path: Path) -> None:
    workflow = kept / "workflow"
    (workflow / NAMES[1]).write_text("changed\n")
    (workflow / NAMES[2]).unlink()
    (workflow / "run.sh").chmod(0o644)
    (workflow / "staged.smk").write_text("staged\n")
    (workflow / "not kept.txt").write_text("nobody asked for it\n")
    git(kept, "add", "workflow/staged.smk")
    (workflow / "staged.smk").write_text("staged, then written again\n")

    facts = repository_facts(str(workflow / "Snakefile"))

    assert facts["modified"] is True
    assert facts["swhid"] == swhid_of_kept_files(kept, tmp_path / "copy")
    shown = subprocess.run(["git", *DIFF], cwd=workflow, check=True, capture_output=True).stdout
    assert b"staged, then written again" in shown
    assert b"not kept" not in shown
    assert facts["diff"] == f"sha256:{hashlib.sha256(shown).hexdigest()}"
    git(kept, "config", "diff.noprefix", "true")
    git(kept, "config", "diff.context", "9")
    assert repository_facts(str(workflow / "Snakefile")) == facts, "whatever a person's git is set to"


def test_a_snakefile_that_git_does_not_keep_counts_as_a_change(kept: Path) -> None:
    extra = kept / "workflow/extra.smk"
    extra.write_text("rule extra:\n")
    assert repository_facts(str(kept / "workflow/Snakefile"), [str(extra)])["modified"] is True
    assert repository_facts(str(extra)) == {}, "a workflow that git does not keep is not what a commit holds"


def test_large_changes_are_not_read_when_a_run_starts(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "LARGEST_CHANGE", 3)
    (kept / "workflow/run.sh").write_text("longer\n")
    facts = repository_facts(str(kept / "workflow/Snakefile"))
    assert "swhid" not in facts
    assert facts["swhid_missing"] == "more than 0 MB of changed files lay there when it started"


def test_a_repository_that_names_files_by_sha_256_gets_no_false_identifier(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text("rule all:\n")
    git(tmp_path, "init", "-q", "--object-format=sha256")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    facts = repository_facts(str(tmp_path / "Snakefile"))
    assert "swhid" not in facts
    assert "SHA-256" in facts["swhid_missing"]


def test_a_folder_without_a_repository_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text("rule all:\n")
    assert repository_facts(str(tmp_path / "Snakefile")) == {}


def test_git_is_asked_without_touching_the_repository(kept: Path) -> None:
    os.utime(kept / "workflow/Snakefile", (1, 1))  # git would note the new time in its index
    before = (kept / ".git/index").read_bytes()
    repository_facts(str(kept / "workflow/Snakefile"))
    assert (kept / ".git/index").read_bytes() == before


@pytest.mark.parametrize(
    ("remote", "public"),
    [
        ("https://me:token@git.example.org/lab/wf.git", "https://git.example.org/lab/wf.git"),
        ("me@git.example.org:lab/wf.git", "ssh://git.example.org/lab/wf.git"),
        ("ssh://me@git.example.org:2222/lab/wf.git", "ssh://git.example.org:2222/lab/wf.git"),
        ("/home/me/wf", None),
        ("file:///home/me/wf", None),
        ("", None),
    ],
)
def test_an_address_is_told_without_the_user(remote: str, public: str | None) -> None:
    assert public_address(remote) == public


def test_the_documented_command_is_the_one_that_is_run() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/made-with.md").read_text()
    (command,) = re.findall(r"```text\n(git -c .*?)```", page, re.DOTALL)
    assert command.split() == ["git", *DIFF]
    assert all(f"`{name}`" in page for name in NO_SOURCE)
