"""The tree digest as browsers compute it: the specification's own test vectors, under Node and in Chromium."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.digest.manifest import write_manifest
from tests.digest.test_tree_digest_specification import VECTORS, lines
from tests.examples import examples

STATIC = Path(__file__).parents[2] / "src" / "filiation" / "web" / "static"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no Node: tools/web/install_node.sh installs it")

ASK = """
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { compareManifests, isLeftOut, treeDigest, UnreadableName } from "./tree_digest.mjs";
const hashed = (bytes) => createHash("sha256").update(bytes).digest("hex");
const answers = [];
for (const entries of JSON.parse(readFileSync(0, "utf8"))) {
  const named = (path) => (Array.isArray(path) ? Uint8Array.from(path) : path);
  const read = entries.map(({ path, ...rest }) => ({ path: named(path), ...rest }));
  const { digest, files, manifest } = await treeDigest(read, hashed);
  answers.push({ digest, files, manifest: Buffer.from(manifest).toString("hex") });
}
const text = (path, content) => ({ path, hex: hashed(content) });
const before = (await treeDigest([text("a", "1"), text("é/b", "2"), text("gone", "3")], hashed)).manifest;
const after = (await treeDigest([text("a", "1"), text("é/b", "x"), text("new", "3")], hashed)).manifest;
let refused = [];
for (const path of ["b\\ufffd", "\\ud800"]) {
  try { await treeDigest([text(path, "")], hashed); } catch (error) { refused.push(error instanceof UnreadableName); }
}
const leftOut = [".snakemake_timestamp", "a/.snakemake_timestamp", "a.snakemake_timestamp"].map(isLeftOut);
console.log(JSON.stringify({ answers, differences: compareManifests(before, after), refused, leftOut }));
"""


def entries_of(vector: str) -> list[dict[str, object]]:
    """Return a test vector's tree as what a browser has of one: paths as bytes, and digests."""
    entries: list[dict[str, object]] = []
    for line in lines(vector, "tree"):
        name, is_link, rest = line.partition(" -> ")
        if not is_link:
            name, _, rest = line.partition(" = ")
        path = ast.literal_eval(name)
        if path.endswith(b"/"):
            continue
        digest = hashlib.sha256(ast.literal_eval(rest)).hexdigest()
        entries.append({"path": list(path), "hex": digest, "link": bool(is_link)})
    return entries


def ask_node(folder: Path, trees: list[list[dict[str, object]]]) -> dict[str, Any]:
    shutil.copy(STATIC / "tree_digest.js", folder / "tree_digest.mjs")
    (folder / "ask.mjs").write_text(ASK)
    done = subprocess.run(
        [NODE or "node", "ask.mjs"], cwd=folder, input=json.dumps(trees), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@needs_node
def test_the_specification_s_vectors_come_out_under_node(tmp_path: Path) -> None:
    told = ask_node(tmp_path, [entries_of(text) for _, text in VECTORS])
    assert len(told["answers"]) == len(VECTORS) == 6
    for (_, vector), answer in zip(VECTORS, told["answers"], strict=True):
        manifest = b"".join(ast.literal_eval(line) for line in lines(vector, "manifest"))
        assert bytes.fromhex(answer["manifest"]) == manifest
        assert answer["digest"] == f"tree1:{lines(vector, 'digest')[0]}"
        assert str(answer["files"]) == lines(vector, "files")[0]
    assert told["differences"] == [
        {"path": "gone", "what": "missing"}, {"path": "new", "what": "unexpected"}, {"path": "é/b", "what": "changed"},
    ]  # fmt: skip
    assert told["refused"] == [True, True], "a name whose bytes the browser has lost"
    assert told["leftOut"] == [True, True, False]


@needs_node
def test_any_names_come_out_as_in_python(tmp_path: Path) -> None:
    part = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0\ufffd"), min_size=1, max_size=6)
    name = st.lists(part.filter(lambda text: text not in (".", "..", ".snakemake_timestamp")), min_size=1, max_size=3)
    drawn: list[list[str]] = []

    @settings(max_examples=examples(60), database=None)
    @given(st.lists(name.map("/".join), unique=True, max_size=6))
    def draw(paths: list[str]) -> None:
        drawn.append(paths)

    draw()  # Node is started once for all of them
    digest = hashlib.sha256(b"x").hexdigest()
    told = ask_node(tmp_path, [[{"path": path, "hex": digest} for path in paths] for paths in drawn])
    for paths, answer in zip(drawn, told["answers"], strict=True):
        assert bytes.fromhex(answer["manifest"]) == write_manifest((path.encode(), digest) for path in paths)
