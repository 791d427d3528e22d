"""The block that says how a store was made: written, read back, and read with suspicion."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.capture.place import Settings, read_settings
from filiation.errors import BadInputError, NotFoundError
from filiation.images import pixel_digest
from filiation.images.claims import ClaimedInput, StoreClaim, is_label_store, read_claim, write_claim
from filiation.model import Digest, DigestKind, Parameter, Software, Value
from filiation.step.stamping import stamp_label_stores

PIXELS = Digest(DigestKind.PIXELS, "0" * 64)
WHEN = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
digests = st.none() | st.builds(
    Digest, st.sampled_from(DigestKind), st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)
)
claims = st.builds(
    StoreClaim,
    pixels=st.just(PIXELS),
    rule=texts,
    function=texts,
    written=st.just(WHEN),
    started=st.none() | st.just(WHEN),
    run=st.none() | st.uuids().map(str),
    record=st.none() | texts,
    parameters=st.lists(st.builds(Parameter, texts, values.map(Value.of), values.map(Value.of)), max_size=3).map(tuple),
    software=st.lists(st.builds(Software, texts, st.none() | texts, st.none() | texts), max_size=2).map(tuple),
    inputs=st.lists(
        st.builds(ClaimedInput, st.none() | texts, texts, st.none() | texts, st.none() | texts, digests, digests),
        max_size=2,
    ).map(tuple),
    person=st.none() | texts,
    orcid=st.none() | texts,
)


@settings(max_examples=30, deadline=None)
@given(claims)
def test_a_claim_is_read_back_as_it_was_written(claim: StoreClaim) -> None:
    assert StoreClaim.from_block(json.loads(json.dumps(claim.to_block()))) == claim


GOOD: dict[str, Any] = StoreClaim(PIXELS, "segment", "segment_nuclei", WHEN, run=None).to_block()
BAD: dict[str, dict[str, Any]] = {
    "another version": {"version": 2},
    "no version": {"version": None},
    "a digest that is none": {"pixels": "pixels1:12"},
    "a run that is no id": {"run": "../../etc"},
    "a rule that is no text": {"rule": ["segment"]},
    "a time without zone": {"written": "2026-03-01T10:30:00"},
    "parameters that are none": {"parameters": [{"name": "sigma"}]},
    "inputs that are none": {"inputs": ["raw.ome.zarr"]},
    "a person that is none": {"person": "Ada"},
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_claim_is_refused_with_a_reason(nuclei: Path, what: str) -> None:
    _put(nuclei, {**GOOD, **BAD[what]})
    with pytest.raises(BadInputError, match="cannot be read"):
        read_claim(nuclei)


def test_a_claim_stands_beside_what_is_there_and_changes_no_pixel(nuclei: Path, raw: Path) -> None:
    before, pixels = zarr.open_group(nuclei, mode="r").attrs.asdict(), pixel_digest(nuclei)
    assert read_claim(nuclei) is None
    claim = StoreClaim(pixels, "segment", "segment_nuclei", WHEN)
    write_claim(nuclei, claim)
    assert read_claim(nuclei) == claim
    assert {**before, "filiation": claim.to_block()} == zarr.open_group(nuclei, mode="r").attrs.asdict()
    assert pixel_digest(nuclei) == pixels
    assert (is_label_store(nuclei), is_label_store(raw), is_label_store(nuclei / "none")) == (True, False, False)


def test_a_store_of_zarr_2_can_say_it_too(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "old.zarr", zarr_format=2, attributes={"image-label": {"version": "0.4"}})
    assert is_label_store(tmp_path / "old.zarr")
    claim = StoreClaim(PIXELS, "segment", "segment_nuclei", WHEN)
    write_claim(tmp_path / "old.zarr", claim)
    assert read_claim(tmp_path / "old.zarr") == claim
    assert "image-label" in zarr.open_group(group.store, mode="r").attrs
    with pytest.raises(NotFoundError):
        write_claim(tmp_path / "none.zarr", claim)


@pytest.mark.parametrize(
    ("said", "block", "person"), [("full", True, "Ada"), ("without person", True, None), ("none", False, None)]
)
def test_a_person_decides_what_stores_say(nuclei: Path, tmp_path: Path, said: str, block: bool, person: str) -> None:
    (tmp_path / "filiation.toml").write_text(f'[agent]\nname = "Ada"\n[stores]\nprovenance = "{said}"\n')
    found = _stamp(nuclei, read_settings(tmp_path))
    claim = read_claim(nuclei)
    assert (claim is not None, bool(found)) == (block, block)
    assert (claim.person if claim else None) == person


def test_a_wish_that_is_unknown_is_refused(tmp_path: Path) -> None:
    (tmp_path / "filiation.toml").write_text('[stores]\nprovenance = "some"\n')
    with pytest.raises(BadInputError, match="'full', 'without person', 'none'"):
        read_settings(tmp_path)


def test_a_store_that_cannot_be_written_to_costs_nothing_else(nuclei: Path, raw: Path, capsys, monkeypatch) -> None:
    def refuse(store: Path, claim: StoreClaim) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("filiation.step.stamping.write_claim", refuse)
    assert _stamp(nuclei, Settings()) == {}
    assert _stamp(raw, Settings()) == {}  # an image says nothing
    assert capsys.readouterr().err.startswith(f"filiation: {nuclei} does not say how it was made")


def test_inputs_are_named_as_seen_from_the_store(nuclei: Path, raw: Path) -> None:
    digest = f"sha256:{'1' * 64}"
    _stamp(
        nuclei,
        Settings(),
        inputs=[
            {"slot": "image", "path": str(raw), "digest": digest},
            {"iri": str(raw.parent / "weights.pt"), "name": "weights.pt", "digest": digest},
            {"iri": "https://omero.example.org/Image/51", "name": "Image:51"},
        ],
    )
    claim = read_claim(nuclei)
    assert claim is not None
    told = [(each.slot, each.path, each.iri) for each in claim.inputs]
    assert told == [
        ("image", "../raw.ome.zarr", None),
        (None, "../weights.pt", None),
        (None, None, "https://omero.example.org/Image/51"),
    ]


def _put(store: Path, block: dict[str, Any]) -> None:
    content = json.loads((store / "zarr.json").read_text())
    content["attributes"]["filiation"] = block
    (store / "zarr.json").write_text(json.dumps(content))


def _stamp(store: Path, wishes: Settings, inputs: list[dict[str, Any]] | None = None) -> dict[Path, Digest]:
    return stamp_label_stores(
        [store],
        replace(wishes),
        run=None,
        record="segment-1.json",
        rule="segment",
        function="segment_nuclei",
        started=WHEN,
        parameters=[{"name": "sigma", "used": 1.5}],
        software=[{"name": "filiation", "version": "1"}],
        inputs=inputs or [],
    )
