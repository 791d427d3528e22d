"""Lineages in sentences: in English and in French, with what is recorded left as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue import CatalogueFolder
from filiation.errors import BadInputError
from filiation.lineage import Ledger, Lineage
from filiation.lineage.phrases import LANGUAGES, Making, french_moment, phrases
from filiation.lineage.story import MOST, tell
from filiation.model import Parameter
from tests.lineage.crates import CrateBuilder

SPACE = "\u00a0"


def lineage_of(folder: Path, thing: str, **asked: object) -> Lineage:
    return Ledger(folder / ".filiation").trace(str(folder / thing), **asked)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = CrateBuilder(tmp_path)
    for number in range(6):
        run.job("measure", (f"raw{number}.tif",), {f"table{number}.csv": f"{number}"}, parameters={"sigma": 2})
    tables = tuple(f"table{number}.csv" for number in range(6))
    run.job("merge", tables, {"all.csv": "x"}, parameters={f"p{number}": number for number in range(10)})
    run.write(CatalogueFolder.create(tmp_path / ".filiation").crates)
    return tmp_path


@pytest.mark.slow
def test_a_lineage_is_told_in_french_with_its_plurals_dates_and_spaces(folder: Path) -> None:
    first, second, third = tell(lineage_of(folder, "all.csv"), "fr")
    assert first == (
        f"all.csv a été produit le 1er{SPACE}mars{SPACE}2026 à 00:16:40{SPACE}UTC par Josiah Carberry sur node7, à "
        f"l’étape merge, avec {', '.join(f'p{number} = {number}' for number in range(8))} et 2{SPACE}autres, à partir "
        f"de table0.csv et 5{SPACE}semblables."
    )
    assert (
        f"à l’étape measure (6{SPACE}tâches identiques), avec sigma = 2, à partir de raw0.tif et 5{SPACE}semblables"
        in second
    )
    assert third == (
        f"raw0.tif et 5{SPACE}semblables est le fichier d’où tout est parti{SPACE}: rien d’enregistré ne l’a produit, "
        "et aucune empreinte n’en est enregistrée."
    )
    unknown = Making(None, None, "node7", "say", 1, (), (), "failed")
    assert phrases("fr").made("said.txt", unknown) == (
        "said.txt a été produit, sans qu’il soit enregistré par qui, sur node7, à l’étape say, sans entrée "
        "enregistrée. La tâche qui l’a produit est enregistrée comme échouée."
    )


@pytest.mark.slow
def test_where_an_answer_ends_is_told_or_left_to_the_asker(folder: Path) -> None:
    cut = lineage_of(folder, "all.csv", depth=1)
    assert tell(cut, "fr")[-1] == f"L’origine de table0.csv et 5{SPACE}semblables n’a pas été demandée."
    assert tell(cut)[-1] == "What table0.csv and 5 like it comes from was not asked."
    assert len(tell(cut, "fr", beyond=False)) == 1


@pytest.mark.slow
def test_many_steps_are_counted(tmp_path: Path) -> None:
    run = CrateBuilder(tmp_path)
    for number in range(MOST + 5):
        run.job(f"step{number}", (f"t{number}",), {f"t{number + 1}": f"{number}"})
    run.write(CatalogueFolder.create(tmp_path / ".filiation").crates)
    lineage = lineage_of(tmp_path, f"t{MOST + 5}")
    assert len(tell(lineage, "fr")) == len(tell(lineage)) == MOST + 1
    assert tell(lineage, "fr")[-1] == f"Avant cela, 6{SPACE}autres étapes."
    assert tell(lineage)[-1] == "Before that, 6 steps more."


@pytest.mark.slow
def test_a_language_that_is_not_spoken_is_said(folder: Path) -> None:
    with pytest.raises(BadInputError, match="Lineages are told in en and fr; 'de' was asked for"):
        tell(lineage_of(folder, "all.csv"), "de")


@given(
    name=st.text(min_size=1),
    parameters=st.lists(st.builds(Parameter, name=st.text(min_size=1), used=st.integers() | st.text()), max_size=12),
    inputs=st.lists(st.text(min_size=1, max_size=5), max_size=8),
    jobs=st.integers(1, 2_000_000),
    status=st.sampled_from(["finished", "failed", "interrupted", "\x1b[2J"]),
)
def test_whatever_is_recorded_is_one_sentence_that_steers_nothing(
    name: str, parameters: list[Parameter], inputs: list[str], jobs: int, status: str
) -> None:
    for language in LANGUAGES:
        speech = phrases(language)
        shown = tuple(speech.named(each, 1) for each in inputs)
        making = Making(datetime(2026, 8, 31, tzinfo=UTC), None, None, "step", jobs, tuple(parameters), shown, status)
        told = speech.made(speech.named(name, 1), making)
        assert told.endswith(".")
        assert "\x1b" not in told


def test_a_french_date_is_written_out() -> None:
    assert (
        french_moment(datetime(2026, 8, 31, 23, 5, 9, tzinfo=UTC)) == f"31{SPACE}août{SPACE}2026 à 23:05:09{SPACE}UTC"
    )
