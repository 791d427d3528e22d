"""SWHIDs against the reference implementation of Software Heritage, and against git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from swh.model.from_disk import Directory

from filiation.capture.swhid import directory_swhid, read_folder
from filiation.errors import BadInputError

ODD_NAMES = [
    "a b.py", "ä.smk", "a\u0308.smk", "emoji \N{MICROSCOPE}", "new\nline", "quote\"'\\", "#?%&", "-", "x" * 255,
    os.fsdecode(b"not-utf8-\xff"),
]  # fmt: skip


def reference(folder: Path) -> str:
    """Return what the reference implementation calls a folder."""
    return str(Directory.from_disk(path=os.fsencode(folder), max_content_length=None).swhid())


def ours(folder: Path) -> str:
    return directory_swhid(read_folder(folder))


def test_a_folder_with_everything_odd_has_the_reference_implementations_identifier(tmp_path: Path) -> None:
    for number, name in enumerate(ODD_NAMES):
        (tmp_path / name).write_text(f"content {number}")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "empty file").touch()
    (tmp_path / "empty/folder/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("run.sh")
    (tmp_path / "link to a folder").symlink_to("empty")
    (tmp_path / "link to nowhere").symlink_to("nowhere at all")
    # Git sorts a folder as if its name ended with a slash: between "b.py" and "b0".
    (tmp_path / "b").mkdir()
    for name in ("b.py", "b0", "b/inner"):
        (tmp_path / name).write_text(name)
    assert ours(tmp_path) == reference(tmp_path)


names = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=8)
trees = st.recursive(
    st.tuples(st.binary(max_size=20), st.booleans()),
    lambda inner: st.dictionaries(names.filter(lambda name: name not in (".", "..")), inner, max_size=4),
    max_leaves=8,
).filter(lambda tree: isinstance(tree, dict))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees)
def test_any_folder_has_the_reference_implementations_identifier(
    tree: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    lay_out(folder, tree)
    assert ours(folder) == reference(folder)


def lay_out(place: Path, tree: object) -> None:
    if isinstance(tree, dict):
        place.mkdir(exist_ok=True)
        for name, inner in tree.items():
            lay_out(place / name, inner)
    else:
        content, executable = tree  # type: ignore[misc]
        place.write_bytes(content)
        place.chmod(0o755 if executable else 0o644)


def test_names_that_are_left_out_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text("rule all:\n")
    before = ours(tmp_path)
    for folder in (".snakemake", "scripts/__pycache__"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "something").write_text("changes")
    left = read_folder(tmp_path, leave_out={".snakemake", "__pycache__", "scripts"})
    assert directory_swhid(left) == before


def test_a_folder_that_is_no_source_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw.tif").write_bytes(bytes(11))
    with pytest.raises(BadInputError, match="holds more than 10000 files or 0 MB; expected source code"):
        read_folder(tmp_path, most_bytes=10)


def test_a_committed_folder_has_the_identifier_of_gits_tree(tmp_path: Path) -> None:
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/Snakefile").write_text("rule all:\n")
    (tmp_path / "workflow/run.sh").write_text("true\n")
    (tmp_path / "workflow/run.sh").chmod(0o755)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    tree = subprocess.run(
        ["git", "rev-parse", "HEAD:workflow"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert ours(tmp_path / "workflow") == f"swh:1:dir:{tree.stdout.strip()}"
