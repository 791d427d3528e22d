"""What is private: read from a file, and refused where it is not understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue.policy import ImagePattern, Policy, read_policy
from filiation.catalogue.private_texts import WITHHELD, PrivateTexts
from filiation.errors import BadInputError, NotFoundError
from filiation.model import encode_path

YAML = """
digests: keep
withhold:
  rules: [train]
  paths: ["/data/patients/*"]
  images: [{server: omero.example.org, group: Patients}]
"""
TOML = """
digests = "keep"
[withhold]
rules = ["train"]
paths = ["/data/patients/*"]
images = [{server = "omero.example.org", group = "Patients"}]
"""


@pytest.mark.parametrize(("name", "text"), [("p.yaml", YAML), ("p.toml", TOML)])
def test_yaml_and_toml_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    policy = read_policy(tmp_path / name)
    assert policy == Policy(
        rules=("train",),
        paths=("/data/patients/*",),
        images=(ImagePattern("omero.example.org", "Patients"),),
        digests="keep",
        digest=policy.digest,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("withhold: {rule: [train]}", "withhold has 'rule', which is not known; expected annotations, commands, "
         "images, parameters, paths, people, rules, runs, texts."),
        ("withold: {rules: [train]}", "'withold', which is not known; expected withhold and digests."),
        ("digests: drop", "withhold has to be a table that says what is private; found None."),
        ("withhold: {}", "withhold has to be a table that says what is private; found {}."),
        ("withhold: {rules: train}", "rules has to be a list of texts, in quotes where they look like numbers; got "
         "'train'."),
        ("withhold: {rules: [1.5]}", "rules has to be a list of texts, in quotes where they look like numbers; got "
         "[1.5]."),
        ("withhold: {rules: [a]}\ndigests: hash", "digests is 'hash'; expected keep or drop."),
        ("withhold: {runs: [7c9f]}", "runs has '7c9f'; expected 8 characters of a run's id or more."),
        ("withhold: {texts: [a]}", "texts has 'a'; a text so short stands in everything."),
        ("withhold: {images: [Patients]}",
         "images has 'Patients'; expected a table of texts with server, group, container, image."),
        ("withhold: {images: [{host: a}]}",
         "images has 'host', which is not known; expected server, group, container, image."),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_policy(path)
    assert str(caught.value) == f"{path}: {message}"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no policy at "):
        read_policy(tmp_path / "none.yaml")
    for name, text, message in (
        ("p.yaml", "withhold: [", "is not YAML"),
        ("p.yaml", "withhold: {rules: [a]}\nwithhold: {rules: [b]}", "'withhold' stands there twice"),
        ("p.yaml", "- a", r"has to be a table with withhold; found \['a'\]"),
        ("p.toml", "withhold = [", "is not TOML"),
        ("p.json", "{}", "has to be a file .yaml, .yml or .toml"),
        ("p.yaml", b"\xff", "cannot be read"),
    ):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(BadInputError, match=message):
            read_policy(tmp_path / name)


@given(text=st.text(min_size=4, max_size=12), before=st.text(max_size=5), after=st.text(max_size=5))
def test_a_private_text_is_found_in_every_spelling_and_gone_afterwards(text: str, before: str, after: str) -> None:
    texts = PrivateTexts([text])
    for spelled in {text, encode_path(text)} - {WITHHELD}:
        told = before + spelled + after
        assert texts.occur_in(told)
        gone = texts.replaced_in(told)
        assert gone != told or spelled in WITHHELD


def test_words_are_replaced_as_words_and_paths_from_end_to_end() -> None:
    texts = PrivateTexts(words=["Ada"], paths=["/data/patients/*/raw.tif", "*.tmp"])
    assert (
        texts.replaced_in("Ada in Canada: cp '/data/patients/42/x.tif' b.tmp")
        == "withheld in Canada: cp 'withheld' b.tmp"
    )
    assert texts.replaced_in("x=/mnt/data/patients/42,") == "x=withheld,"
