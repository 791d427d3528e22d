"""An audit report: the answer, the evidence, and for each thing that was checked the command that repeats it."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader

from filiation.catalogue import CatalogueFolder
from filiation.cli import main
from filiation.crate.seals import Signer, seal_crate
from filiation.errors import BadInputError, MissingExtraError
from filiation.lineage import Ledger
from filiation.publish.report import Report, State, make_report
from filiation.publish.report_page import Texts, render_report
from filiation.publish.report_pdf import pdf_of
from tests.crate.seals.conftest import ADA, Keys, ada, keys, made_keys  # noqa: F401
from tests.crate.test_preview import Page
from tests.lineage.crates import CrateBuilder, nuclei_run

LABELS = "results/ihc/nuclei.ome.zarr"
HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[2J javascript:alert(3) </style>{{ 104729*3 }}'
)


@pytest.fixture
def run(tmp_path: Path) -> CrateBuilder:
    made = nuclei_run(tmp_path)
    made.write(CatalogueFolder.create(tmp_path / ".filiation").crates)
    return made


def report_of(folder: Path, thing: str = LABELS, **asked: object) -> Report:
    return make_report(Ledger(folder / ".filiation"), thing, asked_by="Ada", **asked)  # type: ignore[arg-type]


def words_of(pdf: bytes) -> str:
    """Return a PDF's text without what breaks lines and pages."""
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], prog_name="filiation")


@pytest.mark.slow
def test_a_report_says_what_it_comes_to(run: CrateBuilder, tmp_path: Path, keys: Keys, ada: Signer) -> None:  # noqa: F811
    assert report_of(tmp_path, most=0).state is State.UNREAD
    assert report_of(tmp_path).state is State.UNSIGNED
    seal_crate(tmp_path / ".filiation" / "crates" / run.id, ada)
    assert report_of(tmp_path).state is State.UNSIGNED, "nobody says whose the signature is"
    held = report_of(tmp_path, signers=keys.signers)
    assert held.state is State.HOLDS
    assert held.check is not None
    assert (held.check.intact, held.check.findings) == (2, ())
    page = render_report(held)
    assert f"signed by {ADA} with the key ssh-ed25519 SHA256:" in page.replace("ED25519", "ssh-ed25519")
    (tmp_path / LABELS / "0/c/0/0").write_text("other labels")
    changed = report_of(tmp_path)
    assert changed.state is State.CHANGED
    assert "changed    0/c/0/0" in re.sub(rf"{re.escape(str(tmp_path))}/{LABELS}/", "", render_report(changed))
    (tmp_path / LABELS / "0/c/0/0").write_text("labels 1.0")
    metadata = tmp_path / ".filiation" / "crates" / run.id / "ro-crate-metadata.json"
    metadata.write_text(metadata.read_text().replace("node7", "node8"))
    assert report_of(tmp_path).state is State.CHANGED, "the seal does not hold any more"


@pytest.mark.slow
def test_what_is_too_much_to_read_is_not_read_whatever_its_record_says(run: CrateBuilder, tmp_path: Path) -> None:
    (tmp_path / LABELS / "0/c/0/0").write_bytes(bytes(5_000_000))
    assert report_of(tmp_path, most=1_000_000).check is None
    assert report_of(tmp_path, most=10_000_000).state is State.CHANGED


@pytest.mark.slow
def test_every_check_of_a_report_names_a_command_that_repeats_it(
    run: CrateBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(render_report(report_of(tmp_path)))
    commands = re.findall(r"filiation (?:[^\n]*?)(?=\n|filiation |$)", page.text)
    told = {command.split()[1] for command in commands if command.split()[1:2] and command.split()[1].isalpha()}
    assert {"trace", "check", "report", "verify", "gaps", "log", "rerun", "evidence"} <= told
    quoted = shlex.quote(LABELS)
    for command in (["trace", quoted], ["check", quoted], ["gaps"], ["log", "--verify"]):
        assert f"filiation {' '.join(command)}" in page.text
        assert call(*command).exit_code in (0, 9), command


@pytest.mark.slow
def test_the_pdf_holds_the_answer_the_digests_and_names_as_they_are(tmp_path: Path) -> None:
    built = CrateBuilder(tmp_path)
    name = f"labels {HOSTILE.replace('/', '')}.tif"
    built.job(f"segment {HOSTILE}", ("raw.tif",), {name: "x"}, parameters={f"sigma {HOSTILE}": HOSTILE})
    built.write(CatalogueFolder.create(tmp_path / ".filiation").crates)
    made = report_of(tmp_path, str(tmp_path / name))
    page = render_report(made)
    parsed = Page(page)
    assert "script" not in {tag for tag, _ in parsed.elements}
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    assert parsed.attributes("a", "href") == []
    assert all(source.startswith("data:image/svg+xml;base64,") for source in parsed.attributes("img", "src"))
    assert "314187" not in parsed.text
    assert "\x1b" not in page
    assert "\u202e" not in page
    text = words_of(pdf_of(page))
    assert re.sub(r"\s+", "", '"><script>alert(1)</script><img src=x onerror=alert(2)>\\u202e\\x1b[2J') in text
    assert made.root is not None
    assert str(made.root.digest) in text
    assert "Whatthisreportdoesnotprove" in text


def test_a_pdf_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for address in (f"file://{tmp_path}/secret.txt", "http://127.0.0.1:9/x.png", "ftp://127.0.0.1:9/x"):
        with pytest.raises(BadInputError, match="A report fetches nothing"):
            pdf_of(f'<!doctype html><html lang="en"><title>x</title><p><img alt="x" src="{address}"></p></html>')


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.modules['weasyprint'] = None", "pip install 'filiation[pdf]'"),
        (
            "import ctypes.util, cffi\n"
            "def missing(*_a, **_m): raise OSError('cannot load library pango')\n"
            "cffi.FFI.dlopen = missing",
            "apt-get install libpango-1.0-0",
        ),
    ],
    ids=["without WeasyPrint", "without Pango"],
)
def test_what_is_missing_for_a_pdf_is_told_with_the_way_around(code: str, said: str) -> None:
    asked = (
        f"{code}\nfrom filiation.publish.report_pdf import pdf_of\nfrom filiation.errors import MissingExtraError\n"
        "try: pdf_of('<p>x</p>')\nexcept MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert said in done.stdout, done.stderr
    assert "--to report.html" in done.stdout
    assert issubclass(MissingExtraError, ImportError)


@pytest.mark.slow
def test_the_command_writes_each_form_once(run: CrateBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("report", LABELS, "--to", "out/nuclei.html", "--no-bytes")
    assert (done.exit_code, done.stdout) == (0, "out/nuclei.html: not read again.\n")
    assert "Content-Security-Policy" in (tmp_path / "out/nuclei.html").read_text()
    assert call("report", LABELS, "--to", "nuclei.json").exit_code == 0
    told = json.loads((tmp_path / "nuclei.json").read_text())
    assert told["state"] == "not all signed"
    assert told["sentences"][0].startswith(LABELS)
    assert call("report", LABELS, "--to", "nuclei.pdf").exit_code == 0
    assert (tmp_path / "nuclei.pdf").read_bytes().startswith(b"%PDF-")
    again = call("report", LABELS, "--to", "nuclei.pdf")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert call("report", LABELS, "--to", "nuclei.docx").exit_code == 2
    assert call("report", "nothing-like-it", "--to", "x.html").exit_code == 3
    assert not (tmp_path / "x.html").exists()


@pytest.mark.slow
def test_the_words_of_a_report_are_those_of_its_language(run: CrateBuilder, tmp_path: Path) -> None:
    def loud(text: str) -> str:
        parts = re.split(r"(%\(\w+\)s|\{[^{}]*\})", text)
        return "".join(part if part.startswith(("%(", "{")) else part.upper() for part in parts)

    shouting = Texts("xx", loud, lambda one, several, count: loud(one if count == 1 else several))
    page = Page(render_report(report_of(tmp_path), texts=shouting))
    own = {"Asked by", "What was found", "Records and their seals", "Nobody sealed it", "No bytes"}
    assert not [text for text in own if text in page.text]
    assert "WHAT THIS REPORT DOES NOT PROVE" in page.text
    assert page.attributes("html", "lang") == ["xx"]
