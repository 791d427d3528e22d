"""Frozen values as plain JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from filiation.errors import BadInputError
from filiation.model import Channel, ImageMetadata, from_plain, to_plain
from tests.model.described import IRI, image_metadata


@settings(max_examples=40)
@given(metadata=image_metadata())
def test_metadata_written_as_json_are_the_same_when_they_are_read(metadata: ImageMetadata):
    assert from_plain(ImageMetadata, json.loads(json.dumps(to_plain(metadata)))) == metadata


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], r"Expected an object for ImageMetadata; found '\[\]'\."),
        ({"name": "cells"}, r"ImageMetadata is not whole: .*'iri'"),
        ({"iri": IRI, "name": 5}, r"Expected str for 'name'; found '5'\."),
        ({"iri": IRI, "tags": "control"}, r"Expected a list for 'tags'; found 'control'\."),
        ({"iri": IRI, "acquired": "yesterday"}, r"'acquired' is no time: 'yesterday'\."),
        ({"iri": IRI, "humidity": True}, r"Expected float for 'humidity'; found 'True'\."),
    ],
)
def test_what_is_of_another_form_is_told(plain: object, message: str):
    with pytest.raises(BadInputError, match=message):
        from_plain(ImageMetadata, plain)


def test_what_a_later_version_adds_is_passed_over_and_whole_numbers_may_stand_for_others():
    plain = {"iri": "https://h/Channel/1", "index": 0, "gain": 2, "colour of the sky": "blue"}

    assert from_plain(Channel, plain) == Channel("https://h/Channel/1", 0, gain=2.0)
