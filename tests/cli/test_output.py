"""How commands write."""

import os
import pty
import subprocess
import sys

import pytest

from filiation.cli.output import bytes_bar, safe, say_json, say_table, steps_bar, write_text

PROGRAM = """
from filiation.cli.output import bytes_bar, steps_bar
with bytes_bar("Reading") as advance:
    for _ in range(40):
        advance(1_000_000)
with steps_bar("Rebuilding") as advance:
    for number in range(5):
        advance(number + 1, 5, "x")
with steps_bar("Nothing") as advance:
    pass
"""


def test_control_characters_are_made_visible_but_lines_stay_lines():
    assert safe("a\x1b[31m\nb\r\u202e") == "a\\x1b[31m\nb\\r\\u202e"


def test_a_table_is_as_wide_as_it_needs(capsys):
    say_table(("name", "n"), [("a\nb", "1"), ("longer name", "")])
    assert capsys.readouterr().out == "name         n\na\\nb         1\nlonger name\n"


def test_json_is_ascii_and_names_that_are_no_text_survive(capsys):
    say_json({"path": os.fsdecode(b"\xff"), "name": "é"})
    assert capsys.readouterr().out == '{\n  "path": "\\udcff",\n  "name": "\\u00e9"\n}\n'


def test_a_text_goes_to_its_file_or_to_the_standard_output(tmp_path, capsys):
    write_text("-", "<svg/>")
    assert capsys.readouterr() == ("<svg/>\n", "")
    write_text(str(tmp_path / "a.svg"), "<svg/>")
    assert capsys.readouterr() == ("", f"Wrote {tmp_path / 'a.svg'}\n")


@pytest.mark.parametrize("bar", [bytes_bar, steps_bar])
def test_without_a_terminal_there_is_no_progress(bar, capsys):
    with bar("Reading") as advance:
        advance(*([5] if bar is bytes_bar else [1, 2, "x"]))
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_progress_is_shown_on_the_standard_error():
    controller, terminal = pty.openpty()
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=terminal, check=False)
    os.close(terminal)
    shown = os.read(controller, 100_000).decode()
    os.close(controller)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "Reading" in shown
    assert "40.0 MB" in shown
    assert "Rebuilding" in shown
    assert "100%" in shown
