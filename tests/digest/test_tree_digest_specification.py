"""docs/reference/tree-digest.md: its test vectors and its commands, run against the implementation."""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from filiation.digest import digest_tree

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "tree-digest.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
VECTORS = re.findall(r"^### (.+?)\n.*?```text\n(.+?)```", TEXT.partition("## Test vectors")[2], re.S | re.M)
COMMANDS = dict(re.findall(r"<!-- test: (\w+) -->\n```(?:sh|bash)\n(.+?)```", TEXT, re.S))

needs_coreutils = pytest.mark.skipif(
    shutil.which("sha256sum") is None or shutil.which("bash") is None, reason="needs GNU coreutils and bash"
)


def lines(vector: str, word: str) -> list[str]:
    return [line.removeprefix(word).strip() for line in vector.splitlines() if line.startswith(word)]


def plant(root: Path, vector: str) -> None:
    for line in lines(vector, "tree"):
        name, link, target = line.partition(" -> ")
        name, is_file, content = name.partition(" = ")
        path = root / os.fsdecode(ast.literal_eval(name))
        if not link and not is_file:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if link:
            path.symlink_to(os.fsdecode(ast.literal_eval(target)))
        else:
            path.write_bytes(ast.literal_eval(content))


def run(command: str, **variables: Path) -> str:
    environment = os.environ | {name: str(path) for name, path in variables.items()}
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode("ascii")


def test_the_document_has_its_vectors_and_commands():
    assert len(VECTORS) == 6
    assert sorted(COMMANDS) == ["all", "files", "verify"]


@pytest.mark.parametrize("vector", [text for _, text in VECTORS], ids=[title for title, _ in VECTORS])
def test_a_test_vector_comes_out_as_written(tmp_path, vector):
    plant(tmp_path, vector)
    tree = digest_tree(tmp_path)
    assert tree.manifest == b"".join(ast.literal_eval(line) for line in lines(vector, "manifest"))
    assert [tree.digest.hex] == lines(vector, "digest")
    assert [str(tree.files)] == lines(vector, "files")
    assert [str(tree.size)] == lines(vector, "size")


@needs_coreutils
@pytest.mark.parametrize("vector", [text for _, text in VECTORS], ids=[title for title, _ in VECTORS])
def test_the_coreutils_compute_the_same_for_any_tree(tmp_path, vector):
    plant(tmp_path, vector)
    assert run(COMMANDS["all"], ROOT=tmp_path).split()[0] == digest_tree(tmp_path).digest.hex


@needs_coreutils
@pytest.mark.parametrize("vector", [text for _, text in VECTORS if "->" not in text])
def test_the_coreutils_compute_the_same_in_one_line_without_links(tmp_path, vector):
    plant(tmp_path, vector)
    assert run(COMMANDS["files"], ROOT=tmp_path).split()[0] == digest_tree(tmp_path).digest.hex


@needs_coreutils
def test_the_coreutils_verify_a_manifest(tmp_path):
    root = tmp_path / "store"
    plant(root, dict(VECTORS)["A nested store"])
    manifest = tmp_path / "manifest"
    manifest.write_bytes(digest_tree(root).manifest)
    assert run(COMMANDS["verify"], ROOT=root, MANIFEST=manifest) == ""
    (root / "c" / "0").write_bytes(b"\x00\x02")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run(COMMANDS["verify"], ROOT=root, MANIFEST=manifest)
    assert failure.value.stdout == b"c/0: FAILED\n"
