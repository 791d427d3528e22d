"""The part of a catalogue that somebody may see: nothing else of it can be found, counted, joined or hinted at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filiation.catalogue.selection import Selection
from filiation.errors import AccessError, BadInputError, NotFoundError
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder

HOST = "https://omero.example.org"


def run_on(
    folder: Path, number: int, image: int, group: str | None, project: str | None, reads: str = ""
) -> CrateBuilder:
    """Build a run on an image of a group, filed in a project; or on what an earlier run made."""
    run = CrateBuilder(folder, number)
    source = reads
    if not reads:
        source = f"{HOST}/Image/{image}"
        more: dict[str, object] = {"@type": ["ImageObject", "ome-xml:Image"]}
        if group is not None:
            more["inGroup"] = {"@id": f"{HOST}/ExperimenterGroup/{group}"}
            run.graph[f"{HOST}/ExperimenterGroup/{group}"] = {
                "@id": f"{HOST}/ExperimenterGroup/{group}", "@type": "Organization", "name": f"Group {group}",
            }  # fmt: skip
        if project is not None:
            dataset = f"{HOST}/Dataset/{image}"
            more["dcterms:isPartOf"] = {"@id": dataset}
            run.graph[dataset] = {
                "@id": dataset, "@type": "Collection", "name": "a dataset",
                "dcterms:isPartOf": {"@id": f"{HOST}/Project/{project}"},
            }  # fmt: skip
            run.graph[f"{HOST}/Project/{project}"] = {
                "@id": f"{HOST}/Project/{project}", "@type": "Collection", "name": f"Project {project}",
            }  # fmt: skip
        run.thing(source, **more)
    run.job(
        f"rule-of-{number}",
        (source,),
        {f"out/{number}.tif": f"labels {number}"},
        parameters={f"secret-{number}": number},
    )
    return run


def write(run: CrateBuilder, folder: Path) -> None:
    """Write a run's crate, with the terms of images' metadata."""
    from filiation.crate.image_metadata import CONTEXT

    place = run.write(folder / ".filiation" / "crates") / "ro-crate-metadata.json"
    document = json.loads(place.read_text())
    document["@context"].append(dict(CONTEXT))
    place.write_text(json.dumps(document))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a catalogue of runs of groups 1 and 2, one of what a run of group 1 made, and one of no image."""
    write(run_on(tmp_path, 1, 51, "1", "5"), tmp_path)
    write(run_on(tmp_path, 2, 52, "2", "6"), tmp_path)
    write(run_on(tmp_path, 3, 0, None, None, reads="out/1.tif"), tmp_path)
    (tmp_path / "raw.tif").write_text("pixels")
    write(run_on(tmp_path, 4, 0, None, None, reads="raw.tif"), tmp_path)
    return tmp_path


def seen(folder: Path, selection: Selection | None) -> set[int]:
    return {int(run.id[:8]) for run in Ledger(folder, selection=selection).runs()}


@pytest.mark.slow
def test_a_run_is_seen_if_all_images_that_it_descends_from_are_of_the_readers_groups_or_projects(folder: Path) -> None:
    group, project = f"{HOST}/ExperimenterGroup/2", f"{HOST}/Project/6"
    expected: dict[Selection | None, set[int]] = {
        None: {1, 2, 3, 4},
        Selection(): set(),
        Selection(groups=frozenset({"Group 1"})): {1, 3},
        Selection(groups=frozenset({group})): {2},
        Selection(containers=frozenset({"Project 5"})): {1, 3},
        Selection(containers=frozenset({project})): {2},
        Selection(containers=frozenset({"Project 5", "Project 6"})): {1, 2, 3},
        Selection(groups=frozenset({"group 1", "Group", ""})): set(),
        Selection(unassigned=True): {4},
        Selection(groups=frozenset({"Group 1"}), unassigned=True): {1, 3, 4},
    }
    for selection, runs in expected.items():
        assert seen(folder, selection) == runs, selection


@pytest.mark.slow
def test_what_is_not_seen_is_answered_as_what_is_not_there(folder: Path) -> None:
    whole = Ledger(folder)
    part = Ledger(folder, selection=Selection(groups=frozenset({"Group 1"})), on_disk=False)
    whole.annotate("out/2.tif", "note=of the other group")
    whole.annotate("out/1.tif", "note=of this group")
    assert {each.value for each in part.annotations()} == {"of this group"}
    for thing in ("out/2.tif", f"{HOST}/Image/52", whole.resolve("out/2.tif").nodes[0], "00000002"):
        with pytest.raises(NotFoundError) as refused:
            part.trace(thing)
        with pytest.raises(NotFoundError) as unknown:
            part.trace(thing.replace("2", "9"))
        assert str(refused.value).replace("2", "9") == str(unknown.value).replace("2", "9")
    assert part.find("action", "rule~rule-of").total == 2
    assert part.how_many("entity", "path~out") == 3
    assert sum(day.jobs for day in part.days()) == 2
    assert "rule-of-2" not in str(part.gaps().to_json())
    assert part.former() == ()


@pytest.mark.slow
def test_what_goes_over_everything_is_refused(folder: Path) -> None:
    part = Ledger(folder, selection=Selection(groups=frozenset({"Group 1"})))
    for ask in (
        lambda: part.sparql("SELECT * WHERE { ?s ?p ?o }"),
        lambda: part.ask("cq1"),
        part.rdf,
        part.audit,
        part.check,
        part.rebuild,
        lambda: part.forget("00000001", why="no"),
    ):
        with pytest.raises(AccessError, match="the whole catalogue"):
            ask()
    with pytest.raises((AccessError, BadInputError)):
        Ledger(folder, selection=Selection(), as_of="2026-01")


@pytest.mark.slow
def test_the_part_follows_the_whole(folder: Path) -> None:
    chosen = Selection(groups=frozenset({"Group 1"}))
    assert seen(folder, chosen) == {1, 3}
    write(run_on(folder, 5, 55, "1", "5"), folder)
    write(run_on(folder, 6, 56, "2", "5"), folder)
    assert seen(folder, chosen) == {1, 3, 5}
    # An image that was moved to another group, as the run that read it anew says, is seen no more; nor what was made.
    write(run_on(folder, 1, 51, "2", "5"), folder)
    assert seen(folder, chosen) == {5}
