"""Files of every kind, by real Snakemake: what will not last, what lies in storage, what has a name out of the way."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import unicodedata
from pathlib import Path

import pytest

from filiation.capture.journal import read_journal
from filiation.crate import METADATA
from filiation.crate.validation import validate
from filiation.digest import digest_tree
from filiation.model import Digest, DigestKind, EntityKind, Presence, Status, WorkflowRun, entity_iri
from tests.capture.situations import MakeProject, Situation, ancestors, only, play, recorded, statuses
from tests.conftest import Project

pytestmark = pytest.mark.slow
DONE = Status.FINISHED


def file_digest(content: str) -> Digest:
    return Digest(DigestKind.FILE, hashlib.sha256(content.encode()).hexdigest())


TEMPORARY = """
rule all:
    input: "end.txt", "other.txt"

rule makes:
    output: temp("passing.txt"), "kept.txt", temp("unwanted.txt")
    shell: "echo short > {output[0]}; echo long > {output[1]}; echo never read > {output[2]}"

rule tree:
    input: "kept.txt"
    output: temp(directory("tree"))
    shell: "mkdir {output}; echo 1 > {output}/one; echo 2 > {output}/two"

rule reads:
    input: "passing.txt", "tree"
    output: "end.txt"
    shell: "sh until-read.sh; cat {input[0]} {input[1]}/one > {output}"

rule other:
    input: "kept.txt"
    output: "other.txt"
    shell: "cp {input} {output}"
"""
UNTIL_READ = {
    # A directory cannot be held open: Snakemake is kept from removing it until it was read.
    "until-read.sh": """
for n in $(seq 6000); do
    grep -qs '"outputs_digested".*"tree"' .filiation/journals/*.jsonl && break
    sleep 0.1
done
"""
}


def test_temporary_outputs_keep_their_digest(project: MakeProject, tmp_path: Path) -> None:
    situation = Situation(
        "temp", TEMPORARY, DONE, {"makes": (DONE,), "tree": (DONE,), "reads": (DONE,), "other": (DONE,)},
        frozenset({"passing.txt", "kept.txt", "unwanted.txt", "tree", "end.txt", "other.txt"}), files=UNTIL_READ,
    )  # fmt: skip
    made, run = play(situation, project)
    for path, content in {"passing.txt": "short\n", "unwanted.txt": "never read\n"}.items():
        assert not (made.folder / path).exists()
        found = run.entity(path)
        assert found is not None
        assert (found.presence, found.digest, found.size) == (Presence.DELETED, file_digest(content), len(content))
    tree = run.entity("tree")
    assert tree is not None
    (tmp_path / "again").mkdir()
    (tmp_path / "again/one").write_text("1\n")
    (tmp_path / "again/two").write_text("2\n")
    assert (tree.presence, tree.kind, tree.files) == (Presence.DELETED, EntityKind.DIRECTORY, 2)
    assert tree.digest == digest_tree(tmp_path / "again").digest
    assert {"makes", "passing.txt", "tree"} <= ancestors(made, run, "end.txt")
    assert run.not_captured == ()
    assert validate(made.catalogue / "crates" / run.id).valid


def test_temporary_outputs_that_are_kept_are_there(project: MakeProject) -> None:
    made = project(TEMPORARY)
    made.write("until-read.sh", "")
    made.snakemake("--notemp")
    found = recorded(made).entity("passing.txt")
    assert found is not None
    assert (found.presence, found.flags) == (Presence.PRESENT, ("temp",))


def test_many_temporary_outputs_at_once_are_all_digested(project: MakeProject) -> None:
    made = project(
        "rule makes:\n    output: last='last.txt', many=temp(expand('part{n}', n=range(300)))\n"
        "    run:\n"
        "        for path in output: open(path, 'w').write(path)\n"
    )
    made.snakemake("last.txt")
    run = recorded(made)
    parts = [entity for entity in run.entities if entity.path.startswith("part")]
    assert len(parts) == 300
    known = [entity for entity in parts if entity.digest == file_digest(entity.path)]
    # Beyond 128 at once the files are read by name, which a removal may forestall.
    assert len(known) >= 128
    assert all(entity.digest is None for entity in parts if entity not in known)


PROTECTED = """
rule makes:
    output: protected("raw.txt")
    shell: "echo raw > {output}"
"""
PIPE = """
rule all:
    input: "end.txt"

rule writes:
    output: pipe("stream")
    shell: "echo flowing > {output}"

rule reads:
    input: "stream"
    output: "end.txt"
    shell: "cat {input} > {output}"
"""
UPDATE = """
rule all:
    input: "log.txt", "seen.txt"

rule before:
    input: before_update("log.txt")
    output: "seen.txt"
    shell: "cp {input} {output}"

rule adds:
    output: update("log.txt")
    shell: "echo more >> {output}"
"""
INSIDE = """
rule all:
    input: "end.txt"

rule makes:
    output: directory("store")
    shell: "mkdir -p {output}/deep; echo 1 > {output}/deep/one; echo 2 > {output}/two"

rule reads:
    input: "store/deep/one"
    output: "end.txt"
    shell: "cp {input} {output}"
"""

SITUATIONS = [
    Situation("protected", PROTECTED, DONE, {"makes": (DONE,)}, frozenset({"raw.txt"})),
    Situation("a pipe", PIPE, DONE, {"writes": (DONE,), "reads": (DONE,)}, frozenset({"stream", "end.txt"}),
              arguments=(("--cores", "2"),)),
    Situation("an update", UPDATE, DONE, {"adds": (DONE,)}, frozenset({"log.txt"}), files={"log.txt": "first\n"},
              arguments=(("log.txt", "--force"),)),
    Situation("before an update", UPDATE, DONE, {"before": (DONE,)}, frozenset({"seen.txt"}),
              files={"log.txt": "first\n"}, arguments=(("seen.txt",),)),
    Situation("ancient", """
rule makes:
    input: ancient("raw.txt")
    output: touch("flag.done")
    shell: "true"
""", DONE, {"makes": (DONE,)}, frozenset({"flag.done"}), files={"raw.txt": "raw"}),
]  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_a_flagged_file_is_recorded(situation: Situation, project: MakeProject) -> None:
    _, run = play(situation, project)
    assert run.not_captured == ()


def flagged(run: WorkflowRun, path: str) -> tuple[Presence, tuple[str, ...]]:
    found = run.entity(path)
    assert found is not None
    return found.presence, found.flags


def test_a_protected_file_is_flagged(project: MakeProject) -> None:
    _, run = play(SITUATIONS[0], project)
    assert flagged(run, "raw.txt") == (Presence.PRESENT, ("protected",))


def test_a_pipe_is_gone_and_never_opened(project: MakeProject) -> None:
    made, run = play(SITUATIONS[1], project)
    assert flagged(run, "stream") == (Presence.DELETED, ("pipe",))
    assert {"writes", "stream"} <= ancestors(made, run, "end.txt")


def test_an_updated_file_is_what_it_became(project: MakeProject) -> None:
    _, run = play(SITUATIONS[2], project)
    assert flagged(run, "log.txt") == (Presence.PRESENT, ("update",))
    found = run.entity("log.txt")
    assert found is not None
    assert found.digest == file_digest("first\nmore\n")


def test_a_failed_update_claims_nothing(project: MakeProject) -> None:
    made = project(UPDATE.replace("echo more >> {output}", "echo more >> {output}; exit 1"))
    made.write("log.txt", "first\n")
    made.snakemake("log.txt", "--force")
    run = recorded(made)
    assert run.status is Status.FAILED
    assert (made.folder / "log.txt").read_text() == "first\n"
    assert flagged(run, "log.txt") == (Presence.PRESENT, ("update",))


def test_a_file_inside_a_directory_descends_from_what_made_the_directory(project: MakeProject) -> None:
    """Snakemake itself sees no dependency here, so the directory is asked for first."""
    made = project(INSIDE)
    assert made.snakemake("store").returncode == 0
    assert made.snakemake().returncode == 0
    for run_id in made.run_ids():
        recorded(made, run_id)
    last = recorded(made)
    assert statuses(last) == {"reads": (DONE,)}
    assert {"makes", "store"} <= ancestors(made, last, "end.txt")


STORED = """
storage:
    provider="fs",

rule all:
    input: storage.fs("kept/end.txt")

rule first:
    input: storage.fs("kept/raw.txt")
    output: storage.fs("kept/middle.txt")
    shell: "cat {input} > {output}; echo first >> {output}"

rule second:
    input: storage.fs("kept/middle.txt")
    output: storage.fs("kept/end.txt")
    shell: "cat {input} > {output}; echo second >> {output}"
"""
RSYNC = """#!{python}
import shutil, sys
from pathlib import Path
source, target = sys.argv[-2:]
if Path(source).is_dir():
    shutil.copytree(source, Path(target) / Path(source).name, dirs_exist_ok=True)
else:
    shutil.copy2(source, target)
"""


@pytest.fixture
def rsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for rsync, which the storage plugin copies with and which a machine may lack."""
    place = tmp_path / "bin" / "rsync"
    place.parent.mkdir()
    place.write_text(RSYNC.format(python=sys.executable))
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("rsync")
def test_stored_things_are_named_by_where_they_are_stored(project: MakeProject) -> None:
    pytest.importorskip("snakemake_storage_plugin_fs")
    made = project(STORED)
    made.write("kept/raw.txt", "raw\n")
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert statuses(run) == {"first": (DONE,), "second": (DONE,)}
    assert [slot.path for slot in only(run, "first").inputs] == ["kept/raw.txt"]
    assert [slot.path for slot in only(run, "second").outputs] == ["kept/end.txt"]
    for path, content in {
        "kept/raw.txt": "raw\n", "kept/middle.txt": "raw\nfirst\n", "kept/end.txt": "raw\nfirst\nsecond\n",
    }.items():  # fmt: skip
        found = run.entity(path)
        assert found is not None
        assert (found.presence, found.digest) == (Presence.PRESENT, file_digest(content))
    assert {"first", "second", "kept/raw.txt"} <= ancestors(made, run, "kept/end.txt")


NAMES = {
    "spaces": "two words  apart.txt",
    "quotes": 'it\'s "quoted".txt',
    "reserved in a URI": "a#b?c%d&e=f+g.txt",
    "looks encoded": "100%25 %20.txt",
    "a colon": "chr1:1000-2000.txt",
    "brackets": "[x] (y) |.txt",
    "a newline": "line\nbreak.txt",
    "a tab and a bell": "tab\tbell\a.txt",
    "a backslash": "back\\slash.txt",
    "a dollar and a tick": "$HOME `id` $(id).txt",
    "an emoji": "\U0001f52c🧬.txt",
    "composed": unicodedata.normalize("NFC", "é.txt"),
    "decomposed": unicodedata.normalize("NFD", "é.txt"),
    "right to left": "\u202eabc.txt",
    "a leading dash": "-rf.txt",
    "a leading dot": ".hidden.txt",
    "255 bytes": "n" * 251 + ".txt",
}
NAMED = """
import json

for number, name in enumerate(json.load(open("names.json"))):
    rule:
        name: f"makes_{number}"
        input: ["in/" + name]
        output: ["out/" + name]
        params: name=name
        shell: "cp -- {input:q} {output:q}"

rule reads:
    input: ["out/" + name for name in json.load(open("names.json"))]
    output: "end.txt"
    default_target: True
    shell: "cat -- {input:q} > {output}"
"""


def named(project: MakeProject, *names: str) -> Project:
    made = project(NAMED)
    made.write("names.json", json.dumps(names))
    (made.folder / "in").mkdir()
    for name in names:
        (made.folder / "in" / name).write_bytes(os.fsencode(name))
    return made


def test_names_survive_byte_for_byte(project: MakeProject) -> None:
    made = named(project, *NAMES.values())
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert run.status is DONE
    before = ancestors(made, run, "end.txt")
    for number, (what, name) in enumerate(NAMES.items()):
        makes = only(run, f"makes_{number}")
        assert [slot.path for slot in makes.inputs] == ["in/" + name], what
        assert [slot.path for slot in makes.outputs] == ["out/" + name], what
        assert makes.parameters[0].value.value == name, what
        for path in ("in/" + name, "out/" + name):
            found = run.entity(path)
            assert found is not None, what
            assert found.digest == file_digest(name), what
        assert {makes.rule, "in/" + name, "out/" + name} <= before, what
    assert json.loads((made.catalogue / "crates" / run.id / METADATA).read_bytes())
    assert validate(made.catalogue / "crates" / run.id).valid


def test_a_colon_in_a_name_makes_no_uri(project: MakeProject) -> None:
    """``chr1:1000-2000.txt`` at the top of the folder looks like a URI of the scheme ``chr1``."""
    made = project("rule makes:\n    output: 'chr1:1000-2000.txt'\n    shell: \"echo 1 > '{output}'\"\n")
    assert made.snakemake().returncode == 0
    run = recorded(made)
    (slot,) = only(run, "makes").outputs
    found = run.entity(slot.path)
    assert found is not None
    assert (found.presence, found.digest) == (Presence.PRESENT, file_digest("1\n"))
    assert entity_iri(run.id, slot.path) == f"arcp://uuid,{run.id}/work/chr1%3A1000-2000.txt"
    assert "makes" in ancestors(made, run, slot.path)


def test_snakemake_itself_refuses_a_name_of_more_than_255_bytes(project: MakeProject) -> None:
    """What the file system cannot hold fails in the job, and is recorded as failed."""
    made = project(f"rule makes:\n    output: '{'n' * 256}'\n    shell: 'touch {{output}}'\n")
    assert made.snakemake().returncode == 1
    run = recorded(made)
    assert run.status is Status.FAILED


BYTES = os.fsdecode(b"caf\xe9.txt")


def test_snakemake_itself_refuses_an_output_whose_name_is_no_text(project: MakeProject) -> None:
    """It cannot name its own record of such a file; the run is recorded as failed, and packed."""
    made = named(project, BYTES)
    assert made.snakemake().returncode == 1
    run = recorded(made)
    assert run.status is Status.FAILED
    assert run.error is not None
    assert "UnicodeEncodeError" in run.error


def test_bytes_that_are_no_text_are_kept_as_input_and_inside_a_directory(project: MakeProject) -> None:
    made = project(
        "import json\nNAME = json.load(open('name.json'))\n"
        "rule makes:\n    input: [NAME]\n    output: directory('d')\n    params: name=NAME\n"
        "    run:\n        import os, shutil\n        os.makedirs(output[0])\n"
        "        shutil.copy(NAME, output[0] + '/' + NAME)\n"
    )
    made.write("name.json", json.dumps(BYTES))
    (made.folder / BYTES).write_text("x")
    result = made.snakemake("--nolock")  # it cannot write such a name into its lock
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert [slot.path for slot in only(run, "makes").inputs] == [BYTES]
    raw, folder = run.entity(BYTES), run.entity("d")
    assert raw is not None
    assert raw.digest == file_digest("x")
    assert folder is not None
    assert folder.files == 1
    journal = made.catalogue / "journals" / f"{run.id}.jsonl"
    assert journal.read_bytes().isascii()
    started = next(event for event in read_journal(journal).events if event.kind == "job_started")
    assert started.data["input"][0]["path"] == BYTES


def test_snakemake_itself_takes_angle_brackets_for_its_own(project: MakeProject) -> None:
    made = project("rule makes:\n    output: 'a<b>.txt'\n    shell: 'touch {output:q}'\n")
    result = made.snakemake()
    assert result.returncode == 1
    assert "Undefined pathvar 'b'" in result.stderr
    assert not made.catalogue.exists()
