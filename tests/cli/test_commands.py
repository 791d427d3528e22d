"""What the commands print and return, over a catalogue with one small run."""

import json
import os

import pytest

from filiation.catalogue import EntityNode
from filiation.digest import Difference
from filiation.errors import CatalogueBusyError
from filiation.lineage.findings import CheckReport, Finding


def test_runs_are_listed(run, call):
    done = call("runs")
    assert done.exit_code == 0
    heading, row = done.stdout.splitlines()
    assert heading.split()[:3] == ["run", "started", "status"]
    assert row.split() == [
        *(run[:8], "2026-01-02", "03:04:00", "UTC", "finished"),
        *("1", "0", "1", "0", "Snakefile", "Josiah", "Carberry"),
    ]


def test_runs_are_listed_for_a_program(run, call):
    (found,) = json.loads(call("runs", "--json").stdout)
    assert found["id"] == run
    assert found["outputs"] == 1


def test_a_run_is_shown(run, call):
    done = call("show", run[:6])
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"Run {run}: finished",
        "  workflow  Snakefile",
        "  by        Josiah Carberry",
        "  time      2026-01-02 03:04:00 to 03:04:05 UTC (5 s)",
        "",
        "Jobs",
        "  segment, finished",
        "      2026-01-02 03:04:01 to 03:04:04 UTC (3 s)",
        "",
        "Used",
        "  data/raw.txt: file, 4 B, sha256:8e5ceeca3a43",
        "",
        "Made",
        "  results/labels.txt: file, 7 B, sha256:f09bfce73b77",
    ]
    assert json.loads(call("show", run, "--json").stdout)["run"]["id"] == run


def test_a_thing_is_traced_to_its_source(run, call):
    done = call("trace", "results/labels.txt")
    assert done.exit_code == 0
    assert "results/labels.txt\n" in done.stdout
    assert "made by segment, finished" in done.stdout
    assert "data/raw.txt" in done.stdout
    answer = json.loads(call("trace", "results/labels.txt", "--json").stdout)
    assert answer["direction"] == "ancestors"
    assert {node["path"] for node in answer["nodes"] if node["type"] == "entity"} == {
        "results/labels.txt",
        "data/raw.txt",
    }


def test_what_came_of_a_thing_is_shown(run, call):
    done = call("impact", "data/raw.txt")
    assert done.exit_code == 0
    assert "results/labels.txt" in done.stdout


def test_a_lineage_is_drawn_beside_the_tree_or_instead(run, call, here):
    done = call("trace", "results/labels.txt", "--svg", "lineage.svg")
    assert "results/labels.txt\n" in done.stdout
    assert done.stderr == "Wrote lineage.svg\n"
    picture = (here / "lineage.svg").read_text("utf-8")
    assert picture.startswith("<svg")
    assert call("trace", "results/labels.txt", "--svg", "-").stdout == picture + "\n"


def test_a_picture_that_cannot_be_written_is_one_message(run, call):
    done = call("trace", "results/labels.txt", "--svg", "missing/lineage.svg")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "filiation: 'missing/lineage.svg' cannot be written: No such file or directory.\n"


@pytest.mark.parametrize("command", ["trace", "impact", "check"])
def test_an_unknown_thing_is_one_message(run, call, command):
    done = call(command, "cheese")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("filiation: Nothing in the catalogue is called 'cheese'")
    assert len(done.stderr.splitlines()) == 1


def test_an_intact_catalogue_checks_with_0(run, call):
    done = call("check")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert "findings" in json.loads(call("check", "--json").stdout)


def test_a_difference_is_printed_and_returns_5(run, call, monkeypatch):
    record = EntityNode(
        iri=f"arcp://uuid,{run}/work/nuclei.ome.zarr", crate=f"arcp://uuid,{run}/", path="nuclei.ome.zarr"
    )
    finding = Finding(record, "/data/nuclei.ome.zarr", "changed", files=(Difference("c/0/0", "changed"),))
    report = CheckReport(findings=(finding,), intact=2, size=7)
    monkeypatch.setattr("filiation.lineage.Ledger.check", lambda *_, **__: report)
    done = call("check")
    assert done.exit_code == 5
    assert "/data/nuclei.ome.zarr/c/0/0" in done.stdout
    assert done.stderr == ""
    as_json = call("check", "--json")
    assert as_json.exit_code == 5
    assert json.loads(as_json.stdout)["findings"][0]["files"] == [{"path": "c/0/0", "what": "changed"}]


@pytest.mark.slow
def test_a_crate_is_validated_by_folder_and_by_run(run, call):
    done = call("validate", "crate")
    assert done.exit_code == 0
    assert done.stdout.startswith("crate: valid as provenance-run-crate-0.5 (")
    assert call("validate", run[:8], "--json").exit_code == 0


@pytest.mark.slow
def test_an_invalid_crate_returns_4_and_lists_its_issues(here, call, minimal):
    document = minimal.minimal_metadata()
    del minimal.entity(document, "#job-1")["instrument"]
    minimal.write_crate(here / "crate", document)
    done = call("validate", "crate")
    assert done.exit_code == 4
    assert done.stdout.splitlines()[0] == (
        "required: The Action MUST have an instrument property that references the executed tool (#job-1) "
        "[process-run-crate-0.5_1.1]"
    )
    verdict = call("validate", "crate", "--json")
    assert verdict.exit_code == 4
    assert json.loads(verdict.stdout)["valid"] is False


def test_a_truncated_crate_is_one_message(here, call):
    (here / "crate").mkdir()
    (here / "crate" / "ro-crate-metadata.json").write_text('{"@context": ')
    for command in ("validate", "ingest"):
        done = call(command, "crate")
        assert done.exit_code == 4
        assert len([line for line in done.stderr.splitlines() if line.startswith("filiation: ")]) == 1
        assert "Traceback" not in done.stderr


def test_what_is_neither_crate_nor_run_is_one_message(run, call):
    done = call("validate", "cheese")
    assert done.exit_code == 3
    assert done.stderr == (
        "filiation: 'cheese' is neither a crate's folder nor a run: No run 'cheese' in the catalogue. `filiation runs` "
        "lists those that are there.\n"
    )


def test_taking_in_twice_changes_nothing(run, call):
    done = call("ingest", "crate")
    assert done.stdout.startswith(f"{run}: unchanged")


def test_a_bad_crate_among_good_ones_is_named_and_the_others_are_taken_in(here, call, minimal):
    minimal.write_crate(here / "good")
    (here / "bad").mkdir()
    done = call("ingest", "bad", "good", "--catalogue", "kept")
    assert done.exit_code != 0
    assert "new" in done.stdout
    assert "bad" in done.stderr
    assert len(json.loads(call("runs", "--json", "--catalogue", "kept").stdout)) == 1


@pytest.mark.slow
def test_rebuilding_answers_the_same(run, call):
    before = [call("trace", "results/labels.txt", "--json").stdout, call("runs").stdout, call("ask", "cq5").stdout]
    done = call("rebuild")
    assert (done.exit_code, done.stdout) == (0, "1 crate taken in\n")
    after = [call("trace", "results/labels.txt", "--json").stdout, call("runs").stdout, call("ask", "cq5").stdout]
    assert after == before
    assert json.loads(call("rebuild", "--json").stdout) == {"crates": [run], "problems": []}


def test_questions_are_listed_and_answered(run, call):
    listed = call("ask", "--list")
    assert [f"cq{number}" for number in range(1, 12)] == [
        line.split()[0] for line in listed.stdout.splitlines() if line.startswith("cq")
    ]
    done = call("ask", "cq5", "--run", run)
    assert done.exit_code == 0
    assert "PT3S" in done.stdout
    assert done.stderr == "How long did each execution of a component take?\n"
    assert call("ask", "cheese").exit_code == 3


def test_a_value_that_is_none_is_one_message(run, call):
    done = call("ask", "cq5", "--given", "cheese")
    assert (done.exit_code, done.stderr) == (2, "filiation: --given 'cheese' is not NAME=VALUE.\n")


QUERY = "SELECT ?s WHERE { ?s a <http://www.w3.org/ns/prov#Activity> }"


@pytest.mark.slow
def test_sparql_is_answered_from_the_argument_and_from_a_pipe(run, call):
    done = call("sparql", QUERY)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == ["s", f"arcp://uuid,{run}/#job-1"]
    assert call("sparql", "-", input=QUERY).stdout == done.stdout
    assert json.loads(call("sparql", QUERY, "--json").stdout)["head"] == {"vars": ["s"]}
    explosive = "SELECT ?s WHERE { ?s a ?kind . ?s <http://www.w3.org/ns/prov#used>+ <x:y> } LIMIT 1"
    warned = call("sparql", explosive, "--limit", 1)
    assert (warned.exit_code, warned.stdout) == (0, "s\n")
    assert warned.stderr.startswith("This may take long. The path ?s <http://www.w3.org/ns/prov#used>+ <x:y> is joined")
    assert call("sparql", explosive, "--strict").exit_code == 2
    assert call("sparql", explosive, "--no-lint").stderr == "Nothing known.\n"


def test_an_update_is_refused(run, call):
    done = call("sparql", "DROP ALL")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("filiation: DROP is refused in a query")


def test_without_a_catalogue_there_is_one_message(here, call):
    for command in (["runs"], ["show", "x"], ["trace", "x"], ["impact", "x"], ["check"], ["rebuild"], ["ask", "cq1"]):
        done = call(*command)
        assert (done.exit_code, done.stdout) == (3, ""), command
        assert done.stderr.startswith("filiation: No catalogue: there is no folder .filiation in ")


def test_the_catalogue_is_named_by_option_and_by_environment(run, call, here, monkeypatch):
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert call("runs", "--catalogue", here).stdout == call("runs", "--catalogue", here / ".filiation").stdout
    monkeypatch.chdir("/")
    monkeypatch.setenv("FILIATION_CATALOGUE", str(here))
    assert run[:8] in call("runs").stdout


@pytest.mark.slow
def test_a_name_cannot_steer_the_terminal(here, call, minimal):
    document = minimal.minimal_metadata()
    minimal.entity(document, "#job-1")["name"] = "\x1b[2Jsegment\u202e"
    minimal.entity(document, "#job-1")["error"] = "\x1b]0;title\x07\x9bm"
    minimal.entity(document, "./")["name"] = "\x1b[31m"
    minimal.write_crate(here / "crate", document)
    run = json.loads(call("ingest", "crate", "--json").stdout)[0]["run"]
    for command in (["runs"], ["show", run], ["trace", "results/labels.txt"], ["ask", "cq5"], ["validate", "crate"]):
        for extra in ([], ["--json"]):
            output = call(*command, *extra).output
            assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(output), command
    assert r"\x1b[2Jsegment\u202e" in call("show", run).stdout


def test_a_name_that_is_no_text_is_printed_escaped(here, call):
    name = os.fsdecode(b"\xff\n")
    done = call("validate", f"./{name}")
    assert done.exit_code == 4
    assert r"\udcff\n" in done.stderr


def test_a_busy_catalogue_returns_8(run, call, monkeypatch):
    def busy(*_arguments, **_named):
        raise CatalogueBusyError("Another process is writing to the catalogue.")

    monkeypatch.setattr("filiation.lineage.Ledger.runs", busy)
    done = call("runs")
    assert (done.exit_code, done.stderr) == (8, "filiation: Another process is writing to the catalogue.\n")


def test_an_unreadable_crate_in_the_catalogue_is_told_beside_the_answer(run, call, here):
    broken = here / ".filiation" / "crates" / "7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10"
    broken.mkdir()
    (broken / "ro-crate-metadata.json").write_text("{")
    done = call("runs")
    assert done.exit_code == 0
    assert run[:8] in done.stdout
    assert done.stderr.startswith("Left out: ")
