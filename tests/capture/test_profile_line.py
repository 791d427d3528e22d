"""The line that switches recording on, in profiles as people write them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from filiation.capture.profile_line import add_logger, has_logger
from filiation.errors import BadInputError

WRITTEN = {
    "nothing": ("", "logger:\n  - filiation\n"),
    "a comment": ("# mine\n", "# mine\nlogger:\n  - filiation\n"),
    "no newline at the end": ("cores: 2", "cores: 2\nlogger:\n  - filiation\n"),
    "another system's newlines": ("cores: 2\r\n", "cores: 2\r\nlogger:\r\n  - filiation\r\n"),
    "a block list": (
        "logger:\n    - snkmt  # watch\n\n# then\ncores: 2\n",
        "logger:\n    - snkmt  # watch\n    - filiation\n\n# then\ncores: 2\n",
    ),
    "a block list at the margin": ("logger:\n- snkmt", "logger:\n- snkmt\n- filiation\n"),
    "a flow list": ("logger: [snkmt]  # watch\ncores: 2\n", "logger: [snkmt, filiation]  # watch\ncores: 2\n"),
    "an empty flow list": ("logger: []\n", "logger: [filiation]\n"),
    "one name": ("logger: snkmt  # watch\n", "logger: [snkmt, filiation]  # watch\n"),
    "no value": ("logger:\ncores: 2\n", "logger: [filiation]\ncores: 2\n"),
    "quotes": ('logger: "snkmt"\n', 'logger: ["snkmt", filiation]\n'),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_the_line_is_added_and_everything_else_stays(case):
    before, after = WRITTEN[case]
    assert add_logger(before, "profile.yaml").apply(before) == after
    assert has_logger(after, "profile.yaml")
    assert not has_logger(before, "profile.yaml")


@pytest.mark.parametrize("text", ["{cores: 2}\n", "logger: {a: 1}\n", "cores: 2\n...\n", "a: 1\n---\nb: 2\n"])
def test_what_cannot_be_edited_is_refused_with_the_line_to_add(text):
    with pytest.raises(BadInputError) as caught:
        add_logger(text, "profile.yaml")
    assert str(caught.value).endswith("by hand:\nlogger:\n  - filiation\n") or "is not YAML" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "The profile profile.yaml is not YAML: "),
        ("- a\n", "The profile profile.yaml is a list; Snakemake expects pairs of an option and its value."),
    ],
)
def test_a_profile_that_is_none_is_said_to_be(text, message):
    with pytest.raises(BadInputError) as caught:
        has_logger(text, "profile.yaml")
    assert str(caught.value).startswith(message)


@given(
    st.dictionaries(
        st.sampled_from(["cores", "logger", "default-resources", "x"]),
        st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=5), max_size=3),
    ),
    st.sampled_from([None, True, False]),
)
def test_whatever_a_profile_says_it_says_the_same_and_the_logger_more(profile, flow):
    text = yaml.safe_dump(profile, default_flow_style=flow, allow_unicode=True)
    try:
        if has_logger(text, "p"):
            return
        after = add_logger(text, "p").apply(text)
    except BadInputError:
        return
    # What the text says, not what was dumped: PyYAML writes U+0085 in a way that it reads as a space.
    said = yaml.safe_load(text)
    before = said.get("logger")
    assert yaml.safe_load(after) == {
        **said,
        "logger": [*([] if before is None else before if isinstance(before, list) else [before]), "filiation"],
    }
