"""The demonstration's catalogue in French: no sentence on its pages is English."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.demonstration import Demo
from tests.web.conftest import PATIENT, asking
from tests.web.crawl import both, same_words

pytestmark = pytest.mark.slow

LABELS: Final = "results/tissue/nuclei.ome.zarr"
STARTS: Final = ("/", *(f"/{page}?thing={LABELS}" for page in ("thing", "report", "picture", "check")))
SENTENCE: Final = re.compile(r"(?:[^\W\d]{2,}[,;:]?\s+){2,}")
"""Words with spaces between them; names of programs and parameters have none."""
DATA: Final = re.compile(
    r"""Missing\soutput\sfiles:.* | Input\sfiles\supdated\sby\sanother\sjob:.*      # what Snakemake says
    | demo\srun\sof\s[-0-9]+                                                # the name that its crate has
    | .*[/\\@_={].* | \S*[0-9]\S*\s.*UTC.* | .*\(sample.* | filiation\s.*  # paths, values, times
    """,
    re.VERBOSE,
)


def test_no_page_of_the_demonstration_says_a_sentence_in_english_in_french(finished_demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(finished_demo.folder, tmp_path / "demo", symlinks=True)
    found: dict[str, str] = {}
    seen = set[str]()
    with asking(create_app(WebSettings(tmp_path / "demo", limits=PATIENT))) as pages:
        for address, english, french in both(pages, STARTS, most=1):
            seen.add(address.partition("?")[0])
            found |= {said: address for said in same_words(english, french, DATA) if SENTENCE.match(f"{said} ")}
    assert found == {}
    assert {"/", "/thing", "/run", "/graph", "/report", "/findings", "/queries", "/drop", "/overview"} <= seen
