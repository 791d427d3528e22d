"""The pages in French: complete, with the same placeholders, and set as French is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from fastapi.testclient import TestClient

from tests.web.catalogue_of_texts import FRENCH, ROOT, french, missing, texts
from tests.web.conftest import LABELS

TEMPLATES = sorted((ROOT / "src" / "filiation" / "web" / "templates").glob("*.jinja"))
PLACEHOLDER = re.compile(r"%\((\w+)\)s|\{(\w+)(?:![rs]|:[^{}]*)?\}")


def forms(message: Message) -> list[tuple[str, str]]:
    """Return each English form with its French one."""
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    said = [message.string] if isinstance(message.string, str) else list(message.string)
    return [(str(one), str(other)) for one, other in zip(english, said, strict=True)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_makes_markup_of_what_a_record_holds(template: Path) -> None:
    """``_(value)`` in a template gives markup: it is for texts that stand there, and ``| said`` for values."""
    assert re.findall(r"\b_\(\s*[^\"'\s]", template.read_text()) == []
    assert "| safe" not in template.read_text()


@pytest.mark.slow
def test_every_text_is_said_in_french_and_none_is_left_over() -> None:
    assert missing() == []
    said = {message.id if isinstance(message.id, str) else message.id[0] for message in texts() if message.id}
    known = {message.id if isinstance(message.id, str) else message.id[0] for message in french() if message.id}
    assert known - said == set(), "what no page says any more"
    assert len(said) > 250
    assert "fuzzy" not in FRENCH.read_text()


def test_a_french_text_has_the_placeholders_of_the_english_one() -> None:
    for message in french():
        if message.id:
            for english, said in forms(message):
                if not said:
                    continue  # what is missing is told by another test
                assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(said)), english


def test_french_is_set_as_french_is() -> None:
    for message in french():
        for _, said in forms(message) if message.id else ():
            assert not re.search(r"\w'\w", said), f"a typewriter's apostrophe: {said}"
            assert not re.search(r" [:;?!»]|« ", said), f"a space that may break: {said}"
            assert '"' not in said, said


def test_a_page_and_a_report_are_french_from_the_title_to_the_sentences(pages: TestClient) -> None:
    asked = {"thing": LABELS, "lang": "fr"}
    page = pages.get("/thing", params=asked).text
    assert '<html lang="fr">' in page
    assert "à l’étape segment, avec method = otsu" in page
    assert "was made" not in page
    report = pages.get("/report", params=asked).text
    assert '<html lang="fr">' in report
    assert "Ce que ce rapport ne prouve pas" in report
    assert "a été produit le 1er\u00a0mars\u00a02026 à 00:11:40\u00a0UTC par Josiah Carberry" in report
    assert "16\u00a0o" in report
    assert "What" not in re.sub(r"<code>.*?</code>|base64,[^\"]*", "", report)
