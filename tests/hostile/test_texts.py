"""What others called their things, shown where a name can do more than be read: terminals and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from filiation.cli import main
from filiation.cli.output import say_csv
from filiation.lineage.words import cell, plain
from tests.lineage.crates import CrateBuilder

Call = Callable[..., Result]
STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.\r\x08"
FORBIDDEN = set(STEERING) - set("]0;owned[2J31mgnp.")


def steering(value: Any) -> Any:
    """Put what steers a terminal into every text of a crate that may be any text."""
    fixed = ("@id", "@type", "runId", "sha256", "treeDigest", "runStatus", "status", "presence", "entityKind",
             "startTime", "endTime", "actionStatus", "contentSize", "conformsTo")  # fmt: skip
    if isinstance(value, dict):
        return {key: inner if key in fixed else steering(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [steering(inner) for inner in value]
    return value + STEERING if isinstance(value, str) else value


@pytest.fixture
def steered(here: Path, call: Call) -> str:
    """Take in a crate every text of which would steer a terminal; return its id."""
    built = CrateBuilder(here / "work")
    built.job(f"segment{STEERING}", (f"raw{STEERING}.tif",), {f"labels{STEERING}.tif": "x"}, parameters={
        f"sigma{STEERING}": {"value": STEERING, "usedValue": STEERING, "requestedValue": "2"}, "method": "=cmd()",
    }, error=STEERING, kinds={f"labels{STEERING}.tif": "label image"})  # fmt: skip
    document = built.document()
    crate = built.write(here / "coming")
    (crate / "ro-crate-metadata.json").write_text(
        json.dumps({"@context": document["@context"], "@graph": [steering(entity) for entity in document["@graph"]]})  # type: ignore[attr-defined]
    )
    done = call("ingest", crate)
    assert done.exit_code == 0, done.output
    assert not FORBIDDEN & set(done.output)
    return built.id


@pytest.mark.slow
def test_no_command_that_answers_lets_a_name_steer_the_terminal(steered: str, here: Path, call: Call) -> None:
    thing = f"labels{STEERING}.tif"
    commands = [
        ["runs"], ["status"], ["show", steered], ["trace", thing], ["trace", thing, "--format", "dot"],
        ["trace", thing, "--format", "prov-n"], ["impact", f"raw{STEERING}.tif"], ["check"], ["check", thing],
        ["audit"], ["doctor"], ["gaps"], ["find", "entity"], ["find", "action"], ["find", "entity", "--csv"],
        ["ask", "cq5"], ["ask", "cq7"], ["ask", "parameters"], ["sparql", "SELECT * WHERE { ?s ?p ?o }"],
        ["log"], ["verify", steered], ["evidence", thing, "--to", f"bundle{STEERING}"],
        ["trace", f"nothing{STEERING}"], ["show", STEERING], ["find", f"entity{STEERING}"],
    ]  # fmt: skip
    said = ""
    for command in commands:
        done = call(*command)
        assert done.exit_code != 70, (command, done.output)
        assert done.exit_code != 1, (command, done.output, done.exception)
        assert not FORBIDDEN & set(done.output), (command, done.output)
        said += done.output
    assert r"\x1b[2J" in said, "the names were shown, and visibly"


@pytest.mark.parametrize(
    "formula", ["=cmd|'/C calc'!A0", "+1+cmd()", "-2+3+cmd()", "@SUM(A1)", " =1+1", "＝1+1", "\t=1"]
)
def test_what_a_spreadsheet_would_compute_is_a_text_there(formula: str, capsys: pytest.CaptureFixture[str]) -> None:
    say_csv(["name"], [[formula], ["-1.5e3"], ["a,b\n=c"]])
    _, (name,), (number,), (text,) = csv.reader(io.StringIO(capsys.readouterr().out))
    assert name.startswith("'") or name.startswith("\\t")
    assert plain(formula) in name, "and nothing of it is lost"
    assert number == "-1.5e3", "a number stays one"
    assert text == r"a,b\n=c"


@given(st.text())
def test_no_cell_begins_as_a_formula_and_none_loses_anything(text: str) -> None:
    written = cell(text)
    assert written.removeprefix("'") == plain(text).removeprefix("'")
    if written[:1] in "=+-@":
        float(written or "0")


def test_a_table_of_things_found_is_safe_in_a_spreadsheet(here: Path, call: Call) -> None:
    built = CrateBuilder(here / "work")
    built.job("=HYPERLINK(0)", (), {"=cmd.tif": "x"}, parameters={"method": "=1+1"})
    assert call("ingest", built.write(here / "coming")).exit_code == 0
    for kind in ("entity", "action"):
        rows = list(csv.reader(io.StringIO(call("find", kind, "--csv").stdout)))
        assert [value for row in rows for value in row if "=" in value]
        assert not [value for row in rows for value in row if value[:1] in ("=", "+", "@")]


def test_a_name_in_an_error_message_is_shown_and_not_obeyed(here: Path) -> None:
    done = CliRunner().invoke(main, ["ingest", f"./{STEERING}"], prog_name="filiation")
    assert done.exit_code == 3
    assert not FORBIDDEN & set(done.output)
