"""What a person and a program are handed."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import networkx as nx
import pytest

from filiation.catalogue import GENERATED, USED, ActionNode, Catalogue, Edge, EntityNode
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.lineage import Ledger, Lineage
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id, sha256, write

LABELS = "results/ihc/nuclei.ome.zarr"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    return Ledger()


def digest_of(ledger: Ledger, thing: str) -> str:
    return str(ledger.resolve(thing).digest)


@pytest.mark.slow
def test_the_tree_tells_a_person_everything(ledger: Ledger) -> None:
    digests = {path: digest_of(ledger, f"results/ihc/{path}")[:18] for path in ("nuclei.ome.zarr", "image.ome.zarr")}
    assert ledger.trace(LABELS).tree() == (
        "results/ihc/nuclei.ome.zarr\n"
        f"│  label image · 16 B in 3 files · {digests['nuclei.ome.zarr']}\n"
        "└─ made by segment, job 2, finished\n"
        "   │  2026-03-01 00:11:10 to 00:11:40 UTC (30 s)\n"
        "   │  by Josiah Carberry (0000-0002-1825-0097) on node7 in run 00000001\n"
        "   │  parameters  method = otsu\n"
        "   │              sigma = 1.0 (asked for: 2)\n"
        "   │  ran         python segment.py\n"
        "   │  software    scikit-image 0.26.0\n"
        "   └─ results/ihc/image.ome.zarr\n"
        f"      │  image · 8 B in 2 files · {digests['image.ome.zarr']}\n"
        "      └─ made by fetch, job 1, finished\n"
        "         │  2026-03-01 00:10:10 to 00:10:40 UTC (30 s)\n"
        "         │  by Josiah Carberry (0000-0002-1825-0097) on node7 in run 00000001\n"
        "         │  ran         python fetch.py\n"
        "         │  software    scikit-image 0.26.0\n"
        "         └─ skimage:immunohistochemistry\n"
        "               raw image\n"
        "               source: an image from outside the workflow\n"
    )


@pytest.mark.slow
def test_what_was_drawn_once_is_named_again(ledger: Ledger) -> None:
    tree = ledger.trace("results/ihc/nuclei.parquet").tree()
    assert tree.count("made by fetch") == 1
    assert "results/ihc/image.ome.zarr (see above)" in tree


@pytest.mark.slow
def test_a_depth_cuts_and_says_so(ledger: Ledger) -> None:
    found = ledger.trace("results/ihc/nuclei.parquet", depth=1)
    assert [action.name for action in found.actions] == ["measure"]
    assert found.tree().count("… more beyond the depth that was asked for") == 2
    assert found.sources == ()


@pytest.mark.slow
def test_the_graph_is_one_of_networkx(ledger: Ledger) -> None:
    found = ledger.trace("results/ihc/nuclei.parquet")
    graph = found.graph
    assert isinstance(graph, nx.DiGraph)
    (root,) = found.roots
    assert nx.ancestors(graph, root) == set(graph) - {root}
    assert graph.nodes[root]["type"] == "entity"
    assert graph.nodes[root]["path"] == "results/ihc/nuclei.parquet"
    assert {attributes["role"] for _, _, attributes in graph.edges(data=True)} == {"used", "generated"}


@pytest.mark.slow
def test_the_json_is_plain_and_complete(ledger: Ledger) -> None:
    found = ledger.impact("skimage:immunohistochemistry")
    plain = json.loads(json.dumps(found.to_json()))
    assert {node["iri"] for node in plain["nodes"]} == {node.iri for node in found.nodes}
    segment = next(node for node in plain["nodes"] if node.get("name") == "segment")
    assert segment["parameters"] == [
        {"name": "method", "requested": "otsu", "used": "otsu"},
        {"name": "sigma", "requested": 2, "used": 1.0},
    ]
    assert segment["started"] == "2026-03-01T00:11:10Z"


@pytest.mark.slow
def test_the_picture_is_well_formed_and_everything_in_it_is_text(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    name = "<script>alert(1)</script> & \"x\" 'y'.txt"
    run.job("<b>rule</b>", (LABELS,), {name: "x"}, parameters={"]]>": "&amp;\x1b[31m"})
    run.write(ledger.folder / "crates")
    svg = ledger.trace(name).to_svg()
    root = ElementTree.fromstring(svg)
    tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
    assert tags == {"svg", "title", "style", "rect", "g", "polygon", "path", "text"}
    assert name in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "\x1b" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.slow
def test_names_cannot_steer_a_terminal(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("rule", (), {"evil\x1b[2J\n└─ made by me": "x"}, parameters={"title": "\x1b]0;title\x07"})
    run.write(ledger.folder / "crates")
    tree = ledger.trace(str(run_id(2))).tree()
    assert "\x1b" not in tree
    assert tree.splitlines()[0] == "evil\\x1b[2J\\n└─ made by me"


@pytest.mark.slow
def test_boxes_of_the_picture_do_not_overlap(ledger: Ledger, folder: Path) -> None:
    for number in range(2, 6):
        run = nuclei_run(folder, number, sigma=number)
        run.write(ledger.folder / "crates")
    svg = ElementTree.fromstring(ledger.impact("skimage:immunohistochemistry").to_svg())
    boxes = []
    for rect in list(svg.iter("{http://www.w3.org/2000/svg}rect"))[1:]:
        x, y, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        boxes.append((x, y, x + width, y + height))
    for polygon in svg.iter("{http://www.w3.org/2000/svg}polygon"):
        points = [tuple(map(float, pair.split(","))) for pair in polygon.attrib["points"].split()]
        xs, ys = zip(*points, strict=True)
        boxes.append((min(xs), min(ys), max(xs), max(ys)))
    assert len(boxes) > 20
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


@pytest.mark.slow
def test_runs_come_newest_first_and_show_tells_of_reuse(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.thing("results/ihc/overlay.png", reused=True)
    run.job("report", ("results/ihc/nuclei.parquet",), {"report.html": "<p>"})
    run.write(ledger.folder / "crates")
    assert [(r.id, r.jobs, r.outputs, r.reused) for r in ledger.runs()] == [(run_id(2), 1, 1, 1), (run_id(1), 4, 4, 0)]
    shown = ledger.show("00000002")
    assert [entity.path for entity in shown.entities] == [
        "report.html",
        "results/ihc/nuclei.parquet",
        "results/ihc/overlay.png",
    ]
    first = f"arcp://uuid,{run_id(1)}/"
    assert [crates for _, crates in shown.reused_from] == [(first,), (first,)]


@pytest.mark.slow
def test_a_thing_is_found_by_path_digest_iri_and_run(ledger: Ledger, folder: Path) -> None:
    iri = f"arcp://uuid,{run_id(1)}/work/{LABELS}"
    digest = ledger.resolve(LABELS).digest
    assert digest is not None
    names = [LABELS, f"./{LABELS}/", str(folder / LABELS), str(digest), digest.iri, digest.hex, digest.hex[:6]]
    names += [f"tree1:{digest.hex[:8]}", iri, f"{iri}/"]
    assert {ledger.resolve(name).origins for name in names} == {(iri,)}
    made = ledger.resolve("00000001").origins
    assert [name.rpartition("/")[2] for name in made] == ["nuclei.parquet", "overlay.png"]


@pytest.mark.slow
def test_a_path_inside_a_store_stands_for_the_store(ledger: Ledger) -> None:
    found = ledger.trace(f"{LABELS}/0/c/0/0")
    assert found.roots == (f"arcp://uuid,{run_id(1)}/work/{LABELS}",)
    assert found.tree().startswith(f"{LABELS}/0/c/0/0 is part of ")


@pytest.mark.slow
def test_a_path_that_changed_since_is_said_to_have(ledger: Ledger, folder: Path) -> None:
    recorded = ledger.resolve("results/ihc/overlay.png").digest
    write(folder / "results/ihc/overlay.png", "something else")
    with pytest.raises(ChangedError) as caught:
        ledger.trace("results/ihc/overlay.png")
    assert str(caught.value) == (
        f"results/ihc/overlay.png has changed since the run {run_id(1)} of 2026-03-01T00:10:00Z recorded it: recorded "
        f"{recorded}, found {sha256('something else')}, which no run recorded. `filiation check "
        "results/ihc/overlay.png` names what differs; the lineage of what was recorded: "
        f"`filiation trace {recorded}`."
    )


@pytest.mark.slow
def test_a_deleted_file_is_still_known_by_its_path(ledger: Ledger, folder: Path) -> None:
    (folder / "results/ihc/overlay.png").unlink()
    found = ledger.trace("results/ihc/overlay.png")
    assert [action.name for action in found.actions] == ["fetch", "segment", "overlay"]
    assert found.note == (
        "results/ihc/overlay.png is not there now; this is what the run of 2026-03-01T00:10:00Z recorded."
    )


@pytest.mark.slow
def test_unknown_things_are_said_to_be(ledger: Ledger, folder: Path) -> None:
    write(folder / "unknown.txt", "never seen")
    with pytest.raises(NotFoundError, match=r"The catalogue knows neither the place of unknown\.txt nor its content"):
        ledger.trace("unknown.txt")
    with pytest.raises(NotFoundError) as caught:
        ledger.trace("overlay.png")
    assert str(caught.value) == (
        "Nothing in the catalogue is called 'overlay.png': there is no such path, digest, IRI or run. Of that name are "
        "known: results/ihc/overlay.png. `filiation runs` lists the runs, `filiation show RUN` what they used and made."
    )
    with pytest.raises(NotFoundError, match=r"Did you mean results/ihc/overlay\.png\?"):
        ledger.trace("results/ihc/ovrlay.png")
    with pytest.raises(NotFoundError, match="No thing with the digest"):
        ledger.trace("sha256:" + "0" * 64)
    with pytest.raises(BadInputError, match="at least 6 hexadecimal digits"):
        ledger.trace("sha256:00")
    with pytest.raises(BadInputError, match="Nothing was named"):
        ledger.trace(" ")
    with pytest.raises(NotFoundError, match="No run 'ffff'"):
        ledger.show("ffff")


@pytest.mark.slow
def test_the_start_of_several_names_lists_them(ledger: Ledger, folder: Path) -> None:
    nuclei_run(folder, 2, sigma=2).write(ledger.folder / "crates")
    with pytest.raises(BadInputError) as caught:
        ledger.show("0000")
    assert str(caught.value) == (f"'0000' is the start of 2 names: run {run_id(1)}, run {run_id(2)}. Write more of it.")


@pytest.mark.slow
def test_a_project_that_was_moved_still_answers(ledger: Ledger, folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "moved")
    os.chdir(tmp_path / "moved")
    moved = Ledger()
    assert len(moved.trace(LABELS).actions) == 2
    assert moved.check().is_intact
    write(Path(LABELS) / "0/c/0/0", "other labels")
    with pytest.raises(ChangedError):
        moved.trace(LABELS)


@pytest.mark.slow
def test_every_answer_is_the_same_after_a_rebuild(ledger: Ledger, folder: Path) -> None:
    for number in (2, 3):
        nuclei_run(folder, number, sigma=number).write(ledger.folder / "crates")

    def answers() -> list[str]:
        trace, impact = ledger.trace("results/ihc/overlay.png"), ledger.impact("skimage:immunohistochemistry")
        asked = [ledger.ask(question.name).to_json() for question in ledger.questions()]
        plain = [trace.to_json(), impact.to_json(), asked, [run.to_json() for run in ledger.runs()]]
        return [json.dumps(plain), trace.tree(), impact.tree(), trace.to_svg(), impact.to_svg()]

    before = answers()
    ledger.rebuild()
    assert answers() == before


def test_a_picture_of_many_draws_those_that_are_near_and_says_how_many_are_not() -> None:
    job = ActionNode(iri="x:job", crate="x:", name="split")
    things = [EntityNode(iri=f"x:{number:04}", crate="x:", path=f"{number:04}.tif") for number in range(600)]
    made = [Edge(job.iri, thing.iri, GENERATED, "x:") for thing in things[1:]]
    edges = (Edge(things[0].iri, job.iri, USED, "x:"), *made)
    lineage = Lineage("0000.tif", "descendants", (things[0].iri,), (*things, job), edges)
    svg = ElementTree.fromstring(lineage.to_svg(each=True))
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "301 more are not drawn. Choose with --only, --until or --depth; other formats have them all."
    assert sum(str(text).endswith(".tif") for text in texts) == 299
    assert "0000.tif" in texts
    assert "not drawn" not in Lineage("a", "ancestors", ("x:0000",), (things[0],), ()).to_svg()
