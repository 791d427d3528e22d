"""Which profile files a call of Snakemake reads, compared with what Snakemake itself says that it uses."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from filiation.capture.profiles import profile_files

HERE = ("Snakefile", "profiles/default/profile.yaml", "profiles/lab/config.yaml", "mine/config.yaml", "one.yaml")
CALLS = {
    "nothing": ([], ["profiles/default/profile.yaml"]),
    "no workflow profile": (["--workflow-profile", "none"], []),
    "no workflow profile, in one word": (["--workflow-profile=none"], []),
    "a workflow profile by its name": (["--workflow-profile", "lab"], ["profiles/lab/config.yaml"]),
    "a workflow profile by its folder": (["--workflow-profile", "profiles/lab"], ["profiles/lab/config.yaml"]),
    "a file": (["--profile", "one.yaml", "--workflow-profile", "none"], ["one.yaml"]),
    "a profile besides": (["--profile", "mine"], ["mine/config.yaml", "profiles/default/profile.yaml"]),
    "a profile of the user": (["--profile", "home", "--workflow-profile=none"], ["config/snakemake/home/config.yaml"]),
    "two": (["--profile", "mine", "one.yaml", "--workflow-profile=none"], ["mine/config.yaml", "one.yaml"]),
    "no profile": (["--profile", "none"], ["profiles/default/profile.yaml"]),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("inner", [False, True], ids=["Snakefile", "workflow/Snakefile"])
def test_the_profiles_that_snakemake_uses_are_found(
    call: str, inner: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, expected = CALLS[call]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (*HERE, "config/snakemake/home/config.yaml"):
        place = tmp_path / ("workflow" if inner and name.startswith(("Snakefile", "profiles/default")) else "") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("" if name == "Snakefile" else "jobs: 1\n")
    if inner:
        expected = [f"workflow/{path}" if path.startswith("profiles/default") else path for path in expected]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        parse_args(arguments)
    found = [os.path.relpath(path, tmp_path) for path in profile_files(arguments, tmp_path)]
    assert found == expected
    for path in expected:
        assert Path(path).name in said.getvalue() or str(Path(path).parent.name) in said.getvalue()
    assert bool(expected) == ("Using" in said.getvalue())


def test_the_environment_names_a_profile_unless_the_call_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab.yaml").write_text("")
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "lab.yaml")
    assert profile_files([], tmp_path) == [str(tmp_path / "lab.yaml")]
    assert profile_files(["--profile", "none"], tmp_path) == []
