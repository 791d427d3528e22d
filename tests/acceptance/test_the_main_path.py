"""What the product promises, tried as a person would: with its own commands, on a real image."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.crate import read_crate
from filiation.crate.jobs import action_name
from filiation.crate.validation import validate
from filiation.model import Presence, Status
from tests.acceptance.conftest import Demo
from tests.conftest import Project

pytestmark = pytest.mark.slow
LABELS = "results/tissue/nuclei.ome.zarr"


def test_the_demonstration_answers_where_the_label_image_comes_from(finished_demo: Demo) -> None:
    lines = finished_demo.output.splitlines()
    start = lines.index(f"$ filiation trace {LABELS}")
    answer = "\n".join(lines[start : start + 40])
    for expected in (
        "made by segment (sample=tissue)",
        "made by fetch (sample=tissue)",
        "skimage:immunohistochemistry",
        "sigma = 1.5",
        "minimum_size = 60",
        "method = otsu_watershed",
        "source = skimage:immunohistochemistry",
    ):
        assert expected in answer
    assert re.search(r"scikit-image \d+\.\d+", answer)
    assert re.search(r"by \w+ on \S+ in run [0-9a-f]{8}", answer)
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC", answer)
    assert "valid as provenance-run-crate-0.5" in finished_demo.output
    assert "1 of 1 things are as they were recorded" in finished_demo.output


def test_the_crate_is_valid_and_what_it_lists_is_there(finished_demo: Demo) -> None:
    verdict = validate(finished_demo.crate, severity="recommended")
    assert verdict.valid
    # What is recommended and cannot be had: see docs/reference/crate.md.
    assert {issue.check for issue in verdict.issues} <= {
        "process-run-crate-0.5_5.1",  # a rule of a local workflow has no address on the web
        "ro-crate-1.1_31.2",  # the demonstration's organisation is none and has no page
    }
    run = read_crate(finished_demo.crate)
    assert run.status is Status.FINISHED
    data = [entity for entity in run.entities if not entity.is_remote]
    assert data
    assert {entity.presence for entity in data} == {Presence.PRESENT}
    assert all((finished_demo.folder / entity.path).exists() for entity in data)
    assert run.not_captured == ()
    told = [path.read_bytes() for path in finished_demo.crate.rglob("*") if path.is_file()]
    assert not any(b"file:/" in content for content in told), "an address of this machine names nothing elsewhere"


def test_a_crate_with_its_data_is_valid_and_whole(finished_demo: Demo, tmp_path: Path) -> None:
    run = finished_demo.crate.name
    result = finished_demo.filiation("pack", run, "--payload", str(tmp_path / "whole"))
    assert result.returncode == 0, result.stderr
    assert "Left out" not in result.stderr
    assert validate(tmp_path / "whole").valid
    assert (tmp_path / "whole/work" / LABELS / "zarr.json").is_file()
    assert read_crate(tmp_path / "whole") == read_crate(finished_demo.crate)


def test_the_competency_questions_have_the_true_answers(finished_demo: Demo) -> None:
    run = read_crate(finished_demo.crate)

    def rows(question: str) -> list[dict[str, str]]:
        return finished_demo.rows("ask", question)

    assert rows("cq1") == []
    segments = [action for action in run.actions if action.rule == "segment"]
    figures = sorted((row["name"], row["resource"], float(row["value"])) for row in rows("cq2"))
    assert figures == sorted(
        (action_name(action), usage.name, usage.value) for action in run.actions for usage in action.usage
    )
    assert {row["file"].rpartition("/work/")[2] for row in rows("cq3")} == {
        "config/config.yaml",
        "profiles/default/profile.yaml",
    }
    assert {row["name"] for row in rows("cq4") if row["file"].endswith("workflow/envs/filiation.yaml")} == {
        rule.name for rule in run.rules
    }
    durations = [row for row in rows("cq5") if row["component"] == "segment"]
    assert len(durations) == len(segments) == 2
    assert {row["started"][:19] for row in durations} == {
        f"{action.started:%Y-%m-%dT%H:%M:%S}" for action in segments if action.started
    }
    took = sorted(round(seconds(row["duration"]), 3) for row in durations)
    assert took == sorted(
        round((action.ended - action.started).total_seconds(), 3)
        for action in segments
        if action.started and action.ended
    )
    (whole,) = rows("cq6")
    assert run.ended is not None
    assert round(seconds(whole["duration"]), 3) == round((run.ended - run.started).total_seconds(), 3)
    assert [row["successful"] for row in rows("cq7")] == ["true"]
    ends = {(row["direction"], row["thing"].rpartition("/work/results/")[2]) for row in rows("cq8")}
    assert {thing for direction, thing in ends if direction == "output"} == {
        f"{sample}/{name}" for sample in ("tissue", "nuclei3d") for name in ("overlay.png", f"{sample}.ome.zarr")
    }
    assert ("input", "skimage:immunohistochemistry") in ends
    config = {(row["name"], row["value"]) for row in rows("cq8") if "value" in row}
    # SPARQL writes 1.0 as 1; the values are the same.
    assert {(name, number(value)) for name, value in config} == {
        (parameter.name, number(str(parameter.value))) for parameter in run.config
    }
    versions = {(row["component"], row["software"]): row["version"] for row in rows("cq9")}
    used = {item.name: item.version for item in segments[0].software}
    assert versions["segment", "scikit-image"] == used["scikit-image"]
    scripts = {row["component"]: row["script"].rpartition("/")[2] for row in rows("cq10")}
    assert scripts == {rule.name: f"{rule.name}.py" for rule in run.rules}
    connected = {
        (row.get("workflow_parameter"), row["tool_parameter"], row["name"], row["value"]) for row in rows("cq11")
    }
    for sample in ("tissue", "nuclei3d"):
        assert ("segmentation.method", "method", f"segment (sample={sample})", "otsu_watershed") in connected
    # The sample sheet has its own sigma for the volume: the config's did not reach every job, so nothing is claimed.
    assert not [row for row in connected if row[0] == "segmentation.sigma"]


def number(text: str) -> float | str:
    """Return a number where the text is one."""
    try:
        return float(text)
    except ValueError:
        return text


def seconds(duration: str) -> float:
    """Read an xsd:dayTimeDuration of less than an hour."""
    match = re.fullmatch(r"PT(?:(\d+)M)?(?:([\d.]+)S)?", duration)
    assert match is not None, duration
    return 60 * float(match[1] or 0) + float(match[2] or 0)


def test_one_flipped_bit_in_one_chunk_is_named(demo: Callable[[], Demo]) -> None:
    here = demo()
    chunk = sorted(path for path in (here.folder / LABELS).rglob("c/*/*") if path.is_file())[0]
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)

    result = here.filiation("check")

    assert result.returncode == 5
    assert str(chunk.relative_to(here.folder / LABELS)) in result.stdout
    assert "overlay.png" in result.stdout
    assert "measurements.parquet" in result.stdout


def test_a_new_modification_time_alone_stays_silent(demo: Callable[[], Demo]) -> None:
    here = demo()
    for path in (here.folder / LABELS).rglob("*"):
        path.touch()
    result = here.filiation("check")
    assert result.returncode == 0, result.stdout


def test_a_second_run_with_one_changed_parameter(demo: Callable[[], Demo]) -> None:
    here = demo()
    old_run = here.crate.name
    old = read_crate(here.crate).entity(LABELS)
    assert old is not None
    config = here.folder / "config/config.yaml"
    config.write_text(config.read_text().replace("sigma: 1.5", "sigma: 2.5"))

    assert here.snakemake().returncode == 0

    new_run = next(run["id"] for run in here.json("runs") if run["id"] != old_run)
    second = read_crate(here.folder / ".filiation/crates" / new_run)
    assert {(action.rule, dict(action.wildcards)["sample"]) for action in second.actions} == {
        (rule, "tissue") for rule in ("segment", "measure", "overlay", "assemble")
    }
    reused = {entity.path for entity in second.entities if entity.reused}
    assert "results/nuclei3d/nuclei.ome.zarr" in reused
    new = second.entity(LABELS)
    assert new is not None
    assert new.digest != old.digest
    now, before = (here.filiation("trace", thing).stdout for thing in (LABELS, str(old.digest)))
    assert "sigma = 2.5" in now
    assert "sigma = 1.5" not in now
    assert "sigma = 1.5" in before
    assert "sigma = 2.5" not in before
    assert here.filiation("trace", f"{old_run[:8]}:{LABELS}").stdout.splitlines()[1:] == before.splitlines()[1:]
    # What the second run did not make again is linked to the run that did.
    assert f"in run {old_run[:8]}" in now
    assert "made by fetch (sample=tissue)" in now
    assert here.filiation("check").returncode == 0


def test_a_rebuilt_catalogue_answers_byte_for_byte_the_same(demo: Callable[[], Demo]) -> None:
    here = demo()
    questions = [
        ("trace", LABELS),
        ("trace", LABELS, "--json"),
        ("impact", "skimage:immunohistochemistry"),
        ("impact", "skimage:immunohistochemistry", "--json"),
        *(("ask", f"cq{number}", "--json") for number in range(1, 12)),
    ]
    before = [here.filiation(*question).stdout for question in questions]
    shutil.rmtree(here.folder / ".filiation/made")

    assert here.filiation("rebuild").returncode == 0

    assert [here.filiation(*question).stdout for question in questions] == before
    assert all(before)


FAILING = """
rule all:
    input: "done.txt"

rule breaks:
    output: "done.txt"
    retries: 1
    shell: "echo partly > {output}; exit 3"
"""


def test_both_attempts_of_a_failed_job_are_in_crate_and_graph(project: Callable[[str], Project]) -> None:
    made = project(FAILING)
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 1
    run = made.packed()
    assert [action.status for action in run.actions] == [Status.FAILED, Status.FAILED]
    assert validate(made.catalogue / "crates" / run.id).valid
    here = Demo(made.folder)
    failed = here.rows("ask", "failed")
    assert [row["attempt"] for row in failed] == ["1", "2"]
    assert all("non-zero exit status 3" in row["error"] for row in failed)
    assert here.filiation("find", "action", "exit=3", "--count").stdout == "2\n"
    assert "breaks, attempt 2, job 1, failed (exit code 3)" in here.filiation("show", run.id).stdout
    made_by = "SELECT ?thing WHERE { ?thing <http://www.w3.org/ns/prov#wasGeneratedBy> ?action }"
    assert here.rows("sparql", made_by) == []


@pytest.mark.parametrize("name", ["shell_only", "run_and_script", "checkpoint_directory"])
def test_any_other_workflow_is_tracked_by_the_logger_alone(project: Callable[[str], Project], name: str) -> None:
    made = project(name)
    for path, text in (("data/a.txt", "one\n"), ("data/b.txt", "two\n"), ("data/words.txt", "alpha beta\n")):
        made.write(path, text)
    results = {"shell_only": "results/total.txt", "run_and_script": "results/half.txt"}
    last = results.get(name, "results/all.txt")

    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0

    assert validate(made.catalogue / "crates" / made.run_ids()[0]).valid
    answer = Demo(made.folder).filiation("trace", last).stdout
    first = {"shell_only": "data/a.txt", "run_and_script": "results/number.txt"}.get(name, "data/words.txt")
    assert first in answer
    assert Demo(made.folder).filiation("check").returncode == 0


def test_containers_are_told_where_they_were_really_used(project: Callable[[str], Project], tmp_path: Path) -> None:
    """A stand-in for Apptainer runs the command: what matters is what Snakemake does with a container image."""
    binary = tmp_path / "bin" / "apptainer"
    binary.parent.mkdir()
    binary.write_text(
        "#!/bin/bash\n"
        'case "$1" in --version) echo "apptainer version 1.3.4"; exit;; pull) touch "${@: -2:1}"; exit;; esac\n'
        'while [ "$1" != bash ] && [ "$1" != /bin/bash ] && [ $# -gt 0 ]; do shift; done; exec "$@"\n'
    )
    binary.chmod(0o755)
    made = project(
        "rule all:\n    output: 'x'\n    container: 'docker://registry.example.org/lab/segmenter:1.2'\n"
        "    shell: 'echo 1 > {output}'\n"
    )
    import os

    path = {"PATH": f"{binary.parent}:{os.environ['PATH']}"}
    used = made.snakemake("--logger-filiation-pack", "now", "--software-deployment-method", "apptainer", **path)
    assert used.returncode == 0, used.stderr
    (row,) = Demo(made.folder).rows("ask", "cq1")
    assert (row["name"], row["registry"], row["tag"]) == ("lab/segmenter", "registry.example.org", "1.2")

    (made.folder / "x").unlink()
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    declared_only = made.run_ids()[-1]
    assert Demo(made.folder).rows("ask", "cq1", "--run", declared_only) == []


def test_an_unknown_thing_is_one_clear_message(finished_demo: Demo) -> None:
    result = finished_demo.filiation("trace", "results/never-made.tif")
    assert result.returncode == 3
    assert result.stderr.count("\n") <= 3
    assert "results/never-made.tif" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_truncated_crate_is_one_clear_message_and_loses_nothing(demo: Callable[[], Demo]) -> None:
    here = demo()
    run, metadata = here.crate.name, here.crate / "ro-crate-metadata.json"
    before = here.filiation("trace", LABELS).stdout
    metadata.write_bytes(metadata.read_bytes()[:-200])

    result = here.filiation("validate", str(here.crate))

    assert result.returncode == 4
    assert "The metadata is not JSON" in result.stderr
    assert "Traceback" not in result.stderr
    # The journal is still there: the run is packed again and answers as before.
    shutil.rmtree(here.crate)
    assert here.filiation("pack", run).returncode == 0
    assert here.filiation("trace", LABELS).stdout == before
