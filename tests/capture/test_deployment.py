"""What jobs ran in: conda environments and container images, declared and deployed kept apart."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from filiation.capture.deployment import conda_platform, read_conda_environment
from filiation.capture.distributions import _changes_of, _commit_of, distribution_facts, origin_of
from filiation.capture.processors import processor_facts
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.crate.validation import validate
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from filiation.model import Digest, DigestKind, Software
from tests.capture.test_repository import git
from tests.conftest import Project

HERE = conda_platform(platform.platform())
MakeProject = Callable[[str], Project]

SAMTOOLS = {
    "name": "samtools", "version": "1.21", "build": "h50ea8bc_0", "subdir": "linux-64", "md5": "0" * 32,
    "url": "https://me:pa55word@conda.example.org/t/tk-pa55word/bioconda/linux-64/samtools-1.21-h50ea8bc_0.tar.bz2",
}  # fmt: skip
ZLIB = {
    "name": "zlib", "version": "1.3.1", "build": "hb9d3cd8_2", "subdir": "linux-64", "md5": "1" * 32,
    "sha256": "2" * 64, "url": "https://conda.example.org/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda",
}  # fmt: skip
LOCK = (
    "@EXPLICIT\n"
    f"https://conda.example.org/bioconda/linux-64/samtools-1.21-h50ea8bc_0.tar.bz2#{'0' * 32}\n"
    f"https://conda.example.org/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda#sha256:{'2' * 64}\n"
)


def sha256(content: bytes) -> Digest:
    return Digest(DigestKind.FILE, hashlib.sha256(content).hexdigest())


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Make what conda leaves of an environment of two packages."""
    for record in (ZLIB, SAMTOOLS):
        place = tmp_path / "env/conda-meta" / f"{record['name']}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(record))
    return tmp_path / "env"


def distribution(prefix: Path, name: str, installer: str, direct_url: str | None = None) -> None:
    info = prefix / f"lib/python3.12/site-packages/{name}-3.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 3.1\n\nWords: 1\n")
    (info / "INSTALLER").write_text(f"{installer}\n")
    if direct_url is not None:
        (info / "direct_url.json").write_text(direct_url)


def test_an_environment_is_the_list_from_which_conda_makes_it_again(prefix: Path) -> None:
    found, lock = read_conda_environment(prefix)
    assert lock.decode() == LOCK
    assert found.lock == sha256(lock)
    assert found.packages == (
        Software(
            "samtools",
            "1.21",
            "pkg:conda/samtools@1.21?build=h50ea8bc_0&channel=bioconda&subdir=linux-64",
            "https://conda.example.org/bioconda/linux-64/samtools-1.21-h50ea8bc_0.tar.bz2",
        ),
        Software(
            "zlib",
            "1.3.1",
            "pkg:conda/zlib@1.3.1?build=hb9d3cd8_2&channel=conda-forge&subdir=linux-64",
            "https://conda.example.org/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda",
        ),
    )


def test_what_pip_added_to_an_environment_is_told_once(prefix: Path) -> None:
    distribution(prefix, "zlib_python", "conda")
    distribution(prefix, "Cellpose", "pip")
    commit = {"url": "https://git.example.org/lab/own", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
    distribution(prefix, "own.tool", "uv", json.dumps(commit))
    found, lock = read_conda_environment(prefix)
    origin = f"git+https://git.example.org/lab/own@{'a' * 40}"
    assert lock.decode() == f"{LOCK}# pip Cellpose 3.1\n# pip own.tool {origin}\n"
    assert found.packages[:2] == (
        Software("Cellpose", "3.1", "pkg:pypi/cellpose@3.1"),
        Software("own.tool", "3.1", "pkg:pypi/own-tool@3.1", origin),
    )


def test_an_environment_that_changed_after_the_run_is_not_what_it_ran_in(prefix: Path) -> None:
    with pytest.raises(BadInputError, match=r"env changed after the run\."):
        read_conda_environment(prefix, before=datetime.now(UTC) - timedelta(hours=1))


def test_what_is_no_environment_is_told(prefix: Path) -> None:
    with pytest.raises(BadInputError, match="is no conda environment on this machine"):
        read_conda_environment(prefix / "nowhere")
    (prefix / "conda-meta/zlib.json").write_text('{"name": "zlib"}')
    with pytest.raises(BadInputError, match=r"conda-meta cannot be read \(KeyError: 'version'\)"):
        read_conda_environment(prefix)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Linux-6.1.0-x86_64-with-glibc2.36", "linux-64"),
        ("Linux-6.1.0-aarch64-with-glibc2.36", "linux-aarch64"),
        ("macOS-14.5-x86_64-i386-64bit", "osx-64"),
        ("macOS-14.5-arm64-arm-64bit", "osx-arm64"),
        ("Windows-10-10.0.19045-SP0", "win-64"),
    ],
)
def test_platforms_have_the_names_that_conda_gives_them(told: str, name: str) -> None:
    assert conda_platform(told) == name


CONDA = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
if words[0] == "info":
    print(json.dumps({{"conda_prefix": {home!r}, "platform": {platform!r}}}))
elif words[0] == "--version":
    print("conda 24.9.2")
elif words[0] == "config":
    print(json.dumps({{"get": {{"channel_priority": "strict"}}}}))
elif "create" in words:
    assert words[words.index("--file") + 1].endswith(".pin.txt")
    meta = pathlib.Path(words[words.index("--prefix") + 1]) / "conda-meta"
    meta.mkdir(parents=True)
    for record in json.loads({records!r}):
        (meta / (record["name"] + ".json")).write_text(json.dumps(record))
"""
APPTAINER = """#!/bin/bash
case "$1" in
  --version) echo "apptainer version 1.3.4"; exit;;
  pull) echo "an image" > "${@: -2:1}"; exit;;
esac
while [ "$1" != bash ] && [ "$1" != /bin/bash ] && [ $# -gt 0 ]; do shift; done
exec "$@"
"""
WORKFLOW = """
rule all:
    input: "sorted.txt", "segmented.txt", "measured.txt"

rule sort:
    output: "sorted.txt"
    conda: "envs/tool.yaml"
    shell: "echo sorted > {output}"

rule measure:
    output: "measured.txt"
    conda: "by-name"
    shell: "echo measured > {output}"

rule segment:
    output: "segmented.txt"
    container: "docker://registry.example.org/lab/segmenter:1.2@sha256:%s"
    shell: "echo segmented > {output}"
""" % ("f" * 64)


@pytest.fixture
def tools(tmp_path: Path, prefix: Path) -> dict[str, str]:
    """Stand-ins for conda and Apptainer on the PATH: what matters is what Snakemake does with them."""
    home = tmp_path / "conda"
    records = json.dumps([SAMTOOLS, ZLIB])
    for name, text in {
        "conda": CONDA.format(python=sys.executable, home=str(home), records=records, platform=HERE),
        "apptainer": APPTAINER,
        "activate": "true\n",
    }.items():
        place = home / "bin" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o755)
    # An environment that somebody made by hand, where conda notes the place of each.
    shutil.copytree(prefix, home / "envs/by-name")
    listed = tmp_path / "home/.conda/environments.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text(f"{home}\n{home / 'envs/by-name'}\n/gone/by-name\n")
    return {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path / "home")}


@pytest.mark.slow
def test_what_was_deployed_is_told_from_a_real_run_to_the_answer(
    project: MakeProject, tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", tools["HOME"])
    made = project(WORKFLOW)
    made.write("envs/tool.yaml", "dependencies: [samtools]\n")
    pin = f"envs/tool.{HERE}.pin.txt"
    made.write(pin, "@EXPLICIT\nhttps://conda.example.org/samtools.conda\n")
    made.write("envs/tool.post-deploy.sh", "true\n")

    done = made.snakemake("--software-deployment-method", "conda", "apptainer", **tools)
    assert done.returncode == 0, done.stderr
    run = pack(CatalogueFolder(made.catalogue), made.run_ids()[-1]).run
    assert made.packed() == run

    actions = {action.rule: action for action in run.actions}
    conda = actions["sort"].conda
    assert conda is not None
    assert conda.lock == sha256(LOCK.encode())
    assert (actions["sort"].container, actions["segment"].conda) == (None, None)
    image = actions["segment"].container
    assert image is not None
    assert (image.digest, image.registry_digest) == (sha256(b"an image\n"), f"sha256:{'f' * 64}")
    declared = next(rule.environment for rule in run.rules if rule.name == "sort")
    assert (declared.conda, declared.pin) == ("envs/tool.yaml", pin)
    assert declared.post_deploy == "envs/tool.post-deploy.sh"
    measure = next(rule.environment for rule in run.rules if rule.name == "measure")
    assert (measure.conda, measure.conda_named) == (None, "by-name")
    named = actions["measure"].conda
    assert named is not None
    assert (Path(named.prefix).name, named.lock) == ("by-name", conda.lock)
    crate = made.catalogue / "crates" / run.id
    assert (crate / f"environments/{conda.lock.hex}.txt").read_text() == LOCK
    assert (crate / "work" / pin).is_file()
    assert validate(crate).valid
    for path in (*crate.rglob("*"), *made.catalogue.glob("journals/*")):
        assert not path.is_file() or b"pa55word" not in path.read_bytes()

    ledger = Ledger(made.catalogue)
    (sort,) = [action for action in ledger.trace("sorted.txt").actions if action.rule == "sort"]
    assert sort.environment == (("conda", f"2 packages, list sha256:{conda.lock.hex}"),)
    assert sort.software == (), "the packages are told with their environment, not of each of thousands of jobs"
    assert "conda       2 packages, list" in ledger.trace("sorted.txt").tree()
    (row,) = ledger.ask("cq1").as_text()
    assert row[3:] == ("lab/segmenter", "registry.example.org", "1.2", sha256(b"an image\n").hex, f"sha256:{'f' * 64}")
    assert {row[3].rpartition("/")[2] for row in ledger.ask("cq4").as_text()} >= {"tool.yaml", f"tool.{HERE}.pin.txt"}
    assert ("samtools", "1.21") in {row[2:4] for row in ledger.ask("cq9").as_text()}

    for path in ("sorted.txt", "segmented.txt", "measured.txt"):
        (made.folder / path).unlink()
    shutil.rmtree(made.folder / ".snakemake/conda")
    assert made.snakemake(**tools).returncode == 0
    declared_only = pack(CatalogueFolder(made.catalogue), made.run_ids()[-1]).run
    assert [(action.conda, action.container) for action in declared_only.actions] == [(None, None)] * 3
    assert any(rule.environment.conda for rule in declared_only.rules), "declared, and not used"


def test_a_distribution_from_a_folder_that_git_keeps_is_told_by_commit() -> None:
    facts = distribution_facts("filiation")
    assert facts["version"]
    assert re.fullmatch(r"swh:1:rev:[0-9a-f]{40}|git\+(https|ssh)://[^@]+@[0-9a-f]{40}", facts["origin"])
    assert isinstance(facts["modified"], bool)
    assert str(Path.cwd()) not in str(facts)
    assert distribution_facts("numpy").keys() == {"name", "version", "purl"}, "one from an index needs no more"


def test_a_folder_is_told_by_its_public_repository_or_its_commit_and_never_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, site = tmp_path / "a tool", tmp_path / "site"
    info = site / "own_tool-1.0.dist-info"
    info.mkdir(parents=True)
    folder.mkdir()
    (folder / "tool.py").write_text("")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-tool\nVersion: 1.0\n")
    about = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(about))
    monkeypatch.syspath_prepend(str(site))
    plain = {"name": "own-tool", "version": "1.0", "purl": "pkg:pypi/own-tool@1.0"}
    assert told() == plain, "git keeps nothing of it"
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        git(folder, *command)
    commit = git(folder, "rev-parse", "HEAD")
    assert told() == plain | {"origin": f"swh:1:rev:{commit}", "modified": False}
    git(folder, "remote", "add", "origin", str(tmp_path / "elsewhere.git"))
    assert told()["origin"] == f"swh:1:rev:{commit}"
    git(folder, "remote", "set-url", "origin", "https://me:secret@git.example.org/lab/tool.git")
    (folder / "tool.py").write_text("print()")
    assert told() == plain | {"origin": f"git+https://git.example.org/lab/tool.git@{commit}", "modified": True}


def told() -> dict[str, Any]:
    """Return what is told of the distribution now."""
    for cached in (_commit_of, _changes_of):
        cached.cache_clear()
    return distribution_facts("own-tool")


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        ('{"url": "https://me:pw@files.example.org/a.whl", "archive_info": {"hashes": {"sha256": "ab"}}}',
         "https://files.example.org/a.whl#sha256=ab"),
        ('{"url": "https://files.example.org/a.zip", "archive_info": {}}', "https://files.example.org/a.zip"),
        ('{"url": "file:///home/a", "dir_info": {"editable": true}}', None),
        ('{"url": "file:///wheels/a.whl", "archive_info": {"hashes": {"sha256": "%s"}}}' % ("00" * 32),
         "ni:///sha-256;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ('{"url": "file:///wheels/a.whl", "archive_info": {}}', None),
        ('{"url": "file:///home/a", "vcs_info": {"vcs": "git", "commit_id": "%s"}}' % ("1a" * 20),
         "swh:1:rev:" + "1a" * 20),
        ('{"url": "file:///home/a", "vcs_info": {"vcs": "hg", "commit_id": "%s"}}' % ("1a" * 20), None),
        ('{"url": "https://git.example.org/a", "vcs_info": {"vcs": "git", "commit_id": "1"}, "subdirectory": "b"}',
         "git+https://git.example.org/a@1#subdirectory=b"),
        ("{}", None), ("not json", None), ("[1]", None), ('{"url": "x", "vcs_info": 3}', None),
    ],
)  # fmt: skip
def test_where_a_distribution_came_from_is_read_as_pep_610_writes_it(direct_url: str, origin: str | None) -> None:
    assert origin_of(direct_url) == origin


NVIDIA = """NVRM version: NVIDIA UNIX {kind}  550.90.07  Tue Mar  5 22:25:57 UTC 2024
GCC version:  gcc version 12.2.0
"""
GPU = "Model: \t\t NVIDIA H200\nIRQ:   \t\t 35\nGPU UUID: \t GPU-0\nBus Location: \t 0000:00:1e.0\n"


@pytest.mark.parametrize("kind", ["x86_64 Kernel Module", "Open Kernel Module for x86_64"])
def test_processors_are_read_where_the_system_tells_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC 9654  96-Core\nprocessor\t: 1\n")
    assert processor_facts(str(tmp_path)) == {"cpu": "AMD EPYC 9654 96-Core"}
    for place in ("0000:00:1e.0", "0000:00:1f.0"):
        (tmp_path / "driver/nvidia/gpus" / place).mkdir(parents=True)
        (tmp_path / "driver/nvidia/gpus" / place / "information").write_text(GPU)
    (tmp_path / "driver/nvidia/version").write_text(NVIDIA.format(kind=kind))
    assert processor_facts(str(tmp_path)) == {
        "cpu": "AMD EPYC 9654 96-Core",
        "gpus": ["NVIDIA H200", "NVIDIA H200"],
        "gpu_driver": "550.90.07",
        "gpu_visible": "1",
    }
    assert processor_facts(str(tmp_path / "nowhere")) == {}
