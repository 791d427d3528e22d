"""The workflow run for real, once for all the tests here."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import anndata
import geopandas
import numpy as np
import pytest
import trimesh
import zarr
from ngio import open_ome_zarr_container
from ome_zarr_models.v05 import Image as ModelImage
from ome_zarr_models.v05 import ImageLabel as ModelLabel
from ome_zarr_models.v05 import Labels as ModelLabels
from PIL import Image as Picture

from filiation.digest import digest_tree
from filiation.images import check_store, image_facts, open_source, pixel_digest, read_labels, read_table
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.segmentation import agreement

pytestmark = pytest.mark.slow

Snakemake = Callable[..., subprocess.CompletedProcess[str]]

SAMPLES = ("tissue", "nuclei3d")


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, copy_workflow: Callable[[Path], Path], snakemake: Snakemake
) -> Path:
    folder = copy_workflow(tmp_path_factory.mktemp("run"))
    with (folder / "config" / "config.yaml").open("a") as config:
        config.write("outputs: {anndata: zarr, regions: true, meshes: {deviation: 0.25, formats: [ply, glb]}}\n")
    sheet = folder / "config" / "samples.tsv"
    header, tissue, volume = sheet.read_text().splitlines()
    sheet.write_text(f"{header}\tmeshes\n{tissue}\tfalse\n{volume}\t\n")
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stderr
    return folder / "results"


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_store_is_valid(results: Path, sample: str) -> None:
    here = results / sample
    ModelImage.from_zarr(zarr.open_group(here / "raw.ome.zarr", mode="r"))
    ModelLabel.from_zarr(zarr.open_group(here / "nuclei.ome.zarr", mode="r"))
    ModelImage.from_zarr(zarr.open_group(here / f"{sample}.ome.zarr", mode="r"))
    ModelLabels.from_zarr(zarr.open_group(here / f"{sample}.ome.zarr" / "labels", mode="r"))
    for store in ("raw", "nuclei", sample):
        assert check_store(here / f"{store}.ome.zarr") == ()


@pytest.mark.parametrize("sample", SAMPLES)
def test_ngio_reads_the_assembled_store(results: Path, sample: str) -> None:
    container = open_ome_zarr_container(results / sample / f"{sample}.ome.zarr", mode="r")
    labels = container.get_label("nuclei").get_as_numpy()
    table = container.get_feature_table("nuclei").dataframe
    assert np.array_equal(np.unique(labels)[1:], table.index)


@pytest.mark.parametrize("sample", SAMPLES)
def test_each_object_has_a_row_a_box_and_polygons_that_others_read(results: Path, sample: str) -> None:
    here = results / sample
    table = read_table(here / "measurements.parquet").to_pandas().set_index("label")
    container = open_ome_zarr_container(here / f"{sample}.ome.zarr", mode="r")
    assert container.list_tables() == ["nuclei", "nuclei_boxes"]
    features = container.get_feature_table("nuclei").dataframe
    assert features.equals(table[features.columns])
    labels = container.get_label("nuclei")
    for roi in container.get_masking_roi_table("nuclei_boxes").rois()[::40]:
        assert (labels.get_roi(roi) == roi.label).sum() == table["pixels"][roi.label]
    regions = geopandas.read_parquet(here / "regions.parquet")
    assert regions.geometry.is_valid.all()
    assert np.allclose(regions.geometry.area, regions["area"])
    assert regions.groupby("label")["pixels"].sum().equals(table["pixels"])
    data = anndata.read_zarr(here / "anndata" / "measurements.zarr")
    assert data.obs["label"].tolist() == table.index.tolist()
    assert np.array_equal(data[:, "mean_intensity"].X.ravel(), table["mean_intensity"])


def test_each_nucleus_of_the_volume_has_a_closed_mesh_of_nearly_its_volume(results: Path) -> None:
    here = results / "nuclei3d"
    told = read_table(here / "meshes.parquet").to_pandas().set_index("label")
    assert sorted(path.stem for path in (here / "meshes").glob("*.ply")) == sorted(map(str, told.index))
    assert (told["deviation"] <= 0.25).all()
    assert (told["voxels"] == read_table(here / "measurements.parquet").to_pandas().set_index("label")["pixels"]).all()
    for label, row in told.iterrows():
        mesh = trimesh.load_mesh(here / "meshes" / f"{label}.ply", process=False)
        assert mesh.is_watertight
        assert mesh.volume == pytest.approx(row["mesh_volume"], rel=1e-4)
        assert mesh.volume == pytest.approx(row["voxel_volume"], rel=0.06)
    assert not (results / "tissue" / "meshes").exists()


def test_the_label_image_leads_to_its_source(results: Path) -> None:
    facts = image_facts(results / "tissue" / "nuclei.ome.zarr")
    assert (facts.axes, facts.shape, facts.dtype, facts.source) == (("y", "x"), (512, 512), "uint32", "../raw.ome.zarr")


def test_the_pixels_of_the_raw_image_are_those_of_its_source(results: Path) -> None:
    source = open_source("synthetic:nuclei3d?seed=7&shape=24,160,160")
    assert pixel_digest(results / "nuclei3d" / "raw.ome.zarr") == source.identify().pixels


def test_the_volume_is_segmented_as_it_truly_is(results: Path) -> None:
    _, truth = nuclei3d(Nuclei3D(seed=7, shape=(24, 160, 160)))
    found = agreement(truth.data, read_labels(results / "nuclei3d" / "nuclei.ome.zarr").data)
    assert found.f1 >= 0.9
    assert found.aji >= 0.75


def test_the_tissue_has_a_plausible_number_of_nuclei(results: Path) -> None:
    table = read_table(results / "tissue" / "measurements.parquet")
    assert 270 <= table.num_rows <= 380
    assert table.column_names[:3] == ["label", "pixels", "area"]


def test_the_overlay_is_a_picture_large_enough_to_look_at(results: Path) -> None:
    with Picture.open(results / "tissue" / "overlay.png") as picture:
        assert (picture.size, picture.mode) == ((1024, 1024), "RGB")


def test_another_setting_makes_other_labels_and_leaves_the_raw_image_alone(results: Path, snakemake: Snakemake) -> None:
    raw = results / "tissue" / "raw.ome.zarr"
    before = digest_tree(raw), digest_tree(results / "tissue" / "nuclei.ome.zarr")
    wanted = "results/tissue/tissue.ome.zarr"
    settings = json.dumps({"sigma": 2.5})
    done = snakemake(results.parent, "--cores", "2", wanted, "--config", f"segmentation={settings}")
    assert done.returncode == 0, done.stderr
    assert "rule fetch" not in done.stderr
    assert digest_tree(raw) == before[0]
    assert digest_tree(results / "tissue" / "nuclei.ome.zarr") != before[1]


def test_the_label_image_says_of_each_object_its_colour_and_size(results: Path) -> None:
    block = json.loads((results / "tissue/nuclei.ome.zarr/zarr.json").read_text())["attributes"]["ome"]["image-label"]
    labels = read_labels(results / "tissue/nuclei.ome.zarr")
    assert [row["label-value"] for row in block["colors"]] == list(labels.values)
    assert {row["label-value"]: row["pixels"] for row in block["properties"]} == {
        value: int((labels.data == value).sum()) for value in labels.values
    }
