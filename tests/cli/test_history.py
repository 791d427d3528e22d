"""What the commands tell of the catalogue's own past."""

import json
import re
from pathlib import Path

from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder


def test_older_crates_and_forgotten_runs_are_told_and_the_past_can_be_asked(call, here):
    built = CrateBuilder(here)
    built.job("segment", (), {"results/labels.txt": "labels"})
    run, crate = built.id, built.write(here / "crate")
    call("ingest", crate)
    metadata = crate / "ro-crate-metadata.json"
    metadata.write_text(metadata.read_text().replace("Josiah Carberry", "J. Carberry"))
    taken = re.search(r'"when": "(\S+)"', (here / ".filiation/history" / f"{run}.jsonl").read_text())[1]
    assert call("ingest", crate).stdout.startswith(f"{run}: replaced, ")
    told = call("runs")
    assert "J. Carberry" in told.stdout
    assert told.stderr.startswith(f"1 older crate of these runs is known: {run[:8]} (1). `filiation show` tells ")
    assert json.loads(call("runs", "--json").stdout)[0]["former"][0]["ended"] == "superseded"
    shown = call("show", run).stdout
    assert re.search(r"  taken in  20\S+ \S+ UTC\n  before    another crate, 20", shown)
    assert "Josiah Carberry" in call("runs", "--as-of", taken).stdout
    assert "Josiah Carberry" in call("trace", "results/labels.txt", "--as-of", taken, "--all").stdout

    listed = call("runs", "--superseded")
    assert re.search(rf"^{run[:8]}  .* superseded  sha256:[0-9a-f]{{12}}  yes$", listed.stdout, re.MULTILINE)
    assert f"--as-of {taken}" in listed.stderr
    (former,) = json.loads(call("runs", "--superseded", "--json").stdout)
    assert (former["ended"], former["kept"], former["taken_in"]) == ("superseded", True, taken)
    for name in (former["iri"], former["digest"], f"{former['crate']}work/not-any-more.txt"):
        named = call("trace", name)
        assert named.exit_code == 3
        assert f"A crate of run {run[:8]}, taken in " in named.stderr
        assert f"by another crate of that run, which holds instead. --as-of {taken} asks it." in named.stderr
    assert call("runs", "--superseded", "--by-day").exit_code == 2

    def count(*conditions: str) -> int:
        return int(call("find", "action", *conditions, "--count").stdout)

    for conditions, expected in (
        (["agent~Josiah"], 0),
        (["agent~Josiah", "superseded=yes"], 1),
        (["agent~Josiah", "superseded=no"], 0),
        (["agent=*Carberry", "superseded"], 2),  # a field alone: whether it is known, as it always is
        (["rule=segment", "!superseded=yes"], 1),
        (["rule=segment", "superseded!=no", "superseded=no"], 0),
    ):
        assert count(*conditions) == expected, conditions
    looked = [Ledger(here).look_up(asked) for asked in ("superseded=yes", "superseded=no")]
    assert [each.jobs[0].agent for each in looked] == ["Josiah Carberry", "J. Carberry"]
    assert call("find", "action", "superseded=perhaps").exit_code == 2
    table = call("find", "entity", "path=results/labels.txt", "superseded").stdout.splitlines()
    assert [re.search(r"(no|superseded 20\S+ \S+ UTC)$", line)[0][:2] for line in table[1:]] == ["no", "su"]
    found = json.loads(call("find", "entity", "made=yes", "superseded=yes", "--json").stdout)
    assert (found["total"], found["nodes"][0]["superseded"]["taken_in"]) == (1, taken)
    assert call("find", "action", "superseded=yes", "--as-of", taken, "--count").stdout == "0\n"

    dry = call("forget", run[:8], "--why", "recorded twice", "--dry-run")
    assert dry.stdout == f"Run {run} would be forgotten, with 1 job and 1 thing that it made.\n"
    assert len(json.loads(call("runs", "--json").stdout)) == 1
    assert call("forget", run[:8], "--why", " ").exit_code == 2
    done = call("forget", run[:8], "--why", "recorded twice")
    assert done.exit_code == 0, done.output
    assert re.fullmatch(
        rf"Run {run[:8]} was forgotten \S+ \S+ UTC by .*: recorded twice\. Its crate is kept: (?P<place>\S+)\n",
        done.stdout,
    )
    kept = Path(done.stdout.split()[-1])
    assert (kept / "ro-crate-metadata.json").is_file()
    gone = call("show", run[:8])
    assert gone.exit_code == 3
    assert f"Run {run[:8]} was forgotten" in gone.stderr
    assert "recorded twice" in call("runs").stderr
    assert call("runs", "--as-of", "yesterday").exit_code == 2
    told = call("find", "action", "superseded=yes", "rule=segment").stdout
    assert re.findall(r"(superseded|forgotten) 20\S+", told) == ["superseded", "forgotten"]
    assert call("doctor").exit_code == 0
    assert call("ingest", kept).exit_code == 0
    assert call("show", run[:8]).exit_code == 0
