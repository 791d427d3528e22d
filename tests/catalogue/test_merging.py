"""Two sites' catalogues as one: what is the same joins, what is not does not, and what is private is nowhere."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.catalogue import GENERATED, USED, Catalogue, CatalogueFolder
from filiation.catalogue.annotations import note
from filiation.catalogue.crate_on_disk import open_crate
from filiation.catalogue.derive import derive
from filiation.catalogue.merging import merge
from filiation.catalogue.policy import ImagePattern, Policy
from filiation.catalogue.private import texts_of
from filiation.catalogue.reading import read_triples
from filiation.catalogue.withheld import check_written, withhold, write
from filiation.crate.registration import Known, Registration, Writing, write_registration
from filiation.errors import BadInputError, FiliationError
from filiation.lineage import Ledger
from filiation.model import Agent, Machine, Software
from tests.lineage.crates import CrateBuilder, run_id

IMAGE = "https://omero.example.org/Image/51"


def site(place: Path) -> CatalogueFolder:
    return CatalogueFolder.create(place / ".filiation")


def merged(here: Path, *others: CatalogueFolder, policy: Policy | None = None) -> Ledger:
    catalogue = Catalogue(CatalogueFolder.create(here), wait=5)
    for other in others:
        report = merge(catalogue, other, policy)
        assert report.problems == ()
    return Ledger(here)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder of the same path at both sites."""
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.mark.slow
def test_the_same_path_at_two_sites_is_the_same_thing_only_if_its_bytes_are(tmp_path: Path, project: Path) -> None:
    ours, theirs = site(tmp_path / "a"), site(tmp_path / "b")
    first = CrateBuilder(project, 1)
    first.job("segment", (IMAGE,), {"labels.tif": "ours", "shared.tif": "both", "done": ""})
    first.write(ours.crates)
    second = CrateBuilder(project, 2)
    (project / "labels.tif").write_text("theirs")
    second.job("measure", ("labels.tif", "shared.tif", "done", IMAGE), {"table.csv": "numbers"})
    second.write(theirs.crates)
    ledger = merged(tmp_path / "merged", ours, theirs)

    above = {entity.iri for entity in ledger.trace(second.iri_of("table.csv")).entities}
    assert {first.iri_of("shared.tif"), second.iri_of("labels.tif"), IMAGE} <= above
    assert first.iri_of("labels.tif") not in above, "same path, other bytes"
    assert first.iri_of("done") not in above, "an empty file is the same only at the same place of the same site"
    below = {entity.iri for entity in ledger.impact(IMAGE).entities}
    assert {first.iri_of("labels.tif"), second.iri_of("table.csv")} <= below, "one image of one server"
    assert not ledger.stale(disk=False).found, "what the other site has at the path is no change of ours"
    places = {entity.place for entity in ledger.trace(first.iri_of("done")).entities if entity.path != IMAGE}
    assert places == {f"//site-{ledger.show(first.id).summary.folder[7:15]}{project}/done"}


@pytest.mark.slow
def test_the_same_run_is_there_once_and_another_record_of_it_is_kept_beside(tmp_path: Path, project: Path) -> None:
    ours, theirs = site(tmp_path / "a"), site(tmp_path / "b")
    run = CrateBuilder(project, 1)
    run.job("segment", (IMAGE,), {"labels.tif": "x"})
    run.write(ours.crates)
    run.write(theirs.crates)
    CrateBuilder(project, 2).write(theirs.crates)
    note(theirs, "labels.tif", [run.iri_of("labels.tif")], None, [("quality", "good")], by="Ada", by_id=None, why=None)
    catalogue = Catalogue(ours, wait=5)
    dry = merge(catalogue, theirs, dry=True)
    assert [crate.outcome for crate in dry.crates] == ["same", "new"]
    assert [path.name for path in ours.list_crates()] == [run.id], "nothing was written"
    assert not (ours.root / "annotations").exists()
    assert merge(catalogue, theirs).annotations == {"new": 1}
    again = merge(catalogue, theirs)
    assert ([crate.outcome for crate in again.crates], again.annotations) == (["same", "same"], {"same": 1})

    run.graph["#job-1-attempt-1"]["host"] = "node8"
    other = run.write(theirs.crates)
    before = (ours.crates / run.id / "ro-crate-metadata.json").read_bytes()
    found = [crate for crate in merge(catalogue, theirs).crates if crate.outcome == "differs"]
    assert [crate.run for crate in found] == [run.id]
    assert (ours.crates / run.id / "ro-crate-metadata.json").read_bytes() == before
    kept = found[0].folder / "ro-crate-metadata.json"
    assert kept.read_bytes() == (other / "ro-crate-metadata.json").read_bytes()
    assert merge(catalogue, theirs).crates == merge(catalogue, theirs, dry=True).crates, "kept once"
    with pytest.raises(BadInputError, match="is the catalogue itself"):
        merge(catalogue, ours)


@pytest.mark.slow
def test_a_crate_that_cannot_be_read_is_named_and_the_others_are_merged(tmp_path: Path, project: Path) -> None:
    theirs = site(tmp_path / "b")
    run = CrateBuilder(project, 1)
    run.job("segment", (IMAGE,), {"labels.tif": "x"})
    run.write(theirs.crates)
    (theirs.crates / "broken").mkdir()
    (theirs.crates / "broken" / "ro-crate-metadata.json").write_text("{")
    report = merge(Catalogue(CatalogueFolder.create(tmp_path / "m"), wait=5), theirs)
    assert [crate.outcome for crate in report.crates] == ["new"]
    assert len(report.problems) == 1
    assert report.problems[0].startswith("broken: ")


PRIVATE = Policy(
    rules=("train_secret",),
    parameters=("patient",),
    people=("Josiah Carberry",),
    paths=("data/patients/*",),
    commands=("*--token*",),
    annotations=("diagnosis",),
    texts=("Projekt Falke",),
    images=(ImagePattern("omero.example.org", "Patients"),),
)
SECRETS = (
    "train_secret", "Müller, Anna", "M%C3%BCller", "Josiah", "0000-0002-1825-0097", "data/patients", "raw one.tif",
    "--token", "Falke", "Image/51", "clinic-51.czi", "carcinoma",
)  # fmt: skip


def secret_site(place: Path, project: Path) -> tuple[CatalogueFolder, CrateBuilder]:
    """Write a catalogue with something of every kind that a policy names, in every place where it could stand."""
    found = site(place)
    run = CrateBuilder(project, 1)
    run.job("fetch", (IMAGE,), {"data/patients/raw one.tif": "pixels", "public.tif": "p"},
            parameters={"patient": {"value": "Müller, Anna", "usedValue": json.dumps("Müller, Anna")}})  # fmt: skip
    run.job("train_secret", ("public.tif",), {"model.bin": "weights"}, command="train_secret --all")
    run.job("segment", ("data/patients/raw one.tif", "model.bin"), {"labels.tif": "x"}, parameters={"sigma": 2},
            inputSlots=json.dumps([["image", "data/patients/raw one.tif"]]))  # fmt: skip
    run.job("measure", ("labels.tif",), {"table.csv": "1"}, description="measure --token 12 Projekt Falke",
            parameters={"config": {"value": json.dumps({"patient": "Müller, Anna"})}})  # fmt: skip
    run.graph[IMAGE] |= {"name": "clinic-51.czi", "inGroup": {"@id": "https://omero.example.org/Group/3"}}
    run.graph["https://omero.example.org/Group/3"] = {
        "@id": "https://omero.example.org/Group/3", "@type": "Organization", "name": "Patients",
    }  # fmt: skip
    crate = run.write(found.crates)
    (crate / "work" / "train.py").write_text("def train_secret(): ...\n")
    (crate / "work" / "segment.py").write_text("# public\n")
    (crate / "journal.jsonl").write_text("data/patients/raw one.tif\n")
    (crate / "steps").mkdir()
    (crate / "steps" / "1.json").write_text(json.dumps({"patient": "Müller, Anna"}))
    (crate / "work" / "model.bin").write_bytes(b"\x00\xffMueller")
    for key, value, path in (
        ("quality", "of Projekt Falke", "labels.tif"),
        ("diagnosis", "carcinoma", "labels.tif"),
        ("seen", True, "data/patients/raw one.tif"),
    ):
        note(found, path, [run.iri_of(path)], None, [(key, value)], by="Josiah Carberry", by_id=None, why=None)
    return found, run


@pytest.mark.slow
def test_what_is_private_stands_nowhere_and_the_walk_goes_on_over_it(tmp_path: Path, project: Path) -> None:
    other, run = secret_site(tmp_path / "other", project)
    here = CatalogueFolder.create(tmp_path / "merged")
    catalogue = Catalogue(here, wait=5)
    report = merge(catalogue, other, PRIVATE)
    assert report.problems == ()
    (crate,) = report.crates
    assert crate.outcome == "new"
    assert crate.withheld == {
        "command": 1, "file": 4, "image": 1, "parameter": 2, "path": 1, "person": 1, "rule": 2,
    }  # fmt: skip
    assert report.annotations == {"new": 2, "withheld": 1}
    assert merge(catalogue, other, PRIVATE).count("same") == 1

    ledger = Ledger(here.root)
    iri = f"arcp://uuid,{crate.id}/"
    ledger.ask("labels")  # whatever answers leave behind is looked through too
    shown = json.dumps([ledger.trace(f"{iri}work/table.csv").to_json(), ledger.show(crate.id[:8]).to_json()])
    quads = repr(Catalogue(here).quads())
    for path in (path for path in here.root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in content, (secret, path)
            assert json.dumps(secret)[1:-1].encode() not in content, (secret, path)
            assert secret not in str(path)
    assert not [secret for secret in SECRETS if secret in shown or secret in quads]
    assert sorted(path.name for path in (here.crates / crate.id).rglob("*.*")) == [
        "ro-crate-metadata.json",
        "segment.py",
    ]

    lineage = ledger.trace(f"{iri}work/table.csv")
    whole = Ledger(other.root).trace(run.iri_of("table.csv"))
    assert [len(lineage.entities), len(lineage.actions)] == [len(whole.entities), len(whole.actions)]
    assert sorted(edge.role for edge in lineage.edges) == sorted(edge.role for edge in whole.edges)
    assert {entity.path for entity in lineage.entities if entity.digest is None} == {"#withheld-2", "#withheld-4"}
    about = {
        str(p).rpartition("#")[2]: str(o)
        for s, p, o, _ in Catalogue(here).quads()
        if s == iri and ("prov#" in p or "filiation#withheld" in p)
    }
    assert about["wasDerivedFrom"] == run.iri
    assert about["withheldFrom"] == open_crate(other.crates / run.id)[0].metadata_digest.iri
    assert json.loads(about["withheld"]) == crate.withheld
    assert ledger.find("entity", "annotation.quality").rows


@pytest.mark.slow
def test_of_a_private_run_nothing_but_its_shape_is_told_and_public_runs_still_join_it(
    tmp_path: Path, project: Path
) -> None:
    other, first = secret_site(tmp_path / "other", project)
    second = CrateBuilder(project, 2)
    second.job("plot", ("table.csv",), {"plot.png": "picture"})
    second.write(other.crates)
    policy = Policy(runs=(first.id[:8],), digests="keep")
    ledger = merged(tmp_path / "merged", other, policy=policy)
    lineage = ledger.trace(second.iri_of("plot.png"))
    assert len(lineage.actions) == 5
    assert {action.name for action in lineage.actions} == {"plot", "withheld"}
    (derived,) = (run for run in ledger.runs() if run.id != second.id)
    told = (tmp_path / "merged" / "crates" / derived.id / "ro-crate-metadata.json").read_text("utf-8")
    for word in ("labels.tif", "segment", "sigma", "2026-03-01", "node7", str(project), *SECRETS):
        assert word not in told, word


@pytest.mark.slow
def test_digests_are_dropped_from_whatever_has_the_same_bytes(tmp_path: Path, project: Path) -> None:
    other = site(tmp_path / "other")
    run = CrateBuilder(project, 1)
    run.job("copy", (), {"data/patients/x.tif": "pixels", "copy.tif": "pixels"})
    run.write(other.crates)
    ledger = merged(tmp_path / "merged", other, policy=PRIVATE)
    assert all(entity.digest is None for entity in ledger.show(ledger.runs()[0].id).entities)


OTHER_IMAGE = "https://omero.example.org/Image/52"


@pytest.mark.parametrize(
    ("pattern", "told", "withheld"),
    [
        (ImagePattern(container="Clinic"), True, [IMAGE]),
        (ImagePattern("omero.example.org", container="https://omero.example.org/Dataset/3"), True, [IMAGE]),
        (ImagePattern("omero.example.org", group="Pat*", container="Clin*"), True, [IMAGE]),
        (ImagePattern("omero.example.org", group="Others"), True, []),
        (ImagePattern("idr.example.org", group="Patients"), False, []),
        (ImagePattern(group="Patients"), False, [IMAGE, OTHER_IMAGE]),  # nobody tells, so they may be
        (ImagePattern(container="Clinic"), False, [IMAGE, OTHER_IMAGE]),
    ],
)
def test_images_of_a_group_or_project_are_withheld_and_those_of_which_neither_is_told(
    tmp_path: Path, project: Path, pattern: ImagePattern, told: bool, withheld: list[str]
) -> None:
    run = CrateBuilder(project, 1)
    run.job("segment", (IMAGE, OTHER_IMAGE, "synthetic:nuclei"), {"labels.tif": "x"}, command=f"segment {IMAGE}")
    of = "https://omero.example.org/"
    if told:
        run.graph[IMAGE] |= {"inGroup": {"@id": f"{of}Group/3"}, "dcterms:isPartOf": {"@id": f"{of}Dataset/3"}}
        run.graph[OTHER_IMAGE] |= {"inGroup": {"@id": f"{of}Group/4"}, "ownedBy": {"@id": f"{of}Experimenter/1"}}
        filed = {"dcterms:isPartOf": {"@id": f"{of}Project/1"}}
        for at, name, inside in (("Group/3", "Patients", {}), ("Group/4", "Cells", {}),
                                 ("Dataset/3", "2026", filed), ("Project/1", "Clinic", {})):  # fmt: skip
            run.graph[of + at] = {"@id": of + at, "@type": "Collection", "name": name, **inside}
    crate, document = open_crate(run.write(project / "crates"))
    policy = Policy(images=(pattern,))
    made = withhold(crate, document, policy, texts_of(policy))
    if not withheld:
        assert made is None
        return
    assert made is not None
    text = json.dumps(made.document)
    assert [iri for iri in (IMAGE, OTHER_IMAGE) if iri not in text] == withheld
    assert made.kinds["image"] == len(withheld)
    assert "synthetic:nuclei" in text
    assert "Clinic" not in text
    assert ("Cells" in text) == (OTHER_IMAGE in text and told)


def test_what_was_written_to_a_private_image_is_withheld_with_it(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    labels = Known("arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/work/labels.tif", "labels.tif", "file")
    note = Known("https://omero.example.org/MapAnnotation/9", "key-value pairs", "MapAnnotation")
    registration = Registration(
        id=run_id(7), run="7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10", host="omero.example.org", agent=Agent("Ada"),
        machine=Machine("host"), software=Software("filiation", "0.1"), user="ada", started=at, ended=at,
        writings=(Writing(Known(IMAGE, "clinic-51.czi", "raw image"), (labels,), (note,), at, at),),
    )  # fmt: skip
    write_registration(registration, tmp_path / "crate")
    crate, document = open_crate(tmp_path / "crate")
    policy = Policy(images=(ImagePattern("omero.example.org", "Patients"),))
    made = withhold(crate, document, policy, texts_of(policy))
    assert made is not None
    text = json.dumps(made.document)
    assert not [each for each in ("Image/51", "Image:51", "Image-51", "clinic-51", "MapAnnotation/9") if each in text]
    assert labels.iri in text


RULES = st.sampled_from(["train_secret", "segment", "measure"])
PATHS = st.sampled_from(["data/patients/a b.tif", "data/patients/ü.tif", "out/x.tif", "out/y.tif", "z.tif"])
JOBS = st.lists(
    st.tuples(RULES, st.lists(PATHS, max_size=2), PATHS, st.sampled_from(["Müller, Anna", 5, "public"])),
    min_size=1,
    max_size=4,
)
POLICIES = st.builds(
    Policy,
    rules=st.sampled_from([(), ("train_secret",)]),
    parameters=st.sampled_from([(), ("patient",)]),
    paths=st.sampled_from([(), ("data/patients/*",)]),
    texts=st.sampled_from([(), ("ü.tif",)]),
    people=st.sampled_from([(), ("0000-0002-1825-0097",)]),
    digests=st.sampled_from(["keep", "drop"]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(jobs=JOBS, policy=POLICIES)
def test_whatever_is_withheld_the_lineage_keeps_its_shape(
    tmp_path: Path, jobs: list[tuple[str, list[str], str, object]], policy: Policy
) -> None:
    project = tmp_path / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    run = CrateBuilder(project, 1)
    for number, (rule, used, made, patient) in enumerate(jobs):
        inputs = tuple(path for path in dict.fromkeys(used) if (project / path).exists() and path != made)
        run.job(rule, inputs, {made: f"content {number}"}, parameters={"patient": patient, "sigma": 1})
    crate, document = open_crate(run.write(project / "crates"))
    made = withhold(crate, document, policy, texts_of(policy))
    if made is None:
        return
    folder = project / "written"
    folder.mkdir()
    write(made, crate, folder)
    check_written(folder, texts_of(policy) | made.texts)
    written, told = open_crate(folder)
    before, after = (derive(read_triples(one), one.iri) for one in (crate, written))
    shapes = [sorted(edge.role for edge in found.edges if edge.role in (USED, GENERATED)) for found in (before, after)]
    assert shapes[0] == shapes[1]
    assert len(before.entities) == len(after.entities)
    assert len(before.actions) == len(after.actions)
    assert told["@graph"]


def test_a_crate_in_which_something_private_is_left_is_not_merged(tmp_path: Path) -> None:
    (tmp_path / "ro-crate-metadata.json").write_text('{"name": "Projekt Falke"}')
    with pytest.raises(FiliationError, match="Something private would still stand in the file "):
        check_written(tmp_path, texts_of(PRIVATE))
