"""``trace``, ``impact``, ``path`` and ``find`` as a person and a shell's pipe meet them."""

import json

import pytest

from filiation.cli.lineage import FORMATS


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "png"])
def test_a_lineage_is_printed_or_written_in_every_form(run, call, here, form):
    printed = call("trace", "results/labels.txt", "--format", form)
    assert printed.exit_code == 0, printed.output
    assert "labels.txt" in printed.stdout
    written = call("trace", "results/labels.txt", "--format", form, "--output", "answer")
    assert (written.stdout, written.stderr) == ("", "Wrote answer\n")
    assert len((here / "answer").read_text("utf-8").split()) == len(printed.stdout.split())
    way = call("path", "data/raw.txt", "results/labels.txt", "--format", form)
    assert "labels.txt" in way.stdout
    written = call("path", "data/raw.txt", "results/labels.txt", "--format", form, "--output", "way")
    assert (written.stdout, written.stderr) == ("", "Wrote way\n")
    assert len((here / "way").read_text("utf-8").split()) == len(way.stdout.split())


def test_a_lineage_is_drawn_as_a_png(run, call, here):
    printed = call("trace", "results/labels.txt", "--format", "png")
    assert printed.exit_code == 0, printed.output
    assert printed.stdout_bytes.startswith(b"\x89PNG")
    assert (
        call("trace", "results/labels.txt", "--format", "png", "--output", "answer.png").stderr == "Wrote answer.png\n"
    )
    assert (here / "answer.png").read_bytes() == printed.stdout_bytes


def test_a_condition_ends_a_walk_or_chooses(run, call):
    done = call("trace", "results/labels.txt", "--until", "rule=segment")
    assert "\n   └─ data/raw.txt" not in done.stdout
    assert "\n   └─ data/raw.txt" in call("trace", "results/labels.txt").stdout
    assert "… more beyond, left out as was asked" in done.stdout
    chosen = json.loads(call("impact", "data/raw.txt", "--only", "made=yes", "--json").stdout)
    assert {edge["role"] for edge in chosen["edges"]} == {"through"}
    refused = call("trace", "results/labels.txt", "--until", "rul=segment")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("filiation: 'rul=segment': there is no field 'rul'. Did you mean rule")


def test_json_and_another_form_are_not_both(run, call):
    done = call("trace", "results/labels.txt", "--json", "--format", "dot")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "filiation: --json and --format dot contradict each other: ask for one of them.\n"


def test_a_path_is_told_with_its_evidence(run, call):
    done = call("path", "results/labels.txt", "data/raw.txt")
    assert done.exit_code == 0
    assert done.stdout.startswith("results/labels.txt descends from data/raw.txt over 1 job.\n")
    assert f"    run {run[:8]}: crates/{run}, metadata sha256:" in done.stdout
    assert json.loads(call("path", "results/labels.txt", "data/raw.txt", "--json").stdout)["count"] == 1


def test_what_is_found_is_listed_counted_and_handed_on(run, call):
    done = call("find", "action", "rule=segment", "status=finished")
    assert done.stdout.splitlines()[0].split() == ["action", "status", "started", "took", "by", "run"]
    assert done.stdout.splitlines()[1].startswith("segment  finished  2026-01-02 03:04:01 UTC  3 s")
    assert call("find", "action", "--count").stdout == "1\n"
    names = call("find", "entity", "made=yes", "--names")
    assert names.stdout == f"arcp://uuid,{run}/work/results/labels.txt\n"
    traced = call("trace", "-", "--format", "table", input=names.stdout)
    assert [line.split()[1] for line in traced.stdout.splitlines()[1:]] == [
        "data/raw.txt", "segment", "results/labels.txt",
    ]  # fmt: skip
    chosen = call("trace", "--where", "made=yes", "--where", "path~labels", "--format", "table")
    assert chosen.stdout == traced.stdout
    missed = call("impact", "--where", "size>1TB")
    assert (missed.exit_code, missed.stdout) == (3, "")
    assert missed.stderr.startswith("filiation: Nothing is like that")
    assert "Name a THING, or choose things by --where CONDITION." in call("trace").stderr
    assert call("find", "entity", "--limit", "1").stderr == "There are more than these 1: 2 in all.\n"
    nothing = call("find", "action", "status=failed")
    assert (nothing.exit_code, nothing.stderr) == (0, "Nothing is like that.\n")
    assert json.loads(call("find", "action", "--json").stdout)["nodes"][0]["name"] == "segment"


def test_the_help_of_find_names_every_field(call):
    from filiation.lineage.fields import FIELDS

    text = call("find", "--help").stdout
    assert [field.name for field in FIELDS if f"  {field.name}" not in text] == []


def test_a_run_compared_with_itself_is_the_same(run, call):
    done = call("diff", run[:6], run)
    assert done.exit_code == 0
    assert "The same: steps, parameters, code, software, inputs and outputs." in done.stdout
    assert json.loads(call("diff", run, run, "--json").stdout)["same"] is True
    refused = call("diff", run, "results/labels.txt")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("are a run and a thing: compare two runs, or two things.\n")


@pytest.mark.parametrize("command", ["gaps", "orphans", "duplicates", "stale"])
def test_questions_over_the_whole_catalogue_have_a_summary(run, call, command):
    done = call(command)
    assert done.exit_code == 0
    assert "looked at" in done.stderr
    assert set(json.loads(call(command, "--json").stdout)) == {"title", "looked_at", "counts", "lines", "found"}


def test_a_kind_of_gap_that_is_none_is_refused(run, call):
    done = call("gaps", "no money")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("filiation: There is no kind of gap called 'no money'. There are: cycle,")


def test_a_note_is_kept_listed_and_found(run, call):
    assert call("annotate", "results/labels.txt").stderr == "Nothing was noted.\n"
    done = call("annotate", "results/labels.txt", "quality=good", "--why", "looked at it")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split() == ["thing", "key", "value", "by", "when", "why"]
    assert '"good"' in done.stdout
    assert json.loads(call("annotate", "results/labels.txt", "--json").stdout)[0]["why"] == "looked at it"
    assert "results/labels.txt" in call("find", "entity", "annotation.quality=good").stdout
    refused = call("annotate", "results/labels.txt", "good")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_lineage_is_counted_and_listed_by_page(run, call):
    told = call("impact", "data/raw.txt", "--page", "1").stdout.splitlines()
    lineage = json.loads(call("impact", "data/raw.txt", "--json").stdout)
    things = sorted(node["iri"] for node in lineage["nodes"] if node["type"] == "entity")
    jobs = len(lineage["nodes"]) - len(things)
    runs = len({edge["crate"] for edge in lineage["edges"]})
    noun = "job" if jobs == 1 else "jobs"
    assert told[0] == f"data/raw.txt, descendants: {len(things)} things, {jobs} {noun}, {runs} run"
    assert told[1:] == things
    counted = json.loads(call("trace", "results/labels.txt", "--count", "--json").stdout)
    assert (counted["direction"], counted["names"]) == ("ancestors", [])
    refused = call("impact", "data/raw.txt", "--count", "--depth", "1")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("filiation: --count and --page are of a whole lineage")


def test_a_rule_that_nothing_has_is_told_with_those_like_it(run, call):
    missed = call("find", "action", "rule=segmnt")
    said = "Nothing is like that.\nNothing in the catalogue has the rule 'segmnt'. Did you mean segment?\n"
    assert (missed.exit_code, missed.stderr) == (0, said)
    assert call("find", "action", "rule=segment", "rule=segm*").stderr == ""


def test_ways_from_several_things_are_told_and_those_that_have_none(run, call):
    several = call("path", "--where", "made=no", "--where", "kind=file", "results/labels.txt", "--json")
    answer = json.loads(several.stdout)
    assert [way["result"] for way in answer["paths"]] == ["results/labels.txt"]
    assert answer["without"] == []
    told = call("path", "data/raw.txt", "results/labels.txt", "results/labels.txt", "--depth", "1")
    assert told.exit_code == 2, "a thing and itself"
    alone = call("path", "results/labels.txt")
    assert alone.exit_code == 2
    assert "Name a THING and OTHER" in alone.stderr
    none = call("path", "--where", "path=nowhere", "results/labels.txt")
    assert (none.exit_code, none.stderr) == (3, "filiation: Nothing is like that, so no way leads from it.\n")
