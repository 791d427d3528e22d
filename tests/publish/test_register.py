"""Results written back to OMERO, read again by others' code, and taken away without a trace but the record."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("omero.gateway", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)

import filiation  # noqa: E402
from filiation.crate.validation import validate  # noqa: E402
from tests.lineage.crates import CrateBuilder  # noqa: E402
from tests.omero_server.accounts import PRIVATE, READ_ANNOTATE, READ_ONLY  # noqa: E402
from tests.processes import watched_command_lines  # noqa: E402
from tests.publish.conftest import TABLE, Call, Recorded, segmented  # noqa: E402

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

KINDS = ("MapAnnotation", "FileAnnotation", "OriginalFile", "ImageAnnotationLink", "DatasetAnnotationLink")


def on_the_server(server: OmeroServer) -> set[str]:
    """Return every object that registering may make."""
    return {f"{kind}:{row.id}" for kind in KINDS for row in server.store.rows(kind)}


def outcomes(call: Call, *arguments: str) -> list[str]:
    done = call("omero", "register", *arguments, "--json")
    assert done.exit_code == 0, done.output
    (report,) = json.loads(done.stdout)
    return [piece["outcome"] for piece in report["pieces"]]


def pairs_of(gateway: Any, image: Any) -> dict[str, str]:
    (number,) = ezomero.get_map_annotation_ids(gateway, "Image", image.id, ns="filiation/run")
    found: dict[str, str] = ezomero.get_map_annotation(gateway, number)
    return found


def table_of(gateway: Any, file: int) -> list[list[Any]]:
    """Return a table's header and rows; ezomero gives a data frame where pandas is installed."""
    found = ezomero.get_table(gateway, file)
    if isinstance(found, list):
        return found
    return [list(found.columns), *(list(row) for row in found.itertuples(index=False))]


@pytest.mark.slow
def test_ezomero_reads_the_pairs_the_table_and_the_crate(recorded: Recorded, call: Call, gateway: Any, tmp_path: Path):
    done = call("omero", "register", recorded.run.id[:8])

    assert done.exit_code == 0, done.output
    for image in recorded.images:
        pairs = pairs_of(gateway, image)
        assert (
            pairs
            | {
                "run": recorded.run.id,
                "crate": recorded.run.iri,
                "workflow": "Snakefile",
                "image": f"https://127.0.0.1/Image/{image.id}",
                "image digest": f"pixels1:{image.id:064x}",
                "label image": f"results/{image.id}/nuclei.ome.zarr",
                "label image address": str(tmp_path / f"results/{image.id}/nuclei.ome.zarr"),
                "label image made by": "segment",
                "label image made with": "scikit-image 0.26.0",
                "segment: sigma": "1.5",
                "table": f"results/{image.id}/measurements.parquet",
            }
            == pairs
        )
        assert pairs["label image digest"].startswith("tree1:")
        (file,) = ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/measurements")
        header, *rows = table_of(gateway, file)
        assert header == [*TABLE, "image"]
        assert rows[:2] == [[1, 10.5, "a", image.id], [2, 20.0, "", image.id]]
        assert math.isnan(rows[2][1])
    (file,) = ezomero.get_file_annotation_ids(gateway, "Dataset", recorded.dataset.id, ns="filiation/ro-crate")
    (tmp_path / "there").mkdir()
    kept = Path(ezomero.get_file_annotation(gateway, file, str(tmp_path / "there")))
    crate = tmp_path / ".filiation/crates" / recorded.run.id / "ro-crate-metadata.json"
    assert kept.read_bytes() == crate.read_bytes()


@pytest.mark.slow
def test_a_second_time_nothing_changes_and_it_is_said(recorded: Recorded, call: Call, signed_in: OmeroServer):
    call("omero", "register", recorded.run.id[:8])
    before, records = on_the_server(signed_in), len(filiation.open(recorded.folder).runs())

    done = call("omero", "register", recorded.run.id[:8])

    assert "pairs: there already (MapAnnotation:1)" in done.stdout
    assert done.stdout.splitlines()[-1] == "  Nothing to do."
    assert on_the_server(signed_in) == before
    assert len(filiation.open(recorded.folder).runs()) == records


@pytest.mark.slow
def test_a_dry_run_tells_and_writes_nothing(recorded: Recorded, call: Call, signed_in: OmeroServer):
    done = call("omero", "register", recorded.run.id[:8], "--dry-run")

    assert done.stdout.splitlines() == [
        "Run 00000001 on 127.0.0.1",
        "  Image:1 cells",
        "    pairs: would be written",
        "    table results/1/measurements.parquet: would be written",
        "  Image:2 more cells",
        "    pairs: would be written",
        "    table results/2/measurements.parquet: would be written",
        "  Dataset:1 day 1",
        "    crate: would be written",
    ]
    assert on_the_server(signed_in) == set()
    assert len(filiation.open(recorded.folder).runs()) == 1


@pytest.mark.slow
def test_undo_removes_what_was_written_and_nothing_else(recorded: Recorded, call: Call, signed_in: OmeroServer):
    planting = signed_in.plant("ada")
    image = recorded.images[0]
    planting.pairs(image, {"run": recorded.run.id}, "somebody/else")
    planting.pairs(image, {"run": recorded.run.id}, "filiation/run")  # by another catalogue
    planting.comment(image, "look at this")
    before = on_the_server(signed_in) | {f"Comment:{row.id}" for row in signed_in.store.rows("CommentAnnotation")}
    call("omero", "register", recorded.run.id[:8])

    done = call("omero", "register", recorded.run.id[:8], "--undo")

    assert done.exit_code == 0, done.output
    after = on_the_server(signed_in) | {f"Comment:{row.id}" for row in signed_in.store.rows("CommentAnnotation")}
    assert after == before
    again = call("omero", "register", recorded.run.id[:8], "--undo")
    assert again.exit_code == 0
    assert "Nothing of run 00000001 is on a server, as far as this catalogue knows." in again.stderr


@pytest.mark.slow
def test_what_somebody_removed_by_hand_is_no_obstacle(recorded: Recorded, call: Call, gateway: Any):
    call("omero", "register", recorded.run.id[:8])
    gateway.deleteObjects("Annotation", [1], wait=True)

    done = call("omero", "register", recorded.run.id[:8], "--undo")

    assert "was gone already: MapAnnotation:1" in done.stdout
    assert outcomes(call, recorded.run.id[:8]) == ["written"] * 5


@pytest.mark.slow
def test_writing_back_is_an_action_with_the_ids_that_it_made(recorded: Recorded, call: Call):
    call("omero", "register", recorded.run.id[:8])

    ledger = filiation.open(recorded.folder)
    first, second = (f"https://127.0.0.1/MapAnnotation/{number}" for number in (1, 3))
    labels = recorded.run.iri_of("results/1/nuclei.ome.zarr")
    impact = {node.iri for node in ledger.impact("https://127.0.0.1/Image/1").nodes}
    assert {first, "https://127.0.0.1/FileAnnotation/2"} <= impact
    assert second not in impact
    trace = ledger.trace(first)
    assert {labels, "https://127.0.0.1/Image/1"} <= {node.iri for node in trace.nodes}
    assert "https://127.0.0.1/Image/2" not in {node.iri for node in trace.nodes}
    assert "\nRegistration of run 00000001 on 127.0.0.1: Image:1 by " in ledger.trace(labels).tree()
    found = ledger.show(recorded.run.id).registrations
    assert [thing.iri for thing in found[0].there] == ["https://127.0.0.1/FileAnnotation/2", first]
    assert "  Registration of run 00000001 on 127.0.0.1: Image:1 by " in call("show", recorded.run.id[:8]).stdout
    (crate,) = {action.crate for each in found for action in [each.action]}
    folder = recorded.folder / ".filiation/crates" / crate.removeprefix("arcp://uuid,").rstrip("/")
    assert validate(folder, profile="process-run-crate-0.5").valid
    answer = ledger.sparql(
        "SELECT ?thing WHERE { ?action <http://schema.org/result> ?thing ; "
        "<http://schema.org/about> <https://127.0.0.1/Image/1> . ?thing "
        "<http://schema.org/additionalType> <http://www.openmicroscopy.org/Schemas/OME/2016-06#MapAnnotation> }"
    )
    assert answer.as_text() == ((first,),)


@pytest.mark.slow
def test_undo_is_recorded(recorded: Recorded, call: Call):
    call("omero", "register", recorded.run.id[:8])
    call("omero", "register", recorded.run.id[:8], "--undo")

    ledger = filiation.open(recorded.folder)
    assert all(not each.there and each.objects for each in ledger.show(recorded.run.id).registrations)
    after = [action.name for action in ledger.impact("https://127.0.0.1/MapAnnotation/1").actions]
    assert after == ["Removal of what run 00000001 had on 127.0.0.1"]
    assert "2 removed since" in call("show", recorded.run.id[:8]).stdout


@pytest.mark.slow
def test_what_differs_is_told_and_renewed_on_request(
    recorded: Recorded, call: Call, gateway: Any, monkeypatch: pytest.MonkeyPatch
):
    call("omero", "register", recorded.run.id[:8])
    monkeypatch.setenv("FILIATION_WEB", "https://lineage.example.org/")

    told = call("omero", "register", recorded.run.id[:8])
    assert "pairs: there, and different (MapAnnotation:1)" in told.stdout
    assert "What differs stays as it is; --replace renews it." in told.stdout
    assert "page" not in pairs_of(gateway, recorded.images[0])

    renewed = outcomes(call, recorded.run.id[:8], "--replace")
    assert renewed == ["renewed"] * 5
    page = f"https://lineage.example.org/runs/{recorded.run.id}"
    assert pairs_of(gateway, recorded.images[0])["page"] == page
    assert outcomes(call, recorded.run.id[:8]) == ["there already"] * 5
    found = filiation.open(recorded.folder).show(recorded.run.id).registrations
    assert [len(each.there) for each in found] == [0, 0, 0, 2, 2, 1]


@pytest.mark.slow
def test_values_too_long_for_the_index_go_into_a_file(
    signed_in: OmeroServer, call: Call, gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    image = signed_in.plant("ada").image(np.zeros((4, 4), "u1"), "cells")
    script = "é" * 2000
    segmented(tmp_path, [image], script={"value": script}).write(tmp_path / ".filiation/crates")
    monkeypatch.chdir(tmp_path)

    done = call("omero", "register", "00000001")

    assert done.exit_code == 0, done.output
    assert pairs_of(gateway, image)["segment: script"] == "too long for a pair: in the file values.json"
    (file,) = ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/run")
    (tmp_path / "there").mkdir()
    kept = Path(ezomero.get_file_annotation(gateway, file, str(tmp_path / "there")))
    assert json.loads(kept.read_text()) == {"segment: script": script}
    # The image is in no dataset: the crate stands on itself.
    assert len(ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/ro-crate")) == 1
    assert set(outcomes(call, "00000001")) == {"there already"}


@pytest.mark.slow
@pytest.mark.parametrize(("permissions", "meaning"), [(READ_ONLY, "read-only"), (PRIVATE, "")])
def test_nothing_is_written_where_it_is_not_allowed_and_the_message_says_why(
    permissions: str, meaning: str, recorded: Recorded, call: Call, signed_in: OmeroServer,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    signed_in.add_user("bob", "bob-password")
    signed_in.set_permissions("lab", permissions)
    monkeypatch.setenv("OMERO_USER", "bob")
    monkeypatch.setenv("OMERO_PASSWORD", "bob-password")

    done = call("omero", "register", recorded.run.id[:8])

    assert on_the_server(signed_in) == set()
    if permissions == PRIVATE:
        assert done.exit_code == 3
        assert "has no Image:1, Image:2, or the user 'bob' may not see it" in done.stderr
        return
    assert done.exit_code == 11
    assert "Nothing was written to 127.0.0.1" in done.stderr
    assert (
        "Image:1 'cells' belongs to 'ada', in the group 'lab' (rwr---, read-only: members see each other's data "
        "and cannot annotate it); 'bob' may not annotate it" in done.stderr
    )
    assert (
        "Ask the owner to register the run, or an administrator of the server to make the group read-annotate"
        in done.stderr
    )


@pytest.mark.slow
def test_others_may_write_in_a_read_annotate_group_and_only_they_or_its_leader_undo(
    recorded: Recorded, call: Call, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    from filiation.images.omero.connection import close_all

    signed_in.add_group("there", READ_ANNOTATE)
    signed_in.add_user("bob", "bob-password", ("there", "lab"))  # whose own group is another
    monkeypatch.setenv("OMERO_USER", "bob")
    monkeypatch.setenv("OMERO_PASSWORD", "bob-password")
    assert outcomes(call, recorded.run.id[:8]) == ["written"] * 5
    lab = signed_in.group_number("lab")
    assert {signed_in.store.standing(row)[1] for kind in KINDS for row in signed_in.store.rows(kind)} == {lab}
    before = on_the_server(signed_in)

    signed_in.add_user("eve", "eve-password")
    monkeypatch.setenv("OMERO_USER", "eve")
    monkeypatch.setenv("OMERO_PASSWORD", "eve-password")
    close_all()
    refused = call("omero", "register", recorded.run.id[:8], "--undo")

    assert refused.exit_code == 11
    assert "did not let 'eve' remove Annotation" in refused.stderr
    assert on_the_server(signed_in) == before


@pytest.mark.slow
def test_what_another_user_wrote_and_one_cannot_see_is_not_taken_for_gone(
    recorded: Recorded, call: Call, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    from filiation.images.omero.connection import close_all

    call("omero", "register", recorded.run.id[:8])
    before = on_the_server(signed_in)
    signed_in.add_group("elsewhere", PRIVATE)
    signed_in.add_user("eve", "eve-password", ("elsewhere",))
    with monkeypatch.context() as as_eve:
        as_eve.setenv("OMERO_USER", "eve")
        as_eve.setenv("OMERO_PASSWORD", "eve-password")
        close_all()
        refused = call("omero", "register", recorded.run.id[:8], "--undo")
    close_all()

    assert refused.exit_code == 11, refused.output
    assert "What 'ada' wrote to Dataset:1 of run 00000001 cannot be seen by 'eve'" in refused.stderr
    assert on_the_server(signed_in) == before
    assert call("omero", "register", recorded.run.id[:8], "--undo").exit_code == 0
    assert not on_the_server(signed_in)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--replace",), ("--undo", "--server", "127.0.0.1")])
def test_another_server_under_the_name_is_not_touched(
    arguments: tuple[str, ...], recorded: Recorded, call: Call, signed_in: OmeroServer
):
    database = "urn:uuid:5f0b8a52-0000-4000-8000-000000000001"
    for image in recorded.images:
        facts = {"isPartOf": {"@id": database}, "originalFileCount": 0}
        recorded.run.graph[f"https://127.0.0.1/Image/{image.id}"] |= facts
    recorded.run.graph[database] = {"@id": database, "@type": "DataCatalog"}
    recorded.run.write(recorded.folder / ".filiation" / "crates")

    refused = call("omero", "register", recorded.run.id[:8], *arguments)

    assert refused.exit_code == filiation.errors.ChangedError.exit_code, refused.output
    assert "Another OMERO server answers under the name 127.0.0.1" in refused.stderr
    assert "recorded is 5f0b8a52-0000-4000-8000-000000000001" in refused.stderr
    assert not on_the_server(signed_in)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 4, 10, 14])
def test_a_connection_lost_on_the_way_leaves_what_a_second_call_completes_and_undo_removes(
    write: int, when: str, recorded: Recorded, call: Call, signed_in: OmeroServer
):
    place = "drop_connection_at_write" if when == "before" else "drop_connection_after_write"
    setattr(signed_in.faults, place, write)
    broken = call("omero", "register", recorded.run.id[:8])
    signed_in.faults.clear()

    assert broken.exit_code == 12, broken.output
    assert "Repeat the command: it looks first, and does only what is missing." in broken.stderr

    done = call("omero", "register", recorded.run.id[:8])
    assert done.exit_code == 0, done.output
    assert {kind: sum(1 for _ in signed_in.store.rows(kind)) for kind in KINDS} == {
        "MapAnnotation": 2, "FileAnnotation": 3, "OriginalFile": 3, "ImageAnnotationLink": 4,
        "DatasetAnnotationLink": 1,
    }  # fmt: skip
    assert outcomes(call, recorded.run.id[:8]) == ["there already"] * 5

    assert call("omero", "register", recorded.run.id[:8], "--undo").exit_code == 0
    assert on_the_server(signed_in) == set()


@pytest.mark.slow
def test_label_images_have_an_address_where_the_folder_is_served(recorded: Recorded, call: Call, gateway: Any):
    run = recorded.run.id[:8]
    wrong = call("omero", "register", run, "--labels-url", "data.example.org")
    assert wrong.exit_code == 2
    assert "'data.example.org' is no address of a folder: it begins with https://, http:// or s3://." in wrong.stderr

    served = ("--labels-url", "https://data.example.org/study/")
    assert call("omero", "register", run, *served).exit_code == 0

    for image in recorded.images:
        place = f"https://data.example.org/study/results/{image.id}/nuclei.ome.zarr"
        assert pairs_of(gateway, image)["label image URL"] == place
    assert set(outcomes(call, run, *served)) == {"there already"}


@pytest.mark.slow
def test_no_process_is_given_a_password_and_nothing_written_holds_one(
    recorded: Recorded, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    password = "canary-7f3a9c-of-ada"
    signed_in.accounts["ada"].password = password
    monkeypatch.setenv("OMERO_PASSWORD", password)
    command = [sys.executable, "-m", "filiation", "omero", "register", recorded.run.id]
    with watched_command_lines(password.encode()) as seen:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not seen
    keys = [str(row["uuid"]) for row in signed_in.store.rows("Session")]
    kept = [*(path.read_bytes() for path in recorded.folder.rglob("*") if path.is_file())]
    kept += [repr(row.values).encode() for kind in KINDS for row in signed_in.store.rows(kind)]
    kept += [(done.stdout + done.stderr).encode()]
    assert keys
    assert not [secret for secret in (password, *keys) for content in kept if secret.encode() in content]


@pytest.mark.slow
def test_a_killed_call_leaves_what_the_next_completes(recorded: Recorded, call: Call, signed_in: OmeroServer):
    signed_in.faults.hold_at_write = 5
    writer = subprocess.Popen([sys.executable, "-m", "filiation", "omero", "register", recorded.run.id])
    assert signed_in.faults.held.wait(60)
    writer.kill()
    writer.wait()
    signed_in.faults.let_go.set()
    signed_in.faults.clear()
    assert on_the_server(signed_in)
    assert filiation.open(recorded.folder).show(recorded.run.id).registrations == ()

    done = call("omero", "register", recorded.run.id[:8])

    assert done.exit_code == 0, done.output
    assert outcomes(call, recorded.run.id[:8]) == ["there already"] * 5
    found = filiation.open(recorded.folder).show(recorded.run.id).registrations
    assert any(thing.name.startswith("found after a break") for each in found for thing in each.there)
    assert call("omero", "register", recorded.run.id[:8], "--undo").exit_code == 0
    assert on_the_server(signed_in) == set()


@pytest.mark.slow
def test_a_file_that_arrives_otherwise_is_removed_and_told(recorded: Recorded, call: Call, signed_in: OmeroServer):
    signed_in.faults.short_writes = True

    broken = call("omero", "register", recorded.run.id[:8])

    assert broken.exit_code == 12
    assert "kept ro-crate-metadata.json otherwise than it was sent" in broken.stderr
    signed_in.faults.clear()
    assert sorted(outcomes(call, recorded.run.id[:8])) == ["there already"] * 4 + ["written"]
    assert sum(1 for _ in signed_in.store.rows("OriginalFile")) == 3


@pytest.mark.slow
def test_a_table_that_was_changed_since_is_left_out_and_told(recorded: Recorded, call: Call):
    (recorded.folder / "results/1/measurements.parquet").write_bytes(b"something else")
    (recorded.folder / "results/2/measurements.parquet").unlink()

    done = call("omero", "register", recorded.run.id[:8])

    assert done.exit_code == 0, done.output
    assert "measurements.parquet: not available: what is at" in done.stdout
    assert "measurements.parquet: not available: it is no longer at" in done.stdout


@pytest.mark.slow
def test_several_runs_go_on_where_one_cannot(recorded: Recorded, call: Call, signed_in: OmeroServer):
    second = segmented(recorded.folder, recorded.images[:1], number=2)
    second.write(recorded.folder / ".filiation/crates")

    done = call("omero", "register", "00000001", "0badc0de", "00000002", "--no-tables", "--no-crate")

    assert done.exit_code == 3
    assert done.stdout.count("pairs: written") == 3
    assert "0badc0de" in done.stderr
    assert call("omero", "register", "00000002", "--undo").exit_code == 0
    assert {dict_of(row)["run"] for row in signed_in.store.rows("MapAnnotation")} == {recorded.run.id}


def dict_of(row: Any) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in row["mapValue"]}


@pytest.mark.slow
def test_who_may_only_read_is_told_that_all_is_there(
    recorded: Recorded, call: Call, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    from filiation.images.omero.connection import close_all

    call("omero", "register", recorded.run.id[:8])
    signed_in.set_permissions("lab", READ_ONLY)
    signed_in.add_user("bob", "bob-password")
    monkeypatch.setenv("OMERO_USER", "bob")
    monkeypatch.setenv("OMERO_PASSWORD", "bob-password")
    close_all()

    assert outcomes(call, recorded.run.id[:8]) == ["there already"] * 5
    assert call("omero", "register", recorded.run.id[:8], "--replace").exit_code == 11


@pytest.mark.slow
def test_renewing_that_breaks_off_is_completed(recorded: Recorded, call: Call, signed_in: OmeroServer):
    call("omero", "register", recorded.run.id[:8])
    signed_in.faults.writes, signed_in.faults.drop_connection_at_write = 0, 3
    assert call("omero", "register", recorded.run.id[:8], "--replace").exit_code == 12
    signed_in.faults.clear()

    assert set(outcomes(call, recorded.run.id[:8])) == {"there already", "written"}
    assert outcomes(call, recorded.run.id[:8]) == ["there already"] * 5
    call("omero", "register", recorded.run.id[:8], "--undo")
    assert on_the_server(signed_in) == set()


def test_a_job_of_no_recorded_run_is_told_how_to_register(monkeypatch: pytest.MonkeyPatch):
    from filiation.errors import BadInputError
    from filiation.publish import register_within_a_run

    monkeypatch.delenv("FILIATION_STEP_FOLDER", raising=False)
    with pytest.raises(BadInputError, match="run Snakemake with --logger filiation"):
        register_within_a_run([Path("labels.ome.zarr")])


@pytest.mark.slow
def test_a_run_without_images_of_a_server_is_told_so(here_with_nothing: str, call: Call):
    done = call("omero", "register", here_with_nothing)

    assert done.exit_code == 3
    assert "No label image or table that run 00000001 made descends from an image on an OMERO server" in done.stderr


@pytest.fixture
def here_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    run = CrateBuilder(tmp_path)
    run.job("copy", ("skimage:cell",), {"labels.zarr": {"zarr.json": "{}"}}, kinds={"labels.zarr": "label image"})
    run.write(tmp_path / ".filiation/crates")
    monkeypatch.chdir(tmp_path)
    return run.id[:8]


@pytest.mark.slow
def test_no_password_and_no_key_gets_to_the_server_or_into_the_record(
    recorded: Recorded, call: Call, signed_in: OmeroServer
):
    done = call("omero", "register", recorded.run.id[:8], "--json")
    undone = call("omero", "register", recorded.run.id[:8], "--undo")

    assert (done.exit_code, undone.exit_code) == (0, 0)
    secrets = {b"ada-password", *(str(row["uuid"]).encode() for row in signed_in.store.rows("Session"))}
    assert len(secrets) >= 2
    written = [path.read_bytes() for path in recorded.folder.rglob("*") if path.is_file()]
    told = [done.output.encode(), undone.output.encode()]
    kept = [repr(row.values).encode() for kind in KINDS for row in signed_in.store.rows(kind)]
    everything = [*written, *told, *kept, *map(bytes, signed_in.file_data.values())]
    assert not [secret for content in everything for secret in secrets if secret in content]
