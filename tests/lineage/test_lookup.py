"""What a word may mean is never a fault, and never costs a look at the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.lineage import Ledger
from tests.examples import examples
from tests.lineage.crates import nuclei_run

WORDS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[a-z.]{1,12}(=|~|<|>=|!=)\S{0,8}", fullmatch=True),
    st.from_regex(r"(sha256|tree1|pixels1|ni:///|arcp://|omero://|Image)[:;/,0-9a-f@.]{0,80}", fullmatch=True),
    st.from_regex(r"[/.~]{1,4}[a-z/.]{0,30}(#label=\d{1,30})?", fullmatch=True),
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    folder = tmp_path_factory.mktemp("lookup")
    nuclei_run(folder).write(folder / ".filiation" / "crates")
    return Ledger(folder, on_disk=False)


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(WORDS)
def test_any_word_has_an_answer(ledger: Ledger, word: str) -> None:
    with ledger.at_one_moment():
        found = ledger.look_up(word)
    assert found.found or found.tried or not found.asked
    assert not (found.thing and found.run)


def test_a_path_is_known_by_its_record_whatever_lies_there(ledger: Ledger) -> None:
    labels = ledger.folder.parent / "results/ihc/nuclei.ome.zarr"
    (labels / "0/c/0/0").write_text("changed since")
    assert ledger.look_up(str(labels)).thing == str(labels)
    assert ledger.dossier(str(labels)).node.place == str(labels)  # type: ignore[union-attr]
    inside = ledger.resolve(str(labels / "0/c/0/0"))
    assert inside.note == f"{labels}/0/c/0/0 is part of {labels}, which is one thing: this is its lineage."
    assert not ledger.look_up("/etc/hostname").found
    assert Path("/etc/hostname").exists()
