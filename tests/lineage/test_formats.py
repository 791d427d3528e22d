"""The forms a lineage is written in, each read back by somebody else's reader."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import prov.model
import pytest
from PIL import Image as Picture

from filiation.catalogue import Catalogue
from filiation.cli.lineage import FORMATS
from filiation.errors import BadInputError
from filiation.lineage import Ledger, Lineage
from filiation.lineage.formats import COLUMNS, PIXELS, WRITERS, table, to_dot, to_graphml
from filiation.lineage.rasterising import to_png
from tests.lineage.crates import CrateBuilder, nuclei_run

NASTY = "<b>\"q\" 'a' \\ (x=1;y,z):[%41] \x1b[31m ü.txt"


@pytest.fixture
def lineage(catalogue: Catalogue, folder: Path) -> Lineage:
    nuclei_run(folder).write(catalogue.folder.crates)
    run = CrateBuilder(folder, 2)
    run.job('rule "<&>"', ("results/ihc/nuclei.parquet",), {NASTY: "x"}, parameters={"a=b \x07": "&\n\t", "n": 2})
    run.job("inside", ("results/ihc/nuclei.ome.zarr/0/c/0/0",), {"z.txt": "z"})
    run.job("last", (NASTY, "z.txt"), {"end.txt": "e"})
    run.write(catalogue.folder.crates)
    return Ledger(folder).trace(str(folder / "end.txt"))


def document(lineage: Lineage, form: str) -> prov.model.ProvDocument:
    text = io.StringIO(WRITERS[form](lineage))
    return prov.model.ProvDocument.deserialize(text, format={"prov-json": "json", "prov-n": "provn"}[form])


def test_every_form_is_offered() -> None:
    assert {*WRITERS, *PIXELS, "table"} == set(FORMATS)


def test_a_picture_of_pixels_shows_what_the_drawing_does(lineage: Lineage) -> None:
    drawn = Picture.open(io.BytesIO(PIXELS["png"](lineage)))
    said = ElementTree.fromstring(lineage.to_svg(each=True))
    assert drawn.format == "PNG"
    assert drawn.size == tuple(2 * int(said.attrib[side]) for side in ("width", "height"))
    assert {(255, 255, 255), (0xEE, 0xF3, 0xFB), (0xF1, 0xEE, 0xF8)} <= {
        colour for _, colour in drawn.convert("RGB").getcolors(1 << 24) or ()
    }, "light, whatever a reader's screen prefers"


def test_a_drawing_that_is_too_large_becomes_coarser() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="200000" height="100"><rect width="9" height="9"/></svg>'
    assert Picture.open(io.BytesIO(to_png(svg))).size == (16_000, 8)
    with pytest.raises(BadInputError, match="begins with its width and height; found '<p>'"):
        to_png("<p>")


@pytest.mark.parametrize("form", ["prov-json", "prov-n"])
def test_prov_says_the_same_to_its_own_library(lineage: Lineage, form: str) -> None:
    read = document(lineage, form)
    kinds = {kind: list(read.get_records(kind)) for kind in (
        prov.model.ProvEntity, prov.model.ProvActivity, prov.model.ProvUsage, prov.model.ProvGeneration,
        prov.model.ProvAlternate, prov.model.ProvAgent,
    )}  # fmt: skip
    roles = [edge.role for edge in lineage.edges]
    assert [len(found) for found in kinds.values()] == [
        *(len(lineage.entities), len(lineage.actions), roles.count("used"), roles.count("generated")),
        *(roles.count("same content"), 1),
    ]
    names = {str(record.identifier.uri) for found in list(kinds.values())[:2] for record in found}
    plain = {node.iri for node in lineage.nodes}
    assert names == plain
    segment = next(record for record in kinds[prov.model.ProvActivity] if record.label == "segment")
    assert segment.get_startTime().isoformat() == "2026-03-01T00:11:10+00:00"
    assert {str(value) for value in segment.get_attribute("filiation:parameter.sigma")} == {"1.0"}
    used = kinds[prov.model.ProvUsage][0]
    assert {str(value)[:20] for value in used.get_attribute("filiation:crate")} == {"arcp://uuid,00000001"}


def test_prov_n_and_prov_json_are_one_document(lineage: Lineage) -> None:
    assert document(lineage, "prov-n") == document(lineage, "prov-json")


def test_graphml_is_read_by_networkx(lineage: Lineage) -> None:
    graph = nx.parse_graphml(to_graphml(lineage))
    assert set(graph) == {node.iri for node in lineage.nodes}
    assert graph.number_of_edges() == len(lineage.edges)
    segment = next(known for _, known in graph.nodes(data=True) if known["label"] == "segment")
    assert (segment["parameter.sigma"], segment["job"], segment["type"]) == ("1.0", 2, "action")
    assert all(known["crate"].startswith("arcp://uuid,") for *_, known in graph.edges(data=True))


def test_dot_quotes_everything(lineage: Lineage) -> None:
    text = to_dot(lineage)
    assert text.count(" -> ") == len(lineage.edges)
    assert 'rule \\"<&>\\"' in text
    assert "\x1b" not in text
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=text.encode(), check=True, capture_output=True)


def test_the_table_follows_the_flow_of_data(lineage: Lineage) -> None:
    rows = table(lineage)
    assert {len(row) for row in rows} == {len(COLUMNS)}
    order = [row[1] for row in rows]
    assert order.index("fetch") < order.index("segment") < order.index("measure") < order.index("last")
    assert order[-1] == "end.txt"


def test_json_is_what_to_json_says(lineage: Lineage) -> None:
    assert json.loads(WRITERS["json"](lineage)) == lineage.to_json()
