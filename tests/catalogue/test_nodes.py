"""Nodes as plain JSON, which is also how the index keeps them."""

from __future__ import annotations

from filiation.catalogue.nodes import ActionNode, EntityNode, action_from_text, entity_from_text, node_to_text
from filiation.model import ImageFacts, Usage

CRATE = "arcp://uuid,00000001-0000-4000-8000-000000000001/"


def test_what_is_known_of_an_image_is_numbers_and_lists_in_json() -> None:
    image = ImageFacts(("y", "x"), (64, 32), "uint16", (0.5, 0.25), ("micrometer", "micrometer"), "../raw.ome.zarr")
    node = EntityNode(CRATE + "work/a.ome.zarr", CRATE, "a.ome.zarr", image=image)
    assert node.to_json()["image"] == {
        "axes": ["y", "x"],
        "shape": [64, 32],
        "dtype": "uint16",
        "scale": [0.5, 0.25],
        "units": ["micrometer", "micrometer"],
        "source": "../raw.ome.zarr",
    }
    assert entity_from_text(node_to_text(node)) == node


def test_a_figure_names_its_unit_and_who_measured_it_in_json() -> None:
    usage = (Usage("wall time", 1.5, "SEC", "benchmark"), Usage("wall time", 0.0, "SEC", "step"))
    node = ActionNode(CRATE + "#job-1", CRATE, "segment", usage=usage)
    assert node.to_json()["usage"] == [
        {"name": "wall time", "value": 1.5, "unit": "SEC", "source": "benchmark"},
        {"name": "wall time", "value": 0.0, "unit": "SEC", "source": "step"},
    ]
    assert action_from_text(node_to_text(node)) == node
