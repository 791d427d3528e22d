from __future__ import annotations

import json
from pathlib import Path

from filiation.catalogue import GENERATED, PART, USED, identify
from filiation.catalogue.derive import Derived, derive
from filiation.catalogue.reading import read_triples
from filiation.catalogue.vocabulary import PROV
from tests.lineage.crates import CrateBuilder, nuclei_run

WORKFLOW_RUN = "https://w3id.org/ro/terms/workflow-run"


def derived(crate: Path) -> Derived:
    found = identify(crate)
    return derive(read_triples(found), found.iri)


def short(found: Derived) -> set[tuple[str, str, str]]:
    def name(iri: str) -> str:
        return iri.removeprefix(found.run.iri).removeprefix("work/")

    return {(name(edge.src), edge.role, name(edge.dst)) for edge in found.edges}


def foreign(folder: Path, *entities: dict[str, object], main: str | None = "workflow.cwl", **root: object) -> Path:
    """Write a crate as other engines do: profile 0.1, no statuses, no digests of ours."""
    about: dict[str, object] = {"@id": "./", "@type": "Dataset", **root}
    if main:
        about["mainEntity"] = {"@id": main}
    document = {
        "@context": ["https://w3id.org/ro/crate/1.1/context", WORKFLOW_RUN],
        "@graph": [
            {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},
            about,
            *entities,
        ],
    }
    folder.mkdir(exist_ok=True)
    (folder / "ro-crate-metadata.json").write_text(json.dumps(document))
    return folder


def action(name: str, tool: str, used: list[str], made: list[str], **more: object) -> dict[str, object]:
    return {
        "@id": name,
        "@type": "CreateAction",
        "instrument": {"@id": tool},
        "object": [{"@id": thing} for thing in used],
        "result": [{"@id": thing} for thing in made],
        **more,
    }


def test_jobs_connect_what_they_used_with_what_they_made(folder: Path, tmp_path: Path) -> None:
    found = derived(nuclei_run(folder).write(tmp_path))
    image, labels = "results/ihc/image.ome.zarr", "results/ihc/nuclei.ome.zarr"
    assert short(found) == {
        ("skimage:immunohistochemistry", USED, "#job-1-attempt-1"),
        ("#job-1-attempt-1", GENERATED, image),
        (image, USED, "#job-2-attempt-1"),
        ("#job-2-attempt-1", GENERATED, labels),
        (image, USED, "#job-3-attempt-1"),
        (labels, USED, "#job-3-attempt-1"),
        ("#job-3-attempt-1", GENERATED, "results/ihc/nuclei.parquet"),
        (image, USED, "#job-4-attempt-1"),
        (labels, USED, "#job-4-attempt-1"),
        ("#job-4-attempt-1", GENERATED, "results/ihc/overlay.png"),
    }


def test_prov_says_the_same_and_parameters_are_no_ancestors(folder: Path, tmp_path: Path) -> None:
    run = nuclei_run(folder)
    found = derived(run.write(tmp_path))
    said = {(s, p.removeprefix(PROV), str(o)) for s, p, o in found.triples if p.startswith(PROV)}
    labels, job = run.iri_of("results/ihc/nuclei.ome.zarr"), run.action_iri(2)
    assert {triple for triple in said if triple[0] == job} == {
        (job, "used", run.iri_of("results/ihc/image.ome.zarr")),
        (job, "wasAssociatedWith", "https://orcid.org/0000-0002-1825-0097"),
        (job, "startedAtTime", "2026-03-01T00:11:10Z"),
        (job, "endedAtTime", "2026-03-01T00:11:40Z"),
    }
    tree = run.graph["#work/results/ihc/nuclei.ome.zarr/"]["treeDigest"]
    assert {triple for triple in said if triple[0] == labels} == {
        (labels, "wasGeneratedBy", job),
        (labels, "wasDerivedFrom", run.iri_of("results/ihc/image.ome.zarr")),
        (labels, "specializationOf", f"urn:filiation:tree1:{tree}"),
    }


def test_what_did_not_finish_generated_nothing(folder: Path, tmp_path: Path) -> None:
    for number, status in enumerate(("failed", "interrupted", "touched"), start=1):
        run = CrateBuilder(folder, number)
        run.job("segment", (), {"x.txt": "partial"}, status=status, error="ValueError: no nuclei")
        # Some writers name what an action was to make all the same.
        run.graph[run.jobs[0]]["result"] = [{"@id": "#work/x.txt"}]
        found = derived(run.write(tmp_path))
        assert not any(edge.role == GENERATED for edge in found.edges)
        assert found.actions[0].status == status
        assert found.actions[0].error == "ValueError: no nuclei"


def test_a_file_inside_a_store_that_another_job_made_comes_out_of_it(folder: Path, tmp_path: Path) -> None:
    run = CrateBuilder(folder)
    run.job("split", (), {"d": {"1.txt": "a", "2.txt": "b"}})
    run.job("read", ("d/1.txt",), {"read.txt": "x"})
    run.job("label", ("d",), {"d/labels/n": {"zarr.json": "{}"}})
    run.job("measure", ("d/labels/n",), {"table.csv": "y"})
    assert {edge for edge in short(derived(run.write(tmp_path))) if edge[1] == PART} == {("d", PART, "d/1.txt")}


def test_a_folder_that_nobody_made_is_what_was_made_in_it(folder: Path, tmp_path: Path) -> None:
    run = CrateBuilder(folder)
    run.job("one", (), {"results/one.txt": "1"})
    run.job("all", ("results",), {"summary.txt": "x"})
    assert ("results/one.txt", PART, "results") in short(derived(run.write(tmp_path)))


def test_a_run_without_steps_is_one_action(tmp_path: Path) -> None:
    found = derived(
        foreign(
            tmp_path / "c",
            {"@id": "workflow.cwl", "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "name": "w"},
            action("#run", "workflow.cwl", ["in.txt", "#pv"], ["out.txt"]),
            {"@id": "in.txt", "@type": "File"},
            {"@id": "out.txt", "@type": "File"},
            {"@id": "#pv", "@type": "PropertyValue", "name": "threshold", "value": 3},
        )
    )
    assert short(found) == {("in.txt", USED, "#run"), ("#run", GENERATED, "out.txt")}
    assert [(p.name, p.value.value) for p in found.actions[0].parameters] == [("threshold", 3)]


def test_the_action_of_the_whole_run_connects_nothing_beside_its_steps(tmp_path: Path) -> None:
    steps = (
        action("#a", "#tool-a", ["raw.tif"], ["mid.tif"], endTime="2018-10-25T15:46:43.020168"),
        action("#b", "#tool-b", ["other.tif"], ["final.tif"]),
        action("#run", "workflow.cwl", ["raw.tif", "other.tif"], ["final.tif"]),
        {"@id": "workflow.cwl", "@type": ["File", "ComputationalWorkflow"], "hasPart": [{"@id": "#tool-a"}]},
    )
    found = derived(foreign(tmp_path / "c", *steps))
    assert short(found) == {
        ("raw.tif", USED, "#a"),
        ("#a", GENERATED, "mid.tif"),
        ("other.tif", USED, "#b"),
        ("#b", GENERATED, "final.tif"),
    }
    assert str(found.actions[0].ended) == "2018-10-25 15:46:43.020168+00:00"


def test_a_nested_workflow_gives_way_to_its_own_steps(tmp_path: Path) -> None:
    found = derived(
        foreign(
            tmp_path / "c",
            {"@id": "workflow.cwl", "@type": ["File", "ComputationalWorkflow"], "hasPart": [{"@id": "#inner"}]},
            {"@id": "#inner", "@type": ["SoftwareSourceCode", "ComputationalWorkflow"], "hasPart": [{"@id": "#t"}]},
            {"@id": "#t", "@type": "SoftwareApplication"},
            action("#outer-run", "workflow.cwl", ["a", "b"], ["c"]),
            action("#inner-run", "#inner", ["a", "b"], ["c"]),
            action("#step", "#t", ["a"], ["c"]),
        )
    )
    assert short(found) == {("a", USED, "#step"), ("#step", GENERATED, "c")}


def test_a_collection_hands_through_to_its_parts(tmp_path: Path) -> None:
    found = derived(
        foreign(
            tmp_path / "c",
            action("#s", "#t", ["#images"], ["#made"]),
            {
                "@id": "#images",
                "@type": "Collection",
                "hasPart": [{"@id": "a.tif"}, {"@id": "b.tif"}, {"@id": "#images"}],
            },
            {"@id": "#made", "@type": "http://pcdm.org/models#Collection", "mainEntity": {"@id": "c.tif"}},
            main=None,
        )
    )
    assert short(found) == {
        ("#images", USED, "#s"),
        ("a.tif", USED, "#s"),
        ("b.tif", USED, "#s"),
        ("#s", GENERATED, "#made"),
        ("#s", GENERATED, "c.tif"),
    }


def test_https_terms_and_missing_things_are_read(tmp_path: Path) -> None:
    crate = foreign(tmp_path / "c", main=None)
    document = {
        "@context": {"@vocab": "https://schema.org/"},
        "@graph": [
            {"@id": "./", "@type": "Dataset"},
            {
                "@id": "#s",
                "@type": "CreateAction",
                "object": {"@id": "https://omero.example.org/Image/51"},
                "result": [{"@id": "out.txt"}, "no reference"],
                "actionStatus": "https://schema.org/CompletedActionStatus",
                "startTime": "yesterday",
            },
        ],
    }
    (crate / "ro-crate-metadata.json").write_text(json.dumps(document))
    found = derived(crate)
    assert short(found) == {("https://omero.example.org/Image/51", USED, "#s"), ("#s", GENERATED, "out.txt")}
    assert found.actions[0].started is None
    assert found.run.status == "finished"


def test_an_absent_status_counts_as_success_and_a_failed_one_as_failed(tmp_path: Path) -> None:
    failed = {"actionStatus": {"@id": "http://schema.org/FailedActionStatus"}}
    crate = foreign(
        tmp_path / "c", action("#a", "#t", ["in"], ["out"]), action("#b", "#t", ["in"], ["no"], **failed), main=None
    )
    found = derived(crate)
    assert [a.status for a in found.actions] == ["finished", "failed"]
    assert {edge[2] for edge in short(found) if edge[1] == GENERATED} == {"out"}
