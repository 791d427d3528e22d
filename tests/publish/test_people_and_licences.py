"""Identifiers that are mistyped are refused; of licences conflicts are told, and what nobody here can judge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.errors import BadInputError
from filiation.publish.licences import check_licences
from filiation.publish.people import author, orcid, organisation, ror

CARBERRY, EMBL = "0000-0002-1825-0097", "03mstc592"


@pytest.mark.parametrize(
    "written", [CARBERRY, f"https://orcid.org/{CARBERRY}", f"orcid.org/{CARBERRY}/", f" {CARBERRY} "]
)
def test_an_orcid_is_known_however_it_is_written(written: str) -> None:
    assert orcid(written) == f"https://orcid.org/{CARBERRY}"
    assert orcid("0000-0002-1694-233X") == "https://orcid.org/0000-0002-1694-233X"


@pytest.mark.parametrize("written", [EMBL, f"https://ror.org/{EMBL}", "ROR.org/03MSTC592"])
def test_a_ror_identifier_is_known_however_it_is_written(written: str) -> None:
    assert ror(written) == f"https://ror.org/{EMBL}"


@given(st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_of_an_orcid_is_noticed(place: int, more: int) -> None:
    digits = CARBERRY.replace("-", "")
    wrong = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    with pytest.raises(BadInputError, match="is mistyped"):
        orcid("-".join(wrong[begin : begin + 4] for begin in range(0, 16, 4)))


@given(st.integers(1, 6), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_one_wrong_character_of_a_ror_identifier_is_noticed(place: int, other: str) -> None:
    wrong = EMBL[:place] + other + EMBL[place + 1 :]
    if wrong == EMBL:
        assert ror(wrong)
        return
    with pytest.raises(BadInputError, match="is mistyped"):
        ror(wrong)


@pytest.mark.parametrize("text", ["", "0000-0002-1825", "https://example.org/0000-0002-1825-0097", "Ada"])
def test_what_is_no_identifier_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(BadInputError, match="expected 16 digits such as"):
        orcid(text)
    with pytest.raises(BadInputError, match="expected one such as"):
        ror(text)


def test_a_party_is_a_name_or_a_name_with_an_identifier() -> None:
    assert author("Ada Lovelace").iri is None
    assert author(f"Josiah Carberry <{CARBERRY}>").iri == f"https://orcid.org/{CARBERRY}"
    assert organisation(f"EMBL <{EMBL}>").iri == f"https://ror.org/{EMBL}"
    with pytest.raises(BadInputError, match="does not name an author"):
        author(f"<{CARBERRY}>")


CONFLICTS = [
    ("CC-BY-4.0", ["CC-BY-4.0"], 0),
    ("CC-BY-4.0", ["CC0-1.0", "https://creativecommons.org/licenses/by/4.0/"], 0),
    ("CC-BY-NC-4.0", ["CC-BY-NC-4.0"], 0),
    ("CC-BY-4.0", ["CC-BY-NC-4.0"], 1),
    ("CC0-1.0", ["CC-BY-4.0"], 1),
    ("CC-BY-SA-4.0", ["CC-BY-SA-4.0"], 0),
    ("CC-BY-4.0", ["CC-BY-SA-4.0"], 1),
    ("CC-BY-ND-4.0", ["CC-BY-ND-4.0"], 1),
    (None, ["CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"], 1),
]


@pytest.mark.parametrize(("licence", "images", "count"), CONFLICTS)
def test_conflicts_are_those_of_the_table(licence: str | None, images: list[str], count: int) -> None:
    found = check_licences(licence, [(f"image {each}", each) for each in images], [("nuclei", "MIT")])
    assert sum(each.kind == "conflict" for each in found) == count, found


def test_what_is_not_known_is_told_and_stops_nobody() -> None:
    found = check_licences("WTFPL", [("image 1", None), ("image 2", "ask Ada")], [("a", None), ("b", "SSPL-1.0")])
    assert [each.kind for each in found] == ["unknown"] * 5
    assert check_licences("CC-BY-4.0", [("image", "CC0")], [("code", "GPL-3.0-only")]) == ()
