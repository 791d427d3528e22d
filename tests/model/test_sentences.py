"""Sentences are texts, and can be said in another language, also by another process."""

from __future__ import annotations

import copy
import json
import pickle

from hypothesis import given
from hypothesis import strategies as st

from filiation.errors import BadInputError
from filiation.model.sentences import OR, Sentence, read_written, said_in, written

FRENCH = {
    "{count} of {names}: {why}": "{why} : {count} sur {names}", "changed": "modifié", " or ": " ou ",
    "{part} is gone": "{part} a disparu",
}  # fmt: skip


def test_a_sentence_is_said_in_another_language_with_the_sentences_in_it() -> None:
    said = Sentence("{count} of {names}: {why}", count=2, names=("a", "b{0}"), why=Sentence.term("changed"))
    assert said == "2 of a, b{0}: changed"
    assert said.translated(FRENCH.get) == "modifié : 2 sur a, b{0}"
    assert Sentence.joined(["x", Sentence("{part} is gone", part="y")], OR).translated(FRENCH.get) == "x ou y a disparu"
    assert said_in(FRENCH.get)("changed") == "changed", "what a record holds is no sentence of ours"


def test_an_error_keeps_what_it_was_put_together_from() -> None:
    error = BadInputError(Sentence("{part} is gone", part="a"))
    assert str(error) == "a is gone"
    assert error.message.translated(FRENCH.get) == "a a disparu"  # type: ignore[attr-defined]
    assert BadInputError("plain").message == "plain"


@given(st.text(), st.lists(st.text()), st.integers())
def test_another_process_reads_how_it_was_put_together(name: str, names: list[str], count: int) -> None:
    inner = Sentence("{count} of {names}: {why}", count=count, names=tuple(names), why=Sentence.term(name))
    said = Sentence.joined([name, inner], OR)
    for again in (
        pickle.loads(pickle.dumps(said)),
        copy.deepcopy(said),
        read_written(json.loads(json.dumps(written(said)))),
    ):
        assert again == said
        assert isinstance(again, Sentence)
        assert again.translated(FRENCH.get) == said.translated(FRENCH.get)
    assert read_written(written(name)) == name
