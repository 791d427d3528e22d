"""Data that would run as code, or grow without end, when read: stores with pickles, XML with entities."""

from __future__ import annotations

import ast
import json
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from click.testing import Result

import filiation
from filiation.catalogue.policy import _strict_loader
from filiation.errors import BadInputError, FiliationError, InvalidCrateError
from filiation.images import check_store, open_source, read_image, read_labels
from filiation.images.files import read_tiff
from filiation.incoming.prov_documents import read_prov
from filiation.incoming.recognition import Form, form_of

SOURCES = Path(filiation.__file__).parents[1]


class Evil:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.mark),)


def store_of_objects(path: Path, array: dict[str, object], mark: Path) -> Path:
    """Write an OME-Zarr 0.4 label image whose one chunk is a pickle."""
    (path / "0" / "0").mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    axes = [{"name": name, "type": "space"} for name in "yx"]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}
    block = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": [level]}], "image-label": {"version": "0.4"}}
    (path / ".zattrs").write_text(json.dumps(block))
    (path / "0" / ".zarray").write_text(
        json.dumps({"zarr_format": 2, "shape": [2, 2], "chunks": [2, 2], "order": "C", "compressor": None,
                    "dimension_separator": "/", "fill_value": None, "filters": None} | array)
    )  # fmt: skip
    (path / "0" / "0" / "0").write_bytes(pickle.dumps([Evil(mark)] * 4))
    return path


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "|O", "filters": [{"id": "pickle", "protocol": 5}]},
        {"dtype": "|O", "compressor": {"id": "pickle", "protocol": 5}},
        {"dtype": "|u1", "filters": [{"id": "pickle", "protocol": 5}], "fill_value": 0},
        {"dtype": "|O"},
        {"dtype": [["a", "|O"]], "filters": [{"id": "pickle"}]},
        {"dtype": "|O", "filters": [{"id": "vlen-utf8"}]},
    ],
    ids=["as objects", "as a compressor", "as numbers", "without a codec", "within a record", "as texts"],
)
def test_a_store_of_pickled_objects_is_refused_and_nothing_in_it_runs(tmp_path: Path, array: dict[str, object]) -> None:
    mark = tmp_path / "ran"
    store = store_of_objects(tmp_path / "evil.zarr", array, mark)
    for read in (read_image, read_labels, lambda path: open_source(str(path)).fetch()):
        with pytest.raises(BadInputError, match=r"expected numbers|malformed OME-Zarr metadata"):
            read(store)
    findings = check_store(store)
    assert findings
    assert not mark.exists()


def test_the_pickle_of_the_store_would_run_if_it_were_read(tmp_path: Path) -> None:
    store = store_of_objects(tmp_path / "evil.zarr", {"dtype": "|O"}, tmp_path / "ran")
    pickle.loads((store / "0" / "0" / "0").read_bytes())[:1]
    assert (tmp_path / "ran").exists()


def calls(module: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


RUNS_WHAT_IT_READS = {
    "eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "marshal.loads",
    "marshal.load", "shelve.open", "os.system", "os.popen", "joblib.load", "dill.load", "dill.loads", "np.fromregex",
    "pd.read_pickle", "mktemp", "tempfile.mktemp",
}  # fmt: skip


@pytest.mark.slow
def test_nothing_in_the_code_runs_what_it_reads() -> None:
    found = []
    for module in SOURCES.rglob("*.py"):
        for name, call in calls(module):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            through_a_shell = isinstance(shell := given.get("shell"), ast.Constant) and shell.value is True
            unguarded = name in ("np.load", "numpy.load") and not (
                isinstance(allowed := given.get("allow_pickle"), ast.Constant) and allowed.value is False
            )
            if name in RUNS_WHAT_IT_READS or through_a_shell or unguarded:
                found.append(f"{module.relative_to(SOURCES)}:{call.lineno}: {name}")
    (strict,) = [place for place in found if place.endswith("yaml.load")]
    assert strict.startswith("filiation/catalogue/policy.py")
    assert issubclass(_strict_loader(), yaml.SafeLoader)
    assert found == [strict]
    assert len(list(SOURCES.rglob("*.py"))) > 300


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/hostname">]>'
ANOTHER = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY l9 "x">]>'


@pytest.mark.parametrize("head", [BOMB, OUTSIDE, ANOTHER], ids=["billion laughs", "a file", "another server"])
def test_xml_with_entities_is_refused_wherever_it_comes_from(
    head: str, tmp_path: Path, call: Callable[..., Result], here: Path, no_connection: list[object]
) -> None:
    ome = (
        f'{head}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="&l9;"><Pixels/></Image></OME>'
    )
    tifffile.imwrite(here / "evil.ome.tif", np.zeros((4, 4), "u1"), description=ome, metadata=None)
    with pytest.raises(BadInputError, match=r"evil\.ome\.tif"):
        read_tiff(here / "evil.ome.tif")
    prov = f'{head}<prov:document xmlns:prov="http://www.w3.org/ns/prov#"><prov:entity prov:id="&l9;"/></prov:document>'
    (here / "evil.provx").write_text(prov)
    with pytest.raises(FiliationError):
        read_prov(here / "evil.provx", Form.PROV_XML)
    rdf = f'{head}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Bag>&l9;</rdf:Bag></rdf:RDF>'
    for name, text in {"evil.rdf": rdf, "evil.xml": rdf, "evil.svg": f"{head}<svg>&l9;</svg>"}.items():
        (here / name).write_text(text)
        with pytest.raises(InvalidCrateError):
            form_of(here / name)
        done = call("ingest", name)
        assert done.exit_code == 4, done.output
        assert Path("/etc/hostname").read_text().strip() not in done.output.replace(str(here), "")
